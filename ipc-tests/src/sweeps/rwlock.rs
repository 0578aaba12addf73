//! Reader-writer locks: a reader or a writer is killed at every instruction; the others get the lock, and find the old data, the new
//! ones, or the mark of a writer that was in the middle.

use std::time::Duration;

use ipc_posix::{LockError, LockTimeoutError, Region, RwLock, RwLockWriteGuard};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{self, Folder, Helper, Note, Page};
use super::{Scenes, patience};
use crate::stepper::Verdict;

const LOCK: &str = "lock";
type Data = [u64; 3];
const OLD: Data = [1; 3];
const NEW: Data = [2; 3];
const HALF: Data = [9, 1, 1];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Read,
    TryRead,
    Write,
    TryWrite,
    Downgrade,
    /// Waits in vain for readers to leave.
    WriteTimeout,
    /// Waits in vain for a writer.
    ReadTimeout,
    /// Gives back a read lock for which a writer sleeps.
    ReaderLeaves,
    /// Gives back the write lock for which a reader, or another writer, sleeps.
    WriterLeavesToReader,
    WriterLeavesToWriter,
}

/// Who has the lock at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    Nobody,
    /// Dead.
    DeadReader,
    DeadWriter,
    /// Alive until the victim is dead.
    Reader,
    Writer,
}

#[derive(Clone, Copy)]
struct Act {
    deed: Deed,
    holder: Holder,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}, {:?}", self.deed, self.holder)
    }
}

fn scenes(deeds: &[Deed], holders: &[Holder]) -> Scenes {
    let acts = deeds.iter().flat_map(|deed| holders.iter().map(|holder| Act { deed: *deed, holder: *holder }));
    play::scenes(&acts.collect::<Vec<_>>())
}

const NOBODY_OR_DEAD: &[Holder] = &[Holder::Nobody, Holder::DeadReader, Holder::DeadWriter];

pub(super) fn read() -> Scenes {
    scenes(&[Deed::Read, Deed::TryRead], NOBODY_OR_DEAD)
}

pub(super) fn write() -> Scenes {
    scenes(&[Deed::Write, Deed::TryWrite, Deed::Downgrade], NOBODY_OR_DEAD)
}

pub(super) fn timeout() -> Scenes {
    // A writer that waits for another writer is as one that waits for a mutex.
    let mut all = scenes(&[Deed::WriteTimeout], &[Holder::Reader]);
    all.extend(scenes(&[Deed::ReadTimeout], &[Holder::Writer]));
    all
}

pub(super) fn unlock_wakes() -> Scenes {
    scenes(&[Deed::ReaderLeaves, Deed::WriterLeavesToReader, Deed::WriterLeavesToWriter], &[Holder::Nobody])
}

pub(super) struct Objects {
    lock: RwLock<Data>,
    _region: Region,
    holder: Option<Helper>,
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    Objects { lock: region.rwlock(LOCK).open().expect("the lock opens"), _region: region, holder: None }
}

/// Takes the lock in a process of its own, which dies or stays.
fn hold(folder: &Folder, holder: Holder) -> Option<Helper> {
    let (writes, dies) = match holder {
        Holder::Nobody => return None,
        Holder::DeadReader => (false, true),
        Holder::DeadWriter => (true, true),
        Holder::Reader => (false, false),
        Holder::Writer => (true, false),
    };
    let page = Page::new();
    let helper = Helper::fork(|| {
        let Objects { lock, .. } = open(folder);
        if writes {
            let mut guard = lock.write().expect("a free lock");
            if dies {
                *guard = HALF;
            }
            std::mem::forget(guard);
        } else {
            std::mem::forget(lock.read().expect("a free lock"));
        }
        page.set(Note::Armed, 1);
        if !dies {
            loop {
                stage::pause();
            }
        }
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) };
    });
    if dies {
        assert!(helper.join(), "the earlier holder dies as planned");
        return None;
    }
    assert!(stage::comes_true(|| page.get(Note::Armed) == 1), "the holder has the lock");
    Some(helper)
}

/// Word by word, as a compiler would not have to: in between, the data are torn.
fn change_in_place(data: &mut Data) {
    for (word, new) in data.iter_mut().zip(NEW) {
        // SAFETY: a valid, exclusive reference.
        unsafe { std::ptr::from_mut(word).write_volatile(new) };
    }
}

/// Changes the data, and repairs them if they were suspect.
fn change(mut guard: RwLockWriteGuard<'_, Data>, suspect: bool) -> RwLockWriteGuard<'_, Data> {
    change_in_place(&mut guard);
    if suspect {
        guard.mark_consistent().unwrap();
    }
    guard
}

fn write_lock(lock: &RwLock<Data>) -> RwLockWriteGuard<'_, Data> {
    match lock.write() {
        Ok(guard) => change(guard, false),
        Err(error) => change(error.into_guard().expect("the lock"), true),
    }
}

impl Act {
    fn writes(self) -> bool {
        matches!(
            self.deed,
            Deed::Write | Deed::TryWrite | Deed::Downgrade | Deed::WriterLeavesToReader | Deed::WriterLeavesToWriter
        )
    }

