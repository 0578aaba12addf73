//! Sending.

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::ends::{Counted, Role};
use crate::error::{
    Fault, ForceSendError, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError, TryRecvError,
    TrySendError,
};
use crate::platform::Platform;
use crate::ring::Position;
use crate::time::{Instant, Limit, Waits};
use crate::timed::timed;
use crate::wait::{Attempt, block_for_room};

use super::handle::Queue;

/// How often others may be faster than an overwriting send before it reports contention: each time one of them has got on.
const FORCE_ATTEMPTS: u32 = crate::sync::bound(1 << 12, 8);

impl<T: NoUninit, P: Platform> Queue<'_, T, P> {
    /// The common case of every send: room, and no rival since this handle's last send. `false`: nothing was done.
    ///
    /// This and nothing else is inlined in the callers, as on the receiving side.
    #[inline(always)]
    fn push_first(&self, value: &T) -> bool {
        let at = self.ring().try_push_first(self.me, value, &self.hints);
        at.map(|at| self.published(at)).is_some()
    }

    fn push(&self, value: &T) -> Result<(), Refused> {
        self.ring().try_push(self.me, value, &self.hints).map(|at| self.published(at))
    }

    #[inline(always)]
    fn published(&self, at: Position) {
        // Messages behind this one may have been published, and their wake-ups spent, while it held up the head.
        let ring = self.ring();
        self.view.words.gates.items.notify(&self.platform, move || ring.tickets_from(at));
    }

    /// Sends if there is room; never waits, lock-free. A system call only if a receiver sleeps.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full), [`Closed`](TrySendError::Closed); the value comes back.
    #[doc(alias = "put_nowait")]
    #[doc(alias = "push")]
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if !self.platform.is_here() {
            return Err(TrySendError::Fault(value, Fault::Forked));
        }
        if self.push_first(&value) { Ok(()) } else { self.try_send_contended(value) }
    }

    #[cold]
    #[inline(never)]
    fn try_send_contended(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut pushed = self.push(&value);
        if pushed == Err(Refused::NotNow) && self.make_room() == Ok(true) {
            pushed = self.push(&value);
        }
        match pushed {
            Ok(()) => Ok(()),
            Err(refused) => Err(TrySendError::of(refused, value)),
        }
    }

    /// Sends, and waits for room if there is none: polls for some microseconds, lets others run, then sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](SendError::Closed); the value comes back.
    #[doc(alias = "put")]
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_within(value, &Limit::Forever, false).map_err(SendTimeoutError::endless)
    }

    timed! {
        send_timeout, send_deadline, send, "Sends a message",
        [&self, value: T] limit [] -> Result<(), SendTimeoutError<T>> { self.send_within(value, limit, false) }
    }

    /// The blocking send in its general form. With `watch`, the last living receiver's disappearance ends it.
    #[inline(always)]
    pub(super) fn send_within(
        &self,
        value: T,
        limit: &Limit<P::Deadline>,
        watch: bool,
    ) -> Result<(), SendTimeoutError<T>> {
        if !self.platform.is_here() {
            return Err(SendTimeoutError::Fault(value, Fault::Forked));
        }
        if watch && self.view.presence(Role::Receiver).is_left() {
            return Err(SendTimeoutError::Disconnected(value));
        }
        if self.push_first(&value) { Ok(()) } else { self.send_contended(value, limit, watch) }
    }

    #[cold]
    #[inline(never)]
    fn send_contended(&self, value: T, limit: &Limit<P::Deadline>, watch: bool) -> Result<(), SendTimeoutError<T>> {
        self.wait_to_push(limit.deadline(&self.platform), watch, || self.push(&value))
            .map_err(|refused| SendTimeoutError::of(refused, value))
    }
}

