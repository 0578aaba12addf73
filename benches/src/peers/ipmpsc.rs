//! ipmpsc: a ring in a file, behind a process-shared mutex and condition.
//!
//! Received as its documentation recommends for speed: deserialised in place, with serde_bytes.

use std::time::Duration;

use ipmpsc::{Receiver, Sender, SharedRingBuffer};
use serde_bytes::Bytes;

use crate::link::{Link, Result};
use crate::message::{held, receiver, sender};
use crate::ours;

/// What ipmpsc puts before a message: its own length, and that of the bytes in it.
const BEFORE: usize = 12;

/// The receiver checks again and again. So does the sender with small messages; with large ones it sleeps while there is no room. Either is
/// the faster there.
#[must_use]
pub fn ipmpsc<const W: usize>() -> Link {
    Link {
        name: "ipmpsc",
        create: || {
            let path = format!("/dev/shm/{}", ours::fresh_name("ipmpsc"));
            let bytes = held(W) * (W * 8 + BEFORE);
            let mut ring = Receiver::new(SharedRingBuffer::create(&path, bytes as u32)?);
            let receive = move |out: &mut [u64; W]| {
                let mut context = ring.zero_copy_context();
                let received = context.try_recv::<&Bytes>().expect("our own ring");
                let Some(message) = received else { return false };
                bytemuck::cast_slice_mut(out).copy_from_slice(message);
                true
            };
            Ok((path, receiver(receive)))
        },
        attach: |path| {
            let ring = open(path)?;
            Ok(sender(move |message: &[u64; W]| {
                let message = Bytes::new(bytemuck::cast_slice(message));
                let sent = if W <= 128 {
                    ring.send_timeout(&message, Duration::ZERO)
                } else {
                    ring.send(&message).map(|()| true)
                };
                sent.expect("our own ring")
            }))
        },
    }
}

/// Opens the ring and removes the file's name: everybody is in, and nobody else would.
fn open(path: &str) -> Result<Sender> {
    let ring = SharedRingBuffer::open(path)?;
    std::fs::remove_file(path)?;
    Ok(Sender::new(ring))
}
