//! Sending.

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::error::{ForceSendError, SendError, SendSliceError, SendTimeoutError, TryRecvError, TrySendError};
use crate::platform::Platform;
use crate::ring::{Position, PushRefused};
use crate::time::Instant;
use crate::wait::{Attempt, Reserve, block_until};

use super::presence::Role;
use super::view::Queue;

/// How often an overwriting send makes room before it reports contention.
const FORCE_ATTEMPTS: u32 = 8;

impl<T: NoUninit, P: Platform> Queue<'_, T, P> {
    /// The common case of every send: room, and no rival since this handle's last send. `false`: nothing was done.
    ///
    /// This and nothing else is inlined in the callers, as on the receiving side.
    #[inline(always)]
    fn push_first(&self, value: &T) -> bool {
        let at = self.ring().try_push_first(self.me, value, &self.hints);
        at.map(|at| self.published(at)).is_some()
    }

    fn push(&self, value: &T) -> Result<(), PushRefused> {
        self.ring().try_push(self.me, value, &self.hints).map(|at| self.published(at))
    }

    #[inline(always)]
    fn published(&self, at: Position) {
        // Messages behind this one may have been published, and their wake-ups spent, while it held up the head.
        let ring = self.ring();
        self.parts.control.gates.items.notify(&self.platform, move || ring.tickets_from(at));
    }

    /// Sends if there is room. Never waits; lock-free. No system call unless a consumer sleeps.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if self.push_first(&value) { Ok(()) } else { self.try_send_contended(value) }
    }

    #[cold]
    #[inline(never)]
    fn try_send_contended(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut pushed = self.push(&value);
        if pushed == Err(PushRefused::Full) && self.make_room() {
            pushed = self.push(&value);
        }
        match pushed {
            Ok(()) => Ok(()),
            Err(PushRefused::Full) => Err(TrySendError::Full(value)),
            Err(PushRefused::Closed) => Err(TrySendError::Closed(value)),
            Err(PushRefused::Corrupted) => Err(TrySendError::Fault(value, Self::CORRUPTED)),
        }
    }

    /// Sends, and waits for room if there is none.
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_watching(value, None, false).map_err(|error| match error {
            SendTimeoutError::Closed(value) | SendTimeoutError::Timeout(value) => SendError::Closed(value),
            SendTimeoutError::Disconnected(value) => SendError::Disconnected(value),
            SendTimeoutError::Fault(value, fault) => SendError::Fault(value, fault),
        })
    }

    /// Sends, and waits for room at most until `deadline`. Room that is there wins over a deadline that has passed.
    #[inline]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_watching(value, Some(deadline), false)
    }

    /// The blocking send in its general form. With `watch`, the last living receiver's disappearance ends it.
    #[inline]
    pub fn send_watching(&self, value: T, deadline: Option<Instant>, watch: bool) -> Result<(), SendTimeoutError<T>> {
        if self.push_first(&value) { Ok(()) } else { self.send_contended(value, deadline, watch) }
    }

    #[cold]
    #[inline(never)]
    fn send_contended(&self, value: T, deadline: Option<Instant>, watch: bool) -> Result<(), SendTimeoutError<T>> {
        self.wait_to_push(deadline, watch, || self.push(&value)).map_err(|stop| match stop {
            Stop::Full => SendTimeoutError::Timeout(value),
            Stop::Closed => SendTimeoutError::Closed(value),
            Stop::Disconnected => SendTimeoutError::Disconnected(value),
            Stop::Corrupted => SendTimeoutError::Fault(value, Self::CORRUPTED),
        })
    }
}

/// Why no further message of a batch could be sent.
enum Stop {
    Full,
    Closed,
    Disconnected,
    Corrupted,
}

