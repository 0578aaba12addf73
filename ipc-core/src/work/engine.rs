//! What a handle does whatever its jobs are: it waits, and searches for the dead.

use core::cell::Cell;

use super::calls::Outcome;
use super::content::Content;
use super::deaths::After;
use super::hints::Hints;
use super::idle::Idle;
use super::jobs::Taken;
use super::pulse::Pulse;
use super::words::View;
use crate::error::{Fault, Refused, WaitTimeoutError};
use crate::participant::Findings;
use crate::platform::Platform;
use crate::time::{Instant, Limit};
use crate::wait::{Attempt, SpinBudget, Unmet, block_for_message, block_for_room, block_until};

/// Looks in a row that find somebody dead: one finds all that are. In words that make no sense a repair may change nothing.
const MOST_DEATHS: u32 = 16;

/// On lines of its own: threads that share a handle would take it from each other with each message.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// A handle but for its world and its type.
#[derive(Debug)]
pub(super) struct Engine<'m> {
    pub(super) view: View<'m>,
    hints: Apart<Hints>,
    pulse: Apart<Pulse>,
    pub(super) send_budget: SpinBudget,
    pub(super) recv_budget: SpinBudget,
    pub(super) idle_budget: SpinBudget,
    pub(super) call_budget: SpinBudget,
    pub(super) letter_budget: SpinBudget,
}

impl<'m> Engine<'m> {
    pub(super) fn new<P: Platform>(view: View<'m>, platform: &P) -> Self {
        Self::with(view, platform, Hints::new(&view))
    }

    /// For another handle of the same object.
    pub(super) fn another<P: Platform>(&self, platform: &P) -> Self {
        Self::with(self.view, platform, self.hints.0.for_another())
    }

    fn with<P: Platform>(view: View<'m>, platform: &P, hints: Hints) -> Self {
        let budget = || SpinBudget::new(platform);
        Engine {
            view,
            hints: Apart(hints),
            pulse: Apart::default(),
            send_budget: budget(),
            recv_budget: budget(),
            idle_budget: budget(),
            call_budget: budget(),
            letter_budget: budget(),
        }
    }

    /// Blocks until all is done.
    pub(super) fn wait_idle<P: Platform>(
        &self,
        platform: &P,
        limit: &Limit<P::Deadline>,
    ) -> Result<(), WaitTimeoutError> {
        if self.view.idle()? == Idle::Yes {
            return Ok(());
        }
        let deadline = limit.deadline(platform);
        // The block that was found busy last: it alone is polled.
        let (busy, deaths) = (Cell::new(usize::MAX), Cell::new(0));
        let attempt = |thorough: bool| {
            if !thorough && self.view.is_still_busy(busy.get()) {
                return Attempt::NotYet;
            }
            match self.view.idle() {
                Ok(Idle::Yes) => Attempt::Done(Ok(())),
                Ok(Idle::Busy(index)) => {
                    busy.set(index);
                    if thorough { self.look(platform, &deaths) } else { Attempt::NotYet }
                }
                Ok(Idle::Changed) => Attempt::Again,
                Err(fault) => Attempt::Done(Err(fault.into())),
            }
        };
        let idle = block_until(platform, &self.view.words.gates.idle, &self.idle_budget, deadline, attempt);
        // The time may have been over just when a dead holder was found.
        idle.unwrap_or_else(|unmet| match self.view.idle()? {
            Idle::Yes => Ok(()),
            _ => Err(unmet.or_fault(WaitTimeoutError::Timeout)),
        })
    }

    /// Blocks until it is known what became of a call.
    pub(super) fn wait_for_outcome<P: Platform>(
        &self,
        platform: &P,
        index: usize,
        limit: &Limit<P::Deadline>,
    ) -> Result<Outcome, Refused> {
        let outcome = || self.view.outcome(index);
        let (Outcome::Pending, Some(answered)) = (outcome(), self.view.answered.get(index)) else {
            return Ok(outcome());
        };
        let (deadline, deaths) = (limit.deadline(platform), Cell::new(0));
        let attempt = |thorough: bool| match outcome() {
            // A job that waits for a holder is other processes' business.
            Outcome::Pending if thorough => after_look(self.view.find_dead_holder(platform, index), &deaths),
            Outcome::Pending => Attempt::NotYet,
            known => Attempt::Done(Ok(known)),
        };
        let known = block_until(platform, answered, &self.call_budget, deadline, attempt);
        // The time may have been over just when a dead holder was found.
        known.unwrap_or_else(|unmet| match outcome() {
            Outcome::Pending => Err(unmet.or_fault(Refused::NotNow)),
            known => Ok(known),
        })
    }

