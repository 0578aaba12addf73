//! Cells that are set once, between separately started programs.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{
    Fault, OnceCell, Region, SetError, SetTimeoutError, TrySetError, TryWriteError, WaitTimeoutError, WriteError,
    WriteTimeoutError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("get_or_init", get_or_init), ("begin", begin), ("wait", wait)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Large enough that half of it would show.
type Seed = [u64; 32];

fn open(args: &Args) -> (Region, OnceCell<Seed>) {
    let region = Region::open(&args.get("name")).unwrap();
    let cell = region.once_cell("seed").open().unwrap();
    (region, cell)
}

fn create(name: &TempName) -> (Region, OnceCell<Seed>) {
    let region = Region::create(name.as_str()).unwrap();
    let cell = region.once_cell("seed").create().unwrap();
    (region, cell)
}

fn whole(seed: Seed) -> u64 {
    assert!(seed.iter().all(|word| *word == seed[0]), "a torn value: {seed:?}");
    seed[0]
}

fn get_or_init(args: &Args) {
    let (region, cell) = open(args);
    let made = region.counter("made").open().unwrap();
    children::say("ready");
    assert_eq!(children::hear(), "go");
    let seed = cell
        .get_or_init(|| {
            made.fetch_add(1).unwrap();
            [u64::from(std::process::id()); 32]
        })
        .unwrap();
    assert_eq!(cell.get(), Ok(Some(seed)));
    children::say(&whole(seed).to_string());
}

/// Six processes at once: one of them makes the value, all get it.
#[test]
fn one_makes_it() {
    let _watchdog = Watchdog::new(LIMIT, "one_makes_it");
    for _ in 0..10 {
        let name = TempName::new("once");
        let (region, cell) = create(&name);
        let made = region.counter("made").create().unwrap();
        let mut children = [(); 6].map(|()| children::spawn("get_or_init", &[("name", name.as_str())]));
        children.iter_mut().for_each(|child| child.expect("ready"));
        children.iter_mut().for_each(|child| child.say("go"));
        let got = children.each_mut().map(children::Child::hear);
        assert_eq!(made.load(), Ok(1));
        let value = whole(cell.wait().unwrap()).to_string();
        assert!(got.iter().all(|seed| *seed == value));
        assert!(children.iter().any(|child| child.pid().to_string() == value));
    }
}

fn begin(args: &Args) {
    let (_region, cell) = open(args);
    let seed = cell.get_or_init(|| {
        children::say("making");
        assert_eq!(children::hear(), "go on");
        [7; 32]
    });
    children::say(&whole(seed.unwrap()).to_string());
}

/// The maker of the value is killed: the one that waits makes it. One that is stopped is waited for.
#[test]
fn the_maker_dies() {
    let _watchdog = Watchdog::new(LIMIT, "the_maker_dies");
    let name = TempName::new("maker");
    let (_region, cell) = create(&name);
    let mut maker = children::spawn("begin", &[("name", name.as_str())]);
    maker.expect("making");
    maker.sigstop();
    assert_eq!(cell.get(), Ok(None));
    assert_eq!(cell.wait_timeout(Duration::from_millis(30)), Err(WaitTimeoutError::Timeout));
    let next = std::thread::spawn({
        let cell = cell.clone();
        move || cell.get_or_init(|| [8; 32])
    });
    let mut third = children::spawn("wait", &[("name", name.as_str())]);
    third.expect("waiting");
    maker.sigkill();
    assert_eq!(whole(next.join().unwrap().unwrap()), 8);
    third.expect("8");
    assert!(matches!(cell.set([9; 32]), Err(SetError::AlreadySet(value)) if value == [9; 32]));
}

/// A maker that goes on after it was stopped has the last word: nobody has made another value meanwhile.
#[test]
fn a_stopped_maker_goes_on() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_maker_goes_on");
    let name = TempName::new("stopped");
    let (_region, cell) = create(&name);
    let mut maker = children::spawn("begin", &[("name", name.as_str())]);
    maker.expect("making");
    maker.sigstop();
    let next = std::thread::spawn({
        let cell = cell.clone();
        move || cell.get_or_init(|| [8; 32])
    });
    maker.say("go on");
    maker.sigcont();
    maker.expect("7");
    assert_eq!(whole(next.join().unwrap().unwrap()), 7);
}

