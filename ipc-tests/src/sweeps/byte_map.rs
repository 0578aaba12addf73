//! Byte maps: a writer is killed at every instruction; its entry is old or new, with the length that belongs to its bytes, and all others are
//! as they were. Readers are killed, too.

use std::hint::black_box;

use ipc_posix::{ByteMap, Region};

use super::couple;
use super::play::{self, Finding, Play, demand, granted};
use super::stage::Folder;
use super::{Scenes, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "map";
const CAPACITY: usize = 3;
/// More than a cell's bytes, and no multiple of them.
const OLD: &str = "old value";
const NEW: &str = "a new and longer value";

type Objects = (Region, ByteMap);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Insert,
    Replace,
    Update,
    AlterAway,
    Get,
    Iterate,
}

pub(super) fn write() -> Scenes {
    play::scenes(&[Deed::Insert, Deed::Replace, Deed::Update, Deed::AlterAway])
}

pub(super) fn read() -> Scenes {
    play::scenes(&[Deed::Get, Deed::Iterate])
}

fn create(folder: &Folder) -> Objects {
    let region = folder.create();
    let wanted = region.byte_map(NAME).capacity(CAPACITY).max_key(10).max_value(30).seed([0, 0]);
    let map = wanted.create().expect("the map is created");
    map.insert("changed", OLD).expect("room");
    map.insert("other", "").expect("room");
    (region, map)
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let map = region.byte_map(NAME).open().expect("the map opens");
    (region, map)
}

fn get(map: &ByteMap, key: &str) -> Option<String> {
    let value = map.get_vec(key).expect("our own handle");
    value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// What readers have of the key that is changed and of the new one; the length and the iteration fit, and the other one is as it was.
fn look(map: &ByteMap) -> Result<[Option<String>; 2], Finding> {
    let len = map.len();
    let got = ["changed", "new"].map(|key| get(map, key));
    let there = got.iter().flatten().count() + 1;
    let count = map.iter().count();
    let right = get(map, "other").as_deref() == Some("") && len == there && count == there;
    demand(right, Verdict::TORN, || format!("{got:?}, length {len}, {count} in the iteration"))?;
    Ok(got)
}

/// Survivors change everything.
fn work(map: &ByteMap) -> Result<(), Finding> {
    granted("a survivor locks", map.lock_timeout(patience())).map(drop)?;
    granted("a survivor clears", map.clear())?;
    for key in ["changed", "new", "other"] {
        granted("a survivor inserts", map.insert(key, key))?;
    }
    demand(map.insert("more", "").is_err_and(|error| error.is_full()), Verdict::TORN, || "more room".to_owned())?;
    granted("a survivor updates", map.update("new", |value| value.clear()))?;
    granted("a survivor inserts", map.insert("other", ""))?;
    let now = look(map)?;
    let wanted = ["changed", ""].map(|text| Some(text.to_owned()));
    demand(now == wanted, Verdict::TORN, || format!("worked, and then {now:?}"))
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        create(folder)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, map): &Objects, begin: &mut dyn FnMut()) {
        begin();
        match self {
            Deed::Insert => _ = black_box(map.insert("new", NEW)),
            Deed::Replace => _ = black_box(map.insert("changed", NEW)),
            Deed::Update => _ = black_box(map.update("changed", |value| *value = NEW.into())),
            Deed::AlterAway => _ = black_box(map.alter("changed", |_| None)),
            Deed::Get => _ = black_box(map.get("changed", &mut [0; 30])),
            Deed::Iterate => _ = black_box(map.iter().count()),
        }
    }

    fn look(self, (_region, map): Objects, folder: &Folder, finished: bool, _: u64) -> Result<(), Finding> {
        let now = look(&map)?;
        let text = |text: &str| Some(text.to_owned());
        let old = [text(OLD), None];
        let new = match self {
            Deed::Insert => [text(OLD), text(NEW)],
            Deed::Replace | Deed::Update => [text(NEW), None],
            Deed::AlterAway => [None, None],
            Deed::Get | Deed::Iterate => old.clone(),
        };
        let right = now == new || (now == old && !finished);
        demand(right, Verdict::TORN, || format!("{now:?}, finished {finished}"))?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)?;
        work(&map)
    }
}

/// A reader that is stopped, beside a writer that replaces the value twice, so that the copy that is read is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GetReplace;

/// Two values of one length would hide a torn one.
const VALUES: [&str; 3] = [OLD, "", NEW];

impl couple::Couple for GetReplace {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if new { create(folder) } else { open(folder) }
    }

    fn act(self, first: bool, (_region, map): &Objects, begin: &mut dyn FnMut()) -> u64 {
        begin();
        if first {
            let got = get(map, "changed");
            VALUES.iter().position(|value| got.as_deref() == Some(*value)).map_or(1000, |at| at as u64)
        } else {
            VALUES[1..].iter().map(|value| map.insert("changed", value).map_or(1000, |_| 1)).sum()
        }
    }

    fn meanwhile(self, (_region, map): &Objects) -> Result<(), Finding> {
        look(map).map(drop)
    }

    fn afterwards(self, (_region, map): &Objects, folder: &Folder, _: PairPoint, result: u64) -> Result<(), Finding> {
        demand(result < 3, Verdict::TORN, || format!("the reader got {result}"))?;
        look(map)?;
        work(&open(folder).1)
    }
}
