//! A mutex around a value of serde's types, between separately started programs.

#![cfg(not(loom))]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ipc_posix::{Fault, Region, TryWriteError, TryWriteValueError, ValueMutex, WriteError, WriteValueError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);
const ROLES: &[Role] = &[("count", count), ("hold", hold), ("change_in_place", change_in_place), ("begin", begin)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

type Words = BTreeMap<String, Vec<u32>>;

fn create(name: &TempName) -> (Region, ValueMutex<Words>) {
    let region = Region::create(name.as_str()).unwrap();
    let mutex = region.value_mutex("words").max_len(20_000).create().unwrap();
    (region, mutex)
}

fn open(args: &Args) -> (Region, ValueMutex<Words>) {
    let region = Region::open(&args.get("name")).unwrap();
    let mutex = region.value_mutex("words").open().unwrap();
    (region, mutex)
}

fn count(args: &Args) {
    let (_region, words) = open(args);
    let me = args.number("number") as u32;
    for round in 0..200 {
        words.update(|words| words.entry(format!("round {}", round % 7)).or_default().push(me)).unwrap();
    }
}

/// Nothing is lost, and each process sees whole values.
#[test]
fn changes_add_up() {
    let _watchdog = Watchdog::new(LIMIT, "changes_add_up");
    let name = TempName::new("value_mutex");
    let (_region, words) = create(&name);
    let numbers = ["1", "2", "3"];
    let mut counters = numbers.map(|number| children::spawn("count", &[("name", name.as_str()), ("number", number)]));
    assert!(counters.iter_mut().all(|counter| counter.wait().success()));
    let words = words.get().unwrap();
    assert_eq!(words.len(), 7);
    for me in 1..=3 {
        assert_eq!(words.values().flatten().filter(|number| **number == me).count(), 200);
    }
}

/// Says what the value is. Its own initial value is for a new mutex.
fn begin(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let other = Words::from([("other".to_owned(), vec![])]);
    let words = region.value_mutex("words").initial(&other).open_or_create().unwrap();
    children::say(&format!("{:?}", words.get().unwrap()));
    words.update(|words| words.clear()).unwrap();
}

/// A new mutex begins with the value of its creator, one that exists keeps its own.
#[test]
fn a_new_mutex_has_its_initial_value() {
    let _watchdog = Watchdog::new(LIMIT, "a_new_mutex_has_its_initial_value");
    let name = TempName::new("value_mutex");
    let region = Region::create(name.as_str()).unwrap();
    let first = Words::from([("first".to_owned(), vec![1, 2, 3])]);
    let words = region.value_mutex("words").initial(&first).create().unwrap();
    let mut other = children::spawn("begin", &[("name", name.as_str())]);
    other.expect(&format!("{first:?}"));
    assert!(other.wait().success());
    assert_eq!(words.get(), Ok(Words::new()));

    // As many bytes as there is room for, and more.
    let text = "x".repeat(9);
    assert_eq!(region.value_mutex("fits").max_len(10).initial(&text).create().unwrap().get(), Ok(text.clone()));
    let error = region.value_mutex("text").max_len(9).initial(&text).create().unwrap_err();
    assert_eq!(error.to_string(), "mutex \"text\": its initial value takes 10 bytes, where 9 fit (`max_len`)");
    assert!(region.value_mutex::<String>("text").open().is_err());
    let error = region.value_mutex("never").initial(&Never).create().unwrap_err();
    assert_eq!(error.to_string(), "mutex \"never\": its initial value cannot be written");
    // Its own value is what an opener gets, whatever it says.
    assert_eq!(region.value_mutex("fits").initial(&"y".repeat(5000)).open().unwrap().get(), Ok(text));
}

/// Cannot be written.
#[derive(Default, Debug, PartialEq, serde::Deserialize)]
struct Never;

impl serde::Serialize for Never {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("never"))
    }
}

fn hold(args: &Args) {
    let (_region, words) = open(args);
    let _ = words.update(|words| {
        words.clear();
        children::say("changing");
        let _ = children::hear();
    });
}

