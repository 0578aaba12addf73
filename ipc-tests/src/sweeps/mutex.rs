//! Mutexes: a holder is killed at every instruction between asking for the lock and having given it back. The next one
//! gets the lock; it finds the old value, the new one, or the mark that says that it may be neither; a transaction
//! leaves no mark.

use std::time::Duration;

use ipc_posix::{LockTimeoutError, Mutex, Region, TryLockError, mutex};

use super::play::{Finding, demand};
use super::stage::{self, Folder, Helper, Note, Page};
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

const MUTEX: &str = "mutex";
/// Two words that belong together, and a third so that a copy takes a few instructions.
pub(super) type Data = [u64; 3];

pub(super) const OLD: Data = [1, !1, 1];
pub(super) const NEW: Data = [2, !2, 2];
const HALF: Data = [9, 1, 1];

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Lock,
    TryLock,
    Timeout,
    Transaction,
    Recover,
}

/// Who has the lock at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    Nobody,
    /// Dead, half-way through a change in place.
    Dead,
    /// Dead, half-way through a transaction.
    DeadInTransaction,
    /// The survivor.
    Living,
}

struct MutexScene {
    deed: Deed,
    holder: Holder,
    folder: Folder,
    stage: Option<(Region, Mutex<Data>)>,
}

fn scenes(deed: Deed, starts: &[(&str, Holder)]) -> Scenes {
    let scene = |holder| MutexScene { deed, holder, folder: Folder::new(), stage: None };
    starts.iter().map(|(label, holder)| ((*label).to_owned(), Box::new(scene(*holder)) as Box<dyn Scene>)).collect()
}

const FREE_OR_DEAD: &[(&str, Holder)] = &[
    ("free", Holder::Nobody),
    ("a dead holder", Holder::Dead),
    ("a holder dead in a transaction", Holder::DeadInTransaction),
];

pub(super) fn lock() -> Scenes {
    scenes(Deed::Lock, FREE_OR_DEAD)
}

pub(super) fn try_lock() -> Scenes {
    scenes(Deed::TryLock, FREE_OR_DEAD)
}

pub(super) fn transaction() -> Scenes {
    scenes(Deed::Transaction, FREE_OR_DEAD)
}

pub(super) fn timeout() -> Scenes {
    scenes(Deed::Timeout, &[("a living holder", Holder::Living)])
}

pub(super) fn recover() -> Scenes {
    scenes(Deed::Recover, &FREE_OR_DEAD[1..])
}

pub(super) fn mutex_of(region: &Region) -> Mutex<Data> {
    region.mutex(MUTEX).open().expect("the mutex opens")
}

pub(super) fn create(folder: &Folder) -> (Region, Mutex<Data>) {
    let region = folder.create();
    let mutex = region.mutex(MUTEX).initial(OLD).create().expect("the mutex is created");
    (region, mutex)
}

/// Locks, leaves the data half-changed, and dies.
fn die_as_holder(folder: &Folder, transaction: bool) {
    let helper = Helper::fork(|| {
        let mutex = mutex_of(&folder.open());
        if transaction {
            let mut change = mutex.lock_transaction().expect("a free lock");
            *change = HALF;
            std::mem::forget(change);
        } else {
            let mut guard = mutex.lock().expect("a free lock");
            *guard = HALF;
            std::mem::forget(guard);
        }
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) };
    });
    assert!(helper.join(), "the earlier holder dies as planned");
}

/// Changes word by word, as a compiler would not have to: in between, the data are torn.
pub(super) fn change_in_place(data: &mut Data) {
    for (word, new) in data.iter_mut().zip(NEW) {
        // SAFETY: a valid, exclusive reference.
        unsafe { std::ptr::from_mut(word).write_volatile(new) };
    }
}

