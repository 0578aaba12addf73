//! What a sweep found.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use super::position::Pace;

/// How many findings a report keeps in detail.
const KEPT_FINDINGS: usize = 16;

/// What a check saw after one kill, as counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Survivors that cannot go on.
    pub wedged: u64,
    /// Values that were given away and never arrive.
    pub lost: u64,
    /// Values that arrive more than once.
    pub duplicated: u64,
    /// Values or states that no complete operation leaves behind.
    pub torn: u64,
}

impl Verdict {
    /// Nothing is wrong.
    pub const CLEAN: Self = Self { wedged: 0, lost: 0, duplicated: 0, torn: 0 };
    /// One survivor cannot go on.
    pub const WEDGED: Self = Self { wedged: 1, ..Self::CLEAN };
    /// One value is lost.
    pub const LOST: Self = Self { lost: 1, ..Self::CLEAN };
    /// One value arrived twice.
    pub const DUPLICATED: Self = Self { duplicated: 1, ..Self::CLEAN };
    /// One value is torn.
    pub const TORN: Self = Self { torn: 1, ..Self::CLEAN };

    /// Whether all counts are zero.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::CLEAN
    }
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.wedged += other.wedged;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.torn += other.torn;
    }
}

/// One point whose verdict was not clean.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The number of the point in the sweep.
    pub point: u64,
    /// Where the victim was killed: syscall stop, instructions after it, address in the program. For
    /// `addr2line -e <test binary> <address>`.
    pub place: String,
    /// What the check said.
    pub verdict: Verdict,
}

/// The sum of a sweep.
#[derive(Debug, Clone, Default)]
pub struct SweepReport {
    /// The name the caller gave.
    pub name: String,
    /// How many kills were checked, the finished one included.
    pub points: u64,
    /// Sum over all verdicts.
    pub wedged: u64,
    /// Sum over all verdicts.
    pub lost: u64,
    /// Sum over all verdicts.
    pub duplicated: u64,
    /// Sum over all verdicts.
    pub torn: u64,
    /// How many instruction boundaries were passed over without a kill; 0 unless the caller asked for
    /// sampling.
    pub sampled: u64,
    /// How many boundaries were passed over at which nothing had changed that outlives the victim.
    pub same: u64,
    /// How often a victim was killed asleep in a syscall.
    pub blocked: u64,
    /// The first unclean points.
    pub findings: Vec<Finding>,
    /// How many single steps all victims made.
    pub steps: u64,
    /// How long the sweep took, with its checks.
    pub elapsed: Duration,
}

impl SweepReport {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Counts the boundaries that a walk passed over.
    pub(super) fn passed_over(&mut self, pace: &Pace, boundaries: u64) {
        match pace {
            Pace::Changes => self.same += boundaries,
            Pace::Strides { .. } => self.sampled += boundaries,
        }
    }

    pub(super) fn add(&mut self, point: u64, place: impl FnOnce() -> String, verdict: Verdict) {
        self.wedged += verdict.wedged;
        self.lost += verdict.lost;
        self.duplicated += verdict.duplicated;
        self.torn += verdict.torn;
        if !verdict.is_clean() && self.findings.len() < KEPT_FINDINGS {
            self.findings.push(Finding { point, place: place(), verdict });
        }
    }

    /// Whether at least one point was checked and no verdict was bad.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.points > 0 && self.wedged + self.lost + self.duplicated + self.torn == 0
    }

    /// Checks that the sweep did something and found nothing.
    ///
    /// # Panics
    ///
    /// With the line of the report and its first findings, when a count is not zero or `points` is.
    #[track_caller]
    pub fn assert_clean(&self) {
        if self.is_clean() {
            return;
        }
        let findings: Vec<String> = self
            .findings
            .iter()
            .map(|finding| format!("\n  point {} at {}: {:?}", finding.point, finding.place, finding.verdict))
            .collect();
        panic!("{self}{}", findings.concat());
    }
}

impl fmt::Display for SweepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, points, wedged, lost, duplicated, torn, .. } = self;
        write!(f, "sweep {name}: points={points} wedged={wedged} lost={lost} duplicated={duplicated} torn={torn}")?;
        if self.sampled > 0 {
            write!(f, " sampled={}", self.sampled)?;
        }
        if self.same > 0 {
            write!(f, " same={}", self.same)?;
        }
        Ok(())
    }
}
