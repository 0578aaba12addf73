//! Queues, locks, semaphores, events, barriers and cells in shared memory between unrelated processes that know only a name, and
//! that survive `kill -9`.
//!
//! What [`std::sync`] and crossbeam are between threads, this is between processes: a [`Region`] is a file (in the
//! system's shared-memory directory, or any other), it holds named objects, and every process that opens it works on
//! them directly. There is no daemon and no hidden thread. Any process may be killed at any instruction: the others
//! go on, and no message is lost or doubled, except that a dead receiver takes with it what it had already taken.
//!
//! ```
//! use ipc_posix::Region;
//!
//! # let name = format!("doc-lib-{}", std::process::id());
//! # let name = name.as_str();
//! // One process. Creation is one atomic step: nobody ever sees a half-made region.
//! let region = Region::options().size(1 << 20).open_or_create(name)?;
//! let jobs = region.queue::<u64>("jobs").capacity(1024).open_or_create()?;
//! jobs.send(42)?;
//!
//! // Another process, later, knows only the names. (With `open_or_create` on both sides, either may be first.)
//! let region = Region::open(name)?;
//! let jobs = region.queue::<u64>("jobs").open()?;
//! assert_eq!(jobs.recv()?, 42);
//! # Region::unlink(name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What there is
//!
//! | object | made by | what it is |
//! |---|---|---|
//! | [`Queue`], [`Sender`], [`Receiver`] | [`Region::queue`] | a bounded queue, many to many |
//! | [`Spsc`], [`SpscProducer`], [`SpscConsumer`] | [`Region::spsc`] | a bounded queue, one to one |
//! | [`Stack`], [`StackSender`], [`StackReceiver`] | [`Region::stack`] | a bounded stack: last in, first out |
//! | [`PriorityQueue`], [`PrioritySender`], [`PriorityReceiver`] | [`Region::priority_queue`] | a bounded queue with keys: lowest first |
//! | [`LevelQueue`], [`LevelSender`], [`LevelReceiver`] | [`Region::level_queue`] | a bounded queue with a few levels: the highest first |
//! | [`WorkQueue`], [`WorkLease`] | [`Region::work_queue`] | a bounded queue of jobs that come back until they are done |
//! | [`ByteWorkQueue`], `ValueWorkQueue` | [`Region::byte_work_queue`], `Region::value_work_queue` | the same with jobs of bytes, and with answers; of plain serde types |
//! | [`WorkTicket`], `ValueWorkTicket` | [`call`](work::ByteWorkQueue::call) | a job that waits for its answer |
//! | [`ByteQueue`], `ValueQueue` | [`Region::byte_queue`], `Region::value_queue` | a queue of messages of any length; of plain serde types |
//! | [`LoanQueue`], [`LoanedBlock`], [`LoanedMessage`] | [`Region::loan_queue`] | a queue of messages that are written and read in place |
//! | [`Pipe`], [`PipeStream`] | [`Region::pipe`] | a byte stream in both directions |
//! | [`Duplex`], [`DuplexEnd`] | [`Region::duplex`] | a pipe of messages in both directions |
//! | `ValueDuplex`, `ValueDuplexEnd` | `Region::value_duplex` | a pipe of plain serde types in both directions |
//! | [`Broadcast`], [`BroadcastPublisher`], [`BroadcastSubscriber`] | [`Region::broadcast`] | messages that every subscriber sees |
//! | [`Mutex`], [`ReentrantMutex`], [`RwLock`] | [`Region::mutex`], [`Region::reentrant_mutex`], [`Region::rwlock`] | locks with data |
//! | `ValueMutex` | `Region::value_mutex` | a lock with a value of plain serde types |
//! | [`Condvar`] | [`Region::condvar`] | waiting for what somebody changes under a mutex |
//! | [`Semaphore`] | [`Region::semaphore`] | permits that come back from the dead |
//! | [`Event`], [`EventGroup`] | [`Region::event`], [`Region::event_group`] | flags to wait for |
//! | [`Barrier`] | [`Region::barrier`] | a number of parties that wait for each other |
//! | [`OnceCell`] | [`Region::once_cell`] | a value that is set once |
//! | [`Watch`], [`WatchReader`], [`WatchWriter`] | [`Region::watch`] | the latest value |
//! | `ValueWatch`, `ValueWatchReader`, `ValueWatchWriter` | `Region::value_watch` | the latest value of plain serde types |
//! | [`Atomic`], [`Counter`] | [`Region::atomic`], [`Region::counter`] | a number or flag, and waiting for it |
//! | [`Map`], [`MapGuard`] | [`Region::map`] | keys and values: readers take no lock |
//! | [`ByteMap`], [`ByteMapGuard`] | [`Region::byte_map`] | keys and values of bytes, each of its own length: readers take no lock |
//! | [`Vector`], [`VectorGuard`] | [`Region::vector`] | elements one behind the other: each change in one step |
//! | [`Array`] | [`Region::array`] | numbers or flags, each atomic by itself |
//!
//! With the feature `process`, functions run in processes of their own, see the module `process`, or in a pool of them, see the module
//! `pool`.
//!
//! Names at this root begin with the object that they belong to; [`Sender`] and [`Receiver`] alone are the queue's. Each object's
//! module has its own names without that prefix.
//!
//! The [`guide`] says how to choose among them, how large they should be, and what restarts, containers and new versions need.
//!
//! # What lives how long
//!
//! A region lives until its name is [removed](Region::unlink) and the last process that has it open is gone. Dropping
//! a [`Region`] or a [`Queue`] never removes anything, unless the region was created with
//! [`remove_with_last`](RegionOptions::remove_with_last). An attached region takes one mapping and one descriptor of
//! the process, however many objects it holds.
//!
//! # Who is dead
//!
//! Each process that attaches holds a lock on one byte of the region's file, through its mapping. The kernel releases
//! it when the address space is gone (killed, exited, exec'ed), and not before: a stopped process is alive, a zombie
//! is dead, process ids and PID namespaces do not matter. A process that repairs after a dead one first takes a shared lock on
//! that byte, so nobody repairs after somebody who might still write. File systems whose mappings do not keep the lock, such as
//! overlayfs, are refused: use tmpfs, as in `/dev/shm`, or ext4.
//!
//! After `fork`, the child's handles, guards, chunks and iterators touch nothing until it opens the region again: what returns a
//! `Result` returns [`Fault::Forked`], what returns none and needs the memory panics, and a drop does nothing.
//!
//! # Trust
//!
//! Peers that crash at any instruction are what this library is made for. A buggy peer that scribbles over the region
//! causes no memory unsafety, no panic and no endless loop here; at worst [`Fault::Corrupted`]. Exceptions are the
//! references that the guards of [`Mutex`] and [`RwLock`] hand out, the lock of the feature `lock_api`, and `ValueQueue` and
//! its like, which decode what they receive. A hostile peer with write access can in addition truncate the file (the kernel then
//! raises `SIGBUS` in everybody) and hold lock bytes, and one with read access can keep others from attaching, by read locks:
//! give such peers a region of their own, or an [anonymous one](RegionOptions::anonymous), which is sealed against truncation.
//! Do not point asynchronous I/O of the kernel at shared memory.

