//! The bounded stack of typed messages: last in, first out, for many senders and many receivers.
//!
//! ```text
//!    0   object header                                     written once
//!  128   len, the lock                                     the line of everybody who sends or receives
//!  256   items, space (event counts), closed               read by all, written when somebody sleeps or closes
//!  384   the participants that hold a sender half          1024 bits
//!  512   the participants that hold a receiver half        1024 bits
//!  640   the entries, from the bottom up: payload cells
//! ```
//!
//! `len` is the truth: entries 0 to `len` - 1 are the messages, the last of them is the top, and what lies above is nobody's. A sender
//! takes the [lock](crate::mutex) (as for a transaction), copies its messages to the entries from `len` on, and puts them in with one
//! store of `len`. A receiver takes the lock, copies the entries below `len` out, and takes them with one store of `len`. Both stores
//! are made under the lock, so no compare-exchange is needed.
//!
//! | `len` | entry `len` | who gets there | who leaves it |
//! |---|---|---|---|
//! | n | nobody's | a sender or receiver, by its store | the next holder of the lock |
//! | n | half of a message | a sender that holds the lock, or died with it | that sender: n + 1; the next sender, which writes it anew |
//! | n | a message that is being copied out is entry n - 1 | a receiver that holds the lock, or died with it | that receiver: n - 1; the next holder |
//!
//! The lock orders all of it: its next holder finds what the last one did, also if that one died, for a lock is taken over only from one
//! whose death the kernel has reported. The two stores of `len` are Release all the same. That is for the compiler: a kill between two
//! of a holder's steps must find them in this order. (The sweep of the kills at every instruction checks that; a model cannot.)
//!
//! Empty and full are found without the lock, by a load of `len`. How senders and receivers wait, and how the stack ends, is told in
//! `ends/sides.rs`: a priority queue does the same.
//!
//! # Deaths
//!
//! What is killed before its store of `len` has changed nothing, and the next holder of the lock goes on. Behind it, the message is in,
//! or the receiver has taken it along. There is nothing to repair but the lock.
//!
//! # Progress
//!
//! All exclude each other for the time of a copy. Nobody waits for a dead process. While a process is stopped in the middle of its copy,
//! the others wait. (A lock-free stack has to say whose a node is that was taken off and is not read yet, in a step before it is taken
//! off, or a kill between the two loses the node: that takes twice as many states.)

mod halves;
mod handle;
mod words;

pub use crate::ends::Stats;
pub use halves::{Receiver, Sender};
pub use handle::{Options, Stack};
pub(crate) use words::Words;