/// A process that is killed in a change has changed nothing, and the next one is told nothing.
#[test]
fn a_holder_dies() {
    let _watchdog = Watchdog::new(LIMIT, "a_holder_dies");
    let name = TempName::new("value_mutex");
    let (_region, words) = create(&name);
    words.update(|words| words.insert("kept".to_owned(), vec![1])).unwrap();
    let mut holder = children::spawn("hold", &[("name", name.as_str())]);
    holder.expect("changing");
    assert!(words.try_get().unwrap_err().would_block());
    assert!(words.get_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    assert!(words.update_timeout(Duration::ZERO, |_| ()).unwrap_err().is_timeout());
    assert_eq!(words.try_set(&Words::new()), Err(TryWriteValueError::Lock(TryWriteError::WouldBlock)));
    holder.sigkill();
    assert_eq!(words.get().unwrap()["kept"], [1]);
    words.update(|words| words.get_mut("kept").unwrap().push(2)).unwrap();
    assert_eq!(words.try_get().unwrap()["kept"], [1, 2]);
    assert!(!words.bytes().is_poisoned());
}

fn change_in_place(args: &Args) {
    let (_region, words) = open(args);
    let mut bytes = words.bytes().lock().unwrap();
    bytes[4] = 0;
    children::say("changing");
    let _ = children::hear();
}

/// What a process left that was killed while it changed the bytes in place is an error for all, until a value is set.
#[test]
fn a_holder_dies_in_the_bytes() {
    const SAYS: &str = "the value: a process died or panicked while it changed its bytes in place: set the value";
    let _watchdog = Watchdog::new(LIMIT, "a_holder_dies_in_the_bytes");
    let name = TempName::new("value_mutex");
    let (_region, words) = create(&name);
    words.update(|words| words.insert("lost".to_owned(), vec![1])).unwrap();
    let mut holder = children::spawn("change_in_place", &[("name", name.as_str())]);
    holder.expect("changing");
    assert!(words.try_get().unwrap_err().would_block());
    holder.sigkill();
    for _ in 0..2 {
        assert_eq!(words.get().unwrap_err().to_string(), SAYS);
        assert_eq!(words.try_get().unwrap_err().to_string(), SAYS);
        assert_eq!(words.update(|_| panic!("it is not called")).unwrap_err().to_string(), SAYS);
        assert!(words.bytes().is_poisoned());
    }
    // A value that does not fit replaces nothing.
    assert!(words.set(&Words::from([(String::new(), vec![0; 20_000])])).is_err());
    assert_eq!(words.get().unwrap_err().to_string(), SAYS);
    words.set(&Words::new()).unwrap();
    assert!(!words.bytes().is_poisoned());
    assert_eq!(words.get(), Ok(Words::new()));
}

/// A child that a closure makes by `fork` changes nothing, and the parent goes on.
#[test]
fn a_closure_forks() {
    let region = Region::options().anonymous().unwrap();
    let text = region.value_mutex::<String>("text").create().unwrap();
    let mut child = -1;
    let changed = text.update(|text| {
        text.push_str("changed");
        // SAFETY: the child runs nothing but this library and ends with _exit.
        child = unsafe { libc::fork() };
    });
    if child == 0 {
        let told = changed == Err(WriteValueError::Lock(WriteError::Fault(Fault::Forked)));
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    assert_eq!(changed, Ok(()));
    assert_eq!(text.get().unwrap(), "changed");
    assert!(!text.bytes().is_locked());
}

#[test]
fn what_fails_changes_nothing() {
    let region = Region::options().anonymous().unwrap();
    let text = region.value_mutex::<String>("text").max_len(10).open_or_create().unwrap();
    assert_eq!((text.get().unwrap(), text.max_len()), (String::new(), 10));
    text.set(&"123456789".to_owned()).unwrap();
    let error = text.set(&"1234567890".to_owned()).unwrap_err();
    assert_eq!(error.to_string(), "the value: it takes 11 bytes, where 10 fit (`max_len`)");
    assert!(text.update(|text| text.push('0')).is_err());
    assert!(text.try_update(|text| text.push('0')).is_err());
    let panics = catch_unwind(AssertUnwindSafe(|| {
        text.update(|text| {
            text.clear();
            panic!("in the middle");
        })
    }));
    assert!(panics.is_err());
    assert!(text.update(|_| text.get()).unwrap().unwrap_err().is_deadlock());
    assert!(text.update(|_| text.try_get()).unwrap().unwrap_err().would_block());
    assert_eq!(text.get().unwrap(), "123456789");

    let error = region.value_mutex::<String>("text").max_len(11).open().unwrap_err().to_string();
    assert_eq!(error, "mutex \"text\": maximum length 11 here, 10 in the region");
    let error = region.value_mutex::<String>("more").max_len(u32::MAX as usize).create().unwrap_err().to_string();
    assert_eq!(error, "mutex \"more\": maximum length: 4294967295 is not possible, only 1 to 4294967294");
    assert!(region.value_mutex::<String>("text").max_len(10).open().unwrap().same_object(&text));
    let error = region.value_mutex::<Vec<u8>>("text").open().unwrap_err().to_string();
    assert_eq!(error, "mutex \"text\": type Vec<u8> here, String in the region");
    assert_eq!(region.value_mutex::<String>("default").create().unwrap().max_len(), 4096);
    let nothing = region.value_mutex::<()>("nothing").max_len(1).create().unwrap();
    assert_eq!((nothing.get(), nothing.set(&()), nothing.get()), (Ok(()), Ok(()), Ok(())));
}

/// Bytes of another type, or of no value at all, are an error, which changes nothing.
#[test]
fn another_type_is_an_error() {
    let region = Region::options().anonymous().unwrap();
    let text = region.value_mutex::<String>("text").max_len(10).create().unwrap();
    let number = region.value_mutex::<Option<u64>>("text").any_type().open().unwrap();
    assert_eq!(number.get().unwrap(), None, "none was set");
    text.set(&"abc".to_owned()).unwrap();
    assert!(matches!(number.get(), Err(WriteValueError::Value(_))));
    assert!(matches!(number.update(|number| *number = Some(1)), Err(WriteValueError::Value(_))));
    assert!(number.try_update(|number| *number = Some(1)).is_err());
    assert_eq!(text.get().unwrap(), "abc");
    number.set(&Some(7)).unwrap();
    assert_eq!(number.get().unwrap(), Some(7));

    // An array that was never meant for a value, and has no room for one.
    region.mutex_array::<u8>("array").len(3).create().unwrap();
    let small = region.value_mutex::<()>("array").any_type().open().unwrap();
    assert_eq!(small.max_len(), 0);
    assert_eq!(small.get(), Err(WriteValueError::Lock(WriteError::Fault(Fault::Corrupted))));
    assert_eq!(small.set(&()), Err(WriteValueError::Lock(WriteError::Fault(Fault::Corrupted))));
    let error = region.value_mutex::<()>("array").any_type().max_len(3).open().unwrap_err().to_string();
    assert_eq!(error, "mutex \"array\": maximum length 3 here, 0 in the region");
    region.mutex_array::<u64>("wide").len(3).create().unwrap();
    assert!(region.value_mutex::<()>("wide").any_type().open().is_err());
}

/// A region that has just the room has it.
#[test]
fn footprints_are_exact() {
    let sizes = [ValueMutex::<String>::footprint(1000), ValueMutex::<String>::footprint(0)];
    let region = Region::options().fit(&sizes).anonymous().unwrap();
    let text = region.value_mutex::<String>("a").max_len(1000).create().unwrap();
    text.set(&"x".repeat(998)).unwrap();
    assert_eq!(text.get().unwrap().len(), 998);
    assert_eq!(region.value_mutex::<String>("b").create().unwrap().max_len(), 4096);
}

/// Whatever is written there is an error or a value.
#[test]
fn damaged_bytes_are_an_error() {
    let region = Region::options().anonymous().unwrap();
    let text = region.value_mutex::<String>("text").max_len(10).create().unwrap();
    text.set(&"abc".to_owned()).unwrap();
    let damage = |at: usize, byte: u8| text.bytes().lock().unwrap()[at] = byte;
    damage(5, 0xff);
    assert!(text.get().unwrap_err().to_string().starts_with("the value: "));
    text.set(&"abc".to_owned()).unwrap();
    damage(2, 1);
    assert_eq!(text.get().unwrap_err().to_string(), ipc_posix::Fault::Corrupted.to_string());
    assert!(text.update(|_| ()).is_err());
    text.set(&"new".to_owned()).unwrap();
    assert_eq!(text.get().unwrap(), "new");
}
