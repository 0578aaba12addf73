//! Maps: whole values, no key lost beside changes of others in its chain, and a writer that dies leaves its entry old or new and all
//! else as it was.
#![cfg(loom)]

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use ipc_core::Map;
use ipc_core::map::{ByteMap, ByteOptions, Options};
use ipc_tests::model::{self, Actor, Machine, Twin, explore, explore_deaths, twin, whole};
use loom::thread;

type Words = model::Shared<Options<u64, Twin>>;

/// Two buckets for two entries. The hash is that of the standard library's hasher, whose seed is 0.
fn made() -> Arc<Words> {
    model::Shared::new(Options::new(2, [0, 0]))
}

/// The n-th key of this bucket.
fn key(bucket: u64, n: usize) -> u64 {
    let is_there = |key: &u64| {
        let mut hasher = DefaultHasher::new();
        hasher.write(&key.to_ne_bytes());
        hasher.finish() & 1 == bucket
    };
    (1..).filter(is_there).nth(n).unwrap()
}

/// Two keys of one bucket, and one of the other.
fn keys() -> [u64; 3] {
    [key(0, 0), key(0, 1), key(1, 0)]
}

fn handle(shared: &Words, machine: &Arc<Machine>, number: u16) -> Map<'static, u64, Twin, Actor> {
    shared.handle(&machine.actor(number).without_barriers())
}

/// What a reader without the lock gets, whole; `Err` if writers have spoilt all attempts.
fn read(shared: &Words, key: u64) -> Result<Option<u64>, ()> {
    shared.get(&key).map(|value| value.map(whole)).map_err(drop)
}

fn put(map: &Map<'_, u64, Twin, Actor>, key: u64, value: u64) {
    map.insert(key, twin(value)).expect("there is room");
}

/// A reader beside a writer that does this; what the reader returns.
fn beside<R: 'static>(
    machine: &Arc<Machine>,
    shared: &Arc<Words>,
    write: impl FnOnce(&Map<'static, u64, Twin, Actor>) + 'static,
    read: impl FnOnce(&Words) -> R + 'static,
) -> R {
    let writer = {
        let (machine, shared) = (machine.clone(), shared.clone());
        thread::spawn(move || write(&handle(&shared, &machine, 2)))
    };
    let reader = {
        let shared = shared.clone();
        thread::spawn(move || read(&shared))
    };
    writer.join().unwrap();
    reader.join().unwrap()
}

/// Proves that a reader gets a whole value, also where the copy that it reads is written again.
#[test]
fn a_reader_gets_a_whole_value() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, ..] = keys();
        put(&handle(&shared, &machine, 1), a, 1);
        let write = move |map: &Map<'_, _, Twin, _>| (2..=3).for_each(|value| put(map, a, value));
        let got = beside(&machine, &shared, write, move |shared| read(shared, a));
        assert!(matches!(got, Ok(Some(1..=3)) | Err(())), "{got:?}");
        assert_eq!(read(&shared, a), Ok(Some(3)));
    });
}

/// Proves that a new entry comes with its value.
#[test]
fn a_new_entry_is_whole() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, ..] = keys();
        let got = beside(&machine, &shared, move |map| put(map, a, 1), move |shared| read(shared, a));
        assert!(matches!(got, Ok(None | Some(1)) | Err(())), "{got:?}");
    });
}

/// Proves that a reader of a key does not get the value of another key that was put into the same entry.
#[test]
fn an_entry_is_used_again() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, b, _] = keys();
        put(&handle(&shared, &machine, 1), a, 1);
        let write = move |map: &Map<'_, u64, Twin, Actor>| {
            assert_eq!(map.remove(&a).unwrap().map(whole), Some(1));
            put(map, b, 2);
        };
        let got = beside(&machine, &shared, write, move |shared| read(shared, a));
        assert!(matches!(got, Ok(None | Some(1)) | Err(())), "{got:?}");
        assert_eq!((read(&shared, a), read(&shared, b)), (Ok(None), Ok(Some(2))));
    });
}

/// Proves that an iteration yields values of the keys that they are with, and an entry that is there all the time exactly once.
#[test]
fn an_iteration_is_whole() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, b, c] = keys();
        let map = handle(&shared, &machine, 1);
        put(&map, a, a);
        put(&map, b, b);
        let write = move |map: &Map<'_, u64, Twin, Actor>| {
            _ = map.remove(&a);
            put(map, c, c);
        };
        let got = beside(&machine, &shared, write, |shared| shared.iter().collect::<Vec<_>>());
        assert!(got.iter().all(|(key, value)| *key == whole(*value)), "{got:?}");
        assert_eq!(got.iter().filter(|(key, _)| *key == b).count(), 1);
    });
}

