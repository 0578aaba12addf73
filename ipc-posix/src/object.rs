//! Finding or creating an object in a region: the one way, for every kind.

use std::time::Duration;

use ipc_core::memory::Memory;
use ipc_core::object::{Footprint, Host, Kind, ObjectHeader, Shape, ShapeError};
use ipc_core::region::{DirectoryError, Name};

use crate::attachment::Membership;
use crate::clock;
use crate::error::{Error, ObjectError, ObjectErrorKind};
use crate::platform::Posix;
use crate::region::Region;

/// How long a living process may hold the region's lock before an object's creation gives up. It is held for the time
/// that initialising an object takes.
const CREATE_PATIENCE: Duration = Duration::from_secs(10);

/// What a kind of object is like, as its builder knows it.
pub(crate) trait Blueprint {
    /// The object's handle in the core.
    type Core;

    /// What to compare an existing object with; a capacity of 0 means any.
    fn shape(&self) -> Shape;

    /// The bytes of a new object, or why there can be none.
    fn bytes(&self) -> Result<u64, ObjectErrorKind>;

    /// Lays a new object into memory that the caller has to itself.
    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError>;

    /// A handle of the object in this memory.
    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError>;
}

/// One builder's question: this region, this name, this blueprint.
pub(crate) struct Search<'a, B> {
    pub(crate) region: &'a Region,
    pub(crate) name: &'a str,
    pub(crate) blueprint: &'a B,
}

impl<B: Blueprint> Search<'_, B> {
    fn kind(&self) -> Kind {
        self.blueprint.shape().kind
    }

    fn error(&self, kind: ObjectErrorKind) -> ObjectError {
        ObjectError::new(self.kind(), self.name, kind)
    }

    fn directory(&self, cause: impl Into<DirectoryError>) -> ObjectError {
        self.error(ObjectErrorKind::Directory(cause.into()))
    }

    fn ready(&self) -> Result<Name, ObjectError> {
        if !self.region.is_usable() {
            return Err(self.error(ObjectErrorKind::Forked));
        }
        Name::new(self.name).map_err(|cause| self.directory(cause))
    }

    fn find(&self, name: &Name) -> Result<Option<B::Core>, ObjectError> {
        let membership = self.region.membership();
        let Some(memory) = membership.view().directory().find(name).map_err(|cause| self.directory(cause))? else {
            return Ok(None);
        };
        ObjectHeader::at(memory)
            .ok_or(ShapeError::Missing)
            .and_then(ObjectHeader::read)
            .and_then(|(shape, _)| shape.check(&self.blueprint.shape()))
            .and_then(|()| self.blueprint.attach(memory, membership.clone()))
            .map(Some)
            .map_err(|cause| self.directory(cause))
    }

    /// The object, which must exist. Lock-free, no system call.
    pub(crate) fn open(&self) -> Result<B::Core, ObjectError> {
        let name = self.ready()?;
        self.find(&name)?.ok_or_else(|| self.error(ObjectErrorKind::NotFound))
    }

    /// A new object; the name must be free.
    pub(crate) fn create(&self) -> Result<B::Core, ObjectError> {
        let name = self.ready()?;
        match self.find_or_insert(&name)? {
            (core, true) => Ok(core),
            (_, false) => Err(self.error(ObjectErrorKind::AlreadyExists)),
        }
    }

    /// The object if it exists, a new one otherwise. Any number of processes may do so at once.
    pub(crate) fn open_or_create(&self) -> Result<B::Core, ObjectError> {
        let name = self.ready()?;
        match self.find(&name)? {
            Some(core) => Ok(core),
            None => self.find_or_insert(&name).map(|(core, _)| core),
        }
    }

    /// Under the region's lock: the object, and whether this call made it.
    fn find_or_insert(&self, name: &Name) -> Result<(B::Core, bool), ObjectError> {
        let membership = self.region.membership();
        let view = membership.view();
        let _lock = view.lock().lock_until(membership, clock::after(CREATE_PATIENCE)).map_err(|busy| {
            let record = busy.holder.and_then(|holder| view.records().get(holder.index()));
            self.error(ObjectErrorKind::Busy { pid: record.map(|record| record.info().pid) })
        })?;
        // A name that is taken by something else: the error says what differs.
        if let Some(core) = self.find(name)? {
            return Ok((core, false));
        }
        let bytes = self.blueprint.bytes().map_err(|kind| self.error(kind))?;
        view.directory()
            .insert(name, bytes, |memory| self.blueprint.create(memory, membership.clone()))
            .map(|core| (core, true))
            .map_err(|cause| self.directory(cause))
    }
}

