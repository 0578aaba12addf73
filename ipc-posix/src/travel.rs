//! Where a handle that travels comes from, and where it arrives.

use std::path::Path;

use ipc_core::Fault;
use ipc_core::object::{Address, Blueprint, Host, ObjectHeader, RegionAddress};
use ipc_core::platform::{Addressed, Located};
use ipc_core::region::Name;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::any_error::Error;
use crate::attachment;
use crate::error::{RegionError, RegionErrorKind};
use crate::platform::Posix;
use crate::region::Region;

/// What a region that has no name is called where one of its handles arrives.
const NAMELESS: &str = "(without a name)";

impl Region {
    fn address(&self) -> Result<RegionAddress, RegionError> {
        let path = match self.path() {
            None => {
                self.go_along()?;
                None
            }
            Some(path) => Some(path.to_str().ok_or_else(|| {
                RegionError::new(self.name(), RegionErrorKind::PathNotText { path: path.to_owned() })
            })?),
        };
        Ok(RegionAddress { identity: self.identity(), path: path.map(str::to_owned) })
    }

    /// Without a path it can be opened by its descriptor only, which goes along with the arguments of a new process.
    fn go_along(&self) -> Result<(), RegionError> {
        #[cfg(feature = "process")]
        crate::process::carry(self)
            .map_err(|why| RegionError::io(self.name(), "pass on", std::io::Error::other(why)))?;
        Ok(())
    }

    /// The region at an address: as this process has it open already, or opened by its path with the default options.
    fn at(address: &RegionAddress) -> Result<Region, RegionError> {
        let RegionAddress { identity, path } = address;
        if let Some(membership) = attachment::opened(*identity) {
            return Ok(Region::new(membership));
        }
        let Some(path) = path else {
            return Err(RegionError::new(NAMELESS, RegionErrorKind::NoPath { identity: *identity }));
        };
        let path = Path::new(path);
        let directory = path.parent().unwrap_or(Path::new("/"));
        // A path that ends in no name is refused as a name.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let region = Region::options().dir(directory).open(&name)?;
        if region.identity() != *identity {
            let kind = RegionErrorKind::Replaced {
                directory: directory.to_owned(),
                wanted: *identity,
                found: region.identity(),
            };
            return Err(RegionError::new(name, kind));
        }
        // Another thread may have come first: both go on with the same attachment.
        Ok(attachment::opened(*identity).map_or(region, Region::new))
    }
}

/// An error that is also kept for the reader of a process's arguments: the format may have no room for its text.
fn kept<E: std::fmt::Display>(error: E) -> E {
    #[cfg(feature = "process")]
    crate::process::keep_reason(&error);
    error
}

/// Writes where the region is. Fails if its path is no text.
impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.address().map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// The region that was written, in the process's first attachment, or opened by its path with the default options.
impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let address = RegionAddress::deserialize(deserializer)?;
        Region::at(&address).map_err(|error| D::Error::custom(kept(error)))
    }
}

impl Addressed for Posix {
    type Error = Error;

    fn address(&self) -> Result<Address, Error> {
        let region = self.region();
        if !region.is_usable() {
            return Err(Error::Fault(Fault::Forked));
        }
        let directory = region.membership().view().directory();
        let memory = Name::new(self.name()).and_then(|name| directory.find(&name)).ok().flatten();
        // An object has its schema from its creation on.
        let shape = memory.and_then(ObjectHeader::at).and_then(|header| header.read().ok());
        let (shape, _) = shape.ok_or(Error::Fault(Fault::Corrupted))?;
        Ok(Address { region: region.address()?, object: self.name().to_owned(), schema: shape.schema })
    }

    fn open<B: Blueprint>(address: &Address, wanted: &B) -> Result<B::Handle<'static, Posix>, Error> {
        Ok(Host::open(&Region::at(&address.region).map_err(kept)?, &address.object, wanted).map_err(kept)?)
    }
}
