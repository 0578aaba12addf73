//! Mutexes around values of serde's types: a process that changes the value is killed at every instruction. The value is the old one or the
//! new one, whole, and the next locker goes on without being told. Only a change in place of the bytes leaves a mark, until a value is set.

use std::hint::black_box;

use ipc_posix::{Region, TryWriteError, TryWriteValueError, ValueMutex, WriteValueTimeoutError};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{Folder, Helper};
use super::{Scenes, couple, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "values";
const MAX_LEN: usize = 30;
/// A value that no sweep writes, and more of it than fits.
const TOO_LONG: [u8; MAX_LEN] = [7; MAX_LEN];

type Value = (u32, Vec<u8>);
type Objects = (Region, ValueMutex<Value>);

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Set,
    SetTooLong,
    /// After a holder that died while it changed the bytes in place.
    SetHalfChanged,
    Update,
    UpdateTooLong,
    /// The first value.
    UpdateDefault,
    /// After a holder that died in its closure.
    UpdateAfterDeath,
    /// Somebody sleeps for the lock, while the closure ends.
    UpdateWakes,
    Get,
}

pub(super) fn write() -> Scenes {
    play::scenes(&[
        Deed::Set,
        Deed::SetTooLong,
        Deed::SetHalfChanged,
        Deed::Update,
        Deed::UpdateTooLong,
        Deed::UpdateDefault,
        Deed::UpdateAfterDeath,
    ])
}

pub(super) fn write_wakes() -> Scenes {
    play::scenes(&[Deed::UpdateWakes])
}

pub(super) fn read() -> Scenes {
    play::scenes(&[Deed::Get])
}

/// The value of a number: of another length than that of its neighbours, and each byte says whose it is.
fn value(number: u32) -> Value {
    (number, vec![number as u8; number as usize * 5 % 23])
}

/// The number of a value.
fn number(now: &Value) -> Result<u32, Finding> {
    demand(*now == value(now.0), Verdict::TORN, || format!("{now:?}"))?;
    Ok(now.0)
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let mutex = region.value_mutex(NAME).open().expect("the mutex opens");
    (region, mutex)
}

fn die(folder: &Folder, in_place: bool) {
    // SAFETY: no memory is passed.
    let exit = || unsafe { libc::_exit(0) };
    let helper = Helper::fork(|| {
        let mutex = open(folder).1;
        if in_place {
            let mut bytes = mutex.bytes().lock().expect("a free lock");
            bytes[5] ^= 0xff;
            exit();
        }
        let _ = mutex.update(|now| {
            *now = value(9);
            exit();
        });
    });
    assert!(helper.join(), "the earlier holder dies as planned");
}

/// What a survivor finds.
fn found(mutex: &ValueMutex<Value>) -> Result<u32, Finding> {
    number(&granted("a survivor", mutex.get_timeout(patience()))?)
}

/// The next value, set by a survivor.
fn write_next(mutex: &ValueMutex<Value>) -> Result<u32, Finding> {
    granted("a survivor", mutex.update(|now| *now = value(now.0 + 1)))?;
    found(mutex)
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let mutex = region.value_mutex(NAME).max_len(MAX_LEN).create().expect("the mutex is created");
        if self != Deed::UpdateDefault {
            mutex.set(&value(1)).expect("our own handle");
        }
        if matches!(self, Deed::UpdateAfterDeath | Deed::SetHalfChanged) {
            die(folder, self == Deed::SetHalfChanged);
        }
        (region, mutex)
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, mutex): &Objects, begin: &mut dyn FnMut()) {
        let new = value(2);
        if self == Deed::UpdateWakes {
            mutex
                .update(|now| {
                    now.clone_from(&new);
                    begin();
                })
                .expect("room");
            return;
        }
        begin();
        match self {
            Deed::Set | Deed::SetHalfChanged => drop(black_box(mutex.set(&new))),
            Deed::SetTooLong => drop(black_box(mutex.set(&(2, TOO_LONG.to_vec())))),
            Deed::UpdateTooLong => drop(black_box(mutex.update(|now| *now = (2, TOO_LONG.to_vec())))),
            Deed::Get => drop(black_box(mutex.get())),
            _ => drop(black_box(mutex.update(|now| *now = new))),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        fn get((_region, mutex): Objects) -> u64 {
            mutex.get().ok().and_then(|now| number(&now).ok()).map_or(u64::MAX, u64::from)
        }
        (self == Deed::UpdateWakes).then_some(get)
    }

    fn look(self, (_region, mutex): Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let now = match mutex.get_timeout(patience()) {
            Err(WriteValueTimeoutError::Value(_)) if self == Deed::SetHalfChanged && !finished => {
                granted("a survivor sets", mutex.set(&value(1)))?;
                1
            }
            now => number(&granted("a survivor", now)?)?,
        };
        let poisoned = mutex.bytes().stats();
        demand(!poisoned.owner_died && poisoned.holder.is_none(), Verdict::TORN, || format!("{poisoned:?}"))?;
        let old = u32::from(self != Deed::UpdateDefault);
        let new = if matches!(self, Deed::Get | Deed::SetTooLong | Deed::UpdateTooLong) { old } else { 2 };
        demand(now == new || (now == old && !finished), Verdict::LOST, || format!("{now}, finished: {finished}"))?;
        let slept = if self == Deed::UpdateWakes { result == u64::from(now) } else { result == 0 };
        demand(slept, Verdict::TORN, || format!("the sleeper found {result}, and then it was {now}"))?;
        // Everybody goes on.
        let next = write_next(&mutex)?;
        demand(next == now + 1, Verdict::LOST, || format!("{now}, then {next}"))?;
        let (_region, newcomer) = open(folder);
        demand(found(&newcomer)? == next, Verdict::LOST, || "a newcomer finds another value".to_owned())?;
        granted("a newcomer", newcomer.try_set(&value(next)))?;
        let last = write_next(&newcomer)?;
        demand(found(&mutex)? == last, Verdict::LOST, || "a newcomer's value is not there".to_owned())
    }
}

/// Two processes update the value. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy)]
pub(super) struct UpdateUpdate;

impl couple::Couple for UpdateUpdate {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if new { Deed::Update.create(folder) } else { open(folder) }
    }

    fn act(self, _: bool, (_region, mutex): &Objects, begin: &mut dyn FnMut()) -> u64 {
        begin();
        mutex.update(|now| *now = value(now.0 + 1)).map_or(1000, |()| 1)
    }

    fn meanwhile(self, (_region, mutex): &Objects) -> Result<(), Finding> {
        match mutex.try_get() {
            Ok(now) => number(&now).map(drop),
            Err(TryWriteValueError::Lock(TryWriteError::WouldBlock)) => Ok(()),
            Err(error) => Err((Verdict::WEDGED, format!("a survivor: {error}"))),
        }
    }

    fn afterwards(
        self,
        (_region, mutex): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        // From 1 on: the first one's update, and the second one's, which must be there if it returned.
        let now = found(mutex)?;
        let right = result == 1 && (now == 3 || (now == 2 && !point.killed_finished));
        demand(right, Verdict::LOST, || format!("result {result}, {now}, {point:?}"))?;
        let stats = mutex.bytes().stats();
        demand(!stats.owner_died && stats.holder.is_none(), Verdict::TORN, || format!("{stats:?}"))?;
        let (_region, newcomer) = open(folder);
        let next = write_next(&newcomer)?;
        demand(next == now + 1 && found(mutex)? == next, Verdict::LOST, || format!("{now}, then {next}"))
    }
}