impl MutexScene {
    /// The operation. `None`: the lock could not be had.
    fn act(deed: Deed, region: &Region, mutex: &Mutex<Data>) {
        match deed {
            Deed::Lock => match mutex.lock() {
                Ok(mut guard) => change_in_place(&mut guard),
                Err(error) => {
                    let mut guard = error.into_guard().expect("the lock");
                    change_in_place(&mut guard);
                    guard.mark_consistent().unwrap();
                }
            },
            Deed::TryLock => match mutex.try_lock() {
                Ok(mut guard) => change_in_place(&mut guard),
                Err(error) => {
                    let mut guard = error.into_guard().expect("the lock");
                    change_in_place(&mut guard);
                    guard.mark_consistent().unwrap();
                }
            },
            Deed::Transaction => {
                let (mut change, marked) = match mutex.lock_transaction() {
                    Ok(change) => (change, false),
                    Err(error) => (error.into_guard().expect("the lock"), true),
                };
                *change = NEW;
                if marked {
                    change.store().unwrap();
                    change.mark_consistent().unwrap();
                } else {
                    change.commit().unwrap();
                }
            }
            Deed::Timeout => {
                let result = mutex.lock_timeout(Duration::from_millis(3));
                assert!(matches!(result, Err(LockTimeoutError::Timeout)));
            }
            Deed::Recover => {
                region.recover().unwrap();
            }
        }
    }

    /// The data that a holder may find without a mark, and whether there may be a mark.
    fn expected(&self, finished: bool) -> (&'static [Data], bool) {
        let was_marked = self.holder == Holder::Dead;
        match self.deed {
            Deed::Timeout => (&[OLD], false),
            Deed::Recover => (if was_marked { &[] } else { &[OLD] }, was_marked),
            _ if finished => (&[NEW], false),
            // With a mark at the start, it goes only when the data are new.
            _ if was_marked => (&[NEW], true),
            Deed::Transaction => (&[OLD, NEW], false),
            Deed::Lock | Deed::TryLock => (&[OLD, NEW], true),
        }
    }

    fn look(&self, mutex: &Mutex<Data>, finished: bool) -> Result<(), (Verdict, String)> {
        let (unmarked, may_be_marked) = self.expected(finished);
        let before = mutex.stats();
        match mutex.lock_timeout(patience()) {
            Ok(guard) if unmarked.contains(&guard) => keep_books(mutex, before, false)?,
            Ok(guard) => return Err((Verdict::TORN, format!("{:?} without a mark", *guard))),
            Err(LockTimeoutError::OwnerDied(mut guard)) => {
                keep_books(mutex, before, true)?;
                if !may_be_marked {
                    return Err((Verdict::TORN, format!("a mark on {:?}", *guard)));
                }
                *guard = OLD;
                guard.mark_consistent().unwrap();
            }
            Err(error) => return Err((Verdict::WEDGED, format!("the survivor: {error}"))),
        }
        // Everybody goes on: this process, and one that has just come.
        let newcomer = mutex_of(&self.folder.open());
        for mutex in [mutex, &newcomer] {
            let stats = mutex.stats();
            let quiet = stats.holder.is_none() && !stats.owner_died && !stats.poisoned;
            demand(quiet && !mutex.is_locked() && !mutex.is_poisoned(), Verdict::TORN, || format!("free: {stats:?}"))?;
        }
        for (who, mutex) in [("the survivor", mutex), ("a newcomer", &newcomer)] {
            match mutex.try_lock() {
                Ok(mut guard) => *guard = NEW,
                Err(TryLockError::OwnerDied(_)) => return Err((Verdict::TORN, format!("{who}: marked again"))),
                Err(error) => return Err((Verdict::WEDGED, format!("{who}: {error}"))),
            }
        }
        Ok(())
    }
}

impl Scene for MutexScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        let (region, mutex) = create(&self.folder);
        match self.holder {
            Holder::Nobody => {}
            Holder::Dead => die_as_holder(&self.folder, false),
            Holder::DeadInTransaction => die_as_holder(&self.folder, true),
            // It gives the lock back in `check`.
            Holder::Living => std::mem::forget(mutex.lock().expect("a free lock")),
        }
        self.stage = Some((region, mutex));
        let (folder, deed) = (&self.folder, self.deed);
        Victim::fork(|gate| {
            let region = folder.open();
            let mutex = mutex_of(&region);
            gate.begin();
            Self::act(deed, &region, &mutex);
            gate.end();
        })
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((region, mutex)) = self.stage.take() else { return Verdict::CLEAN };
        if self.holder == Holder::Living {
            // The guard was forgotten, so this process is as good as dead to the others: leave, and come again.
            drop((region, mutex));
            let mutex = mutex_of(&self.folder.open());
            match mutex.try_lock() {
                Err(TryLockError::OwnerDied(guard)) => guard.mark_consistent().unwrap(),
                other => {
                    complain(&format!("the survivor's lock was let go: {other:?}"));
                    return Verdict::TORN;
                }
            }
            return told(self.look(&mutex, finished));
        }
        told(self.look(&mutex, finished))
    }
}

