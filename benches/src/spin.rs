//! The back-off of every spinning side: the same code for all contenders.
//!
//! How long a side that found the ring empty or full looks away decides a throughput run as much as the
//! ring does: a side that polls again at once takes the cache line from the side that is about to write it, and
//! the two go on in lockstep, a message at a time. So no contender brings its own. Nanoseconds a message on
//! the development machine, capacity 1024, all in one run:
//!
//! ```text
//! pauses             ArrayQueue  crossbeam-channel  a plain Vyukov ring between processes
//! 1, 2, 4 .. 64      26 - 130    32 - 120           12 - 18      (two regimes, by the host's mood)
//! 16                 12.0        13.7               6.1
//! 32                 7.8         10.9               5.7
//! 64                 6.4         9.7                5.5
//! 128                5.5         9.0                5.3
//! 256                7.2         8.7                9.2          (the ring runs dry meanwhile)
//! ```

use std::{hint, thread};

/// Pauses are at most 2 to this power.
const LONGEST: u32 = 7;

/// After this many waits in a row (some ten milliseconds) the other side is not running: give up the core.
const LONG: u32 = 1 << 13;

/// The waits of one side for one message.
#[derive(Clone, Copy)]
pub struct Spin {
    waits: u32,
}

impl Spin {
    /// Begins with one pause and doubles: sees the next message soonest, disturbs the other side most.
    pub const EAGER: Self = Self { waits: 0 };

    /// Begins with 32 pauses: where a ring moves a message in two nanoseconds, it would run dry in more.
    pub const BRISK: Self = Self { waits: 5 };

    /// Begins with the longest: lets messages pile up. Here every contender is at its best.
    pub const PATIENT: Self = Self { waits: LONGEST };

    /// Pauses, and twice as long the next time, up to 128 pauses. Yields to the operating system only when
    /// that has gone on for thousands of times.
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
