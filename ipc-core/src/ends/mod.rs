//! The ends of a queue: handles that are counted, so that the other end notices when the last one is gone.
//!
//! A queue's words hold two sets of participants: those that have a sender half, and those that have a receiver half. A
//! participant is in the set from its first half of a kind to its last; the [platform](crate::Platform::enter) counts them. A half
//! that leaves an end empty wakes the sleepers of the other end.
//!
//! An end that somebody has held and that is empty now is *left*: that is one load to find out, and a sender half refuses at once. An
//! end whose holders are all dead is *deserted*: to find that out takes a system call or two for each dead one, so it is searched for
//! before a sleep, and by `try_` operations that are refused once in a thousand times.

mod batches;
mod half;
mod inbox;
mod iter;
mod messages;
mod moves;
mod presence;
mod sides;
mod verbs;

#[cfg(feature = "alloc")]
pub(crate) use batches::batches;
pub(crate) use batches::slices;
pub(crate) use half::{Counted, Half, counted, halves};
pub(crate) use inbox::{Counts, FIRST, Inbox, places};
pub use iter::{Ends, IntoIter, Iter, ReceiveError, TryIter};
pub(crate) use iter::{Receives, end, iterators};
pub(crate) use messages::messages;
pub use messages::{IntoMessages, Messages, ReceivesAlone, TryMessages};
pub(crate) use moves::{Budgets, Moves, Patience};
pub(crate) use presence::Presence;
pub use presence::Role;
pub use sides::Stats;
pub(crate) use sides::{Around, Sides, Taken, peek_verb, sided};
pub(crate) use verbs::{recv_verbs, send_verbs};
