//! Receiving.

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::error::{Fault, RecvError, RecvTimeoutError, TryRecvError};
use crate::payload::check;
use crate::platform::Platform;
use crate::ring::{Missed, PopRefused};
use crate::sync::spin_hint;
use crate::time::Instant;
use crate::wait::{Attempt, block_until};

use super::presence::Role;
use super::view::{Queue, Unblocked};

/// Looks at a slow head before `try_recv` asks whether its owner is dead: about the time of a publication.
const PENDING_POLLS: u32 = if cfg!(loom) { 1 } else { 32 };
/// Repairs in one `try_recv`: each removes a dead participant's tickets, so more are not needed at once.
const REPAIRS: u32 = if cfg!(loom) { 2 } else { 64 };

impl<T: NoUninit + CheckedBitPattern, P: Platform> Queue<'_, T, P> {
    /// The common case of every receive: a message at the head, and no rival. Otherwise nothing was done.
    ///
    /// This and nothing else is inlined in the callers: what they do otherwise is one call that needs no register
    /// saved beforehand (a store before a read-modify-write has to drain first).
    #[inline(always)]
    fn pop_first(&self) -> Result<Result<T, Fault>, Missed> {
        let popped = self.ring().try_pop_first::<T>()?;
        self.parts.control.gates.space.notify(&self.platform, || 1);
        Ok(check(popped))
    }

    fn pop(&self) -> Result<Result<T, Fault>, PopRefused> {
        let (freed, popped) = self.ring().try_pop::<T>();
        if freed != 0 {
            self.parts.control.gates.space.notify(&self.platform, move || freed);
        }
        popped.map(check)
    }

    /// Receives the oldest message if there is one. Never waits; see the [module](super) for what it sees.
    ///
    /// With a message there: no system call unless a producer sleeps. `Empty` costs two loads of lines that are
    /// shared with the producer.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.pop_first() {
            Ok(value) => value.map_err(TryRecvError::Fault),
            Err(missed) => self.try_recv_contended(missed),
        }
    }

    #[cold]
    #[inline(never)]
    fn try_recv_contended(&self, missed: Missed) -> Result<T, TryRecvError> {
        if missed == Missed::Empty && !self.complete_closing() {
            return Err(TryRecvError::Empty);
        }
        match self.pop() {
            Ok(value) => value.map_err(TryRecvError::Fault),
            Err(PopRefused::Empty) if !self.complete_closing() => Err(TryRecvError::Empty),
            Err(refused) => self.try_recv_repairing(refused),
        }
    }

    #[cold]
    #[inline(never)]
    fn try_recv_repairing(&self, mut refused: PopRefused) -> Result<T, TryRecvError> {
        for _ in 0..REPAIRS {
            let mut polls = PENDING_POLLS;
            while refused == PopRefused::Pending && polls > 0 {
                spin_hint();
                polls -= 1;
                match self.pop() {
                    Ok(value) => return value.map_err(TryRecvError::Fault),
                    Err(now) => refused = now,
                }
            }
            match refused {
                PopRefused::Corrupted => return Err(TryRecvError::Fault(Self::CORRUPTED)),
                // Drained, or a ticket taken before the closing is still to be published (or its owner is dead).
                PopRefused::Empty if self.complete_closing() && self.ring().is_drained() => {
                    return Err(TryRecvError::Closed);
                }
                PopRefused::Empty if !self.complete_closing() => return Err(TryRecvError::Empty),
                PopRefused::Empty | PopRefused::Pending => {}
            }
            match self.unblock() {
                Unblocked::Empty | Unblocked::Again => {}
                Unblocked::Suspect => return Err(TryRecvError::Empty),
                Unblocked::Corrupted => return Err(TryRecvError::Fault(Self::CORRUPTED)),
            }
            match self.pop() {
                Ok(value) => return value.map_err(TryRecvError::Fault),
                Err(now) => refused = now,
            }
        }
        Err(TryRecvError::Empty)
    }

    /// Receives the oldest message, and waits for one if there is none.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_watching(None, false).map_err(|error| match error {
            RecvTimeoutError::Closed | RecvTimeoutError::Timeout => RecvError::Closed,
            RecvTimeoutError::Disconnected => RecvError::Disconnected,
            RecvTimeoutError::Fault(fault) => RecvError::Fault(fault),
        })
    }

    /// Receives, and waits at most until `deadline`. A message that is there wins over a deadline that has passed.
    #[inline]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_watching(Some(deadline), false)
    }

    /// The blocking receive in its general form. With `watch`, the last living sender's disappearance ends it.
    #[inline]
    pub fn recv_watching(&self, deadline: Option<Instant>, watch: bool) -> Result<T, RecvTimeoutError> {
        match self.pop_first() {
            Ok(value) => value.map_err(RecvTimeoutError::Fault),
            Err(_) => self.recv_contended(deadline, watch),
        }
    }

    #[cold]
    #[inline(never)]
    fn recv_contended(&self, deadline: Option<Instant>, watch: bool) -> Result<T, RecvTimeoutError> {
        let attempt = |thorough: bool| match self.pop() {
            Ok(value) => Attempt::Done(value.map_err(RecvTimeoutError::Fault)),
            Err(PopRefused::Corrupted) => Attempt::Done(Err(RecvTimeoutError::Fault(Self::CORRUPTED))),
            Err(PopRefused::Empty | PopRefused::Pending) => {
                if self.complete_closing() && self.ring().is_drained() {
                    return Attempt::Done(Err(RecvTimeoutError::Closed));
                }
                if thorough { self.look_around(watch) } else { Attempt::NotYet }
            }
        };
        block_until(&self.platform, &self.parts.control.gates.items, &self.recv_budget, deadline, attempt)
            .unwrap_or_else(|| {
                // The time may have been over before anybody looked for the dead: `try_recv` does, so that a message
                // behind a dead producer is found however short the time limit.
                self.try_recv().map_err(|error| match error {
                    TryRecvError::Empty => RecvTimeoutError::Timeout,
                    TryRecvError::Closed => RecvTimeoutError::Closed,
                    TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                    TryRecvError::Fault(fault) => RecvTimeoutError::Fault(fault),
                })
            })
    }

    /// Before a consumer sleeps: who is in the way, and is anybody left to wait for?
    fn look_around(&self, watch: bool) -> Attempt<Result<T, RecvTimeoutError>> {
        match self.unblock() {
            Unblocked::Again => Attempt::Again,
            Unblocked::Corrupted => Attempt::Done(Err(RecvTimeoutError::Fault(Self::CORRUPTED))),
            Unblocked::Suspect => Attempt::Suspect,
            Unblocked::Empty if watch && self.is_deserted(Role::Sender) => {
                // The last message of the one who left came before its leaving: look once more.
                match self.pop() {
                    Ok(value) => Attempt::Done(value.map_err(RecvTimeoutError::Fault)),
                    Err(_) if self.ring().is_empty() => Attempt::Done(Err(RecvTimeoutError::Disconnected)),
                    Err(_) => Attempt::Again,
                }
            }
            Unblocked::Empty => Attempt::NotYet,
        }
    }

    /// A copy of the oldest message, which stays. A hint: it may be gone when the call returns.
    pub fn peek(&self) -> Option<T> {
        self.ring().peek::<T>().and_then(|bytes| check(bytes).ok())
    }
}
