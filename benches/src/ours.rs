//! The contenders of this repository: every call of ipc-posix that the benchmarks make.

use std::error::Error;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bytemuck::{CheckedBitPattern, NoUninit};
use ipc_posix::{Event, Mutex, Queue, Region, Semaphore, Spsc, SpscConsumer, SpscProducer, TryRecvError, TrySendError};

/// What went wrong, of whichever operation.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A region with a queue each way. Its name is removed on drop by the process that created it.
pub struct Lanes {
    /// From the first process to the second.
    pub there: Lane,
    /// From the second process to the first.
    pub back: Lane,
    name: String,
    created: bool,
    _region: Region,
}

/// A queue of numbers. A broken queue ends the benchmark: there is nothing to measure then.
pub struct Lane(Queue<u64>);

impl Lanes {
    /// Makes a region under a name that no other has, with two queues of `capacity` each.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub fn create(capacity: usize) -> Result<Self> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        // Relaxed: only that no two are equal.
        let serial = SERIAL.fetch_add(1, Relaxed);
        Self::make(format!("bench-{}-{serial}", process::id()), capacity, true)
    }

    /// Opens the region that the first process calls `name`, with the capacity that it chose.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub fn attach(name: String, capacity: usize) -> Result<Self> {
        Self::make(name, capacity, false)
    }

    fn make(name: String, capacity: usize, created: bool) -> Result<Self> {
        let region = Region::options().size(1 << 20).open_or_create(&name)?;
        let lane =
            |which: &str| -> Result<Lane> { Ok(Lane(region.queue::<u64>(which).capacity(capacity).open_or_create()?)) };
        Ok(Self { there: lane("there")?, back: lane("back")?, name, created, _region: region })
    }

    /// Removes the name once everybody is in: a benchmark that is killed leaves nothing behind.
    pub fn unlink(&self) {
        // At worst the name stays. It holds a process id and is not used again.
        let _ = Region::unlink(&self.name);
    }

    /// The name to hand to the second process.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        if self.created {
            self.unlink();
        }
    }
}

/// A mutex with two words in a region of its own. Its name is removed on drop by the process that created it.
pub struct Lock {
    mutex: Mutex<[u64; 2]>,
    name: String,
    created: bool,
}

impl Lock {
    /// Makes a region under a name that no other has, with a mutex.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub fn create() -> Result<Self> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        // Relaxed: only that no two are equal.
        let serial = SERIAL.fetch_add(1, Relaxed);
        let name = format!("bench-lock-{}-{serial}", process::id());
        let mutex = Region::create(&name)?.mutex("lock").create()?;
        Ok(Self { mutex, name, created: true })
    }

    /// Opens the mutex of the region that the first process calls `name`.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub fn attach(name: String) -> Result<Self> {
        let mutex = Region::open(&name)?.mutex("lock").open()?;
        Ok(Self { mutex, name, created: false })
    }

    /// The name to hand to the second process.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Changes the data under the lock.
    ///
    /// # Panics
    ///
    /// If the lock is broken.
    #[inline(always)]
    pub fn with<R>(&self, change: impl FnOnce(&mut [u64; 2]) -> R) -> R {
        match self.mutex.lock() {
            Ok(mut guard) => change(&mut guard),
            Err(error) => broken_lane("lock", &error),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.created {
            let _ = Region::unlink(&self.name);
        }
    }
}

/// A semaphore of four permits in an anonymous region.
pub struct Permits(Semaphore);

impl Permits {
    /// The semaphore.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub fn create() -> Result<Self> {
        Ok(Self(Region::options().anonymous()?.semaphore("permits").permits(4).create()?))
    }

    /// Acquires a permit and gives it back.
    ///
    /// # Panics
    ///
    /// If the semaphore is broken.
    #[inline(always)]
    pub fn once(&self) {
        match self.0.acquire() {
            Ok(permit) => drop(permit),
            Err(error) => broken_lane("acquire", &error),
        }
    }
}

/// An event each way, in a region whose name is removed on drop by the process that created it.
pub struct Bells {
    there: Event,
    back: Event,
    name: String,
    created: bool,
}

