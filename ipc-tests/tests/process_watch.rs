//! Latest-value cells between separately started programs.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{
    ChangedError, ChangedTimeoutError, Fault, ObjectErrorKind, Region, TryChangedError, TryWriteError,
    WaitTimeoutError, Watch, WriteError, WriteTimeoutError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[
    ("write_on", write_on),
    ("update", update),
    ("read_on", read_on),
    ("follow", follow),
    ("begin", begin),
    ("last_writer", last_writer),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Large enough that a copy takes a while.
type Sample = [u64; 64];

fn open(args: &Args) -> Watch<Sample> {
    Region::open(&args.get("name")).unwrap().watch("sample").open().unwrap()
}

fn create(name: &TempName) -> Watch<Sample> {
    Region::create(name.as_str()).unwrap().watch("sample").initial([0; 64]).create().unwrap()
}

fn whole(sample: Sample) -> u64 {
    assert!(sample.iter().all(|word| *word == sample[0]), "a torn value: {sample:?}");
    sample[0]
}

fn write_on(args: &Args) {
    let watch = open(args);
    children::say("going");
    loop {
        watch.update(|sample| sample.map(|word| word + 1)).unwrap();
    }
}

/// Reads until it is told that nobody writes any more, and says the last version.
fn read_on(args: &Args) {
    let watch = open(args);
    let region = watch.region();
    let over = region.event("over").open().unwrap();
    children::say("going");
    let (mut last, mut reads) = (0, 0_u64);
    loop {
        let over = over.is_set();
        let now = watch.get_versioned().unwrap();
        assert!(now.version >= last, "version {last}, then {}", now.version);
        assert_eq!(whole(now.value), now.version, "a value of another version");
        last = now.version;
        reads += 1;
        if over {
            break;
        }
    }
    assert!(reads > 1);
    children::say(&last.to_string());
}

/// A writer is killed thirty times in full swing. What the readers in two processes get is whole, of its own version, and never
/// older than before; no update is lost or done twice; and the next writer goes on at once.
#[test]
fn writers_die() {
    let _watchdog = Watchdog::new(LIMIT, "writers_die");
    let name = TempName::new("writers");
    let watch = create(&name);
    let over = watch.region().event("over").create().unwrap();
    let mut readers = [(); 2].map(|()| children::spawn("read_on", &[("name", name.as_str())]));
    readers.iter_mut().for_each(|reader| reader.expect("going"));
    for _ in 0..30 {
        let before = watch.version().unwrap();
        let mut writer = children::spawn("write_on", &[("name", name.as_str())]);
        writer.expect("going");
        watch.wait_until(|sample| sample[0] > before + 100).unwrap();
        writer.sigkill();
        let version = watch.version().unwrap();
        let value = watch.update(|sample| sample.map(|word| word + 1)).unwrap();
        assert!(whole(value) >= version);
    }
    over.set().unwrap();
    let last = watch.get_versioned().unwrap();
    assert_eq!(whole(last.value), last.version);
    readers.iter_mut().for_each(|reader| reader.expect(&last.version.to_string()));
}

fn update(args: &Args) {
    let watch = open(args);
    for _ in 0..args.number("times") {
        watch.update(|sample| sample.map(|word| word + 1)).unwrap();
    }
}

/// Three processes update: no update is lost.
#[test]
fn several_writers() {
    let _watchdog = Watchdog::new(LIMIT, "several_writers");
    let name = TempName::new("several");
    let watch = create(&name);
    let args = [("name", name.as_str()), ("times", "3000")];
    let mut writers = [(); 3].map(|()| children::spawn("update", &args));
    assert!(writers.iter_mut().all(|writer| writer.wait().success()));
    let last = watch.get_versioned().unwrap();
    assert_eq!((whole(last.value), last.version), (9000, 9000));
}

/// Reads each change that it sees, and ends with the one that it is told.
fn follow(args: &Args) {
    let mut changes = open(args).subscribe().unwrap();
    children::say("following");
    loop {
        let value = whole(changes.changed().unwrap());
        if value == args.number("last") {
            break;
        }
    }
    children::say("seen");
}

/// A reader that is stopped, in the midst of reading or not, holds up nobody; and who waits for a change is woken.
#[test]
fn a_stopped_reader_holds_up_nobody() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_reader_holds_up_nobody");
    let name = TempName::new("stopped");
    let watch = create(&name);
    watch.region().event("over").create().unwrap();
    let mut stopped = children::spawn("read_on", &[("name", name.as_str())]);
    stopped.expect("going");
    let mut follower = children::spawn("follow", &[("name", name.as_str()), ("last", "5000")]);
    follower.expect("following");
    for round in 1..=5000 {
        if round % 50 == 0 {
            stopped.sigstop();
        }
        assert_eq!(watch.set([round; 64]), Ok(round));
        if round % 50 == 25 {
            stopped.sigcont();
        }
    }
    follower.expect("seen");
}

