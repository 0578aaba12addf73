//! Cells that are set once: a setter is killed at every instruction; the cell is set, whole, or still empty, and then the next one
//! sets it.

use std::time::Duration;

use ipc_posix::{OnceCell, Region};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, patience};
use crate::stepper::Verdict;

const CELL: &str = "cell";
type Value = [u64; 3];
const FIRST: Value = [1; 3];
const SECOND: Value = [2; 3];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Set,
    GetOrInit,
    /// After an earlier initialiser that was killed at it.
    InitAfterDeath,
    /// Waits in vain for a moment.
    Wait,
    /// Sets it while somebody waits.
    SetWakes,
}

pub(super) fn set() -> Scenes {
    play::scenes(&[Deed::Set, Deed::GetOrInit, Deed::InitAfterDeath])
}

pub(super) fn set_wakes() -> Scenes {
    play::scenes(&[Deed::SetWakes])
}

pub(super) fn wait() -> Scenes {
    play::scenes(&[Deed::Wait])
}

type Objects = (Region, OnceCell<Value>);

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let cell = region.once_cell(CELL).open().expect("the cell opens");
    (region, cell)
}

fn die_as_initialiser(folder: &Folder) {
    let helper = Helper::fork(|| {
        let _ = open(folder).1.get_or_init(|| {
            // SAFETY: no memory is passed.
            unsafe { libc::_exit(0) }
        });
    });
    assert!(helper.join(), "the earlier initialiser dies as planned");
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let cell = region.once_cell(CELL).create().expect("the cell is created");
        if self == Deed::InitAfterDeath {
            die_as_initialiser(folder);
        }
        (region, cell)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, cell): &Objects, begin: &mut dyn FnMut()) {
        begin();
        match self {
            Deed::Set | Deed::SetWakes => cell.set(FIRST).expect("an empty cell"),
            Deed::GetOrInit | Deed::InitAfterDeath => {
                let _ = std::hint::black_box(cell.get_or_init(|| FIRST));
            }
            Deed::Wait => {
                let _ = std::hint::black_box(cell.wait_timeout(Duration::from_millis(2)));
            }
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        (self == Deed::SetWakes).then_some(|(_region, cell)| match cell.wait_timeout(patience()) {
            Ok(value) if value == FIRST || value == SECOND => value[0],
            _ => u64::MAX,
        })
    }

    fn rouse(self, (_region, cell): &Objects) -> Result<(), Finding> {
        granted("the survivor", cell.get_or_init(|| SECOND)).map(drop)
    }

    fn look(self, (_region, cell): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let set = cell.get().expect("our own handle");
        let (_newcomers, newcomer) = open(folder);
        let is_set = [cell.is_set(), newcomer.is_set()];
        demand(is_set == [set.is_some(); 2], Verdict::TORN, || format!("{set:?}, but is it set? {is_set:?}"))?;
        let sets = self != Deed::Wait;
        demand(set != Some(SECOND) || self == Deed::SetWakes, Verdict::TORN, || format!("{set:?}"))?;
        if let Some(value) = set {
            demand([FIRST, SECOND].contains(&value) && sets, Verdict::TORN, || format!("{value:?}"))?;
        }
        demand(!(finished && sets) || set == Some(FIRST), Verdict::LOST, || format!("set, and now {set:?}"))?;
        let value = granted("the survivor", cell.get_or_init(|| SECOND))?;
        demand(set.is_none_or(|set| set == value), Verdict::TORN, || format!("{set:?}, then {value:?}"))?;
        let seen = granted("a newcomer", newcomer.get_or_init(|| [3; 3]))?;
        demand(seen == value, Verdict::TORN, || format!("{value:?}, a newcomer {seen:?}"))?;
        let is_set = [cell.is_set(), newcomer.is_set()];
        demand(is_set == [true; 2] && cell.get() == Ok(Some(value)), Verdict::TORN, || {
            format!("{:?}, not {value:?}; is it set? {is_set:?}", cell.get())
        })?;
        demand(result == 0 || result == value[0], Verdict::TORN, || format!("{value:?}, the sleeper {result}"))
    }
}
