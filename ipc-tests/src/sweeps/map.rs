//! Maps: a writer is killed at every instruction; its entry is old or new, whole, all others are as they were, the length is right at once,
//! and no place is lost. Readers are killed, too.

use std::hash::{DefaultHasher, Hasher};
use std::hint::black_box;

use ipc_posix::{Map, Region};

use super::couple;
use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "map";
/// As many buckets.
const CAPACITY: usize = 4;

/// A value that shows when it is torn.
type Value = [u64; 3];
type AMap = Map<u64, Value>;
type Objects = (Region, AMap);

const fn value(number: u64) -> Value {
    [number, !number, number]
}

/// The number of a value; 0 if it is torn.
fn number(value: Value) -> u64 {
    if value == self::value(value[0]) { value[0] } else { 0 }
}

/// The n-th key of one bucket, or of another one. With a seed of zeros, the hash is that of the standard library's hasher.
fn key(bucket: u64, n: usize) -> u64 {
    let is_there = |key: &u64| {
        let mut hasher = DefaultHasher::new();
        hasher.write(&key.to_ne_bytes());
        hasher.finish() % CAPACITY as u64 == bucket
    };
    (1..).filter(is_there).nth(n).expect("there are enough")
}

/// Four keys: three of one bucket.
fn keys() -> [u64; 4] {
    [key(0, 0), key(0, 1), key(0, 2), key(1, 0)]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Insert,
    Replace,
    Update,
    /// After an earlier writer that was killed with the lock.
    UpdateAfterDeath,
    Entry,
    RemoveFirst,
    RemoveLast,
    Clear,
    Get,
    Iterate,
}

pub(super) fn write() -> Scenes {
    play::scenes(&[Deed::Insert, Deed::Replace, Deed::Update, Deed::UpdateAfterDeath, Deed::Entry])
}

pub(super) fn remove() -> Scenes {
    play::scenes(&[Deed::RemoveFirst, Deed::RemoveLast, Deed::Clear])
}

pub(super) fn read() -> Scenes {
    play::scenes(&[Deed::Get, Deed::Iterate])
}

fn create(folder: &Folder) -> Objects {
    let region = folder.create();
    let map = region.map(NAME).capacity(CAPACITY).seed([0, 0]).create().expect("the map is created");
    let [a, b, ..] = keys();
    // The later one is in front.
    map.insert(a, value(1)).expect("room");
    map.insert(b, value(2)).expect("room");
    (region, map)
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let map = region.map(NAME).open().expect("the map opens");
    (region, map)
}

fn die_as_writer(folder: &Folder) {
    let helper = Helper::fork(|| {
        let _ = open(folder).1.update(&keys()[0], |_| {
            // SAFETY: no memory is passed.
            unsafe { libc::_exit(0) }
        });
    });
    assert!(helper.join(), "the earlier writer dies as planned");
}

/// The numbers of the four keys, as all readers have them; the length fits.
fn look(map: &AMap) -> Result<[Option<u64>; 4], Finding> {
    let len = map.len();
    let got = keys().map(|key| map.get(&key).expect("our own handle").map(number));
    let mut all: Vec<(u64, u64)> = map.iter().map(|(key, value)| (key, number(value))).collect();
    all.sort_unstable();
    let mut wanted: Vec<_> = keys().into_iter().zip(got).filter_map(|(key, got)| Some((key, got?))).collect();
    wanted.sort_unstable();
    let has = keys().map(|key| map.contains_key(&key).expect("our own handle"));
    let right = all == wanted && len == all.len() && has == got.map(|got| got.is_some());
    demand(right, Verdict::TORN, || format!("length {len}, {got:?}, but all are {all:?}, and has: {has:?}"))?;
    Ok(got)
}

