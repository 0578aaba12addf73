//! Latest-value cells of serde's types, between separately started programs.

#![cfg(not(loom))]

use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ipc_posix::{
    ChangedError, ChangedValueError, Error, Fault, GetValueError, ObjectKind, Region, TryWriteError,
    TryWriteValueError, ValueWatch, WaitValueTimeoutError, WriteError, WriteValueError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(1);

const ROLES: &[Role] = &[
    ("set_on", set_on),
    ("update_on", update_on),
    ("update", update),
    ("read_on", read_on),
    ("look_on", look_on),
    ("follow", follow),
    ("begin", begin),
    ("last_writer", last_writer),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Its number, and texts of a number and a length that belong to it.
type Sample = (u64, Vec<String>);

fn sample(number: u64) -> Sample {
    let len = number as usize % 97;
    (number, (0..number % 5).map(|text| format!("{number}-{text}-").repeat(len)).collect())
}

fn whole(sample_read: &Sample) -> u64 {
    assert_eq!(*sample_read, sample(sample_read.0), "a torn value");
    sample_read.0
}

fn open(args: &Args) -> ValueWatch<Sample> {
    Region::open(&args.get("name")).unwrap().value_watch("sample").open().unwrap()
}

fn create(name: &TempName) -> ValueWatch<Sample> {
    Region::create(name.as_str()).unwrap().value_watch("sample").initial(&sample(0)).max_len(10_000).create().unwrap()
}

fn next(sample_found: &mut Sample) {
    *sample_found = sample(whole(sample_found) + 1);
}

fn update_on(args: &Args) {
    let watch = open(args);
    children::say("going");
    loop {
        watch.update(next).unwrap();
    }
}

/// Sets the number of the version that comes next: it is alone.
fn set_on(args: &Args) {
    let watch = open(args);
    let mut version = watch.version().unwrap();
    children::say("going");
    loop {
        version += 1;
        assert_eq!(watch.set(&sample(version)).unwrap(), version);
    }
}

/// Reads until it is told that nobody writes any more, and says the last version.
fn follow_until_over(args: &Args, mut read: impl FnMut() -> (u64, u64)) {
    let over = Region::open(&args.get("name")).unwrap().event("over").open().unwrap();
    children::say("going");
    let (mut last, mut reads) = (0, 0_u64);
    loop {
        let over = over.is_set();
        let (version, number) = read();
        assert!(version >= last, "version {last}, then {version}");
        assert_eq!(number, version, "a value of another version");
        last = version;
        reads += 1;
        if over {
            break;
        }
    }
    assert!(reads > 1);
    children::say(&last.to_string());
}

fn read_on(args: &Args) {
    let watch = open(args);
    follow_until_over(args, || {
        let now = watch.get_versioned().unwrap();
        (now.version, whole(&now.value))
    });
}

/// As `read_on`, without the right to write.
fn look_on(args: &Args) {
    let region = Region::open_read_only(&args.get("name")).unwrap();
    let watch = region.value_watch::<Sample>("sample").open().unwrap();
    follow_until_over(args, || {
        let now = watch.get_versioned().unwrap();
        (now.version, whole(&now.value))
    });
}

/// Writers of both verbs are killed in full swing. What the readers in two processes get is whole, of its own version and length, and
/// never older than before; no update is lost or done twice; and the next writer goes on.
#[test]
fn writers_die() {
    let _watchdog = Watchdog::new(LIMIT, "writers_die");
    let name = TempName::new("value-writers");
    let watch = create(&name);
    let over = watch.region().event("over").create().unwrap();
    let mut readers = ["read_on", "look_on"].map(|role| children::spawn(role, &[("name", name.as_str())]));
    readers.iter_mut().for_each(|reader| reader.expect("going"));
    for round in 0..30 {
        let before = watch.version().unwrap();
        let role = if round % 2 == 0 { "set_on" } else { "update_on" };
        let mut writer = children::spawn(role, &[("name", name.as_str())]);
        writer.expect("going");
        watch.wait_until(|sample| sample.0 > before + 100).unwrap();
        writer.sigkill();
        let version = watch.version().unwrap();
        let value = watch.get().unwrap();
        assert!(whole(&value) >= version);
        watch.update(next).unwrap();
    }
    over.set().unwrap();
    let last = watch.get_versioned().unwrap();
    assert_eq!(whole(&last.value), last.version);
    readers.iter_mut().for_each(|reader| reader.expect(&last.version.to_string()));
}

fn update(args: &Args) {
    let watch = open(args);
    for _ in 0..args.number("times") {
        watch.update(next).unwrap();
    }
}

/// Three processes update: no update is lost.
#[test]
fn several_writers() {
    let _watchdog = Watchdog::new(LIMIT, "several_writers");
    let name = TempName::new("value-several");
    let watch = create(&name);
    let args = [("name", name.as_str()), ("times", "1000")];
    let mut writers = [(); 3].map(|()| children::spawn("update", &args));
    assert!(writers.iter_mut().all(|writer| writer.wait().success()));
    let last = watch.get_versioned().unwrap();
    assert_eq!((whole(&last.value), last.version), (3000, 3000));
}

/// Reads each change that it sees, and ends with the one that it is told.
fn follow(args: &Args) {
    let mut changes = open(args).subscribe().unwrap();
    children::say("following");
    while whole(&changes.changed().unwrap()) != args.number("last") {}
    children::say("seen");
}

/// A reader that is stopped, in the midst of reading or not, holds up nobody; and a waiter for a change is woken.
#[test]
fn a_stopped_reader_holds_up_nobody() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_reader_holds_up_nobody");
    let name = TempName::new("value-stopped");
    let watch = create(&name);
    let args = [("name", name.as_str()), ("last", "2000")];
    let mut stopped = children::spawn("follow", &args);
    let mut other = children::spawn("follow", &args);
    stopped.expect("following");
    other.expect("following");
    for number in 1..=2000 {
        if number == 1000 {
            stopped.sigstop();
        }
        watch.set(&sample(number)).unwrap();
    }
    other.expect("seen");
    stopped.sigcont();
    stopped.expect("seen");
}

fn begin(args: &Args) {
    let watch = open(args);
    let _ = watch.update(|_| {
        children::say("begun");
        let _ = children::hear();
    });
}

/// A writer in the middle of a change holds up writers, never readers. When it is killed, its change was not made.
#[test]
fn a_writer_dies_in_a_change() {
    let _watchdog = Watchdog::new(LIMIT, "a_writer_dies_in_a_change");
    let name = TempName::new("value-begun");
    let watch = create(&name);
    watch.set(&sample(1)).unwrap();
    let mut writer = children::spawn("begin", &[("name", name.as_str())]);
    writer.expect("begun");
    assert_eq!(watch.get().unwrap(), sample(1));
    assert_eq!(watch.try_set(&sample(2)), Err(TryWriteValueError::Lock(TryWriteError::WouldBlock)));
    assert!(watch.try_update(next).unwrap_err().would_block());
    assert!(watch.set_timeout(&sample(2), SHORT).unwrap_err().is_timeout());
    assert!(watch.update_timeout(SHORT, next).unwrap_err().is_timeout());
    writer.sigkill();
    assert_eq!(watch.set(&sample(2)).unwrap(), 2);
    watch.update(next).unwrap();
    assert_eq!(watch.get().unwrap(), sample(3));
}

fn last_writer(args: &Args) {
    let writer = open(args).writer().unwrap();
    writer.set(&sample(1)).unwrap();
    children::say("writing");
    let _ = children::hear();
}

/// A reader gets the last value, and then learns that the last counted writer was killed.
#[test]
fn the_last_writer_is_gone() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_writer_is_gone");
    let name = TempName::new("value-last");
    let watch = create(&name);
    let mut reader = watch.subscribe().unwrap();
    assert!(reader.try_changed().unwrap_err().is_unchanged());
    let mut writer = children::spawn("last_writer", &[("name", name.as_str())]);
    writer.expect("writing");
    assert_eq!(watch.stats().writers, 1);
    assert_eq!(reader.changed().unwrap(), sample(1));
    assert!(reader.changed_timeout(SHORT).unwrap_err().is_timeout());
    assert!(!reader.is_disconnected());
    writer.sigkill();
    assert_eq!(reader.changed(), Err(ChangedValueError::Cell(ChangedError::Disconnected)));
    assert!(reader.is_disconnected() && reader.try_changed().unwrap_err().is_disconnected());
    assert_eq!(reader.next(), None);
    assert!(reader.end().unwrap().is_disconnected());
}

