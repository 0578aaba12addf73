//! Maps of bytes between separately started programs.

#![cfg(not(loom))]

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ipc_posix::{ByteMap, Fault, GetBytesError, InsertBytesError, ObjectErrorKind, Region};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("count", count), ("change", change), ("hold", hold)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn map(args: &Args) -> ByteMap {
    Region::open(&args.get("name")).unwrap().byte_map("map").open().unwrap()
}

fn made(name: &TempName, capacity: usize) -> ByteMap {
    Region::create(name.as_str()).unwrap().byte_map("map").capacity(capacity).max_value(400).create().unwrap()
}

/// Text that shows when it is torn: a number, over and over, as often as it says.
fn text(number: u64) -> String {
    format!("{number};").repeat(number as usize)
}

fn is_whole(bytes: &[u8]) -> bool {
    let Ok(found) = std::str::from_utf8(bytes) else { return false };
    match found.split_once(';') {
        None => found.is_empty(),
        Some((number, _)) => number.parse().is_ok_and(|number| found == text(number)),
    }
}

fn count(args: &Args) {
    let map = map(args);
    children::say("ready");
    assert_eq!(children::hear(), "go");
    for _ in 0..args.number("times") {
        map.alter("visits", |old| {
            let old: u64 = old.map_or(0, |bytes| String::from_utf8(bytes).unwrap().parse().unwrap());
            Some((old + 1).to_string().into())
        })
        .unwrap();
    }
}

/// Four processes count in one entry, whose length grows: nothing is lost. A reader beside them sees numbers that never fall.
#[test]
fn nothing_is_lost() {
    let _watchdog = Watchdog::new(LIMIT, "nothing_is_lost");
    let name = TempName::new("counted");
    let map = made(&name, 4);
    let mut workers = [(); 4].map(|()| children::spawn("count", &[("name", name.as_str()), ("times", "10000")]));
    workers.iter_mut().for_each(|worker| worker.expect("ready"));
    workers.iter_mut().for_each(|worker| worker.say("go"));
    let mut last = 0;
    while last != 40_000 {
        let Some(now) = map.get_vec("visits").unwrap() else { continue };
        let now = String::from_utf8(now).unwrap().parse().unwrap();
        assert!(now >= last, "{now} after {last}");
        last = now;
    }
    assert!(workers.iter_mut().all(|worker| worker.wait().success()));
    assert_eq!(map.len(), 1);
}

