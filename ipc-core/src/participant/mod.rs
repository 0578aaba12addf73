//! Who takes part in a region: identities and the table of records.
//!
//! A participant is an *address space* (a process), not a thread: when it is gone, none of its threads can
//! make another step, so everything that is marked with its identity can be repaired at once.

mod bits;
mod id;
mod table;

pub(crate) use bits::OwnerBits;
pub(crate) use id::Findings;
pub use id::{Dead, NotSeized, ParticipantId, Seized};
pub use table::{Record, RecordInfo};
