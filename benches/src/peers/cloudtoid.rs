//! cloudtoid-interprocess: a ring of bytes in a file, for several senders and receivers.

use std::fs;

use cloudtoid_interprocess::{Options, Publisher, Subscriber};

use crate::link::{Link, Result};
use crate::message::{held, receiver, sender};
use crate::ours;

/// What cloudtoid-interprocess puts before a message.
const BEFORE: usize = 8;

/// The queue of a name. All its files are in a folder of that name.
fn options<const W: usize>(name: &str) -> Options {
    Options::new(name, held(W) * (W * 8 + BEFORE)).with_path(folder(name))
}

fn folder(name: &str) -> String {
    format!("/dev/shm/{name}")
}

/// Removes the queue's folder on drop. The queue itself removes its files there, but not the folders around them.
struct Folder(String);

impl Drop for Folder {
    fn drop(&mut self) {
        // At worst it stays. Its name holds a process id and is not used again.
        let _ = fs::remove_dir_all(folder(&self.0));
    }
}

/// The receiving side. The fields are dropped in this order: the queue before its folder.
struct Queue {
    subscriber: Subscriber,
    _folder: Folder,
}

impl Queue {
    fn create<const W: usize>(name: &str) -> Result<Self> {
        fs::create_dir(folder(name))?;
        let folder = Folder(name.to_owned());
        Ok(Self { subscriber: Subscriber::open(&options::<W>(name))?, _folder: folder })
    }

    /// Whether there was a message, of exactly these bytes.
    fn receive(&self, message: &mut [u8]) -> bool {
        match self.subscriber.try_recv_into(message) {
            Ok(len) => len.is_some_and(|len| len == message.len()),
            Err(broken) => panic!("cloudtoid-interprocess: {broken}"),
        }
    }
}

/// Whether there was room.
fn send(queue: &Publisher, message: &[u8]) -> bool {
    match queue.try_send(message) {
        Err(broken) if !broken.is_full() => panic!("cloudtoid-interprocess: {broken}"),
        result => result.is_ok(),
    }
}

/// Neither side sleeps.
#[must_use]
pub fn cloudtoid<const W: usize>() -> Link {
    Link {
        name: "cloudtoid-interprocess",
        create: || {
            let name = ours::fresh_name("cloudtoid");
            let queue = Queue::create::<W>(&name)?;
            Ok((name, receiver(move |out: &mut [u64; W]| queue.receive(bytemuck::cast_slice_mut(out)))))
        },
        attach: |name| {
            let queue = Publisher::open(&options::<W>(name))?;
            Ok(sender(move |message: &[u64; W]| send(&queue, bytemuck::cast_slice(message))))
        },
    }
}
