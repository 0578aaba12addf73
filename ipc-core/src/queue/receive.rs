//! Receiving.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::ends::{Counted, Role, iterators, slices};
use crate::error::{Fault, RecvError, RecvTimeoutError, Refused, TryRecvError};
use crate::here::Here;
use crate::payload::{check, fill_slice, is_value, valid_prefix};
use crate::platform::Platform;
use crate::slots::is_large;
use crate::sync::spin_hint;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_for_message, let_finish};

use super::Receiver;
use super::handle::Queue;

/// Checks a slow head before `try_recv` asks whether its owner is dead: about the time of a publication.
const PENDING_POLLS: u32 = crate::sync::bound(32, 1);
/// Repairs in one `try_recv`: each removes a dead participant's tickets, so more are not needed at once.
const REPAIRS: u32 = crate::sync::bound(64, 2);

iterators!(Queue<T: NoUninit, CheckedBitPattern>, T, RecvError, TryRecvError, recv, try_recv);
iterators!(Receiver<T: NoUninit, CheckedBitPattern>, T, RecvError, TryRecvError, recv, try_recv);

impl<T: NoUninit + CheckedBitPattern, P: Platform> Queue<'_, T, P> {
    /// The common case of every receive: a message at the head, and no rival. Otherwise nothing was done, or a message was dropped
    /// whose bits are no value.
    ///
    /// This and nothing else is inlined in the callers: what they do otherwise is one call that needs no register
    /// saved beforehand (a store before a read-modify-write has to drain first).
    #[inline(always)]
    fn pop_first(&self, value: &mut MaybeUninit<T>) -> Result<(), Refused> {
        self.ring().try_pop_first(value)?;
        self.view.words.gates.space.notify(&self.platform, || 1);
        Self::checked(value)
    }

    fn pop(&self, value: &mut MaybeUninit<T>) -> Result<(), Refused> {
        let (freed, popped) = self.ring().try_pop(value);
        if freed != 0 {
            self.view.words.gates.space.notify(&self.platform, move || freed);
        }
        popped.and_then(|()| Self::checked(value))
    }

    /// Whether the bits that were copied from cells of the ring are a value.
    #[inline(always)]
    fn checked(copied: &MaybeUninit<T>) -> Result<(), Refused> {
        // SAFETY: a copy of cells, all of which are initialised.
        if unsafe { is_value(copied) } { Ok(()) } else { Err(Refused::Fault(Fault::InvalidValue)) }
    }

    /// Receives the oldest message if there is one; does not wait for one. If the oldest message's sender died while writing
    /// it, this call repairs the queue on the way. If it lives, and messages behind it may be there, this call lets others run for up to
    /// a millisecond, and then says [`Busy`](TryRecvError::Busy).
    ///
    /// With a message there: no system call unless a producer sleeps. `Empty` costs two loads of lines that are
    /// shared with the producer.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty), never while a message lies in the queue whose send had returned;
    /// [`Busy`](TryRecvError::Busy); [`Closed`](TryRecvError::Closed) once the queue is closed and drained.
    #[doc(alias = "get_nowait")]
    #[doc(alias = "pop")]
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut value = MaybeUninit::uninit();
        self.try_recv_to(&mut value)?;
        // SAFETY: popped, and a value.
        Ok(unsafe { value.assume_init() })
    }

    #[inline(always)]
    pub(super) fn try_recv_to(&self, value: &mut MaybeUninit<T>) -> Result<(), TryRecvError> {
        self.here()?;
        match self.pop_first(value) {
            Ok(()) => {}
            Err(Refused::Fault(fault)) => return Err(TryRecvError::Fault(fault)),
            Err(missed) if const { is_large(size_of::<T>()) } => self.pop_contended(value, missed, true)?,
            Err(missed) => *value = MaybeUninit::new(self.try_recv_contended(missed)?),
        }
        Ok(())
    }

    /// Returns the value, since a small one would be kept in memory for a call that is given its place. A large one is, and copied
    /// once less.
    #[cold]
    #[inline(never)]
    fn try_recv_contended(&self, missed: Refused) -> Result<T, TryRecvError> {
        let mut value = MaybeUninit::uninit();
        self.pop_contended(&mut value, missed, true)?;
        // SAFETY: popped, and a value.
        Ok(unsafe { value.assume_init() })
    }

    /// With `patient`, a living sender gets time to finish.
    #[cold]
    #[inline(never)]
    fn pop_contended(&self, value: &mut MaybeUninit<T>, missed: Refused, patient: bool) -> Result<(), Refused> {
        if missed == Refused::NotNow && !self.complete_closing() {
            return Err(Refused::NotNow);
        }
        match self.pop(value) {
            Err(Refused::NotNow) if !self.complete_closing() => Err(Refused::NotNow),
            Err(refused @ (Refused::NotNow | Refused::Busy)) => self.pop_repairing(value, refused, patient),
            popped => popped,
        }
    }

    #[cold]
    #[inline(never)]
    fn pop_repairing(&self, value: &mut MaybeUninit<T>, mut refused: Refused, patient: bool) -> Result<(), Refused> {
        for _ in 0..REPAIRS {
            let mut polls = PENDING_POLLS;
            while refused == Refused::Busy && polls > 0 {
                spin_hint();
                polls -= 1;
                match self.pop(value) {
                    Ok(()) => return Ok(()),
                    Err(now) => refused = now,
                }
            }
            match refused {
                // Drained, or a ticket taken before the closing is still to be published (or its owner is dead).
                Refused::NotNow if self.complete_closing() && self.ring().is_drained() => return Err(Refused::Closed),
                Refused::NotNow if !self.complete_closing() => return Err(Refused::NotNow),
                Refused::NotNow | Refused::Busy => {}
                refused => return Err(refused),
            }
            match self.unblock() {
                Attempt::NotYet | Attempt::Again => {}
                Attempt::Suspect | Attempt::Unknown if refused == Refused::NotNow => return Err(Refused::NotNow),
                Attempt::Suspect | Attempt::Unknown if patient => return self.pop_patiently(value),
                Attempt::Suspect | Attempt::Unknown => return Err(Refused::Busy),
                Attempt::Done(fault) => return Err(fault.into()),
            }
            match self.pop(value) {
                Ok(()) => return Ok(()),
                Err(now) => refused = now,
            }
        }
        Err(if matches!(refused, Refused::NotNow | Refused::Fault(_)) { refused } else { Refused::Busy })
    }

    /// Lets others run until the oldest message is published, and takes it.
    fn pop_patiently(&self, value: &mut MaybeUninit<T>) -> Result<(), Refused> {
        let popped = let_finish(&self.platform, || match self.pop(value) {
            Err(Refused::NotNow | Refused::Busy) => None,
            popped => Some(popped),
        });
        popped.unwrap_or(Err(Refused::Busy))
    }

    /// Receives the oldest message, and waits for one if there is none: polls for some microseconds, lets others run, then
    /// sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed) once the queue is closed and drained.
    #[doc(alias = "get")]
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_within(&Limit::Forever, false)
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Receives a message",
        [&self] limit [] -> Result<T, RecvTimeoutError> { self.recv_within(limit, false) }
    }

    /// The blocking receive in its general form. With `watch`, the last living sender's disappearance ends it.
    #[inline(always)]
    pub(super) fn recv_within<E: From<Refused>>(&self, limit: &Limit<P::Deadline>, watch: bool) -> Result<T, E> {
        self.here().map_err(Refused::Fault)?;
        let mut value = MaybeUninit::uninit();
        match self.pop_first(&mut value) {
            Ok(()) => {}
            Err(Refused::Fault(fault)) => return Err(Refused::Fault(fault).into()),
            Err(_) if const { is_large(size_of::<T>()) } => self.wait_to_pop(&mut value, limit, watch)?,
            Err(_) => value = MaybeUninit::new(self.recv_contended(limit, watch)?),
        }
        // SAFETY: popped, and a value.
        Ok(unsafe { value.assume_init() })
    }

    /// Returns a small value, as [`try_recv_contended`](Self::try_recv_contended).
    #[cold]
    #[inline(never)]
    fn recv_contended(&self, limit: &Limit<P::Deadline>, watch: bool) -> Result<T, Refused> {
        let mut value = MaybeUninit::uninit();
        self.wait_to_pop(&mut value, limit, watch)?;
        // SAFETY: popped, and a value.
        Ok(unsafe { value.assume_init() })
    }

    /// Waits until there is a message, and takes it: what every receive that blocks does.
    #[cold]
    #[inline(never)]
    fn wait_to_pop(&self, value: &mut MaybeUninit<T>, limit: &Limit<P::Deadline>, watch: bool) -> Result<(), Refused> {
        let deadline = limit.deadline(&self.platform);
        let attempt = |thorough: bool| match self.pop(value) {
            Err(Refused::NotNow | Refused::Busy) => {
                if self.complete_closing() && self.ring().is_drained() {
                    return Attempt::Done(Err(Refused::Closed));
                }
                if thorough { self.look_around(value, watch) } else { Attempt::NotYet }
            }
            popped => Attempt::Done(popped),
        };
        let (gate, capacity) = (&self.view.words.gates.items, || self.capacity() as u64);
        let more = || self.ring().len();
        match block_for_message(&self.platform, gate, &self.recv_budget, deadline, capacity, more, attempt) {
            Ok(popped) => popped,
            // The time may have been over before anybody searched for the dead: so that a message behind a dead producer is found
            // however short the time limit.
            Err(unmet) => match self.pop_contended(value, Refused::Busy, false) {
                Err(Refused::NotNow | Refused::Busy) => Err(unmet.or_fault(Refused::NotNow)),
                popped => popped,
            },
        }
    }

    /// Before a consumer sleeps: who is in the way, and is anybody left to wait for?
    fn look_around(&self, value: &mut MaybeUninit<T>, watch: bool) -> Attempt<Result<(), Refused>> {
        match self.unblock() {
            Attempt::Again => Attempt::Again,
            Attempt::Done(fault) => Attempt::Done(Err(fault.into())),
            Attempt::Suspect => Attempt::Suspect,
            Attempt::Unknown => Attempt::Unknown,
            // The last message of the one who left came before its leaving: look once more.
            Attempt::NotYet if watch => Attempt::after(self.find_deserted(Role::Sender), || match self.pop(value) {
                Err(Refused::NotNow | Refused::Busy) if self.ring().is_empty() => {
                    Attempt::Done(Err(Refused::Disconnected))
                }
                Err(Refused::NotNow | Refused::Busy) => Attempt::Again,
                popped => Attempt::Done(popped),
            }),
            Attempt::NotYet => Attempt::NotYet,
        }
    }

    /// Takes as many messages as there are and as fit: all of them values of their type, or one that is none.
    fn pop_slice(&self, out: &mut [MaybeUninit<T>]) -> Result<Result<usize, Fault>, Refused> {
        // SAFETY: what the ring shows is copied from its cells.
        let count = self.ring().try_pop_slice(out, |copied| unsafe { valid_prefix(copied) }.max(1))?;
        self.view.words.gates.space.notify(&self.platform, move || count as u32);
        // SAFETY: as many are copied.
        Ok(if unsafe { valid_prefix(&out[..count]) } == 0 { Err(Fault::InvalidValue) } else { Ok(count) })
    }

    /// Takes as many messages as there are and as fit behind one that was just received into the first place, and says how many there
    /// are now.
    fn pop_behind(&self, out: &mut [MaybeUninit<T>]) -> usize {
        // SAFETY: what the ring shows is copied from its cells.
        match self.ring().try_pop_slice(&mut out[1..], |copied| unsafe { valid_prefix(copied) }) {
            Ok(count) => {
                self.view.words.gates.space.notify(&self.platform, move || count as u32);
                1 + count
            }
            Err(_) => 1,
        }
    }

    pub(super) fn try_recv_into(&self, out: &mut [MaybeUninit<T>]) -> Result<usize, TryRecvError> {
        self.here()?;
        if out.is_empty() {
            return Ok(0);
        }
        match self.pop_slice(out) {
            Ok(count) => return count.map_err(TryRecvError::Fault),
            // Who is in the way, and is it the end? The whole question, for one message.
            Err(missed) => self.pop_contended(&mut out[0], missed, true)?,
        }
        Ok(self.pop_behind(out))
    }

    pub(super) fn recv_into(
        &self,
        out: &mut [MaybeUninit<T>],
        limit: &Limit<P::Deadline>,
        watch: bool,
    ) -> Result<usize, RecvTimeoutError> {
        self.here()?;
        if out.is_empty() {
            return Ok(0);
        }
        match self.pop_slice(out) {
            Ok(count) => return count.map_err(RecvTimeoutError::Fault),
            Err(_) => self.wait_to_pop(&mut out[0], limit, watch)?,
        }
        Ok(self.pop_behind(out))
    }

    /// Returns a copy of the oldest message, which stays. A hint: another receiver may take it meanwhile.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn peek(&self) -> Option<T> {
        self.platform().assert_here();
        // SAFETY: copied from cells of the ring.
        self.ring().peek::<T>().and_then(|bytes| unsafe { check(bytes) }.ok())
    }
}

slices!(Queue<T: NoUninit, CheckedBitPattern>, T, queue => queue, room => queue.try_recv_into(room), false);
slices!(Receiver<T: NoUninit, CheckedBitPattern>, T, receiver => receiver.queue(), room => receiver.try_watching(|queue| queue.try_recv_into(room)), true);
