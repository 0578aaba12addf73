//! A mutex that survives its holder's death.
//!
//! ```text
//! bit 31..30    29     28         27            26       25..10                   9..0
//!     sleepers  died   poisoned   transaction   shared   the holder's number      owner (a participant),
//!                                                        for its thread, 0 = ?    0 = free
//! ```
//!
//! The owner is a process; its threads exclude each other too, for the word says "taken" to all threads.
//!
//! | word | who gets there | who leaves it |
//! |---|---|---|
//! | 0 | the holder, unlocking; a waker that woke nobody | a locker: owner |
//! | owner | a locker from a free word; one that seized the dead holder (with `died`) | the holder: free, flags kept |
//! | + `sleepers` 1 | a locker about to sleep | a waker that found no sleeper |
//! | + `sleepers` 2 or 3 | a sleeper that is one of the next two in [line] | that sleeper, with or without the lock; a waker that does not find it; a sweep |
//! | + `died` | who takes over from, or sweeps, a dead holder, unless that was in a transaction | `clear` |
//! | + `poisoned` | a holder that panicked | `clear` |
//! | + `transaction` | a locker that will change nothing in place: with its owner, in one step | its unlock; who takes over |
//! | + `shared` | a reader that lets itself in, see [`rwlock`](crate::rwlock): with its owner, in one step | its unlock; who takes over |
//!
//! | access | ordering | pairs with |
//! |---|---|---|
//! | lock: compare-exchange | Acquire | unlock's Release: what the last holder did |
//! | takeover from a dead holder: compare-exchange | Acquire | the seizure: the kernel has let go of the dead one's lock byte after its last store |
//! | unlock: fetch_sub | Release | the next lock |
//! | unlock: the check of what to take out | Relaxed | the holder's own bits: it put them there |
//! | announcing (`sleepers`): compare-exchange | Relaxed | the kernel compares the word again under its own lock |
//! | commit of a transaction: store to `current` | Release | the next owner's Acquire load: the slot it names is whole |
//!
//! *Sleeping* is that of a three-state futex mutex (U. Drepper, "Futexes Are Tricky", 2011): `sleepers` is set by a locker that
//! is about to sleep, an unlock that finds it wakes one, and the one that is woken keeps it, for others may
//! sleep. It is cleared by a waker that found no sleeper. A waker that is killed between its unlock and its wake is made
//! up for by the slices in which the next two in line sleep, and so is a woken sleeper that is killed before it takes the lock.
//!
//! *Death.* A sleeper whose slice is over asks the platform about the owner. With the owner seized it cannot be
//! anybody else, not even a later participant with the same number, so one compare-exchange takes over. There
//! is no epoch in the word: a participant's number is given to another only after everything that the dead one held
//! has been swept.
//!
//! *Fairness.* A lock that is free goes to the first to come, running threads before sleepers: that is where the
//! throughput of every modern mutex comes from. But a sleeper that has waited for 2 ms, or was woken three times too late, takes a
//! place in the [line]. While somebody is at its head, nobody who has not slept takes the lock: an unlock hands it to the first. So with *n*
//! others that want the lock, everybody gets it after about *n* turns.

#[cfg(feature = "lock_api")]
mod bare;
mod guard;
mod handle;
mod line;
mod reentrant;
mod slice;
mod transaction;
mod turn;
#[cfg(feature = "serde")]
mod value_options;
#[cfg(feature = "serde")]
mod values;
mod words;

#[cfg(feature = "lock_api")]
pub use bare::Bare;
pub use guard::MutexGuard;
pub use handle::{Mutex, Options, Stats};
pub use reentrant::{ReentrantMutex, ReentrantMutexGuard, ReentrantOptions};
pub use slice::{SliceOptions, SliceTransaction};
pub use transaction::Transaction;
pub(crate) use turn::Turn;
#[cfg(feature = "serde")]
pub use value_options::{LockedValue, ValueOptions};
#[cfg(feature = "serde")]
pub use values::ValueMutex;
pub(crate) use words::{Condition, Intent, RawMutex, Words};
