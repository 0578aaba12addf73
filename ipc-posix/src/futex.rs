//! Shared futexes: sleeping on a word that several processes map.
//!
//! `std` and most crates pass `FUTEX_PRIVATE_FLAG`, which works among the threads of one process only. These
//! functions do not. They are what the library itself sleeps on, offered for words of your own.

use std::time::Duration;

use ipc_core::platform::WaitOutcome;
use ipc_core::sync::AtomicU32;

/// Sleeps while `word` holds `expected`, at most `timeout` (monotonic). May return early: check the word again.
///
/// `futex(&word, FUTEX_WAIT, expected, &timeout)`, see futex(2). A signal counts as being woken.
///
/// ```
/// use ipc_posix::futex;
/// use ipc_core::{platform::WaitOutcome, sync::AtomicU32};
/// use std::time::Duration;
///
/// let word = AtomicU32::new(1);
/// assert_eq!(futex::wait(&word, 0, Duration::from_secs(1)), WaitOutcome::Changed);
/// assert_eq!(futex::wait(&word, 1, Duration::from_millis(1)), WaitOutcome::TimedOut);
/// ```
pub fn wait(word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: the word outlives the call and is aligned; the kernel only reads it and the timeout.
    outcome(unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, &timeout) })
}

/// What a wait has returned.
fn outcome(result: libc::c_long) -> WaitOutcome {
    if result == 0 {
        return WaitOutcome::Woken;
    }
    // SAFETY: always valid: this thread's errno.
    match unsafe { *libc::__errno_location() } {
        libc::EAGAIN => WaitOutcome::Changed,
        libc::ETIMEDOUT => WaitOutcome::TimedOut,
        _ => WaitOutcome::Woken,
    }
}

/// Wakes up to `count` sleepers on `word`, in every process, and returns how many were woken.
///
/// `futex(&word, FUTEX_WAKE, count)`, see futex(2).
///
/// ```
/// use ipc_core::sync::AtomicU32;
/// assert_eq!(ipc_posix::futex::wake(&AtomicU32::new(0), 1), 0);
/// ```
pub fn wake(word: &AtomicU32, count: u32) -> u32 {
    let count = count.min(i32::MAX as u32);
    // SAFETY: the word outlives the call; the kernel uses its address only.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
    u32::try_from(woken).unwrap_or(0)
}

/// Sleeps as [`wait`] does, in the lanes of a mask that is not 0. All lanes of a word are one queue, first in, first out: a sleeper keeps
/// its place until it is woken or its time is over.
///
/// `futex(&word, FUTEX_WAIT_BITSET, expected, &end, _, lanes)`, see futex(2), where the end is an instant of the monotonic clock.
///
/// ```
/// use ipc_core::{platform::WaitOutcome, sync::AtomicU32};
/// use ipc_posix::futex;
/// use std::time::Duration;
///
/// let word = AtomicU32::new(1);
/// assert_eq!(futex::wait_in(&word, 0, Duration::from_secs(1), 0b10), WaitOutcome::Changed);
/// assert_eq!(futex::wait_in(&word, 1, Duration::from_millis(1), 0b10), WaitOutcome::TimedOut);
/// ```
pub fn wait_in(word: &AtomicU32, expected: u32, timeout: Duration, lanes: u32) -> WaitOutcome {
    let end = crate::clock::now().saturating_add(timeout).as_nanos();
    let end = libc::timespec {
        tv_sec: libc::time_t::try_from(end / 1_000_000_000).unwrap_or(libc::time_t::MAX),
        tv_nsec: (end % 1_000_000_000) as _,
    };
    let none = std::ptr::null::<u32>();
    // SAFETY: as in `wait`.
    outcome(unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT_BITSET, expected, &end, none, lanes)
    })
}

/// Wakes up to `count` of those who sleep in one of these lanes, in every process, longest sleepers first, and returns how many were
/// woken. [`wait`] sleeps in all lanes, and [`wake`] wakes sleepers of every lane.
///
/// `futex(&word, FUTEX_WAKE_BITSET, count, _, _, lanes)`, see futex(2).
///
/// ```
/// use ipc_core::{platform::WaitOutcome, sync::AtomicU32};
/// use ipc_posix::futex;
/// use std::time::Duration;
///
/// static WORD: AtomicU32 = AtomicU32::new(0);
/// let sleeper = std::thread::spawn(|| futex::wait_in(&WORD, 0, Duration::MAX, 0b10));
/// // Until it sleeps, there is nobody to wake.
/// while futex::wake_in(&WORD, 1, 0b110) == 0 {
///     assert_eq!(futex::wake_in(&WORD, 1, 0b001), 0, "another lane");
/// }
/// assert_eq!(sleeper.join().unwrap(), WaitOutcome::Woken);
/// ```
pub fn wake_in(word: &AtomicU32, count: u32, lanes: u32) -> u32 {
    let count = count.min(i32::MAX as u32);
    let none = std::ptr::null::<u32>();
    // SAFETY: as in `wake`.
    let woken =
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE_BITSET, count, none, none, lanes) };
    u32::try_from(woken).unwrap_or(0)
}
