//! The objects: the core's handles, on this platform.

use ipc_core::object::{Builder, Unsaid, Zeroes};
use ipc_core::{
    array, atomic, barrier, broadcast, bytes, condvar, duplex, ends, event, level, loan, map, mutex, once, priority,
    queue, rwlock, semaphore, shared_slice, spsc, stack, vector, watch, work,
};

use crate::platform::Posix;
use crate::region::{ReadOnlyRegion, Region};

/// An array of numbers or flags between processes, each atomic by itself. Made by [`Region::array`].
pub type Array<T> = array::Array<'static, T, Posix>;
/// What an [`Array`] should be like.
pub type ArrayOptions<'r, T> = Builder<'r, array::Options<T>, Region>;
/// An element of an [`Array`], with the operations of an atomic. Made by [`Array::at`](array::Array::at).
pub type ArrayElement<'a, T> = array::Element<'a, T, Posix>;
/// The values of an [`Array`], one after the other. Made by [`Array::iter`](array::Array::iter).
pub type ArrayIter<'a, T> = array::Iter<'a, T, Posix>;

/// A number or flag between processes that can be waited for. Made by [`Region::atomic`].
pub type Atomic<T> = atomic::Atomic<'static, T, Posix>;
/// A counter between processes. Made by [`Region::counter`].
pub type Counter = Atomic<u64>;
/// What an [`Atomic`] should be like.
pub type AtomicOptions<'r, T> = Builder<'r, atomic::Options<T>, Region>;

/// A condition variable between processes. Made by [`Region::condvar`].
pub type Condvar = condvar::Condvar<'static, Posix>;
/// What a [`Condvar`] should be like.
pub type CondvarOptions<'r> = Builder<'r, condvar::Options, Region>;

/// A flag between processes that can be waited for. Made by [`Region::event`].
pub type Event = event::Event<'static, Posix>;
/// What an [`Event`] should be like.
pub type EventOptions<'r> = Builder<'r, event::Options, Region>;

/// 32 event flags between processes. Made by [`Region::event_group`].
pub type EventGroup = event::EventGroup<'static, Posix>;
/// What an [`EventGroup`] should be like.
pub type EventGroupOptions<'r> = Builder<'r, event::GroupOptions, Region>;

/// A lock with data between processes that survives its holder's death. Made by [`Region::mutex`].
pub type Mutex<T> = mutex::Mutex<'static, T, Posix>;
/// What a [`Mutex`] should be like.
pub type MutexOptions<'r, T> = Builder<'r, mutex::Options<Zeroes<T>>, Region>;
/// Holds a [`Mutex`].
pub type MutexGuard<'a, T> = mutex::MutexGuard<'a, 'static, T, Posix>;
/// Holds a [`Mutex`] and a private copy of its data.
pub type MutexTransaction<'a, T> = mutex::Transaction<'a, 'static, T, Posix>;
/// What a [`Mutex`] around a slice should be like.
pub type MutexArrayOptions<'r, T> = Builder<'r, mutex::SliceOptions<Zeroes<T>>, Region>;
/// Holds a [`Mutex`] around a slice, and changes of it that do not count yet.
pub type MutexArrayTransaction<'a, T> = mutex::SliceTransaction<'a, 'static, T, Posix>;
/// A [`Mutex`] around a value of serde's types (feature `serde`). Made by [`Region::value_mutex`].
#[cfg(feature = "serde")]
pub type ValueMutex<T> = mutex::ValueMutex<'static, T, Posix>;
/// What a [`ValueMutex`] should be like.
#[cfg(feature = "serde")]
pub type ValueMutexOptions<'r, T> = Builder<'r, mutex::ValueOptions<T>, Region>;
/// The lock of a [`Mutex`] as [`lock_api::RawMutex`](https://docs.rs/lock_api) (feature `lock_api`).
#[cfg(feature = "lock_api")]
pub type RawMutex = mutex::Bare<Posix>;

