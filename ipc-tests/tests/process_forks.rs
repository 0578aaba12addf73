//! Forks at moments at which the library is busy: the child can use regions, whatever another thread was doing, and so can other
//! libraries' fork handlers.

#![cfg(all(not(loom), target_os = "linux"))]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ipc_posix::Region;
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

/// A child that takes longer hangs, and is killed.
const HUNG: u32 = 20;

const ROLES: &[Role] = &[("first_opens", first_opens), ("handlers", handlers)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Whether what a forked child does comes true; it is killed if it hangs.
fn in_child(play: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs code that allocates, which this C library allows after a fork; it ends with _exit.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: plain numbers.
        unsafe { libc::alarm(HUNG) };
        let holds = play();
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(!holds)) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status == 0
}

/// Processes that have used no region yet fork while their second thread opens its first.
fn first_opens(args: &Args) {
    let name = args.get("region");
    for round in 0..args.number("rounds") {
        let well = in_child(|| {
            let stage = AtomicU32::new(0);
            std::thread::scope(|scope| {
                let opener = scope.spawn(|| {
                    stage.store(1, Ordering::SeqCst);
                    while stage.load(Ordering::SeqCst) < 2 {
                        std::hint::spin_loop();
                    }
                    Region::open(&name).is_ok()
                });
                while stage.load(Ordering::SeqCst) < 1 {
                    std::hint::spin_loop();
                }
                stage.store(2, Ordering::SeqCst);
                // At another moment each time.
                for _ in 0..round * 7919 % 40_000 {
                    std::hint::spin_loop();
                }
                let opens = in_child(|| Region::open(&name).is_ok());
                opener.join().is_ok_and(|opened| opened) && opens
            })
        });
        assert!(well, "round {round}: a forked child cannot open the region");
    }
}

/// Two threads' first opens and a fork at the same time leave a child that can open regions.
#[test]
fn a_fork_during_another_threads_first_open() {
    let _watchdog = Watchdog::new(LIMIT, "a_fork_during_another_threads_first_open");
    let name = TempName::new("fork-first");
    let _region = Region::create(name.as_str()).unwrap();
    let mut child = children::spawn("first_opens", &[("region", name.as_str()), ("rounds", "250")]);
    assert!(child.wait().success());
}

/// The fork handler that opens the region: none, the child's, or the parent's before the fork.
static OPENS_IN: AtomicU32 = AtomicU32::new(0);
const CHILD: u32 = 1;
const PREPARE: u32 = 2;

/// What came of it in the process that ran the handler, and the handle that it made.
static OPENED: AtomicU32 = AtomicU32::new(0);
static HANDLE: std::sync::Mutex<Option<Region>> = std::sync::Mutex::new(None);

fn open_in_handler(place: u32) {
    if OPENS_IN.load(Ordering::SeqCst) == place
        && let Ok(region) = Region::open(&std::env::var("HANDLERS_REGION").unwrap())
    {
        OPENED.store(place, Ordering::SeqCst);
        *HANDLE.lock().unwrap() = Some(region);
    }
}

extern "C" fn prepare() {
    open_in_handler(PREPARE);
}

extern "C" fn child() {
    open_in_handler(CHILD);
}

/// Registers fork handlers before or after the library's own, and forks. The region that a handler opens can be used where it was opened.
fn handlers(args: &Args) {
    // SAFETY: plain numbers. A fork that hangs is ended, too: by the alarm in the parent, by the group in the child.
    unsafe {
        libc::setpgid(0, 0);
        libc::alarm(HUNG);
    }
    let name = args.get("region");
    // SAFETY: before there is a second thread that reads the environment.
    unsafe { std::env::set_var("HANDLERS_REGION", &name) };
    // SAFETY: functions that live as long as the program.
    let register = || assert_eq!(unsafe { libc::pthread_atfork(Some(prepare), None, Some(child)) }, 0);
    let place = if args.get("place") == "child" { CHILD } else { PREPARE };
    let first = args.get("order") == "before";
    if first {
        register();
    }
    let region = Region::open(&name).unwrap();
    if !first {
        register();
    }
    OPENS_IN.store(place, Ordering::SeqCst);
    let well = in_child(|| {
        let opened = OPENED.load(Ordering::SeqCst) == place;
        let handle = HANDLE.lock().unwrap().take();
        // A fork of the child, and a further open, show that nothing stayed locked.
        opened
            && !region.is_usable()
            && handle.is_some_and(|handle| handle.is_usable() == (place == CHILD))
            && Region::open(&name).is_ok()
            && in_child(|| Region::open(&name).is_ok())
    });
    assert!(well && region.is_usable() && Region::open(&name).is_ok());
}

/// A fork handler of another library opens a region: before the fork and in the child, registered before and after ours.
#[test]
fn other_fork_handlers_open_regions() {
    let _watchdog = Watchdog::new(LIMIT, "other_fork_handlers_open_regions");
    let name = TempName::new("fork-handlers");
    let _region = Region::create(name.as_str()).unwrap();
    for place in ["child", "prepare"] {
        for order in ["before", "after"] {
            let args = [("region", name.as_str()), ("place", place), ("order", order)];
            let mut child = children::spawn("handlers", &args);
            let status = child.wait();
            let group = -libc::pid_t::try_from(child.pid()).unwrap();
            // SAFETY: no memory is passed. The role made its own group, of which there is nobody left if all went well.
            unsafe { libc::kill(group, libc::SIGKILL) };
            assert!(status.success(), "a {place} handler that was registered {order} the library's");
        }
    }
}
