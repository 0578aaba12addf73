//! A pipe, as large as an unprivileged process may make it.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;

use crate::floor;
use crate::link::Link;
use crate::message::{receiver, sender};

/// Blocks on both sides.
#[must_use]
pub fn pipe<const W: usize>() -> Link {
    Link {
        name: "pipe",
        create: || {
            let (mut reader, writer) = std::io::pipe()?;
            // SAFETY: a descriptor of our own; the size is a hint.
            unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20) };
            floor::bequeath(&writer)?;
            let address = writer.as_raw_fd().to_string();
            // Stays open for the second process to inherit.
            std::mem::forget(writer);
            Ok((address, receiver(move |out: &mut [u64; W]| reader.read_exact(bytemuck::cast_slice_mut(out)).is_ok())))
        },
        attach: |fd| {
            let mut writer = floor::inherited(fd.parse()?)?;
            Ok(sender(move |message: &[u64; W]| writer.write_all(bytemuck::cast_slice(message)).is_ok()))
        },
    }
}
