//! A condition variable: holders of a lock give it back and sleep until another thread has changed what the lock guards.
//!
//! It is one [event count](crate::wait::EventCount). A waiter announces itself while it still holds the lock, then gives the lock
//! back and sleeps. A notifier that changes the data under the lock does so before or after that. If before, the waiter has seen
//! the change. If after, the notifier finds the announcement, and the new epoch keeps the waiter from falling asleep on its old
//! ticket. These words do not depend on which lock it is.
//!
//! | word | who gets there | who leaves it |
//! |---|---|---|
//! | no announcement | the creator; a notifier that found no sleeper | a waiter, before it gives the lock back |
//! | announced | a waiter | a notifier: the next epoch, on which no thread sleeps any more |
//!
//! | access | ordering | pairs with |
//! |---|---|---|
//! | announcing, then giving the lock back | the lock's Release | the notifier's lock: a later change of the data comes after the announcement |
//! | the notifier's change, then its load of the announcement | the event count's barriers | the waiter's announcement, see [`EventCount`](crate::wait::EventCount) |
//!
//! | what dies | effect on the others |
//! |---|---|
//! | a waiter | none: it leaves only the announcement, which costs a notifier one fruitless wake-up |
//! | a waiter that `notify_one` has just woken | the notification is lost; the others check by themselves, see below |
//! | a notifier before its wake-up | the same |
//!
//! Each sleep ends after a tenth of a second, as one of the spurious wake-ups that all condition variables have: the waiter takes
//! the lock and checks its condition. That makes up for a notification that died with a process, and finds a holder of the lock
//! that died without notifying.

mod handle;
mod words;

pub use handle::{Condvar, Options, WaitTimeoutResult};
pub(crate) use words::Words;
