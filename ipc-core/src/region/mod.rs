//! A region: one piece of shared memory that holds many named objects.
//!
//! ```text
//! page 0      header: magic, ABI version, layout hash, geometry, identity, flags, lock
//! 4096        participant table: one 64-byte record each
//! ...         directory: one 128-byte entry each: state, offset, length, name
//! ...         objects, each on its own 128-byte boundary, in the order of their creation
//! ```
//!
//! All integers are fixed-width, little-endian on the supported targets, and there are no pointers. A change of
//! layout changes [`ABI_VERSION`] or, at least, the layout hash.
//!
//! The process that creates a region has it to itself until it publishes the whole (one `linkat` on POSIX). After that,
//! objects are created under the region's lock, which survives its holder (see [`RegionLock`]), and become visible
//! by one Release store of an entry's state. Where the next object goes follows from the entries alone, so a
//! creator that dies at any instruction leaves nothing: neither a half-made object nor lost room. Those who [wait](Created)
//! for an object sleep at a gate of the header.

mod created;
mod directory;
mod header;
mod lock;

pub use created::Created;
pub use directory::{DirectoryError, MAX_NAME_BYTES, Name, ObjectInfo};
pub use header::{ABI_VERSION, Flags, Geometry, Header, HeaderError, RegionView, layouts};
pub use lock::{LockBusy, RegionLock};
