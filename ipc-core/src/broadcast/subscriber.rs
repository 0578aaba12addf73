//! Subscribing and receiving.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::words::{Stats, View, stamp};
use crate::ends::{Counted, Role, messages};
use crate::error::{
    Fault, RecvBroadcastError, RecvBroadcastTimeoutError, Refused, SubscribeError, TryRecvBroadcastError,
};
use crate::here::Here;
use crate::object::waits;
use crate::participant::{Findings, OwnerBits};
use crate::payload::{self, is_value};
use crate::platform::{Located, Platform};
use crate::sync::private::AtomicU32;
use crate::sync::{Ordering, fence, spin_hint};
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, SpinBudget, Unmet, WaitStrategy, block_for_message};

/// Copies that publishers may spoil in a row before the words are declared corrupted.
const ATTEMPTS: u32 = crate::sync::bound(1 << 16, 3);
/// How long a new subscriber waits for a living publisher in the middle of a copy.
const JOIN_PATIENCE: Duration = Duration::from_secs(10);

impl View<'_> {
    /// Begins a subscription: the next position, `back` messages back from the newest if as many are kept; and the cursor, if
    /// publishers wait for subscribers.
    fn subscribe<P: Platform>(
        &self,
        platform: &P,
        back: u64,
        budget: &SpinBudget,
    ) -> Result<(u64, Option<usize>), SubscribeError> {
        let start = |tail: u64| tail.wrapping_sub(back.min(self.capacity).min(tail));
        if self.cursors.is_empty() {
            return Ok((start(self.tail()), None));
        }
        // Under the lock, so that nothing is overwritten between the load of `tail` and the cursor's appearance.
        let patience = Limit::For(JOIN_PATIENCE);
        let _turn =
            self.turn(platform, budget, Some(&mut patience.over_all_waits())).map_err(|refused| match refused {
                Refused::Fault(fault) => SubscribeError::Fault(fault),
                _ => SubscribeError::Busy,
            })?;
        let tail = self.words.front.tail.load(Ordering::Relaxed);
        for _ in 0..2 {
            if let Some(index) = self.cursors.iter().position(|cursor| cursor.holder().is_none()) {
                let cursor = &self.cursors[index];
                cursor.next.store(start(tail), Ordering::Relaxed);
                // Relaxed: under the lock. It may begin at an older message than all others.
                self.words.front.limit.store(tail, Ordering::Relaxed);
                // Release: the position comes first.
                cursor.owner.store(OwnerBits::LOW.name32(platform.me()), Ordering::Release);
                return Ok((start(tail), Some(index)));
            }
            for cursor in self.cursors {
                if let Some(holder) = cursor.holder() {
                    Findings::default().ask(platform, holder, |dead| self.sweep(dead, platform));
                }
            }
        }
        Err(SubscribeError::Full { max: self.cursors.len() as u32 })
    }

    /// Ends a subscription.
    fn unsubscribe<P: Platform + ?Sized>(&self, platform: &P, cursor: Option<usize>) {
        if let Some(cursor) = cursor.and_then(|index| self.cursors.get(index)) {
            // Release, "free": all that it read.
            cursor.owner.store(0, Ordering::Release);
            self.words.gates.space.notify_all(platform);
        }
    }

    /// Copies the message of position `next` to `value`, if it was published. Then `next` is the one behind it. `false`: it was not.
    #[inline]
    fn receive<T, P: Platform + ?Sized>(
        &self,
        platform: &P,
        next: &mut u64,
        cursor: Option<usize>,
        value: &mut MaybeUninit<T>,
    ) -> Result<bool, RecvBroadcastError> {
        if payload::stride::<T>() != self.stride {
            return Err(RecvBroadcastError::Fault(Fault::Corrupted));
        }
        for _ in 0..ATTEMPTS {
            let tail = self.tail();
            let behind = tail.wrapping_sub(*next);
            if behind == 0 {
                return Ok(false);
            }
            if behind > 1 << 63 {
                return Err(RecvBroadcastError::Fault(Fault::Corrupted));
            }
            if behind <= self.capacity {
                let slot = self.slot(*next);
                // Relaxed: "published" has shown us at least its own stamp.
                if slot[0].load(Ordering::Relaxed) == stamp(*next) {
                    payload::load_into(&slot[1..], value);
                    // Acquire, "overwritten".
                    fence(Ordering::Acquire);
                    if slot[0].load(Ordering::Relaxed) == stamp(*next) {
                        *next = next.wrapping_add(1);
                        self.moved_on(platform, *next, tail, cursor);
                        return Ok(true);
                    }
                }
            }
            // Overwritten, or about to be: the oldest that is safe is the one behind.
            let oldest = self.tail().wrapping_sub(self.capacity);
            let missed = oldest.wrapping_sub(*next);
            if missed as i64 > 0 {
                *next = oldest;
                self.moved_on(platform, *next, tail, cursor);
                return Err(RecvBroadcastError::Lagged(missed));
            }
            if behind == self.capacity {
                // The publisher of the message that takes its place is at work, and `tail` has not moved yet.
                *next = next.wrapping_add(1);
                self.moved_on(platform, *next, tail, cursor);
                return Err(RecvBroadcastError::Lagged(1));
            }
            spin_hint();
        }
        Err(RecvBroadcastError::Fault(Fault::Corrupted))
    }

    /// The subscriber of this cursor wants `next` now, and has seen `tail`.
    ///
    /// Subscribers wake a sleeping publisher only when they cross a quarter of the ring or have read everything. If each message read
    /// woke it, it would find room for that one, or none behind another subscriber, and sleep again. What that leaves out, it finds
    /// when it looks by itself.
    #[inline]
    fn moved_on<P: Platform + ?Sized>(&self, platform: &P, next: u64, tail: u64, cursor: Option<usize>) {
        if let Some(cursor) = cursor.and_then(|index| self.cursors.get(index)) {
            // Release, "free".
            cursor.next.store(next, Ordering::Release);
            if next & (self.mask / 4) == 0 || next == tail {
                self.words.gates.space.notify_all(platform);
            }
        }
    }
}

