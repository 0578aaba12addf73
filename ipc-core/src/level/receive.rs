//! How messages are taken: from the highest level that has some.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::LevelQueue;
use super::words::Geometry;
use crate::ends::{Counted, Role};
use crate::error::{Fault, Refused};
use crate::here::Here;
use crate::participant::Findings;
use crate::payload::{check, is_value, valid_prefix};
use crate::platform::Platform;
use crate::ring::Blocker;
use crate::sync::private::AtomicU32;
use crate::sync::{Ordering, spin_hint};
use crate::time::{Instant, Waits};
use crate::wait::{Attempt, block_for_message, let_finish};

/// Tries of one call that does not wait, of which each repairs after a dead participant, or was disturbed by a receiver that got on.
const TRIES: u32 = crate::sync::bound(1 << 10, 3);
/// Checks a slow head before a receive asks whether its owner is dead: about the time of a publication.
const PENDING_POLLS: u32 = crate::sync::bound(32, 1);
/// Repairs of one level in one look: each removes a dead participant's tickets, so more are not needed at once.
const REPAIRS: u32 = crate::sync::bound(64, 2);
/// For how many milliseconds a receive that finds messages in lower levels takes the sender in a level's way to be alive, once it was found
/// to be. As long as sleepers do.
const ALIVE: u32 = crate::sync::bound(12, 0);

/// What a handle remembers of a level that a living sender holds up: to ask takes system calls.
///
/// Private hints: whatever they hold, the handle asks again after [`ALIVE`].
#[derive(Debug, Default)]
pub(super) struct HeldUp {
    /// The low bits of the head at which it asked.
    head: AtomicU32,
    /// When it asked, in milliseconds of the clock.
    asked: AtomicU32,
}

impl HeldUp {
    /// Whether the sender at this head was asked about a short time ago.
    fn was_asked(&self, head: u64, now: Instant) -> bool {
        // Relaxed: private hints.
        self.head.load(Ordering::Relaxed) == head as u32
            && milliseconds(now).wrapping_sub(self.asked.load(Ordering::Relaxed)) < ALIVE
    }

    /// The sender at this head was asked about just now, and lives.
    fn note(&self, head: u64, now: Instant) {
        self.asked.store(milliseconds(now), Ordering::Relaxed);
        self.head.store(head as u32, Ordering::Relaxed);
    }
}