/// A [`Mutex`] that the thread that holds it may lock again. Made by [`Region::reentrant_mutex`].
pub type ReentrantMutex<T> = mutex::ReentrantMutex<'static, T, Posix>;
/// What a [`ReentrantMutex`] should be like.
pub type ReentrantMutexOptions<'r, T> = Builder<'r, mutex::ReentrantOptions<Zeroes<T>>, Region>;
/// Holds a [`ReentrantMutex`].
pub type ReentrantMutexGuard<'a, T> = mutex::ReentrantMutexGuard<'a, 'static, T, Posix>;

/// A lock with data for one writer or many readers, which survives the death of any of them. Made by [`Region::rwlock`].
pub type RwLock<T> = rwlock::RwLock<'static, T, Posix>;
/// What a [`RwLock`] should be like.
pub type RwLockOptions<'r, T> = Builder<'r, rwlock::Options<Zeroes<T>>, Region>;
/// What a [`RwLock`] around a slice should be like.
pub type RwLockArrayOptions<'r, T> = Builder<'r, rwlock::SliceOptions<Zeroes<T>>, Region>;
/// Holds a read lock of a [`RwLock`].
pub type RwLockReadGuard<'a, T> = rwlock::RwLockReadGuard<'a, 'static, T, Posix>;
/// Holds the write lock of a [`RwLock`].
pub type RwLockWriteGuard<'a, T> = rwlock::RwLockWriteGuard<'a, 'static, T, Posix>;

/// A cell between processes that is set once. Made by [`Region::once_cell`].
pub type OnceCell<T> = once::OnceCell<'static, T, Posix>;
/// What a [`OnceCell`] should be like.
pub type OnceCellOptions<'r, T> = Builder<'r, once::Options<T>, Region>;

/// A map from keys to values between processes: readers take no lock. Made by [`Region::map`].
pub type Map<K, V> = map::Map<'static, K, V, Posix>;
/// What a [`Map`] should be like.
pub type MapOptions<'r, K, V> = Builder<'r, map::Options<K, V>, Region>;
/// Holds a [`Map`]'s lock against other writers. Made by [`Map::lock`](map::Map::lock).
pub type MapGuard<'a, K, V> = map::MapGuard<'a, 'static, K, V, Posix>;
/// The place of a key in a [`Map`]. Made by [`Map::entry`](map::Map::entry).
pub type MapEntry<'a, K, V, F = fn(&mut V)> = map::Entry<'a, 'static, K, V, Posix, F>;
/// The entries of a [`Map`]. Made by [`Map::iter`](map::Map::iter).
pub type MapIter<'a, K, V> = map::Iter<'a, 'static, K, V, Posix>;

/// A map from bytes to bytes between processes, such as text or serialised data: readers take no lock. Made by [`Region::byte_map`].
pub type ByteMap = map::ByteMap<'static, Posix>;
/// What a [`ByteMap`] should be like.
pub type ByteMapOptions<'r> = Builder<'r, map::ByteOptions, Region>;
/// Holds a [`ByteMap`]'s lock against other writers. Made by [`ByteMap::lock`](map::ByteMap::lock).
pub type ByteMapGuard<'a> = map::ByteMapGuard<'a, 'static, Posix>;
/// The entries of a [`ByteMap`]. Made by [`ByteMap::iter`](map::ByteMap::iter).
pub type ByteMapIter<'a> = map::ByteIter<'a, 'static, Posix>;

/// A vector between processes, of a fixed capacity: each change is one step, also for a process that is killed in it. Made by
/// [`Region::vector`].
pub type Vector<T> = vector::Vector<'static, T, Posix>;
/// What a [`Vector`] should be like.
pub type VectorOptions<'r, T> = Builder<'r, vector::Options<T>, Region>;
/// Holds a [`Vector`]'s lock: its elements as a slice. Made by [`Vector::lock`](vector::Vector::lock).
pub type VectorGuard<'a, T> = vector::VectorGuard<'a, 'static, T, Posix>;

