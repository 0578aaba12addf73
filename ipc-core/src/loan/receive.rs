//! Receiving.

use super::guard::Received;
use super::halves::{Receiver, Watch};
use super::handle::LoanQueue;
use crate::ends::{Counted, Role, iterators};
use crate::error::{Fault, RecvError, RecvTimeoutError, Refused, TryRecvError};
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_for_expected};

/// The verbs of whatever receives: both have a method `watched`.
macro_rules! recv_verbs {
    ($receives:ident, $note:literal $(, $disconnected:literal)?) => {
        impl<'m, T, P: Platform> $receives<'m, T, P> {
            /// Takes the oldest message, if there is one. Never waits; lock-free.
            ///
            /// # Errors
            ///
            /// [`Empty`](TryRecvError::Empty);
            #[doc = concat!("[`Closed`](TryRecvError::Closed) once the queue is closed and drained", $("; [`Disconnected`](TryRecvError::Disconnected)", $disconnected,)? $note)]
            #[inline]
            pub fn try_recv(&self) -> Result<Received<'_, 'm, T, P>, TryRecvError> {
                let (queue, watch) = self.watched();
                Ok(queue.recv_now(watch)?)
            }

            /// Takes the oldest message. Blocks while there is none: polls for some microseconds, lets others run, then sleeps.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Closed`](RecvError::Closed) once the queue is closed and drained", $("; [`Disconnected`](RecvError::Disconnected)", $disconnected,)? $note)]
            #[inline]
            pub fn recv(&self) -> Result<Received<'_, 'm, T, P>, RecvError> {
                let (queue, watch) = self.watched();
                Ok(queue.recv_within(&Limit::Forever, watch)?)
            }

            timed! {
                recv_timeout, recv_deadline, recv, "Takes the oldest message",
                [&self] limit [] -> Result<Received<'_, 'm, T, P>, RecvTimeoutError> {
                    let (queue, watch) = self.watched();
                    Ok(queue.recv_within(limit, watch)?)
                }
            }
        }

        iterators!(lent $receives<T: Sized>, Received, RecvError, TryRecvError, recv, try_recv);
    };
}
recv_verbs!(LoanQueue, ".");
recv_verbs!(
    Receiver,
    ". That the last sender was killed is noticed within half a second by a call that waits, within a thousand calls otherwise.",
    " once the queue is empty and the last sender half has left"
);

impl<'m, T, P: Platform> LoanQueue<'m, T, P> {
    #[inline(always)]
    fn recv_now(&self, watch: Watch<'_, 'm, T, P>) -> Result<Received<'_, 'm, T, P>, Refused> {
        self.here()?;
        match self.take() {
            Err(Refused::NotNow) if watch.is_some_and(|half| half.is_deserted_now()) => self.take_last(),
            received => received,
        }
    }

    /// The blocking receive in its general form. With `watch`, the last living sender's disappearance ends it.
    #[inline(always)]
    fn recv_within(
        &self,
        limit: &Limit<P::Deadline>,
        watch: Watch<'_, 'm, T, P>,
    ) -> Result<Received<'_, 'm, T, P>, Refused> {
        self.here()?;
        match self.take() {
            Err(Refused::NotNow) => self.recv_contended(limit, watch.is_some()),
            received => received,
        }
    }

    #[inline(always)]
    fn take(&self) -> Result<Received<'_, 'm, T, P>, Refused> {
        match self.view.receive(self.platform.me()) {
            Ok(Some(index)) => self.measured(index),
            Ok(None) => self.why_empty(),
            Err(fault) => Err(fault.into()),
        }
    }

    /// For a receiver that has found the senders gone: their last message came before their leaving.
    fn take_last(&self) -> Result<Received<'_, 'm, T, P>, Refused> {
        match self.take() {
            Err(Refused::NotNow) => Err(Refused::Disconnected),
            received => received,
        }
    }

    #[cold]
    #[inline(never)]
    fn why_empty(&self) -> Result<Received<'_, 'm, T, P>, Refused> {
        if !self.view.is_closed() {
            return Err(Refused::NotNow);
        }
        // What was sent before the closing is visible now.
        match self.view.receive(self.platform.me())? {
            Some(index) => self.measured(index),
            None => Err(Refused::Closed),
        }
    }

    #[inline(always)]
    fn measured(&self, index: usize) -> Result<Received<'_, 'm, T, P>, Refused> {
        let len = self.view.message_len(index);
        if len > self.block_len() as u64 {
            self.view.give_back(&self.platform, index);
            return Err(Fault::Corrupted.into());
        }
        Ok(Received::new(self, index, len as usize))
    }

    #[cold]
    #[inline(never)]
    fn recv_contended(&self, limit: &Limit<P::Deadline>, watch: bool) -> Result<Received<'_, 'm, T, P>, Refused> {
        let deadline = limit.deadline(&self.platform);
        // Relaxed: a hint in private memory.
        let expected = self.expected.load(Ordering::Relaxed) as usize;
        let attempt = |thorough: bool| match self.take() {
            Err(Refused::NotNow) if thorough && watch => {
                Attempt::after(self.find_deserted(Role::Sender), || Attempt::Done(self.take_last()))
            }
            Err(Refused::NotNow) => Attempt::NotYet,
            result => {
                if let Ok(received) = &result {
                    self.expected.store(received.block() as u32 + 1, Ordering::Relaxed);
                }
                Attempt::Done(result)
            }
        };
        let (gate, capacity) = (self.view.gate(Role::Receiver), || self.blocks() as u64);
        let more = || self.view.counts().2;
        let prefetch = || {
            if !self.is_large() {
                self.view.prefetch_expected(expected);
            }
        };
        block_for_expected(&self.platform, gate, &self.recv_budget, deadline, capacity, more, prefetch, attempt)
            .unwrap_or_else(|unmet| Err(unmet.or_fault(Refused::NotNow)))
    }
}