impl<T: NoUninit, P: Platform> Queue<'_, T, P> {
    fn push_slice(&self, values: &[T]) -> Result<usize, Refused> {
        let (first, count) = self.ring().try_push_slice(self.me, values, &self.hints)?;
        self.published(first);
        Ok(count)
    }

    /// Sends as many of these as there is room for, from the first on, one behind the other, and says how many: at least one, unless
    /// `values` is empty. One step for all of them, and one wake-up. Never waits; lock-free.
    ///
    /// Each message becomes visible by itself, in order: of a batch whose sender is killed meanwhile, the first ones may arrive.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.queue::<u32>("jobs").capacity(4).create()?;
    /// assert_eq!(jobs.try_send_slice(&[1, 2, 3, 4, 5]), Ok(4));
    /// let mut batch = [0; 10];
    /// assert_eq!(jobs.try_recv_slice(&mut batch), Ok(4));
    /// assert_eq!(batch[..4], [1, 2, 3, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Self::try_send); then none was sent.
    pub fn try_send_slice(&self, values: &[T]) -> Result<usize, TrySendError<()>> {
        if !self.platform.is_here() {
            return Err(TrySendError::Fault((), Fault::Forked));
        }
        if values.is_empty() {
            return Ok(0);
        }
        let mut pushed = self.push_slice(values);
        if pushed == Err(Refused::NotNow) && self.make_room() == Ok(true) {
            pushed = self.push_slice(values);
        }
        pushed.map_err(|refused| TrySendError::of(refused, ()))
    }

    /// Sends all of these, in batches as large as there is room for, and waits for room as often as needed. Messages of other
    /// senders may come between two batches.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the error says how many were sent.
    pub fn send_slice(&self, values: &[T]) -> Result<(), SendSliceError> {
        self.send_slice_within(values, &mut Limit::Forever.over_all_waits(), false)
            .map_err(SendSliceTimeoutError::endless)
    }

    timed! {
        send_slice_timeout, send_slice_deadline, send_slice, "Sends all of these"
        "`timeout` is for all of them together, and counts from the first wait. The error says how many were sent.",
        [&self, values: &[T]] limit [] -> Result<(), SendSliceTimeoutError> {
            self.send_slice_within(values, &mut limit.over_all_waits(), false)
        }
    }

    pub(super) fn send_slice_within(
        &self,
        values: &[T],
        waits: &mut Waits<'_, P::Deadline>,
        watch: bool,
    ) -> Result<(), SendSliceTimeoutError> {
        if !self.platform.is_here() {
            return Err(SendSliceError { sent: 0, cause: SendTimeoutError::Fault((), Fault::Forked) });
        }
        if watch && self.view.presence(Role::Receiver).is_left() {
            return Err(SendSliceError { sent: 0, cause: SendTimeoutError::Disconnected(()) });
        }
        let mut sent = 0;
        while sent < values.len() {
            let rest = &values[sent..];
            let pushed = match self.push_slice(rest) {
                Err(Refused::NotNow) => {
                    self.wait_to_push(waits.deadline(&self.platform), watch, || self.push_slice(rest))
                }
                pushed => pushed,
            };
            match pushed {
                Ok(count) => sent += count,
                Err(refused) => return Err(SendSliceError { sent, cause: SendTimeoutError::of(refused, ()) }),
            }
        }
        Ok(())
    }

    /// How much room there is: some, or why a send is refused.
    #[cfg(feature = "alloc")]
    pub(super) fn room_now(&self) -> Result<usize, TrySendError<()>> {
        if !self.platform.is_here() {
            return Err(TrySendError::Fault((), Fault::Forked));
        }
        if self.complete_closing() {
            return Err(TrySendError::Closed(()));
        }
        let room = || self.capacity().saturating_sub(self.ring().len() as usize);
        match room() {
            0 if self.make_room() == Ok(true) => Ok(room().max(1)),
            0 => Err(TrySendError::Full(())),
            some => Ok(some),
        }
    }

    /// Waits until `push` succeeds: what every send that blocks does.
    fn wait_to_push<R>(
        &self,
        deadline: Option<Instant>,
        watch: bool,
        push: impl Fn() -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let capacity = self.capacity() as u64;
        let room = || capacity.saturating_sub(self.ring().len());
        let attempt = |thorough: bool| match push() {
            Ok(pushed) => Attempt::Done(Ok(pushed)),
            Err(Refused::NotNow) => {
                if thorough {
                    self.complete_closing();
                    match self.make_room() {
                        Ok(true) => return Attempt::Again,
                        Ok(false) => {}
                        Err(_) => return Attempt::Unknown,
                    }
                    if watch {
                        let deserted = self.find_deserted(Role::Receiver);
                        return Attempt::after(deserted, || Attempt::Done(Err(Refused::Disconnected)));
                    }
                }
                Attempt::NotYet
            }
            Err(refused) => Attempt::Done(Err(refused)),
        };
        let gate = &self.view.words.gates.space;
        let pushed = block_for_room(&self.platform, gate, &self.send_budget, deadline, capacity, room, attempt);
        let unmet = match pushed {
            Ok(end) => return end,
            Err(unmet) => unmet,
        };
        // The time may have been over before anybody searched for the dead: so that room behind a dead producer is found however
        // short the time limit.
        let mut pushed = push();
        if matches!(pushed, Err(Refused::NotNow)) && self.make_room() == Ok(true) {
            pushed = push();
        }
        pushed.map_err(|refused| match refused {
            Refused::NotNow => unmet.or_fault(Refused::NotNow),
            refused => refused,
        })
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Queue<'_, T, P> {
    /// Sends even if the queue is full, by taking out the oldest message, which it returns. Lets others run for up to a millisecond if a
    /// living sender is in the middle of that one.
    ///
    /// # Errors
    ///
    /// [`Contended`](ForceSendError::Contended) if other senders took the room that was made, or if the sender of the oldest message
    /// does not finish it: the values come back, nothing is lost. [`Closed`](ForceSendError::Closed).
    #[doc(alias = "force_push")]
    #[doc(alias = "push_overwrite")]
    pub fn force_send(&self, value: T) -> Result<Option<T>, ForceSendError<T>> {
        if !self.platform.is_here() {
            return Err(ForceSendError::Fault(value, Fault::Forked));
        }
        let mut displaced = None;
        for _ in 0..FORCE_ATTEMPTS {
            match self.push(&value) {
                Ok(()) => return Ok(displaced),
                Err(_) if displaced.is_some() => break,
                // Full of what dead producers left: no message need go.
                Err(Refused::NotNow) if self.make_room() == Ok(true) => {}
                Err(Refused::NotNow) => match self.try_recv() {
                    Ok(oldest) => displaced = Some(oldest),
                    Err(TryRecvError::Fault(fault)) => return Err(ForceSendError::Fault(value, fault)),
                    // It has let others run for a while already.
                    Err(TryRecvError::Busy) => break,
                    Err(_) => {}
                },
                Err(Refused::Closed) => return Err(ForceSendError::Closed(value)),
                Err(_) => return Err(ForceSendError::Fault(value, Fault::Corrupted)),
            }
        }
        Err(ForceSendError::Contended { value, displaced })
    }
}
