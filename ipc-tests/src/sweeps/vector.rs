//! Vectors: a process is killed at every instruction of a change; the vector is old or new, whole, and the next one works on. Readers and
//! holders of the lock are killed, too.

use std::hint::black_box;

use ipc_posix::{Region, Vector};

use super::couple;
use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "vector";
const CAPACITY: usize = 6;
/// What is there before, by number.
const OLD: [u64; 4] = [4, 1, 3, 2];

/// An element that shows when it is torn.
type Element = [u64; 3];
type AVector = Vector<Element>;
type Objects = (Region, AVector);

const fn element(number: u64) -> Element {
    [number, !number, number]
}

/// The number of an element; 0 if it is torn.
fn number(element: &Element) -> u64 {
    if *element == self::element(element[0]) { element[0] } else { 0 }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Push,
    Extend,
    Pop,
    Truncate,
    Set,
    /// After an earlier one that was killed with the lock, after it had changed elements under it.
    SetAfterDeath,
    Swap,
    InsertFirst,
    RemoveFirst,
    SwapRemove,
    Sort,
    Retain,
    Guard,
    Get,
    Read,
}

pub(super) fn end() -> Scenes {
    play::scenes(&[Deed::Push, Deed::Extend, Deed::Pop, Deed::Truncate])
}

pub(super) fn middle() -> Scenes {
    play::scenes(&[Deed::Set, Deed::SetAfterDeath, Deed::Swap, Deed::InsertFirst, Deed::RemoveFirst, Deed::SwapRemove])
}

pub(super) fn whole() -> Scenes {
    play::scenes(&[Deed::Sort, Deed::Retain, Deed::Guard])
}

pub(super) fn read() -> Scenes {
    play::scenes(&[Deed::Get, Deed::Read])
}

fn create(folder: &Folder) -> Objects {
    let region = folder.create();
    let vector = region.vector(NAME).capacity(CAPACITY).create().expect("the vector is created");
    vector.extend_from_slice(&OLD.map(element)).expect("room");
    (region, vector)
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let vector = region.vector(NAME).open().expect("the vector opens");
    (region, vector)
}

fn die_with_the_lock(folder: &Folder) {
    let helper = Helper::fork(|| {
        let (_region, vector) = open(folder);
        let mut guard = vector.lock().expect("our own handle");
        guard.reverse();
        guard.push(element(9)).expect("room");
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) }
    });
    assert!(helper.join(), "the earlier one dies as planned");
}

/// The numbers of all elements; the length fits, and each reader gets the same.
fn look(vector: &AVector) -> Result<Vec<u64>, Finding> {
    let len = vector.len();
    let mut room = [element(0); CAPACITY];
    let count = granted("a survivor reads", vector.read(0, &mut room))?;
    let now: Vec<u64> = room[..count].iter().map(number).collect();
    let each: Vec<u64> =
        (0..).map_while(|index| vector.get(index).expect("our own handle").as_ref().map(number)).collect();
    let lent: Vec<u64> = granted("a survivor locks", vector.lock())?.iter().map(number).collect();
    demand(len == now.len() && now == each && now == lent, Verdict::TORN, || {
        format!("length {len}, {now:?}, one by one {each:?}, lent {lent:?}")
    })?;
    Ok(now)
}

