//! The duplex's words, and where they lie.
//!
//! ```text
//!    0   object header                                             written once
//!  128   client to server: tail, a copy of the last element        the client's line
//!  256   client to server: head                                    the server's line
//!  384   server to client: tail, a copy of the last element        the server's line
//!  512   server to client: head                                    the client's line
//!  640   who holds the ends; five event counts; the server's element
//!  768   the client's elements, side by side; then the server's
//! ```

use super::claim::ClaimErrorKind;
use super::ends::{Ends, Reached, Seen, Side};
use crate::error::{Fault, Refused};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, ParticipantId};
use crate::platform::Platform;
use crate::queue::Lone;
use crate::slots::{Slots, places, stride};
use crate::spsc::{End, Front, Lane, View};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::wait::EventCount;

/// The words besides the elements.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Words {
    /// From the client to the server.
    there: Track,
    /// From the server to the client.
    back: Track,
    gates: Gates,
}

/// The positions of one direction.
#[repr(C, align(128))]
#[derive(Debug)]
struct Track {
    front: Front,
    head: Lone,
}

/// The words that both ends read and hardly anybody writes.
#[repr(C, align(128))]
#[derive(Debug)]
struct Gates {
    ends: Ends,
    /// Those that wait for an end, or for the other end to come, sleep here.
    claims: EventCount,
    /// The server sleeps here for elements of the client.
    there_items: EventCount,
    /// The client sleeps here for room.
    there_space: EventCount,
    back_items: EventCount,
    back_space: EventCount,
    /// Size and alignment of the server's elements. Written once.
    back_size: AtomicU32,
    back_align: AtomicU32,
    /// Of a duplex of values, how they are written, and their most bytes. Written once.
    format: AtomicU32,
    most: AtomicU32,
}

/// What two ends that send values agree in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values {
    /// How they are written as bytes, as in a queue of values. No matter to those who send and receive elements.
    pub(super) format: u32,
    /// The most bytes of one; 0: nobody has said.
    pub(super) most: u32,
}

/// Bytes from the start of the object to the first element.
const SLOTS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(size_of::<Words>() == 640 && SLOTS_OFFSET == 768);

/// All sizes of a duplex.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    capacity: u64,
    places: usize,
    /// Size and alignment of the server's elements.
    pub(super) back: [u32; 2],
    /// Bytes from the start of the object to the server's elements.
    back_slots: usize,
    bytes: u64,
    pub(super) values: Values,
}

impl Geometry {
    /// The sizes for elements of the client and of the server, each size and alignment; `None` if there can be none.
    pub(super) const fn new(capacity: u64, there: [u32; 2], back: [u32; 2]) -> Option<Self> {
        if there[1] as usize > OBJECT_ALIGN || back[1] as usize > OBJECT_ALIGN {
            return None;
        }
        match (places(capacity, there[0] as usize), places(capacity, back[0] as usize)) {
            (Some(places), Some(_)) => {
                let back_slots = (SLOTS_OFFSET + places * stride(there[0] as usize)).next_multiple_of(OBJECT_ALIGN);
                let bytes = (back_slots + places * stride(back[0] as usize)).next_multiple_of(OBJECT_ALIGN);
                let values = Values { format: 0, most: 0 };
                Some(Geometry { capacity, places, back, back_slots, bytes: bytes as u64, values })
            }
            _ => None,
        }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    #[cfg(feature = "serde")]
    pub(super) const fn capacity(&self) -> usize {
        self.capacity as usize
    }

    pub(super) fn of(shape: &Shape, back: [u32; 2]) -> Result<Self, ShapeError> {
        let impossible = ShapeError::Capacity { wanted: shape.capacity };
        shape.check_align()?;
        Geometry::new(shape.capacity, [shape.element_size, shape.element_align], back).ok_or(impossible)
    }
}

// SAFETY: atomics behind the header of every duplex.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[
        layout!(Words { there, back, gates }),
        layout!(Track { front, head }),
        Front::LAYOUT,
        layout!(Gates {
            ends,
            claims,
            there_items,
            there_space,
            back_items,
            back_space,
            back_size,
            back_align,
            format,
            most
        }),
        Fact::number("slots", SLOTS_OFFSET),
    ];
    type Geometry = Geometry;
    type View<'m> = &'m Words;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Geometry, ShapeError> {
        // SAFETY: the caller's promise.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(ShapeError::Missing)?;
        let Gates { back_size, back_align, format, most, .. } = &words[0].gates;
        // Relaxed: written before the object was declared complete.
        let [back_size, back_align, format, most] =
            [back_size, back_align, format, most].map(|word| word.load(Ordering::Relaxed));
        Ok(Geometry { values: Values { format, most }, ..Geometry::of(shape, [back_size, back_align])? })
    }

    fn bytes(geometry: &Geometry) -> u64 {
        geometry.bytes
    }

    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Geometry) -> Result<&'m Words, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes, found: memory.len() as u64 };
        // SAFETY: the caller vouches for the object.
        unsafe { memory.atomics::<Words>(HEADER_BYTES, 1) }.map(|words| &words[0]).ok_or(too_small)
    }

    fn sweep<P: Platform + ?Sized>(words: &Words, dead: &Dead, platform: &P) {
        words.gates.ends.sweep(dead);
        // The dead process may have owed a wake-up, and others may wait for its end.
        for gate in words.gates.all() {
            gate.rouse(platform);
        }
    }
}

