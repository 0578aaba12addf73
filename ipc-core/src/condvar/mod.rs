//! A condition variable: holders of a lock give it back and sleep until another thread has changed what the lock guards.
//!
//! Each waiter has a place: a state, and an [event count](crate::wait::EventCount) on which it sleeps alone. It takes the place while it
//! still holds the lock, so that a notifier that takes the lock later finds it. A notification names its waiter by a change of one state.
//! A waiter returns for that and for no other reason, but a time-out and the death of the lock's holder. These words do not depend on
//! which lock it is.
//!
//! | state of a place | who gets there | who leaves it |
//! |---|---|---|
//! | free | the waiter, as it returns or its time is over; a repair, if the waiter was not notified | a waiter, before it gives the lock back |
//! | waiting, with the waiter's ticket | a waiter | a notifier; the waiter, if its time is over |
//! | notified, with the ticket that was the next one then | a notifier; a waiter that inherits | the waiter, once it has the lock again |
//! | left behind, with that ticket | a repair, after the waiter's death | a waiter with an older ticket, which inherits; a repair that finds none |
//!
//! *One* is the waiter with the oldest ticket. *All* are the waiters with tickets below `all`: notifying them is one write, and waking
//! them comes after it. So a notifier that is killed has notified all or none.
//!
//! *Inheriting.* A notification that was left behind is for a waiter that waited when it was given. The heir makes the place its own in one
//! step. Then it gives up its first place; if it is notified there at that moment, it leaves the other notification behind again.
//!
//! *The crowd.* Waiters that find all places taken share the last row of words. Each notification, of one or of all, ends all their waits.
//!
//! | access | ordering | pairs with |
//! |---|---|---|
//! | taking a place, then giving the lock back | the lock's Release | the notifier's lock: what it finds in the places is not older |
//! | the notification, then the load of the gate's announcement | the event count's barriers | the waiter's announcement, see [`EventCount`](crate::wait::EventCount) |
//! | each change of a state | AcqRel | loads of states, Acquire: a repair that finds a notification left behind finds the waiters of that time |
//!
//! Every half second one of the waiters looks by itself.
//!
//! | what dies | effect on the others |
//! |---|---|
//! | a waiter that was not notified | none: a notification of its place goes on to another waiter |
//! | a waiter that was notified, up to its return | the notification goes on to another waiter |
//! | a notifier, before its notification | none: [`wait_while`](Condvar::wait_while) checks its condition after a tenth of a second, then with each of its looks, and after each repair |
//! | a notifier between its notification and its wake-up | a waiter finds it with its next look, and wakes the others |
//! | a holder of the lock | waits end with the lock's [`OwnerDied`](crate::error::LockError::OwnerDied), unless another thread deals with it first |

mod handle;
mod notify;
mod state;
mod waiter;
mod words;

pub use handle::{Condvar, Options, WaitTimeoutResult};
pub(crate) use words::Words;
