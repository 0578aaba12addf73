//! The calls of a map.

use std::time::{Duration, Instant};

use ipc_posix::Region;

use super::{Calls, answers, panics, refuses, theirs};
use crate::forked;

/// Calls every method.
pub fn maps(calls: &mut Calls) {
    let (short, soon) = (Duration::from_millis(1), Instant::now() + Duration::from_millis(1));
    let region = Region::options().anonymous().expect("a region");
    let map = region.map::<u64, u64>("map").capacity(2).create().expect("new");
    let mut iter = map.iter();
    refuses!(calls, "map::Map", map: get(&1) contains_key(&1) insert(1, 1) remove(&1) update(&1, |_| ()) clear() lock()
        try_lock() lock_timeout(short) lock_deadline(soon));
    panics!(calls, "map::Map", map: len() is_empty());
    answers!(calls, "map::Map", map: clone() capacity() entry(1) iter() keys() values() name() region() same_object(&map));
    calls.refuses("map::Entry::or_insert", || map.entry(1).or_insert(1));
    calls.refuses("map::Entry::or_insert_with", || map.entry(1).or_insert_with(|| 1));
    calls.refuses("map::Entry::or_insert_with_key", || map.entry(1).or_insert_with_key(|_| 1));
    calls.refuses("map::Entry::or_default", || map.entry(1).or_default());
    calls.answers("map::Entry::key", || *map.entry(1).key());
    calls.answers("map::Entry::and_modify", || drop(map.entry(1).and_modify(|_| ())));
    calls.panics("map::Iter::next", || iter.next());
    bytes(calls, &region);
    let mut guard = map.lock().expect("nobody writes");
    refuses!(calls, "map::MapGuard", guard: insert(1, 1) remove(&1) update(&1, |_| ()) clear() get(&1) contains_key(&1) lock()
        try_lock() lock_timeout(short) lock_deadline(soon));
    panics!(calls, "map::MapGuard", guard: len() is_empty());
    answers!(calls, "map::MapGuard", guard: capacity() iter() keys() values());
    calls.refuses("map::MapGuard::entry", || guard.entry(1).or_insert(1));
}

/// Calls every method of a byte map.
fn bytes(calls: &mut Calls, region: &Region) {
    let (short, soon) = (Duration::from_millis(1), Instant::now() + Duration::from_millis(1));
    let map = region.byte_map("bytes").capacity(2).create().expect("new");
    let mut iter = map.iter();
    refuses!(calls, "map::ByteMap", map: get("", &mut []) get_vec("") get_into("", &mut Vec::new()) contains_key("") insert("", "")
        remove("") remove_vec("") update("", |_| ()) get_or_insert_with("", Vec::new) alter("", |_| None) clear() lock() try_lock()
        lock_timeout(short) lock_deadline(soon));
    panics!(calls, "map::ByteMap", map: len() is_empty());
    answers!(calls, "map::ByteMap", map: clone() capacity() max_key() max_value() iter() keys() values() name() region()
        same_object(&map));
    calls.panics("map::ByteIter::next", || iter.next());
    let guard = map.lock().expect("nobody writes");
    refuses!(calls, "map::ByteMapGuard", guard: insert("", "") remove("") remove_vec("") update("", |_| ())
        get_or_insert_with("", Vec::new) alter("", |_| None) clear() get("", &mut []) get_vec("") get_into("", &mut Vec::new())
        contains_key("") lock() try_lock() lock_timeout(short) lock_deadline(soon));
    panics!(calls, "map::ByteMapGuard", guard: len() is_empty());
    answers!(calls, "map::ByteMapGuard", guard: capacity() max_key() max_value() iter() keys() values());
}