    /// Searches for holders that are dead, or late, before a sleep for what they might have to give back.
    fn look<P: Platform, R, E: From<Fault>>(&self, platform: &P, deaths: &Cell<u32>) -> Attempt<Result<R, E>> {
        let late = self.view.take_over(platform);
        match after_look(self.view.find_dead(platform, After::Holders), deaths) {
            _ if late.taken => Attempt::Again,
            // Its time may be over soon.
            Attempt::NotYet if late.leased => Attempt::Suspect,
            attempt => attempt,
        }
    }

    /// Puts a job in if there is room: the number of its block.
    #[inline(always)]
    pub(super) fn put<P: Platform>(&self, platform: &P, job: &impl Content) -> Result<usize, Refused> {
        self.view.put(platform, job, &self.hints.0)
    }

    /// Puts a job in if there is room, or if there are blocks of the dead.
    #[inline(always)]
    pub(super) fn put_now<P: Platform>(&self, platform: &P, job: &impl Content) -> Result<usize, Refused> {
        match self.put(platform, job) {
            Err(Refused::NotNow) => self.put_thoroughly(platform, job),
            put => put,
        }
    }

    /// Puts a job in. Blocks while there is no room.
    #[inline(always)]
    pub(super) fn put_within<P: Platform>(
        &self,
        platform: &P,
        job: &impl Content,
        limit: &Limit<P::Deadline>,
    ) -> Result<usize, Refused> {
        match self.put(platform, job) {
            Err(Refused::NotNow) => self.wait_to_put(platform, job, limit),
            put => put,
        }
    }

    /// [`put`](Self::put) where it is not urgent.
    #[cold]
    #[inline(never)]
    fn put_slowly<P: Platform>(&self, platform: &P, job: &impl Content) -> Result<usize, Refused> {
        self.put(platform, job)
    }

