//! The bounded stack of typed messages: last in, first out, for many senders and many receivers.
//!
//! ```text
//!    0   object header                                     written once
//!  128   seen, the senders' lock                           the line of senders
//!  256   next                                              written by senders
//!  384   merged, the receivers' lock                       the line of receivers
//!  512   taken                                             written by receivers
//!  640   items, space (event counts), closed               read by all, written when somebody sleeps or closes
//!  768   the participants that hold a sender half          1024 bits
//!  896   the participants that hold a receiver half        1024 bits
//! 1024   the entries, from the bottom up: payload cells    as many as messages fit
//!  ...   the ring: payload cells                           a power of two of them
//! ```
//!
//! A sender writes to the ring under the senders' [lock](crate::mutex) (as for a transaction). A receiver takes the receivers' lock, moves
//! what was sent to the entries, and takes the topmost off. The words of the ring, how the two sides meet, and why the result is a
//! stack, are told in `ends/inbox.rs`: a priority queue does the same. How senders and receivers wait, and how the stack ends, is told in
//! `ends/sides.rs`.
//!
//! `merged` - `taken` is how many entries are messages: the lowest ones. The last of them is the top, if the ring is empty; what lies above is
//! nobody's. So one store of `merged` puts on top what was moved, and one store of `taken` takes off what was copied out.
//!
//! | `merged` - `taken` | entry n | who gets there | who leaves it |
//! |---|---|---|---|
//! | n | nobody's | a receiver, by its store | the next holder of the receivers' lock |
//! | n | a message, or half of one, that is in the ring, too | a receiver that holds the lock, or died with it | its store of `merged`; the next receiver, which writes it anew |
//! | n + 1 | a message that is being copied out | a receiver that holds the lock, or died with it | its store of `taken`; the next holder |
//!
//! Both stores are Release. For the entries that is for the compiler: a kill between two of a holder's steps must find them in this order.
//! (The sweep of the kills at every instruction checks that; a model cannot.)
//!
//! # Deaths
//!
//! What is killed before its store of `next` or `taken` has changed nothing, and the next holder of its lock goes on. Behind it, the message is
//! in, or the receiver has taken it along. There is nothing to repair but the locks.
//!
//! # Progress
//!
//! Senders exclude each other for the time of a copy. Receivers do for the time of one copy, and of another one for each message that was sent
//! since the last receive. Nobody waits for a dead process. While a process is stopped in the middle of its operation, the others of its side
//! wait. (A lock-free stack has to say whose a node is that was taken off and is not read yet, in a step before it is taken off, or a kill
//! between the two loses the node: that takes twice as many states.)

mod halves;
mod handle;
mod words;

pub use crate::ends::Stats;
pub use halves::{Receiver, Sender};
pub use handle::{Options, Stack};
pub(crate) use words::Words;
