//! A POSIX message queue.
//!
//! As long as the queues of the other benches if the system lets it: of ten messages where the process has no privileges.
//!
//! On Linux its descriptor is one like any other: the second process inherits it, so the name is gone before anybody else could see it.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

use crate::link::Link;
use crate::message::{HIGHEST_KEY, held, key, receiver, sender, unordered};
use crate::{floor, ours};

/// The largest message that an unprivileged process may ask for, unless the administrator decided otherwise.
pub const LARGEST: usize = 8192;

/// What an unprivileged process may ask for, unless the administrator decided otherwise.
const FEW: usize = 10;

/// A new queue for this many messages of this many bytes, or as many as the system allows. Processes started from now on inherit it.
///
/// # Errors
///
/// If there are no such queues, or the system allows no more of them.
pub fn create(messages: usize, size: usize) -> io::Result<File> {
    let name = CString::new(format!("/{}", ours::fresh_name("mq")))?;
    let open = |messages: usize| {
        // SAFETY: all zeros is a `mq_attr`.
        let mut limits: libc::mq_attr = unsafe { std::mem::zeroed() };
        (limits.mq_maxmsg, limits.mq_msgsize) = (messages as libc::c_long, size as libc::c_long);
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        // mqd_t mq_open(const char *name, int oflag, mode_t mode, struct mq_attr *attr)
        // SAFETY: a C string, and attributes that outlive the call.
        match unsafe { libc::mq_open(name.as_ptr(), flags, 0o600 as libc::mode_t, &raw mut limits) } {
            -1 => Err(io::Error::last_os_error()),
            queue => Ok(queue),
        }
    };
    let queue = open(messages).or_else(|_| open(FEW))?;
    // SAFETY: new, and nobody else's.
    let queue = unsafe { File::from_raw_fd(queue) };
    // SAFETY: a C string.
    unsafe { libc::mq_unlink(name.as_ptr()) };
    floor::bequeath(&queue)?;
    Ok(queue)
}

/// Sends these bytes with this priority, of which the highest is received first. Asleep while the queue is full.
///
/// # Panics
///
/// If the queue does not take messages so large.
pub fn send(queue: &File, message: &[u8], priority: u32) {
    // int mq_send(mqd_t mqdes, const char *msg_ptr, size_t msg_len, unsigned int msg_prio)
    // SAFETY: the descriptor is open while borrowed, and the bytes are as many as said.
    let sent = unsafe { libc::mq_send(queue.as_raw_fd(), message.as_ptr().cast(), message.len(), priority) };
    assert_eq!(sent, 0, "mq_send: {}", io::Error::last_os_error());
}

/// Receives a message of exactly these bytes, asleep while there is none.
///
/// # Panics
///
/// If the queue's messages have another length.
pub fn receive(queue: &File, message: &mut [u8]) {
    // ssize_t mq_receive(mqd_t mqdes, char *msg_ptr, size_t msg_len, unsigned int *msg_prio)
    // SAFETY: the descriptor is open while borrowed, the bytes are as many as said, and nobody wants the priority.
    let len = unsafe {
        libc::mq_receive(queue.as_raw_fd(), message.as_mut_ptr().cast(), message.len(), std::ptr::null_mut())
    };
    assert_eq!(len, message.len() as isize, "mq_receive: {}", io::Error::last_os_error());
}

/// Blocks on both sides. For messages up to [`LARGEST`].
#[must_use]
pub fn posix_mq<const W: usize>() -> Link {
    Link {
        name: "POSIX mq",
        create: || {
            let queue = create(held(W), W * 8)?;
            let address = queue.as_raw_fd().to_string();
            let receive = move |out: &mut [u64; W]| {
                receive(&queue, bytemuck::cast_slice_mut(out));
                true
            };
            Ok((address, receiver(receive)))
        },
        attach: |fd| {
            let queue = floor::inherited(fd.parse()?)?;
            Ok(sender(move |message: &[u64; W]| {
                send(&queue, bytemuck::cast_slice(message), 0);
                true
            }))
        },
    }
}

/// A queue with a [priority](key) for each message. They arrive by priority.
#[must_use]
pub fn posix_mq_with_priorities<const W: usize>() -> Link {
    Link {
        name: "POSIX mq, priorities",
        create: || {
            let queue = create(held(W), W * 8)?;
            let address = queue.as_raw_fd().to_string();
            let receive = move |out: &mut [u64; W]| {
                receive(&queue, bytemuck::cast_slice_mut(out));
                true
            };
            Ok((address, unordered(receive)))
        },
        attach: |fd| {
            let queue = floor::inherited(fd.parse()?)?;
            Ok(sender(move |message: &[u64; W]| {
                // Highest first.
                let priority = (HIGHEST_KEY - key(message[0])) as u32;
                send(&queue, bytemuck::cast_slice(message), priority);
                true
            }))
        },
    }
}