fn change(args: &Args) {
    let map = map(args);
    let mut dice = Dice::new(args.number("seed"));
    children::say("ready");
    loop {
        let (key, value) = (text(dice.below(12)), text(dice.below(60)));
        let done = match dice.below(4) {
            0 => map.remove(&key).map_err(InsertBytesError::from),
            1 => map.update(&key, |now| *now = value.into()),
            2 => map.alter(&key, |old| old.is_none().then(|| value.into())),
            _ => map.insert(&key, &value),
        };
        match done {
            Ok(_) | Err(InsertBytesError::Full) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn killed_writers_leave_whole_entries() {
    let _watchdog = Watchdog::new(LIMIT, "killed_writers_leave_whole_entries");
    let name = TempName::new("killed");
    let map = made(&name, 8);
    let mut dice = Dice::new(7);
    for round in 0..60 {
        let seed = (round * 2 + 1).to_string();
        let mut writers = [seed.clone(), format!("{seed}0")]
            .map(|seed| children::spawn("change", &[("name", name.as_str()), ("seed", &seed)]));
        writers.iter_mut().for_each(|writer| writer.expect("ready"));
        for _ in 0..dice.below(40) {
            let all: Vec<_> = map.iter().collect();
            assert!(all.iter().all(|(key, value)| is_whole(key) && is_whole(value)), "{all:?}");
            for number in 0..12 {
                let value = map.get_vec(text(number)).unwrap();
                assert!(value.as_deref().is_none_or(is_whole), "{value:?}");
            }
        }
        writers.iter_mut().for_each(Child::sigkill);
        let all: BTreeMap<_, _> = map.iter().collect();
        assert_eq!((map.len(), map.iter().count()), (all.len(), all.len()));
        // All places can be used.
        map.clear().unwrap();
        (0..8).for_each(|number| assert_eq!(map.insert(text(number), ""), Ok(false)));
        assert_eq!(map.insert(text(9), ""), Err(InsertBytesError::Full));
        map.clear().unwrap();
    }
}

fn hold(args: &Args) {
    let map = map(args);
    map.update("a", |_| {
        children::say("inside");
        let _ = children::hear();
    })
    .unwrap();
}

#[test]
fn a_stopped_writer_holds_up_no_reader() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_writer_holds_up_no_reader");
    let name = TempName::new("stopped");
    let map = made(&name, 4);
    map.insert("a", "1").unwrap();
    let mut holder = children::spawn("hold", &[("name", name.as_str())]);
    holder.expect("inside");
    holder.sigstop();
    assert_eq!(map.get_vec("a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!((map.len(), map.iter().count(), map.contains_key("b")), (1, 1, Ok(false)));
    assert!(map.try_lock().is_err_and(|error| error.would_block()));
    holder.sigkill();
    assert_eq!(map.insert("a", "2"), Ok(true));
}

#[test]
fn it_is_a_map() {
    let region = Region::options().anonymous().unwrap();
    let map = region.byte_map("map").capacity(20).max_key(3).max_value(9).create().unwrap();
    let mut model: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    let mut dice = Dice::new(7);
    let mut bytes = |most: u64| -> Vec<u8> { (0..dice.below(most + 1)).map(|_| dice.below(3) as u8).collect() };
    for round in 0..20_000 {
        let (key, value) = (bytes(3), bytes(9));
        let is_room = model.len() < 20 || model.contains_key(&key);
        match round % 5 {
            0 => assert_eq!(map.remove_vec(&key), Ok(model.remove(&key))),
            1 => assert_eq!(map.remove(&key), Ok(model.remove(&key).is_some())),
            2 => {
                let change = |old: Option<Vec<u8>>| if old.is_some() { None } else { Some(value.clone()) };
                let wanted = change(model.get(&key).cloned());
                let is_there = map.alter(&key, change);
                if wanted.is_some() && !is_room {
                    assert_eq!(is_there, Err(InsertBytesError::Full));
                } else {
                    assert_eq!(is_there, Ok(wanted.is_some()));
                    model.remove(&key);
                    wanted.map(|value| model.insert(key.clone(), value));
                }
            }
            3 if is_room => {
                let old = model.entry(key.clone()).or_insert_with(|| value.clone());
                assert_eq!(map.get_or_insert_with(&key, || value), Ok(old.clone()));
            }
            _ if is_room => assert_eq!(map.insert(&key, &value), Ok(model.insert(key.clone(), value).is_some())),
            _ => assert_eq!(map.insert(&key, &value), Err(InsertBytesError::Full)),
        }
        assert_eq!(map.get_vec(&key).unwrap().as_ref(), model.get(&key));
        assert_eq!(map.len(), model.len());
    }
    assert_eq!(map.iter().collect::<HashMap<_, _>>(), model);
    let (keys, values): (Vec<_>, Vec<_>) = map.iter().unzip();
    assert_eq!((map.keys().collect::<Vec<_>>(), map.values().collect::<Vec<_>>()), (keys, values));
}

#[test]
fn lengths() {
    let region = Region::options().anonymous().unwrap();
    let map = region.byte_map("map").capacity(2).max_key(5).max_value(7).create().unwrap();
    for len in 0..=7 {
        assert_eq!(map.insert("key", vec![1; len]).is_ok(), len <= 7);
        let mut room = vec![0; len];
        assert_eq!(map.get("key", &mut room), Ok(Some(len)));
        assert_eq!(room, vec![1; len]);
        if len > 0 {
            assert_eq!(map.get("key", &mut room[1..]), Err(GetBytesError::TooLong { len, room: len - 1 }));
        }
    }
    let too_long = InsertBytesError::ValueTooLong { len: 8, max: 7 };
    assert_eq!(too_long.to_string(), "a value of 8 bytes, at most 7 are possible (`max_value` sets this)");
    assert_eq!(map.insert("key", [2; 8]), Err(too_long));
    assert_eq!(map.update("key", |value| value.push(2)), Err(too_long));
    assert_eq!(map.alter("new", |_| Some(vec![2; 8])), Err(too_long));
    assert_eq!(map.get_or_insert_with("new", || vec![2; 8]), Err(too_long));
    assert_eq!(map.get_vec("key").unwrap(), Some(vec![1; 7]), "nothing has happened");
    assert_eq!(map.insert("123456", ""), Err(InsertBytesError::KeyTooLong { len: 6, max: 5 }));
    assert_eq!((map.get_vec("123456"), map.remove("123456"), map.len()), (Ok(None), Ok(false), 1));
    // A set of keys.
    let set = region.byte_map("set").capacity(2).max_value(0).create().unwrap();
    assert_eq!((set.insert("a", ""), set.insert("a", ""), set.get_vec("a")), (Ok(false), Ok(true), Ok(Some(vec![]))));
}

#[test]
fn closures() {
    let region = Region::options().anonymous().unwrap();
    let map = region.byte_map("map").capacity(2).create().unwrap();
    map.insert("a", "old").unwrap();
    let panics = catch_unwind(AssertUnwindSafe(|| map.update("a", |_| panic!("as planned"))));
    assert!(panics.is_err());
    assert_eq!(map.get_vec("a").unwrap(), Some(b"old".to_vec()), "nothing has happened");
    map.update("a", |_| assert_eq!(map.insert("b", ""), Err(InsertBytesError::Deadlock))).unwrap();
    assert_eq!(map.len(), 1);
}

#[test]
fn shapes_are_checked() {
    let region = Region::options().anonymous().unwrap();
    let unsaid = region.byte_map("map").create().unwrap_err();
    assert_eq!(*unsaid.kind(), ObjectErrorKind::NoCapacity);
    region.byte_map("map").capacity(2).max_key(5).max_value(7).create().unwrap();
    let opened = region.byte_map("map").open().unwrap();
    assert_eq!((opened.capacity(), opened.max_key(), opened.max_value()), (2, 5, 7));
    let wrong = |error: Option<ipc_posix::ObjectError>| error.unwrap().to_string();
    let key = wrong(region.byte_map("map").max_key(6).open().err());
    assert_eq!(key, "byte map \"map\": maximum length of a key 6 here, 5 in the region");
    let value = wrong(region.byte_map("map").max_value(6).open().err());
    assert_eq!(value, "byte map \"map\": maximum length of a value 6 here, 7 in the region");
    let other = region.map::<u64, u64>("map").open().unwrap_err();
    assert_eq!(other.to_string(), "map \"map\": map here, byte map in the region");
    let huge = region.byte_map("huge").capacity(1).max_key(1 << 32).create().unwrap_err();
    assert!(huge.to_string().contains("4294967296"), "{huge}");
}

/// A region that has just the room has it.
#[test]
fn footprints_are_exact() {
    let region = Region::options()
        .fit(&[ByteMap::footprint(1000, 20, 30), ByteMap::footprint(1, 0, 100_000)])
        .anonymous()
        .unwrap();
    let map = region.byte_map("a").capacity(1000).max_key(20).max_value(30).create().unwrap();
    let key = |number: usize| format!("{number:020}");
    (0..1000).for_each(|number| assert_eq!(map.insert(key(number), [number as u8; 30]), Ok(false)));
    assert_eq!(map.insert(key(1000), ""), Err(InsertBytesError::Full));
    assert!((0..1000).all(|number| map.get_vec(key(number)) == Ok(Some(vec![number as u8; 30]))));
    let long = region.byte_map("b").capacity(1).max_key(0).max_value(100_000).create().unwrap();
    assert_eq!((long.insert("", vec![7; 100_000]), long.get_vec("")), (Ok(false), Ok(Some(vec![7; 100_000]))));
}

#[test]
fn forked_handles_say_so() {
    let region = Region::options().anonymous().unwrap();
    let map = region.byte_map("map").capacity(1).create().unwrap();
    assert!(children::holds_after_fork(|| map.get_vec("a") == Err(Fault::Forked)));
}
