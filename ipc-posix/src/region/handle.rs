//! The handle of an open region.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use ipc_core::participant::{NotSeized, Seized};
use ipc_core::queue::{self, Stats as QueueStats};
use ipc_core::region::{Name, ObjectInfo};
use ipc_core::{Fault, ParticipantId};

use super::options::RegionOptions;
use super::read_only::ReadOnlyRegion;
use crate::attachment::Membership;
use crate::error::{ObjectError, ObjectErrorKind, RegionError};
use crate::{clock, probe};

/// A region that this process has open. Clones share the attachment; it ends with the last clone and the last handle
/// of an object in it.
///
/// The [crate's page](crate) has an example, and says what lives how long.
#[derive(Clone)]
pub struct Region {
    membership: Membership,
}

/// Somebody who has (or had) a region open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Participant {
    /// The place in the region's table, from 1.
    pub number: u16,
    /// Whether it lived when it was checked, as the kernel says.
    pub alive: bool,
    /// Whether it is this process's own place.
    pub is_me: bool,
    /// Its process id in its own PID namespace: a hint for people, on which nothing depends.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`), so that people can tell a process
    /// from a later one with the same id; 0 if unknown.
    pub start_time: u64,
    /// How often its place was taken.
    pub epoch: u32,
    /// How long ago it joined. `None` if that was on another clock than this process's: before a reboot, or in another time
    /// namespace.
    pub age: Option<Duration>,
}

impl Participant {
    /// Whether it lived when it was checked.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.alive
    }
}

// Shared memory is not touched: it may be large, and after a fork it is not there.
impl std::fmt::Debug for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, size) = (self.name(), self.size());
        f.debug_struct("Region").field("name", &name).field("size", &size).finish_non_exhaustive()
    }
}

impl Region {
    pub(crate) fn new(membership: Membership) -> Self {
        Region { membership }
    }

    pub(crate) fn membership(&self) -> &Membership {
        &self.membership
    }

    /// A builder with all the options.
    pub fn options() -> RegionOptions {
        RegionOptions::default()
    }

    /// Creates a region with the default options; it must not exist. See [`RegionOptions::create`].
    ///
    /// # Errors
    ///
    /// Those of [`RegionOptions::create`].
    #[doc(alias = "SharedMemory")]
    #[doc(alias = "shm_open")]
    pub fn create(name: &str) -> Result<Region, RegionError> {
        Self::options().create(name)
    }

    /// Opens a region, which must exist. See [`RegionOptions::open`].
    ///
    /// # Errors
    ///
    /// Those of [`RegionOptions::open`].
    #[doc(alias = "attach")]
    pub fn open(name: &str) -> Result<Region, RegionError> {
        Self::options().open(name)
    }

    /// Opens a region, or creates it with the default options. See [`RegionOptions::open_or_create`].
    ///
    /// # Errors
    ///
    /// Those of [`RegionOptions::open_or_create`].
    pub fn open_or_create(name: &str) -> Result<Region, RegionError> {
        Self::options().open_or_create(name)
    }

    /// Opens a region for reading only. See [`RegionOptions::open_read_only`].
    ///
    /// # Errors
    ///
    /// Those of [`RegionOptions::open_read_only`].
    pub fn open_read_only(name: &str) -> Result<ReadOnlyRegion, RegionError> {
        Self::options().open_read_only(name)
    }

    /// Opens the region behind a descriptor. See [`RegionOptions::from_fd`].
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// let region = Region::options().anonymous()?;
    /// region.queue::<u32>("jobs").create()?.send(7)?;
    ///
    /// // In another process, which has inherited the descriptor or got it over a Unix socket:
    /// let descriptor = region.try_clone_fd()?;
    /// let region = Region::from_fd(descriptor)?;
    /// assert_eq!(region.queue::<u32>("jobs").open()?.recv()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`RegionOptions::from_fd`].
    pub fn from_fd(fd: impl AsFd) -> Result<Region, RegionError> {
        Self::options().from_fd(fd)
    }

    /// Removes the region's name. A process that has the region open goes on with it and can find out by
    /// [`is_orphaned`](Self::is_orphaned); a process that opens or creates the name from now on gets another region. The memory
    /// is given back when the last one is gone.
    ///
    /// # Errors
    ///
    /// There is no such region; [`PermissionDenied`](crate::RegionErrorKind::PermissionDenied).
    #[doc(alias = "shm_unlink")]
    pub fn unlink(name: &str) -> Result<(), RegionError> {
        Self::options().unlink(name)
    }

    /// Removes the region's name if no living process has it open; `true` if it did. A process that opens it
    /// at the same instant keeps the name, or finds no region.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let name = format!("doc-unused-{}", std::process::id());
    /// # let name = name.as_str();
    /// let region = Region::create(name)?;
    /// assert!(!Region::unlink_if_unused(name)?);
    /// drop(region);
    /// assert!(Region::unlink_if_unused(name)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of opening; [`PermissionDenied`](crate::RegionErrorKind::PermissionDenied) if this process may not remove the
    /// name; [`Busy`](crate::RegionErrorKind::Busy) if another process does not get on.
    pub fn unlink_if_unused(name: &str) -> Result<bool, RegionError> {
        Self::options().unlink_if_unused(name)
    }

    /// The region's name; a placeholder in parentheses for one that has none.
    pub fn name(&self) -> &str {
        self.membership.name()
    }

    /// The path of the region's file, if it was opened by name.
    pub fn path(&self) -> Option<&Path> {
        self.membership.path().map(|path| path.as_path())
    }

