//! Receiving.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::ends::{Counted, Role, iterators};
use crate::error::{Fault, RecvError, RecvTimeoutError, Refused, TryRecvError};
use crate::here::Here;
use crate::payload::{check, fill_slice, valid_prefix};
use crate::platform::Platform;
use crate::sync::spin_hint;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_for_message, let_finish};

use super::Receiver;
use super::handle::Queue;

/// Looks at a slow head before `try_recv` asks whether its owner is dead: about the time of a publication.
const PENDING_POLLS: u32 = crate::sync::bound(32, 1);
/// Repairs in one `try_recv`: each removes a dead participant's tickets, so more are not needed at once.
const REPAIRS: u32 = crate::sync::bound(64, 2);

iterators!(Queue<T: NoUninit, CheckedBitPattern>, T, RecvError, TryRecvError, recv, try_recv);
iterators!(Receiver<T: NoUninit, CheckedBitPattern>, T, RecvError, TryRecvError, recv, try_recv);

impl<T: NoUninit + CheckedBitPattern, P: Platform> Queue<'_, T, P> {
    /// The common case of every receive: a message at the head, and no rival. Otherwise nothing was done.
    ///
    /// This and nothing else is inlined in the callers: what they do otherwise is one call that needs no register
    /// saved beforehand (a store before a read-modify-write has to drain first).
    #[inline(always)]
    fn pop_first(&self) -> Result<Result<T, Fault>, Refused> {
        let popped = self.ring().try_pop_first::<T>()?;
        self.view.words.gates.space.notify(&self.platform, || 1);
        // SAFETY: copied from cells of the ring.
        Ok(unsafe { check(popped) })
    }

    fn pop(&self) -> Result<Result<T, Fault>, Refused> {
        let (freed, popped) = self.ring().try_pop::<T>();
        if freed != 0 {
            self.view.words.gates.space.notify(&self.platform, move || freed);
        }
        // SAFETY: copied from cells of the ring.
        popped.map(|bytes| unsafe { check(bytes) })
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
        self.here()?;
        match self.pop_first() {
            Ok(value) => value.map_err(TryRecvError::Fault),
            Err(missed) => self.try_recv_contended(missed, true),
        }
    }

    /// With `patient`, a living sender gets time to finish.
    #[cold]
    #[inline(never)]
    fn try_recv_contended(&self, missed: Refused, patient: bool) -> Result<T, TryRecvError> {
        if missed == Refused::NotNow && !self.complete_closing() {
            return Err(TryRecvError::Empty);
        }
        match self.pop() {
            Ok(value) => value.map_err(TryRecvError::Fault),
            Err(Refused::NotNow) if !self.complete_closing() => Err(TryRecvError::Empty),
            Err(refused) => self.try_recv_repairing(refused, patient),
        }
    }

    #[cold]
    #[inline(never)]
    fn try_recv_repairing(&self, mut refused: Refused, patient: bool) -> Result<T, TryRecvError> {
        for _ in 0..REPAIRS {
            let mut polls = PENDING_POLLS;
            while refused == Refused::Busy && polls > 0 {
                spin_hint();
                polls -= 1;
                match self.pop() {
                    Ok(value) => return value.map_err(TryRecvError::Fault),
                    Err(now) => refused = now,
                }
            }
            match refused {
                // Drained, or a ticket taken before the closing is still to be published (or its owner is dead).
                Refused::NotNow if self.complete_closing() && self.ring().is_drained() => {
                    return Err(TryRecvError::Closed);
                }
                Refused::NotNow if !self.complete_closing() => return Err(TryRecvError::Empty),
                Refused::NotNow | Refused::Busy => {}
                refused => return Err(refused.into()),
            }
            match self.unblock() {
                Attempt::NotYet | Attempt::Again => {}
                Attempt::Suspect | Attempt::Unknown if refused == Refused::NotNow => {
                    return Err(TryRecvError::Empty);
                }
                Attempt::Suspect | Attempt::Unknown => match self.pop_patiently(patient) {
                    Some(value) => return value.map_err(TryRecvError::Fault),
                    None => return Err(TryRecvError::Busy),
                },
                Attempt::Done(fault) => return Err(fault.into()),
            }
            match self.pop() {
                Ok(value) => return value.map_err(TryRecvError::Fault),
                Err(now) => refused = now,
            }
        }
        Err(if refused == Refused::NotNow { TryRecvError::Empty } else { TryRecvError::Busy })
    }

    /// Lets others run, with `patient`, until the oldest message is published: that message.
    fn pop_patiently(&self, patient: bool) -> Option<Result<T, Fault>> {
        if patient { let_finish(&self.platform, || self.pop().ok()) } else { None }
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
        self.recv_within(&Limit::Forever, false).map_err(RecvTimeoutError::endless)
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Receives a message",
        [&self] limit [] -> Result<T, RecvTimeoutError> { self.recv_within(limit, false) }
    }

    /// The blocking receive in its general form. With `watch`, the last living sender's disappearance ends it.
    #[inline(always)]
    pub(super) fn recv_within(&self, limit: &Limit<P::Deadline>, watch: bool) -> Result<T, RecvTimeoutError> {
        self.here()?;
        match self.pop_first() {
            Ok(value) => value.map_err(RecvTimeoutError::Fault),
            Err(_) => self.recv_contended(limit, watch),
        }
    }

    #[cold]
    #[inline(never)]
    fn recv_contended(&self, limit: &Limit<P::Deadline>, watch: bool) -> Result<T, RecvTimeoutError> {
        let deadline = limit.deadline(&self.platform);
        let attempt = |thorough: bool| match self.pop() {
            Ok(value) => Attempt::Done(value.map_err(RecvTimeoutError::Fault)),
            Err(Refused::NotNow | Refused::Busy) => {
                if self.complete_closing() && self.ring().is_drained() {
                    return Attempt::Done(Err(RecvTimeoutError::Closed));
                }
                if thorough { self.look_around(watch) } else { Attempt::NotYet }
            }
            Err(refused) => Attempt::Done(Err(refused.into())),
        };
        let (gate, capacity) = (&self.view.words.gates.items, || self.capacity() as u64);
        let more = || self.ring().len();
        let received = block_for_message(&self.platform, gate, &self.recv_budget, deadline, capacity, more, attempt);
        received.unwrap_or_else(|unmet| {
            // The time may have been over before anybody looked for the dead: `try_recv` does, so that a message
            // behind a dead producer is found however short the time limit.
            self.try_recv_contended(Refused::Busy, false).map_err(|error| match error {
                TryRecvError::Empty | TryRecvError::Busy => unmet.or_fault(RecvTimeoutError::Timeout),
                TryRecvError::Closed => RecvTimeoutError::Closed,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                TryRecvError::Fault(fault) => RecvTimeoutError::Fault(fault),
            })
        })
    }

    /// Before a consumer sleeps: who is in the way, and is anybody left to wait for?
    fn look_around(&self, watch: bool) -> Attempt<Result<T, RecvTimeoutError>> {
        match self.unblock() {
            Attempt::Again => Attempt::Again,
            Attempt::Done(fault) => Attempt::Done(Err(fault.into())),
            Attempt::Suspect => Attempt::Suspect,
            Attempt::Unknown => Attempt::Unknown,
            // The last message of the one who left came before its leaving: look once more.
            Attempt::NotYet if watch => Attempt::after(self.find_deserted(Role::Sender), || match self.pop() {
                Ok(value) => Attempt::Done(value.map_err(RecvTimeoutError::Fault)),
                Err(_) if self.ring().is_empty() => Attempt::Done(Err(RecvTimeoutError::Disconnected)),
                Err(_) => Attempt::Again,
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

    /// Takes as many messages as there are and as fit behind one that was just received, and says how many there are now.
    fn pop_behind(&self, first: T, out: &mut [MaybeUninit<T>]) -> usize {
        out[0] = MaybeUninit::new(first);
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
            Ok(count) => count.map_err(TryRecvError::Fault),
            // Who is in the way, and is it the end? The whole question, for one message.
            Err(missed) => self.try_recv_contended(missed, true).map(|first| self.pop_behind(first, out)),
        }
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
            Ok(count) => count.map_err(RecvTimeoutError::Fault),
            Err(_) => self.recv_contended(limit, watch).map(|first| self.pop_behind(first, out)),
        }
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

/// The verbs that receive several at once, of the queue and of its half. They differ in whether the senders' leaving ends them.
macro_rules! slices {
    ($receives:ident, $queue:ident => $of:expr, $try:ident => $tried:expr, $watch:literal) => {
        impl<T: NoUninit + CheckedBitPattern, P: Platform> $receives<'_, T, P> {
            /// Receives as many messages as there are and as `out` holds, in their order, and returns how many: at least one, unless
            /// `out` is empty. One step for all of them, and one wake-up. Never waits. What lies in `out` behind them may have changed.
            ///
            /// # Errors
            ///
            /// As for [`try_recv`](Self::try_recv). A message whose bits are no value of `T` ends the batch before it; as the first one
            /// it is dropped, with [`Fault::InvalidValue`].
            pub fn try_recv_slice(&self, out: &mut [T]) -> Result<usize, TryRecvError> {
                let $queue = self;
                fill_slice(out, |$try| $tried)
            }

            /// Receives as many messages as there are and as `out` holds, and returns how many. Blocks while there is none.
            ///
            /// # Errors
            ///
            /// As for [`recv`](Self::recv) and, for bits that are no value, [`try_recv_slice`](Self::try_recv_slice).
            pub fn recv_slice(&self, out: &mut [T]) -> Result<usize, RecvError> {
                self.recv_slice_within(out, &Limit::Forever).map_err(RecvTimeoutError::endless)
            }

            timed! {
                recv_slice_timeout, recv_slice_deadline, recv_slice, "Receives messages",
                [&self, out: &mut [T]] limit [] -> Result<usize, RecvTimeoutError> { self.recv_slice_within(out, limit) }
            }

            fn recv_slice_within(&self, out: &mut [T], limit: &Limit<P::Deadline>) -> Result<usize, RecvTimeoutError> {
                let $queue = self;
                fill_slice(out, |out| $of.recv_into(out, limit, $watch))
            }

            /// Receives into memory that need not be initialised, as [`try_recv_slice`](Self::try_recv_slice), and returns the messages.
            ///
            /// # Errors
            ///
            /// Those of [`try_recv_slice`](Self::try_recv_slice).
            pub fn try_recv_uninit<'b>(&self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], TryRecvError> {
                let $queue = self;
                let $try = &mut *out;
                let count = $tried?;
                // SAFETY: this number of messages was received, and they are values.
                Ok(unsafe { core::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), count) })
            }

            /// Receives into memory that need not be initialised, as [`recv_slice`](Self::recv_slice), and returns the messages.
            ///
            /// # Errors
            ///
            /// Those of [`recv_slice`](Self::recv_slice).
            pub fn recv_uninit<'b>(&self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], RecvError> {
                self.recv_uninit_within(out, &Limit::Forever).map_err(RecvTimeoutError::endless)
            }

            timed! {
                recv_uninit_timeout, recv_uninit_deadline, recv_uninit, "Receives messages",
                <'b> [&self, out: &'b mut [MaybeUninit<T>]] limit [] -> Result<&'b mut [T], RecvTimeoutError> {
                    self.recv_uninit_within(out, limit)
                }
            }

            fn recv_uninit_within<'b>(
                &self,
                out: &'b mut [MaybeUninit<T>],
                limit: &Limit<P::Deadline>,
            ) -> Result<&'b mut [T], RecvTimeoutError> {
                let $queue = self;
                let count = $of.recv_into(out, limit, $watch)?;
                // SAFETY: this number of messages was received, and they are values.
                Ok(unsafe { core::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), count) })
            }
        }
    };
}
slices!(Queue, queue => queue, room => queue.try_recv_into(room), false);
slices!(Receiver, receiver => receiver.queue(), room => receiver.try_watching(|queue| queue.try_recv_into(room)), true);
