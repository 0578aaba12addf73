//! The back-off of every spinning side: the same code for all contenders.
//!
//! How long a side that found the ring empty or full looks away decides a throughput run as much as the
//! ring does: looking again at once takes the cache line away from the side that is about to write it.
//! The same ArrayQueue moves between 43 and 67 million messages a second with nothing but this changed.
//! So no contender brings its own.

use std::{hint, thread};

/// Pauses double up to 2 to this power, then stay there.
const LONGEST: u32 = 6;

/// After so many waits in a row (some ten milliseconds) the other side is not running: give up the core.
const LONG: u32 = 1 << 14;

/// The waits of one side for one message.
#[derive(Default)]
pub struct Spin {
    waits: u32,
}

impl Spin {
    /// A first wait is one pause long.
    #[must_use]
    pub const fn new() -> Self {
        Self { waits: 0 }
    }

    /// Pauses, each time twice as long up to 64 pauses. Yields to the operating system only when that has
    /// gone on for thousands of times.
    #[inline]
    pub fn wait(&mut self) {
        for _ in 0..1_u32 << self.waits.min(LONGEST) {
            hint::spin_loop();
        }
        if self.waits < LONG {
            self.waits += 1;
        } else {
            thread::yield_now();
        }
    }
}
