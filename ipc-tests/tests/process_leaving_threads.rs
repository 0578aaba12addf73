//! Locks in threads and processes that are on their way out: destructors of thread-locals, `atexit` handlers, forked children.

#![cfg(all(not(loom), target_os = "linux"))]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

use ipc_posix::{ReentrantMutex, ReentrantMutexGuard, Region};
use ipc_tests::children::{self, Args, Role};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[("exit", exit)];

/// More than there are numbers of threads.
const THREADS: u32 = (1 << 16) + 100;

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

static LOCK: OnceLock<ReentrantMutex<u64>> = OnceLock::new();

fn lock() -> &'static ReentrantMutex<u64> {
    LOCK.get_or_init(|| {
        let region = Region::options().anonymous().unwrap();
        region.reentrant_mutex("r").create().unwrap()
    })
}

/// Whether this thread can take the lock and take it again.
fn twice() -> bool {
    let first = lock().lock();
    first.is_ok() && lock().try_lock().is_ok()
}

/// Says at its end whether the lock could be taken twice there.
struct Twice(std::sync::mpsc::Sender<bool>);

impl Drop for Twice {
    fn drop(&mut self) {
        let _ = self.0.send(twice());
    }
}

thread_local! {
    static TWICE: RefCell<Option<Twice>> = const { RefCell::new(None) };
    static HOLDER: RefCell<Option<Holder>> = const { RefCell::new(None) };
}

/// A destructor of a thread-local takes a lock twice, whether the
/// thread used a lock before or after it made the thread-local.
#[test]
fn a_destructor_takes_the_lock_twice() {
    let _watchdog = Watchdog::new(LIMIT, "a_destructor_takes_the_lock_twice");
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for before in [true, false] {
        let (sender, results) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            if before {
                assert!(twice());
            }
            TWICE.set(Some(Twice(sender)));
            assert!(twice());
        });
        assert_eq!(results.recv(), Ok(true), "locked before the thread-local was made: {before}");
        thread.join().unwrap();
    }
}

/// A guard that lives in a thread-local until its thread ends.
struct Holder(ReentrantMutexGuard<'static, u64>);

static HOLDS: AtomicBool = AtomicBool::new(false);
static GO_ON: AtomicBool = AtomicBool::new(false);
/// One test at a time uses the lock.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

impl Drop for Holder {
    fn drop(&mut self) {
        HOLDS.store(true, Ordering::SeqCst);
        while !GO_ON.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        assert_eq!(self.0.get(), Ok(1));
    }
}

/// A thread that is in its destructors with a guard keeps its number: none of as many threads as there are numbers gets in.
#[test]
fn a_number_stays_with_its_thread_until_the_end() {
    let _watchdog = Watchdog::new(LIMIT, "a_number_stays_with_its_thread_until_the_end");
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let holder = std::thread::spawn(|| {
        // The thread-local is registered before the thread's first lock: what that registers goes before it.
        HOLDER.with(|holder| {
            let guard = lock().lock().unwrap();
            guard.set(1).unwrap();
            *holder.borrow_mut() = Some(Holder(guard));
        });
    });
    while !HOLDS.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let mut entered = 0;
    for number in 0..THREADS {
        let thread = std::thread::Builder::new().stack_size(32 << 10);
        let try_it = move || lock().try_lock().is_ok_and(|guard| guard.set(u64::from(number) + 1000).is_ok());
        entered += u32::from(thread.spawn(try_it).unwrap().join().unwrap());
    }
    GO_ON.store(true, Ordering::SeqCst);
    assert!(holder.join().is_ok(), "the holder has seen another's value");
    assert_eq!(entered, 0, "threads that entered a lock that was held");
}

/// The thread of a forked child keeps its number, too: none of the child's later threads gets the same.
#[test]
fn a_number_stays_with_a_forked_thread() {
    let _watchdog = Watchdog::new(LIMIT, "a_number_stays_with_a_forked_thread");
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(twice());
    assert!(children::holds_after_fork(|| {
        let region = Region::options().anonymous().unwrap();
        let mutex = region.reentrant_mutex::<u64>("r").create().unwrap();
        let _guard = mutex.lock().unwrap();
        (0..THREADS).all(|_| {
            let thread = std::thread::Builder::new().stack_size(32 << 10);
            let mutex = mutex.clone();
            thread.spawn(move || mutex.try_lock().is_err()).unwrap().join().unwrap()
        })
    }));
}

extern "C" fn at_exit() {
    // SAFETY: no memory is passed.
    unsafe { libc::_exit(if twice() { 0 } else { 9 }) };
}

fn exit(_: &Args) {
    assert!(twice());
    // SAFETY: a plain function.
    assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
}

/// An `atexit` handler takes a lock twice.
#[test]
fn an_atexit_handler_takes_the_lock_twice() {
    let _watchdog = Watchdog::new(LIMIT, "an_atexit_handler_takes_the_lock_twice");
    assert_eq!(children::spawn("exit", &[]).wait().code(), Some(0));
}