impl Gates {
    /// Where anybody sleeps.
    fn all(&self) -> [&EventCount; 5] {
        [&self.claims, &self.there_items, &self.there_space, &self.back_items, &self.back_space]
    }
}

impl Words {
    fn new(Geometry { back, values, .. }: &Geometry) -> Self {
        let track = || Track { front: Front::new(0), head: Lone(AtomicU64::new(0)) };
        let gates = Gates {
            ends: Ends::new(),
            claims: EventCount::new(),
            there_items: EventCount::new(),
            there_space: EventCount::new(),
            back_items: EventCount::new(),
            back_space: EventCount::new(),
            back_size: AtomicU32::new(back[0]),
            back_align: AtomicU32::new(back[1]),
            format: AtomicU32::new(values.format),
            most: AtomicU32::new(values.most),
        };
        Words { there: track(), back: track(), gates }
    }

    /// The direction in which this end sends.
    fn track(&self, from: Side) -> &Track {
        match from {
            Side::Client => &self.there,
            Side::Server => &self.back,
        }
    }

    /// Who holds the ends. What those that have left did is visible.
    pub(super) fn ends(&self) -> Seen {
        // Acquire, "session".
        self.gates.ends.load(Ordering::Acquire)
    }

    /// Where those sleep that wait for an end to be claimed or left.
    pub(super) fn claims(&self) -> &EventCount {
        &self.gates.claims
    }

    /// How far the rings have got: final while nobody has an end.
    fn reached(&self) -> Reached {
        // Relaxed: made visible by the load of the ends that says that nobody has one ("session").
        let [there, back] = [&self.there, &self.back]
            .map(|track| (track.front.tail.load(Ordering::Relaxed), track.head.0.load(Ordering::Relaxed)));
        let furthest = there.0.max(there.1).max(back.0).max(back.1);
        Reached { client: there.0, server: back.0, furthest }
    }

    /// Whether a claim of this end is likely to succeed, without asking whether anybody lives.
    pub(super) fn is_free(&self, side: Side) -> bool {
        self.ends().is_free(side, self.reached())
    }

    /// Claims an end, and returns the position at which its session starts.
    pub(super) fn claim<P: Platform + ?Sized>(&self, side: Side, platform: &P) -> Result<u64, ClaimErrorKind> {
        let start = self.gates.ends.claim(side, platform, || self.reached())?;
        self.stir(platform);
        Ok(start)
    }

    /// Takes back a claim of the caller, see [`Ends::withdraw`].
    pub(super) fn withdraw<P: Platform + ?Sized>(&self, side: Side, platform: &P) -> bool {
        self.gates.ends.withdraw(side, platform.me())
    }

    /// Gives up these halves of an end in one step, and wakes all. Nothing happens if the caller does not have it in this session.
    pub(super) fn release<P: Platform + ?Sized>(&self, side: Side, halves: &[End], start: u64, platform: &P) {
        if self.gates.ends.release(side, halves, start, platform.me()) {
            self.stir(platform);
        }
    }

    /// Wakes all: something other than the elements has changed.
    fn stir<P: Platform + ?Sized>(&self, platform: &P) {
        for gate in self.gates.all() {
            gate.notify_all(platform);
        }
    }
}

