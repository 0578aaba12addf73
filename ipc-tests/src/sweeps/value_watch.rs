//! Latest-value cells of written values: a writer is killed at every instruction; the value is the old one or the new one, whole and of
//! its own length, with the version that belongs to it, and the next writer goes on.

use std::time::Duration;

use ipc_posix::{Region, ValueWatch};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, couple, patience};
use crate::stepper::{PairPoint, Verdict};

const CELL: &str = "cell";
type Value = Vec<u64>;

/// The value of a version: each of another length.
fn value(version: u64) -> Value {
    vec![version << 30; 1 + version as usize % 5]
}

/// The version that a value belongs to.
fn version_of(value: &Value) -> u64 {
    value.first().map_or(u64::MAX, |first| first >> 30)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Set,
    Update,
    /// After an earlier writer that was killed with the writers' lock.
    UpdateAfterDeath,
    Get,
    /// Waits in vain for a moment.
    Wait,
    /// Sets it while somebody waits for a change.
    SetWakes,
}

pub(super) fn set() -> Scenes {
    play::scenes(&[Deed::Set, Deed::Update, Deed::UpdateAfterDeath])
}

pub(super) fn set_wakes() -> Scenes {
    play::scenes(&[Deed::SetWakes])
}

pub(super) fn get() -> Scenes {
    play::scenes(&[Deed::Get, Deed::Wait])
}

type Objects = (Region, ValueWatch<Value>);

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let watch = region.value_watch(CELL).open().expect("the cell opens");
    (region, watch)
}

fn die_as_writer(folder: &Folder) {
    let helper = Helper::fork(|| {
        let _ = open(folder).1.update(|_| {
            // SAFETY: no memory is passed.
            unsafe { libc::_exit(0) }
        });
    });
    assert!(helper.join(), "the earlier writer dies as planned");
}

/// The version that a handle finds, with the value that belongs to it.
fn version(watch: &ValueWatch<Value>) -> Result<u64, Finding> {
    let torn = |error: ipc_posix::GetValueError| (Verdict::TORN, format!("{error}"));
    let now = watch.get_versioned().map_err(torn)?;
    let again = watch.get().map_err(torn)?;
    let right = now.value == value(now.version) && again == now.value;
    demand(right, Verdict::TORN, || format!("version {} is {:?}", now.version, now.value))?;
    let (alone, stats) = (watch.version().expect("our own handle"), watch.stats());
    demand([alone, stats.version] == [now.version; 2], Verdict::TORN, || {
        format!("version {}, but by itself {alone}, and {stats:?}", now.version)
    })?;
    Ok(now.version)
}

/// The next version.
fn write(watch: &ValueWatch<Value>) -> Result<u64, Finding> {
    granted("a writer", watch.update(|now| *now = value(version_of(now) + 1)))?;
    version(watch)
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let watch = region.value_watch(CELL).initial(&value(0)).max_len(64).create().expect("the cell is created");
        watch.set(&value(1)).expect("our own handle");
        if self == Deed::UpdateAfterDeath {
            die_as_writer(folder);
        }
        (region, watch)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, watch): &Objects, begin: &mut dyn FnMut()) {
        begin();
        match self {
            Deed::Set | Deed::SetWakes => drop(std::hint::black_box(watch.set(&value(2)))),
            Deed::Update | Deed::UpdateAfterDeath => {
                let _ = std::hint::black_box(watch.update(|now| *now = value(version_of(now) + 1)));
            }
            Deed::Get => drop(std::hint::black_box(watch.get())),
            Deed::Wait => {
                let _ = std::hint::black_box(watch.wait_for_change_timeout(1, Duration::from_millis(2)));
            }
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        (self == Deed::SetWakes).then_some(|(_region, watch)| {
            let changed = watch.wait_for_change_timeout(1, patience());
            changed.ok().filter(|now| now.value == value(now.version)).map_or(u64::MAX, |now| now.version)
        })
    }

    fn rouse(self, (_region, watch): &Objects) -> Result<(), Finding> {
        if version(watch)? == 1 { write(watch).map(drop) } else { Ok(()) }
    }

    fn look(self, (_region, watch): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let now = version(&watch)?;
        let writes = !matches!(self, Deed::Get | Deed::Wait);
        demand(now == 1 || (now == 2 && writes), Verdict::TORN, || format!("version {now}"))?;
        demand(now == 2 || !(finished && writes), Verdict::LOST, || "a value that was set is not there".to_owned())?;
        demand(result == 0 || result == 2, Verdict::TORN, || format!("the sleeper saw version {result} of {now}"))?;
        let next = write(&watch)?;
        demand(next == now + 1, Verdict::TORN, || format!("version {now}, then {next}"))?;
        let (_region, newcomer) = open(folder);
        demand(version(&newcomer)? == next, Verdict::TORN, || "a newcomer sees another version".to_owned())?;
        write(&newcomer)?;
        demand(version(&watch)? == next + 1, Verdict::LOST, || "a newcomer's version is not seen".to_owned())
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    UpdateUpdate,
    GetUpdate,
}

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if new { Deed::Update.create(folder) } else { open(folder) }
    }

    fn act(self, first: bool, (_region, watch): &Objects, begin: &mut dyn FnMut()) -> u64 {
        begin();
        if first && self == Couple::GetUpdate {
            return watch.get_versioned().map_or(1000, |now| u64::from(now.value == value(now.version)));
        }
        watch.update(|now| *now = value(version_of(now) + 1)).map_or(1000, |()| 1)
    }

    fn meanwhile(self, (_region, watch): &Objects) -> Result<(), Finding> {
        version(watch).map(drop)
    }

    fn afterwards(
        self,
        (_region, watch): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        demand(result == 1, Verdict::TORN, || format!("result {result}, {point:?}"))?;
        // From 1 on: the first one's update, and the second one's, which must be there if it returned.
        let now = version(watch)?;
        let both = 2 + u64::from(self == Couple::UpdateUpdate);
        let right = now == both || (now + 1 == both && !point.killed_finished);
        demand(right, Verdict::LOST, || format!("version {now}, {point:?}"))?;
        let (_region, newcomer) = open(folder);
        let next = write(&newcomer)?;
        demand(next == now + 1 && version(watch)? == next, Verdict::LOST, || format!("{now}, then {next}"))
    }
}
