//! Waiting for permits: at first among all others, after a while in line.

use core::time::Duration;

use crate::error::{AcquireTimeoutError, Fault, TryAcquireError};
use crate::participant::Findings;
use crate::platform::Platform;
use crate::time::{Instant, Limit};
use crate::wait::{Attempt, Unmet, block_until};

use super::acquire::Refused;
use super::handle::Semaphore;
use super::permit::{Permit, RawPermit};
use super::turns::{Seen, Standing, Turn, Turns};

/// An acquirer that has waited for this long takes a seat in the line. Each permit that is handed to one in line lies idle for a wake-up:
/// where permits are held for microseconds, that must be rare.
const PATIENCE: Duration = Duration::from_millis(5);
/// One in line that gives no sign of life for this long is woken. That is more than a sleep of one that gets on.
const SILENCE: Duration = Duration::from_millis(120);
/// If it gives none for this long then, it is passed.
const NO_ANSWER: Duration = Duration::from_millis(25);

/// Permits of a semaphore whose words a waiter reads at each poll, and every few milliseconds to find the dead among their holders. With
/// more, it reads them before each sleep only, of a tenth of a second: that takes up to some milliseconds.
const READ_OFTEN: usize = 1 << 16;

/// What a wait came to; `None`: nothing, but a seat is free.
type Taken = Option<Result<RawPermit, AcquireTimeoutError>>;

/// What a waiter knows of the one ahead of it in line.
#[derive(Default)]
struct Inquiry {
    last: Option<Sign>,
}

/// Its last sign of life.
#[derive(Clone, Copy)]
struct Sign {
    seen: Seen,
    beats: u32,
    /// When the caller saw it; or when it woke the owner, because another one did not come.
    since: Instant,
    woken: bool,
}

impl<'m, P: Platform> Semaphore<'m, P> {
    #[cold]
    #[inline(never)]
    pub(super) fn acquire_contended(
        &self,
        permits: u32,
        limit: &Limit<P::Deadline>,
    ) -> Result<Permit<'_, 'm, P>, AcquireTimeoutError> {
        if permits > self.view.max() {
            return Err(AcquireTimeoutError::TooMany);
        }
        match self.wait(permits, limit.deadline(&self.platform)) {
            Ok(taken) => taken.map(|raw| Permit::new(self, raw)),
            // The time may have been over before anybody looked for the dead: this does, so that what they had is found
            // however short the time limit.
            Err(unmet) => self.try_acquire_contended(permits).map_err(|error| match error {
                TryAcquireError::NoPermits => unmet.or_fault(AcquireTimeoutError::Timeout),
                TryAcquireError::Closed => AcquireTimeoutError::Closed,
                TryAcquireError::TooMany => AcquireTimeoutError::TooMany,
                TryAcquireError::Fault(fault) => AcquireTimeoutError::Fault(fault),
            }),
        }
    }

    fn wait(&self, permits: u32, deadline: Option<Instant>) -> Result<Result<RawPermit, AcquireTimeoutError>, Unmet> {
        let patience = self.platform.now().saturating_add(PATIENCE);
        let first = deadline.map_or(patience, |deadline| deadline.min(patience));
        let mut inquiry = Inquiry::default();
        match self.wait_among_all(Some(first), |thorough| self.attempt_among_all(permits, thorough, &mut inquiry)) {
            Ok(Some(taken)) => return Ok(taken),
            Err(unmet) if deadline == Some(first) => return Err(unmet),
            Ok(None) | Err(_) => {}
        }
        loop {
            if let Some(turn) = self.view.words.turns.sit(self.me) {
                return self.wait_in_line(permits, turn, deadline);
            }
            let taken = self.wait_among_all(deadline, |thorough| {
                if self.view.words.turns.has_room() {
                    return Attempt::Done(None);
                }
                self.attempt_among_all(permits, thorough, &mut inquiry)
            })?;
            if let Some(taken) = taken {
                return Ok(taken);
            }
        }
    }

    fn wait_among_all(
        &self,
        deadline: Option<Instant>,
        attempt: impl FnMut(bool) -> Attempt<Taken>,
    ) -> Result<Taken, Unmet> {
        block_until(&self.platform, &self.view.words.sleepers, &self.budget, deadline, attempt)
    }

    /// An attempt of one that has no seat. `thorough`: before it sleeps.
    fn attempt_among_all(&self, permits: u32, thorough: bool, inquiry: &mut Inquiry) -> Attempt<Taken> {
        match self.view.pressed_by(&self.platform) {
            // The last one that leaves the line wakes us.
            Some(first) if permits != 0 && thorough => self.inquire(first, inquiry, || Attempt::Suspect),
            Some(_) if permits != 0 => Attempt::NotYet,
            _ => self.attempt(permits, thorough, permits > 1).map(Some),
        }
    }

