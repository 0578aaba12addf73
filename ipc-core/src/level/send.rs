//! How a message gets into its level.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::LevelQueue;
use crate::ends::{Counted, Moves, Patience, Role};
use crate::error::{Fault, Refused};
use crate::platform::Platform;
use crate::ring::Blocker;
use crate::time::Waits;
use crate::wait::{Attempt, SpinBudget, block_for_room};

impl<T: NoUninit + CheckedBitPattern, P: Platform> Moves for LevelQueue<'_, T, P> {
    type To = usize;
    type Message = T;

    #[inline]
    fn put(&self, level: usize, values: &[T], patience: Patience<'_, '_, Self>) -> Result<usize, Refused> {
        match self.push(level, values) {
            // A call that waits searches for the dead before it sleeps.
            Err(Refused::NotNow) if patience.is_none() && self.make_room(level) == Ok(true) => self.push(level, values),
            pushed => pushed,
        }
    }

    #[inline]
    fn take(&self, out: &mut [MaybeUninit<T>], patience: Patience<'_, '_, Self>) -> Result<usize, Refused> {
        match (self.pop(out), patience) {
            (Err(Refused::NotNow | Refused::Busy), None) => self.pop_now(out, true),
            // It waits, and then asks all questions.
            (Err(Refused::Busy), Some(_)) => Err(Refused::NotNow),
            (popped, _) => popped,
        }
    }

    fn places(&self, level: usize) -> (u64, u64) {
        let capacity = self.view.geometry.capacity();
        (capacity, capacity.saturating_sub(self.ring(level).len()))
    }

    fn messages(&self) -> (u64, u64) {
        (self.view.geometry.capacity() * self.view.geometry.levels as u64, self.view.len())
    }

    fn budget(&self, role: Role) -> &SpinBudget {
        match role {
            Role::Sender => &self.send_budget,
            Role::Receiver => &self.recv_budget,
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_put(
        &self,
        level: usize,
        values: &[T],
        waits: &mut Waits<'_, P::Deadline>,
        watch: bool,
    ) -> Result<usize, Refused> {
        let deadline = waits.deadline(&self.platform);
        let attempt = |thorough: bool| match self.push(level, values) {
            Err(Refused::NotNow) if thorough => {
                self.complete_closing();
                match self.make_room(level) {
                    Ok(true) => return Attempt::Again,
                    Ok(false) => {}
                    Err(_) => return Attempt::Unknown,
                }
                if !watch {
                    return Attempt::NotYet;
                }
                let deserted = self.find_deserted(Role::Receiver);
                Attempt::after(deserted, || Attempt::Done(Err(Refused::Disconnected)))
            }
            Err(Refused::NotNow) => Attempt::NotYet,
            pushed => Attempt::Done(pushed),
        };
        let (gate, capacity) = (self.view.space(level), self.view.geometry.capacity());
        let room = || self.places(level).1;
        match block_for_room(&self.platform, gate, &self.send_budget, deadline, capacity, room, attempt) {
            Ok(end) => end,
            // The time may have been over before anybody searched for the dead.
            Err(unmet) => match self.put(level, values, None) {
                Err(Refused::NotNow) => Err(unmet.or_fault(Refused::NotNow)),
                put => put,
            },
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_take(
        &self,
        out: &mut [MaybeUninit<T>],
        waits: &mut Waits<'_, P::Deadline>,
        watch: bool,
    ) -> Result<usize, Refused> {
        self.wait_to_pop(out, waits, watch)
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> LevelQueue<'_, T, P> {
    /// Appends as many of these to their level as there is room for. Lock-free.
    #[inline]
    fn push(&self, level: usize, values: &[T]) -> Result<usize, Refused> {
        let (ring, hints) = (self.ring(level), &self.hints[level]);
        let (first, count) = match values {
            [value] => (ring.try_push(self.me, value, hints)?, 1),
            [] if self.complete_closing() => return Err(Refused::Closed),
            [] if self.places(level).1 == 0 => return Err(Refused::NotNow),
            [] => return Ok(0),
            values => ring.try_push_slice(self.me, values, hints)?,
        };
        // Messages behind this one may have been published, and their wake-ups spent, while it held up the head.
        self.view.words.gates.items.notify(&self.platform, move || ring.tickets_from(first));
        Ok(count)
    }

    /// For a sender that finds its level full: passes over what dead senders have left at the head. Whether that made room.
    #[cold]
    fn make_room(&self, level: usize) -> Result<bool, Fault> {
        let ring = self.ring(level);
        let unknown = matches!(ring.blocker(), Blocker::Owner(_)) && matches!(self.unblock(level), Attempt::Unknown);
        let freed = ring.skip_voids();
        self.freed(level, freed);
        if unknown && freed == 0 { Err(Fault::DeathsUnknown) } else { Ok(freed != 0) }
    }
}