    /// The data that may be found without a mark, and whether there may be one.
    fn expected(self, finished: bool) -> (&'static [Data], bool) {
        let marked = self.holder == Holder::DeadWriter;
        match self.deed {
            Deed::WriterLeavesToReader | Deed::WriterLeavesToWriter if finished => (&[NEW], false),
            Deed::WriterLeavesToReader | Deed::WriterLeavesToWriter => (&[NEW], true),
            // The living writer was killed after all, when the victim was dead.
            _ if self.holder == Holder::Writer => (&[], true),
            _ if !self.writes() => (if marked { &[] } else { &[OLD] }, marked),
            _ if finished => (&[NEW], false),
            _ if marked => (&[NEW], true),
            _ => (&[OLD, NEW], true),
        }
    }
}

/// The lock says of itself what is so, to one that holds it or finds it free.
fn told(when: &str, lock: &RwLock<Data>, readers: u64, written: bool, marked: bool) -> Result<(), Finding> {
    let stats = lock.stats();
    let writer = written.then(|| lock.region().participant_number());
    let holders = stats.readers == readers && stats.writer.map(|writer| writer.get()) == writer;
    let right = holders && stats.owner_died == marked && !stats.poisoned && lock.is_poisoned() == marked;
    demand(right, Verdict::TORN, || format!("{when}, marked: {marked}, but {stats:?}"))
}

const CLEAN: u64 = 1;
const MARKED: u64 = 2;

impl Play for Act {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let lock = region.rwlock(LOCK).initial(OLD).create().expect("the lock is created");
        let holder = hold(folder, self.holder);
        Objects { lock, _region: region, holder }
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, objects: &Objects, begin: &mut dyn FnMut()) {
        let lock = &objects.lock;
        let soon = Duration::from_millis(3);
        match self.deed {
            Deed::ReaderLeaves => {
                let guard = lock.read().expect("a free lock");
                begin();
                return drop(guard);
            }
            Deed::WriterLeavesToReader | Deed::WriterLeavesToWriter => {
                let guard = write_lock(lock);
                begin();
                return drop(guard);
            }
            _ => begin(),
        }
        match self.deed {
            Deed::Read => drop(std::hint::black_box(lock.read().map(|guard| *guard)).is_ok()),
            Deed::TryRead => drop(std::hint::black_box(lock.try_read().map(|guard| *guard)).is_ok()),
            Deed::Write => drop(write_lock(lock)),
            Deed::TryWrite => match lock.try_write() {
                Ok(guard) => drop(change(guard, false)),
                Err(error) => drop(change(error.into_guard().expect("the lock"), true)),
            },
            Deed::Downgrade => {
                let guard = RwLockWriteGuard::downgrade(write_lock(lock)).expect("a counter");
                assert_eq!(*std::hint::black_box(guard), NEW);
            }
            Deed::ReadTimeout => assert!(matches!(lock.read_timeout(soon), Err(LockTimeoutError::Timeout))),
            _ => assert!(matches!(lock.write_timeout(soon), Err(LockTimeoutError::Timeout))),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        fn reads(objects: Objects) -> u64 {
            match objects.lock.read() {
                Ok(_) => CLEAN,
                Err(LockError::OwnerDied(_)) => MARKED,
                Err(_) => u64::MAX,
            }
        }
        fn writes(objects: Objects) -> u64 {
            match objects.lock.write() {
                Ok(_) => CLEAN,
                Err(LockError::OwnerDied(_)) => MARKED,
                Err(_) => u64::MAX,
            }
        }
        match self.deed {
            Deed::ReaderLeaves | Deed::WriterLeavesToWriter => Some(writes),
            Deed::WriterLeavesToReader => Some(reads),
            _ => None,
        }
    }

    fn look(self, mut objects: Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        // A living holder goes the way of the victim: then its lock falls to the survivors, too.
        drop(objects.holder.take());
        let lock = &objects.lock;
        let (unmarked, may_be_marked) = self.expected(finished);
        demand([0, CLEAN].contains(&result) || (result == MARKED && may_be_marked), Verdict::TORN, || {
            format!("the sleeper's result: {result}")
        })?;
        match lock.write_timeout(patience()) {
            Ok(guard) if unmarked.contains(&guard) => told("writing", lock, 0, true, false)?,
            Ok(guard) => return Err((Verdict::TORN, format!("{:?} without a mark", *guard))),
            Err(LockTimeoutError::OwnerDied(mut guard)) => {
                demand(may_be_marked, Verdict::TORN, || format!("a mark on {:?}", *guard))?;
                told("writing", lock, 0, true, true)?;
                *guard = OLD;
                guard.mark_consistent().unwrap();
            }
            Err(error) => return Err((Verdict::WEDGED, format!("the survivor: {error}"))),
        }
        let newcomer = open(folder);
        told("free", lock, 0, false, false)?;
        let reading = granted("the survivor, reading", lock.try_read())?;
        let also = granted("a newcomer, reading", newcomer.lock.try_read())?;
        demand(lock.try_write().is_err(), Verdict::TORN, || "a writer beside readers".to_owned())?;
        told("two that read", lock, 2, false, false)?;
        told("two that read, to a newcomer", &newcomer.lock, 2, false, false)?;
        drop((reading, also));
        told("none that reads", &newcomer.lock, 0, false, false)?;
        granted("the survivor, writing", lock.try_write()).map(drop)?;
        granted("a newcomer, writing", newcomer.lock.try_write()).map(drop)
    }
}