#![deny(missing_docs)]
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(target_os = "linux"))]
compile_error!("ipc-posix needs Linux for now: shared futexes, OFD locks held by a mapping, O_TMPFILE");

mod any_error;
mod attachment;
mod clock;
mod error;
mod fork;
pub mod futex;
pub mod guide;
mod hash;
mod host;
mod liveness;
mod membarrier;
mod name;
mod objects;
mod operation;
mod pair;
mod pin;
mod platform;
#[cfg(feature = "process")]
pub mod pool;
mod probe;
#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "recovery_thread")]
mod recovery;
mod region;
#[doc(hidden)]
pub mod schema;
mod sys;
mod thread;
#[cfg(feature = "serde")]
mod travel;
mod turn;

pub use any_error::Error;
/// The traits of plain data. With the feature `derive`, its derive macros too; name this path to them, so that no
/// dependency of your own is needed:
///
/// ```
/// # #[cfg(feature = "derive")]
/// # mod example {
/// use ipc_posix::bytemuck::{Pod, Zeroable};
///
/// #[derive(Clone, Copy, Pod, Zeroable)]
/// #[bytemuck(crate = "ipc_posix::bytemuck")]
/// #[repr(C)]
/// struct Job {
///     number: u64,
///     width: u32,
///     height: u32,
/// }
/// # }
/// ```
pub use bytemuck;
pub use error::{NotAFile, ObjectError, ObjectErrorKind, RegionError, RegionErrorKind};
/// The crate of the bars of [`pool`], in the version that they have (feature `progress`).
#[cfg(feature = "progress")]
pub use indicatif;
pub use ipc_core::atomic::{Bitwise as AtomicBitwise, Number as AtomicNumber, Value as AtomicValue};
pub use ipc_core::barrier::BarrierWaitResult;
pub use ipc_core::broadcast::{Policy as BroadcastPolicy, Stats as BroadcastStats};
#[cfg(feature = "serde")]
pub use ipc_core::bytes::QueuedValue;
pub use ipc_core::bytes::Stats as ByteQueueStats;
pub use ipc_core::condvar::WaitTimeoutResult;
pub use ipc_core::duplex::{
    ClaimError as DuplexClaimError, ClaimErrorKind as DuplexClaimErrorKind, Side as DuplexSide,
};
pub use ipc_core::error::{
    AcquireError, AcquireTimeoutError, BarrierError, BarrierTimeoutError, JoinError, ReleaseError, TryAcquireError,
};
pub use ipc_core::error::{AnswerError, AnswerTimeoutError, LeaseError, ReplyError, TryAnswerError};
#[cfg(feature = "serde")]
pub use ipc_core::error::{AnswerValueError, AnswerValueTimeoutError, ReplyValueError, TryAnswerValueError};
pub use ipc_core::error::{
    ChangedError, ChangedTimeoutError, Fault, ForceSendError, GetBytesError, InsertBytesError, InsertError, LockError,
    LockTimeoutError, PushError, RecvError, RecvTimeoutError, SendError, SendSliceError, SendSliceTimeoutError,
    SendTimeoutError, SetError, SetTimeoutError, TryChangedError, TryLockError, TryRecvError, TrySendError,
    TrySetError, TryWriteError, WaitTimeoutError, WriteError, WriteTimeoutError,
};
#[cfg(feature = "serde")]
pub use ipc_core::error::{
    ChangedValueError, ChangedValueTimeoutError, FormatError as ValueFormatError, GetValueError, RecvValueError,
    RecvValueTimeoutError, SendValueError, SendValueTimeoutError, TryChangedValueError, TryRecvValueError,
    TrySendValueError, TryWriteValueError, WaitValueTimeoutError, WriteValueError, WriteValueTimeoutError,
};
pub use ipc_core::error::{
    LoanError, LoanTimeoutError, PublishError, PublishTimeoutError, RecvBroadcastError, RecvBroadcastTimeoutError,
    SubscribeError, TryLoanError, TryPublishError, TryRecvBroadcastError,
};
pub use ipc_core::error::{
    RecvBytesError, RecvBytesTimeoutError, SendBytesError, SendBytesTimeoutError, TryRecvBytesError, TrySendBytesError,
};
pub use ipc_core::fixed::{FixedString, FixedVec, LengthError as FixedLengthError, TextError as FixedTextError};
pub use ipc_core::level::Stats as LevelQueueStats;
pub use ipc_core::loan::Stats as LoanQueueStats;
#[cfg(feature = "serde")]
pub use ipc_core::mutex::LockedValue;
pub use ipc_core::mutex::Stats as MutexStats;
pub use ipc_core::object::{
    BlockElement as LoanElement, CellValue, Initial as InitialValue, Key as PriorityKey, LockData, MapKey, MapValue,
    Message as QueueMessage, Unsaid, VectorElement, Zeroes,
};
pub use ipc_core::object::{
    Field as ObjectField, Kind as ObjectKind, Named, Shape as ObjectShape, ShapeError as ObjectShapeError, TypeName,
};
pub use ipc_core::priority::Stats as PriorityQueueStats;
pub use ipc_core::queue::Stats as QueueStats;
pub use ipc_core::queue::{SendIterError, SendIterTimeoutError, TrySendIterError};
pub use ipc_core::region::{ABI_VERSION, DirectoryError, HeaderError, ObjectInfo};
pub use ipc_core::rwlock::Stats as RwLockStats;
pub use ipc_core::semaphore::Stats as SemaphoreStats;
pub use ipc_core::spsc::{ClaimError as SpscClaimError, ClaimErrorKind as SpscClaimErrorKind, Stats as SpscStats};
pub use ipc_core::stack::Stats as StackStats;
pub use ipc_core::wait::{HasWaitStrategy, WaitStrategy};
#[cfg(feature = "serde")]
pub use ipc_core::watch::WatchedValue;
pub use ipc_core::watch::{Stats as WatchStats, Versioned as WatchSnapshot};
pub use ipc_core::work::Stats as WorkQueueStats;
pub use objects::*;
pub use operation::{OfObject, OperationError};
pub use pair::{duplex_from_fd, duplex_pair};
#[cfg(feature = "serde")]
pub use pair::{value_duplex_from_fd, value_duplex_pair};
pub use platform::Posix;
#[cfg(feature = "recovery_thread")]
pub use recovery::RecoveryThread;
#[cfg(feature = "serde")]
pub use region::ReadOnlyValueWatchOptions;
pub use region::{Footprint, MemoryBarrier, Participant, ReadOnlyRegion, ReadOnlyWatchOptions, Region, RegionOptions};

#[doc(inline)]
pub use ipc_core::{
    array, atomic, barrier, broadcast, bytes, condvar, duplex, ends, event, fixed, level, loan, map, mutex, once,
    priority, queue, rwlock, semaphore, shared_slice, spsc, stack, vector, watch, work,
};
