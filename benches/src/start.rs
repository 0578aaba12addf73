//! Both sides leave at the same moment, and the clock starts there.
//!
//! The second side [`arrive`](Start::arrive)s and spins; the first side sees that and
//! [`release`](Start::release)s it. Works between threads and, in a [`Shared`](crate::floor::Shared)
//! mapping, between processes.
//!
//! ```text
//! label    store            load             makes visible
//! arrived  arrived Release  arrived Acquire  what the second side prepared
//! left     left    Release  left    Acquire  what the first side prepared
//! ```

use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::time::Instant;
use std::{hint, thread};

use crossbeam_utils::CachePadded;

use crate::floor::Zeroed;

/// A start line for two sides, usable any number of times. Both words count runs.
#[repr(C)]
#[derive(Default)]
pub struct Start {
    /// Runs for which the second side has been at the line. Only the second side writes.
    arrived: CachePadded<AtomicU32>,
    /// Runs that have begun. Only the first side writes.
    left: CachePadded<AtomicU32>,
}

// SAFETY: two atomic integers without pointers; zero runs is a state.
unsafe impl Zeroed for Start {}

impl Start {
    /// The second side: waits, spinning, until the first side has released this run.
    pub fn arrive(&self) {
        // Relaxed: nobody else writes this word.
        let run = self.arrived.load(Relaxed).wrapping_add(1);
        self.arrived.store(run, Release);
        while self.left.load(Acquire) != run {
            hint::spin_loop();
        }
    }

    /// The first side: waits until the second has arrived, lets it go, and says when that was.
    pub fn release(&self) -> Instant {
        let run = self.left.load(Relaxed).wrapping_add(1);
        while self.arrived.load(Acquire) != run {
            // The second side may still need this core to get to its own.
            thread::yield_now();
        }
        let begun = Instant::now();
        self.left.store(run, Release);
        begun
    }
}
