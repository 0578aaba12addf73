//! How a region is created, and what an opener accepts.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ipc_core::object::Footprint;
use ipc_core::region::{Flags, Geometry};
use memmap2::{Advice, MmapRaw};

use super::{Region, create, open, read_only::ReadOnlyRegion};
use crate::error::{RegionError, RegionErrorKind};
use crate::{membarrier, name};

const DEFAULT_SIZE: u64 = 1 << 20;
const DEFAULT_PARTICIPANTS: u32 = 256;
const DEFAULT_OBJECTS: u32 = 64;
const DEFAULT_MODE: u32 = 0o600;
const PAGE: u64 = 4096;
/// Rounds of "open, else create" before giving up: each lost round means that others created and removed the region
/// in between.
const ROUNDS: u32 = 1000;
/// Between two searches for a region that does not exist yet.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// How sleepers and notifiers agree, fixed at a region's creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MemoryBarrier {
    /// `membarrier` where the creator may use it, fences otherwise. With `membarrier`, an operation that finds nobody
    /// asleep executes no full fence; participants that may not use it are refused.
    #[default]
    Auto,
    /// Fences: for regions that processes under strict seccomp filters share.
    Fence,
}

/// A builder: sizes and permissions for creators, demands of openers, and the directory for both.
///
/// ```
/// use ipc_posix::{Queue, Region};
/// # let name = format!("doc-options-{}", std::process::id());
/// # let name = name.as_str();
/// let region = Region::options()
///     .fit(&[Queue::<u64>::footprint(1024), Queue::<[u8; 256]>::footprint(64)])
///     .mode(0o660)
///     .participants(16)
///     .create(name)?;
/// # Region::unlink(name)?;
/// # Ok::<(), ipc_posix::RegionError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct RegionOptions {
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) directory: PathBuf,
    pub(super) participants: u32,
    pub(super) objects: u32,
    pub(super) prefault: bool,
    pub(super) huge_pages: bool,
    pub(super) remove_with_last: bool,
    pub(super) barrier: MemoryBarrier,
    pub(super) trusted: Vec<u32>,
    pub(super) require_seals: bool,
    pub(super) drafts: bool,
}

impl Default for RegionOptions {
    fn default() -> Self {
        RegionOptions {
            size: DEFAULT_SIZE,
            mode: DEFAULT_MODE,
            directory: PathBuf::from(name::DEFAULT_DIRECTORY),
            participants: DEFAULT_PARTICIPANTS,
            objects: DEFAULT_OBJECTS,
            prefault: false,
            huge_pages: false,
            remove_with_last: false,
            barrier: MemoryBarrier::Auto,
            trusted: Vec::new(),
            require_seals: false,
            drafts: false,
        }
    }
}

impl RegionOptions {
    /// The size of a new region in bytes, all included; rounded up to whole pages. Default: 1 MiB.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    /// Makes a new region just large enough for these objects (and for its participants and directory, so set those
    /// first). See [`required_size`](Self::required_size).
    pub fn fit(mut self, objects: &[Footprint]) -> Self {
        self.size = self.required_size(objects);
        self
    }

    /// The bytes of a region with these options that has room for these objects.
    pub fn required_size(&self, objects: &[Footprint]) -> u64 {
        let table = Geometry::new(isize::MAX as u64, self.participants, self.objects).map_or(0, |g| g.objects_offset());
        objects.iter().fold(table, |sum, object| sum.saturating_add(object.0)).next_multiple_of(PAGE)
    }

