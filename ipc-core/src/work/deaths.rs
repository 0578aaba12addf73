//! What the dead leave behind, and who finds it.

use super::ring::ATTEMPTS;
use super::word::{Holds, Job, State, Which};
use super::words::View;
use crate::participant::{Dead, Findings, ParticipantId};
use crate::platform::Platform;
use crate::sync::Ordering;

/// Whose death a call that searches for the dead is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// That of a process that has a job, or brings one home.
    Holders,
    /// That of a process that has a block.
    All,
}

impl View<'_> {
    /// Whether a job that is queued is in its ring. If not, its owner is about to put it there, or died before it did.
    pub(super) fn is_sent(&self, index: usize, job: Job, which: Which) -> bool {
        self.ring(which).at(job.position()).holds(job.position()) == Holds::Block(index)
    }

    /// Whether a block needs the participant that its word names.
    pub(super) fn needs(&self, index: usize, job: Job, after: After) -> bool {
        match job.state() {
            State::Free | State::Nonsense | State::Withdrawn(_) | State::Answered(_) => false,
            State::Writing => after == After::All,
            State::Leased(_) | State::Orphan(_) => true,
            State::Queued(which) => (after == After::All || which != Which::Main) && !self.is_sent(index, job, which),
        }
    }

    /// Whether the participant has a block.
    pub(super) fn holds(&self, who: ParticipantId) -> bool {
        self.jobs().any(|(index, job)| {
            (job.owner() == Some(who) && self.needs(index, job, After::All)) || self.waits(index, job) == Some(who)
        })
    }

    /// Asks after all other participants that have a job or a block, and repairs after the dead ones. A system call or two for each.
    #[cold]
    #[inline(never)]
    pub(super) fn find_dead<P: Platform + ?Sized>(&self, platform: &P, after: After) -> Findings {
        let mut found = Findings::default();
        let mut asked = [0_u64; 16];
        for (index, job) in self.jobs() {
            let owner = job.owner().filter(|_| self.needs(index, job, after));
            let caller = if after == After::All { self.waits(index, job) } else { None };
            for who in [owner, caller].into_iter().flatten().filter(|who| *who != platform.me()) {
                let (word, bit) = (usize::from(who.get()) / 64, 1 << (who.get() % 64));
                if asked[word] & bit == 0 {
                    asked[word] |= bit;
                    found.ask(platform, who, |dead| self.sweep(dead, platform));
                }
            }
        }
        found
    }

    /// Ends the calls of a dead participant, frees what it was writing, brings home the jobs that it had, and wakes everybody. What it had
    /// sent, and not called, stays.
    /// Idempotent.
    ///
    /// A second sweeper is harmless, however late: it makes the same steps from the same words, and of each step only one succeeds. A
    /// word that has changed names the dead one again only as the author of a job that is in a ring.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        for (index, mut job) in self.jobs() {
            // First: a job that it had called and then had itself is not brought home.
            if self.waits(index, job) == Some(dead.who()) {
                // An error is that of a faulty peer: others find it, too.
                let _ = self.hang_up(platform, index, dead.who());
                job = self.word(index).map_or(Job::FREE, |word| Job(word.load(Ordering::Acquire)));
            }
            if job.owner() == Some(dead.who()) {
                self.repair(index, job, platform);
            } else if matches!(job.state(), State::Answered(_)) {
                // By the dead one, as it may be.
                self.rouse_caller(platform, index);
            }
        }
        // The dead participant may also have owed a wake-up.
        self.words.gates.items.rouse(platform);
        self.words.gates.space.rouse(platform);
        self.words.gates.idle.rouse(platform);
        self.words.gates.letters.rouse(platform);
    }

    fn repair<P: Platform + ?Sized>(&self, index: usize, mut job: Job, platform: &P) {
        let (Some(word), owner) = (self.word(index), job.owner()) else { return };
        for _ in 0..ATTEMPTS {
            let free = match job.state() {
                State::Writing => true,
                // Never accepted. In the other rings it is on its way home.
                State::Queued(Which::Main) => !self.is_sent(index, job, Which::Main),
                _ => false,
            };
            if !free {
                break;
            }
            // Release, "swept".
            match word.compare_exchange(job.0, Job::FREE.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => job = Job(now),
            }
            if job.owner() != owner {
                return;
            }
        }
        // As above.
        let _ = self.bring_home(platform, index, job);
    }
}