fn begin(args: &Args) {
    let watch = open(args);
    let _ = watch.update(|sample| {
        children::say("changing");
        let _ = children::hear();
        sample
    });
}

/// A writer that is stopped half-way: readers read, other writers wait, and when it is killed nothing has happened.
#[test]
fn a_stopped_writer_then_a_dead_one() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_writer_then_a_dead_one");
    let name = TempName::new("half-way");
    let watch = create(&name);
    let mut writer = children::spawn("begin", &[("name", name.as_str())]);
    writer.expect("changing");
    writer.sigstop();
    assert_eq!(watch.get(), Ok([0; 64]));
    assert!(matches!(watch.set_timeout([1; 64], Duration::from_millis(30)), Err(WriteTimeoutError::Timeout)));
    let soon = || Instant::now() + Duration::from_millis(5);
    let never = |_: Sample| -> Sample { panic!("it is another one's turn") };
    assert_eq!(watch.try_set([1; 64]), Err(TryWriteError::WouldBlock));
    assert_eq!(watch.set_deadline([1; 64], soon()), Err(WriteTimeoutError::Timeout));
    assert_eq!(watch.try_update(never), Err(TryWriteError::WouldBlock));
    assert_eq!(watch.update_timeout(Duration::from_millis(5), never), Err(WriteTimeoutError::Timeout));
    assert_eq!(watch.update_deadline(soon(), never), Err(WriteTimeoutError::Timeout));
    writer.sigkill();
    assert_eq!(watch.try_set([2; 64]), Ok(1));
    assert_eq!(watch.get(), Ok([2; 64]));
    assert_eq!(watch.try_update(|_| [3; 64]), Ok([2; 64]));
    assert_eq!(watch.update_timeout(Duration::ZERO, |_| [4; 64]), Ok([3; 64]));
    assert_eq!(watch.update_deadline(Instant::now(), |_| [5; 64]), Ok([4; 64]));
    assert_eq!(watch.set_deadline([6; 64], Instant::now()), Ok(5));
}

/// A process that may only read the region reads the cell.
#[test]
fn reading_only() {
    let name = TempName::new("read-only");
    let watch = create(&name);
    watch.set([4; 64]).unwrap();
    let region = Region::open_read_only(name.as_str()).unwrap();
    let reader = region.watch::<Sample>("sample").open().unwrap();
    let now = reader.get_versioned().unwrap();
    assert_eq!((now.value, now.version), ([4; 64], 1));
    watch.set([5; 64]).unwrap();
    assert_eq!((reader.get(), reader.version()), (Ok([5; 64]), Ok(2)));
    let error = region.watch::<[u64; 2]>("sample").any_type().open().unwrap_err();
    assert_eq!(error.to_string(), "watch \"sample\": element size 16 here, 512 in the region");
    assert!(region.watch::<Sample>("other").open().unwrap_err().is_not_found());
    let error = region.watch::<Sample>("sample").schema(3).open().unwrap_err();
    assert_eq!(error.to_string(), "watch \"sample\": schema 3 here, 0 in the region");
}

/// A child that a closure makes by `fork` changes nothing, and the parent goes on.
#[test]
fn a_closure_forks() {
    let region = Region::options().anonymous().unwrap();
    let watch = region.watch("watch").initial(1_u64).create().unwrap();
    let mut child = -1;
    let before = watch.update(|value| {
        // SAFETY: the child runs nothing but this library and ends with _exit.
        child = unsafe { libc::fork() };
        value + 1
    });
    if child == 0 {
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(before != Err(WriteError::Fault(Fault::Forked)))) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!((status, before), (0, Ok(1)));
    assert_eq!(watch.set(5), Ok(2));
}

/// The value of a new cell has to be said, and only by its creator.
#[test]
fn a_new_cell_needs_a_value() {
    let name = TempName::new("no-value");
    let region = Region::create(name.as_str()).unwrap();
    for error in
        [region.watch::<u32>("w").create().unwrap_err(), region.watch::<u32>("w").open_or_create().unwrap_err()]
    {
        assert_eq!(error.kind(), &ObjectErrorKind::NoInitialValue);
        assert_eq!(error.to_string(), "watch \"w\": not there yet, and its initial value was not said");
    }
    assert!(region.watch::<u32>("w").open().unwrap_err().is_not_found(), "the errors left nothing behind");
    region.watch("w").initial(7_u32).create().unwrap();
    assert_eq!(region.watch::<u32>("w").open_or_create().unwrap().get(), Ok(7));
    assert_eq!(region.watch("w").initial(8_u32).open_or_create().unwrap().get(), Ok(7), "it keeps its own value");
}

fn last_writer(args: &Args) {
    let watch = open(args);
    let writer = watch.writer().unwrap();
    writer.set([1; 64]).unwrap();
    children::say("writing");
    while children::hear() == "again" {
        writer.set([2; 64]).unwrap();
        children::say("done");
    }
}

