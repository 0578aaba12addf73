//! ipc-channel, servo's: messages over Unix sockets. Its channel of bytes is its fastest at all sizes: nothing is
//! serialised, and no memory is mapped for each message, as it is with its shared memory.

use ipc_channel::ipc::{self, IpcBytesReceiver, IpcOneShotServer, IpcSender};

use crate::link::Link;
use crate::message::{receiver, sender};

/// Blocks on both sides. What does not fit the socket's buffer (about 200 KiB) goes in several pieces.
#[must_use]
pub fn ipc_channel<const W: usize>() -> Link {
    Link {
        name: "ipc-channel",
        create: || {
            let (server, name) = IpcOneShotServer::<IpcBytesReceiver>::new()?;
            let (mut server, mut channel) = (Some(server), None);
            let receive = move |out: &mut [u64; W]| {
                if let Some(server) = server.take() {
                    // The second process has sent it before the first run began.
                    channel = Some(server.accept().expect("the second process is here").1);
                }
                let Some(channel) = &channel else { return false };
                let message = channel.recv().expect("the second process is here");
                bytemuck::cast_slice_mut(out).copy_from_slice(&message);
                true
            };
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let (there, here) = ipc::bytes_channel()?;
            IpcSender::connect(name.to_owned())?.send(here)?;
            Ok(sender(move |message: &[u64; W]| {
                there.send(bytemuck::cast_slice(message)).expect("the first process is here");
                true
            }))
        },
    }
}