/// One direction of a duplex, as its ends use it.
#[derive(Clone, Copy, Debug)]
pub struct Way<'m> {
    words: &'m Words,
    from: Side,
    /// The session's first position.
    start: u64,
}

impl Way<'_> {
    /// Who holds this end of the direction.
    fn side(&self, end: End) -> Side {
        match end {
            End::Producer => self.from,
            End::Consumer => self.from.other(),
        }
    }
}

impl Lane for Way<'_> {
    #[inline(always)]
    fn front(&self) -> &Front {
        &self.words.track(self.from).front
    }

    #[inline(always)]
    fn head(&self) -> &Lone {
        &self.words.track(self.from).head
    }

    #[inline(always)]
    fn position(&self, loaded: u64) -> u64 {
        // An end that has not moved in this session has left the position of an earlier one.
        loaded.max(self.start)
    }

    #[inline(always)]
    fn items(&self) -> &EventCount {
        match self.from {
            Side::Client => &self.words.gates.there_items,
            Side::Server => &self.words.gates.back_items,
        }
    }

    #[inline(always)]
    fn space(&self) -> &EventCount {
        match self.from {
            Side::Client => &self.words.gates.there_space,
            Side::Server => &self.words.gates.back_space,
        }
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        // Relaxed: that the other end is gone carries nothing to the producer.
        !self.words.gates.ends.load(Ordering::Relaxed).is_over(self.from.other(), End::Consumer)
    }

    fn over(&self, end: End) -> Option<Refused> {
        let over = self.words.ends().is_over(self.side(end.other()), end.other());
        over.then_some(Refused::Disconnected)
    }

    fn is_left(&self, end: End) -> bool {
        self.words.ends().is_over(self.side(end), end)
    }

    fn find_deserted<P: Platform + ?Sized>(&self, end: End, platform: &P) -> Result<bool, Fault> {
        self.words.gates.ends.find_deserted(self.side(end), end, platform)
    }

    fn holder(&self, end: End) -> Option<ParticipantId> {
        self.words.ends().holder(self.side(end))
    }

    fn release<P: Platform + ?Sized>(&self, end: End, platform: &P) {
        self.words.release(self.side(end), &[end], self.start, platform);
    }
}

/// The words and the elements of both directions.
pub(super) struct Both<'m, A, B> {
    pub(super) words: &'m Words,
    there: Slots<'m, A>,
    back: Slots<'m, B>,
    pub(super) capacity: u64,
    #[cfg(feature = "serde")]
    pub(super) values: Values,
}

impl<A, B> Clone for Both<'_, A, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A, B> Copy for Both<'_, A, B> {}

impl<'m, A, B> Both<'m, A, B> {
    /// Writes the words of a duplex to which nobody has come.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'m>, geometry: &Geometry) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::new(geometry)) }.ok_or(ShapeError::Missing)?;
        // SAFETY: the caller's promise.
        unsafe { Slots::<A>::lay(memory, SLOTS_OFFSET, geometry.places) };
        // SAFETY: the caller's promise.
        unsafe { Slots::<B>::lay(memory, geometry.back_slots, geometry.places) };
        Ok(())
    }

    /// The duplex of these sizes in `memory`.
    ///
    /// # Safety
    ///
    /// A duplex of `A` and `B` of these sizes lies there.
    pub(super) unsafe fn over(memory: Memory<'m>, geometry: &Geometry) -> Result<Self, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: geometry.bytes, found: memory.len() as u64 };
        let there = Slots::new(memory, SLOTS_OFFSET, geometry.places).ok_or(too_small)?;
        let back = Slots::new(memory, geometry.back_slots, geometry.places).ok_or(too_small)?;
        // SAFETY: the caller's promise.
        let words = unsafe { Words::view(memory, geometry)? };
        Ok(Both {
            words,
            there,
            back,
            capacity: geometry.capacity,
            #[cfg(feature = "serde")]
            values: geometry.values,
        })
    }

    /// The direction from the client to the server, in a session that starts at this position.
    pub(super) fn there(&self, start: u64) -> View<'m, A, Way<'m>> {
        View::new(Way { words: self.words, from: Side::Client, start }, self.there, self.capacity)
    }

    /// The direction from the server to the client.
    pub(super) fn back(&self, start: u64) -> View<'m, B, Way<'m>> {
        View::new(Way { words: self.words, from: Side::Server, start }, self.back, self.capacity)
    }
}