/// The ends of a builder with the fields `region`, `name` and `blueprint`.
macro_rules! builder_ends {
    ($handle:ty, $new:expr) => {
        fn search(&self) -> $crate::object::Search<'_, Self> {
            $crate::object::Search { region: self.region, name: &self.name, blueprint: self }
        }

        /// Opens the object, which must exist. Lock-free, no system call.
        ///
        /// # Errors
        ///
        /// [`NotFound`](crate::ObjectErrorKind::NotFound), or what differs from what is wanted.
        pub fn open(self) -> Result<$handle, $crate::ObjectError> {
            self.search().open().map(|core| $new(core, self.region, &self.name))
        }

        /// Creates the object, which must not exist.
        ///
        /// # Errors
        ///
        /// [`AlreadyExists`](crate::ObjectErrorKind::AlreadyExists), or why there is no room for it.
        pub fn create(self) -> Result<$handle, $crate::ObjectError> {
            self.search().create().map(|core| $new(core, self.region, &self.name))
        }

        /// Opens the object if it exists, creates it otherwise. Any number of processes may do so at once.
        ///
        /// # Errors
        ///
        /// Those of [`open`](Self::open) and [`create`](Self::create).
        pub fn open_or_create(self) -> Result<$handle, $crate::ObjectError> {
            self.search().open_or_create().map(|core| $new(core, self.region, &self.name))
        }
    };
}
pub(crate) use builder_ends;

/// A blueprint of the core, by the former search. (Once every kind has one, `Search` takes it as it is.)
struct Plan<'a, B> {
    wanted: &'a B,
    name: &'a str,
}

impl<B: ipc_core::object::Blueprint> Blueprint for Plan<'_, B> {
    type Core = B::Handle<'static, Posix>;

    fn shape(&self) -> Shape {
        self.wanted.shape()
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        self.wanted.bytes().map_err(|error| match error {
            ShapeError::Unsaid => ObjectErrorKind::NoCapacity,
            error => ObjectErrorKind::Directory(error.into()),
        })
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        // SAFETY: under the region's lock, and not in the directory yet.
        unsafe { self.wanted.create(memory, Posix::new(membership, self.name)) }
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        self.wanted.attach(memory, Posix::new(membership, self.name))
    }
}

type Handle<B> = <B as ipc_core::object::Blueprint>::Handle<'static, Posix>;

impl Host for Region {
    type Platform = Posix;
    type Error = ObjectError;

    fn open<B: ipc_core::object::Blueprint>(&self, name: &str, wanted: &B) -> Result<Handle<B>, ObjectError> {
        Search { region: self, name, blueprint: &Plan { wanted, name } }.open()
    }

    fn create<B: ipc_core::object::Blueprint>(&self, name: &str, wanted: &B) -> Result<Handle<B>, ObjectError> {
        Search { region: self, name, blueprint: &Plan { wanted, name } }.create()
    }

    fn open_or_create<B: ipc_core::object::Blueprint>(&self, name: &str, wanted: &B) -> Result<Handle<B>, ObjectError> {
        Search { region: self, name, blueprint: &Plan { wanted, name } }.open_or_create()
    }

    type AloneError = Error;

    fn open_or_create_alone<B: ipc_core::object::Blueprint>(name: &str, wanted: &B) -> Result<Handle<B>, Error> {
        let bytes = Plan { wanted, name }.bytes().map_err(|kind| ObjectError::new(B::KIND, name, kind))?;
        let region = Region::options().fit(&[Footprint(bytes)]).open_or_create(name)?;
        Ok(Host::open_or_create(&region, name, wanted)?)
    }
}
