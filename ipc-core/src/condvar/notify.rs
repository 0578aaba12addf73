//! Notifications, and the repair after those that were killed.

use super::state::{Kind, State};
use super::words::View;
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Compare-exchanges of one call that peers may spoil in a row: then there is something else in the words than correct peers write.
const ATTEMPTS: u32 = 1 << 20;

impl View<'_> {
    /// The places that may be taken.
    pub(super) fn places(self) -> core::ops::Range<usize> {
        // Relaxed: it is raised before a place is taken, and the lock orders that before a notification.
        0..(self.words.used.load(Ordering::Relaxed) as usize).min(self.states.len())
    }

    /// Lets others check the first `count` places.
    pub(super) fn use_places(self, count: usize) {
        let used = &self.words.used;
        let mut seen = used.load(Ordering::Relaxed);
        // Each failure is another's raise, and there are no more than places.
        for _ in 0..self.states.len() {
            if seen as usize >= count {
                return;
            }
            match used.compare_exchange(seen, count as u32, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether there may be waiters.
    #[inline(always)]
    fn is_used(self) -> bool {
        self.words.used.load(Ordering::Relaxed) != 0
    }

    /// Notifies the waiter that waits longest, if there is one.
    #[inline]
    pub(super) fn notify_one<P: Platform + ?Sized>(self, platform: &P) {
        if self.is_used() {
            self.choose(platform);
        }
    }

    /// Notifies all waiters.
    #[inline]
    pub(super) fn notify_all<P: Platform + ?Sized>(self, platform: &P) {
        if self.is_used() {
            self.call_all(platform);
        }
    }

    #[cold]
    #[inline(never)]
    fn choose<P: Platform + ?Sized>(self, platform: &P) {
        self.call_crowd(platform);
        // Relaxed: not less than the tickets of the waiters that the lock has shown to the caller.
        let next_ticket = State::ticket_of(self.words.tickets.load(Ordering::Relaxed));
        for _ in 0..ATTEMPTS {
            let all = self.words.all.load(Ordering::Relaxed);
            let waiting = self.places().map(|index| (index, self.state(index)));
            let waiting = waiting.filter(|(_, state)| state.kind() == Kind::Waiting && state.ticket() >= all);
            let Some((index, state)) = waiting.min_by_key(|(_, state)| state.ticket()) else { return };
            if self.change(index, state, state.notified(next_ticket)) {
                let gate = &self.gates[index];
                gate.notify(platform, || 1);
                return;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn call_all<P: Platform + ?Sized>(self, platform: &P) {
        let next_ticket = State::ticket_of(self.words.tickets.load(Ordering::Relaxed));
        raise(&self.words.all, next_ticket);
        self.call_crowd(platform);
        for index in self.places() {
            let state = self.state(index);
            if state.kind() == Kind::Waiting && state.ticket() < next_ticket {
                let gate = &self.gates[index];
                gate.notify(platform, || 1);
            }
        }
    }

    fn call_crowd<P: Platform + ?Sized>(self, platform: &P) {
        let crowded: &AtomicU32 = &self.words.crowded;
        if crowded.load(Ordering::Relaxed) != 0 {
            self.words.calls.fetch_add(1, Ordering::Relaxed);
            self.words.crowd.notify_all(platform);
        }
    }

    /// Repairs after a dead participant: its places are free, and its notifications left behind for others, all of which are woken.
    pub(super) fn bury<P: Platform + ?Sized>(self, dead: &Dead, platform: &P) {
        // Relaxed: who is woken below reads it with the gate's barriers.
        self.words.deaths.fetch_add(1, Ordering::Relaxed);
        for index in self.places() {
            // Its notification may come between: once.
            for _ in 0..u32::BITS {
                let state = self.state(index);
                if state.owner() != Some(dead.who()) {
                    break;
                }
                let after = if state.kind() == Kind::Notified { state.left_behind() } else { State::FREE };
                if self.change(index, state, after) {
                    break;
                }
            }
        }
        self.forget_late();
        self.rouse(platform);
    }

    /// Wakes all that sleep: they check what has become of them.
    pub(super) fn rouse<P: Platform + ?Sized>(self, platform: &P) {
        for index in self.places() {
            if self.state(index) != State::FREE {
                let gate = &self.gates[index];
                gate.rouse(platform);
            }
        }
        self.words.crowd.rouse(platform);
    }

    /// Empties the places whose notifications were left behind when no other thread waits that waited when they were given. There will be
    /// none: tickets go up.
    fn forget_late(self) {
        if self.words.crowded.load(Ordering::Relaxed) != 0 {
            return;
        }
        for index in self.places() {
            let left = self.state(index);
            if left.kind() == Kind::LeftBehind
                && !self.places().any(|other| {
                    let state = self.state(other);
                    state.kind() == Kind::Waiting && state.ticket() < left.ticket()
                })
            {
                self.change(index, left, State::FREE);
            }
        }
    }
}

/// Raises a counter to `to` at least.
fn raise(word: &AtomicU64, to: u64) {
    let mut seen = word.load(Ordering::Relaxed);
    for _ in 0..ATTEMPTS {
        if seen >= to {
            return;
        }
        match word.compare_exchange(seen, to, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => seen = now,
        }
    }
}
