//! A condition variable: those who have a lock give it back and sleep until somebody has changed what it guards.
//!
//! It is one [event count](crate::wait::EventCount). A waiter announces itself while it still has the lock, then gives the lock
//! back and sleeps; a notifier that changes the data under the lock does so before or after that. If before, the waiter has seen
//! the change; if after, the notifier finds the announcement, and what it bumps keeps the waiter from falling asleep on its
//! old ticket. Which lock it is does not matter to these words.
//!
//! | word | who gets there | who leaves it |
//! |---|---|---|
//! | no announcement | the creator; a notifier that found nobody asleep | a waiter, before it gives the lock back |
//! | announced | a waiter | a notifier: the next epoch, on which nobody sleeps any more |
//!
//! | access | ordering | pairs with |
//! |---|---|---|
//! | announcing, then giving the lock back | the lock's Release | the notifier's lock: who changes the data later finds the announcement |
//! | the notifier's change, then its look at the announcement | the event count's barriers | the waiter's announcement, see [`EventCount`](crate::wait::EventCount) |
//!
//! | who dies | what becomes of the others |
//! |---|---|
//! | a waiter | nothing: it leaves no trace but the announcement, which costs a notifier one fruitless wake |
//! | a waiter that was just woken by `notify_one` | the notification is gone with it; the others look by themselves, see below |
//! | a notifier before its wake | the same |
//!
//! Each sleep ends after [a tenth of a second](LONGEST_SLEEP), as one of the spurious wake-ups that all condition variables have:
//! the waiter takes the lock and looks. So a notification that died with somebody is made up for, and a holder of the lock that
//! died without notifying anybody is found out.

mod raw;
#[cfg(not(loom))]
mod shared;

pub use raw::{LONGEST_SLEEP, RawCondvar};
#[cfg(not(loom))]
pub use shared::{Condvar, FOOTPRINT, sweep};
