//! The bounded priority queue: each message has a key, and the one with the lowest key is received first.
//!
//! ```text
//!    0   object header                                     written once
//!  128   next, taken, the lock, changing                   the line of everybody who sends or receives
//!  256   items, space (event counts), closed               read by all, written when somebody sleeps or closes
//!  384   the participants that hold a sender half          1024 bits
//!  512   the participants that hold a receiver half        1024 bits
//!  640   the heap: numbers of entries, 32 bits each        first those of the messages, then the free ones
//!  ...   the entries: sent, received, key, value           one for each message that fits
//! ```
//!
//! *The entries are the truth, and the heap is a cache.* Sends are numbered, and receives are: `next` and `taken` are the numbers that
//! the next ones get. An entry is a message that is there if its `sent` lies below `next` and its `received` does not lie below `taken`
//! (0 is no number). So one store of `next` puts a batch in, and one store of `taken` takes one out, and how many there are is the
//! difference of the two. The number of the send is also the order among equal keys.
//!
//! All of it changes under the [lock](crate::mutex) (as for a transaction):
//!
//! ```text
//! send      changing = 1 | entry: sent = next, received = 0, key, value | the heap | next += 1    | changing = 0
//! receive   changing = 1 | copy out; entry: received = taken            | the heap | taken += 1   | changing = 0
//! ```
//!
//! | `sent` | `received` | the entry is | who gets there | who leaves it |
//! |---|---|---|---|---|
//! | 0, or below `next` | below `taken` | free | the beginning, a receiver's store of `taken` | a sender that writes `sent` |
//! | not below `next` | any | free, perhaps half a message | a sender, by `sent` | that sender's store of `next`; a rebuild: `sent` = 0 |
//! | below `next` | 0 | a message | a sender, by `next` | a receiver, by `received` |
//! | below `next` | not below `taken` | a message that is being taken | a receiver, by `received` | that receiver's store of `taken`; a rebuild: `received` = 0 |
//!
//! `changing` says that the heap is not to be trusted. The next holder of the lock that wants to change something then makes it anew,
//! from the entries, and takes back what was never completed: before `next` or `taken` grows, or an old number would come to lie below
//! it.
//!
//! | store | ordering | what a kill between the two would do |
//! |---|---|---|
//! | `changing` = 1, before the others | Release fence | a heap that is half changed is trusted |
//! | `sent`, before `received` = 0 | Release | a message that was taken long ago is there again |
//! | all of the entry, before `next` | Release | half a message is there |
//! | the copy and `received`, before `taken` | Release | a message is gone that nobody has, or the counts do not fit the entries |
//! | the heap and the counts, before `changing` = 0 | Release | a heap that is half changed, or does not fit the counts, is trusted |
//!
//! All of them are for the compiler: the lock orders what the next holder finds, also if the last one died. (A model kills between two
//! stores as the program has them, the sweep of the kills at every instruction as the compiler has them.)
//!
//! `next` and `taken` are loaded without the lock, too, to find the queue empty or full. Empty needs `taken` before `next`, and full needs
//! `next` before `taken`: what changes between the two loads then only makes the finding weaker. The first load is Acquire. Its
//! partner is the Release fence behind `changing` = 1: who loads a count finds the other one at least as new as its writer did.
//!
//! How senders and receivers wait, and how the queue ends, is told in `ends/sides.rs`: a stack does the same.
//!
//! # Deaths
//!
//! What is killed before its store of `next` or `taken` has changed nothing; behind it, all of the batch is in, or taken along. In both
//! cases the heap is made anew. That takes a look at each entry: about 10 ms for a million.
//!
//! # The keys' order
//!
//! It is the users' code, and runs under the lock. If it panics, the lock is given back, what was not completed has not happened, and
//! the heap is made anew. If it is no order, messages come in any order, and nothing else happens.
//!
//! # Progress
//!
//! All exclude each other for the time of a copy and of a walk through the heap, which is log4(n) deep. Nobody waits for a dead process.
//! While a process is stopped in the middle of its operation, the others wait.

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
