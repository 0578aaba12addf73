//! Inter-process primitives over plain shared memory: no operating system, no allocator, no thread.
//!
//! This crate holds every algorithm of the library. It sees memory that several processes (or threads,
//! or cores) map, a few words in it, and a [`Platform`] that can sleep, wake and tell who is dead. Files,
//! names and system calls live in `ipc-posix`, which most programs want to use.
//!
//! # What is here
//!
//! | module | topic |
//! |---|---|
//! | [`queue`] | the bounded many-producer many-consumer queue: layout, blocking, closing, endpoints |
//! | [`ring`] | its lock-free ring: tickets, slots, repair after a death |
//! | [`work`] | the bounded queue of jobs that are leased until they are done |
//! | [`stack`] | the bounded stack: last in, first out |
//! | [`level`] | the bounded queue with a few levels: the highest first |
//! | [`priority`] | the bounded queue with keys: lowest first |
//! | [`spsc`] | the bounded queue from one producer to one consumer |
//! | [`duplex`] | a pipe in both directions, of bytes or messages |
//! | [`bytes`] | the queue of messages of any length |
//! | [`loan`] | the queue of blocks that are written and read in place |
//! | [`broadcast`] | one to many: every subscriber sees every message |
//! | [`shared_slice`] | elements in shared memory, read and written in place |
//! | [`atomic`] | a number or flag that can be waited for |
//! | [`array`](mod@array) | numbers or flags, each atomic by itself |
//! | [`map`] | keys and values: readers take no lock |
//! | [`vector`] | elements one behind the other: each change in one step |
//! | [`barrier`] | a number of parties that wait for each other |
//! | [`condvar`] | waiting for what somebody changes under a lock |
//! | [`event`] | an event flag, and a group of 32 |
//! | [`mutex`] | a lock with data that survives its holder's death |
//! | [`rwlock`] | the same for one writer or many readers |
//! | [`once`] | a cell that is set once |
//! | [`watch`] | a cell that holds the latest value, also of serde's types |
//! | [`semaphore`] | permits that come back from the dead, and signals that are neither lost nor doubled |
//! | [`wait`] | the event count that both sides sleep on, and the one loop that blocks |
//! | [`region`] | a region that holds many named objects: header, directory, lock |
//! | [`participant`] | who takes part, and the table that records it |
//! | [`platform`] | the one seam to the world |
//! | [`memory`] | a piece of memory that objects are laid into |
//!
//! The [`glossary`] explains the words that are used here.
//!
//! # Trust
//!
//! Everything that is read from shared memory may have been written by a faulty or hostile peer. Geometry
//! is validated once and then kept in private memory, each shared word is read once into a local, indices
//! are masked and every loop is bounded. The worst that a peer with write access can do to this crate's
//! callers is a [`Fault::Corrupted`] and messages with arbitrary (but valid) content.
//!
//! # What is `unsafe`
//!
//! One line is drawn through the whole crate: **what a caller vouches for is `unsafe`, with its contract. What a faulty peer can do
//! is not, and is listed here.**
//!
//! A caller vouches for four things:
//!
//! | for what | where |
//! |---|---|
//! | The memory is there, and holds what this crate laid into it. | [`Memory::from_raw`](memory::Memory::from_raw), [`part`](memory::Memory::part); [`create`](object::Blueprint::create) and [`initialise`](region::RegionView::initialise) over memory that is new; the directory's `insert` under the region's lock |
//! | Who is dead, and who is calling. | [`Platform`], [`Dead::on_evidence`](participant::Dead::on_evidence) |
//! | What lies in memory under which kind. | [`Object`](object::Object), [`Blueprint`](object::Blueprint) |
//! | Nobody writes while a reference lives. | `as_slice` and `as_mut_slice` of [loans](loan) and [shared slices](shared_slice) |
//!
//! Everything else is safe to call, in any order and from any thread. In particular,
//! [`attach`](object::Blueprint::attach) is: it compares what is there with what is wanted.
//!
//! A peer is another program that can write to the memory. If it is correct, the promises of each module hold. If it is not, it
//! can break these, and nothing else:
//!
//! - The guards of [`Mutex`] and [`RwLock`] lend out references to data in shared memory. A peer that writes to the data
//!   without the lock, or that overwrites the lock's word, changes what lies behind a reference. Their element types take any
//!   bits, so there is no invalid value to be read; but the compiler may assume that the value does not change. The
//!   transactions of a `Mutex` (but for one around a slice), a [`ReentrantMutex`](mutex::ReentrantMutex) and a [`Watch`] work on copies and do not depend on peers.
//! - A directory entry that a peer has forged makes two objects share bytes. Each of them reads what the other writes; with
//!   guards, as above.
//!
//! # Without an operating system
//!
//! ```
//! use ipc_core::{memory::StaticMemory, object::Blueprint, platform::SpinPlatform, queue::{Options, Queue}};
//!
//! static SHARED: StaticMemory<{ Queue::<u32, SpinPlatform>::footprint(8).bytes() as usize }> = StaticMemory::new();
//!
//! let queue = unsafe { Options::<u32>::new(8).create(SHARED.memory(), SpinPlatform::new(1)) }.unwrap();
//! let other = Options::<u32>::new(0).attach(SHARED.memory(), SpinPlatform::new(2)).unwrap();
//! queue.try_send(7).unwrap();
//! assert_eq!(other.try_recv(), Ok(7));
//! ```
#![no_std]
#![deny(missing_docs)]
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(loom))))]

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "ipc-core needs a target with 64-bit pointers and 64-bit atomics: positions in shared memory have 64 bits"
);

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod array;
pub mod atomic;
pub mod barrier;
pub mod broadcast;
pub mod bytes;
pub mod condvar;
pub mod duplex;
pub mod ends;
pub mod error;
pub mod event;
pub mod fixed;
pub mod glossary;
mod here;
pub mod level;
pub mod loan;
pub mod map;
pub mod memory;
pub mod mutex;
pub mod object;
pub mod once;
pub mod participant;
mod payload;
mod place;
pub mod platform;
pub mod priority;
pub mod queue;
pub mod region;
pub mod ring;
pub mod rwlock;
pub mod semaphore;
pub mod shared_slice;
#[cfg(loom)]
pub mod slots;
#[cfg(not(loom))]
mod slots;
pub mod spsc;
pub mod stack;
pub mod sync;
pub mod time;
mod timed;
pub mod vector;
pub mod wait;
pub mod watch;
pub mod work;

