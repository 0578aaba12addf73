//! One victim, killed at each point of its operation.

use std::fmt;
use std::time::{Duration, Instant};

use super::outcome::{StepOutcome, VictimError};
use super::path::Path;
use super::position::{Pace, Place, Position, place_of};
use super::report::{SweepReport, Verdict};
use super::victim::Victim;

/// A sweep that could not be brought to its end. It says nothing about the operation, good or bad.
#[derive(Debug)]
pub struct SweepError {
    /// The name of the sweep.
    pub name: String,
    /// The number of the point.
    pub point: u64,
    /// Where the victim should have gone.
    pub place: String,
    /// What happened to it.
    pub cause: VictimError,
}

impl fmt::Display for SweepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, point, place, cause } = self;
        write!(f, "sweep {name}: no result at point {point}, {place}: {cause}")
    }
}

impl std::error::Error for SweepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Kills a fresh victim at every instruction boundary of its operation at which something has changed that outlives it, and asks
/// `check` each time; see [`Sweep::run`]. For options make a [`Sweep`].
///
/// # Errors
///
/// When a victim panics, crashes, exits, blocks or hangs.
pub fn sweep(
    name: &str,
    make_victim: impl FnMut() -> Victim,
    check: impl FnMut(u64, bool) -> Verdict,
) -> Result<SweepReport, SweepError> {
    Sweep::new(name).run(make_victim, check)
}

/// A sweep and its options.
#[derive(Debug, Clone)]
pub struct Sweep {
    name: String,
    blocked_ok: bool,
    blocked_after: Duration,
    pace: Pace,
    breakpoints: bool,
}

impl Sweep {
    /// A sweep of an operation that does not block. Boundaries at which others see what they saw at the one before, byte for byte,
    /// are passed over.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            blocked_ok: false,
            blocked_after: Duration::from_secs(2),
            pace: Pace::Changes,
            breakpoints: true,
        }
    }

    /// The operation blocks by design. The victim is then killed asleep, that point is checked too with
    /// `finished == false`, and the sweep ends there.
    #[must_use]
    pub fn blocked_ok(mut self, blocked_ok: bool) -> Self {
        self.blocked_ok = blocked_ok;
        self
    }

    /// How long a sleep in one syscall has to be to count as blocked; 2 s at first.
    #[must_use]
    pub fn blocked_after(mut self, limit: Duration) -> Self {
        self.blocked_after = limit;
        self
    }

    /// Takes every boundary, also where nothing has changed.
    #[must_use]
    pub fn every_instruction(mut self) -> Self {
        self.pace = Pace::EVERY;
        self
    }

    /// In a segment, which is the code between two syscalls, takes the first `limit` points all and then
    /// only each `stride`-th. For operations that fill large buffers. The report tells how many
    /// boundaries were passed over.
    ///
    /// # Panics
    ///
    /// When `stride` is 0.
    #[must_use]
    pub fn max_points_per_segment(mut self, limit: u64, stride: u64) -> Self {
        assert!(stride > 0, "a stride of 0 goes nowhere");
        self.pace = Pace::Strides { first: 1, exhaustive: limit, after: stride };
        self
    }

    /// Whether hardware breakpoints may spare single steps; yes at first. They change how long a sweep
    /// takes, not what it sees.
    #[must_use]
    pub fn breakpoints(mut self, breakpoints: bool) -> Self {
        self.breakpoints = breakpoints;
        self
    }

    /// Runs the sweep: for each point makes a victim, moves it there, kills it, and calls `check` with the
    /// number of the point and whether the operation had reached its end. The first that had is the last.
    ///
    /// `make_victim` also brings the shared state back to where the operation starts from. It is called
    /// at least once more than there are points: the first victim runs to its end unharmed, so that one that
    /// panics, crashes or blocks is told at once and not after a walk through its unwinding.
    ///
    /// # Errors
    ///
    /// When a victim panics, crashes, exits or hangs, or blocks and that is not expected.
    pub fn run(
        &self,
        mut make_victim: impl FnMut() -> Victim,
        mut check: impl FnMut(u64, bool) -> Verdict,
    ) -> Result<SweepReport, SweepError> {
        let start = Instant::now();
        let mut report = SweepReport::new(&self.name);
        rehearse(make_victim(), self.blocked_after, self.blocked_ok).map_err(|cause| SweepError {
            name: self.name.clone(),
            point: 0,
            place: "at native speed".to_owned(),
            cause,
        })?;
        let mut path = Path::new(self.breakpoints);
        let mut position = Some(Position::BEGIN);
        while let Some(here) = position {
            let point = report.points;
            let failed = |cause| SweepError { name: self.name.clone(), point, place: here.to_string(), cause };
            let (mut victim, landing) = loop {
                let mut victim = make_victim();
                victim.set_blocked_after(self.blocked_after);
                victim.run_to_begin().map_err(failed)?;
                // A victim that went astray is dropped; the next one takes no short cut.
                if let Some(landing) = here.reach(&mut victim, &mut path).map_err(failed)? {
                    break (victim, landing);
                }
            };
            if landing.at == Place::Blocked && !self.blocked_ok {
                return Err(failed(VictimError::Blocked));
            }
            let rip = victim.rip().ok();
            victim.kill();

            let verdict = check(point, landing.at == Place::End);
            report.points += 1;
            report.steps += victim.steps();
            report.blocked += u64::from(landing.at == Place::Blocked);
            report.passed_over(&self.pace, landing.passed_over);
            report.add(point, || place_of(landing.position, rip), verdict);
            position = landing.next(&self.pace);
        }
        report.elapsed = start.elapsed();
        Ok(report)
    }
}

/// Runs a victim to its end, which may be a sleep.
fn rehearse(mut victim: Victim, limit: Duration, blocked_ok: bool) -> Result<(), VictimError> {
    victim.set_blocked_after(limit);
    victim.run_to_begin()?;
    match victim.run_to_end()? {
        StepOutcome::Stepped | StepOutcome::ReachedEnd => Ok(()),
        StepOutcome::Blocked if blocked_ok => Ok(()),
        StepOutcome::Blocked => Err(VictimError::Blocked),
        StepOutcome::Exited(code) => Err(VictimError::Exited(code)),
    }
}