    /// For a sender that has found no room: searches for blocks of the dead.
    #[cold]
    #[inline(never)]
    fn put_thoroughly<P: Platform>(&self, platform: &P, job: &impl Content) -> Result<usize, Refused> {
        if self.view.find_dead(platform, After::All).dead {
            self.put_slowly(platform, job)
        } else {
            Err(Refused::NotNow)
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_put<P: Platform>(
        &self,
        platform: &P,
        job: &impl Content,
        limit: &Limit<P::Deadline>,
    ) -> Result<usize, Refused> {
        let (deadline, deaths) = (limit.deadline(platform), Cell::new(0));
        let attempt = |thorough: bool| match self.put_slowly(platform, job) {
            Err(Refused::NotNow) if thorough => {
                let found = self.view.find_dead(platform, After::All);
                // Nobody in particular is in the way.
                after_look(Findings { alive: false, ..found }, &deaths)
            }
            Err(Refused::NotNow) => Attempt::NotYet,
            put => Attempt::Done(put),
        };
        let (gate, capacity) = (&self.view.words.gates.space, self.view.geometry.capacity);
        let room = || capacity.saturating_sub(self.view.about());
        let put = block_for_room(platform, gate, &self.send_budget, deadline, capacity, room, attempt);
        // The time may have been over before anybody searched for the dead, or just when one was found.
        put.unwrap_or_else(|unmet| match self.put_now(platform, job) {
            Err(Refused::NotNow) => Err(unmet.or_fault(Refused::NotNow)),
            put => put,
        })
    }

    /// Takes the next job, and searches for dead holders from time to time.
    #[inline(always)]
    pub(super) fn take<P: Platform>(&self, platform: &P) -> Result<Taken, Refused> {
        // Not behind the receive: its result would be moved, which takes longer than all of this.
        if self.pulse.0.is_due(platform, &self.view.words.gates.looked) {
            return self.after_look(platform, self.view.take_slowly(platform));
        }
        self.view.take(platform)
    }

    /// Takes the next job if there is one.
    #[inline(always)]
    pub(super) fn take_now<P: Platform>(&self, platform: &P) -> Result<Taken, Refused> {
        match self.take(platform) {
            Err(Refused::Busy) => Err(Refused::NotNow),
            taken => taken,
        }
    }

    /// Takes the next job. Blocks while there is none.
    #[inline(always)]
    pub(super) fn take_within<P: Platform>(&self, platform: &P, limit: &Limit<P::Deadline>) -> Result<Taken, Refused> {
        match self.take(platform) {
            Err(Refused::NotNow | Refused::Busy) => self.wait_to_take(platform, limit),
            taken => taken,
        }
    }

    #[cold]
    #[inline(never)]
    fn after_look<P: Platform>(&self, platform: &P, taken: Result<Taken, Refused>) -> Result<Taken, Refused> {
        let late = self.view.take_over(platform);
        let found = self.view.find_dead(platform, After::Holders);
        match taken {
            Err(Refused::NotNow | Refused::Busy) if found.dead || late.taken => self.view.take_slowly(platform),
            taken => taken,
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_take<P: Platform>(&self, platform: &P, limit: &Limit<P::Deadline>) -> Result<Taken, Refused> {
        let gates = &self.view.words.gates;
        let (deadline, deaths) = (limit.deadline(platform), Cell::new(0));
        let attempt = |thorough: bool| match self.view.take_slowly(platform) {
            Err(Refused::NotNow) if thorough => self.look(platform, &deaths),
            Err(Refused::NotNow) => Attempt::NotYet,
            taken => Attempt::Done(taken),
        };
        let (capacity, more) = (|| self.view.geometry.capacity, || self.view.about());
        let mut taken = block_for_message(platform, &gates.items, &self.recv_budget, deadline, capacity, more, attempt);
        if taken == Ok(Err(Refused::Busy)) {
            taken =
                self.wait_for_last(platform, &self.recv_budget, deadline, &deaths, || self.view.take_slowly(platform));
        }
        // The time may have been over before anybody searched for the dead, or just when one was found.
        taken.unwrap_or_else(|unmet| match self.after_look(platform, self.view.take_slowly(platform)) {
            Err(Refused::NotNow | Refused::Busy) => Err(unmet.or_fault(Refused::NotNow)),
            taken => taken,
        })
    }

    /// Waits as [`wait_to_take`](Self::wait_to_take) does, of a queue that is closed: what is left are jobs that may come back, and the end.
    fn wait_for_last<P: Platform>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        deadline: Option<Instant>,
        deaths: &Cell<u32>,
        take: impl Fn() -> Result<Taken, Refused>,
    ) -> Result<Result<Taken, Refused>, Unmet> {
        let attempt = |thorough: bool| match take() {
            Err(Refused::NotNow | Refused::Busy) if thorough => self.look(platform, deaths),
            Err(Refused::NotNow | Refused::Busy) => Attempt::NotYet,
            taken => Attempt::Done(taken),
        };
        block_until(platform, &self.view.words.gates.idle, budget, deadline, attempt)
    }

    /// Takes the next dead letter if there is one.
    pub(super) fn take_dead_now<P: Platform>(&self, platform: &P) -> Result<Taken, Refused> {
        match self.view.take_dead(platform) {
            Err(Refused::Busy) => Err(Refused::NotNow),
            taken => taken,
        }
    }

    /// Takes the next dead letter. Blocks while there is none.
    #[cold]
    #[inline(never)]
    pub(super) fn take_dead_within<P: Platform>(
        &self,
        platform: &P,
        limit: &Limit<P::Deadline>,
    ) -> Result<Taken, Refused> {
        let take = || self.view.take_dead(platform);
        let taken = take();
        if !matches!(taken, Err(Refused::NotNow | Refused::Busy)) {
            return taken;
        }
        let (deadline, deaths) = (limit.deadline(platform), Cell::new(0));
        let attempt = |thorough: bool| match take() {
            Err(Refused::NotNow) if thorough => self.look(platform, &deaths),
            Err(Refused::NotNow) => Attempt::NotYet,
            taken => Attempt::Done(taken),
        };
        let (gates, budget) = (&self.view.words.gates, &self.letter_budget);
        let mut taken = block_until(platform, &gates.letters, budget, deadline, attempt);
        if taken == Ok(Err(Refused::Busy)) {
            taken = self.wait_for_last(platform, budget, deadline, &deaths, take);
        }
        // The time may have been over before anybody searched for the dead, or just when one was found.
        taken.unwrap_or_else(|unmet| {
            self.view.take_over(platform);
            self.view.find_dead(platform, After::Holders);
            match take() {
                Err(Refused::NotNow | Refused::Busy) => Err(unmet.or_fault(Refused::NotNow)),
                taken => taken,
            }
        })
    }
}

/// What a wait does after a search for the dead. `deaths` counts those in a row that found one.
fn after_look<R, E: From<Fault>>(found: Findings, deaths: &Cell<u32>) -> Attempt<Result<R, E>> {
    match found.found() {
        Ok(true) if deaths.get() >= MOST_DEATHS => Attempt::Done(Err(Fault::Corrupted.into())),
        Ok(true) => {
            deaths.set(deaths.get() + 1);
            Attempt::Again
        }
        Err(_) => Attempt::Unknown,
        Ok(false) => {
            deaths.set(0);
            if found.alive { Attempt::Suspect } else { Attempt::NotYet }
        }
    }
}
