//! A region opened for reading only.

use std::os::fd::AsRawFd;
use std::path::Path;

use ipc_core::Instant;
use ipc_core::memory::Memory;
use ipc_core::object::{CellValue, Kind};
use ipc_core::platform::Observer;
use ipc_core::region::{Name, ObjectInfo, RegionView};
use memmap2::{Advice, MmapOptions, MmapRaw};

use super::handle::{Participant, list_participants, queue_stats};
use super::open;
use super::options::RegionOptions;
#[cfg(feature = "serde")]
use super::read_only_cells::ReadOnlyValueWatchOptions;
use super::read_only_cells::ReadOnlyWatchOptions;
use crate::error::{ObjectError, ObjectErrorKind, RegionError};
use crate::fork::ForkGuard;
use crate::liveness::{Held, LockByte};
#[cfg(all(doc, feature = "serde"))]
use crate::objects::ReadOnlyValueWatch;
#[cfg(doc)]
use crate::objects::ReadOnlyWatch;
use crate::probe::Probe;
use crate::{attachment, clock};
use ipc_core::queue::Stats as QueueStats;

/// A read-only view of a region: for inspectors and dashboards. It takes no place among the participants, writes
/// nothing, and needs only read permission.
pub struct ReadOnlyRegion {
    map: std::mem::ManuallyDrop<MmapRaw>,
    view: RegionView<'static>,
    probe: Probe,
    fork: ForkGuard,
    clock: u64,
    name: String,
}

impl std::fmt::Debug for ReadOnlyRegion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadOnlyRegion").field("name", &self.name).field("size", &self.size()).finish_non_exhaustive()
    }
}

impl ReadOnlyRegion {
    pub(super) fn open(options: &RegionOptions, name: &str, path: &Path) -> Result<Self, RegionError> {
        let (file, status) = open::file(options, name, path, libc::O_RDONLY)?;
        open::check_size(name, &status)?;
        let map_error = |error| RegionError::io(name, "map the file", error);
        let len =
            usize::try_from(status.size).map_err(|_| map_error(std::io::Error::from_raw_os_error(libc::EFBIG)))?;
        let map = MmapOptions::new().len(len).map_raw_read_only(file.as_raw_fd()).map_err(map_error)?;
        map.advise(Advice::DontFork).map_err(map_error)?;
        let view = attachment::view(&map, name)?;
        let fork = ForkGuard::new().map_err(|error| RegionError::io(name, "prepare for forks", error))?;
        let probe = Probe::new(file, status.id, libc::O_RDONLY, None);
        let (map, clock) = (std::mem::ManuallyDrop::new(map), clock::identity());
        Ok(ReadOnlyRegion { map, view, probe, fork, clock, name: name.to_owned() })
    }

    /// The region's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the region.
    pub fn size(&self) -> u64 {
        self.view.geometry().total()
    }

    /// The random number that the region got at its creation.
    pub fn identity(&self) -> u128 {
        self.view.identity()
    }

    /// Whether the name was removed since. A system call.
    #[must_use]
    pub fn is_orphaned(&self) -> bool {
        self.probe.links() == Some(0)
    }

    /// What objects there are.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn list(&self) -> Vec<ObjectInfo> {
        self.fork.assert_here();
        self.view.directory().list().collect()
    }

    /// The figures of the queue with this name.
    ///
    /// # Errors
    ///
    /// There is no queue of this name; [`Forked`](ObjectErrorKind::Forked).
    pub fn queue_stats(&self, name: &str) -> Result<QueueStats, ObjectError> {
        if !self.fork.is_here() {
            return Err(ObjectError::new(ipc_core::object::Kind::Queue, name, ObjectErrorKind::Forked));
        }
        queue_stats(&self.view, name)
    }

    /// The latest-value cell with this name, for reading: set its options, then open it. See [`ReadOnlyWatch`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let name = format!("doc-read-only-watch-{}", std::process::id());
    /// # let name = name.as_str();
    /// let level = Region::create(name)?.watch("level").initial(7_u32).schema(2).create()?;
    /// let region = Region::open_read_only(name)?;
    /// assert_eq!(region.watch::<u32>("level").schema(2).open()?.get()?, 7);
    /// # Region::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watch<'r, T: CellValue>(&'r self, name: &'r str) -> ReadOnlyWatchOptions<'r, T> {
        ReadOnlyWatchOptions::new(self, name)
    }

    /// The latest-value cell of a type of serde's with this name, for reading: set its options, then open it. See [`ReadOnlyValueWatch`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let name = format!("doc-read-only-value-watch-{}", std::process::id());
    /// # let name = name.as_str();
    /// let title = Region::create(name)?.value_watch("title").initial(&"Intro".to_owned()).create()?;
    /// let region = Region::open_read_only(name)?;
    /// let looking = region.value_watch::<String>("title").open()?;
    /// assert_eq!(looking.get()?, "Intro");
    /// assert_eq!(looking.get_versioned()?.version, 0);
    /// # Region::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn value_watch<'r, T: ipc_core::watch::WatchedValue>(
        &'r self,
        name: &'r str,
    ) -> ReadOnlyValueWatchOptions<'r, T> {
        ReadOnlyValueWatchOptions::new(self, name)
    }

    /// The memory of the object with this name, which must exist.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Result<Memory<'static>, ObjectError> {
        let error = |cause| ObjectError::new(kind, name, cause);
        if !self.fork.is_here() {
            return Err(error(ObjectErrorKind::Forked));
        }
        let found = Name::new(name).and_then(|name| self.view.directory().find(&name));
        let found = found.map_err(|cause| error(ObjectErrorKind::Directory(cause)))?;
        found.ok_or_else(|| error(ObjectErrorKind::NotFound))
    }

    /// Who has the region open. See [`Region::participants`](crate::Region::participants).
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        self.fork.assert_here();
        list_participants(self.view.records(), self.clock, None, |who| {
            // When in doubt, alive.
            self.probe.ask(LockByte::of(who)).map_or(true, |held| held == Held::Owned)
        })
    }
}

// SAFETY: the memory is there as long as the region is borrowed, but not in a child after a fork.
unsafe impl Observer for &ReadOnlyRegion {
    fn now(&self) -> Instant {
        clock::now()
    }

    fn clock(&self) -> u64 {
        self.clock
    }

    fn is_here(&self) -> bool {
        self.fork.is_here()
    }
}

impl Drop for ReadOnlyRegion {
    fn drop(&mut self) {
        if self.fork.is_here() {
            // SAFETY: dropped once, here; nobody uses the view after this.
            unsafe { std::mem::ManuallyDrop::drop(&mut self.map) };
        }
    }
}
