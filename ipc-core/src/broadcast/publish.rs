//! Publishing.

use bytemuck::NoUninit;

use super::handle::Broadcast;
use super::words::{View, stamp};
use crate::error::{Fault, PublishError, PublishTimeoutError, Refused, TryPublishError};
use crate::mutex::Turn;
use crate::participant::Findings;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{Ordering, fence};
use crate::time::{Limit, Waits};
use crate::timed::timed;
use crate::wait::{Attempt, SpinBudget, block_for_room};

impl View<'_> {
    /// Takes the publishers' lock. Without `waits`, a caller gets [`Busy`](Refused::Busy) if a living publisher has it for a
    /// millisecond more than a copy takes.
    #[inline]
    pub(super) fn turn<'a, P: Platform>(
        &'a self,
        platform: &'a P,
        budget: &SpinBudget,
        waits: Option<&mut Waits<'_, P::Deadline>>,
    ) -> Result<Turn<'a, P>, Refused> {
        let lock = &self.words.front.lock;
        match waits {
            Some(waits) => lock.turn_within(platform, budget, waits),
            None => lock.patient_turn(platform),
        }
    }

    /// Publishes a message, and returns its position. Waits for other publishers if there are `waits`, and not for subscribers.
    fn publish<T: NoUninit, P: Platform>(
        &self,
        platform: &P,
        value: &T,
        budget: &SpinBudget,
        waits: Option<&mut Waits<'_, P::Deadline>>,
    ) -> Result<u64, Refused> {
        if payload::stride::<T>() != self.stride {
            return Err(Refused::Fault(Fault::Corrupted));
        }
        let turn = self.turn(platform, budget, waits)?;
        let front = &self.words.front;
        // Under the lock.
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        // Relaxed, all of these: under the lock.
        let position = front.tail.load(Ordering::Relaxed);
        if !self.cursors.is_empty() {
            self.make_sure_of_room(position)?;
        }
        let slot = self.slot(position);
        slot[0].store(stamp(position).wrapping_sub(1), Ordering::Relaxed);
        // Release, "overwritten".
        fence(Ordering::Release);
        payload::store(value, &slot[1..]);
        slot[0].store(stamp(position), Ordering::Relaxed);
        // Release, "published".
        front.tail.store(position.wrapping_add(1), Ordering::Release);
        drop(turn);
        self.words.gates.items.notify_all(platform);
        Ok(position)
    }

    /// Whether the message of `position` overwrites none that a subscriber has still to read. Under the lock.
    fn make_sure_of_room(&self, position: u64) -> Result<(), Refused> {
        let limit = &self.words.front.limit;
        // Cursors only move on, and a new subscriber puts the limit back.
        if limit.load(Ordering::Relaxed).wrapping_sub(position) as i64 > 0 {
            return Ok(());
        }
        let end = self.slowest(position)?.wrapping_add(self.capacity);
        limit.store(end, Ordering::Relaxed);
        if end == position { Err(Refused::NotNow) } else { Ok(()) }
    }

    /// How many messages fitted a moment ago.
    fn room(&self) -> u64 {
        let tail = self.tail();
        // Corrupted: let the publishing find that.
        self.slowest(tail).map_or(self.capacity, |slowest| self.capacity.saturating_sub(tail.wrapping_sub(slowest)))
    }

    /// The position of the slowest subscriber; `tail` if there is none.
    fn slowest(&self, tail: u64) -> Result<u64, Refused> {
        let mut most = 0;
        for cursor in self.cursors {
            if cursor.holder().is_some() {
                // Acquire, "free".
                let behind = tail.wrapping_sub(cursor.next.load(Ordering::Acquire));
                if behind > self.capacity {
                    return Err(Refused::Fault(Fault::Corrupted));
                }
                most = most.max(behind);
            }
        }
        Ok(tail.wrapping_sub(most))
    }

    /// Drops the cursors of dead subscribers that are among the slowest. Returns whether there was one. A system call for each.
    #[cold]
    fn drop_dead<P: Platform + ?Sized>(&self, platform: &P) -> Result<bool, Fault> {
        let mut found = Findings::default();
        let tail = self.tail();
        for cursor in self.cursors {
            let Some(holder) = cursor.holder() else { continue };
            if tail.wrapping_sub(cursor.next.load(Ordering::Relaxed)) < self.capacity {
                continue;
            }
            found.ask(platform, holder, |dead| self.sweep(dead, platform));
        }
        found.found()
    }
}