#[test]
fn what_fails_changes_nothing() {
    let region = Region::options().anonymous().unwrap();
    let text = region.value_watch("text").initial(&"123".to_owned()).max_len(10).open_or_create().unwrap();
    assert_eq!((text.get().unwrap(), text.max_len()), ("123".to_owned(), 10));
    assert_eq!(text.set(&"123456789".to_owned()).unwrap(), 1);
    let error = text.set(&"1234567890".to_owned()).unwrap_err();
    assert_eq!(error.to_string(), "the value: it takes 11 bytes, where 10 fit (`max_len`)");
    assert!(text.try_set(&"1234567890".to_owned()).is_err());
    assert!(text.update(|text| text.push('0')).is_err());
    assert!(text.try_update(|text| text.push('0')).is_err());
    let panics = catch_unwind(AssertUnwindSafe(|| {
        text.update(|text| {
            text.clear();
            panic!("in the middle");
        })
    }));
    assert!(panics.is_err());
    let nested = text.update(|_| text.set(&String::new())).unwrap();
    assert_eq!(nested, Err(WriteValueError::Lock(WriteError::Deadlock)));
    assert_eq!(text.update(|text| text.len()).unwrap(), 9);
    let last = text.get_versioned().unwrap();
    assert_eq!((last.value.as_str(), last.version), ("123456789", 3));
}

