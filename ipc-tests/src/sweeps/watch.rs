//! Latest-value cells: a writer is killed at every instruction; the value is the old one or the new one, whole, with the version that
//! belongs to it, and the next writer goes on. A counted writer is killed, too: readers see the last value, and then the end.

use std::time::Duration;

use ipc_posix::{ChangedTimeoutError, Region, Watch};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, in_short_waits, patience};
use crate::stepper::Verdict;

const CELL: &str = "cell";
type Value = [u64; 3];
/// The value of a version.
const fn value(version: u64) -> Value {
    [version, !version, version]
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
    /// Comes as a counted writer, sets it and leaves, while a reader waits for the end.
    Leave,
    /// The only counted writer sets it and leaves, while a reader waits for the end.
    OnlyLeave,
}

pub(super) fn set() -> Scenes {
    play::scenes(&[Deed::Set, Deed::Update, Deed::UpdateAfterDeath])
}

pub(super) fn set_wakes() -> Scenes {
    play::scenes(&[Deed::SetWakes])
}

pub(super) fn leave() -> Scenes {
    play::scenes(&[Deed::Leave, Deed::OnlyLeave])
}

pub(super) fn get() -> Scenes {
    play::scenes(&[Deed::Get, Deed::Wait])
}

type Objects = (Region, Watch<Value>);

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let watch = region.watch(CELL).open().expect("the cell opens");
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
fn version(watch: &Watch<Value>) -> Result<u64, Finding> {
    let now = watch.get_versioned().expect("our own handle");
    let right = now.value == value(now.version) && watch.get() == Ok(now.value);
    demand(right, Verdict::TORN, || format!("version {} is {:?}", now.version, now.value))?;
    let (alone, stats) = (watch.version().expect("our own handle"), watch.stats());
    demand([alone, stats.version] == [now.version; 2], Verdict::TORN, || {
        format!("version {}, but by itself {alone}, and {stats:?}", now.version)
    })?;
    let fresh = watch.subscribe().expect("our own handle");
    let stale = watch.subscribe().expect("our own handle").from(now.version.wrapping_sub(1));
    let changed = [&fresh, &stale].map(|reader| reader.has_changed().expect("our own handle"));
    let seen = fresh.seen();
    demand(seen == now.version && changed == [false, true], Verdict::TORN, || {
        format!("version {}: readers have seen {seen}, and has it changed for them? {changed:?}", now.version)
    })?;
    Ok(now.version)
}

/// The next version.
fn write(watch: &Watch<Value>) -> Result<u64, Finding> {
    granted("a writer", watch.update(|now| value(now[0] + 1))).map(|before| before[0] + 1)
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let watch = region.watch(CELL).initial(value(0)).create().expect("the cell is created");
        watch.set(value(1)).expect("our own handle");
        if self == Deed::UpdateAfterDeath {
            die_as_writer(folder);
        }
        (region, watch)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, watch): &Objects, begin: &mut dyn FnMut()) {
        let only = (self == Deed::OnlyLeave).then(|| watch.writer().expect("our own handle"));
        begin();
        match self {
            Deed::Set | Deed::SetWakes => drop(std::hint::black_box(watch.set(value(2)))),
            Deed::Update | Deed::UpdateAfterDeath => {
                let _ = std::hint::black_box(watch.update(|now| value(now[0] + 1)));
            }
            Deed::Leave | Deed::OnlyLeave => {
                let writer = only.unwrap_or_else(|| watch.writer().expect("our own handle"));
                let _ = std::hint::black_box(writer.set(value(2)));
            }
            Deed::Get => drop(std::hint::black_box(watch.get())),
            Deed::Wait => {
                let _ = std::hint::black_box(watch.wait_for_change_timeout(1, Duration::from_millis(2)));
            }
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        match self {
            Deed::SetWakes => Some(|(_region, watch)| {
                let changed = watch.wait_for_change_timeout(1, patience());
                changed.ok().filter(|now| now.value == value(now.version)).map_or(u64::MAX, |now| now.version)
            }),
            // The version that was seen before the end.
            Deed::Leave | Deed::OnlyLeave => Some(|(_region, watch)| {
                let mut reader = watch.subscribe().expect("our own handle").from(1);
                loop {
                    let changed = in_short_waits(|limit| match reader.changed_timeout(limit) {
                        Err(ChangedTimeoutError::Timeout) => None,
                        changed => Some(changed),
                    });
                    match changed {
                        Some(Ok(now)) if now == value(reader.seen()) => {}
                        Some(Err(ChangedTimeoutError::Disconnected)) => return reader.seen(),
                        _ => return u64::MAX,
                    }
                }
            }),
            _ => None,
        }
    }

    fn rouse(self, (_region, watch): &Objects) -> Result<(), Finding> {
        if self == Deed::Leave {
            // The victim may not have come as far as to be counted.
            drop(granted("a writer", watch.writer())?);
            return Ok(());
        }
        if self == Deed::OnlyLeave {
            // The reader notices by itself.
            return Ok(());
        }
        if version(watch)? == 1 { write(watch).map(drop) } else { Ok(()) }
    }

    fn look(self, (_region, watch): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let now = version(&watch)?;
        let writes = !matches!(self, Deed::Get | Deed::Wait);
        demand(now == 1 || (now == 2 && writes), Verdict::TORN, || format!("version {now}"))?;
        demand(now == 2 || !(finished && writes), Verdict::LOST, || "a value that was set is not there".to_owned())?;
        let leaves = matches!(self, Deed::Leave | Deed::OnlyLeave);
        let counted = watch.stats().writers;
        // The sleeper has removed a dead one on the way.
        demand(counted == 0, Verdict::TORN, || format!("{counted} writers are counted"))?;
        let seen = if leaves { result == now } else { result == 0 || result == 2 };
        demand(seen, Verdict::TORN, || format!("the sleeper saw version {result} of {now}"))?;
        let next = write(&watch)?;
        demand(next == now + 1, Verdict::TORN, || format!("version {now}, then {next}"))?;
        let (_region, newcomer) = open(folder);
        demand(version(&newcomer)? == next, Verdict::TORN, || "a newcomer sees another version".to_owned())?;
        write(&newcomer)?;
        demand(version(&watch)? == next + 1, Verdict::LOST, || "a newcomer's version is not seen".to_owned())
    }
}
