//! Messages of a number of words between two sides: the same code for all contenders.
//!
//! A message begins and ends with its number. The sender writes both words, the receiver checks them, so that nothing is lost, doubled,
//! swapped or torn unseen.

use crate::link::Side;
use crate::spin::Spin;

/// Blocks and buffers of what moves large messages.
pub const BLOCKS: usize = 16;

/// No message has a higher key.
pub const HIGHEST_KEY: i64 = 30;

/// The key of the message with this number, where messages have keys: one of three.
#[must_use]
pub const fn key(number: u64) -> i64 {
    [10, HIGHEST_KEY, 20][(number % 3) as usize]
}

const SPIN: Spin = Spin::BRISK;

/// How many messages of this many words a queue shall hold.
#[must_use]
pub fn held(words: usize) -> usize {
    // About 64 KiB, but some messages at least.
    (8192 / words).clamp(BLOCKS, 1024)
}

/// A side that sends `n` messages, each by `send` once that has room. What blocks instead has room whenever it returns.
pub fn send_all<const W: usize>(mut send: impl FnMut(&[u64; W]) -> bool) -> impl FnMut(u64) {
    let mut message = vec![[7_u64; W]; 1].into_boxed_slice();
    move |n| {
        for number in 0..n {
            message[0][0] = number;
            message[0][W - 1] = number;
            let mut spin = SPIN;
            while !send(&message[0]) {
                spin.wait();
            }
        }
    }
}

/// A side that receives `n` messages, each by `receive` once there is one, and checks their numbers.
///
/// # Panics
///
/// The side does, if a message is missing, doubled, out of order or torn.
pub fn receive_all<const W: usize>(mut receive: impl FnMut(&mut [u64; W]) -> bool) -> impl FnMut(u64) {
    let mut message = vec![[0_u64; W]; 1].into_boxed_slice();
    move |n| {
        for number in 0..n {
            let mut spin = SPIN;
            while !receive(&mut message[0]) {
                spin.wait();
            }
            let ends = [message[0][0], message[0][W - 1]];
            assert_eq!(ends, [number; 2], "messages must arrive in order");
        }
    }
}

/// A side that receives `n` messages, in any order, and checks the sum of their numbers.
///
/// # Panics
///
/// The side does, if a message is missing, doubled or torn.
pub fn unordered<const W: usize>(mut receive: impl FnMut(&mut [u64; W]) -> bool + 'static) -> Side {
    let mut message = vec![[0_u64; W]; 1].into_boxed_slice();
    Box::new(move |n| {
        let mut sum = 0_u64;
        for _ in 0..n {
            let mut spin = SPIN;
            while !receive(&mut message[0]) {
                spin.wait();
            }
            assert_eq!(message[0][0], message[0][W - 1], "messages must be whole");
            sum = sum.wrapping_add(message[0][0]);
        }
        assert_eq!(sum, (0..n).fold(0, u64::wrapping_add), "each message must arrive once");
    })
}

/// [`send_all`] as a side of a link.
pub fn sender<const W: usize>(send: impl FnMut(&[u64; W]) -> bool + 'static) -> Side {
    Box::new(send_all(send))
}

/// [`receive_all`] as a side of a link.
pub fn receiver<const W: usize>(receive: impl FnMut(&mut [u64; W]) -> bool + 'static) -> Side {
    Box::new(receive_all(receive))
}