/// One that sees every message of a broadcast from where it began. Made by [`Broadcast::subscribe`](super::Broadcast::subscribe).
/// The subscription ends when it is dropped.
#[must_use = "the subscription ends when this is dropped"]
pub struct Subscriber<'m, T, P: Platform> {
    pub(super) view: View<'m>,
    next: u64,
    cursor: Option<usize>,
    /// Attempts that found no message.
    tries: AtomicU32,
    budget: SpinBudget,
    pub(super) platform: P,
    element: PhantomData<fn(T) -> T>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T, P: Platform + fmt::Debug> fmt::Debug for Subscriber<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("name", &self.platform).field("next", &self.next).finish_non_exhaustive()
    }
}

messages!(Subscriber<T: NoUninit, CheckedBitPattern>, RecvBroadcastError, TryRecvBroadcastError);

crate::object::named!([T, P: Platform] Subscriber<'_, T, P>, Broadcast, self => self.platform);

impl<'m, T, P: Platform> Subscriber<'m, T, P> {
    pub(super) fn begin(
        view: View<'m>,
        platform: P,
        back: u64,
        strategy: WaitStrategy,
    ) -> Result<Self, SubscribeError> {
        let budget = SpinBudget::new(&platform);
        budget.set_wait_strategy(strategy);
        let (next, cursor) = view.subscribe(&platform, back, &budget)?;
        Ok(Subscriber { view, next, cursor, tries: AtomicU32::new(0), budget, platform, element: PhantomData })
    }

    waits!(self => self.budget);

    fn platform(&self) -> &P {
        &self.platform
    }

    /// The broadcast's name in its region.
    pub fn name(&self) -> &str
    where
        P: Located,
    {
        self.platform.name()
    }

    /// The region that the broadcast lives in.
    pub fn region(&self) -> P::Region
    where
        P: Located,
    {
        self.platform.region()
    }

    /// The number of the next message, as [`publish`](super::Broadcast::publish) returns it.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// The number of messages still to read, with those that were missed already: a snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.platform.assert_here();
        self.view.tail().wrapping_sub(self.next)
    }

    /// Whether all messages were read: a snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the broadcast's figures. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    /// How many messages are kept.
    pub fn capacity(&self) -> usize {
        self.view.capacity as usize
    }

    /// Whether [counted publishers](super::Publisher) existed and no living process has one any more. There may still be messages to
    /// read. A system call or more.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.platform.assert_here();
        self.is_deserted(Role::Sender)
    }

    /// Whether the broadcast is closed. There may still be messages to read.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.is_closed()
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> Subscriber<'m, T, P> {
    /// Copies the next message to `value`; `false` if there is none yet.
    #[inline]
    pub(super) fn next_message(&mut self, value: &mut MaybeUninit<T>) -> Result<bool, RecvBroadcastError> {
        self.platform.here()?;
        Ok(self.receive(value)? || self.next_message_at_the_end(value)?)
    }

    #[inline]
    fn receive(&mut self, value: &mut MaybeUninit<T>) -> Result<bool, RecvBroadcastError> {
        if !self.view.receive(&self.platform, &mut self.next, self.cursor, value)? {
            return Ok(false);
        }
        // SAFETY: copied from cells of the ring.
        if unsafe { is_value(value) } { Ok(true) } else { Err(Fault::InvalidValue.into()) }
    }

    /// For a caller that has found no message.
    #[cold]
    fn next_message_at_the_end(&mut self, value: &mut MaybeUninit<T>) -> Result<bool, RecvBroadcastError> {
        let end = if self.view.is_closed() {
            RecvBroadcastError::Closed
        } else if self.is_deserted_now(Role::Sender, &self.tries) {
            RecvBroadcastError::Disconnected
        } else {
            return Ok(false);
        };
        // What was published before the end is visible now.
        if self.receive(value)? { Ok(true) } else { Err(end) }
    }

    /// Receives the next message, if there is one. Never waits; a system call only if a publisher sleeps.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvBroadcastError::Empty); [`Lagged`](TryRecvBroadcastError::Lagged) with the number of messages that were
    /// overwritten before this subscriber came to them, after which it goes on with the oldest;
    /// [`Closed`](TryRecvBroadcastError::Closed) once the broadcast is closed and read to its end;
    /// [`Disconnected`](TryRecvBroadcastError::Disconnected) once it is read to its end and the last
    /// [counted publisher](super::Publisher) is gone. That the last one was killed is noticed within a thousand tries.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvBroadcastError> {
        let mut value = MaybeUninit::uninit();
        if !self.next_message(&mut value)? {
            return Err(TryRecvBroadcastError::Empty);
        }
        // SAFETY: copied, and a value.
        Ok(unsafe { value.assume_init() })
    }

    /// Receives the next message; blocks until there is one.
    ///
    /// # Errors
    ///
    /// The errors of [`try_recv`](Self::try_recv), except `Empty`. That the last publisher was killed is noticed within a tenth of a
    /// second.
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvBroadcastError> {
        // The end of time does not come.
        self.recv_within(&Limit::Forever, RecvBroadcastError::Fault(Fault::Corrupted))
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Receives the next message",
        [&mut self] limit [] -> Result<T, RecvBroadcastTimeoutError> {
            self.recv_within(limit, RecvBroadcastTimeoutError::Timeout)
        }
    }

    /// The blocking receive in its general form. The error is `late` if the time was over.
    #[inline]
    fn recv_within<E: From<RecvBroadcastError>>(&mut self, limit: &Limit<P::Deadline>, late: E) -> Result<T, E> {
        let mut value = MaybeUninit::uninit();
        if !self.recv_to(&mut value, limit)? {
            return Err(late);
        }
        // SAFETY: copied, and a value.
        Ok(unsafe { value.assume_init() })
    }

    /// `false`: the time was over.
    #[inline]
    pub(super) fn recv_to(
        &mut self,
        value: &mut MaybeUninit<T>,
        limit: &Limit<P::Deadline>,
    ) -> Result<bool, RecvBroadcastError> {
        Ok(self.next_message(value)? || self.recv_contended(limit, value)?)
    }

    /// `false`: the time was over.
    #[cold]
    fn recv_contended(
        &mut self,
        limit: &Limit<P::Deadline>,
        value: &mut MaybeUninit<T>,
    ) -> Result<bool, RecvBroadcastError> {
        let (view, next) = (self.view, self.next);
        let deadline = limit.deadline(&self.platform);
        loop {
            let attempt = |thorough: bool| {
                let over = view.tail() != next || view.is_closed() || view.words.publishers.is_left();
                if over {
                    return Attempt::Done(());
                }
                // Removes dead publishers.
                let deserted = if thorough { self.find_deserted(Role::Sender) } else { Ok(false) };
                Attempt::after(deserted, || Attempt::Done(()))
            };
            let (gate, capacity, more) = (&view.words.gates.items, || view.capacity, || self.len());
            match block_for_message(&self.platform, gate, &self.budget, deadline, capacity, more, attempt) {
                Ok(()) => {}
                Err(Unmet::TimedOut) => return Ok(false),
                Err(Unmet::Unknown) => return Err(Fault::DeathsUnknown.into()),
            }
            // Otherwise the publishers had left, and there is a new one.
            if self.next_message(value)? {
                return Ok(true);
            }
        }
    }
}

impl<T, P: Platform> Drop for Subscriber<'_, T, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.view.unsubscribe(&self.platform, self.cursor);
        }
    }
}