/// Readers get the last value, and then learn that the last counted writer is gone: it dropped its handle, or was killed. Before
/// there was one, and while one lives, they wait.
#[test]
fn the_last_writer_is_gone() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_writer_is_gone");
    let soon = Duration::from_millis(5);
    for kill in [false, true] {
        let name = TempName::new("last");
        let watch = create(&name);
        let mut reader = watch.subscribe().unwrap();
        assert_eq!(reader.changed_timeout(soon), Err(ChangedTimeoutError::Timeout));
        let mut writer = children::spawn("last_writer", &[("name", name.as_str())]);
        writer.expect("writing");
        assert_eq!(reader.changed(), Ok([1; 64]));
        assert_eq!(reader.changed_deadline(Instant::now() + soon), Err(ChangedTimeoutError::Timeout));
        assert_eq!(reader.try_changed(), Err(TryChangedError::Unchanged));
        assert!(!reader.is_disconnected());
        writer.say("again");
        writer.expect("done");
        let waiting = std::thread::spawn({
            let mut reader = reader.clone();
            move || (reader.by_ref().map(|value| value[0]).collect::<Vec<_>>(), reader.end())
        });
        if kill {
            writer.sigkill();
        } else {
            writer.say("enough");
            writer.wait();
        }
        assert_eq!(waiting.join().unwrap(), (vec![2], Some(ChangedError::Disconnected)));
        // A value that was not seen comes first.
        assert_eq!(reader.changed_timeout(soon), Ok([2; 64]));
        assert_eq!(reader.changed_timeout(LIMIT), Err(ChangedTimeoutError::Disconnected));
        assert_eq!((reader.try_changed(), reader.is_disconnected()), (Err(TryChangedError::Disconnected), true));
        // Handles that are not counted go on, and a new writer makes the readers wait again.
        watch.set([3; 64]).unwrap();
        assert_eq!(reader.changed(), Ok([3; 64]));
        let _writer = watch.writer().unwrap();
        assert_eq!(reader.changed_timeout(soon), Err(ChangedTimeoutError::Timeout));
    }
}

/// Versions, waiting, subscriptions, and an update inside of an update.
#[test]
fn versions_and_waits() {
    let region = Region::options().anonymous().unwrap();
    let watch = region.watch("w").initial(10_u32).create().unwrap();
    let soon = Duration::from_millis(5);
    assert_eq!((watch.version(), watch.get()), (Ok(0), Ok(10)));
    assert_eq!(watch.wait_for_change_timeout(0, soon).map(|now| now.value), Err(WaitTimeoutError::Timeout));
    assert_eq!(watch.update(|value| value + 1), Ok(10));
    assert_eq!(watch.wait_for_change(0).map(|now| (now.value, now.version)), Ok((11, 1)));
    assert_eq!(watch.wait_until(|value| *value > 10), Ok(11));
    let mut changes = watch.subscribe().unwrap();
    assert_eq!((changes.has_changed(), changes.try_changed()), (Ok(false), Err(TryChangedError::Unchanged)));
    assert_eq!(changes.changed_timeout(soon), Err(ChangedTimeoutError::Timeout));
    watch.set(12).unwrap();
    watch.set(13).unwrap();
    assert_eq!((changes.has_changed(), changes.changed(), changes.has_changed()), (Ok(true), Ok(13), Ok(false)));
    watch.set(13).unwrap();
    assert_eq!((changes.try_changed(), changes.try_changed()), (Ok(13), Err(TryChangedError::Unchanged)));
    let nested = watch.update(|value| match watch.set(99) {
        Err(WriteError::Deadlock) => value + 1,
        other => panic!("{other:?}"),
    });
    assert_eq!((nested, watch.get()), (Ok(13), Ok(14)));
    let panicked = std::thread::spawn({
        let watch = watch.clone();
        move || watch.update(|_| std::panic::resume_unwind(Box::new("on purpose")))
    });
    assert!(panicked.join().is_err());
    assert_eq!(watch.update(|value| value), Ok(14));
}

/// After fork, the child's handle answers with an error.
#[test]
fn a_forked_handle_says_so() {
    let region = Region::options().anonymous().unwrap();
    let watch = region.watch("w").initial(10_u32).create().unwrap();
    let (mut reader, writer) = (watch.subscribe().unwrap(), watch.writer().unwrap());
    assert!(children::holds_after_fork(|| {
        watch.get() == Err(Fault::Forked)
            && reader.changed() == Err(ChangedError::Fault(Fault::Forked))
            && writer.set(1) == Err(WriteError::Fault(Fault::Forked))
            && watch.writer().map(drop) == Err(Fault::Forked)
            && watch.set(1) == Err(WriteError::Fault(Fault::Forked))
            && watch.update(|value| value) == Err(WriteError::Fault(Fault::Forked))
            && watch.subscribe().map(drop) == Err(Fault::Forked)
            && watch.version() == Err(Fault::Forked)
    }));
    assert_eq!(watch.get(), Ok(10));
}