/// What the lock says of itself while the survivor holds it, and what it said before.
fn keep_books(mutex: &Mutex<Data>, before: mutex::Stats, marked: bool) -> Result<(), Finding> {
    let now = mutex.stats();
    let me = Some(mutex.region().participant_number());
    let right = now.holder.map(|holder| holder.get()) == me && now.owner_died == marked && !now.poisoned;
    demand(right && mutex.is_locked() && mutex.is_poisoned() == marked, Verdict::TORN, || {
        format!("held by {me:?}, marked: {marked}, but {now:?}")
    })?;
    // A mark comes from the last holder, or has been there.
    let was_free = before.holder.is_none();
    demand(!before.poisoned && (!was_free || before.owner_died == marked), Verdict::TORN, || {
        format!("marked: {marked}, but before: {before:?}")
    })
}

fn told(result: Result<(), (Verdict, String)>) -> Verdict {
    result.err().map_or(Verdict::CLEAN, |(verdict, what)| {
        complain(&what);
        verdict
    })
}

/// Somebody sleeps for the lock while its holder is killed in giving it back.
struct SleeperScene {
    transaction: bool,
    folder: Folder,
    page: Page,
    stage: Option<(Region, Mutex<Data>, Victim)>,
}

pub(super) fn unlock_wakes() -> Scenes {
    let scene = |transaction| SleeperScene { transaction, folder: Folder::new(), page: Page::new(), stage: None };
    [("a guard", false), ("a transaction", true)]
        .into_iter()
        .map(|(label, transaction)| (label.to_owned(), Box::new(scene(transaction)) as Box<dyn Scene>))
        .collect()
}

/// How the sleeper got the lock.
const CLEAN: u64 = 1;
const MARKED: u64 = 2;

impl Scene for SleeperScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let (region, mutex) = create(&self.folder);
        let (folder, page, transaction) = (&self.folder, &self.page, self.transaction);
        let arm = || {
            page.set(Note::Armed, 1);
            while page.get(Note::Stop) == 0 {
                stage::pause();
            }
        };
        let victim = Victim::fork(|gate| {
            let mutex = mutex_of(&folder.open());
            if transaction {
                let mut change = mutex.lock_transaction().expect("a free lock");
                *change = NEW;
                arm();
                gate.begin();
                change.commit().unwrap();
            } else {
                let guard = mutex.lock().expect("a free lock");
                arm();
                gate.begin();
                drop(guard);
            }
            gate.end();
        });
        assert!(stage::comes_true(|| page.get(Note::Armed) == 1), "the victim sets up");
        let sleeper = stage::asleep(|gate| {
            let mutex = mutex_of(&folder.open());
            gate.begin();
            let (guard, result) = match mutex.lock() {
                Ok(guard) => (guard, CLEAN),
                Err(error) => (error.into_guard().expect("the lock"), MARKED),
            };
            page.set(Note::Moved, guard[0]);
            guard.mark_consistent().unwrap();
            drop(guard);
            page.set(Note::Result, result);
            gate.end();
        });
        page.set(Note::Stop, 1);
        self.stage = Some((region, mutex, sleeper));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, mutex, mut sleeper)) = self.stage.take() else { return Verdict::CLEAN };
        if !stage::comes_true(|| self.page.get(Note::Result) != 0) {
            complain("the sleeper sleeps on");
            return Verdict::WEDGED;
        }
        if let Err(error) = sleeper.finish() {
            complain(&format!("the sleeper: {error}"));
            return Verdict::WEDGED;
        }
        let found = (self.page.get(Note::Result), self.page.get(Note::Moved));
        let right = match found {
            (CLEAN, value) if self.transaction => value == NEW[0] || (!finished && value == OLD[0]),
            (CLEAN, value) => value == OLD[0],
            (MARKED, value) => !self.transaction && !finished && value == OLD[0],
            _ => false,
        };
        if !right {
            complain(&format!("the sleeper found {found:?}"));
            return Verdict::TORN;
        }
        if let Err(error) = mutex.try_lock() {
            complain(&format!("the survivor: {error}"));
            return Verdict::WEDGED;
        }
        Verdict::CLEAN
    }
}
