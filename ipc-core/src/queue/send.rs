//! Sending.

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::error::{ForceSendError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use crate::platform::Platform;
use crate::ring::{Position, PushRefused};
use crate::time::Instant;
use crate::wait::{Attempt, block_until};

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
        enum End {
            Sent,
            Closed,
            Disconnected,
            Corrupted,
        }
        let attempt = |thorough: bool| match self.push(&value) {
            Ok(()) => Attempt::Done(End::Sent),
            Err(PushRefused::Full) => {
                if thorough {
                    self.complete_closing();
                    if self.make_room() {
                        return Attempt::Again;
                    }
                    if watch && self.is_deserted(Role::Receiver) {
                        return Attempt::Done(End::Disconnected);
                    }
                }
                Attempt::NotYet
            }
            Err(PushRefused::Closed) => Attempt::Done(End::Closed),
            Err(PushRefused::Corrupted) => Attempt::Done(End::Corrupted),
        };
        match block_until(&self.platform, &self.parts.control.gates.space, &self.send_budget, deadline, attempt) {
            Some(End::Sent) => Ok(()),
            Some(End::Closed) => Err(SendTimeoutError::Closed(value)),
            Some(End::Disconnected) => Err(SendTimeoutError::Disconnected(value)),
            Some(End::Corrupted) => Err(SendTimeoutError::Fault(value, Self::CORRUPTED)),
            // The time may have been over before anybody looked for the dead: `try_send` does, so that room behind a dead
            // producer is found however short the time limit.
            None => self.try_send(value).map_err(|error| match error {
                TrySendError::Full(value) => SendTimeoutError::Timeout(value),
                TrySendError::Closed(value) => SendTimeoutError::Closed(value),
                TrySendError::Disconnected(value) => SendTimeoutError::Disconnected(value),
                TrySendError::Fault(value, fault) => SendTimeoutError::Fault(value, fault),
            }),
        }
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
