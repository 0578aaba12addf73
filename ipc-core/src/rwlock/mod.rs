//! A lock for one writer or many readers, which survives the death of any of them.
//!
//! ```text
//! byte 0          4        8      16 (more if the data's alignment wants it)
//!      turnstile  drained  reach  the data
//!      then, on cache lines of their own (no false sharing): for each participant, how many read locks its threads have
//! ```
//!
//! Readers count themselves, each participant on a line of its own, so that readers do not get into each other's way; and since
//! each counter has an owner, what a dead reader leaves can be told from what the living hold. The turnstile is a
//! `RawMutex`: writers hold it while they wait for the readers to leave and while they write.
//!
//! *Reader:* count oneself; check the turnstile; if no writer has it, one is in. Otherwise take the count back, and queue at the
//! turnstile with the writers: a reader that gets it counts itself, and passes it on.
//! *Writer:* take the turnstile; check all counters until each has been 0; write.
//!
//! | turnstile | who gets there | what readers do |
//! |---|---|---|
//! | free | the last holder | count themselves, and are in |
//! | `transaction` | a writer that waits for the readers to leave | take their count back, and queue |
//! | no `transaction` | that writer, once it has seen all counters at 0 | the same |
//! | `shared` | a reader that had to queue, for the time of counting itself | as if it were free |
//!
//! | counter | who gets there |
//! |---|---|
//! | + 1 | its participant: on a try that may be taken back, holding the turnstile, or with the write lock that becomes a read lock |
//! | - 1 | its participant: a reader leaves, or takes a try back |
//! | 0 | the process that has seized its participant, which is dead |
//!
//! | access | ordering | pairs with |
//! |---|---|---|
//! | reader: `reach`, counter + 1; then the check of the turnstile | SeqCst | the writer's taking of the turnstile, its fence, its check of the counters: one of the two sees the other |
//! | writer: fence after it took the turnstile | SeqCst | the reader's two |
//! | reader: counter - 1 | Release | the writer's look, Acquire: the reader is done with the data |
//! | reader: the check of a free turnstile | SeqCst, so Acquire | the last writer's unlock: what it wrote (the words in between are read-modify-writes, which carry that on) |
//! | counter + 1 with the turnstile held | Relaxed | the turnstile's unlock, Release |
//! | counter to 0 for a dead reader | Relaxed | it is dead, and the one who does it holds the turnstile or its number |
//!
//! *Fairness.* A waiting writer keeps new readers out, so readers cannot starve writers; readers that were kept out queue at the
//! same lock as writers, which starves nobody. That is the turnstile of A. Downey, "The Little Book of Semaphores", 4.2.3;
//! counters on lines of their own are those of big-reader locks (I. Calciu et al., "NUMA-Aware Reader-Writer Locks", PPoPP
//! 2013).
//!
//! *Death.* Of a reader: its counter is set to 0 by the writer that waits for it. Of a writer: the turnstile is taken over as
//! a mutex is, with the mark `died` only if it had begun to write. A reader that was killed at the turnstile has done nothing, or
//! has counted itself.

mod guard;
mod handle;
mod slice;
mod words;

pub use guard::{RwLockReadGuard, RwLockWriteGuard};
pub use handle::{Options, RwLock, Stats};
pub use slice::SliceOptions;
pub(crate) use words::Words;
