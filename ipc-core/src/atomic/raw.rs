//! The value's word, and the event count beside it.

use super::value::{Integer, Value, Word};
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::{Attempt, EventCount, SpinBudget, block_until};

/// The words of a cell, both on one cache line.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct RawAtomic<T: Value> {
    value: T::Word,
    /// Whoever waits for a condition sleeps here.
    gate: EventCount,
}

impl<T: Value> RawAtomic<T> {
    /// A cell in a model.
    #[cfg(loom)]
    pub fn new(value: T::Word) -> Self {
        RawAtomic { value, gate: EventCount::new() }
    }

    /// Writes the first value. The caller has the words to itself.
    #[cfg(not(loom))]
    pub(crate) fn initialise(&self, value: T) {
        self.value.initialise(value.into_bits());
        self.gate.initialise();
    }

    /// The value. One load.
    #[inline(always)]
    pub fn load(&self) -> T {
        T::from_bits(self.value.load())
    }

    /// After a change: wakes whoever waits for one.
    #[inline(always)]
    fn changed<P: Platform + ?Sized>(&self, platform: &P, old: <T::Word as Word>::Bits) -> T {
        self.gate.notify_all(platform);
        T::from_bits(old)
    }

    /// Puts a value in, and returns the one that was there. Wait-free.
    #[inline(always)]
    pub fn swap<P: Platform + ?Sized>(&self, platform: &P, value: T) -> T {
        self.changed(platform, self.value.swap(value.into_bits()))
    }

    /// Puts `new` in if `current` is there. Either way the value that was there, as the standard atomics have it. Wait-free.
    #[inline(always)]
    pub fn compare_exchange<P: Platform + ?Sized>(&self, platform: &P, current: T, new: T) -> Result<T, T> {
        match self.value.compare_exchange(current.into_bits(), new.into_bits()) {
            Ok(old) => Ok(self.changed(platform, old)),
            Err(other) => Err(T::from_bits(other)),
        }
    }

    /// Replaces the value by what `change` makes of it, unless that is `None`. `change` may be called several times.
    /// Lock-free. `Ok` is the value before, `Err` the one that was left alone.
    #[inline]
    pub fn fetch_update<P: Platform + ?Sized>(
        &self,
        platform: &P,
        mut change: impl FnMut(T) -> Option<T>,
    ) -> Result<T, T> {
        let mut bits = self.value.load();
        loop {
            let value = T::from_bits(bits);
            let Some(new) = change(value) else { return Err(value) };
            match self.value.compare_exchange(bits, new.into_bits()) {
                Ok(old) => return Ok(self.changed(platform, old)),
                Err(now) => bits = now,
            }
        }
    }

    /// Bitwise and. Wait-free.
    #[inline(always)]
    pub fn fetch_and<P: Platform + ?Sized>(&self, platform: &P, value: T) -> T {
        self.changed(platform, self.value.fetch_and(value.into_bits()))
    }

    /// Bitwise or. Wait-free.
    #[inline(always)]
    pub fn fetch_or<P: Platform + ?Sized>(&self, platform: &P, value: T) -> T {
        self.changed(platform, self.value.fetch_or(value.into_bits()))
    }

    /// Bitwise exclusive or. Wait-free.
    #[inline(always)]
    pub fn fetch_xor<P: Platform + ?Sized>(&self, platform: &P, value: T) -> T {
        self.changed(platform, self.value.fetch_xor(value.into_bits()))
    }

    /// Waits until `take` makes a new value of the one that is there, and puts that in: the value before. `None` is the
    /// time-out. A condition that holds wins over a deadline that has passed.
    pub fn wait_update<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        deadline: Option<Instant>,
        mut take: impl FnMut(T) -> Option<T>,
    ) -> Option<T> {
        if let Ok(old) = self.fetch_update(platform, &mut take) {
            return Some(old);
        }
        block_until(platform, &self.gate, budget, deadline, |_| {
            self.fetch_update(platform, &mut take).map_or(Attempt::NotYet, Attempt::Done)
        })
    }

    /// Waits until `condition` holds: the value with which it did. `None` is the time-out.
    pub fn wait_until<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        deadline: Option<Instant>,
        mut condition: impl FnMut(T) -> bool,
    ) -> Option<T> {
        let mut look = || Some(self.load()).filter(|value| condition(*value));
        if let Some(value) = look() {
            return Some(value);
        }
        block_until(platform, &self.gate, budget, deadline, |_| look().map_or(Attempt::NotYet, Attempt::Done))
    }

    /// Wakes whoever sleeps: a dead participant may have owed it.
    pub fn rouse<P: Platform + ?Sized>(&self, platform: &P) {
        self.gate.notify_all(platform);
    }
}

impl<T: Integer> RawAtomic<T> {
    /// Adds, and wraps around at the end of the type's range. Wait-free.
    #[inline(always)]
    pub fn fetch_add<P: Platform + ?Sized>(&self, platform: &P, value: T) -> T {
        self.changed(platform, self.value.fetch_add(value.into_bits()))
    }

    /// Subtracts, and wraps around at the end of the type's range. Wait-free.
    #[inline(always)]
    pub fn fetch_sub<P: Platform + ?Sized>(&self, platform: &P, value: T) -> T {
        self.changed(platform, self.value.fetch_sub(value.into_bits()))
    }
}