impl<T: NoUninit, P: Platform> Broadcast<'_, T, P> {
    #[inline]
    fn publish_now(&self, value: &T, waits: Option<&mut Waits<'_, P::Deadline>>) -> Result<u64, Refused> {
        self.here()?;
        self.view.publish(&self.platform, value, &self.lock_budget, waits)
    }

    /// Publishes a message if no subscriber is in the way, and returns its number, from 0.
    ///
    /// Waits for other publishers for about the time of a copy, or for up to a millisecond if one was preempted. It does not wait for
    /// subscribers. Where publishers wait for those, dead ones that are in the way are dropped (a system call or two).
    ///
    /// # Errors
    ///
    /// [`Full`](TryPublishError::Full), [`Closed`](TryPublishError::Closed). The error holds the value.
    pub fn try_publish(&self, value: T) -> Result<u64, TryPublishError<T>> {
        self.try_publish_copy(&value).map_err(|refused| TryPublishError::of(refused, value))
    }

    #[inline]
    pub(super) fn try_publish_copy(&self, value: &T) -> Result<u64, Refused> {
        match self.publish_now(value, None) {
            Err(Refused::NotNow) if self.view.drop_dead(&self.platform) == Ok(true) => self.publish_now(value, None),
            published => published,
        }
    }

    /// Publishes a message, and returns its number, from 0. Where publishers wait for subscribers, it blocks for the slowest one.
    ///
    /// A blocked publisher is woken when a subscriber has read a quarter of what is kept, or all there is. Other room (a subscriber
    /// has read one message of many and stopped there) it finds within some milliseconds.
    ///
    /// # Errors
    ///
    /// [`Closed`](PublishError::Closed). The error holds the value.
    #[doc(alias = "send")]
    #[inline]
    pub fn publish(&self, value: T) -> Result<u64, PublishError<T>> {
        self.publish_within(&value, &Limit::Forever).map_err(|refused| PublishError::of(refused, value))
    }

    timed! {
        publish_timeout, publish_deadline, publish, "Publishes a message",
        [&self, value: T] limit [] -> Result<u64, PublishTimeoutError<T>> {
            self.publish_within(&value, limit).map_err(|refused| PublishTimeoutError::of(refused, value))
        }
    }

    #[inline]
    pub(super) fn publish_within(&self, value: &T, limit: &Limit<P::Deadline>) -> Result<u64, Refused> {
        // One time limit for the lock and for subscribers.
        let mut waits = limit.over_all_waits();
        match self.publish_now(value, Some(&mut waits)) {
            Err(Refused::NotNow) => self.publish_contended(value, waits),
            published => published,
        }
    }

    #[cold]
    fn publish_contended(&self, value: &T, mut waits: Waits<'_, P::Deadline>) -> Result<u64, Refused> {
        let deadline = waits.deadline(&self.platform);
        let attempt = |thorough: bool| {
            match self.publish_now(value, Some(&mut waits)) {
                Err(Refused::NotNow) if thorough => match self.view.drop_dead(&self.platform) {
                    Ok(true) => Attempt::Again,
                    Ok(false) => Attempt::Suspect,
                    Err(_) => Attempt::Unknown,
                },
                // The subscriber in the way may die, or read no more than a few messages: neither wakes us.
                Err(Refused::NotNow) => Attempt::Suspect,
                result => Attempt::Done(result),
            }
        };
        let (gate, room) = (&self.view.words.gates.space, || self.view.room());
        block_for_room(&self.platform, gate, &self.budget, deadline, self.view.capacity, room, attempt)
            .unwrap_or_else(|unmet| Err(unmet.or_fault(Refused::NotNow)))
    }
}