impl<T: NoUninit, P: Platform> Queue<'_, T, P> {
    fn push_slice(&self, values: &[T]) -> Result<usize, PushRefused> {
        let (first, count) = self.ring().try_push_slice(self.me, values, &self.hints)?;
        self.published(first);
        Ok(count)
    }

    /// Sends as many of these as there is room for, from the first on, one behind the other, and says how many: at least one,
    /// unless `values` is empty. One read-modify-write and one look at the sleepers for all. Never waits; lock-free.
    ///
    /// Each message becomes visible by itself: of a batch whose sender is killed, the first ones may arrive.
    pub fn try_send_slice(&self, values: &[T]) -> Result<usize, TrySendError<()>> {
        if values.is_empty() {
            return Ok(0);
        }
        let mut pushed = self.push_slice(values);
        if pushed == Err(PushRefused::Full) && self.make_room() {
            pushed = self.push_slice(values);
        }
        pushed.map_err(|refused| match refused {
            PushRefused::Full => TrySendError::Full(()),
            PushRefused::Closed => TrySendError::Closed(()),
            PushRefused::Corrupted => TrySendError::Fault((), Self::CORRUPTED),
        })
    }

    /// Sends all of these, in batches as large as there is room for, and waits for room as often as needed, until `deadline` at
    /// most. Messages of other senders may come between two batches. With `watch`, the last living receiver's disappearance ends it.
    pub fn send_slice_watching(
        &self,
        values: &[T],
        deadline: Option<Instant>,
        watch: bool,
    ) -> Result<(), SendSliceError> {
        let mut sent = 0;
        while sent < values.len() {
            let rest = &values[sent..];
            let stop = match self.push_slice(rest) {
                Ok(count) => {
                    sent += count;
                    continue;
                }
                Err(PushRefused::Closed) => Stop::Closed,
                Err(PushRefused::Corrupted) => Stop::Corrupted,
                Err(PushRefused::Full) => match self.wait_to_push(deadline, watch, || self.push_slice(rest)) {
                    Ok(count) => {
                        sent += count;
                        continue;
                    }
                    Err(stop) => stop,
                },
            };
            let cause = match stop {
                Stop::Full => SendTimeoutError::Timeout(()),
                Stop::Closed => SendTimeoutError::Closed(()),
                Stop::Disconnected => SendTimeoutError::Disconnected(()),
                Stop::Corrupted => SendTimeoutError::Fault((), Self::CORRUPTED),
            };
            return Err(SendSliceError { sent, cause });
        }
        Ok(())
    }

    /// Waits until `push` succeeds: what every send that blocks does.
    fn wait_to_push<R>(
        &self,
        deadline: Option<Instant>,
        watch: bool,
        push: impl Fn() -> Result<R, PushRefused>,
    ) -> Result<R, Stop> {
        let capacity = self.capacity() as u64;
        let room = || capacity.saturating_sub(self.ring().len());
        let mut reserve = Reserve::new();
        let attempt = |thorough: bool| {
            if reserve.waits_for_more(&self.platform, thorough, capacity, room) {
                return Attempt::NotYet;
            }
            match push() {
                Ok(pushed) => Attempt::Done(Ok(pushed)),
                Err(PushRefused::Full) => {
                    if thorough {
                        self.complete_closing();
                        if self.make_room() {
                            return Attempt::Again;
                        }
                        if watch && self.is_deserted(Role::Receiver) {
                            return Attempt::Done(Err(Stop::Disconnected));
                        }
                    }
                    Attempt::NotYet
                }
                Err(PushRefused::Closed) => Attempt::Done(Err(Stop::Closed)),
                Err(PushRefused::Corrupted) => Attempt::Done(Err(Stop::Corrupted)),
            }
        };
        let gate = &self.parts.control.gates.space;
        if let Some(end) = block_until(&self.platform, gate, &self.send_budget, deadline, attempt) {
            self.send_budget.learn_found(room);
            return end;
        }
        // The time may have been over before anybody looked for the dead: so that room behind a dead producer is found however
        // short the time limit.
        let mut pushed = push();
        if matches!(pushed, Err(PushRefused::Full)) && self.make_room() {
            pushed = push();
        }
        pushed.map_err(|refused| match refused {
            PushRefused::Full => Stop::Full,
            PushRefused::Closed => Stop::Closed,
            PushRefused::Corrupted => Stop::Corrupted,
        })
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Queue<'_, T, P> {
    /// Sends even if the queue is full, by taking out the oldest message, which it returns. Never waits.
    ///
    /// Several senders that overwrite at once can take each other's room; this call displaces at most one message,
    /// and reports [`Contended`](ForceSendError::Contended) with both values if even then it found no room.
    pub fn force_send(&self, value: T) -> Result<Option<T>, ForceSendError<T>> {
        let mut displaced = None;
        for _ in 0..FORCE_ATTEMPTS {
            match self.push(&value) {
                Ok(()) => return Ok(displaced),
                Err(PushRefused::Closed) if displaced.is_some() => {
                    return Err(ForceSendError::Contended { value, displaced });
                }
                Err(PushRefused::Closed) => return Err(ForceSendError::Closed(value)),
                Err(PushRefused::Corrupted) if displaced.is_some() => {
                    return Err(ForceSendError::Contended { value, displaced });
                }
                Err(PushRefused::Corrupted) => return Err(ForceSendError::Fault(value, Self::CORRUPTED)),
                Err(PushRefused::Full) if displaced.is_some() => break,
                // Full of what dead producers left: no message need go.
                Err(PushRefused::Full) if self.make_room() => {}
                Err(PushRefused::Full) => match self.try_recv() {
                    Ok(oldest) => displaced = Some(oldest),
                    Err(TryRecvError::Fault(fault)) => return Err(ForceSendError::Fault(value, fault)),
                    Err(_) => {}
                },
            }
        }
        Err(ForceSendError::Contended { value, displaced })
    }
}
