//! The way earlier victims took through a segment, as a short cut for the next.
//!
//! Going to the k-th instruction by single steps alone makes a sweep of n instructions n²/2 steps. But
//! the address of most instructions was already seen when the last victim stopped there, so the next one
//! can run to it at native speed, with a hardware breakpoint (the debug registers of this process only;
//! code is not changed), and step from there.

use std::collections::HashMap;

/// Victims that may go astray in one segment before it is stepped through.
const MOST_STRAYS: u32 = 100;

/// The addresses a victim meets from one syscall stop on.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// Whether it may be used at all.
    allowed: bool,
    /// How many victims it led astray in this segment.
    strays: u32,
    /// This number of strikes at an address, and more, are not to be relied on.
    banned: HashMap<u64, u64>,
    stop: u64,
    /// `rips[i]` is the next instruction after `i` steps.
    rips: Vec<u64>,
    /// `hits[i]` is how often a breakpoint at `rips[i]` strikes on the way to `i`; 0 if none can tell.
    hits: Vec<u64>,
    counts: HashMap<u64, u64>,
}

/// Where a breakpoint brings a victim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shortcut {
    pub(super) address: u64,
    pub(super) hits: u64,
    /// The steps it saves.
    pub(super) steps: u64,
}

impl Path {
    pub(super) fn new(allowed: bool) -> Self {
        Self { allowed, ..Self::default() }
    }

    /// Forgets everything if `stop` is not the syscall stop the path begins at.
    pub(super) fn enter(&mut self, stop: u64) {
        if self.stop != stop {
            *self = Self { stop, ..Self::new(self.allowed) };
        }
    }

    /// A victim did not come to this place. Not all of them go the same way (one turns once more in a loop than the
    /// other), or the machine has no breakpoints; after some of them there are no more short cuts in this segment.
    pub(super) fn led_astray(&mut self, to: Shortcut) {
        self.strays += 1;
        self.banned.insert(to.address, to.hits);
    }

    /// Notes the address after `steps` steps, unless it is known or follows a gap.
    pub(super) fn record(&mut self, steps: u64, rip: u64) {
        if steps != self.rips.len() as u64 {
            return;
        }
        // A breakpoint strikes once for all turns of a `rep` instruction, and whether it strikes on the
        // instruction a run begins with is not worth knowing.
        let tells = self.rips.last().is_some_and(|last| *last != rip) && self.rips[0] != rip;
        self.rips.push(rip);
        self.hits.push(if tells {
            let count = self.counts.entry(rip).or_default();
            *count += 1;
            *count
        } else {
            0
        });
    }

    /// The cheapest way to come near `steps`, if it is cheaper than stepping all the way.
    pub(super) fn shortcut(&self, steps: u64) -> Option<Shortcut> {
        if !self.allowed || self.strays >= MOST_STRAYS {
            return None;
        }
        let (mut best, mut cost) = (None, steps);
        let known = (self.rips.len() as u64).min(steps + 1);
        for i in (1..known).rev() {
            if steps - i >= cost {
                break;
            }
            let (address, hits) = (self.rips[i as usize], self.hits[i as usize]);
            let banned = self.banned.get(&address).is_some_and(|most| hits >= *most);
            if hits > 0 && !banned && hits + (steps - i) < cost {
                cost = hits + (steps - i);
                best = Some(Shortcut { address, hits, steps: i });
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(rips: &[u64]) -> Path {
        let mut path = Path::new(true);
        for (i, rip) in rips.iter().enumerate() {
            path.record(i as u64, *rip);
        }
        path
    }

    #[test]
    fn straight_code_is_one_hit() {
        let path = path(&[10, 11, 12, 13, 14]);
        assert_eq!(path.shortcut(0), None);
        assert_eq!(path.shortcut(1), None, "one step is as cheap");
        assert_eq!(path.shortcut(4), Some(Shortcut { address: 14, hits: 1, steps: 4 }));
        assert_eq!(path.shortcut(6), Some(Shortcut { address: 14, hits: 1, steps: 4 }));
    }

    #[test]
    fn a_loop_is_counted_or_stepped_through() {
        let path = path(&[10, 20, 21, 20, 21, 20, 21, 20, 21, 20, 21]);
        assert_eq!(path.shortcut(10), Some(Shortcut { address: 21, hits: 5, steps: 10 }));
        assert_eq!(path.shortcut(4), Some(Shortcut { address: 21, hits: 2, steps: 4 }));
    }

    #[test]
    fn turns_of_one_instruction_and_the_first_are_no_target() {
        let path = path(&[10, 11, 30, 30, 30, 10]);
        let first_turn = Shortcut { address: 30, hits: 1, steps: 2 };
        assert_eq!(path.shortcut(4), Some(first_turn));
        assert_eq!(path.shortcut(5), Some(first_turn));
    }

    #[test]
    fn another_segment_and_a_gap_are_not_used() {
        let mut path = path(&[10, 11, 12]);
        path.record(7, 99);
        assert_eq!(path.shortcut(8), Some(Shortcut { address: 12, hits: 1, steps: 2 }));
        path.enter(2);
        assert_eq!(path.shortcut(8), None);
    }

    #[test]
    fn a_place_that_led_astray_is_avoided_until_the_next_segment() {
        let mut path = path(&[10, 11, 12, 13]);
        let last = path.shortcut(3).unwrap();
        assert_eq!(last.address, 13);
        path.led_astray(last);
        assert_eq!(path.shortcut(3).unwrap().address, 12);
        path.enter(2);
        for (i, rip) in [10, 11, 12, 13].into_iter().enumerate() {
            path.record(i as u64, rip);
        }
        assert_eq!(path.shortcut(3).unwrap().address, 13);
    }

    #[test]
    fn a_loop_of_fewer_turns_is_left_earlier() {
        let mut path = path(&[10, 20, 21, 20, 21, 20, 21, 20, 21, 20, 21]);
        path.led_astray(path.shortcut(10).unwrap());
        let second = path.shortcut(10).unwrap();
        assert_eq!((second.address, second.hits), (20, 5));
        path.led_astray(second);
        assert_eq!(path.shortcut(10), Some(Shortcut { address: 21, hits: 4, steps: 8 }));
    }

    #[test]
    fn too_many_strays_end_the_short_cuts() {
        let mut path = path(&[10, 11, 12]);
        for address in 0..u64::from(MOST_STRAYS) {
            path.led_astray(Shortcut { address: 1000 + address, hits: 1, steps: 1 });
        }
        assert_eq!(path.shortcut(2), None);
    }
}