/// A child that a closure makes by `fork` changes nothing, waits for nothing, and the parent goes on.
#[test]
fn a_closure_forks() {
    let region = Region::options().anonymous().unwrap();
    let text = region.value_watch("text").initial(&String::new()).create().unwrap();
    /// Ends the child, and says whether it was told what it is.
    fn join(child: i32, told: bool) {
        if child == 0 {
            // SAFETY: no memory is passed.
            unsafe { libc::_exit(i32::from(!told)) };
        }
        let mut status = 0;
        // SAFETY: room for the status; our own child.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
    }
    let mut child = -1;
    let changed = text.update(|text| {
        text.push_str("changed");
        // SAFETY: the child runs nothing but this library and ends with _exit.
        child = unsafe { libc::fork() };
    });
    join(child, changed == Err(Fault::Forked.into()));
    assert_eq!(changed, Ok(()));
    let waited = text.wait_until_timeout(SHORT, |_| {
        // SAFETY: as above.
        child = unsafe { libc::fork() };
        child != 0
    });
    join(child, waited == Err(Fault::Forked.into()));
    let now = text.get_versioned().unwrap();
    assert_eq!((now.value.as_str(), now.version, waited), ("changed", 1, Ok("changed".to_owned())));
    text.set(&String::new()).unwrap();
}

#[test]
fn both_sides_mean_the_same() {
    let region = Region::options().anonymous().unwrap();
    for error in [
        region.value_watch::<String>("text").create().unwrap_err(),
        region.value_watch::<String>("text").open_or_create().unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "value watch \"text\": not there yet, and its initial value was not said");
    }
    let error = region.value_watch("text").initial(&"1234567890".to_owned()).max_len(10).create().unwrap_err();
    let text = "value watch \"text\": its initial value takes 11 bytes, where 10 fit (`max_len`)";
    assert_eq!(error.to_string(), text);
    let huge = region.value_watch("text").initial(&1).max_len(1 << 32).create().unwrap_err();
    let text = "value watch \"text\": maximum length: 4294967296 is not possible, only 1 to 4294967295";
    assert_eq!(huge.to_string(), text);
    let created = region.value_watch("text").initial(&String::new()).max_len(10).schema(3).create().unwrap();
    let opened = region.value_watch::<String>("text").schema(3).max_len(10).open().unwrap();
    assert!(created.same_object(&opened) && opened.max_len() == 10);

    let error = region.value_watch::<String>("text").schema(3).max_len(11).open().unwrap_err();
    assert_eq!(error.to_string(), "value watch \"text\": maximum length 11 here, 10 in the region");
    let error = region.value_watch::<String>("text").open().unwrap_err();
    assert_eq!(error.to_string(), "value watch \"text\": schema 0 here, 3 in the region");
    let error = region.value_watch::<Vec<u8>>("text").schema(3).open().unwrap_err();
    assert_eq!(error.to_string(), "value watch \"text\": type Vec<u8> here, String in the region");
    assert!(region.value_watch::<Vec<u8>>("text").schema(3).any_type().open().is_ok());
    let error = region.watch::<u64>("text").open().unwrap_err();
    assert_eq!(error.to_string(), "watch \"text\": watch here, value watch in the region");
    let other = region.value_watch("default").initial(&()).create().unwrap();
    assert_eq!(other.max_len(), 4096);
    assert_eq!(region.value_watch::<()>("default").initial(&()).open_or_create().unwrap().set(&()).unwrap(), 1);
}

