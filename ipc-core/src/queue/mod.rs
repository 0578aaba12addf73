//! The bounded queue of typed messages, for many producers and many consumers.
//!
//! [`Queue`] puts the lock-free [`ring`](crate::ring) together with two [event counts](crate::wait) (consumers
//! sleep on one, producers on the other), a closed flag, and the sets of participants that hold sender or
//! receiver halves. What it promises:
//!
//! - **Nothing lost, nothing doubled, nothing torn**, whichever process is killed and wherever; except that a consumer
//!   that dies after its receive has committed takes that one message with it.
//! - **Order**: one global order a queue; messages of one producer arrive in the order they were sent.
//! - **Visibility**: once a send has returned, a `try_recv` that starts afterwards, in any process, does not
//!   report an empty queue because of *that* message: it gets it, or an older one. One exception, inherent in a
//!   queue with an order: while a living producer of an older ticket is stopped between its claim and its
//!   publication, the messages behind it wait, and `try_recv` says `Empty`. Behind a dead producer nobody waits.
//! - `try_*` never waits. A `try_recv` that finds the head held up by somebody asks the platform whether that
//!   participant is dead (a system call or two) and repairs the queue if so.
//!
//! The layout and the words are described in [`words`]; the protocol in [`crate::ring`].

#[cfg(feature = "alloc")]
mod batch;
mod halves;
mod handle;
mod receive;
mod send;
pub mod words;

pub use crate::ends::Role;
#[cfg(feature = "alloc")]
pub use batch::{SendIterError, SendIterTimeoutError, TrySendIterError, append};
#[cfg(feature = "alloc")]
pub(crate) use batch::{expected, send_each};
pub use halves::{Receiver, Sender};
pub use handle::{Options, Queue};
pub(crate) use words::{Lone, Words};
pub use words::{Stats, stats};
