//! Maps between separately started programs.

#![cfg(not(loom))]

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ipc_posix::{Fault, InsertError, Map, MapKey, ObjectErrorKind, Region, WriteError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("take", take), ("change", change), ("hold", hold)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn map(args: &Args) -> Map<u64, [u64; 3]> {
    Region::open(&args.get("name")).unwrap().map("map").open().unwrap()
}

fn made(name: &TempName, capacity: usize) -> Map<u64, [u64; 3]> {
    Region::create(name.as_str()).unwrap().map("map").capacity(capacity).create().unwrap()
}

fn value(number: u64) -> [u64; 3] {
    [number, !number, number]
}

fn take(args: &Args) {
    let map = map(args);
    children::say("ready");
    assert_eq!(children::hear(), "go");
    for _ in 0..args.number("times") {
        map.update(&7, |now| *now = value(now[0] - 1)).unwrap().unwrap();
    }
}

/// Four processes take from one number: nothing is lost. A reader beside them sees whole values that never grow.
#[test]
fn nothing_is_lost() {
    let _watchdog = Watchdog::new(LIMIT, "nothing_is_lost");
    let name = TempName::new("taken");
    let map = made(&name, 4);
    map.insert(7, value(40_000)).unwrap();
    let mut workers = [(); 4].map(|()| children::spawn("take", &[("name", name.as_str()), ("times", "10000")]));
    workers.iter_mut().for_each(|worker| worker.expect("ready"));
    workers.iter_mut().for_each(|worker| worker.say("go"));
    let mut last = 40_000;
    while last != 0 {
        let now = map.get(&7).unwrap().unwrap();
        assert!(now == value(now[0]) && now[0] <= last, "{now:?} after {last}");
        last = now[0];
    }
    assert!(workers.iter_mut().all(|worker| worker.wait().success()));
    assert_eq!(map.len(), 1);
}

fn change(args: &Args) {
    let map = map(args);
    let mut dice = Dice::new(args.number("seed"));
    children::say("ready");
    loop {
        let key = 1 + dice.below(20);
        match dice.below(3) {
            0 => _ = map.remove(&key).unwrap(),
            1 => _ = map.update(&key, |now| *now = value(now[0] + 1000)).unwrap(),
            _ => match map.insert(key, value(key)) {
                Ok(_) | Err(InsertError::Full) => {}
                Err(error) => panic!("{error}"),
            },
        }
    }
}

/// Writers are killed at random times: every entry is whole and of its key, those that nobody touches are there all the time, the length is
/// right at once, and no place is lost.
#[test]
fn killed_writers_leave_whole_entries() {
    let _watchdog = Watchdog::new(LIMIT, "killed_writers_leave_whole_entries");
    let name = TempName::new("killed");
    let map = made(&name, 12);
    map.insert(1001, value(1001)).unwrap();
    map.insert(1002, value(1002)).unwrap();
    for round in 0..30 {
        let mut writers = [1, 2].map(|number| {
            children::spawn("change", &[("name", name.as_str()), ("seed", &(2 * round + number).to_string())])
        });
        writers.iter_mut().for_each(|writer| writer.expect("ready"));
        for _ in 0..300 {
            assert_eq!([1001, 1002].map(|key| map.get(&key).unwrap()), [1001, 1002].map(|key| Some(value(key))));
            for (key, now) in &map {
                assert!(now == value(now[0]) && now[0] % 1000 == key % 1000, "{key}: {now:?}");
            }
        }
        writers.iter_mut().for_each(children::Child::sigkill);
        assert_eq!(map.len(), map.iter().count());
        let all: HashMap<u64, [u64; 3]> = map.iter().collect();
        assert!(all.iter().all(|(key, now)| map.get(key) == Ok(Some(*now))));
        // Each place can be used.
        for key in 2000..2012 - all.len() as u64 {
            assert_eq!(map.insert(key, value(key)), Ok(None));
        }
        assert_eq!((map.len(), map.insert(3000, value(1))), (12, Err(InsertError::Full)));
        for key in (1..1000).chain(2000..2012) {
            map.remove(&key).unwrap();
        }
        assert_eq!(map.len(), 2);
    }
}

fn hold(args: &Args) {
    let map = map(args);
    let _ = map.update(&1, |now| {
        *now = value(9);
        children::say("holds");
        let _ = children::hear();
    });
}

/// A writer that is stopped in its closure holds up writers, and no reader; when it is killed, nothing has happened.
#[test]
fn a_stopped_writer_holds_up_no_reader() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_writer_holds_up_no_reader");
    let name = TempName::new("stopped");
    let map = made(&name, 3);
    map.insert(1, value(1)).unwrap();
    let mut holder = children::spawn("hold", &[("name", name.as_str())]);
    holder.expect("holds");
    holder.sigstop();
    assert!(map.lock_timeout(Duration::from_millis(20)).is_err_and(|error| error.is_timeout()));
    assert!(map.try_lock().is_err_and(|error| error.would_block()));
    assert_eq!((map.get(&1), map.len(), map.iter().count()), (Ok(Some(value(1))), 1, 1));
    holder.sigkill();
    assert_eq!((map.update(&1, |now| now[0] += 1), map.len()), (Ok(Some(value(1))), 1));
}

