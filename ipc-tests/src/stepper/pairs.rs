//! Two victims: one stopped in the middle of its operation, one killed in the middle of its own.

use std::time::{Duration, Instant};

use super::outcome::VictimError;
use super::path::Path;
use super::position::{Pace, Place, Position, place_of};
use super::report::{SweepReport, Verdict};
use super::sweep::SweepError;
use super::victim::Victim;

/// Which pair a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairPoint {
    /// The number of the point the paused victim is stopped at.
    pub paused: u64,
    /// The number of the point the other was killed at.
    pub killed: u64,
    /// Whether the paused victim had reached the end of its operation.
    pub paused_finished: bool,
    /// Whether the killed one had.
    pub killed_finished: bool,
}

/// Runs [`PairSweep::run`] with this stride of the paused one; for more options make a [`PairSweep`].
///
/// # Errors
///
/// When a victim panics, crashes, exits, blocks or hangs.
pub fn sweep_pairs(
    name: &str,
    stride: u64,
    make_paused: impl FnMut() -> Victim,
    make_killed: impl FnMut() -> Victim,
    check: impl FnMut(PairPoint) -> Verdict,
    check_resumed: impl FnMut(PairPoint) -> Verdict,
) -> Result<SweepReport, SweepError> {
    PairSweep::new(name).stride(stride).run(make_paused, make_killed, check, check_resumed)
}

/// A sweep over pairs and its options.
#[derive(Debug, Clone)]
pub struct PairSweep {
    name: String,
    blocked_ok: bool,
    blocked_after: Duration,
    stuck_after: Option<Duration>,
    paused: Pace,
    killed: Pace,
}

impl PairSweep {
    /// A sweep over all pairs of points, of operations that do not block. Of the killed one's boundaries those are passed over at
    /// which others see what they saw at the one before.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            blocked_ok: false,
            blocked_after: Duration::from_secs(2),
            stuck_after: None,
            paused: Pace::EVERY,
            killed: Pace::Changes,
        }
    }

    /// Takes each `stride`-th point of the paused one: what it has in its registers counts, too, for it goes on. Syscalls and ends
    /// are always points. The report tells how many boundaries were passed over in all walks.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    pub fn stride(mut self, stride: u64) -> Self {
        assert!(stride > 0, "a stride of 0 goes nowhere");
        self.paused = Pace::stride(stride);
        self
    }

    /// Takes every boundary of the killed one, also where nothing has changed.
    #[must_use]
    pub fn every_instruction(mut self) -> Self {
        self.killed = Pace::EVERY;
        self
    }

    /// The operations block, as one does that waits for what the paused one holds. A victim is then left
    /// or killed asleep, that point is checked too, and is the last of its walk.
    #[must_use]
    pub fn blocked_ok(mut self, blocked_ok: bool) -> Self {
        self.blocked_ok = blocked_ok;
        self
    }

    /// How long a sleep in one syscall has to be to count as blocked; 2 s at first. A sweep of a lock
    /// meets such a sleep once for each point of the paused victim.
    #[must_use]
    pub fn blocked_after(mut self, limit: Duration) -> Self {
        self.blocked_after = limit;
        self
    }

    /// How long the paused one may sleep in one syscall once it goes on, before it counts as `wedged`; at first as
    /// long as in [`Self::blocked_after`].
    #[must_use]
    pub fn stuck_after(mut self, limit: Duration) -> Self {
        self.stuck_after = Some(limit);
        self
    }

    /// Runs the sweep. For each pair:
    ///
    /// 1. `make_paused` brings the shared state to the start and makes one victim, `make_killed` makes the
    ///    other, and both run to `begin`.
    /// 2. The paused one goes to its point and stays there, stopped and alive. The other goes to its
    ///    point and is killed.
    /// 3. `check`: what do survivors see while the paused one is still stopped? It must not wait for it.
    /// 4. The paused one runs to its exit at native speed. If it sleeps and does not wake, that is one
    ///    `wedged`.
    /// 5. `check_resumed`: what do survivors see now?
    ///
    /// Does not end if the killed one spins without bound, with no sleep, until the paused one goes on.
    ///
    /// # Errors
    ///
    /// When a victim panics, crashes, exits or hangs, or blocks in step 2 and that is not expected.
    pub fn run(
        &self,
        mut make_paused: impl FnMut() -> Victim,
        mut make_killed: impl FnMut() -> Victim,
        mut check: impl FnMut(PairPoint) -> Verdict,
        mut check_resumed: impl FnMut(PairPoint) -> Verdict,
    ) -> Result<SweepReport, SweepError> {
        let start = Instant::now();
        let mut report = SweepReport::new(&self.name);
        let (mut outer, mut paused_number) = (Some(Position::BEGIN), 0);
        let mut paused_path = Path::new(true);
        while let Some(paused_at) = outer {
            let (mut inner, mut killed_number) = (Some(Position::BEGIN), 0);
            let mut row = None;
            // Its own in each row: what the paused one holds can change the way of the other.
            let mut killed_path = Path::new(true);
            while let Some(killed_at) = inner {
                let place = || format!("paused at {paused_at}, killed at {killed_at}");
                let point = report.points;
                let failed = |cause| SweepError { name: self.name.clone(), point, place: place(), cause };
                let (mut paused, paused_landing, mut killed, killed_landing) = loop {
                    let (mut paused, mut killed) = (make_paused(), make_killed());
                    for victim in [&mut paused, &mut killed] {
                        // The limit is for the operation; a setup may sleep longer.
                        victim.run_to_begin().map_err(failed)?;
                        victim.set_blocked_after(self.blocked_after);
                    }
                    let first = paused_at.reach(&mut paused, &mut paused_path).map_err(failed)?;
                    let Some(first) = first else { continue };
                    let second = killed_at.reach(&mut killed, &mut killed_path).map_err(failed)?;
                    if let Some(second) = second {
                        break (paused, first, killed, second);
                    }
                };
                let asleep = [paused_landing.at, killed_landing.at].map(|at| at == Place::Blocked);
                if asleep.contains(&true) && !self.blocked_ok {
                    return Err(failed(VictimError::Blocked));
                }
                let rips = (paused.rip().ok(), killed.rip().ok());
                killed.kill();

                let pair = PairPoint {
                    paused: paused_number,
                    killed: killed_number,
                    paused_finished: paused_landing.at == Place::End,
                    killed_finished: killed_landing.at == Place::End,
                };
                let mut verdict = check(pair);
                paused.set_blocked_after(self.stuck_after.unwrap_or(self.blocked_after));
                match paused.finish() {
                    Ok(()) => {}
                    Err(VictimError::Blocked) => verdict += Verdict::WEDGED,
                    Err(cause) => return Err(failed(cause)),
                }
                paused.kill();
                verdict += check_resumed(pair);

                report.points += 1;
                report.steps += paused.steps() + killed.steps();
                report.blocked += asleep.iter().filter(|asleep| **asleep).count() as u64;
                report.passed_over(&self.killed, killed_landing.passed_over);
                let place = || {
                    let paused = place_of(paused_landing.position, rips.0);
                    format!("paused {paused}; killed {}", place_of(killed_landing.position, rips.1))
                };
                report.add(point, place, verdict);
                row.get_or_insert(paused_landing);
                inner = killed_landing.next(&self.killed);
                killed_number += 1;
            }
            outer = row.and_then(|landing| {
                report.passed_over(&self.paused, landing.passed_over);
                landing.next(&self.paused)
            });
            paused_number += 1;
        }
        report.elapsed = start.elapsed();
        Ok(report)
    }
}
