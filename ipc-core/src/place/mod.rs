//! A value in shared memory, or a slice of values, that one holder at a time may lend out as a reference: plain bytes in the shipped
//! build, beside a cell that complains about every access that the lock does not order in a model.

#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod shipped;

#[cfg(loom)]
pub(crate) use model::{Lent, OVERHEAD, Place, Shown};
#[cfg(not(loom))]
pub(crate) use shipped::{Lent, OVERHEAD, Place, Shown};
