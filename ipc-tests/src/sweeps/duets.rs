//! Two processes at one small object: one is stopped in the middle of its operation, the other is killed in the middle of its own.
//!
//! The stopped one is alive: what it holds up stays held up, and survivors do only what does not wait. Once it goes on, both
//! it and the survivors get their way, and the object holds what the stopped one did, and the dead one's deed whole or not at
//! all.

use std::time::Duration;

use ipc_posix::{
    Array, Atomic, Barrier, BarrierTimeoutError, Condvar, Event, LockTimeoutError, Mutex, OnceCell, Region, RwLock,
    Semaphore, TryLockError, Watch,
};

use super::couple::Couple;
use super::patience;
use super::play::{Finding, demand, granted};
use super::stage::Folder;
use crate::stepper::{PairPoint, Verdict};

/// What the two do. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duet {
    Lock,
    Transaction,
    Permits,
    Add,
    AddFloats,
    Init,
    Update,
    ReadWatch,
    Write,
    ReadLock,
    WriteLock,
    Meet,
    Signal,
    Notify,
}

/// All words are equal, but in the middle of a change.
type Data = [u64; 3];

pub(super) enum Object {
    Mutex(Mutex<Data>),
    Semaphore(Semaphore),
    Atomic(Atomic<u64>),
    Array(Array<f64>),
    Once(OnceCell<Data>),
    Watch(Watch<Data>),
    RwLock(RwLock<Data>),
    Barrier(Barrier),
    Event(Event),
    Condvar(Mutex<Data>, Condvar),
}

type Objects = (Region, Object);

const NAME: &str = "object";
const OTHER: &str = "other";
/// A wait that is not expected to be long enough.
const SOON: Duration = Duration::from_millis(2);

fn whole(who: &str, data: Data) -> Result<u64, Finding> {
    demand(data.iter().all(|word| *word == data[0]), Verdict::TORN, || format!("{who}: {data:?}")).map(|()| data[0])
}

/// One more, word by word; whatever a dead holder left half-done is made whole first.
fn add_one(data: &mut Data) {
    let next = data.iter().max().expect("three words") + 1;
    for word in data {
        // SAFETY: a valid, exclusive reference.
        unsafe { std::ptr::from_mut(word).write_volatile(next) };
    }
}

fn add_under(mutex: &Mutex<Data>) {
    let mut guard = mutex.lock().or_else(|error| error.into_guard().ok_or(())).expect("the lock");
    add_one(&mut guard);
    guard.mark_consistent().unwrap();
}

