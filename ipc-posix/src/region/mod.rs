//! Regions: creating, opening, reading, removing.

mod create;
mod handle;
mod objects;
mod open;
mod options;
mod read_only;
mod read_only_cells;
mod storage;

pub(crate) use open::unlink_error;

pub use handle::{Participant, Region};
pub use ipc_core::object::Footprint;
pub use options::{MemoryBarrier, RegionOptions};
pub use read_only::ReadOnlyRegion;
#[cfg(feature = "serde")]
pub use read_only_cells::ReadOnlyValueWatchOptions;
pub use read_only_cells::ReadOnlyWatchOptions;
