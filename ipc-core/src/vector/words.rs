//! The vector's words, and where its two areas lie.

use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::RawMutex;
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, ParticipantId};
use crate::place::OVERHEAD;
use crate::platform::Platform;
use crate::sync::{AtomicU64, Ordering};

/// The words. The elements follow.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    /// A [`State`]. Only the holder of the lock changes it.
    state: AtomicU64,
    /// What is copied while the state says so. Under the lock only.
    begin: AtomicU64,
    end: AtomicU64,
    pub(super) lock: RawMutex,
}

/// Bytes from the start of the object to the first area.
const FIRST: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(FIRST == 256);

/// The most bytes of an area: both fit an address space, with room to round.
const MOST: u64 = isize::MAX as u64 / 4;

/// How many elements fit, and where the areas lie.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub(super) capacity: usize,
    /// Bytes from the start of the first area to that of the second one.
    stride: usize,
}

impl Geometry {
    /// For this many elements of this size and alignment; `None` if there can be none.
    pub(super) const fn new(capacity: u64, size: u64, align: u64) -> Option<Self> {
        let bytes = size.saturating_mul(capacity);
        if capacity == 0 || capacity > MOST || bytes > MOST || align > OBJECT_ALIGN as u64 {
            return None;
        }
        let stride = (bytes as usize + OVERHEAD).next_multiple_of(OBJECT_ALIGN);
        Some(Geometry { capacity: capacity as usize, stride })
    }

    /// For this many `T`; `None` if there can be none.
    pub(super) const fn of<T>(capacity: u64) -> Option<Self> {
        assert!(align_of::<T>() <= OBJECT_ALIGN, "the elements of a vector may be aligned to 128 bytes at most");
        Self::new(capacity, size_of::<T>() as u64, align_of::<T>() as u64)
    }

    /// Bytes of the object, a multiple of the object alignment.
    pub(super) const fn bytes(&self) -> u64 {
        (FIRST + 2 * self.stride) as u64
    }

    /// Where the areas begin, and how long each is.
    pub(super) const fn areas(&self) -> ([usize; 2], usize) {
        ([FIRST, FIRST + self.stride], self.stride)
    }
}

/// A vector in place: its words, and the memory with the areas.
pub type View<'m> = (&'m Words, Memory<'m>);

// SAFETY: atomics behind the header of every vector; the areas are reached through pointers, under the lock.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] =
        &[layout!(Words { state, begin, end, lock }), Fact::number("the first area", FIRST)];
    type Geometry = Geometry;
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        shape.check_align()?;
        let geometry = Geometry::new(shape.capacity, shape.element_size.into(), shape.element_align.into());
        geometry.ok_or(ShapeError::Capacity { wanted: shape.capacity })
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes()
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes(), found: memory.len() as u64 };
        if (memory.len() as u64) < geometry.bytes() {
            return Err(too_small);
        }
        // SAFETY: see above.
        let words = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        Ok((&words[0], memory))
    }

    fn sweep<P: Platform + ?Sized>((words, _): View<'_>, dead: &Dead, platform: &P) {
        // The copy that the dead one may have begun is left to the next holder of the lock.
        words.lock.sweep(dead, platform);
    }

    fn holds((words, _): View<'_>, who: ParticipantId) -> bool {
        words.lock.owner() == Some(who)
    }
}

impl Words {
    /// The words of an empty vector.
    pub(super) fn new() -> Self {
        let state = AtomicU64::new(State::settled(0, 0).0);
        Words { state, begin: AtomicU64::new(0), end: AtomicU64::new(0), lock: RawMutex::new() }
    }

    #[inline(always)]
    pub(super) fn state(&self, ordering: Ordering) -> State {
        State(self.state.load(ordering))
    }

    /// Changes the state, for the holder of the lock.
    #[inline(always)]
    pub(super) fn set_state(&self, state: State) {
        // Release: a kill that comes behind it, in whichever order the compiler likes, leaves the elements that it speaks of.
        self.state.store(state.0, Ordering::Release);
    }

    /// What is copied while the state says so, for the holder of the lock.
    pub(super) fn span(&self) -> Option<[usize; 2]> {
        // Relaxed: the last holder's stores came with the lock, or with its seizure.
        let [begin, end] = [&self.begin, &self.end].map(|word| usize::try_from(word.load(Ordering::Relaxed)));
        Some([begin.ok()?, end.ok()?])
    }

    /// Says what will be copied, for the holder of the lock.
    #[inline(always)]
    pub(super) fn set_span(&self, [begin, end]: [usize; 2]) {
        // Relaxed: the state that makes it count comes behind, with Release.
        self.begin.store(begin as u64, Ordering::Relaxed);
        self.end.store(end as u64, Ordering::Relaxed);
    }
}

/// Which area has the elements, how many there are, and what is being copied.
///
/// ```text
/// bit 63 the second area | 62..61 what is copied | 60..0 elements
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u64);

/// What is copied from the other area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copying {
    /// The elements `begin..end`.
    Range = 1,
    /// The elements `begin` and `end`.
    Two = 2,
}

impl State {
    const AREA_SHIFT: u32 = 63;
    const COPYING_SHIFT: u32 = 61;
    const LEN: u64 = (1 << Self::COPYING_SHIFT) - 1;

    /// Nothing is copied.
    #[inline(always)]
    pub(super) fn settled(area: usize, len: usize) -> Self {
        State((area as u64) << Self::AREA_SHIFT | len as u64)
    }

    /// This is copied from the other area.
    #[inline(always)]
    pub(super) fn copying(area: usize, len: usize, what: Copying) -> Self {
        State(Self::settled(area, len).0 | (what as u64) << Self::COPYING_SHIFT)
    }

    /// The index of the area that has the elements.
    #[inline(always)]
    pub(super) fn area(self) -> usize {
        (self.0 >> Self::AREA_SHIFT) as usize
    }

    /// How many elements there are.
    #[inline(always)]
    pub(super) fn len(self) -> u64 {
        self.0 & Self::LEN
    }

    /// What is copied from the other area.
    #[inline(always)]
    pub(super) fn what(self) -> Option<Copying> {
        match self.0 >> Self::COPYING_SHIFT & 3 {
            0 => None,
            1 => Some(Copying::Range),
            // 3 is what no correct peer writes: as good as any other.
            _ => Some(Copying::Two),
        }
    }
}