    /// The permission bits of a new region, applied exactly (the umask does not count). Default: 0600.
    ///
    /// An opener refuses a region that everybody may write to, unless it says so here too.
    ///
    /// A user who may only read the file can take read locks on it (see fcntl(2)). They stop no call on objects and no repair after a
    /// death. But while such a lock covers the whole file, no further process can attach, which is the error
    /// [`PlacesLocked`](crate::RegionErrorKind::PlacesLocked), and the last one that leaves does not remove the name.
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = bits & 0o777;
        self
    }

    /// The directory of the region's file. Default: `/dev/shm`. It has to be on tmpfs, or on a disk's ext4: overlayfs is
    /// refused, and btrfs is better avoided. A relative path is that of the moment when the region is created or opened.
    /// Processes in different containers can share a region in a directory that both mount.
    pub fn dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = directory.as_ref().to_owned();
        self
    }

    /// How many attachments a new region has room for, 1 to 1022. Default: 256. One takes 64 bytes. A process that opens a region
    /// twice has two.
    pub fn participants(mut self, most: u32) -> Self {
        self.participants = most;
        self
    }

    /// How many objects a new region can hold. Default: 64. One takes 128 bytes, besides its own.
    pub fn objects(mut self, most: u32) -> Self {
        self.objects = most;
        self
    }

    /// Whether this process touches all pages at once when it creates or opens the region, so that no operation
    /// meets a page fault later. Default: no. (Memory is always reserved at creation.)
    pub fn prefault(mut self, yes: bool) -> Self {
        self.prefault = yes;
        self
    }

    /// Advises the kernel to use huge pages, where the filesystem has them. Default: no.
    pub fn huge_pages(mut self, yes: bool) -> Self {
        self.huge_pages = yes;
        self
    }

    /// Whether the last living process that drops its last handle of a new region removes its name. Default: no.
    ///
    /// The name stays if the last one opened the region by descriptor, or may not remove the file (another user's in a
    /// sticky directory). If the last one is killed instead, the file stays, and the next `open_or_create` goes on with it; see also
    /// [`Region::unlink_if_unused`].
    pub fn remove_with_last(mut self, yes: bool) -> Self {
        self.remove_with_last = yes;
        self
    }

    /// How sleepers and notifiers of a new region agree. Default: [`MemoryBarrier::Auto`].
    pub fn memory_barrier(mut self, barrier: MemoryBarrier) -> Self {
        self.barrier = barrier;
        self
    }

    /// Also opens regions that this user owns. Without it only one's own, and those of the superuser.
    pub fn trust_user(mut self, uid: u32) -> Self {
        self.trusted.push(uid);
        self
    }

    /// Whether [`from_fd`](Self::from_fd) refuses a file that could still be truncated. Default: no.
    pub fn require_seals(mut self, yes: bool) -> Self {
        self.require_seals = yes;
        self
    }

    /// Creates regions the way it is done where the filesystem has no `O_TMPFILE`: for tests.
    #[doc(hidden)]
    pub fn without_tmpfile(mut self, yes: bool) -> Self {
        self.drafts = yes;
        self
    }

    /// Where the region of this name is: an absolute path, so that it means the same after `chdir`.
    fn path_of(&self, name: &str) -> Result<PathBuf, RegionError> {
        let path = name::path_of(&self.directory, name)?;
        std::path::absolute(&path).map_err(|error| RegionError::io(name, "find the current directory", error))
    }

    pub(super) fn geometry(&self, name: &str) -> Result<Geometry, RegionError> {
        let size = self.size.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
        Geometry::new(size, self.participants, self.objects).ok_or_else(|| {
            let needed = Geometry::new(isize::MAX as u64, self.participants, self.objects).map(|g| g.objects_offset());
            let kind = RegionErrorKind::Geometry {
                size: self.size,
                participants: self.participants,
                objects: self.objects,
                needed,
            };
            RegionError::new(name, kind)
        })
    }

    /// The option that concerns the mapping alone. It is a wish: the kernel may refuse.
    pub(super) fn advise(&self, map: &MmapRaw) {
        if self.huge_pages {
            let _ = map.advise(Advice::HugePage);
        }
    }

    pub(super) fn flags(&self) -> Flags {
        let barrier = match self.barrier {
            MemoryBarrier::Auto if membarrier::register() => Flags::ASYMMETRIC_BARRIER,
            _ => Flags::empty(),
        };
        barrier.with(if self.remove_with_last { Flags::REMOVE_WITH_LAST } else { Flags::empty() })
    }

    /// Creates the region, which must not exist, and opens it.
    ///
    /// The region appears in one step, complete. A creator that is killed before leaves nothing behind. Memory for all
    /// of it is reserved: a full filesystem is an error here, not a signal later. (A memory cgroup that
    /// is smaller than the region kills its creator: no process can ask for that limit.)
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](RegionErrorKind::AlreadyExists), [`NoSpace`](RegionErrorKind::NoSpace),
    /// [`Geometry`](RegionErrorKind::Geometry), names, permissions.
    pub fn create(&self, name: &str) -> Result<Region, RegionError> {
        let path = self.path_of(name)?;
        create::named(self, name, &path)
    }

    /// Opens the region, which must exist.
    ///
    /// # Errors
    ///
    /// [`NotFound`](RegionErrorKind::NotFound); whatever makes the file no region, or not one that this program can
    /// use or should trust; [`TooManyParticipants`](RegionErrorKind::TooManyParticipants).
    pub fn open(&self, name: &str) -> Result<Region, RegionError> {
        self.open_at(name, &self.path_of(name)?)
    }

    fn open_at(&self, name: &str, path: &Path) -> Result<Region, RegionError> {
        for _ in 0..ROUNDS {
            if let Some(region) = open::named(self, name, path)? {
                return Ok(region);
            }
        }
        Err(RegionError::new(name, RegionErrorKind::Contended))
    }

    /// Opens the region once it exists: blocks until another process has created it.
    ///
    /// A directory wakes nobody, so this tries again, first after 0.1 ms and at last every 10 ms: about 0.1 % of a processor.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let name = format!("doc-wait-{}", std::process::id());
    /// # let name = name.as_str();
    /// # let creator = { let name = name.to_owned(); std::thread::spawn(move || Region::create(&name)) };
    /// // Started before the process that creates both:
    /// let region = Region::options().wait_open(name)?;
    /// # region.queue::<u64>("jobs").capacity(8).create()?;
    /// let jobs = region.queue::<u64>("jobs").wait_open()?;
    /// # Region::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// At once, those of [`open`](Self::open) but `NotFound`.
    pub fn wait_open(&self, name: &str) -> Result<Region, RegionError> {
        self.open_before(name, None)
    }

    /// Opens the region as [`wait_open`](Self::wait_open) does, but blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); `NotFound` once the time is over.
    pub fn wait_open_timeout(&self, name: &str, timeout: Duration) -> Result<Region, RegionError> {
        self.open_before(name, Instant::now().checked_add(timeout))
    }

    /// Opens the region as [`wait_open`](Self::wait_open) does, but blocks until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of [`wait_open_timeout`](Self::wait_open_timeout).
    pub fn wait_open_deadline(&self, name: &str, deadline: Instant) -> Result<Region, RegionError> {
        self.open_before(name, Some(deadline))
    }

    /// `None`: for ever.
    fn open_before(&self, name: &str, deadline: Option<Instant>) -> Result<Region, RegionError> {
        let path = self.path_of(name)?;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.open_at(name, &path) {
                Err(error) if error.is_not_found() => error,
                opened => return opened,
            };
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(error);
            }
            std::thread::sleep(left.map_or(pause, |left| left.min(pause)));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Opens the region if it exists, creates it otherwise. Any number of processes may do so at once: one creates,
    /// the others open the same region. Sizes are the creator's.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and of [`create`](Self::create); [`Contended`](RegionErrorKind::Contended) if others create and
    /// remove the region again and again.
    pub fn open_or_create(&self, name: &str) -> Result<Region, RegionError> {
        let path = self.path_of(name)?;
        for _ in 0..ROUNDS {
            match open::named(self, name, &path) {
                Ok(Some(region)) => return Ok(region),
                Ok(None) => continue,
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
            match create::named(self, name, &path) {
                Err(error) if error.is_already_exists() => {}
                // Another process may have come first and taken the room.
                Err(error) => return open::named(self, name, &path).ok().flatten().ok_or(error),
                created => return created,
            }
        }
        Err(RegionError::new(name, RegionErrorKind::Contended))
    }

    /// Opens the region for reading only: the mapping is read-only, and no participant's place is taken. Takes no locks. The right
    /// to read the file is also the right to lock it for reading, see [`mode`](Self::mode).
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_read_only(&self, name: &str) -> Result<ReadOnlyRegion, RegionError> {
        let path = self.path_of(name)?;
        ReadOnlyRegion::open(self, name, &path)
    }

    /// Creates a region without a name: a file in memory that only those can open who are given its
    /// [descriptor](Region::try_clone_fd), and that nobody can truncate.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create), except for those about its name.
    pub fn anonymous(&self) -> Result<Region, RegionError> {
        create::anonymous(self)
    }

    /// Opens the region whose file this is: an [anonymous](Self::anonymous) one that came over a Unix socket or by
    /// inheritance, or any other. The descriptor stays the caller's, who may close it. Needs `/proc`.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), except for those about its name.
    pub fn from_fd(&self, fd: impl AsFd) -> Result<Region, RegionError> {
        open::descriptor(self, fd.as_fd())
    }

    /// Removes the region's name. See [`Region::unlink`].
    ///
    /// # Errors
    ///
    /// Those of [`Region::unlink`].
    pub fn unlink(&self, name: &str) -> Result<(), RegionError> {
        let path = self.path_of(name)?;
        open::unlink(&self.directory, name, &path)
    }

    /// Removes the region's name if no living process has it open. See [`Region::unlink_if_unused`].
    ///
    /// # Errors
    ///
    /// Those of [`Region::unlink_if_unused`].
    pub fn unlink_if_unused(&self, name: &str) -> Result<bool, RegionError> {
        let region = self.open(name)?;
        region.membership().remove_if_last()
    }
}
