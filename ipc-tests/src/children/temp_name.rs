//! Region names for one test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A region name that nobody else uses; what is left of it in `/dev/shm` is removed on drop.
///
/// Only the process that made the name removes it: a victim that inherits one by fork does not.
#[derive(Debug)]
pub struct TempName {
    name: String,
    owner: u32,
}

impl TempName {
    /// A new name that starts with `label`, which should be short and of letters, digits and `-`.
    #[must_use]
    pub fn new(label: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let owner = std::process::id();
        // Relaxed: only the count has to differ, nothing is published with it.
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        // The last letter ends the number, so that no name is the start of another.
        Self { name: format!("{label}-{owner}-{time:x}-{count}x"), owner }
    }

    /// The name, without a slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Where a region of exactly this name would be.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        Path::new("/dev/shm").join(&self.name)
    }

    /// The files in `/dev/shm` whose name has this name in it, so that lock and half-made files count too.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir("/dev/shm") else {
            return Vec::new();
        };
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().contains(&self.name))
            .map(|entry| entry.path())
            .collect()
    }

    /// Removes those files now, as before each victim of a sweep.
    pub fn clean(&self) {
        for file in self.files() {
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Drop for TempName {
    fn drop(&mut self) {
        if std::process::id() == self.owner {
            self.clean();
        }
    }
}