/// While another process makes the value, each form of each call that would wait for it gives up, without calling its own maker;
/// when that process is dead, each would do.
#[test]
fn each_form_gives_up() {
    let _watchdog = Watchdog::new(LIMIT, "each_form_gives_up");
    let name = TempName::new("forms");
    let (_region, cell) = create(&name);
    let mut maker = children::spawn("begin", &[("name", name.as_str())]);
    maker.expect("making");
    maker.sigstop();
    let (value, soon) = ([1; 32], Duration::from_millis(5));
    let never = || -> Seed { panic!("it is another one's turn") };
    assert_eq!(cell.try_set(value), Err(TrySetError::WouldBlock(value)));
    assert_eq!(cell.set_timeout(value, soon), Err(SetTimeoutError::Timeout(value)));
    assert_eq!(cell.set_deadline(value, Instant::now() + soon), Err(SetTimeoutError::Timeout(value)));
    assert_eq!(cell.try_get_or_init(never), Err(TryWriteError::WouldBlock));
    assert_eq!(cell.get_or_init_timeout(soon, never), Err(WriteTimeoutError::Timeout));
    assert_eq!(cell.get_or_init_deadline(Instant::now() + soon, never), Err(WriteTimeoutError::Timeout));
    maker.sigkill();
    let failing = || Err::<Seed, _>(TryWriteError::Fault(Fault::InvalidValue));
    assert_eq!(cell.try_get_or_try_init(failing), Err(TryWriteError::Fault(Fault::InvalidValue)));
    assert_eq!(cell.try_set(value), Ok(()));
    assert_eq!(cell.try_set([2; 32]), Err(TrySetError::AlreadySet([2; 32])));
    assert_eq!(cell.set_timeout([2; 32], soon), Err(SetTimeoutError::AlreadySet([2; 32])));
    assert_eq!(cell.set_deadline([2; 32], Instant::now()), Err(SetTimeoutError::AlreadySet([2; 32])));
    assert_eq!(cell.try_get_or_init(never), Ok(value));
    assert_eq!(cell.get_or_init_timeout(Duration::ZERO, never), Ok(value));
    assert_eq!(cell.get_or_init_deadline(Instant::now(), never), Ok(value));
}

fn wait(args: &Args) {
    let (_region, cell) = open(args);
    children::say("waiting");
    children::say(&whole(cell.wait().unwrap()).to_string());
}

/// Those who wait are woken by the process that sets the cell.
#[test]
fn waiters_are_woken() {
    let _watchdog = Watchdog::new(LIMIT, "waiters_are_woken");
    let name = TempName::new("waiters");
    let (_region, cell) = create(&name);
    let mut waiters = [(); 3].map(|()| children::spawn("wait", &[("name", name.as_str())]));
    waiters.iter_mut().for_each(|waiter| waiter.expect("waiting"));
    cell.set([3; 32]).unwrap();
    waiters.iter_mut().for_each(|waiter| waiter.expect("3"));
    assert_eq!(cell.wait_deadline(Instant::now()), Ok([3; 32]));
}

/// A maker that panics or fails leaves the cell empty; one that asks for the cell itself is told.
#[test]
fn makers_that_fail() {
    let region = Region::options().anonymous().unwrap();
    let cell = region.once_cell::<u64>("c").create().unwrap();
    let panicking = cell.clone();
    let panicked = std::thread::spawn(move || {
        panicking.get_or_init(|| std::panic::resume_unwind(Box::new("on purpose"))).unwrap();
    });
    assert!(panicked.join().is_err());
    assert_eq!(cell.get(), Ok(None));

    #[derive(Debug, PartialEq)]
    enum Failure {
        Ours,
        Theirs(WriteError),
    }
    impl From<WriteError> for Failure {
        fn from(error: WriteError) -> Self {
            Failure::Theirs(error)
        }
    }
    assert_eq!(cell.get_or_try_init(|| Err::<u64, _>(Failure::Ours)), Err(Failure::Ours));
    let nested = cell.get_or_try_init(|| cell.get_or_init(|| 1).map_err(Failure::Theirs));
    assert_eq!(nested, Err(Failure::Theirs(WriteError::Deadlock)));
    assert!(!cell.is_set());
    let inside = cell.get_or_init(|| match cell.set(5) {
        Err(SetError::Deadlock(5)) => 6,
        other => panic!("{other:?}"),
    });
    assert_eq!((inside, cell.get()), (Ok(6), Ok(Some(6))));
}

/// After fork, the child's handle answers with an error.
#[test]
fn a_forked_handle_says_so() {
    let region = Region::options().anonymous().unwrap();
    let cell = region.once_cell::<u64>("c").create().unwrap();
    cell.set(1).unwrap();
    assert!(children::holds_after_fork(|| {
        cell.get() == Err(Fault::Forked)
            && cell.wait() == Err(Fault::Forked)
            && cell.set(2) == Err(SetError::Fault(2, Fault::Forked))
            && cell.get_or_init(|| 3) == Err(WriteError::Fault(Fault::Forked))
    }));
    assert_eq!(cell.get(), Ok(Some(1)));
}