impl Bells {
    /// Makes a region under a name that no other has, with two events that reset themselves.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub fn create() -> Result<Self> {
        let name = format!("bench-bells-{}", process::id());
        Self::over(&Region::create(&name)?, name, true)
    }

    /// Opens the events of the region that the first process calls `name`.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub fn attach(name: String) -> Result<Self> {
        Self::over(&Region::open(&name)?, name, false)
    }

    fn over(region: &Region, name: String, created: bool) -> Result<Self> {
        let bell = |which: &str| region.event(which).auto_reset().open_or_create();
        Ok(Self { there: bell("there")?, back: bell("back")?, name, created })
    }

    /// The name to hand to the second process.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Wakes the other side and sleeps until it answers.
    ///
    /// # Panics
    ///
    /// If an event is broken.
    pub fn serve(&self) {
        ring(&self.there, &self.back, true);
    }

    /// Sleeps until the other side wakes this one, and answers.
    ///
    /// # Panics
    ///
    /// If an event is broken.
    pub fn answer(&self) {
        ring(&self.back, &self.there, false);
    }
}

fn ring(mine: &Event, other: &Event, first: bool) {
    let result =
        if first { mine.set().and_then(|_| other.wait()) } else { other.wait().and_then(|()| mine.set().map(drop)) };
    if let Err(error) = result {
        broken_lane("event", &error);
    }
}

impl Drop for Bells {
    fn drop(&mut self) {
        if self.created {
            let _ = Region::unlink(&self.name);
        }
    }
}

impl Lane {
    /// Whether there was room for `value`.
    ///
    /// # Panics
    ///
    /// If the queue is closed or broken.
    #[inline(always)] // As the closures of the other contenders are.
    #[must_use]
    pub fn try_send(&self, value: u64) -> bool {
        match self.0.try_send(value) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(broken) => broken_lane("try_send", &broken),
        }
    }

    /// The next value, if there is one.
    ///
    /// # Panics
    ///
    /// If the queue is closed or broken.
    #[inline(always)]
    #[must_use]
    pub fn try_recv(&self) -> Option<u64> {
        match self.0.try_recv() {
            Ok(value) => Some(value),
            Err(TryRecvError::Empty) => None,
            Err(broken) => broken_lane("try_recv", &broken),
        }
    }

    /// Sends `value`, asleep while the queue is full.
    ///
    /// # Panics
    ///
    /// If the queue is closed or broken.
    #[inline(always)]
    pub fn send(&self, value: u64) {
        if let Err(broken) = self.0.send(value) {
            broken_lane("send", &broken);
        }
    }

    /// The next value, asleep while there is none.
    ///
    /// # Panics
    ///
    /// If the queue is closed or broken.
    #[inline(always)]
    #[must_use]
    pub fn recv(&self) -> u64 {
        match self.0.recv() {
            Ok(value) => value,
            Err(broken) => broken_lane("recv", &broken),
        }
    }
}

#[cold]
#[inline(never)]
fn broken_lane(verb: &str, error: &dyn std::fmt::Debug) -> ! {
    panic!("{verb}: {error:?}");
}

/// The consuming end of a one-to-one queue in a region of its own, and the region's name.
///
/// # Errors
///
/// Those of the library.
pub fn consumer<T: NoUninit + CheckedBitPattern>(capacity: usize) -> Result<(String, SpscConsumer<T>)> {
    let name = fresh_name("one-to-one");
    let region = Region::options().fit(&[Spsc::<T>::footprint(capacity)]).remove_with_last(true).create(&name)?;
    Ok((name, consumer_of(&region, "queue", capacity)?))
}

/// The consuming end of a new one-to-one queue in this region.
///
/// # Errors
///
/// Those of the library.
pub fn consumer_of<T: NoUninit + CheckedBitPattern>(
    region: &Region,
    queue: &str,
    capacity: usize,
) -> Result<SpscConsumer<T>> {
    Ok(region.spsc(queue).capacity(capacity).create()?.consumer()?)
}

/// The producing end of a one-to-one queue in the region that the first process calls `name`.
///
/// # Errors
///
/// Those of the library.
pub fn producer<T: NoUninit + CheckedBitPattern>(name: &str, queue: &str) -> Result<SpscProducer<T>> {
    Ok(Region::open(name)?.spsc(queue).open()?.producer()?)
}

/// A name that no other region has.
#[must_use]
pub fn fresh_name(what: &str) -> String {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    // Relaxed: only that no two are equal.
    let serial = SERIAL.fetch_add(1, Relaxed);
    format!("bench-{what}-{}-{serial}", process::id())
}