/// Proves that a key is found while the entry in front of it is taken out and put into another chain.
#[test]
fn a_key_behind_a_removed_one_is_found() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, b, c] = keys();
        let map = handle(&shared, &machine, 1);
        put(&map, a, 1);
        put(&map, b, 2);
        let write = move |map: &Map<'_, u64, Twin, Actor>| {
            _ = map.remove(&b);
            put(map, c, 3);
        };
        let got = beside(&machine, &shared, write, move |shared| read(shared, a));
        assert!(matches!(got, Ok(Some(1)) | Err(())), "{got:?}");
    });
}

/// Proves that a key is found while an entry is put in front of it.
#[test]
fn a_key_behind_a_new_one_is_found() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, b, _] = keys();
        put(&handle(&shared, &machine, 1), a, 1);
        let got = beside(&machine, &shared, move |map| put(map, b, 2), move |shared| read(shared, a));
        assert_eq!(got, Ok(Some(1)));
    });
}

/// Proves that of two changes of one key none is lost, and that a key that two put in is in once.
#[test]
fn two_writers() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, ..] = keys();
        let writers = [1, 2].map(|number| {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let map = handle(&shared, &machine, number);
                let add = |value: &mut Twin| *value = twin(whole(*value) + 1);
                map.entry(a).and_modify(add).or_insert(twin(1)).map(whole).unwrap()
            })
        });
        let mut sums = writers.map(|writer| writer.join().unwrap());
        sums.sort_unstable();
        assert_eq!((sums, shared.len(), read(&shared, a)), ([1, 2], 1, Ok(Some(2))));
    });
}

/// Proves that the length is exact: that of an instant of the call.
#[test]
fn the_length_is_exact() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, b, _] = keys();
        put(&handle(&shared, &machine, 1), a, 1);
        let write = move |map: &Map<'_, u64, Twin, Actor>| {
            put(map, b, 2);
            _ = map.remove(&a);
        };
        let (before, is_in, after) =
            beside(&machine, &shared, write, move |shared| (shared.len(), read(shared, b), shared.len()));
        assert!((1..=2).contains(&before) && (1..=2).contains(&after), "{before}, {after}");
        // Before b there was only a, and behind it there are two or only b.
        assert!(is_in == Ok(Some(2)) || before == 1, "{before}, then {is_in:?}");
    });
}

/// Proves that a map that is not empty is never said to be.
#[test]
fn it_is_not_empty() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), made());
        let [a, b, _] = keys();
        let write = move |map: &Map<'_, u64, Twin, Actor>| {
            put(map, a, 1);
            put(map, b, 2);
            _ = map.remove(&a);
        };
        let lens = beside(&machine, &shared, write, |shared| [shared.len(), shared.len()]);
        assert!(lens[0] == 0 || lens[1] > 0, "{lens:?}");
    });
}

/// Survivors behind a death: what is there is counted, all places can be used, and each key is in once.
fn survive(shared: &Words, map: &Map<'_, u64, Twin, Actor>) {
    let [a, b, c] = keys();
    let there = [a, b, c].map(|key| read(shared, key).unwrap());
    let count = there.iter().flatten().count();
    assert_eq!(shared.len(), count, "before the repair: {there:?}");
    assert_eq!(map.update(&0, |_| unreachable!()), Ok(None));
    assert_eq!([a, b, c].map(|key| read(shared, key).unwrap()), there, "a repair changes nothing");
    assert_eq!(map.len(), count, "behind the repair: {there:?}");
    map.clear().unwrap();
    put(map, b, 5);
    put(map, c, 6);
    assert!(map.insert(a, twin(7)).is_err_and(|error| error.is_full()));
    assert_eq!([a, b, c].map(|key| read(shared, key).unwrap()), [None, Some(5), Some(6)]);
}

