//! An array of numbers or flags whose length is chosen when it is created, each element atomic by itself.
//!
//! ```text
//! byte 0        64
//!      type     element 0 | element 1 | ...   one word each, of the type's own size, without gaps
//! ```
//!
//! Every element is a word like the value of an [atomic cell](crate::atomic), with the same operations. What the array adds is
//! the length, which is in the object's header, and the type, which lies in front of the elements. Both are read once, when a
//! process opens the array, and compared with what it wants.
//!
//! | step | ordering | why |
//! |---|---|---|
//! | a load | Acquire | sees all that the author of the value did before: partner of the next two |
//! | a store, also of `fill` and `copy_from_slice` | Release | publishes what was done before; on x86-64 a plain store, where SeqCst would cost a locked instruction |
//! | a change (`swap`, `fetch_add` ...) | SeqCst | those of [`atomic`](crate::atomic): no dearer than Relaxed there |
//! | a copy of many bytes on x86-64 | the processor's | its copies are in order with all other loads and stores, though not always within one copy; elsewhere bytes are loaded and stored one by one |
//!
//! # What holds for one element, and what for several
//!
//! An element is read and written whole. A copy of several elements is one access after the other, in ascending order, and nothing
//! more: other processes may write between two of them. Where elements belong together, a lock, a [`watch`](crate::watch), or a
//! number in an [`atomic`](crate::atomic) that is changed last, makes them so.
//!
//! # What a death leaves
//!
//! Each write is one instruction, so a killed process has written an element or not. Of a `fill` or a `copy_from_slice` it has
//! written the first elements, and the others are as they were. No word says that somebody is at work, so there is nothing to
//! repair and nobody waits.
//!
//! # Why nothing can be waited for
//!
//! A waiter would have to be searched for after each store: a load of a further cache line and, without `membarrier`, a fence, in
//! what is one plain store now. One gate for all elements would also wake every waiter for each of them. A program that waits
//! takes an [`atomic`](crate::atomic) or an [`event`](crate::event) beside the array: who sees that change sees the elements that
//! were written before it.

mod element;
mod handle;
mod iter;
mod words;

pub use element::Element;
pub use handle::{Array, Options};
pub use iter::Iter;
pub(crate) use words::Words;