/// A map does what the standard library's does.
#[test]
fn it_is_a_map() {
    let region = Region::options().anonymous().unwrap();
    let map = region.map::<[u8; 3], char>("map").capacity(50).create().unwrap();
    let mut std = HashMap::new();
    let mut dice = Dice::new(4711);
    for _ in 0..20_000 {
        let key = [dice.below(3) as u8, dice.below(10) as u8, dice.below(3) as u8];
        let letter = char::from(b'a' + dice.below(26) as u8);
        let full = std.len() == 50 && !std.contains_key(&key);
        match dice.below(8) {
            0 | 1 => assert_eq!(map.remove(&key), Ok(std.remove(&key))),
            2 => {
                let change = |now: &mut char| *now = now.to_ascii_uppercase();
                assert_eq!(map.update(&key, change), Ok(std.get(&key).copied()));
                std.entry(key).and_modify(change);
            }
            3 if full => assert_eq!(map.entry(key).or_insert(letter), Err(InsertError::Full)),
            3 => assert_eq!(map.entry(key).or_insert(letter), Ok(*std.entry(key).or_insert(letter))),
            4 => assert_eq!(
                (map.get(&key), map.contains_key(&key)),
                (Ok(std.get(&key).copied()), Ok(std.contains_key(&key)))
            ),
            _ if full => assert_eq!(map.insert(key, letter), Err(InsertError::Full)),
            _ => assert_eq!(map.insert(key, letter), Ok(std.insert(key, letter))),
        }
        assert_eq!((map.len(), map.is_empty()), (std.len(), std.is_empty()));
    }
    assert_eq!(map.iter().collect::<HashMap<_, _>>(), std);
    map.clear().unwrap();
    assert_eq!((map.len(), map.iter().next()), (0, None));
}

/// Keys of every size, the smallest map, and large values.
#[test]
fn sizes() {
    fn round_trip<K: MapKey + std::fmt::Debug + PartialEq>(region: &Region, name: &str, keys: [K; 2]) {
        let map = region.map::<K, [u16; 1500]>(name).capacity(1).create().unwrap();
        assert_eq!(
            (map.insert(keys[0], [7; 1500]), map.insert(keys[1], [8; 1500])),
            (Ok(None), Err(InsertError::Full))
        );
        assert_eq!((map.get(&keys[0]), map.get(&keys[1])), (Ok(Some([7; 1500])), Ok(None)));
        assert_eq!(map.keys().collect::<Vec<_>>(), [keys[0]]);
        assert_eq!((map.remove(&keys[0]), map.insert(keys[1], [9; 1500])), (Ok(Some([7; 1500])), Ok(None)));
    }
    let region = Region::options().size(1 << 20).anonymous().unwrap();
    round_trip(&region, "a", [1_u8, 2]);
    round_trip(&region, "b", [[1_u8, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 10]]);
    round_trip(&region, "c", [false, true]);
    round_trip(&region, "d", [[5_u64; 40], [6; 40]]);
    round_trip(&region, "e", [0.0, -0.0]);
}

/// Closures that panic, write to the same map, or do not like what they find.
#[test]
fn closures() {
    let region = Region::options().anonymous().unwrap();
    let map = region.map::<u8, u64>("map").capacity(2).create().unwrap();
    map.insert(1, 10).unwrap();
    let change = |now: &mut u64| {
        *now = 5;
        panic!("as planned");
    };
    assert!(catch_unwind(AssertUnwindSafe(|| map.update(&1, change))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| map.entry(2).or_insert_with(|| panic!()))).is_err());
    assert_eq!((map.get(&1), map.get(&2), map.len()), (Ok(Some(10)), Ok(None), 1));
    let nested = map.entry(2).or_insert_with(|| match map.insert(1, 1) {
        Err(InsertError::Deadlock) => map.get(&1).unwrap().unwrap(),
        other => panic!("{other:?}"),
    });
    assert_eq!((nested, map.len()), (Ok(10), 2));
    let guard = map.lock().unwrap();
    assert_eq!((map.remove(&1), map.lock().map(drop)), (Err(WriteError::Deadlock), Err(WriteError::Deadlock)));
    drop(guard);
    assert_eq!(map.remove(&1), Ok(Some(10)));
}

