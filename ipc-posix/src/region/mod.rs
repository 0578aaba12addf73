//! Regions: creating, opening, looking at, removing.

mod create;
mod handle;
mod open;
mod options;
mod read_only;

pub use handle::{Participant, Region};
pub use options::{Footprint, MemoryBarrier, RegionOptions};
pub use read_only::ReadOnlyRegion;
