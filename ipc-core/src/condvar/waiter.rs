//! One wait: it takes a place, sleeps until it is notified, and leaves.

use super::state::{Kind, State};
use super::words::View;
use crate::participant::Seized;
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::time::Instant;
use crate::wait::{Attempt, Post, SpinBudget, block_alone};

/// Where a waiter waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    Place(usize),
    /// Among those that found no place, after this number of their notifications.
    Crowd(u32),
    /// Its time was over.
    Left,
}

/// A thread from its announcement to the end of its wait.
#[derive(Debug)]
pub(super) struct Waiter<'m> {
    view: View<'m>,
    ticket: u64,
    spot: Spot,
    /// Repairs after dead participants before its last look.
    deaths: u32,
}

/// Whether a waiter checks a condition, and may be sent to do that for other reasons than a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// It has none.
    Never,
    /// It has one.
    First,
    /// It has checked it after a sleep, and sleeps again.
    Again,
}

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By a notification.
    Notified,
    /// The time was over; the waiter has left.
    TimedOut,
    /// The holder of the lock has died, as it seems.
    HolderDied,
    /// Some time has passed, or a participant has died: the caller has to check its condition.
    Unsure,
}

impl<'m> View<'m> {
    /// Announces a waiter. The caller still holds the lock: a notifier that takes it later finds the announcement.
    pub(super) fn enter<P: Platform + ?Sized>(self, platform: &P) -> Waiter<'m> {
        // Relaxed throughout: the lock orders the announcement before the notification.
        let ticket = State::ticket_of(self.words.tickets.fetch_add(1, Ordering::Relaxed));
        let deaths = self.words.deaths.load(Ordering::Relaxed);
        let place = (0..self.states.len()).find(|index| self.take(*index, State::waiting(ticket, platform.me())));
        let spot = place.map_or_else(|| self.join_crowd(), Spot::Place);
        Waiter { view: self, ticket, spot, deaths }
    }

    fn take(self, index: usize, state: State) -> bool {
        if self.state(index) != State::FREE {
            return false;
        }
        // First: a place that is taken is one that sweeps check.
        self.use_places(index + 1);
        self.change(index, State::FREE, state)
    }

    fn join_crowd(self) -> Spot {
        self.words.crowded.fetch_add(1, Ordering::Relaxed);
        Spot::Crowd(self.words.calls.load(Ordering::Relaxed))
    }
}

impl Waiter<'_> {
    /// Blocks until notified, or until `deadline`. `holder_died` is asked after each sleep, and the caller then checks its condition if
    /// it has one.
    pub(super) fn sleep<P: Platform + ?Sized>(
        &mut self,
        platform: &P,
        budget: &SpinBudget,
        deadline: Option<Instant>,
        check: Check,
        holder_died: impl Fn() -> bool,
    ) -> End {
        let View { words, gates, .. } = self.view;
        let gate = if let Spot::Place(index) = self.spot { &gates[index] } else { &words.crowd };
        let post = Post::of(gate, words.crowd.rota()).tired(check == Check::Again);
        let mut first = true;
        let ended = block_alone(platform, post, budget, deadline, |drowsy| {
            if self.is_notified() {
                return Attempt::Done(End::Notified);
            }
            if !drowsy {
                return Attempt::NotYet;
            }
            let slept = !core::mem::replace(&mut first, false);
            if slept {
                self.bury_the_notified(platform);
            }
            if self.inherit(platform) {
                return Attempt::Done(End::Notified);
            }
            if check != Check::Never && (slept || self.heard_of_a_death()) {
                return Attempt::Done(End::Unsure);
            }
            if slept && holder_died() { Attempt::Done(End::HolderDied) } else { Attempt::NotYet }
        });
        match ended {
            Ok((End::Notified, true)) => {
                // Its notifier may have been killed, and owe the others a wake-up as well.
                self.view.rouse(platform);
                End::Notified
            }
            Ok((end, _)) => end,
            Err(_) if self.give_up() => End::TimedOut,
            Err(_) => End::Notified,
        }
    }

    fn is_notified(&self) -> bool {
        let View { words, .. } = self.view;
        // Relaxed: what is waited for lies under the lock, which the caller takes first.
        words.all.load(Ordering::Relaxed) > self.ticket
            || match self.spot {
                Spot::Place(index) => self.view.state(index).kind() != Kind::Waiting,
                Spot::Crowd(calls) => words.calls.load(Ordering::Relaxed) != calls,
                Spot::Left => false,
            }
    }

    /// Whether a participant was buried since the last look.
    fn heard_of_a_death(&mut self) -> bool {
        let deaths = self.view.words.deaths.load(Ordering::Relaxed);
        core::mem::replace(&mut self.deaths, deaths) != deaths
    }

    /// Asks whether those live that were notified before this waiter, and have not returned yet.
    fn bury_the_notified<P: Platform + ?Sized>(&self, platform: &P) {
        for index in self.view.places() {
            let state = self.view.state(index);
            if state.kind() == Kind::Notified
                && state.ticket() > self.ticket
                && let Some(who) = state.owner()
                && let Ok(seized) = Seized::try_new(platform, who)
            {
                self.view.bury(seized.dead(), platform);
            }
        }
    }

    /// Takes a notification that a dead waiter has left behind, if it was given after this one began to wait.
    fn inherit<P: Platform + ?Sized>(&mut self, platform: &P) -> bool {
        for index in self.view.places() {
            let left = self.view.state(index);
            let heir = left.inherited(platform.me());
            if left.kind() != Kind::LeftBehind || left.ticket() <= self.ticket || !self.view.change(index, left, heir) {
                continue;
            }
            // From here on this participant has two places, and its death leaves one notification behind, as it should.
            if self.give_up() {
                self.spot = Spot::Place(index);
            } else if self.view.change(index, heir, left) {
                // Notified meanwhile: one is enough.
                self.view.rouse(platform);
            }
            return true;
        }
        false
    }

    /// Leaves without a notification; `false` if there is one.
    fn give_up(&mut self) -> bool {
        if self.is_notified() {
            return false;
        }
        match self.spot {
            Spot::Place(index) => {
                let state = self.view.state(index);
                if state.kind() != Kind::Waiting || !self.view.change(index, state, State::FREE) {
                    return false;
                }
            }
            Spot::Crowd(_) => self.leave_crowd(),
            Spot::Left => {}
        }
        self.spot = Spot::Left;
        true
    }

    fn leave_crowd(&self) {
        self.view.words.crowded.fetch_sub(1, Ordering::Relaxed);
    }

    /// Ends a wait, after the caller has taken the lock, or could not take it.
    pub(super) fn leave(self) {
        match self.spot {
            Spot::Place(index) => self.view.empty(index),
            Spot::Crowd(_) => self.leave_crowd(),
            Spot::Left => {}
        }
    }
}
