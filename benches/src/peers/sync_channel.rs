//! The standard library's bounded channel, which cannot leave its process: between two threads.

use std::sync::mpsc::{self, TrySendError};

use crate::message::{held, receive_all, send_all};

/// The sending and the receiving side; messages lie in the channel itself.
pub fn by_value<const W: usize>() -> (impl FnMut(u64) + Send, impl FnMut(u64)) {
    let (sender, receiver) = mpsc::sync_channel::<[u64; W]>(held(W));
    (
        send_all(move |message: &[u64; W]| sender.try_send(*message).is_ok()),
        receive_all(move |out: &mut [u64; W]| receiver.try_recv().map(|message| *out = message).is_ok()),
    )
}

/// As [`by_value`], but each message in a box of its own, as one would with large ones.
pub fn boxed<const W: usize>() -> (impl FnMut(u64) + Send, impl FnMut(u64)) {
    let (sender, receiver) = mpsc::sync_channel::<Box<[u64]>>(held(W));
    // The message that found no room; the next one to send is the same.
    let mut waiting = None;
    let send = move |message: &[u64; W]| {
        let boxed = waiting.take().unwrap_or_else(|| Box::from(message.as_slice()));
        match sender.try_send(boxed) {
            Ok(()) => true,
            Err(TrySendError::Full(boxed) | TrySendError::Disconnected(boxed)) => {
                waiting = Some(boxed);
                false
            }
        }
    };
    (
        send_all(send),
        receive_all(move |out: &mut [u64; W]| receiver.try_recv().map(|message| out.copy_from_slice(&message)).is_ok()),
    )
}
