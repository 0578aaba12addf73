//! A map from keys to values, of a fixed capacity: writers take turns, readers take no lock.
//!
//! ```text
//!    0   object header                                     written once
//!  128   books, the lock, free                             the line of those that write
//!  256   size and alignment of a key, seed, most of a value  written once, kept in private memory
//!  384   the buckets: removals, first                      16 bytes each, as many as the next power of two of the capacity
//!  ...   the entries: state, hash and next, key, two copies of the value
//! ```
//!
//! A hash table with chains, whose entries never move. *An entry's state is its existence*: it is put in, taken out and changed by one
//! store of the state. Chains, the list of free entries and the books are changed around that store, by the holder of the
//! [lock](crate::mutex), and finished or taken back by its next holder.
//!
//! ```text
//! insert   books: insert e | free = next | key, value, link | first = e | state: in, first copy | books: len + 1
//! update   the other copy  | state: in, other copy
//! remove   books: remove e | state: out | unlink e | removals + 1 | link: next free | free = e  | books: len - 1
//! get      removals, first | for each entry: state, link, key, value | state again (a hit), or removals again (a miss)
//! ```
//!
//! | `state` | who gets there | who leaves it |
//! |---|---|---|
//! | out(v) | the beginning, a remover | an inserter: in(first copy, v + 1) |
//! | in(copy, v) | an inserter, an updater | an updater: in(other copy, v + 1); a remover: out(v + 1) |
//!
//! The number v makes each state one that does not come back: there is no ABA. Of an entry that is out, only the books say what is being done to it:
//! nothing, put in, or taken out. `books` is one word, with the number of entries that there were before. So `len` needs two loads
//! while nobody writes, and the entry's state where somebody does, or has died: it is always exact.
//!
//! # Readers
//!
//! A reader walks along a chain while writers change it. It may meet an entry that is taken out and put into another chain, or into
//! the list of free ones, and walks on there. Therefore:
//!
//! - *A hit* counts if the state is the same after the copy: the key, and the copy of the value that counts in that state, are written only
//!   after another state was stored. The hit takes effect at the first load of the state.
//! - *A miss* counts if `removals` is the same after the walk: an entry's link changes only after it was unlinked and that was counted, in
//!   this order. The miss takes effect at the load of `first`. What is put in meanwhile goes in front, and leads nobody astray.
//!
//! Otherwise it begins again, because a writer got on. After many such failures in a row it gives up, as if the words were garbage.
//!
//! | step | ordering | pairs with |
//! |---|---|---|
//! | `state`: a writer's store | Release | a reader's first load, Acquire: key, value and link are there |
//! | `first` and `link`: a writer's store | Release | a reader's load, Acquire: the link of the entry that it names is there |
//! | `link`: a store into an entry that was taken out | Release | a reader's load, Acquire: who follows it finds `removals` counted |
//! | `removals`: the store | Release | a reader's first load, Acquire: who finds it counted finds the entry unlinked |
//! | a fence before cells are written, in `begin` and `replace` | Release | a reader's fence: who has read such a cell finds the state changed |
//! | a fence before the second check of `state` | Acquire | the one above |
//! | cells, and second looks | Relaxed | see the fences; for `removals`, the links |
//!
//! # What a death leaves
//!
//! A dead holder's lock is taken over, and its next holder checks the books. If nothing is being done, nothing is to be repaired: the
//! value that was being changed is the old one, or the new one. Otherwise the entry's state decides:
//!
//! | the books say | the entry is in | it is out |
//! |---|---|---|
//! | insert e | done: `len` + 1 | taken back: e is unlinked if it is linked, `removals` grows, e is free |
//! | remove e | not begun | finished: the same, and `len` - 1 |
//!
//! The repair counts the removal also where it finds the entry unlinked: its remover may have died before it counted. It puts the entry
//! in front of the free ones unless it is there: an inserter takes it from there before it changes its link. Each step of it may be
//! repeated, so its own death is repaired by the same rule. Within an operation, each store that must not come before another one is Release
//! or comes behind a Release fence, which also holds for a kill between the two.
//!
//! Readers pass over an entry that is out, linked or not. So they need not know of deaths.
//!
//! # Bytes
//!
//! In a byte map, the cells of a key and of each copy of a value begin with its length, and an entry has room for the longest of both. A
//! reader checks a length that it has loaded against that room before it uses it: it may be one that is being written.
//!
//! # One lock
//!
//! With a lock for each bucket, writers of different keys would not wait for each other. But then entries that are being put in have
//! owners, a sweep would have to find them without those locks, and what is full has to be found out across all of them. One lock needs
//! neither, an update takes it for some 20 ns, and a set of changes under it comes for free.

mod byte_guard;
mod byte_handle;
#[cfg(feature = "alloc")]
mod byte_iter;
mod change;
mod entry;
mod field;
mod guard;
mod handle;
mod hash;
mod iter;
mod read;
mod words;

pub use byte_guard::ByteMapGuard;
pub use byte_handle::{ByteMap, ByteOptions};
#[cfg(feature = "alloc")]
pub use byte_iter::ByteIter;
pub use entry::Entry;
pub use guard::MapGuard;
pub use handle::{Map, Options};
pub use iter::Iter;
pub(crate) use words::Words;
