//! The condition variable's words, and where they lie.

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64};
use crate::wait::{EventCount, Gate};

/// The most threads that wait in places of their own. Further ones share the crowd's words.
pub(super) const PLACES: usize = crate::sync::bound(1024, 3) as usize;

/// The words besides the places.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    /// The ticket of the next waiter: the number of waits so far.
    pub(super) tickets: AtomicU64,
    /// Waiters with tickets below this have been notified all at once.
    pub(super) all: AtomicU64,
    /// The number of places that were ever taken at once, at most: none behind them is checked.
    pub(super) used: AtomicU32,
    /// The number of repairs after dead participants.
    pub(super) deaths: AtomicU32,
    /// The number of waiters without a place, and of those that were killed.
    pub(super) crowded: AtomicU32,
    /// The number of notifications that the crowd got.
    pub(super) calls: AtomicU32,
    /// Where the crowd sleeps.
    pub(super) crowd: Gate,
}

/// Bytes from the start of the object to its places' states.
const STATES_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
/// Bytes from the start of the object to the words on which the waiters sleep, one for each place.
const GATES_OFFSET: usize = STATES_OFFSET + PLACES * size_of::<AtomicU64>();
/// Bytes of a condition variable.
pub(super) const BYTES: u64 =
    ((GATES_OFFSET + PLACES * size_of::<EventCount>()) as u64).next_multiple_of(OBJECT_ALIGN as u64);
crate::sync::assert_layout!(STATES_OFFSET == 256 && GATES_OFFSET == 8448 && BYTES == 12544);

/// A condition variable in place.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    pub(super) words: &'m Words,
    pub(super) states: &'m [AtomicU64],
    pub(super) gates: &'m [EventCount],
}

// SAFETY: atomics behind the header of every condition variable.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { tickets, all, used, deaths, crowded, calls, crowd }),
        Fact::number("places", PLACES),
        Fact::number("states", STATES_OFFSET),
        Fact::number("gates", GATES_OFFSET),
    ];
    type Geometry = ();
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, _: &Shape, _: u64) -> Result<(), ShapeError> {
        Ok(())
    }

    fn bytes((): &()) -> u64 {
        BYTES
    }

    unsafe fn view<'m>(memory: Memory<'m>, (): &()) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: BYTES, found: memory.len() as u64 };
        // SAFETY: see above.
        let words = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: see above.
        let states = unsafe { memory.atomics(STATES_OFFSET, PLACES) }.ok_or(too_small)?;
        // SAFETY: see above.
        let gates = unsafe { memory.atomics(GATES_OFFSET, PLACES) }.ok_or(too_small)?;
        Ok(View { words: &words[0], states, gates })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.bury(dead, platform);
    }
}

/// Writes a condition variable without waiters.
///
/// # Safety
///
/// Nobody else uses this memory yet.
pub(super) unsafe fn lay(memory: Memory<'_>) -> Result<(), ShapeError> {
    let words = |_| Words {
        tickets: AtomicU64::new(0),
        all: AtomicU64::new(0),
        used: AtomicU32::new(0),
        deaths: AtomicU32::new(0),
        crowded: AtomicU32::new(0),
        calls: AtomicU32::new(0),
        crowd: Gate::new(),
    };
    // SAFETY: the caller's promise; the three parts do not overlap.
    unsafe {
        memory.place(HEADER_BYTES, 1, words).ok_or(ShapeError::Missing)?;
        memory.place(STATES_OFFSET, PLACES, |_| AtomicU64::new(0)).ok_or(ShapeError::Missing)?;
        memory.place(GATES_OFFSET, PLACES, |_| EventCount::new()).ok_or(ShapeError::Missing)?;
    }
    Ok(())
}
