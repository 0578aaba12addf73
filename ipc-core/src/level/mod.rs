//! A queue with a fixed number of levels: what waits in a higher level is received first, and within a level what was sent first.
//!
//! ```text
//!    0   object header                                              written once
//!  128   items (event count), closing, levels, fair, ...           read by all, written when a receiver sleeps or somebody closes
//!  256   the participants that hold a sender half                   1024 bits
//!  384   the participants that hold a receiver half                 1024 bits
//!  512   for each level: tail (128 bytes); head, space (event count)
//!  ...   the slots of level 0, of level 1, ...
//! ```
//!
//! Each level is a [ring](crate::ring) as a plain queue has one, unchanged: its protocol, its deaths and its repair are told there. A send goes
//! to the ring of its level. A receive checks the rings from level 0 on, and takes from the first that has a message. An idle level's
//! lines stay in the receivers' caches, so a check of it costs two loads.
//!
//! # What a receive that finds nothing may say
//!
//! A check of one level after the other is no check of all of them at once. A receiver may find level 0 empty; then a message gets into level 0;
//! then another receiver, which has found level 0 empty, too, takes the last one of level 1; and the first one finds level 1 empty. The queue
//! was never empty meanwhile. Therefore `Empty` is said only if no head has moved from before the looks until after them. Then no message was
//! taken in that time. A place that was not published when it was checked was not published before either, for the same
//! position: so at the instant at which the looks began all levels were empty at once. Otherwise another receiver got on, and
//! the looks begin again.
//!
//! # Deaths
//!
//! A sender that dies between its ticket and its publication holds up its level, until the ring is swept. A receiver that finds a level held up
//! asks whether the owner of the oldest ticket is dead, and repairs, *before* it takes from a lower level: otherwise messages behind a dead
//! sender would wait for as long as lower levels have messages. If that sender lives, lower levels are served meanwhile, and the receiver
//! asks again after 12 ms: each question takes a system call or two.
//!
//! # Closing
//!
//! A closer sets `closing`, then marks the tail of each level. So closing is not one step over the levels: a send fails from the mark of its own
//! level on, and none succeeds after `close` has returned. An operation that finds `closing` set, on any path that refuses or waits, marks all levels first,
//! for the closer may have died between two marks. A receiver says `Closed` once all levels are marked and drained, both of which
//! stay so.
//!
//! # Strict, or fair
//!
//! Levels are strict by default: while higher levels are never empty, lower ones wait for ever. With `fair(n)`, every n-th receive of a handle
//! begins at another level: at the lowest, then at the one above it, and so on to the second, and again. Were it the lowest each time, those
//! in the middle would starve between the highest and the lowest. So of n x (levels - 1) receives of a handle, each level that has
//! messages all the time gives out one at least.
//!
//! # Sleeping
//!
//! Receivers sleep on one event count, for they take from any level. The senders of each level have one of their own: a receive makes room
//! in one level, and wakes as many of that level's senders as there is room for.

mod halves;
mod handle;
mod receive;
mod send;
mod words;

pub use halves::{Receiver, Sender};
pub use handle::{LevelQueue, Options};
pub use words::Stats;
pub(crate) use words::Words;