/// Bits that are no value: a reader is told, and a writer can replace or remove them.
#[test]
fn invalid_values() {
    let region = Region::options().anonymous().unwrap();
    let map = region.map::<u8, u8>("map").capacity(3).create().unwrap();
    (0..3).for_each(|key| _ = map.insert(key, 2).unwrap());
    let flags = region.map::<u8, bool>("map").any_type().open().unwrap();
    assert_eq!((flags.get(&0), flags.contains_key(&0), flags.iter().count()), (Err(Fault::InvalidValue), Ok(true), 0));
    assert_eq!(flags.update(&0, |_| unreachable!()), Err(WriteError::Fault(Fault::InvalidValue)));
    assert_eq!((flags.insert(0, true), flags.get(&0)), (Ok(None), Ok(Some(true))));
    assert_eq!((flags.remove(&1), flags.len()), (Ok(None), 2));
}

/// Capacity, sizes and schema are checked: each difference is told in words.
#[test]
fn shapes_are_checked() {
    let region = Region::options().anonymous().unwrap();
    let error = region.map::<u8, u64>("a").open_or_create().unwrap_err();
    assert_eq!(*error.kind(), ObjectErrorKind::NoCapacity);
    let map = region.map::<u32, u64>("a").capacity(10).schema(7).create().unwrap();
    assert!(region.map("a").schema(7).open().unwrap().same_object(&map));
    let error = region.map::<u32, u64>("a").capacity(11).schema(7).open().unwrap_err();
    assert_eq!(error.to_string(), "map \"a\": capacity 11 here, 10 in the region");
    let error = region.map::<u16, u64>("a").schema(7).any_type().open().unwrap_err();
    assert_eq!(error.to_string(), "map \"a\": key size 2 here, 4 in the region");
    let error = region.map::<[u8; 4], u64>("a").schema(7).any_type().open().unwrap_err();
    assert_eq!(error.to_string(), "map \"a\": key alignment 1 here, 4 in the region");
    let error = region.map::<u32, u32>("a").schema(7).any_type().open().unwrap_err();
    assert_eq!(error.to_string(), "map \"a\": element size 4 here, 8 in the region");
    let error = region.map::<u32, u64>("b").capacity(1 << 30).create().unwrap_err();
    assert_eq!(error.to_string(), "map \"b\": a capacity of 1073741824 is not possible");
    let list: Vec<String> = region.list().iter().map(ToString::to_string).collect();
    assert_eq!(list, ["map \"a\" of 10 entries with values of 8 bytes, type (u32, u64), 1280 bytes in all"]);
}

/// A region that has just the room has it.
#[test]
fn footprints_are_exact() {
    let region = Region::options()
        .fit(&[Map::<u64, u64>::footprint(1000), Map::<u8, [u8; 100]>::footprint(1)])
        .anonymous()
        .unwrap();
    let map = region.map::<u64, u64>("a").capacity(1000).create().unwrap();
    (0..1000).for_each(|key| assert_eq!(map.insert(key, key), Ok(None)));
    assert!(map.insert(1000, 0).is_err_and(|error| error.is_full()));
    assert!((0..1000).all(|key| map.get(&key) == Ok(Some(key))));
    region.map::<u8, [u8; 100]>("b").capacity(1).create().unwrap().insert(1, [1; 100]).unwrap();
}

/// After fork, the child's handles and guards answer with an error.
#[test]
fn forked_handles_say_so() {
    let region = Region::options().anonymous().unwrap();
    let map = region.map::<u8, u8>("a").capacity(3).create().unwrap();
    let mut guard = map.lock().unwrap();
    assert!(children::holds_after_fork(|| map.get(&1) == Err(Fault::Forked)
        && map.insert(1, 1) == Err(InsertError::Fault(Fault::Forked))
        && map.capacity() == 3));
    assert_eq!(guard.insert(1, 1), Ok(None));
}