/// A writer that may die in `change`, with a and b in the map, or with a alone; beside it a reader, to which `check` shows what it has got
/// of the key. Behind it, what is there is shown to `check`, and survivors go on. Whether the writer died.
fn mortal(
    at: Option<u32>,
    both: bool,
    change: fn(&Map<'static, u64, Twin, Actor>),
    key: u64,
    check: fn(Option<u64>) -> bool,
) -> bool {
    let (machine, shared) = (Machine::new(), made());
    let [a, b, _] = keys();
    let heir = handle(&shared, &machine, 2);
    put(&heir, a, 1);
    if both {
        put(&heir, b, 2);
    }
    let mortal = {
        let (shared, actor) = (shared.clone(), machine.actor(1).without_barriers());
        thread::spawn(move || actor.live(at, || change(&shared.handle(&actor))).is_none())
    };
    let reader = {
        let shared = shared.clone();
        thread::spawn(move || read(&shared, key))
    };
    let (died, got) = (mortal.join().unwrap(), reader.join().unwrap());
    assert!(got.is_err() || got.is_ok_and(check), "{got:?}");
    assert!(check(read(&shared, key).unwrap()));
    survive(&shared, &heir);
    died
}

/// Proves that a writer that dies in the middle of an insertion leaves the entry in or out, and nothing else changed.
#[test]
fn an_inserter_dies() {
    let insert = |map: &Map<'_, u64, Twin, Actor>| put(map, keys()[1], 2);
    explore_deaths(2, move |at| mortal(at, false, insert, keys()[0], |a| a == Some(1)));
    explore_deaths(2, move |at| mortal(at, false, insert, keys()[1], |b| matches!(b, None | Some(2))));
}

/// Proves the same of a removal: of the first entry of a chain, and of the last one.
#[test]
fn a_remover_dies() {
    let remove_first = |map: &Map<'_, u64, Twin, Actor>| _ = map.remove(&keys()[1]);
    explore_deaths(2, move |at| mortal(at, true, remove_first, keys()[0], |a| a == Some(1)));
    let remove_last = |map: &Map<'_, u64, Twin, Actor>| _ = map.remove(&keys()[0]);
    explore_deaths(2, move |at| mortal(at, true, remove_last, keys()[1], |b| b == Some(2)));
}

/// Proves that a writer that dies in the middle of an update leaves the old value or the new one.
#[test]
fn an_updater_dies() {
    let update = |map: &Map<'_, u64, Twin, Actor>| _ = map.update(&keys()[0], |value| *value = twin(3));
    explore_deaths(2, move |at| mortal(at, true, update, keys()[0], |a| matches!(a, Some(1 | 3))));
}

/// Proves that the death of one that repairs is repaired, too, wherever the first one had died.
#[test]
fn a_repairer_dies() {
    for at in 1.. {
        let lived = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = lived.clone();
        explore_deaths(1, move |second| {
            let (machine, shared) = (Machine::new(), made());
            let [a, b, c] = keys();
            let heir = handle(&shared, &machine, 3);
            put(&heir, a, 1);
            put(&heir, b, 2);
            let first = machine.actor(1).without_barriers();
            let change = |map: Map<'_, u64, Twin, Actor>| {
                _ = map.remove(&b);
                put(&map, c, 3);
            };
            if first.live(Some(at), || change(shared.handle(&first))).is_some() {
                seen.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            let mortal = {
                let (shared, actor) = (shared.clone(), machine.actor(2).without_barriers());
                thread::spawn(move || actor.live(second, || _ = shared.handle(&actor).remove(&c)).is_none())
            };
            let reader = {
                let shared = shared.clone();
                thread::spawn(move || read(&shared, a))
            };
            let (died, got) = (mortal.join().unwrap(), reader.join().unwrap());
            assert!(matches!(got, Ok(Some(1)) | Err(())), "{got:?}");
            survive(&shared, &heir);
            died
        });
        if lived.load(std::sync::atomic::Ordering::Relaxed) {
            return;
        }
    }
}

/// Proves that a key is found by a reader that stands on an entry whose remover dies, while it is repaired and put into another chain.
#[test]
fn a_key_is_found_beside_a_repair() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), made());
        let [a, b, c] = keys();
        let map = handle(&shared, &machine, 3);
        put(&map, a, 1);
        put(&map, b, 2);
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1).without_barriers();
                let lived = actor.live(at, || _ = shared.handle(&actor).remove(&b));
                let heir = handle(&shared, &machine, 2);
                _ = heir.remove(&b);
                put(&heir, c, 3);
                lived.is_none()
            })
        };
        let reader = {
            let shared = shared.clone();
            thread::spawn(move || read(&shared, a))
        };
        let (died, got) = (mortal.join().unwrap(), reader.join().unwrap());
        assert!(matches!(got, Ok(Some(1)) | Err(())), "{got:?}");
        died
    });
}

/// Proves that a reader of bytes gets those of one value with its length, also where the copy that it reads is written again.
#[test]
fn a_reader_gets_whole_bytes() {
    const VALUES: [&[u8]; 3] = [b"one", b"", b"three..."];
    explore(3, || {
        let (max_key, max_value) = (Some(3), Some(8));
        let machine = Machine::new();
        let shared = model::Shared::new(ByteOptions { max_key, max_value, ..ByteOptions::new(2, [0, 0]) });
        let handle = |shared: &model::Shared<ByteOptions>, number| -> ByteMap<'static, Actor> {
            shared.handle(&machine.actor(number).without_barriers())
        };
        handle(&shared, 1).insert("key", VALUES[0]).expect("there is room");
        let (writer, reader) = (handle(&shared, 2), handle(&shared, 1));
        let writer = thread::spawn(move || {
            VALUES[1..].iter().for_each(|value| assert_eq!(writer.insert("key", value), Ok(true)));
        });
        let reader = thread::spawn(move || {
            let mut value = [0; 8];
            reader.get("key", &mut value).map(|len| value[..len.expect("it is there")].to_vec())
        });
        writer.join().unwrap();
        match reader.join().unwrap() {
            Ok(value) => assert!(VALUES.contains(&&value[..]), "{value:?}"),
            // Writers have spoilt all attempts.
            Err(error) => assert_eq!(error, ipc_core::Fault::Corrupted.into()),
        }
    });
}
