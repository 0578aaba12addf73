//! Answers: how a caller learns what became of its job, and how it goes.
//!
//! The essay of [`work`](super) has the protocol, under "Calls".

use super::deaths::After;
use super::jobs::Taken;
use super::ring::ATTEMPTS;
use super::word::{Job, State, Which};
use super::words::View;
use crate::error::Fault;
use crate::participant::{Findings, OwnerBits, ParticipantId};
use crate::platform::Platform;
use crate::sync::Ordering;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing yet.
    Pending,
    /// There is an answer of this many bytes.
    Reply(usize),
    /// The job is done, without an answer.
    Unanswered,
    /// The job was given up after this many leases.
    Failed(u32),
    /// No correct peer does this.
    Nonsense,
}

impl View<'_> {
    /// Who waits for the answer to a block's job, if it was called. The caller has loaded the block's word before, with Acquire; what is
    /// read here belongs to that word if a compare-exchange from it succeeds.
    #[inline]
    pub(super) fn caller(&self, index: usize) -> Option<ParticipantId> {
        if self.geometry.most == 0 {
            return None;
        }
        // Relaxed: "written".
        OwnerBits::LOW.owner(self.caller_of(index).load(Ordering::Relaxed))
    }

    /// Who waits for the answer to a job that was sent.
    pub(super) fn waits(&self, index: usize, job: Job) -> Option<ParticipantId> {
        match job.state() {
            State::Queued(_) | State::Leased(_) | State::Answered(_) => self.caller(index),
            _ => None,
        }
    }

    /// Changes a block's word.
    ///
    /// # Errors
    ///
    /// The word that it has become meanwhile.
    pub(super) fn turn(&self, index: usize, from: Job, to: Job) -> Result<(), Job> {
        let Some(word) = self.word(index) else { return Err(Job::FREE) };
        // AcqRel: what the last one did to the block, and on to the next one: "answered", "swept", "free".
        word.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire).map(drop).map_err(Job)
    }

    /// Ends the lease of a called job with an answer, or without one: `true` if somebody waits for it. For the holder. Lock-free.
    pub(super) fn answer<P: Platform>(&self, platform: &P, taken: Taken, reply: Option<&[u8]>) -> bool {
        let Taken { index, word: job } = taken;
        let Some(word) = self.word(index) else { return false };
        if let Some(reply) = reply {
            assert!(reply.len() <= self.geometry.most_reply);
            // SAFETY: the block is leased to the caller, and has `most_reply` bytes for the answer.
            unsafe { self.reply_bytes(index).write(&[reply]) };
        }
        // Relaxed: "answered" makes it visible.
        self.reply_of(index).store(reply.map_or(0, |reply| reply.len() as u64 + 1), Ordering::Relaxed);
        match self.turn(index, job, job.answered(job.attempts())) {
            Ok(()) => {
                self.wake_caller(platform, index);
                true
            }
            Err(now) => {
                if now == job.orphaned() {
                    self.free(platform, word);
                }
                false
            }
        }
    }

    /// After a word became `Answered`.
    pub(super) fn wake_caller<P: Platform + ?Sized>(&self, platform: &P, index: usize) {
        if let Some(answered) = self.answered.get(index) {
            answered.notify_all(platform);
        }
        self.wake_idle(platform);
    }

    /// Wakes a caller whose answer may have come from a dead process, which owed it a wake-up.
    pub(super) fn rouse_caller<P: Platform + ?Sized>(&self, platform: &P, index: usize) {
        if let Some(answered) = self.answered.get(index) {
            answered.rouse(platform);
        }
    }

    /// Whether a called job is still waited for. For its holder.
    pub(super) fn is_wanted(&self, taken: Taken) -> bool {
        // Relaxed: a hint. It may change at once.
        self.word(taken.index).is_some_and(|word| Job(word.load(Ordering::Relaxed)) == taken.word)
    }

    /// What became of a call. For its caller, which the block is bound to.
    pub(super) fn outcome(&self, index: usize) -> Outcome {
        // Acquire, "answered".
        let Some(job) = self.word(index).map(|word| Job(word.load(Ordering::Acquire))) else {
            return Outcome::Nonsense;
        };
        let most = self.geometry.attempts;
        match job.state() {
            State::Queued(_) | State::Leased(_) => Outcome::Pending,
            State::Answered(_) if most != 0 && job.attempts() >= most => Outcome::Failed(job.attempts()),
            State::Answered(_) => match self.reply_of(index).load(Ordering::Relaxed) {
                0 => Outcome::Unanswered,
                // A faulty peer's length is cut.
                len => Outcome::Reply((len - 1).min(self.geometry.most_reply as u64) as usize),
            },
            _ => Outcome::Nonsense,
        }
    }

    /// Ends the call of `who`, which is this process or dead: `true` if its job had not begun and never will. Lock-free.
    ///
    /// Where the job has not reached its ring yet, this completes its way there: each step can be made by anybody (W5).
    pub(super) fn hang_up<P: Platform + ?Sized>(
        &self,
        platform: &P,
        index: usize,
        who: ParticipantId,
    ) -> Result<bool, Fault> {
        for _ in 0..ATTEMPTS {
            let Some(word) = self.word(index) else { break };
            // Acquire, "written" and "answered".
            let job = Job(word.load(Ordering::Acquire));
            if self.waits(index, job) != Some(who) {
                return Ok(false);
            }
            match job.state() {
                State::Queued(which) if which != Which::Dead && self.is_sent(index, job, which) => {
                    if self.turn(index, job, job.withdrawn()).is_ok() {
                        self.pass(platform, which);
                        self.wake_idle(platform);
                        return Ok(job.attempts() == 0);
                    }
                }
                State::Queued(Which::Back) => self.bring_home(platform, index, job)?,
                State::Leased(Which::Main | Which::Back) => {
                    if self.turn(index, job, job.orphaned()).is_ok() {
                        return Ok(false);
                    }
                }
                State::Answered(_) => {
                    if self.turn(index, job, Job::FREE).is_ok() {
                        self.words.gates.space.notify(platform, || 1);
                    }
                    return Ok(false);
                }
                // Not sent: of a dead caller, or nonsense.
                _ => return Ok(false),
            }
        }
        Err(Fault::Corrupted)
    }

    /// Asks after the holder of one job, and repairs after it if it is dead. For the job's caller.
    #[cold]
    pub(super) fn find_dead_holder<P: Platform + ?Sized>(&self, platform: &P, index: usize) -> Findings {
        let mut found = Findings::default();
        if let Some(word) = self.word(index) {
            let job = Job(word.load(Ordering::Acquire));
            let holder = job.owner().filter(|who| *who != platform.me() && self.needs(index, job, After::Holders));
            if let Some(who) = holder {
                found.ask(platform, who, |dead| self.sweep(dead, platform));
            }
        }
        found
    }
}