    /// Waits in a seat, and gives it back.
    fn wait_in_line(
        &self,
        permits: u32,
        turn: Turn,
        deadline: Option<Instant>,
    ) -> Result<Result<RawPermit, AcquireTimeoutError>, Unmet> {
        let mut inquiry = Inquiry::default();
        let (gate, budget) = (self.view.words.turns.gate(turn), self.budget.spent());
        let result = block_until(&self.platform, gate, &budget, deadline, |thorough| {
            self.attempt_in_line(permits, thorough, turn, &mut inquiry)
        });
        self.view.words.turns.leave(turn);
        self.view.pass_turn(&self.platform);
        result
    }

    fn attempt_in_line(
        &self,
        permits: u32,
        thorough: bool,
        turn: Turn,
        inquiry: &mut Inquiry,
    ) -> Attempt<Result<RawPermit, AcquireTimeoutError>> {
        let turns = &self.view.words.turns;
        turns.beat(turn);
        self.view.press();
        match turns.standing(turn) {
            Standing::First => self.attempt(permits, thorough, true),
            Standing::Lost => Attempt::Done(Err(AcquireTimeoutError::Fault(Fault::Corrupted))),
            Standing::Behind { .. } if self.view.is_closed(&self.platform) => {
                Attempt::Done(Err(AcquireTimeoutError::Closed))
            }
            Standing::Behind { .. } if !thorough => Attempt::NotYet,
            // The others need not look as often: the one ahead does.
            Standing::Behind { next, is_first } => {
                self.inquire(next, inquiry, || if is_first { Attempt::Suspect } else { Attempt::NotYet })
            }
        }
    }

    /// Finds out whether the one ahead in line gets on. If it is dead, this repairs after it; if it gives no sign of life, it is passed.
    fn inquire<R>(&self, ahead: Seen, inquiry: &mut Inquiry, lives: impl FnOnce() -> Attempt<R>) -> Attempt<R> {
        let mut found = Findings::default();
        if let Some(owner) = ahead.owner() {
            found.ask(&self.platform, owner, |dead| self.view.sweep(dead, &self.platform));
        }
        if found.dead {
            return Attempt::Again;
        }
        if inquiry.finds_silent(ahead, &self.view.words.turns, &self.platform) {
            self.view.words.turns.pass(ahead);
            return Attempt::Again;
        }
        if found.unknown { Attempt::Unknown } else { lives() }
    }

    /// An attempt of one that may take permits. `marked`: it must be woken by every permit that comes.
    fn attempt(&self, permits: u32, thorough: bool, marked: bool) -> Attempt<Result<RawPermit, AcquireTimeoutError>> {
        let often = self.view.used().len() <= READ_OFTEN;
        if thorough && marked {
            self.view.announce_many(&self.platform);
        }
        let collected = match permits {
            _ if thorough || often => self.collect(permits),
            1 => self.collect_last(),
            _ => return Attempt::NotYet,
        };
        match collected {
            Ok(raw) => Attempt::Done(Ok(raw)),
            Err(Refused::Closed) => Attempt::Done(Err(AcquireTimeoutError::Closed)),
            Err(Refused::Overtaken) => Attempt::Again,
            Err(Refused::Short) if thorough => {
                let survey = self.survey();
                if survey.corrupted {
                    Attempt::Done(Err(AcquireTimeoutError::Fault(Fault::Corrupted)))
                } else if survey.owners.dead {
                    Attempt::Again
                } else if survey.owners.unknown {
                    Attempt::Unknown
                } else if survey.owners.alive && often {
                    Attempt::Suspect
                } else {
                    Attempt::NotYet
                }
            }
            Err(Refused::Short) => Attempt::NotYet,
        }
    }
}

impl Sign {
    /// How long to wait for the next one.
    fn patience(self) -> Duration {
        if self.woken { NO_ANSWER } else { SILENCE }
    }
}

impl Inquiry {
    /// Checks whether the one ahead gives signs of life, and wakes it if it does not. Whether it does not even then.
    fn finds_silent<P: Platform>(&mut self, ahead: Seen, turns: &Turns, platform: &P) -> bool {
        let (now, beats) = (platform.now(), turns.beats(ahead));
        let known = self.last.filter(|last| last.seen.is_same_stay(ahead) && last.beats == beats);
        match known {
            Some(last) if now.saturating_since(last.since) < last.patience() => return false,
            Some(last) if last.woken => return true,
            Some(_) => turns.call(ahead, platform),
            None => {}
        }
        self.last = Some(Sign { seen: ahead, beats, since: now, woken: known.is_some() });
        false
    }
}