/// Survivors change everything.
fn work(vector: &AVector) -> Result<(), Finding> {
    granted("a survivor locks", vector.lock_timeout(patience())).map(drop)?;
    granted("a survivor clears", vector.clear())?;
    for number in 5..9 {
        granted("a survivor inserts", vector.insert(0, element(number)))?;
    }
    granted("a survivor extends", vector.extend_from_slice(&[element(1), element(2)]))?;
    demand(vector.push(element(3)).is_err_and(|error| error.is_full()), Verdict::TORN, || "more room".to_owned())?;
    granted("a survivor removes", vector.remove(1))?;
    granted("a survivor swaps", vector.swap(0, 4))?;
    granted("a survivor sets", vector.set(1, element(7)))?;
    granted("a survivor sorts", vector.sort_unstable_by_key(|element| element[0]))?;
    let now = look(vector)?;
    demand(now == [1, 2, 5, 7, 8], Verdict::TORN, || format!("worked, and then {now:?}"))
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let objects = create(folder);
        if self == Deed::SetAfterDeath {
            die_with_the_lock(folder);
        }
        objects
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, vector): &Objects, begin: &mut dyn FnMut()) {
        begin();
        match self {
            Deed::Push => _ = black_box(vector.push(element(5))),
            Deed::Extend => _ = black_box(vector.extend_from_slice(&[element(5), element(6)])),
            Deed::Pop => _ = black_box(vector.pop()),
            Deed::Truncate => _ = black_box(vector.truncate(2)),
            Deed::Set | Deed::SetAfterDeath => _ = black_box(vector.set(1, element(5))),
            Deed::Swap => _ = black_box(vector.swap(0, 3)),
            Deed::InsertFirst => _ = black_box(vector.insert(0, element(5))),
            Deed::RemoveFirst => _ = black_box(vector.remove(0)),
            Deed::SwapRemove => _ = black_box(vector.swap_remove(1)),
            Deed::Sort => _ = black_box(vector.sort_unstable_by_key(|element| element[0])),
            Deed::Retain => _ = black_box(vector.retain(|element| element[0] != 1)),
            Deed::Guard => {
                if let Ok(mut guard) = vector.lock() {
                    guard[0] = element(5);
                    _ = black_box((guard.remove(1), guard.push(element(6))));
                }
            }
            Deed::Get => _ = black_box(vector.get(1)),
            Deed::Read => _ = black_box(vector.read(0, &mut [element(0); CAPACITY])),
        }
    }

    fn look(self, (_region, vector): Objects, folder: &Folder, finished: bool, _: u64) -> Result<(), Finding> {
        let len = vector.len();
        let new: &[u64] = match self {
            Deed::Push => &[4, 1, 3, 2, 5],
            Deed::Extend => &[4, 1, 3, 2, 5, 6],
            Deed::Pop => &[4, 1, 3],
            Deed::Truncate => &[4, 1],
            Deed::Set | Deed::SetAfterDeath => &[4, 5, 3, 2],
            Deed::Swap => &[2, 1, 3, 4],
            Deed::InsertFirst => &[5, 4, 1, 3, 2],
            Deed::RemoveFirst => &[1, 3, 2],
            Deed::SwapRemove => &[4, 2, 3],
            Deed::Sort => &[1, 2, 3, 4],
            Deed::Retain => &[4, 3, 2],
            Deed::Guard => &[5, 3, 2, 6],
            Deed::Get | Deed::Read => &OLD,
        };
        granted("a survivor locks", vector.lock_timeout(patience())).map(drop)?;
        let now = look(&vector)?;
        let right = now == new || (now == OLD && !finished);
        demand(right && len == now.len(), Verdict::TORN, || {
            format!("{now:?}, finished {finished}, length before the repair {len}")
        })?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)?;
        work(&vector)
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    InsertSort,
    PushRemove,
}

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if new { create(folder) } else { open(folder) }
    }

    fn act(self, first: bool, (_region, vector): &Objects, begin: &mut dyn FnMut()) -> u64 {
        begin();
        let done = match (self, first) {
            (Couple::InsertSort, true) => vector.insert(0, element(5)).is_ok(),
            (Couple::InsertSort, false) => vector.sort_unstable_by_key(|element| element[0]).is_ok(),
            (Couple::PushRemove, true) => vector.push(element(5)).is_ok(),
            (Couple::PushRemove, false) => vector.remove(0).is_ok(),
        };
        if done { 1 } else { 1000 }
    }

    fn meanwhile(self, (_region, vector): &Objects) -> Result<(), Finding> {
        let len = vector.len();
        demand((3..=5).contains(&len), Verdict::TORN, || format!("length {len}"))
    }

    fn afterwards(
        self,
        (_region, vector): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let now = look(vector)?;
        // The first one's deed alone, and both in either order.
        let (alone, both): (&[u64], [&[u64]; 2]) = match self {
            Couple::InsertSort => (&[5, 4, 1, 3, 2], [&[5, 1, 2, 3, 4], &[1, 2, 3, 4, 5]]),
            Couple::PushRemove => (&[4, 1, 3, 2, 5], [&[1, 3, 2, 5], &[1, 3, 2, 5]]),
        };
        let right = result == 1 && (both.contains(&&now[..]) || (now == alone && !point.killed_finished));
        demand(right, Verdict::LOST, || {
            format!("result {result}, {now:?}, the second one finished: {}", point.killed_finished)
        })?;
        let (_region, newcomer) = open(folder);
        work(&newcomer)
    }
}