/// A bounded queue of `T` between processes: many to many. Made by [`Region::queue`].
pub type Queue<T> = queue::Queue<'static, T, Posix>;
/// What a [`Queue`] should be like.
pub type QueueOptions<'r, T> = Builder<'r, queue::Options<T>, Region>;
/// A counted handle that only sends. Made by [`Queue::sender`](queue::Queue::sender).
pub type Sender<T> = queue::Sender<'static, T, Posix>;
/// A counted handle that only receives. Made by [`Queue::receiver`](queue::Queue::receiver).
pub type Receiver<T> = queue::Receiver<'static, T, Posix>;
/// Waits for each message of a [`Queue`].
pub type QueueIter<'q, T> = ends::Iter<'q, Queue<T>>;
/// The messages that are there in a [`Queue`].
pub type QueueTryIter<'q, T> = ends::TryIter<'q, Queue<T>>;

/// A bounded stack of `T` between processes: last in, first out. Made by [`Region::stack`].
pub type Stack<T> = stack::Stack<'static, T, Posix>;
/// What a [`Stack`] should be like.
pub type StackOptions<'r, T> = Builder<'r, stack::Options<T>, Region>;
/// A counted handle of a [`Stack`] that only sends. Made by [`Stack::sender`](stack::Stack::sender).
pub type StackSender<T> = stack::Sender<'static, T, Posix>;
/// A counted handle of a [`Stack`] that only receives. Made by [`Stack::receiver`](stack::Stack::receiver).
pub type StackReceiver<T> = stack::Receiver<'static, T, Posix>;

/// A bounded queue with keys between processes: lowest first. Made by [`Region::priority_queue`].
pub type PriorityQueue<K, T> = priority::PriorityQueue<'static, K, T, Posix>;
/// What a [`PriorityQueue`] should be like.
pub type PriorityQueueOptions<'r, K, T> = Builder<'r, priority::Options<K, T>, Region>;
/// A counted handle of a [`PriorityQueue`] that only sends. Made by [`PriorityQueue::sender`](priority::PriorityQueue::sender).
pub type PrioritySender<K, T> = priority::Sender<'static, K, T, Posix>;
/// A counted handle of a [`PriorityQueue`] that only receives. Made by [`PriorityQueue::receiver`](priority::PriorityQueue::receiver).
pub type PriorityReceiver<K, T> = priority::Receiver<'static, K, T, Posix>;

/// A bounded queue with a few levels between processes: the highest first. Made by [`Region::level_queue`].
pub type LevelQueue<T> = level::LevelQueue<'static, T, Posix>;
/// What a [`LevelQueue`] should be like.
pub type LevelQueueOptions<'r, T> = Builder<'r, level::Options<T>, Region>;
/// A counted handle of a [`LevelQueue`] that only sends. Made by [`LevelQueue::sender`](level::LevelQueue::sender).
pub type LevelSender<T> = level::Sender<'static, T, Posix>;
/// A counted handle of a [`LevelQueue`] that only receives. Made by [`LevelQueue::receiver`](level::LevelQueue::receiver).
pub type LevelReceiver<T> = level::Receiver<'static, T, Posix>;

/// A bounded queue of jobs between processes that are leased until they are done. Made by [`Region::work_queue`].
pub type WorkQueue<T> = work::WorkQueue<'static, T, Posix>;
/// What a [`WorkQueue`] should be like.
pub type WorkQueueOptions<'r, T> = Builder<'r, work::Options<T>, Region>;
/// A job of a [`WorkQueue`] that this process works on.
pub type WorkLease<'q, T> = work::Lease<'q, 'static, T, Posix>;

