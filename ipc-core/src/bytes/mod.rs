//! The queue of messages of any length: records in a ring of bytes, many senders, many receivers.
//!
//! ```text
//! tail, the senders' lock, the head that they loaded last       one line pair
//! head, the receivers' lock, the tail that they loaded last     one line pair
//! items, space (event counts), closed, how values are written
//! the participants that hold a sender half                      1024 bits
//! the participants that hold a receiver half                    1024 bits
//! the ring: words of eight bytes; a record is its length, then its bytes, padded to whole words
//! ```
//!
//! `tail` and `head` count words, modulo 2^64. A sender takes the senders' lock, copies its record behind `tail` (around the end
//! of the ring if need be), and makes it visible with one Release store of `tail`. A receiver takes the receivers' lock, copies the
//! record out, and removes it with one Release store of `head`. The two sides share only those two words, as in
//! [`spsc`](crate::spsc). Each side keeps the value of the other's word that it loaded last, and loads it again only when that value
//! shows too little: both words only grow.
//!
//! Each side also counts its messages, right after its store; a count that a dead process has left behind shows by the index that is
//! noted beside it.
//!
//! | label | store | load | makes visible |
//! |---|---|---|---|
//! | message | `tail`, Release | `tail` by a receiver, Acquire | the record |
//! | free | `head`, Release | `head` by a sender, Acquire | that the record was read |
//!
//! # Deaths
//!
//! Both locks are robust ([`mutex`](crate::mutex)), and what they guard changes with one store. A sender that is killed before that
//! store has sent nothing. A receiver that is killed before it has received nothing, and the next receiver gets the record that it
//! was copying. So there is nothing to repair under a lock whose holder died. Each message is sent whole or not at all. It is
//! received once, or, if the receiver died after its store, by nobody.
//!
//! # Progress
//!
//! Senders exclude each other for the time of a copy, and so do receivers. Nobody waits for a dead process. While a process is
//! stopped in the middle of its copy, the others of its side wait. ([`loan`](crate::loan) has no such window.)

#[cfg(feature = "cbor")]
mod cbor;
#[cfg(feature = "serde")]
mod format;
mod halves;
mod handle;
#[cfg(feature = "serde")]
mod limits;
mod receive;
mod send;
#[cfg(feature = "serde")]
mod value_options;
#[cfg(feature = "serde")]
mod values;
mod words;

#[cfg(feature = "serde")]
pub use format::FormatError;
#[cfg(feature = "serde")]
#[doc(hidden)]
pub use format::{append, read_first};
#[cfg(feature = "serde")]
pub(crate) use format::{read, write};
pub use halves::{Receiver, Sender};
pub use handle::{ByteQueue, Options, Stats};
#[cfg(feature = "serde")]
pub use value_options::{QueuedValue, ValueOptions};
#[cfg(feature = "serde")]
pub use values::{ValueQueue, ValueReceiver, ValueSender};
#[cfg(feature = "cbor")]
pub(crate) use words::CBOR;
#[cfg(feature = "serde")]
pub(crate) use words::POSTCARD;
pub(crate) use words::{Words, format_name};
