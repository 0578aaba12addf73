//! Two ends of a duplex without a name: one is kept, and the other goes to another process as a descriptor.

use std::os::fd::{AsFd, OwnedFd};

#[cfg(feature = "serde")]
use ipc_core::bytes::QueuedValue;
use ipc_core::duplex;
use ipc_core::object::{Blueprint, Footprint, Host, Message};

use crate::any_error::Error;
use crate::host::no_object;
use crate::objects::{Duplex, DuplexEnd};
#[cfg(feature = "serde")]
use crate::objects::{ValueDuplex, ValueDuplexEnd};
use crate::platform::Posix;
use crate::region::Region;

/// The duplex's name in its region.
const NAME: &str = "pair";
/// The two ends, and room for those that take the place of a dead one before anybody has noticed.
const PARTICIPANTS: u32 = 4;

/// Makes a duplex without a name: `A` from this end to the other, and `B` back, with room for `capacity` of each. Python's `Pipe()`,
/// `socketpair`.
///
/// The descriptor is the other end, for another process: one that inherits it (it is closed on exec unless that is changed), or that gets
/// it over a Unix socket, and passes it to [`duplex_from_fd`]. This process may close it then. Nothing is left when both ends are
/// gone. A pair of `u8` is a byte stream.
///
/// Costs a region of its own: a file in memory, and the system calls that create one. The ends cost what those of a named duplex do.
///
/// What is sent before the other end has come waits for it. A process that never comes ends no wait: see
/// [`wait_for_peer_timeout`](crate::duplex::DuplexEnd::wait_for_peer_timeout).
///
/// ```
/// use std::io::{BufRead, BufReader, Write};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut shell, fd) = ipc_posix::duplex_pair::<u8, u8>(4096)?;
/// writeln!(shell, "uptime")?;
///
/// let other = ipc_posix::duplex_from_fd::<u8, u8>(&fd)?; // in another process, usually
/// let mut line = String::new();
/// BufReader::new(other).read_line(&mut line)?;
/// assert_eq!(line, "uptime\n");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of [`RegionOptions::anonymous`](crate::RegionOptions::anonymous); that there is no such capacity.
#[doc(alias = "socketpair")]
#[doc(alias = "Pipe")]
pub fn duplex_pair<A: Message, B: Message>(capacity: usize) -> Result<(DuplexEnd<A, B>, OwnedFd), Error> {
    let (duplex, fd) = alone(&duplex::Options::<A, B>::new(capacity as u64))?;
    Ok((duplex.client()?, fd))
}

/// Such an object in a region of its own, and the region's descriptor.
fn alone<W: Blueprint>(wanted: &W) -> Result<(W::Handle<'static, Posix>, OwnedFd), Error> {
    let options = Region::options().participants(PARTICIPANTS).objects(1);
    let bytes = wanted.bytes().map_err(|cause| no_object(NAME, wanted, cause))?;
    let region = options.fit(&[Footprint(bytes)]).anonymous()?;
    let object = Host::create(&region, NAME, wanted)?;
    let fd = region.try_clone_fd()?;
    Ok((object, fd))
}

/// Takes the other end of a [`duplex_pair`] by its descriptor: it sends `B` and receives `A`.
///
/// The end is held until it is dropped, or its process killed. For another process, make another pair.
///
/// # Errors
///
/// Those of [`Region::from_fd`]; what differs in the types; [`Held`](crate::DuplexClaimErrorKind::Held) if a living process has the end,
/// and [`Unfinished`](crate::DuplexClaimErrorKind::Unfinished) if one had it and is gone.
pub fn duplex_from_fd<A: Message, B: Message>(fd: impl AsFd) -> Result<DuplexEnd<B, A>, Error> {
    let duplex: Duplex<A, B> = Region::from_fd(fd)?.duplex(NAME).open()?;
    Ok(duplex.server()?)
}

/// Makes a duplex of values of serde's types without a name: `A` from this end to the other, and `B` back, with room for `capacity` bytes
/// of each; 0 is 65,536. As [`duplex_pair`] otherwise.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut end, fd) = ipc_posix::value_duplex_pair::<String, Vec<u32>>(0)?;
/// end.send(&"primes".to_owned())?;
///
/// let mut other = ipc_posix::value_duplex_from_fd::<String, Vec<u32>>(&fd)?; // in another process, usually
/// assert_eq!(other.recv()?, "primes");
/// other.send(&vec![2, 3, 5])?;
/// assert_eq!(end.recv()?, [2, 3, 5]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of [`duplex_pair`].
#[cfg(feature = "serde")]
#[doc(alias = "Pipe")]
pub fn value_duplex_pair<A: QueuedValue, B: QueuedValue>(
    capacity: usize,
) -> Result<(ValueDuplexEnd<A, B>, OwnedFd), Error> {
    let (duplex, fd) = alone(&duplex::ValueOptions::<A, B>::new(capacity as u64))?;
    Ok((duplex.client()?, fd))
}

/// Takes the other end of a [`value_duplex_pair`] by its descriptor: it sends `B` and receives `A`. As [`duplex_from_fd`] otherwise.
///
/// # Errors
///
/// Those of [`duplex_from_fd`]. Types are not compared: both sides have to mean the same.
#[cfg(feature = "serde")]
pub fn value_duplex_from_fd<A: QueuedValue, B: QueuedValue>(fd: impl AsFd) -> Result<ValueDuplexEnd<B, A>, Error> {
    let duplex: ValueDuplex<A, B> = Region::from_fd(fd)?.value_duplex(NAME).open()?;
    Ok(duplex.server()?)
}