/// A [`WorkQueue`] whose jobs are bytes. Made by [`Region::byte_work_queue`].
pub type ByteWorkQueue = work::ByteWorkQueue<'static, Posix>;
/// What a [`ByteWorkQueue`] should be like.
pub type ByteWorkQueueOptions<'r> = Builder<'r, work::ByteOptions, Region>;
/// A job of a [`ByteWorkQueue`] that this process works on.
pub type ByteWorkLease<'q> = work::ByteLease<'q, 'static, Posix>;
/// A call of a [`ByteWorkQueue`] that waits for its answer.
pub type WorkTicket<'q> = work::Ticket<'q, 'static, Posix>;
/// A [`ByteWorkQueue`] of values of serde's types (feature `serde`). Made by [`Region::value_work_queue`].
#[cfg(feature = "serde")]
pub type ValueWorkQueue<T> = work::ValueWorkQueue<'static, T, Posix>;
/// What a [`ValueWorkQueue`] should be like.
#[cfg(feature = "serde")]
pub type ValueWorkQueueOptions<'r, T> = Builder<'r, work::ValueOptions<T>, Region>;
/// A job of a [`ValueWorkQueue`] that this process works on.
#[cfg(feature = "serde")]
pub type ValueWorkLease<'q, T> = work::ValueLease<'q, 'static, T, Posix>;
/// A call of a [`ValueWorkQueue`] that waits for an answer of type `R`.
#[cfg(feature = "serde")]
pub type ValueWorkTicket<'q, R> = work::ValueTicket<'q, 'static, R, Posix>;

/// A bounded queue of messages of any length between processes. Made by [`Region::byte_queue`].
pub type ByteQueue = bytes::ByteQueue<'static, Posix>;
/// A counted handle that only sends messages of any length. Made by [`ByteQueue::sender`](bytes::ByteQueue::sender).
pub type ByteSender = bytes::Sender<'static, Posix>;
/// A counted handle that only receives messages of any length. Made by [`ByteQueue::receiver`](bytes::ByteQueue::receiver).
pub type ByteReceiver = bytes::Receiver<'static, Posix>;
/// What a [`ByteQueue`] should be like.
pub type ByteQueueOptions<'r> = Builder<'r, bytes::Options, Region>;
/// A [`ByteQueue`] of values of serde's types (feature `serde`). Made by [`Region::value_queue`].
#[cfg(feature = "serde")]
pub type ValueQueue<T> = bytes::ValueQueue<'static, T, Posix>;
/// What a [`ValueQueue`] should be like.
#[cfg(feature = "serde")]
pub type ValueQueueOptions<'r, T> = Builder<'r, bytes::ValueOptions<T>, Region>;
/// A counted handle that only sends values. Made by [`ValueQueue::sender`](bytes::ValueQueue::sender).
#[cfg(feature = "serde")]
pub type ValueSender<T> = bytes::ValueSender<'static, T, Posix>;
/// A counted handle that only receives values. Made by [`ValueQueue::receiver`](bytes::ValueQueue::receiver).
#[cfg(feature = "serde")]
pub type ValueReceiver<T> = bytes::ValueReceiver<'static, T, Posix>;

/// A queue of messages that are written and read in place. Made by [`Region::loan_queue`].
pub type LoanQueue<T> = loan::LoanQueue<'static, T, Posix>;
/// A counted handle that only borrows blocks and sends. Made by [`LoanQueue::sender`](loan::LoanQueue::sender).
pub type LoanSender<T> = loan::Sender<'static, T, Posix>;
/// A counted handle that only receives messages in their blocks. Made by [`LoanQueue::receiver`](loan::LoanQueue::receiver).
pub type LoanReceiver<T> = loan::Receiver<'static, T, Posix>;
/// What a [`LoanQueue`] should be like.
pub type LoanQueueOptions<'r, T> = Builder<'r, loan::Options<T>, Region>;
/// A block of a [`LoanQueue`] that is lent to this process, to be written and sent.
pub type LoanedBlock<'q, T> = loan::Loan<'q, 'static, T, Posix>;
/// A message of a [`LoanQueue`] that was received, to be read in place.
pub type LoanedMessage<'q, T> = loan::Received<'q, 'static, T, Posix>;

/// The elements of a [`LoanedBlock`], or of a part of a [`SpscWriteChunk`], to be written in place.
pub type SharedSliceMut<'a, T> = shared_slice::SharedSliceMut<'a, T, Posix>;
/// The elements of a [`LoanedMessage`], or of a part of a [`SpscReadChunk`], to be read in place.
pub type SharedSlice<'a, T> = shared_slice::SharedSlice<'a, T, Posix>;

