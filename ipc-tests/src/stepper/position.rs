//! Points of an operation, and how a victim gets there.

use std::fmt;

use super::outcome::{StepOutcome, VictimError};
use super::path::Path;
use super::remains::Remains;
use super::victim::Victim;

/// Which boundaries are points.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// The first one, each at which something has changed that outlives the process, each end of a syscall, and the end.
    Changes,
    /// Those at this distance within a segment, and all ends of segments.
    Strides {
        /// Distance at first.
        first: u64,
        /// How many instructions of a segment that holds for.
        exhaustive: u64,
        /// Distance after that.
        after: u64,
    },
}

impl Pace {
    /// Every boundary.
    pub(super) const EVERY: Self = Self::stride(1);

    /// Each `stride`-th boundary of a segment.
    pub(super) const fn stride(stride: u64) -> Self {
        Self::Strides { first: stride, exhaustive: u64::MAX, after: stride }
    }
}

/// Where a victim is to be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Syscall stops since `begin`.
    stop: u64,
    /// Instructions since that stop.
    steps: u64,
    /// Instructions of the position before, if that was in the same segment.
    after: Option<u64>,
    /// The point is the first change behind the position before.
    change: bool,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "syscall stop {} + {} instructions", self.stop, self.steps)
    }
}

/// What a victim was found at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Inside the operation.
    Code,
    /// The next instruction is a syscall.
    BeforeSyscall,
    /// The kernel has been called and has not begun.
    SyscallEnter,
    /// Asleep in a syscall.
    Blocked,
    /// At the mark of the end.
    End,
}

/// Where a victim has come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Landing {
    pub(super) position: Position,
    pub(super) at: Place,
    /// How many boundaries were passed over on the way from the point before.
    pub(super) passed_over: u64,
}

impl Position {
    pub(super) const BEGIN: Self = Self { stop: 0, steps: 0, after: None, change: false };

    /// Moves a victim that is at `begin`; nothing if a short cut led it astray, after which `path` gives
    /// another.
    pub(super) fn reach(self, victim: &mut Victim, path: &mut Path) -> Result<Option<Landing>, VictimError> {
        path.enter(self.stop);
        // What has changed is searched for from the point before.
        let aim = if self.change { self.after.unwrap_or(self.steps) } else { self.steps };
        let (mut outcome, mut steps) = (victim.run_to_syscall_stop(self.stop)?, 0);
        if outcome == StepOutcome::Stepped {
            if let Some(shortcut) = path.shortcut(aim) {
                if !victim.run_to_address(shortcut.address, shortcut.hits)? {
                    path.led_astray(shortcut);
                    return Ok(None);
                }
                steps = shortcut.steps;
            }
            let (from, more) = (steps, aim - steps);
            let stepped = victim.step_and_tell(more, |i, rip| path.record(from + i, rip))?;
            (outcome, steps) = (stepped.0, from + stepped.1);
            if self.change && outcome == StepOutcome::Stepped {
                // One that is before a syscall too early goes through it: back at a place of that syscall's, the next one might take
                // the longer way, find the change behind which this one was sent, and so on without end.
                return Self { steps, ..self }.next_change(victim, path).map(Some);
            }
        }
        let position = Self { steps, ..self };
        let passed_over = self.after.map_or(0, |before| steps.saturating_sub(before + 1));
        Ok(Some(Landing { position, at: place(victim, path, outcome, steps)?, passed_over }))
    }

    /// From here goes on to the first boundary at which something has changed that outlives the victim. A syscall is such a change
    /// when it is done: before that, the kernel drops it with the victim.
    fn next_change(self, victim: &mut Victim, path: &mut Path) -> Result<Landing, VictimError> {
        let mut here = self;
        let mut remains = Remains::of(victim.pid());
        let mut passed_over = 0;
        loop {
            let (mut outcome, stepped) = victim.step_and_tell(1, |_, rip| path.record(here.steps, rip))?;
            if stepped == 0 && outcome == StepOutcome::Stepped {
                // Before a syscall: through both of its stops.
                outcome = victim.run_to_syscall_stop(2)?;
                here = Self { stop: here.stop + 2, steps: 0, ..here };
                path.enter(here.stop);
                // The stop before the kernel begins was passed over.
                let at = place(victim, path, outcome, 0)?;
                return Ok(Landing { position: here, at, passed_over: passed_over + 1 });
            }
            here.steps += stepped;
            let same = outcome == StepOutcome::Stepped
                && remains.as_mut().is_some_and(|remains| remains.are_left(victim.pid()));
            if !same {
                return Ok(Landing { position: here, at: place(victim, path, outcome, here.steps)?, passed_over });
            }
            passed_over += 1;
        }
    }
}

/// What the victim is at.
fn place(victim: &Victim, path: &mut Path, outcome: StepOutcome, steps: u64) -> Result<Place, VictimError> {
    match outcome {
        StepOutcome::Stepped => {
            path.record(steps, victim.rip()?);
            Ok(if victim.in_syscall() {
                Place::SyscallEnter
            } else if victim.at_syscall()? {
                Place::BeforeSyscall
            } else {
                Place::Code
            })
        }
        StepOutcome::ReachedEnd => Ok(Place::End),
        StepOutcome::Blocked => Ok(Place::Blocked),
        StepOutcome::Exited(code) => Err(VictimError::Exited(code)),
    }
}

impl Landing {
    /// Where the next victim goes; nowhere after the end or a sleep.
    pub(super) fn next(&self, pace: &Pace) -> Option<Position> {
        let Position { stop, steps, .. } = self.position;
        match (self.at, pace) {
            (Place::End | Place::Blocked, _) => None,
            (Place::Code | Place::BeforeSyscall, Pace::Changes) => {
                Some(Position { stop, steps: steps + 1, after: Some(steps), change: true })
            }
            (Place::BeforeSyscall | Place::SyscallEnter, _) => {
                Some(Position { stop: stop + 1, steps: 0, after: None, change: false })
            }
            (Place::Code, Pace::Strides { first, exhaustive, after }) => {
                let far = if steps >= *exhaustive { after } else { first };
                Some(Position { stop, steps: steps + far, after: Some(steps), change: false })
            }
        }
    }
}

/// A place for people: the position, and the address as `addr2line` wants it.
pub(super) fn place_of(position: Position, rip: Option<u64>) -> String {
    match rip {
        None => format!("{position}, asleep"),
        Some(rip) => format!("{position}, {}", symbolic(rip)),
    }
}

/// File and offset of a code address; the victim has the same mappings as this process.
fn symbolic(address: u64) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut base = ("", 0);
    for line in maps.lines() {
        // "start-end perms offset device inode   path"
        let mut fields = line.split_whitespace();
        let Some((start, end)) = fields.next().and_then(|range| range.split_once('-')) else {
            continue;
        };
        let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else {
            continue;
        };
        let path = fields.nth(4).unwrap_or("");
        if path != base.0 {
            base = (path, start);
        }
        if (start..end).contains(&address) {
            let file = path.rsplit('/').next().unwrap_or(path);
            return format!("{file}+{:#x}", address - base.1);
        }
    }
    format!("{address:#x}")
}
