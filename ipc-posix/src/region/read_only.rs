//! A region opened for reading only.

use std::marker::PhantomData;
use std::os::fd::AsRawFd;
use std::path::Path;

use ipc_core::Instant;
use ipc_core::object::{CellValue, Kind, Schema, TypeName};
use ipc_core::platform::Observer;
use ipc_core::region::{Name, ObjectInfo, RegionView};
use memmap2::{Advice, MmapOptions, MmapRaw};

use super::handle::{Participant, list_participants, queue_stats};
use super::open;
use super::options::RegionOptions;
use crate::error::{ObjectError, ObjectErrorKind, RegionError};
use crate::fork::ForkGuard;
use crate::liveness::{Held, LockByte};
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
        ReadOnlyWatchOptions { region: self, name, schema: Schema::NONE, value: PhantomData }
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

/// What a [`ReadOnlyWatch`] should be like. Made by [`ReadOnlyRegion::watch`].
#[derive(Debug)]
#[must_use = "a builder does nothing until open"]
pub struct ReadOnlyWatchOptions<'r, T> {
    region: &'r ReadOnlyRegion,
    name: &'r str,
    schema: Schema,
    value: PhantomData<fn() -> T>,
}

impl<'r, T: CellValue> ReadOnlyWatchOptions<'r, T> {
    /// Sets a version number of the value's type, which is compared with that of the cell. Default: 0.
    pub fn schema(mut self, number: u64) -> Self {
        self.schema.number = number;
        self
    }

    /// Sets the name of the type that the cell should hold. Default: the name of the Rust type, without the path to it.
    pub fn type_name(mut self, name: &str) -> Self {
        self.schema.chosen = Some(TypeName::chosen(name));
        self
    }

    /// Opens the cell whatever the name of its type is. Size, alignment and schema are compared all the same.
    pub fn any_type(mut self) -> Self {
        self.schema.chosen = Some(TypeName::NONE);
        self
    }

    /// Opens the cell. Lock-free, no system call, and writes nothing.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ObjectErrorKind::NotFound), or what differs from what is wanted.
    pub fn open(self) -> Result<ReadOnlyWatch<'r, T>, ObjectError> {
        let error = |kind| ObjectError::new(Kind::Watch, self.name, kind);
        let directory = |cause| error(ObjectErrorKind::Directory(cause));
        if !self.region.fork.is_here() {
            return Err(error(ObjectErrorKind::Forked));
        }
        let found =
            Name::new(self.name).and_then(|name| self.region.view.directory().find(&name)).map_err(directory)?;
        let memory = found.ok_or_else(|| error(ObjectErrorKind::NotFound))?;
        ReadOnlyWatch::attach(memory, self.schema, self.region).map_err(|cause| directory(cause.into()))
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
