//! How a region makes builders of its objects.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use ipc_core::atomic::Value;
use ipc_core::object::{BlockElement, Builder, CellValue, Key, LockData, MapKey, MapValue, Message, VectorElement};
use ipc_core::{broadcast, condvar, duplex, level, loan, map, priority, queue, rwlock, spsc, stack, vector, work};
#[cfg(feature = "serde")]
use ipc_core::{bytes, mutex};

use super::Region;
use crate::objects::*;

impl Region {
    /// An array of `T` in this region: set its options, then create or open it. See [`Array`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let scores = region.array::<i32>("scores").len(10).open_or_create()?;
    /// scores.set(3, -7)?;
    /// assert_eq!(scores.get(3), Some(-7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn array<'r, T: Value>(&'r self, name: &'r str) -> ArrayOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// An atomic number or flag in this region: set its options, then create or open it. See [`Atomic`].
    pub fn atomic<'r, T: Value>(&'r self, name: &'r str) -> AtomicOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// An atomic `u64` in this region: set its options, then create or open it. See [`Atomic`].
    pub fn counter<'r>(&'r self, name: &'r str) -> AtomicOptions<'r, u64> {
        Builder::new(self, name, Default::default())
    }

    /// A barrier in this region: set its options, then create or open it. See [`Barrier`].
    pub fn barrier<'r>(&'r self, name: &'r str) -> BarrierOptions<'r> {
        Builder::new(self, name, Default::default())
    }

    /// A condition variable in this region: create or open it. See [`Condvar`].
    pub fn condvar<'r>(&'r self, name: &'r str) -> CondvarOptions<'r> {
        Builder::new(self, name, condvar::Options)
    }

    /// An event in this region: set its options, then create or open it. See [`Event`].
    pub fn event<'r>(&'r self, name: &'r str) -> EventOptions<'r> {
        Builder::new(self, name, Default::default())
    }

    /// 32 event flags in this region: set their options, then create or open them. See [`EventGroup`].
    pub fn event_group<'r>(&'r self, name: &'r str) -> EventGroupOptions<'r> {
        Builder::new(self, name, Default::default())
    }

    /// A mutex with a `T` in this region: set its options, then create or open it. See [`Mutex`].
    pub fn mutex<'r, T: LockData>(&'r self, name: &'r str) -> MutexOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// A mutex around a slice of `T` in this region, whose length is chosen at run time: set its options, then create or open it. See
    /// [`Mutex`].
    ///
    /// For elements that belong together. Where each is changed by itself, an [`array`](Self::array) needs no lock.
    ///
    /// ```
    /// # use ipc_posix::{Mutex, Region};
    /// # let region = Region::options().anonymous()?;
    /// let samples: Mutex<[f64]> = region.mutex_array("samples").len(1000).open_or_create()?;
    /// let mut guard = samples.lock()?;
    /// guard[..10].copy_from_slice(&[0.5; 10]);
    /// guard.sort_unstable_by(f64::total_cmp);
    /// assert_eq!(guard.iter().sum::<f64>(), 5.0);
    /// # Ok::<(), ipc_posix::Error>(())
    /// ```
    pub fn mutex_array<'r, T: LockData>(&'r self, name: &'r str) -> MutexArrayOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// A mutex around a value of serde's types in this region: set its options, then create or open it. See [`ValueMutex`].
    ///
    /// It is a mutex around bytes to the region: [`mutex_array`](Self::mutex_array) opens it, too, with
    /// [`any_type`](ipc_core::object::Builder::any_type).
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let names = region.value_mutex::<Vec<String>>("names").max_len(1000).open_or_create()?;
    /// names.update(|names| names.push("Ada".to_owned()))?;
    /// assert_eq!(names.get()?, ["Ada"]);
    /// # Ok::<(), ipc_posix::Error>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn value_mutex<'r, T: mutex::LockedValue>(&'r self, name: &'r str) -> ValueMutexOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// A mutex with a `T` in this region that its holder may lock again: set its options, then create or open it. See
    /// [`ReentrantMutex`].
    pub fn reentrant_mutex<'r, T: LockData>(&'r self, name: &'r str) -> ReentrantMutexOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// A lock with a `T` for one writer or many readers in this region: set its options, then create or open it. See
    /// [`RwLock`].
    pub fn rwlock<'r, T: LockData>(&'r self, name: &'r str) -> RwLockOptions<'r, T> {
        // A new lock has a counter for everybody who can have the region open at once.
        Builder::new(self, name, rwlock::Options::new(self.membership().view().records().len() as u32))
    }