/// A region of one cell fits the cell.
#[test]
fn the_footprint_is_enough() {
    for max_len in [1, 7, 8, 4096, 100_000] {
        let region = Region::options().fit(&[ValueWatch::<Vec<u8>>::footprint(max_len)]).anonymous().unwrap();
        let cell = region.value_watch("cell").initial(&Vec::<u8>::new()).max_len(max_len).create().unwrap();
        let longest = vec![7; max_len - 1];
        let longest = if max_len > 8 { vec![7; max_len - 3] } else { longest };
        cell.set(&longest).unwrap();
        assert_eq!(cell.get().unwrap(), longest);
    }
}

/// What is written into the memory of the region behind the library's back.
fn damage(name: &TempName, before: &[u8], after: &[u8]) {
    let region = Region::open_read_only(name.as_str()).unwrap();
    let cell = region.list().into_iter().find(|object| object.shape.unwrap().kind == ObjectKind::ValueWatch).unwrap();
    let file = std::fs::File::options().read(true).write(true).open(format!("/dev/shm/{}", name.as_str())).unwrap();
    let mut bytes = vec![0; cell.length as usize];
    file.read_exact_at(&mut bytes, cell.offset).unwrap();
    let at = bytes.windows(before.len()).position(|window| window == before).expect("it is there");
    file.write_all_at(after, cell.offset + at as u64).unwrap();
}

/// Whatever is written there is an error or a value, and the next value is read.
#[test]
fn damaged_bytes_are_an_error() {
    let name = TempName::new("value-damaged");
    let region = Region::create(name.as_str()).unwrap();
    let text = region.value_watch("text").initial(&String::new()).max_len(10).create().unwrap();
    let looking = Region::open_read_only(name.as_str()).unwrap();
    let looking = looking.value_watch::<String>("text").open().unwrap();
    let mut reader = text.subscribe().unwrap();
    let lengths: [u64; 5] = [11, 16, 1 << 20, 1 << 63, u64::MAX];
    for (round, len) in lengths.into_iter().enumerate() {
        let value = format!("abc{round}");
        text.set(&value).unwrap();
        damage(&name, &[&5_u64.to_ne_bytes()[..], &[4], value.as_bytes()].concat(), &len.to_ne_bytes());
        assert_eq!(text.get(), Err(GetValueError::Fault(Fault::Corrupted)));
        assert_eq!(looking.get(), Err(GetValueError::Fault(Fault::Corrupted)));
        assert_eq!(text.wait_until(|_| true), Err(GetValueError::Fault(Fault::Corrupted)));
        assert_eq!(text.wait_for_change_timeout(0, SHORT), Err(Fault::Corrupted.into()));
        assert_eq!(text.update(|_| ()), Err(Fault::Corrupted.into()));
        assert_eq!(reader.changed(), Err(ChangedValueError::Cell(ChangedError::Fault(Fault::Corrupted))));
        assert_eq!(Error::from(text.get().unwrap_err()).to_string(), Fault::Corrupted.to_string());
    }
    // A length that is possible, and bytes that are no text.
    text.set(&"12345".to_owned()).unwrap();
    damage(&name, &[&6_u64.to_ne_bytes()[..], &[5], b"12345"].concat(), &9_u64.to_ne_bytes());
    assert_eq!(
        text.get().unwrap_err().to_string(),
        "what is there is not a value of the type: 3 bytes are left behind the value"
    );
    assert!(matches!(looking.get_versioned(), Err(GetValueError::Value(_))));
    assert!(matches!(text.wait_until_timeout(SHORT, |_| true), Err(WaitValueTimeoutError::Value(_))));
    assert!(matches!(reader.changed(), Err(ChangedValueError::Value(_))));
    assert!(reader.try_changed().unwrap_err().is_unchanged(), "an error once");
    text.set(&"new".to_owned()).unwrap();
    assert_eq!(
        (text.get().unwrap(), looking.get().unwrap(), reader.changed().unwrap()),
        ("new".into(), "new".into(), "new".into())
    );
}