    /// Bytes of the region.
    pub fn size(&self) -> u64 {
        self.membership.view().geometry().total()
    }

    /// Bytes that are left for further objects.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.membership.assert_here();
        self.membership.view().directory().free()
    }

    /// The random number that the region got at its creation: two regions of the same name differ in it.
    pub fn identity(&self) -> u128 {
        self.membership.view().identity()
    }

    /// This process's place in the region's table.
    pub fn participant_number(&self) -> u16 {
        self.membership.me().get()
    }

    /// Whether this handle can be used here: `false` in a child after `fork`.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.membership.is_here()
    }

    /// Whether the region was opened by name and that name no longer means it: removed, or replaced by another. Handles
    /// go on working among those who still have it open. A system call or two.
    #[doc(alias = "is_unlinked")]
    #[must_use]
    pub fn is_orphaned(&self) -> bool {
        let attachment = &self.membership;
        match attachment.path() {
            None => false,
            Some(path) => {
                attachment.probe().links() == Some(0)
                    || probe::Status::of_path(path).map_or(true, |status| status.id != attachment.probe().id())
            }
        }
    }

    /// A descriptor of the region's file, to pass to another process, which opens the region with
    /// [`from_fd`](Self::from_fd). It carries no locks and is closed on exec.
    ///
    /// # Errors
    ///
    /// The file cannot be opened again: this process has too many files open, say, or `/proc` is not there.
    pub fn try_clone_fd(&self) -> Result<OwnedFd, RegionError> {
        let attachment = &self.membership;
        let another = attachment.probe().another();
        another.map(OwnedFd::from).map_err(|error| RegionError::reopening(self.name(), error))
    }

    /// Who has the region open: everybody who joined and did not leave, dead ones whose place nobody has taken yet
    /// included. One of which the system does not say whether it lives counts as alive. One system call each.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        self.membership.assert_here();
        let attachment = &self.membership;
        list_participants(attachment.view().records(), attachment.clock(), Some(attachment.me()), |who| {
            attachment.is_alive(who)
        })
    }

    /// What objects there are, in the order of their creation.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// region.queue::<u64>("jobs").capacity(16).create()?;
    /// assert_eq!(region.list()[0].to_string(), "queue \"jobs\" of 16 x 8 bytes, type u64, 1024 bytes in all");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn list(&self) -> Vec<ObjectInfo> {
        self.membership.assert_here();
        self.membership.view().directory().list().collect()
    }

    /// The figures of the queue with this name.
    ///
    /// # Errors
    ///
    /// There is no queue of this name; [`Forked`](ObjectErrorKind::Forked).
    pub fn queue_stats(&self, name: &str) -> Result<QueueStats, ObjectError> {
        if !self.is_usable() {
            return Err(ObjectError::new(ipc_core::object::Kind::Queue, name, ObjectErrorKind::Forked));
        }
        queue_stats(self.membership.view(), name)
    }

    /// Repairs at once what dead participants have left, and returns how many were found dead. Nobody needs to call this: the
    /// next process that has a dead one in its way repairs, and so does the one that takes its place. For tests and tools.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// let region = Region::options().anonymous()?;
    /// assert_eq!(region.recover()?, 0); // no process has died
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Fault::DeathsUnknown`] if the system does not say of all of them whether they live; after those that it says are dead
    /// it is repaired. [`Fault::Forked`].
    pub fn recover(&self) -> Result<usize, Fault> {
        if !self.is_usable() {
            return Err(Fault::Forked);
        }
        let view = self.membership.view();
        let (mut dead, mut unknown) = (0, false);
        for (index, record) in view.records().iter().enumerate().filter(|(_, record)| record.info().joined) {
            let Some(who) = ParticipantId::from_index(index) else { break };
            match Seized::try_new(&self.membership, who) {
                Ok(seized) => {
                    view.sweep(seized.dead(), &self.membership);
                    record.leave();
                    dead += 1;
                }
                Err(NotSeized::NotNow) => {}
                Err(NotSeized::Unknown) => unknown = true,
            }
        }
        if unknown { Err(Fault::DeathsUnknown) } else { Ok(dead) }
    }
}

/// The figures of a queue in a view.
pub(super) fn queue_stats(view: &ipc_core::region::RegionView<'_>, name: &str) -> Result<QueueStats, ObjectError> {
    let error = |kind| ObjectError::new(ipc_core::object::Kind::Queue, name, kind);
    let directory = |cause| error(ObjectErrorKind::Directory(cause));
    let found = Name::new(name).and_then(|name| view.directory().find(&name)).map_err(directory)?;
    let memory = found.ok_or_else(|| error(ObjectErrorKind::NotFound))?;
    queue::stats(memory).map_err(|cause| directory(cause.into()))
}

/// The participants in a table.
pub(super) fn list_participants(
    records: &[ipc_core::participant::Record],
    clock: u64,
    me: Option<ParticipantId>,
    is_alive: impl Fn(ParticipantId) -> bool,
) -> Vec<Participant> {
    let now = clock::timestamp(clock);
    let joined =
        records.iter().enumerate().map(|(index, record)| (index, record.info())).filter(|(_, info)| info.joined);
    joined
        .filter_map(|(index, info)| {
            let who = ParticipantId::from_index(index)?;
            Some(Participant {
                number: who.get(),
                alive: is_alive(who),
                is_me: Some(who) == me,
                pid: info.pid,
                start_time: info.start_time,
                epoch: info.epoch,
                age: info.joined_at.age(now),
            })
        })
        .collect()
}
