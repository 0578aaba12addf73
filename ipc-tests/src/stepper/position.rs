//! Points of an operation, and how a victim gets there.

use std::fmt;

use super::outcome::{StepOutcome, VictimError};
use super::path::Path;
use super::victim::Victim;

/// How far apart points are within a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Distance at first.
    pub(super) stride: u64,
    /// How many instructions of a segment that holds for.
    pub(super) exhaustive: u64,
    /// Distance after that.
    pub(super) sample_stride: u64,
}

impl Pace {
    /// Every point.
    pub(super) const EVERY: Self = Self { stride: 1, exhaustive: u64::MAX, sample_stride: 1 };
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
}

impl Position {
    pub(super) const BEGIN: Self = Self { stop: 0, steps: 0, after: None };

    /// Moves a victim that is at `begin`; nothing if a short cut led it astray, after which `path` gives
    /// another.
    pub(super) fn reach(self, victim: &mut Victim, path: &mut Path) -> Result<Option<Landing>, VictimError> {
        path.enter(self.stop);
        let (mut outcome, mut steps) = (victim.run_to_syscall_stop(self.stop)?, 0);
        if outcome == StepOutcome::Stepped {
            if let Some(shortcut) = path.shortcut(self.steps) {
                if !victim.run_to_address(shortcut.address, shortcut.hits)? {
                    path.led_astray(shortcut);
                    return Ok(None);
                }
                steps = shortcut.steps;
            }
            let (from, more) = (steps, self.steps - steps);
            let stepped = victim.step_and_tell(more, |i, rip| path.record(from + i, rip))?;
            (outcome, steps) = (stepped.0, from + stepped.1);
        }
        let at = match outcome {
            StepOutcome::Stepped => {
                path.record(steps, victim.rip()?);
                if victim.in_syscall() {
                    Place::SyscallEnter
                } else if victim.at_syscall()? {
                    Place::BeforeSyscall
                } else {
                    Place::Code
                }
            }
            StepOutcome::ReachedEnd => Place::End,
            StepOutcome::Blocked => Place::Blocked,
            StepOutcome::Exited(code) => return Err(VictimError::Exited(code)),
        };
        let position = Self { steps, ..self };
        Ok(Some(Landing { position, at }))
    }

    /// How many boundaries lie between the position before and the landing.
    pub(super) fn passed_over(self, landing: &Landing) -> u64 {
        self.after.map_or(0, |before| landing.position.steps.saturating_sub(before + 1))
    }
}

impl Landing {
    /// Where the next victim goes; nowhere after the end or a sleep.
    pub(super) fn next(&self, pace: &Pace) -> Option<Position> {
        let Position { stop, steps, .. } = self.position;
        match self.at {
            Place::End | Place::Blocked => None,
            Place::BeforeSyscall | Place::SyscallEnter => Some(Position { stop: stop + 1, steps: 0, after: None }),
            Place::Code => {
                let far = if steps >= pace.exhaustive { pace.sample_stride } else { pace.stride };
                Some(Position { stop, steps: steps + far, after: Some(steps) })
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