    /// A reader-writer lock around a slice of `T` in this region, whose length is chosen at run time: set its options, then create or open
    /// it. See [`RwLock`].
    ///
    /// ```
    /// # use ipc_posix::{Region, RwLock};
    /// # let region = Region::options().anonymous()?;
    /// let table: RwLock<[u32]> = region.rwlock_array("table").len(100).initial(7).open_or_create()?;
    /// table.write()?[99] = 8;
    /// assert_eq!(table.read()?[98..], [7, 8]);
    /// # Ok::<(), ipc_posix::Error>(())
    /// ```
    pub fn rwlock_array<'r, T: LockData>(&'r self, name: &'r str) -> RwLockArrayOptions<'r, T> {
        Builder::new(self, name, rwlock::SliceOptions::new(self.membership().view().records().len() as u32))
    }

    /// A cell for a `T` that is set once, in this region: set its options, then create or open it. See [`OnceCell`].
    pub fn once_cell<'r, T: CellValue>(&'r self, name: &'r str) -> OnceCellOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// A queue of `T` in this region: set its options, then create or open it. See [`Queue`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.queue::<u64>("jobs").capacity(16).open_or_create()?;
    /// assert_eq!(jobs.capacity(), 16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn queue<'r, T: Message>(&'r self, name: &'r str) -> QueueOptions<'r, T> {
        Builder::new(self, name, queue::Options::new(0))
    }

    /// A map from `K` to `V` in this region: set its options, then create or open it. See [`Map`].
    pub fn map<'r, K: MapKey, V: MapValue>(&'r self, name: &'r str) -> MapOptions<'r, K, V> {
        Builder::new(self, name, map::Options::new(0, seed()))
    }

    /// A map from bytes to bytes in this region: set its options, then create or open it. See [`ByteMap`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let users = region.byte_map("users").capacity(1000).max_key(32).max_value(200).open_or_create()?;
    /// users.insert("ann", r#"{"age": 36}"#)?;
    /// assert!(users.contains_key("ann")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn byte_map<'r>(&'r self, name: &'r str) -> ByteMapOptions<'r> {
        Builder::new(self, name, map::ByteOptions::new(0, seed()))
    }

    /// A vector of `T` in this region: set its options, then create or open it. See [`Vector`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let line = region.vector::<u32>("line").capacity(100).open_or_create()?;
    /// line.push(7)?;
    /// line.insert(0, 6)?;
    /// assert_eq!(line.lock()?[..], [6, 7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn vector<'r, T: VectorElement>(&'r self, name: &'r str) -> VectorOptions<'r, T> {
        Builder::new(self, name, vector::Options::new(0))
    }

    /// A stack of `T` in this region: set its options, then create or open it. See [`Stack`].
    pub fn stack<'r, T: Message>(&'r self, name: &'r str) -> StackOptions<'r, T> {
        Builder::new(self, name, stack::Options::new(0))
    }

    /// A priority queue in this region, of messages `T` with keys `K`: set its options, then create or open it. See [`PriorityQueue`].
    pub fn priority_queue<'r, K: Key, T: Message>(&'r self, name: &'r str) -> PriorityQueueOptions<'r, K, T> {
        Builder::new(self, name, priority::Options::new(0))
    }

    /// A queue with a few levels in this region, of messages `T`: set its options, then create or open it. See [`LevelQueue`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.level_queue::<u32>("jobs").levels(3).capacity(16).open_or_create()?;
    /// jobs.send(2, 30)?;
    /// jobs.send(0, 10)?;
    /// assert_eq!((jobs.recv()?, jobs.recv()?), (10, 30));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn level_queue<'r, T: Message>(&'r self, name: &'r str) -> LevelQueueOptions<'r, T> {
        Builder::new(self, name, level::Options::new(0, 0))
    }

    /// A queue of jobs in this region that are leased until they are done: set its options, then create or open it. See [`WorkQueue`].
    pub fn work_queue<'r, T: Message>(&'r self, name: &'r str) -> WorkQueueOptions<'r, T> {
        Builder::new(self, name, work::Options::new(0))
    }

    /// A queue of jobs of bytes in this region, which are leased until they are done: set its options, then create or open it. See
    /// [`ByteWorkQueue`].
    pub fn byte_work_queue<'r>(&'r self, name: &'r str) -> ByteWorkQueueOptions<'r> {
        Builder::new(self, name, Default::default())
    }

    /// A queue of jobs in this region that are values of serde's types: set its options, then create or open it. See
    /// [`ValueWorkQueue`].
    ///
    /// It is a queue of bytes to the region: [`byte_work_queue`](Self::byte_work_queue) opens it, too.
    #[cfg(feature = "serde")]
    pub fn value_work_queue<'r, T: bytes::QueuedValue>(&'r self, name: &'r str) -> ValueWorkQueueOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// A queue of messages of any length in this region: set its options, then create or open it. See [`ByteQueue`].
    pub fn byte_queue<'r>(&'r self, name: &'r str) -> ByteQueueOptions<'r> {
        Builder::new(self, name, Default::default())
    }

    /// A queue of values of serde's types in this region: set its options, then create or open it. See [`ValueQueue`].
    ///
    /// It is a queue of bytes to the region: [`byte_queue`](Self::byte_queue) opens it, too.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let names = region.value_queue::<String>("names").capacity(100).schema(1).open_or_create()?;
    /// names.send(&"Ada".to_owned())?;
    /// assert_eq!(names.recv()?, "Ada");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn value_queue<'r, T: bytes::QueuedValue>(&'r self, name: &'r str) -> ValueQueueOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// A queue of messages that are written and read in place, in this region: set its options, then create or open it. See
    /// [`LoanQueue`].
    pub fn loan_queue<'r, T: BlockElement>(&'r self, name: &'r str) -> LoanQueueOptions<'r, T> {
        Builder::new(self, name, loan::Options::new(0, 0))
    }

    /// A one-to-one queue of `T` in this region: set its options, then create or open it. See [`Spsc`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let ticks = region.spsc::<u64>("ticks").capacity(1024).open_or_create()?;
    /// ticks.producer()?.send(7)?;
    /// assert_eq!(ticks.consumer()?.recv(), Ok(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spsc<'r, T: Message>(&'r self, name: &'r str) -> SpscOptions<'r, T> {
        Builder::new(self, name, spsc::Options::new(0))
    }

    /// A pipe in both directions in this region, of messages `A` from the client and `B` from the server: set its options, then create or
    /// open it. See [`Duplex`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let squares = region.duplex::<u32, u64>("squares").capacity(16).open_or_create()?;
    /// let (mut server, mut client) = (squares.server()?, squares.client()?); // in two processes, usually
    /// client.send(12)?;
    /// let number = server.recv()?;
    /// server.send(u64::from(number).pow(2))?;
    /// assert_eq!(client.recv(), Ok(144));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn duplex<'r, A: Message, B: Message>(&'r self, name: &'r str) -> DuplexOptions<'r, A, B> {
        Builder::new(self, name, duplex::Options::new(0))
    }

    /// A pipe of values of serde's types in both directions in this region, of `A` from the client and `B` from the server: set its
    /// options, then create or open it. See [`ValueDuplex`].
    ///
    /// It is a pipe to the region: [`pipe`](Self::pipe) opens it, too.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let names = region.value_duplex::<String, Option<u32>>("names").open_or_create()?;
    /// let (mut server, mut client) = (names.server()?, names.client()?); // in two processes, usually
    /// client.send(&"Ada".to_owned())?;
    /// assert_eq!(server.recv()?, "Ada");
    /// server.send(&Some(1815))?;
    /// assert_eq!(client.recv()?, Some(1815));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn value_duplex<'r, A: bytes::QueuedValue, B: bytes::QueuedValue>(
        &'r self,
        name: &'r str,
    ) -> ValueDuplexOptions<'r, A, B> {
        Builder::new(self, name, duplex::ValueOptions::new(0))
    }

    /// A byte stream in both directions in this region: set its options, then create or open it. See [`Duplex`].
    pub fn pipe<'r>(&'r self, name: &'r str) -> PipeOptions<'r> {
        self.duplex(name)
    }

    /// Messages that every subscriber sees, in this region: set the options, then create or open it. See [`Broadcast`].
    pub fn broadcast<'r, T: Message>(&'r self, name: &'r str) -> BroadcastOptions<'r, T> {
        Builder::new(self, name, broadcast::Options::new(0))
    }

    /// A counting semaphore in this region: set its options, then create or open it.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let slots = region.semaphore("slots").permits(4).bounded().open_or_create()?;
    /// assert_eq!((slots.available(), slots.max()), (4, 4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn semaphore<'r>(&'r self, name: &'r str) -> SemaphoreOptions<'r> {
        Builder::new(self, name, Default::default())
    }

    /// A latest-value cell in this region: set its options, then create or open it. See [`Watch`].
    pub fn watch<'r, T: CellValue>(&'r self, name: &'r str) -> WatchOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }

    /// A latest-value cell of a type of serde's in this region: set its options, then create or open it. See [`ValueWatch`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let title = region.value_watch("title").initial(&"none".to_owned()).max_len(1000).open_or_create()?;
    /// title.set(&"Intro".to_owned())?;
    /// assert_eq!(region.value_watch::<String>("title").open()?.get()?, "Intro");
    /// # Ok::<(), ipc_posix::Error>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn value_watch<'r, T: ipc_core::watch::WatchedValue>(&'r self, name: &'r str) -> ValueWatchOptions<'r, T> {
        Builder::new(self, name, Default::default())
    }
}

/// A seed for a new map, which lies in the region. From the system, through the standard library.
fn seed() -> [u64; 2] {
    let random = RandomState::new();
    [random.hash_one(0), random.hash_one(1)]
}
