//! Finding or creating an object in a region: the one way, for every kind.

use std::time::{Duration, Instant};

use ipc_core::memory::Memory;
use ipc_core::object::{Blueprint, Footprint, Host, ShapeError};
use ipc_core::region::{DirectoryError, Name};
use ipc_core::time::Limit;

use crate::any_error::Error;
use crate::clock;
use crate::error::{ObjectError, ObjectErrorKind};
use crate::platform::Posix;
use crate::region::Region;

/// How long a living process may hold the region's lock before an object's creation gives up. It is held for the time
/// that initialising an object takes.
const CREATE_PATIENCE: Duration = Duration::from_secs(10);

type Handle<B> = <B as Blueprint>::Handle<'static, Posix>;

/// One builder's question: this region, this name, this blueprint.
struct Search<'a, B> {
    region: &'a Region,
    name: &'a str,
    wanted: &'a B,
}

impl<B: Blueprint> Search<'_, B> {
    fn error(&self, kind: ObjectErrorKind) -> ObjectError {
        ObjectError::new(B::KIND, self.name, kind)
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

    fn platform(&self) -> Posix {
        Posix::new(self.region.membership().clone(), self.name)
    }

    fn find(&self, name: &Name) -> Result<Option<Handle<B>>, ObjectError> {
        let membership = self.region.membership();
        let Some(memory) = membership.view().directory().find(name).map_err(|cause| self.directory(cause))? else {
            return Ok(None);
        };
        self.attach(memory).map(Some)
    }

    fn attach(&self, memory: Memory<'static>) -> Result<Handle<B>, ObjectError> {
        self.wanted.attach(memory, self.platform()).map_err(|cause| self.directory(cause))
    }

    /// Under the region's lock: the object, and whether this call made it.
    fn find_or_insert(&self, name: &Name) -> Result<(Handle<B>, bool), ObjectError> {
        let membership = self.region.membership();
        let view = membership.view();
        let _lock = view.lock().lock_until(membership, clock::after(CREATE_PATIENCE)).map_err(|busy| {
            let record = busy.holder.and_then(|holder| view.records().get(holder.index()));
            let pid = record.map(|record| record.info().pid);
            self.error(if busy.is_alive {
                ObjectErrorKind::Busy { pid }
            } else {
                ObjectErrorKind::DeathsUnknown { pid }
            })
        })?;
        // A name that is taken by something else: the error says what differs.
        if let Some(handle) = self.find(name)? {
            return Ok((handle, false));
        }
        let bytes = self.wanted.bytes().map_err(|cause| no_object(self.name, self.wanted, cause))?;
        // SAFETY: under the region's lock, and not in the directory yet.
        let create = |memory: Memory<'static>| unsafe { self.wanted.create(memory, self.platform()) };
        // SAFETY: as above, and the name was searched for under that lock.
        let made = unsafe { view.directory().insert(name, bytes, membership, create) };
        made.map(|handle| (handle, true)).map_err(|cause| self.directory(cause))
    }
}

/// The error for an object that cannot be made.
pub(crate) fn no_object<B: Blueprint>(name: &str, _: &B, cause: ShapeError) -> ObjectError {
    let kind = match cause {
        ShapeError::Unsaid => ObjectErrorKind::NoCapacity,
        ShapeError::NoInitialValue => ObjectErrorKind::NoInitialValue,
        cause => ObjectErrorKind::Directory(cause.into()),
    };
    ObjectError::new(B::KIND, name, kind)
}

impl Host for Region {
    type Platform = Posix;
    type Error = ObjectError;
    type AloneError = Error;

    /// Lock-free, no system call.
    fn open<B: Blueprint>(&self, name: &str, wanted: &B) -> Result<Handle<B>, ObjectError> {
        let search = Search { region: self, name, wanted };
        let name = search.ready()?;
        search.find(&name)?.ok_or_else(|| search.error(ObjectErrorKind::NotFound))
    }

    fn wait_open<B: Blueprint>(
        &self,
        name: &str,
        wanted: &B,
        limit: &Limit<Instant>,
    ) -> Result<Handle<B>, ObjectError> {
        let search = Search { region: self, name, wanted };
        let name = search.ready()?;
        let directory = self.membership().view().directory();
        let found = directory.wait(&name, &search.platform(), limit).map_err(|cause| search.directory(cause))?;
        search.attach(found.ok_or_else(|| search.error(ObjectErrorKind::NotFound))?)
    }

    fn create<B: Blueprint>(&self, name: &str, wanted: &B) -> Result<Handle<B>, ObjectError> {
        let search = Search { region: self, name, wanted };
        let name = search.ready()?;
        match search.find_or_insert(&name)? {
            (handle, true) => Ok(handle),
            (_, false) => Err(search.error(ObjectErrorKind::AlreadyExists)),
        }
    }

    /// Any number of processes may do so at once.
    fn open_or_create<B: Blueprint>(&self, name: &str, wanted: &B) -> Result<Handle<B>, ObjectError> {
        let search = Search { region: self, name, wanted };
        let name = search.ready()?;
        match search.find(&name)? {
            Some(handle) => Ok(handle),
            None => search.find_or_insert(&name).map(|(handle, _)| handle),
        }
    }

    fn open_or_create_alone<B: Blueprint>(name: &str, wanted: &B) -> Result<Handle<B>, Error> {
        let bytes = wanted.bytes().map_err(|cause| no_object(name, wanted, cause))?;
        let region = Region::options().fit(&[Footprint(bytes)]).open_or_create(name)?;
        Ok(Host::open_or_create(&region, name, wanted)?)
    }
}