pub use array::Array;
pub use atomic::Atomic;
pub use barrier::Barrier;
pub use broadcast::Broadcast;
pub use bytes::ByteQueue;
pub use condvar::Condvar;
pub use duplex::Duplex;
pub use error::Fault;
pub use event::{Event, EventGroup};
pub use fixed::{FixedString, FixedVec};
pub use level::LevelQueue;
pub use loan::LoanQueue;
pub use map::Map;
pub use mutex::Mutex;
pub use once::OnceCell;
pub use participant::ParticipantId;
pub use platform::Platform;
pub use priority::PriorityQueue;
pub use queue::Queue;
pub use rwlock::RwLock;
pub use semaphore::Semaphore;
pub use shared_slice::{SharedSlice, SharedSliceMut};
pub use spsc::Spsc;
pub use stack::Stack;
pub use time::Instant;
pub use vector::Vector;
pub use wait::WaitStrategy;
pub use watch::Watch;
pub use work::{ByteWorkQueue, WorkQueue};

/// The program in the README is a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What a caller vouches for is `unsafe`:
///
/// ```compile_fail,E0133
/// ipc_core::participant::Dead::on_evidence(ipc_core::ParticipantId::new(1).unwrap());
/// ```
///
/// ```compile_fail,E0133
/// use ipc_core::{memory::StaticMemory, object::Blueprint, platform::SpinPlatform, queue};
/// static MEMORY: StaticMemory<4096> = StaticMemory::new();
/// let _ = queue::Options::<u32>::new(8).create(MEMORY.memory(), SpinPlatform::new(1));
/// ```
///
/// ```compile_fail,E0133
/// static MEMORY: ipc_core::memory::StaticMemory<4096> = ipc_core::memory::StaticMemory::new();
/// MEMORY.memory().part(128, 128);
/// ```
///
/// ```compile_fail,E0133
/// use ipc_core::region::{Flags, Geometry, RegionView};
/// static MEMORY: ipc_core::memory::StaticMemory<8192> = ipc_core::memory::StaticMemory::new();
/// let _ = RegionView::initialise(MEMORY.memory(), Geometry::new(8192, 4, 4).unwrap(), 1, Flags::empty());
/// ```
///
/// ```compile_fail,E0133
/// fn twice(directory: ipc_core::region::RegionView<'_>, name: &ipc_core::region::Name) {
///     let _ = directory.directory().insert(name, 128, &ipc_core::platform::SpinPlatform::new(1), Ok);
/// }
/// ```
///
/// ```compile_fail,E0200
/// struct Lie;
/// impl ipc_core::object::Blueprint for Lie {}
/// ```
#[cfg(doctest)]
struct Vouched;