/// A bounded queue of `T` from one process to another. Made by [`Region::spsc`].
pub type Spsc<T> = spsc::Spsc<'static, T, Posix>;
/// What a [`Spsc`] should be like.
pub type SpscOptions<'r, T> = Builder<'r, spsc::Options<T>, Region>;
/// The producing end of a [`Spsc`]. Made by [`Spsc::producer`](spsc::Spsc::producer).
pub type SpscProducer<T> = spsc::Producer<'static, T, Posix>;
/// The consuming end of a [`Spsc`]. Made by [`Spsc::consumer`](spsc::Spsc::consumer).
pub type SpscConsumer<T> = spsc::Consumer<'static, T, Posix>;
/// Free places in the ring of a [`SpscProducer`], written in place.
pub type SpscWriteChunk<'c, T> = spsc::WriteChunk<'c, 'static, T, Posix>;
/// Elements in the ring of a [`SpscConsumer`], read in place.
pub type SpscReadChunk<'c, T> = spsc::ReadChunk<'c, 'static, T, Posix>;
/// Waits for each element of a [`SpscConsumer`].
pub type SpscIter<'q, T> = ends::Messages<'q, SpscConsumer<T>>;
/// Holds a [`SpscConsumer`] and waits for each of its elements.
pub type SpscIntoIter<T> = ends::IntoMessages<SpscConsumer<T>>;
/// The elements that a [`SpscConsumer`] can receive without waiting.
pub type SpscTryIter<'q, T> = ends::TryMessages<'q, SpscConsumer<T>>;

/// A pipe in both directions, of `A` from the client and of `B` from the server. Made by [`Region::duplex`].
pub type Duplex<A, B> = duplex::Duplex<'static, A, B, Posix>;
/// What a [`Duplex`] should be like.
pub type DuplexOptions<'r, A, B> = Builder<'r, duplex::Options<A, B>, Region>;
/// An end of a [`Duplex`], which sends `S` and receives `R`.
pub type DuplexEnd<S, R> = duplex::DuplexEnd<'static, S, R, Posix>;
/// The half of a [`DuplexEnd`] that sends.
pub type DuplexSender<T> = duplex::Sending<'static, T, Posix>;
/// The half of a [`DuplexEnd`] that receives.
pub type DuplexReceiver<T> = duplex::Receiving<'static, T, Posix>;
/// A byte stream in both directions. Made by [`Region::pipe`].
pub type Pipe = Duplex<u8, u8>;
/// What a [`Pipe`] should be like.
pub type PipeOptions<'r> = DuplexOptions<'r, u8, u8>;
/// An end of a [`Pipe`]: an `io::Read` and an `io::Write`.
pub type PipeStream = DuplexEnd<u8, u8>;

/// A pipe of values of serde's types in both directions, of `A` from the client and of `B` from the server (feature `serde`). Made by
/// [`Region::value_duplex`].
#[cfg(feature = "serde")]
pub type ValueDuplex<A, B> = duplex::ValueDuplex<'static, A, B, Posix>;
/// What a [`ValueDuplex`] should be like.
#[cfg(feature = "serde")]
pub type ValueDuplexOptions<'r, A, B> = Builder<'r, duplex::ValueOptions<A, B>, Region>;
/// An end of a [`ValueDuplex`], which sends `S` and receives `R`.
#[cfg(feature = "serde")]
pub type ValueDuplexEnd<S, R> = duplex::ValueEnd<'static, S, R, Posix>;
/// The half of a [`ValueDuplexEnd`] that sends.
#[cfg(feature = "serde")]
pub type ValueDuplexSender<T> = duplex::ValueSender<'static, T, Posix>;
/// The half of a [`ValueDuplexEnd`] that receives.
#[cfg(feature = "serde")]
pub type ValueDuplexReceiver<T> = duplex::ValueReceiver<'static, T, Posix>;

