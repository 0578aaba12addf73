//! A periodic signal to the tracing thread, so that a `waitpid` for a blocked victim returns.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Once;
use std::time::Duration;

/// A timer of the thread that made it; silent until armed.
#[derive(Debug)]
pub(super) struct Ticks {
    timer: libc::timer_t,
}

impl Ticks {
    pub(super) fn new() -> io::Result<Self> {
        install_handler();
        // SAFETY: sigevent is plain data for which all zeroes is a value.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = signal();
        // SAFETY: no arguments, no memory.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        let mut timer = MaybeUninit::<libc::timer_t>::uninit();
        // SAFETY: both pointers are valid for the call.
        let done = unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, timer.as_mut_ptr()) };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so it wrote the timer.
        let timer = unsafe { timer.assume_init() };
        Ok(Self { timer })
    }

    /// Ticks every `period` until [`Self::disarm`].
    pub(super) fn arm(&self, period: Duration) {
        self.set(period.max(Duration::from_millis(1)));
    }

    pub(super) fn disarm(&self) {
        self.set(Duration::ZERO);
    }

    fn set(&self, period: Duration) {
        let time = libc::timespec {
            tv_sec: libc::time_t::try_from(period.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(period.subsec_nanos()),
        };
        let spec = libc::itimerspec { it_interval: time, it_value: time };
        // SAFETY: the timer lives until drop, and the specification is valid for the call.
        let done = unsafe { libc::timer_settime(self.timer, 0, &spec, std::ptr::null_mut()) };
        debug_assert_eq!(done, 0, "a live timer and a normal period");
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        // SAFETY: the timer is ours and nothing uses it after this.
        unsafe { libc::timer_delete(self.timer) };
    }
}

/// A real-time signal, which neither std nor the test runner uses.
fn signal() -> libc::c_int {
    libc::SIGRTMIN() + 3
}

fn install_handler() {
    extern "C" fn nothing(_signal: libc::c_int) {}

    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: sigaction is plain data for which all zeroes is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // No SA_RESTART: that waitpid is interrupted is the purpose.
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // SAFETY: the handler does nothing, so it may run anywhere.
        let done = unsafe { libc::sigaction(signal(), &action, std::ptr::null_mut()) };
        assert_eq!(done, 0, "a handler for a real-time signal");
    });
}