/// Survivors change everything.
fn work(map: &AMap) -> Result<(), Finding> {
    granted("a survivor locks", map.lock_timeout(patience())).map(drop)?;
    granted("a survivor clears", map.clear())?;
    demand(look(map)? == [None; 4] && map.is_empty(), Verdict::TORN, || "not cleared".to_owned())?;
    for (key, number) in keys().into_iter().zip(5..) {
        granted("a survivor inserts", map.insert(key, value(number)))?;
    }
    demand(map.insert(0, value(1)).is_err_and(|error| error.is_full()), Verdict::TORN, || "more room".to_owned())?;
    let [a, .., d] = keys();
    granted("a survivor updates", map.update(&a, |was| *was = value(was[0] + 10)))?;
    granted("a survivor removes", map.remove(&d))?;
    let now = look(map)?;
    demand(now == [Some(15), Some(6), Some(7), None], Verdict::TORN, || format!("worked, and then {now:?}"))
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let objects = create(folder);
        if self == Deed::UpdateAfterDeath {
            die_as_writer(folder);
        }
        objects
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, map): &Objects, begin: &mut dyn FnMut()) {
        let [a, b, c, _] = keys();
        begin();
        match self {
            Deed::Insert => _ = black_box(map.insert(c, value(3))),
            Deed::Replace => _ = black_box(map.insert(a, value(3))),
            Deed::Update | Deed::UpdateAfterDeath => _ = black_box(map.update(&a, |now| *now = value(now[0] + 2))),
            Deed::Entry => _ = black_box(map.entry(c).and_modify(|_| ()).or_insert_with(|| value(3))),
            Deed::RemoveFirst => _ = black_box(map.remove(&b)),
            Deed::RemoveLast => _ = black_box(map.remove(&a)),
            Deed::Clear => _ = black_box(map.clear()),
            Deed::Get => _ = black_box(map.get(&a)),
            Deed::Iterate => _ = black_box(map.iter().count()),
        }
    }

    fn look(self, (_region, map): Objects, folder: &Folder, finished: bool, _: u64) -> Result<(), Finding> {
        let now = look(&map)?;
        let old = [Some(1), Some(2), None, None];
        let new = match self {
            Deed::Insert | Deed::Entry => [Some(1), Some(2), Some(3), None],
            Deed::Replace | Deed::Update | Deed::UpdateAfterDeath => [Some(3), Some(2), None, None],
            Deed::RemoveFirst => [Some(1), None, None, None],
            Deed::RemoveLast => [None, Some(2), None, None],
            Deed::Clear => [None; 4],
            Deed::Get | Deed::Iterate => old,
        };
        let half = self == Deed::Clear
            && now[2..] == old[2..]
            && now.iter().zip(old).all(|(now, old)| now.is_none_or(|_| *now == old));
        let right = now == new || ((now == old || half) && !finished);
        demand(right, Verdict::TORN, || format!("{now:?}, finished {finished}"))?;
        // The repair changes nothing that a reader sees.
        granted("a survivor locks", map.lock_timeout(patience())).map(drop)?;
        let repaired = look(&map)?;
        demand(repaired == now, Verdict::TORN, || format!("{now:?} becomes {repaired:?}"))?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)?;
        work(&map)
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    AddAdd,
    GetRemove,
    RemoveInsert,
}

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if new { create(folder) } else { open(folder) }
    }

    fn act(self, first: bool, (_region, map): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let [a, b, _, d] = keys();
        begin();
        match (self, first) {
            (Couple::AddAdd, _) => {
                let now = map.entry(d).and_modify(|now| *now = value(now[0] + 1)).or_insert(value(1));
                now.map_or(1000, number)
            }
            (Couple::GetRemove, true) => map.get(&a).expect("our own handle").map_or(1000, number),
            (Couple::GetRemove, false) => {
                let gone = map.remove(&b).expect("our own handle").map_or(1000, number);
                // The same entry, in another chain.
                map.insert(d, value(4)).map_or(1000, |_| gone)
            }
            (Couple::RemoveInsert, true) => map.remove(&b).expect("our own handle").map_or(1000, number),
            (Couple::RemoveInsert, false) => map.insert(d, value(4)).map_or(1000, |_| 4),
        }
    }

    fn meanwhile(self, (_region, map): &Objects) -> Result<(), Finding> {
        // A key that nobody touches is always there.
        let a = map.get(&keys()[0]).expect("our own handle").map(number);
        demand(a == Some(1), Verdict::LOST, || format!("{a:?}"))?;
        let (len, count) = (map.len(), map.iter().count());
        demand((1..=3).contains(&len) && len == count, Verdict::TORN, || format!("length {len}, {count} entries"))
    }

    fn afterwards(
        self,
        (_region, map): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let [a, b, c, d] = look(map)?;
        let done = point.killed_finished;
        let right = a == Some(1)
            && c.is_none()
            && match self {
                Couple::AddAdd => {
                    b == Some(2)
                        && ((d == Some(2) && (1..=2).contains(&result)) || (d == Some(1) && result == 1 && !done))
                }
                Couple::GetRemove => {
                    result == 1 && ((b.is_none() && (d == Some(4) || !done)) || (b == Some(2) && d.is_none() && !done))
                }
                Couple::RemoveInsert => result == 2 && b.is_none() && (d == Some(4) || (d.is_none() && !done)),
            };
        demand(right, Verdict::LOST, || {
            format!("result {result}, {a:?} {b:?} {c:?} {d:?}, the second one finished: {done}")
        })?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)
    }
}
