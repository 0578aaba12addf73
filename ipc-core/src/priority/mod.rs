//! The bounded priority queue: each message has a key, and the one with the lowest key is received first.
//!
//! ```text
//!    0   object header                                     written once
//!  128   seen, the senders' lock                           the line of senders
//!  256   next                                              written by senders
//!  384   merged, the receivers' lock                       the line of receivers
//!  512   taken                                             written by receivers
//!  640   changing, a key's size and alignment              written by receivers; written once
//!  768   items, space (event counts), closed               read by all, written when somebody sleeps or closes
//!  896   the participants that hold a sender half          1024 bits
//! 1024   the participants that hold a receiver half        1024 bits
//! 1152   the heap: numbers of entries, 32 bits each        first those of the messages, then the free ones
//!  ...   the entries: sent, received, key, value           one for each message that fits
//!  ...   the ring: key, value                              a power of two of them
//! ```
//!
//! A sender writes to the ring under the senders' [lock](crate::mutex) (as for a transaction), and compares no keys. A receiver takes the
//! receivers' lock, moves what was sent to entries and their numbers into the heap, and takes the first one out. The words of the ring, how the
//! two sides meet, and at which instant an operation takes effect, are told in `ends/inbox.rs`: a stack does the same.
//!
//! *The entries are the truth, and the heap is a cache.* Sends are numbered by their positions, and receives are by `taken`. An entry is a message
//! that was moved and is there if its `sent` lies below `merged` and its `received` does not lie below `taken` (0 is no number). So one store
//! of `merged` moves all that was sent, and one store of `taken` takes a batch out. The number of the send is also the order among
//! equal keys.
//!
//! All of it changes under the receivers' lock:
//!
//! ```text
//! move      changing = 1 | entry: sent = position, received = 0, key, value | the heap | merged = next
//! receive                | copy out; entry: received = taken                | the heap | taken += 1    | changing = 0
//! ```
//!
//! | `sent` | `received` | the entry is | who gets there | who leaves it |
//! |---|---|---|---|---|
//! | 0, or below `merged` | below `taken` | free | the beginning, a store of `taken` | a receiver that writes `sent` |
//! | not below `merged` | any | free, perhaps half a message; the ring has it whole | a receiver that moves it, by `sent` | its store of `merged`; a rebuild: `sent` = 0 |
//! | below `merged` | 0 | a message | a receiver, by `merged` | a receiver, by `received` |
//! | below `merged` | not below `taken` | a message that is being taken | a receiver, by `received` | its store of `taken`; a rebuild: `received` = 0 |
//!
//! `changing` says that the heap is not to be trusted. The next holder of the lock then makes it anew, from the entries, and takes back what was
//! never completed: before `merged` or `taken` grows, or an old number would come to lie below it.
//!
//! | store | ordering | what a kill between the two would do |
//! |---|---|---|
//! | `changing` = 1, before the others | Release fence | a heap that is half changed is trusted |
//! | `sent`, before `received` = 0 | Release | a message that was taken long ago is there again |
//! | all of the entry, before `merged` | Release | half a message is there |
//! | the copy and `received`, before `taken` | Release | a message is gone that nobody has, or the counts do not fit the entries |
//! | the heap and the counts, before `changing` = 0 | Release | a heap that is half changed, or does not fit the counts, is trusted |
//!
//! All of them are for the compiler: the lock orders what the next holder finds, also if the last one died. (A model kills between two
//! stores as the program has them, the sweep of the kills at every instruction as the compiler has them.)
//!
//! How senders and receivers wait, and how the queue ends, is told in `ends/sides.rs`.
//!
//! # Deaths
//!
//! What is killed before its store of `next` or `taken` has changed nothing; behind it, all of the batch is in, or taken along. After the death
//! of a receiver in the middle of its change the heap is made anew. That reads each entry: about 10 ms for a million.
//!
//! # The keys' order
//!
//! It is the users' code, and runs under the receivers' lock. If it panics, the lock is given back, what was not completed has not happened, and the
//! heap is made anew. If it is no order, messages come in any order, and nothing else happens.
//!
//! # Progress
//!
//! Senders exclude each other for the time of a copy. Receivers do for the time of a copy and two walks through the heap, which is log4(n)
//! deep, and of another copy and walk for each further message that was sent since the last receive. Nobody waits for a dead process. While
//! a process is stopped in the middle of its operation, the others of its side wait.

mod entry;
mod halves;
mod handle;
mod heap;
mod pairs;
mod words;

pub use crate::ends::Stats;
pub use halves::{Receiver, Sender};
pub use handle::{Options, PriorityQueue};
pub(crate) use words::Words;