/// Messages that every subscriber sees. Made by [`Region::broadcast`].
pub type Broadcast<T> = broadcast::Broadcast<'static, T, Posix>;
/// What a [`Broadcast`] should be like.
pub type BroadcastOptions<'r, T> = Builder<'r, broadcast::Options<T>, Region>;
/// A counted handle of a [`Broadcast`] that publishes. Made by [`Broadcast::publisher`](broadcast::Broadcast::publisher).
pub type BroadcastPublisher<T> = broadcast::Publisher<'static, T, Posix>;
/// One that sees every message of a [`Broadcast`]. Made by [`Broadcast::subscribe`](broadcast::Broadcast::subscribe).
pub type BroadcastSubscriber<T> = broadcast::Subscriber<'static, T, Posix>;
/// Waits for each message of a [`BroadcastSubscriber`].
pub type BroadcastIter<'s, T> = ends::Messages<'s, BroadcastSubscriber<T>>;
/// Holds a [`BroadcastSubscriber`] and waits for each of its messages.
pub type BroadcastIntoIter<T> = ends::IntoMessages<BroadcastSubscriber<T>>;
/// The messages that a [`BroadcastSubscriber`] can receive without waiting.
pub type BroadcastTryIter<'s, T> = ends::TryMessages<'s, BroadcastSubscriber<T>>;

/// A counting semaphore between processes whose dead holders' permits come back. Made by [`Region::semaphore`].
pub type Semaphore = semaphore::Semaphore<'static, Posix>;
/// What a [`Semaphore`] should be like.
pub type SemaphoreOptions<'r> = Builder<'r, semaphore::Options, Region>;
/// Permits of a [`Semaphore`].
pub type SemaphorePermit<'s> = semaphore::Permit<'s, 'static, Posix>;
/// A [`SemaphorePermit`] that keeps a handle of its semaphore.
pub type OwnedSemaphorePermit = semaphore::OwnedPermit<'static, Posix>;

/// A point where parties wait for each other, between processes, but not for the dead. Made by [`Region::barrier`].
pub type Barrier = barrier::Barrier<'static, Posix>;
/// What a [`Barrier`] should be like.
pub type BarrierOptions<'r> = Builder<'r, barrier::Options, Region>;

/// A cell between processes that holds the latest value. Made by [`Region::watch`].
pub type Watch<T> = watch::Watch<'static, T, Posix>;
/// What a [`Watch`] should be like.
pub type WatchOptions<'r, T> = Builder<'r, watch::Options<Unsaid<T>>, Region>;
/// A reader of a [`Watch`] that remembers which version it has seen. Made by [`Watch::subscribe`](watch::Watch::subscribe).
pub type WatchReader<T> = watch::WatchReader<'static, T, Posix>;
/// A [`Watch`] that is counted as a writer. Made by [`Watch::writer`](watch::Watch::writer).
pub type WatchWriter<T> = watch::WatchWriter<'static, T, Posix>;
/// A [`Watch`] that can only be read. Made by [`ReadOnlyRegion::watch`].
pub type ReadOnlyWatch<'r, T> = watch::ReadOnlyWatch<'r, T, &'r ReadOnlyRegion>;
/// A cell between processes that holds the latest value of a type of serde's (feature `serde`). Made by [`Region::value_watch`].
#[cfg(feature = "serde")]
pub type ValueWatch<T> = watch::ValueWatch<'static, T, Posix>;
/// What a [`ValueWatch`] should be like.
#[cfg(feature = "serde")]
pub type ValueWatchOptions<'r, T> = Builder<'r, watch::ValueOptions<T>, Region>;
/// A reader of a [`ValueWatch`] that remembers which version it has seen. Made by
/// [`ValueWatch::subscribe`](watch::ValueWatch::subscribe).
#[cfg(feature = "serde")]
pub type ValueWatchReader<T> = watch::ValueWatchReader<'static, T, Posix>;
/// A [`ValueWatch`] that is counted as a writer. Made by [`ValueWatch::writer`](watch::ValueWatch::writer).
#[cfg(feature = "serde")]
pub type ValueWatchWriter<T> = watch::ValueWatchWriter<'static, T, Posix>;
/// A [`ValueWatch`] that can only be read. Made by [`ReadOnlyRegion::value_watch`].
#[cfg(feature = "serde")]
pub type ReadOnlyValueWatch<'r, T> = watch::ReadOnlyValueWatch<'r, T, &'r ReadOnlyRegion>;
