//! A timer whose signals interrupt one thread a thousand times a second, for tests of what blocks.

use std::mem::zeroed;

/// Interrupts the thread that made it until it is dropped. It cannot be sent to another thread.
#[derive(Debug)]
pub struct Disturbance {
    timer: libc::timer_t,
}

/// How the interrupted system call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The kernel restarts it where it can (`SA_RESTART`).
    Restart,
    /// It fails with `EINTR`.
    Interrupted,
}

extern "C" fn nothing(_: libc::c_int) {}

impl Disturbance {
    /// Begins. The two ways use a signal each, so that both can run in one process.
    ///
    /// # Panics
    ///
    /// When there is no such timer.
    #[must_use]
    pub fn new(after: After) -> Self {
        let (signal, flags) = match after {
            After::Restart => (libc::SIGRTMIN() + 4, libc::SA_RESTART),
            After::Interrupted => (libc::SIGRTMIN() + 5, 0),
        };
        // SAFETY: all zeroes is an action; the handler does nothing.
        let installed = unsafe {
            let mut action: libc::sigaction = zeroed();
            action.sa_sigaction = nothing as *const () as usize;
            action.sa_flags = flags;
            libc::sigaction(signal, &action, std::ptr::null_mut())
        };
        assert_eq!(installed, 0, "sigaction: {}", std::io::Error::last_os_error());
        let every = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        let timer_spec = libc::itimerspec { it_interval: every, it_value: every };
        // SAFETY: all zeroes is an event; the thread is the caller, and there is room for the timer.
        let timer = unsafe {
            let mut event: libc::sigevent = zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = signal;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer: libc::timer_t = zeroed();
            let made = libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer);
            assert_eq!(made, 0, "timer_create: {}", std::io::Error::last_os_error());
            assert_eq!(libc::timer_settime(timer, 0, &timer_spec, std::ptr::null_mut()), 0);
            timer
        };
        Disturbance { timer }
    }
}

impl Drop for Disturbance {
    fn drop(&mut self) {
        // SAFETY: our own timer, deleted once.
        unsafe { libc::timer_delete(self.timer) };
    }
}
