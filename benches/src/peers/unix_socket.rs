//! A pair of connected Unix sockets: a stream of bytes, or messages that are kept apart.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::floor;
use crate::link::{Link, Result};
use crate::message::{receiver, sender};

/// A pair of connected sockets, which processes started from now on inherit.
///
/// # Errors
///
/// If the system has no more descriptors.
pub fn sockets(kind: i32) -> Result<[OwnedFd; 2]> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: new, and nobody else's.
    Ok(fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// A stream. Blocks on both sides.
#[must_use]
pub fn stream<const W: usize>() -> Link {
    Link {
        name: "Unix stream",
        create: || {
            let [one, other] = sockets(libc::SOCK_STREAM)?;
            let mut reader = File::from(one);
            let address = other.as_raw_fd().to_string();
            // Stays open for the second process to inherit.
            std::mem::forget(other);
            Ok((address, receiver(move |out: &mut [u64; W]| reader.read_exact(bytemuck::cast_slice_mut(out)).is_ok())))
        },
        attach: |fd| {
            let mut writer = floor::inherited(fd.parse()?)?;
            Ok(sender(move |message: &[u64; W]| writer.write_all(bytemuck::cast_slice(message)).is_ok()))
        },
    }
}

/// Messages. Blocks on both sides. They must fit the socket's buffer (about 200 KiB).
#[must_use]
pub fn seqpacket<const W: usize>() -> Link {
    Link {
        name: "Unix seqpacket",
        create: || {
            let [one, other] = sockets(libc::SOCK_SEQPACKET)?;
            let mut reader = File::from(one);
            let address = other.as_raw_fd().to_string();
            // Stays open for the second process to inherit.
            std::mem::forget(other);
            let receive =
                move |out: &mut [u64; W]| reader.read(bytemuck::cast_slice_mut(out)).is_ok_and(|len| len == W * 8);
            Ok((address, receiver(receive)))
        },
        attach: |fd| {
            let mut writer = floor::inherited(fd.parse()?)?;
            Ok(sender(move |message: &[u64; W]| {
                writer.write(bytemuck::cast_slice(message)).is_ok_and(|len| len == W * 8)
            }))
        },
    }
}
