//! Names of regions and where they lead.

use std::path::{Path, PathBuf};

use crate::error::{RegionError, RegionErrorKind};

/// The longest region name in bytes: a file name has 255, and a temporary one needs some more than its region.
const MAX_BYTES: usize = 200;
/// Where POSIX shared memory lives on Linux.
pub(crate) const DEFAULT_DIRECTORY: &str = "/dev/shm";

/// Checks a region's name and gives the path of its file.
pub(crate) fn path_of(directory: &Path, name: &str) -> Result<PathBuf, RegionError> {
    let invalid = |reason| Err(RegionError::new(name, RegionErrorKind::NameInvalid { reason }));
    if name.is_empty() {
        return invalid("it is empty");
    }
    if name.contains('/') {
        return invalid("it contains '/': choose the directory with RegionOptions::dir");
    }
    if name.contains('\0') {
        return invalid("it contains NUL");
    }
    if name == "." || name == ".." {
        return invalid("it means a directory");
    }
    if name.starts_with('.') && name.contains(".draft-") {
        return invalid("it looks like a temporary file of a region's creator");
    }
    if name.len() > MAX_BYTES {
        return Err(RegionError::new(name, RegionErrorKind::NameTooLong { len: name.len(), max: MAX_BYTES }));
    }
    Ok(directory.join(name))
}