/// The low bits of the time.
fn milliseconds(now: Instant) -> u32 {
    (now.as_nanos() / 1_000_000) as u32
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> LevelQueue<'_, T, P> {
    /// Takes messages from the first level that has some, in the order of this receive: one level's, as many as there are and as fit.
    ///
    /// # Errors
    ///
    /// [`NotNow`](Refused::NotNow): no level had a message when it was checked. [`Busy`](Refused::Busy): the same, and in one a message
    /// that is not published holds others up.
    #[inline]
    pub(super) fn pop(&self, out: &mut [MaybeUninit<T>]) -> Result<usize, Refused> {
        match out {
            [place] if self.view.geometry.fair == 0 => match self.pop_first(place) {
                Err(Refused::Busy) => self.pop_any(out),
                popped => popped.map(|()| 1),
            },
            out => self.pop_any(out),
        }
    }

    /// The common case of every receive of a strict queue: no level above has a message, and no rival. [`Busy`](Refused::Busy): it is none of
    /// these, and nothing was done.
    #[inline]
    fn pop_first(&self, place: &mut MaybeUninit<T>) -> Result<(), Refused> {
        for (level, ring) in self.rings().iter().enumerate() {
            match ring.try_pop_first(place) {
                Ok(()) => {
                    self.freed(level, 1);
                    // SAFETY: a copy of cells, all of which are initialised.
                    return if unsafe { is_value(place) } { Ok(()) } else { Err(Fault::InvalidValue.into()) };
                }
                Err(Refused::NotNow) => {}
                Err(_) => return Err(Refused::Busy),
            }
        }
        Err(Refused::NotNow)
    }

    #[inline(never)]
    fn pop_any(&self, out: &mut [MaybeUninit<T>]) -> Result<usize, Refused> {
        let (levels, first) = (self.view.geometry.levels, self.first_level());
        let mut missed = Refused::NotNow;
        for number in 0..levels {
            let level = if first + number < levels { first + number } else { first + number - levels };
            match self.pop_from(level, out) {
                Err(Refused::NotNow) => {}
                Err(Refused::Busy) => match self.pop_held_up(level, out) {
                    // Its sender lives: what is in lower levels need not wait for it.
                    Err(Refused::NotNow | Refused::Busy) => missed = Refused::Busy,
                    popped => return self.counted(popped),
                },
                popped => return self.counted(popped),
            }
        }
        Err(missed)
    }

    #[inline(always)]
    fn counted(&self, popped: Result<usize, Refused>) -> Result<usize, Refused> {
        if self.view.geometry.fair != 0 {
            // Relaxed: a private counter.
            self.received.fetch_add(1, Ordering::Relaxed);
        }
        popped
    }

    /// Returns a copy of the oldest message of the highest level that has one, which stays. A hint: another receiver may take it meanwhile.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn peek(&self) -> Option<T> {
        self.platform.assert_here();
        // SAFETY: copied from cells of the ring.
        self.rings().iter().find_map(|ring| ring.peek::<T>()).and_then(|bytes| unsafe { check(bytes) }.ok())
    }

    /// Takes messages from a level whose oldest one is not published and holds others up: polls for the time of a publication, and then
    /// repairs after its sender if that is dead. Otherwise the messages of lower levels would go before those behind a dead sender, for as
    /// long as there are some. Behind a sender that lives, it asks again after a while only.
    #[cold]
    #[inline(never)]
    fn pop_held_up(&self, level: usize, out: &mut [MaybeUninit<T>]) -> Result<usize, Refused> {
        let (held_up, head) = (&self.held_up[level], self.view.head(level));
        if held_up.was_asked(head, self.platform.now()) {
            return Err(Refused::Busy);
        }
        for _ in 0..PENDING_POLLS {
            spin_hint();
            match self.pop_from(level, out) {
                Err(Refused::Busy) => {}
                popped => return popped,
            }
        }
        for _ in 0..REPAIRS {
            match self.unblock(level) {
                Attempt::NotYet | Attempt::Again => {}
                Attempt::Suspect | Attempt::Unknown => {
                    held_up.note(head, self.platform.now());
                    return Err(Refused::Busy);
                }
                Attempt::Done(fault) => return Err(fault.into()),
            }
            match self.pop_from(level, out) {
                Err(Refused::Busy) => {}
                popped => return popped,
            }
        }
        Err(Refused::Busy)
    }

    /// The level at which the next receive begins: of a fair queue's handle, at each in turn once in a while. Were it the lowest one
    /// always, those in the middle would starve between it and the highest.
    #[inline]
    fn first_level(&self) -> usize {
        let Geometry { fair, levels, .. } = self.view.geometry;
        if fair == 0 || levels == 1 {
            return 0;
        }
        let received = self.received.load(Ordering::Relaxed);
        if received % fair == fair - 1 { levels - 1 - (received / fair) as usize % (levels - 1) } else { 0 }
    }

    #[inline]
    fn pop_from(&self, level: usize, out: &mut [MaybeUninit<T>]) -> Result<usize, Refused> {
        let ring = self.ring(level);
        if out.len() > 1 {
            // SAFETY: what the ring shows is copied from its cells.
            let taken = ring.try_pop_slice(out, |copied| unsafe { valid_prefix(copied) }.max(1));
            if let Ok(count) = taken {
                self.freed(level, count as u32);
                // SAFETY: as many are copied.
                let good = unsafe { valid_prefix(&out[..count]) };
                return if good == 0 { Err(Fault::InvalidValue.into()) } else { Ok(count) };
            }
        }
        // Who is in the way? The whole question, for one message.
        let Some((first, rest)) = out.split_first_mut() else { return Ok(0) };
        let (freed, popped) = ring.try_pop(first);
        self.freed(level, freed);
        popped?;
        // SAFETY: a copy of cells, all of which are initialised.
        if !unsafe { is_value(first) } {
            return Err(Fault::InvalidValue.into());
        }
        if rest.is_empty() {
            return Ok(1);
        }
        // SAFETY: what the ring shows is copied from its cells.
        let more = ring.try_pop_slice(rest, |copied| unsafe { valid_prefix(copied) }).unwrap_or(0);
        self.freed(level, more as u32);
        Ok(1 + more)
    }

    /// Wakes senders of a level, for this many of its places that were freed.
    #[inline(always)]
    pub(super) fn freed(&self, level: usize, places: u32) {
        if places != 0 {
            self.view.space(level).notify(&self.platform, move || places);
        }
    }

    /// Takes messages if there are some, repairs after dead senders that are in the way, and finds out whether the queue was empty at one
    /// instant, or is at its end. With `patient`, a living sender gets time to finish.
    #[cold]
    #[inline(never)]
    pub(super) fn pop_now(&self, out: &mut [MaybeUninit<T>], patient: bool) -> Result<usize, Refused> {
        for _ in 0..TRIES {
            let heads = self.view.heads();
            let missed = match self.pop(out) {
                Err(missed @ (Refused::NotNow | Refused::Busy)) => missed,
                popped => return popped,
            };
            let is_closing = self.complete_closing();
            if is_closing && self.view.is_drained() {
                return Err(Refused::Closed);
            }
            if missed == Refused::NotNow && !is_closing {
                if self.view.are_heads(&heads) {
                    return Err(Refused::NotNow);
                }
                spin_hint();
                continue;
            }
            match self.unblock_all() {
                Attempt::NotYet | Attempt::Again => spin_hint(),
                // A ticket that was taken before the closing, and is not published: nothing is held up by it.
                Attempt::Suspect | Attempt::Unknown if missed == Refused::NotNow => return Err(Refused::NotNow),
                Attempt::Suspect | Attempt::Unknown if patient => {
                    let popped = let_finish(&self.platform, || match self.pop(out) {
                        Err(Refused::NotNow | Refused::Busy) => None,
                        popped => Some(popped),
                    });
                    return popped.unwrap_or(Err(Refused::Busy));
                }
                Attempt::Suspect | Attempt::Unknown => return Err(Refused::Busy),
                Attempt::Done(fault) => return Err(fault.into()),
            }
        }
        Err(Refused::Busy)
    }

    /// Waits until there is a message, and takes as many as fit.
    pub(super) fn wait_to_pop(
        &self,
        out: &mut [MaybeUninit<T>],
        waits: &mut Waits<'_, P::Deadline>,
        watch: bool,
    ) -> Result<usize, Refused> {
        let deadline = waits.deadline(&self.platform);
        let attempt = |thorough: bool| match self.pop(out) {
            Err(Refused::NotNow | Refused::Busy) => {
                if self.complete_closing() && self.view.is_drained() {
                    return Attempt::Done(Err(Refused::Closed));
                }
                if thorough { self.look_around(out, watch) } else { Attempt::NotYet }
            }
            popped => Attempt::Done(popped),
        };
        let gate = self.gate(Role::Receiver);
        let capacity = || self.view.geometry.capacity() * self.view.geometry.levels as u64;
        let more = || self.view.len();
        match block_for_message(&self.platform, gate, &self.recv_budget, deadline, capacity, more, attempt) {
            Ok(popped) => popped,
            // The time may have been over before anybody searched for the dead.
            Err(unmet) => match self.pop_now(out, false) {
                Err(Refused::NotNow | Refused::Busy) => Err(unmet.or_fault(Refused::NotNow)),
                popped => popped,
            },
        }
    }

    /// Before a receiver sleeps: who is in the way, and is anybody left to wait for?
    fn look_around(&self, out: &mut [MaybeUninit<T>], watch: bool) -> Attempt<Result<usize, Refused>> {
        match self.unblock_all() {
            Attempt::Done(fault) => Attempt::Done(Err(fault.into())),
            Attempt::Again => Attempt::Again,
            Attempt::Suspect => Attempt::Suspect,
            Attempt::Unknown => Attempt::Unknown,
            // The last message of the one who left came before its leaving: look once more.
            Attempt::NotYet if watch => Attempt::after(self.find_deserted(Role::Sender), || match self.pop(out) {
                Err(Refused::NotNow | Refused::Busy) if self.view.len() == 0 => {
                    Attempt::Done(Err(Refused::Disconnected))
                }
                Err(Refused::NotNow | Refused::Busy) => Attempt::Again,
                popped => Attempt::Done(popped),
            }),
            Attempt::NotYet => Attempt::NotYet,
        }
    }

    /// Checks who holds up the heads of all levels, and repairs after the first that is dead.
    fn unblock_all(&self) -> Attempt<Fault> {
        let mut worst = Attempt::NotYet;
        for level in 0..self.view.geometry.levels {
            match self.unblock(level) {
                Attempt::NotYet => {}
                found @ (Attempt::Again | Attempt::Done(_)) => return found,
                Attempt::Suspect => worst = Attempt::Suspect,
                Attempt::Unknown if matches!(worst, Attempt::NotYet) => worst = Attempt::Unknown,
                Attempt::Unknown => {}
            }
        }
        worst
    }

    /// Checks who holds up the head of a level, and repairs after it if it is dead.
    pub(super) fn unblock(&self, level: usize) -> Attempt<Fault> {
        match self.ring(level).blocker() {
            Blocker::Nobody => Attempt::NotYet,
            Blocker::Moved => Attempt::Again,
            Blocker::Corrupted => Attempt::Done(Fault::Corrupted),
            Blocker::Owner(owner) => {
                let mut found = Findings::default();
                found.ask(&self.platform, owner, |dead| self.view.sweep(dead, &self.platform));
                match found.found() {
                    Ok(true) => Attempt::Again,
                    Ok(false) => Attempt::Suspect,
                    Err(_) => Attempt::Unknown,
                }
            }
        }
    }
}