impl Couple for Duet {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        let region = if new { folder.create() } else { folder.open() };
        macro_rules! object {
            ($builder:expr) => {{
                let builder = $builder;
                if new {
                    builder.create().expect("the object is created")
                } else {
                    builder.open().expect("the object opens")
                }
            }};
        }
        let object = match self {
            Duet::Lock | Duet::Transaction => Object::Mutex(object!(region.mutex(NAME))),
            Duet::Permits => Object::Semaphore(object!(region.semaphore(NAME).permits(2).bounded())),
            Duet::Add => Object::Atomic(object!(region.atomic(NAME))),
            Duet::AddFloats => Object::Array(object!(region.array(NAME).len(2))),
            Duet::Init => Object::Once(object!(region.once_cell(NAME))),
            Duet::Update | Duet::ReadWatch => Object::Watch(object!(region.watch(NAME).initial([0; 3]))),
            Duet::Write | Duet::ReadLock | Duet::WriteLock => Object::RwLock(object!(region.rwlock(NAME))),
            Duet::Meet => Object::Barrier(object!(region.barrier(NAME).parties(2))),
            Duet::Signal => Object::Event(object!(region.event(NAME).auto_reset())),
            Duet::Notify => Object::Condvar(object!(region.mutex(NAME)), object!(region.condvar(OTHER))),
        };
        (region, object)
    }

    fn act(self, first: bool, (_region, object): &Objects, begin: &mut dyn FnMut()) -> u64 {
        begin();
        match object {
            Object::Mutex(mutex) if self == Duet::Lock => add_under(mutex),
            Object::Mutex(mutex) => {
                let mut change = mutex.lock_transaction().expect("no mark, ever");
                add_one(&mut change);
                change.commit().unwrap();
            }
            Object::Semaphore(semaphore) => drop(semaphore.acquire().expect("a permit")),
            Object::Atomic(cell) => drop(std::hint::black_box(cell.fetch_add(1).is_ok())),
            Object::Array(array) => drop(std::hint::black_box(array.at(1).fetch_add(1.0).is_ok())),
            Object::Once(cell) => {
                let mine = if first { [1; 3] } else { [2; 3] };
                return cell.get_or_init(|| mine).expect("a value")[0];
            }
            Object::Watch(watch) if self == Duet::ReadWatch && first => {
                let now = watch.get_versioned().expect("our own handle");
                return if now.value == [now.version; 3] { 1 } else { 2 };
            }
            Object::Watch(watch) => {
                return watch.update(|value| value.map(|word| word + 1)).expect("our own handle")[0] + 1;
            }
            Object::RwLock(lock) if (self == Duet::ReadLock && first) || (self == Duet::WriteLock && !first) => {
                // A mark of a dead writer is for the survivors.
                let _ = std::hint::black_box(lock.read().map(|data| *data).is_ok());
            }
            Object::RwLock(lock) => {
                let mut guard = lock.write().or_else(|error| error.into_guard().ok_or(())).expect("the lock");
                add_one(&mut guard);
                guard.mark_consistent().unwrap();
            }
            Object::Barrier(barrier) => {
                return match barrier.wait_timeout(SOON) {
                    Ok(_) => 1,
                    Err(BarrierTimeoutError::Broken) => 2,
                    Err(BarrierTimeoutError::Timeout) => 3,
                    Err(_) => 4,
                };
            }
            Object::Event(event) if first => drop(std::hint::black_box(event.set()).is_ok()),
            Object::Event(event) => drop(std::hint::black_box(event.wait_timeout(SOON))),
            Object::Condvar(mutex, condvar) if first => {
                let guard = mutex.lock().or_else(|error| error.into_guard().ok_or(())).expect("the lock");
                // It may be marked when it comes back.
                drop(std::hint::black_box(condvar.wait_timeout(guard, SOON)));
            }
            Object::Condvar(mutex, condvar) => {
                add_under(mutex);
                condvar.notify_one().expect("our own handle");
            }
        }
        1
    }

    fn meanwhile(self, (_region, object): &Objects) -> Result<(), Finding> {
        match object {
            Object::Mutex(mutex) | Object::Condvar(mutex, _) => match mutex.try_lock() {
                Ok(data) => whole("a survivor", *data).map(drop),
                Err(TryLockError::WouldBlock | TryLockError::OwnerDied(_)) => Ok(()),
                Err(error) => Err((Verdict::WEDGED, error.to_string())),
            },
            Object::RwLock(lock) => match lock.try_read() {
                Ok(data) => whole("a survivor", *data).map(drop),
                Err(TryLockError::WouldBlock | TryLockError::OwnerDied(_)) => Ok(()),
                Err(error) => Err((Verdict::WEDGED, error.to_string())),
            },
            Object::Semaphore(semaphore) => {
                // Two permits, of which the first one has one at most.
                granted("a survivor", semaphore.acquire_timeout(patience())).map(drop)
            }
            Object::Atomic(cell) => {
                let value = cell.load().expect("our own handle");
                demand(value <= 2, Verdict::TORN, || format!("{value}"))
            }
            Object::Array(array) => {
                let values = array.to_vec();
                demand([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]].iter().any(|sum| values == sum), Verdict::TORN, || {
                    format!("{values:?}")
                })
            }
            Object::Once(cell) => {
                cell.get().expect("our own handle").map_or(Ok(0), |data| whole("a survivor", data)).map(drop)
            }
            Object::Watch(watch) => {
                let now = watch.get_versioned().expect("our own handle");
                demand(now.value == [now.version; 3], Verdict::TORN, || {
                    format!("version {} is {:?}", now.version, now.value)
                })
            }
            Object::Barrier(barrier) => {
                demand(barrier.waiting() <= 2, Verdict::TORN, || "three of two wait".to_owned())
            }
            Object::Event(event) => {
                let _ = event.is_set();
                Ok(())
            }
        }
    }

    fn afterwards(
        self,
        (_region, object): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let (_region, newcomer) = self.make(folder, false);
        // The first one's deed, and the second one's, which must be there if it returned.
        let right = |sum: u64| (1..=2).contains(&sum) && (sum == 2 || !point.killed_finished);
        match (object, &newcomer) {
            (Object::Mutex(mutex), Object::Mutex(newcomer)) => {
                let sum = match mutex.lock_timeout(patience()) {
                    Ok(data) => whole("a survivor", *data)?,
                    Err(LockTimeoutError::OwnerDied(mut data)) if self == Duet::Lock => {
                        demand(!point.killed_finished, Verdict::TORN, || "marked by one that had done".to_owned())?;
                        *data = [2; 3];
                        data.mark_consistent().unwrap();
                        2
                    }
                    Err(error) => return Err((Verdict::WEDGED, format!("a survivor: {error}"))),
                };
                demand(right(sum), Verdict::LOST, || format!("{sum} of two"))?;
                granted("a newcomer", newcomer.try_lock()).map(drop)
            }
            (Object::Semaphore(semaphore), Object::Semaphore(newcomer)) => {
                let both = granted("a survivor", semaphore.acquire_many_timeout(2, patience()))?;
                demand(newcomer.try_acquire().is_err(), Verdict::DUPLICATED, || "a third permit".to_owned())?;
                drop(both);
                granted("a newcomer", newcomer.try_acquire()).map(drop)
            }
            (Object::Atomic(cell), _) => {
                let sum = cell.load().expect("our own handle");
                demand(right(sum), Verdict::LOST, || format!("{sum} of two"))
            }
            (Object::Array(array), _) => {
                let sum = array.iter().sum::<f64>();
                demand(right(sum as u64), Verdict::LOST, || format!("{sum} of two"))
            }
            (Object::Once(cell), Object::Once(newcomer)) => {
                let value = whole("a survivor", granted("a survivor", cell.get_or_init(|| [3; 3]))?)?;
                demand(value == result && value < 3, Verdict::TORN, || format!("{value}, the first one had {result}"))?;
                demand(newcomer.get() == Ok(Some([value; 3])), Verdict::TORN, || {
                    "a newcomer sees another value".to_owned()
                })
            }
            (Object::Watch(watch), _) => {
                let reads = u64::from(self == Duet::ReadWatch);
                demand(reads == 0 || result == 1, Verdict::TORN, || "the reader got a torn value".to_owned())?;
                let sum = granted("a survivor", watch.update(|value| value.map(|word| word + 1)))?[0];
                demand(watch.version() == Ok(sum + 1), Verdict::TORN, || "a version that is no value".to_owned())?;
                demand(right(sum + reads), Verdict::LOST, || format!("{sum} updates"))
            }
            (Object::RwLock(lock), Object::RwLock(newcomer)) => {
                let reads = u64::from(self != Duet::Write);
                match lock.write_timeout(patience()) {
                    Ok(data) => {
                        let sum = whole("a survivor", *data)? + reads;
                        demand(right(sum), Verdict::LOST, || format!("{sum} of two"))?;
                    }
                    Err(LockTimeoutError::OwnerDied(mut data)) => {
                        demand(!point.killed_finished, Verdict::TORN, || "marked by one that had done".to_owned())?;
                        *data = [2; 3];
                        data.mark_consistent().unwrap();
                    }
                    Err(error) => return Err((Verdict::WEDGED, format!("a survivor: {error}"))),
                }
                granted("a newcomer", newcomer.try_write()).map(drop)
            }
            (Object::Barrier(barrier), Object::Barrier(newcomer)) => {
                demand((1..=3).contains(&result), Verdict::WEDGED, || "no result".to_owned())?;
                granted("a survivor", barrier.reset())?;
                granted("a newcomer", newcomer.join())?;
                let waited = barrier.wait_timeout(SOON);
                let alone = matches!(waited, Err(BarrierTimeoutError::Timeout));
                demand(alone, Verdict::TORN, || format!("met nobody, and yet {waited:?}"))
            }
            (Object::Event(event), Object::Event(newcomer)) => {
                // One set wakes one: the second one took it, or it is still there.
                let there = event.is_set();
                let taken = granted("a newcomer", newcomer.set())
                    .and_then(|_| granted("a survivor", event.wait_timeout(patience())));
                demand(!newcomer.is_set(), Verdict::DUPLICATED, || format!("set twice (there: {there})"))?;
                taken.map(drop)
            }
            (Object::Condvar(mutex, _), Object::Condvar(_, newcomer)) => {
                granted("a newcomer", newcomer.notify_all())?;
                match mutex.lock_timeout(patience()) {
                    Ok(data) => whole("a survivor", *data).map(drop),
                    Err(LockTimeoutError::OwnerDied(_)) if !point.killed_finished => Ok(()),
                    Err(error) => Err((Verdict::WEDGED, format!("a survivor: {error}"))),
                }
            }
            _ => unreachable!("both are made by the same duet"),
        }
    }
}
