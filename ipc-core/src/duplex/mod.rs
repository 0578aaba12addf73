//! Two one-to-one rings between two ends: a pipe in both directions, of bytes or of messages.
//!
//! Each direction is the ring of [`spsc`](crate::spsc), with its operations. What is new is who holds an end, and when it is over: one
//! word says both of both ends. `ends.rs` has its states.
//!
//! ```text
//! claim:    unless a living process has my end {
//!               the session that waits for me; or else a new one, number = 1 + the highest position >> 28 }
//!           ends: my end = held (one compare-exchange). The session starts at position number << 28
//! send:     broken pipe if ends says that the other end no longer reads; otherwise as in the ring
//! receive:  as in the ring; when empty: if ends says that the other end no longer writes, look once more, then the end of the file
//! leave:    ends: my half is gone; with the second half, the end is
//! ```
//!
//! # Sessions
//!
//! What one pair of holders has sent is nothing to the next pair: a process that is killed may have sent half of something. So a session
//! begins with empty rings. Nobody empties them. A session's positions start behind all earlier ones, and its number is in the word that
//! says who holds the ends: who claims an end knows where both directions start. A position in shared memory that lies before the start
//! is of an earlier session, from an end that has not moved in this one, and counts as the start.
//!
//! So a claim is one compare-exchange, after which nothing is left to be done, by the claimer or by anybody after its death.
//!
//! | who comes | and finds | goes on with |
//! |---|---|---|
//! | the first one, or after a session whose ends are both over | | a new session |
//! | one whose end nobody has claimed in this session | the other end held | this session |
//! | the same | the other end over, with elements that nobody has received | this session: it receives them, and then the end |
//! | the same | the other end over, and nothing to receive | a new session |
//! | one whose predecessor was in this session | the other end held | refused until its holder leaves |
//! | the same | nobody ever at the other end, and elements for it | refused until somebody has come to receive them |
//!
//! # Deaths
//!
//! An end that a process was killed with is over from the moment at which anybody finds out. What it has sent is received first: the
//! words of its ring are as it left them. It was killed in the middle of a claim: before the compare-exchange it has done nothing,
//! after it, the end was held and is over. In the middle of a leave: the other half goes with the death.
//!
//! # Values
//!
//! Values of serde's types are messages in the bytes of a pipe: `frames.rs`. One that fits into the ring has one step at each end, as an
//! element has.
//!
//! # Orderings
//!
//! Besides those of the [ring](crate::spsc):
//!
//! | name | from | to | what it carries |
//! |---|---|---|---|
//! | session | the compare-exchange (Release) by which an end is given up or taken from the dead, and those behind it (Relaxed) by which ends are claimed | the load (Acquire) of a claim, and of an end that finds nothing or no room | the last elements of who is gone; all accesses of earlier sessions |

mod claim;
mod end;
mod ends;
#[cfg(feature = "serde")]
mod frames;
mod handle;
mod questions;
#[cfg(feature = "std")]
mod stream;
#[cfg(feature = "serde")]
mod value_handle;
#[cfg(feature = "serde")]
mod value_options;
#[cfg(feature = "serde")]
mod values;
mod words;

pub use claim::{ClaimError, ClaimErrorKind};
pub use end::{DuplexEnd, Receiving, Sending};
pub use ends::Side;
pub use handle::{Duplex, Options};
#[cfg(feature = "serde")]
pub use value_handle::ValueDuplex;
#[cfg(feature = "serde")]
pub use value_options::ValueOptions;
#[cfg(feature = "serde")]
pub use values::{ValueEnd, ValueReceiver, ValueSender};
pub use words::Way;
pub(crate) use words::Words;
