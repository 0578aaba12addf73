//! Waiting for permits: at first among all others, after a while in line.

use core::time::Duration;

use crate::error::{AcquireTimeoutError, Fault, TryAcquireError};
use crate::participant::Findings;
use crate::platform::Platform;
use crate::time::{Instant, Limit};
use crate::wait::{Attempt, Post, Unmet, block_until};

use super::acquire::Refused;
use super::handle::Semaphore;
use super::permit::{Permit, RawPermit};
use super::turns::{Seen, Standing, Turn, Turns};
use super::word::AVAILABLE;

/// An acquirer that has waited for this long takes a seat in the line. Each permit that is handed to one in line lies idle for a wake-up:
/// where permits are held for microseconds, that must be rare.
const PATIENCE: Duration = Duration::from_millis(5);
/// One in line that gives no sign of life for this long is woken once more, while there are permits that it does not take.
const SILENCE: Duration = Duration::from_millis(120);
/// If it gives none for this long then, it is passed.
const NO_ANSWER: Duration = Duration::from_millis(25);
/// One that gave a sign of life and wants more permits than there are is asked again after this time.
const ASKED_AGAIN: Duration = Duration::from_secs(1);

/// Permits of a semaphore whose words a waiter reads at each poll, and every few milliseconds to find the dead among their holders. With
/// more, it reads them before each sleep only, as if it had no suspect: that takes up to some milliseconds.
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
    /// The permits that it left.
    free: u32,
    stage: Stage,
    /// Since when it is at this stage.
    since: Instant,
}

/// How far an inquiry is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There are permits. The one ahead has been woken for them, and has not come yet.
    Expected,
    /// The caller has woken it.
    Called,
    /// It has come, and wants more than there are.
    Came,
}

/// What an inquiry has found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The one ahead gets on, or there is nothing for it to get on with.
    Well,
    /// It is too early to say.
    Nothing,
    /// It gives no sign of life.
    Silence,
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
            // The time may have been over before anybody searched for the dead: this does, so that what they had is found
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
            Some(first) if permits != 0 && thorough => self.inquire(first, true, inquiry),
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
        let words = self.view.words;
        let post = Post::of(words.turns.gate(turn), words.sleepers.rota());
        let budget = self.budget.spent();
        let result = block_until(&self.platform, post, &budget, deadline, |thorough| {
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
            Standing::Behind { next, is_first } => self.inquire(next, is_first, inquiry),
        }
    }

    /// Finds out whether the one ahead in line gets on. If it is dead, this repairs after it; if it gives no sign of life although there
    /// are permits, it is passed.
    fn inquire<R>(&self, ahead: Seen, is_first: bool, inquiry: &mut Inquiry) -> Attempt<R> {
        let mut found = Findings::default();
        if let Some(owner) = ahead.owner() {
            found.ask(&self.platform, owner, |dead| self.view.sweep(dead, &self.platform));
        }
        if found.dead {
            return Attempt::Again;
        }
        let free = self.view.count(AVAILABLE);
        match inquiry.find(ahead, is_first, free, &self.view.words.turns, &self.platform) {
            Found::Silence => {
                self.view.words.turns.pass(ahead);
                Attempt::Again
            }
            _ if found.unknown => Attempt::Unknown,
            Found::Nothing if self.view.used().len() <= READ_OFTEN => Attempt::Suspect,
            Found::Nothing | Found::Well => Attempt::NotYet,
        }
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

impl Stage {
    /// How long to wait for the next sign.
    fn patience(self) -> Duration {
        match self {
            Stage::Expected => SILENCE,
            Stage::Called => NO_ANSWER,
            Stage::Came => ASKED_AGAIN,
        }
    }
}

impl Inquiry {
    /// Checks whether the one ahead comes for the permits that are there, and wakes it if it does not. The first in line has been woken
    /// by the one that released them; any other one is woken at once, so that each asks about the one ahead of it.
    fn find<P: Platform>(&mut self, ahead: Seen, is_first: bool, free: u32, turns: &Turns, platform: &P) -> Found {
        if free == 0 {
            self.last = None;
            return Found::Well;
        }
        let (now, beats) = (platform.now(), turns.beats(ahead));
        let known = self.last.filter(|last| last.seen.is_same_stay(ahead) && last.free == free);
        let stage = match known {
            None => Stage::Expected,
            Some(last) if last.beats != beats => Stage::Came,
            Some(last) if now.saturating_since(last.since) < last.stage.patience() => return last.found(),
            Some(Sign { stage: Stage::Called, .. }) => return Found::Silence,
            Some(_) => Stage::Called,
        };
        if stage == Stage::Called || stage == Stage::Expected && !is_first {
            turns.call(ahead, platform);
        }
        let sign = Sign { seen: ahead, beats, free, stage, since: now };
        self.last = Some(sign);
        sign.found()
    }
}

impl Sign {
    fn found(self) -> Found {
        if self.stage == Stage::Came { Found::Well } else { Found::Nothing }
    }
}
