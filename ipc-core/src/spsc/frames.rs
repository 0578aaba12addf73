//! Bytes that belong together, sent in one step, and taken in one step with what they say of themselves.

use core::mem::MaybeUninit;

use super::consumer::Consumer;
use super::lane::Lane;
use super::producer::Producer;
use crate::error::Refused;
use crate::platform::Platform;
use crate::time::Waits;

impl<P: Platform, W: Lane> Producer<'_, u8, P, W> {
    /// Reserves room for all of these bytes, which are no more than the capacity, or says why there is none. Never waits.
    pub(crate) fn reserve_all(&mut self, count: usize) -> Result<(), Refused> {
        self.reserve_many(count)?;
        if self.room() < count as u64 { Err(Refused::NotNow) } else { Ok(()) }
    }

    /// [`reserve_all`](Self::reserve_all); waits for the room.
    pub(crate) fn reserve_all_within(
        &mut self,
        count: usize,
        waits: &mut Waits<'_, P::Deadline>,
    ) -> Result<(), Refused> {
        match self.reserve_all(count) {
            Err(Refused::NotNow | Refused::Disconnected) => {
                self.wait_for_room(count as u64, waits.deadline(&self.held.platform))
            }
            reserved => reserved,
        }
    }

    /// Sends as much of `first`, and of `second` behind it, as this end knows to have room, in one step. Returns how much that is.
    pub(crate) fn push_parts(&mut self, first: &[u8], second: &[u8]) -> usize {
        let slots = self.held.view.slots;
        let room = self.room() as usize;
        let first = &first[..first.len().min(room)];
        let second = &second[..second.len().min(room - first.len())];
        slots.write_slice(self.tail, first);
        slots.write_slice(self.tail.wrapping_add(first.len() as u64), second);
        let count = first.len() + second.len();
        self.publish(count as u64);
        count
    }
}

impl<P: Platform, W: Lane> Consumer<'_, u8, P, W> {
    /// Finds a byte, and knows of as many more as there are, up to `count`; or says why there is none. Waits if there is a limit.
    pub(crate) fn find_bytes(
        &mut self,
        count: usize,
        waits: Option<&mut Waits<'_, P::Deadline>>,
    ) -> Result<(), Refused> {
        match (self.find_many(count), waits) {
            (Err(Refused::NotNow | Refused::Disconnected), Some(waits)) => self.wait_for_item(waits),
            (found, _) => found,
        }
    }

    /// How many bytes this end knows of.
    pub(crate) fn known(&self) -> usize {
        self.there() as usize
    }

    /// Copies bytes that this end knows of, from `offset` on. They stay.
    pub(crate) fn copy_out(&self, offset: usize, out: &mut [MaybeUninit<u8>]) {
        let known = self.known().saturating_sub(offset);
        let count = out.len().min(known);
        self.held.view.slots.read_slice(self.head.wrapping_add(offset as u64), &mut out[..count]);
    }

    /// Gives the places of bytes that were copied to the producer.
    pub(crate) fn consume(&mut self, count: usize) {
        self.free(count.min(self.known()) as u64);
    }
}
