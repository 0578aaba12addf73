//! Whether all is done, and the figures.

use super::ring::{ATTEMPTS, End};
use super::word::{Holds, Job, Place, State, Which};
use super::words::View;
use crate::error::Fault;
use crate::platform::Platform;
use crate::sync::Ordering;

/// A snapshot of a queue's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Jobs that wait for a holder: new ones, and those that came back.
    pub len: u64,
    /// Jobs among them that came back.
    pub returned: u64,
    /// Jobs that a process has: those of a dead one, too, until its death is noticed.
    pub leased: u64,
    /// Jobs that are done, or given up, and whose callers have not gone yet.
    pub answered: u64,
    /// Jobs that used up their attempts.
    pub dead: u64,
    /// How many new jobs fit.
    pub capacity: u64,
    /// How many jobs may be leased, or be dead letters, before they take up room for new ones.
    pub leases: u64,
    /// Jobs sent since the creation, modulo 2^64.
    pub sent: u64,
    /// Whether the queue is closed.
    pub closed: bool,
}

/// Whether all is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// Every job that was sent is done, or a dead letter.
    Yes,
    /// The job in this block is not done.
    Busy(usize),
    /// A job was sent meanwhile.
    Changed,
}

impl View<'_> {
    /// Whether every job that was sent is done, or a dead letter. Exact: a `Yes` was so at one instant of the call.
    ///
    /// A block becomes busy only as a new job is sent. So if no job is sent while all blocks are checked, each that was found not to
    /// be busy stays so until the end.
    pub(super) fn idle(&self) -> Result<Idle, Fault> {
        let main = self.ring(Which::Main);
        // The usual case of one that is not idle: a job waits.
        let head = main.head.load(Ordering::Acquire);
        if let Holds::Block(index) = main.at(head).holds(head)
            && self.is_still_busy(index)
        {
            return Ok(Idle::Busy(index));
        }
        let (End::At(tail, end) | End::Closed(tail, end)) = main.end()?;
        if let Some((index, _)) = self.jobs().find(|(index, job)| self.is_busy(*index, *job)) {
            return Ok(Idle::Busy(index));
        }
        // Acquire, "sent": a holder that sends a job and then is done with its own has sent before it was done.
        Ok(if main.at(tail) == end { Idle::Yes } else { Idle::Changed })
    }

    pub(super) fn is_idle(&self) -> bool {
        self.idle() == Ok(Idle::Yes)
    }

    /// Whether a queue that is closed has no dead letter and will have none. The end of all work lasts then, and a block that is no
    /// letter's stays so.
    pub(super) fn has_no_letters(&self) -> bool {
        let letter = |job: Job| matches!(job.state(), State::Queued(Which::Dead) | State::Leased(Which::Dead));
        self.is_idle() && !self.jobs().any(|(_, job)| letter(job))
    }

    /// Whether a block has a job that was sent and is not done.
    fn is_busy(&self, index: usize, job: Job) -> bool {
        match job.state() {
            State::Free | State::Writing | State::Answered(_) | State::Withdrawn(_) => false,
            State::Leased(which) | State::Queued(which) if which == Which::Dead => false,
            State::Leased(_) | State::Queued(Which::Back) => true,
            State::Orphan(_) => true,
            State::Queued(_) => match self.ring(Which::Main).at(job.position()).holds(job.position()) {
                Holds::Nothing | Holds::Closed => false,
                Holds::Block(other) => other == index,
                // The word that was read is an old one: check again.
                Holds::Later => true,
            },
            State::Nonsense => true,
        }
    }

    /// Whether a block still has the job that it had when it was found busy. For those that poll: two loads.
    pub(super) fn is_still_busy(&self, index: usize) -> bool {
        // Acquire: as `jobs`.
        self.word(index).is_some_and(|word| self.is_busy(index, Job(word.load(Ordering::Acquire))))
    }

    /// Whether the queue is closed.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.ring(Which::Main).end(), Ok(End::Closed(..)))
    }

    /// Closes the queue: `true` if it was open. One step, in order with all sends. Wakes those that sleep at the ends of the ring.
    pub(super) fn close<P: Platform + ?Sized>(&self, platform: &P) -> Result<bool, Fault> {
        let main = self.ring(Which::Main);
        let mut first = Err(Fault::Corrupted);
        for _ in 0..ATTEMPTS {
            match main.end()? {
                End::Closed(..) => first = Ok(false),
                End::At(tail, before) if main.fill(tail, before, Place::closed(tail)) => first = Ok(true),
                // Somebody has sent a job.
                End::At(..) => continue,
            }
            break;
        }
        self.words.gates.items.notify_all(platform);
        self.words.gates.space.notify_all(platform);
        self.words.gates.letters.notify_all(platform);
        first
    }

    /// How many jobs are in a ring. A snapshot, exact while no process sends or receives.
    fn in_ring(&self, which: Which) -> u64 {
        // The head first: all positions before it were filled.
        let head = self.settled_head(which);
        let Ok(End::At(tail, _) | End::Closed(tail, _)) = self.ring(which).end() else { return 0 };
        tail.wrapping_sub(head).min(self.geometry.blocks as u64)
    }

    /// How many jobs wait.
    pub(super) fn len(&self) -> u64 {
        self.in_ring(Which::Main) + self.in_ring(Which::Back)
    }

    /// About how many jobs wait in main, for those who wait: the lines that the other side works on are left alone.
    pub(super) fn about(&self) -> u64 {
        let main = self.ring(Which::Main);
        let head = main.head.load(Ordering::Relaxed);
        let waiting = main.tail.load(Ordering::Relaxed).wrapping_sub(head) as i64;
        waiting.max(0) as u64
    }

    /// Whether there is no room.
    pub(super) fn is_full(&self) -> bool {
        self.in_ring(Which::Main) >= self.geometry.capacity || self.jobs().all(|(_, job)| job.state() != State::Free)
    }

    pub(super) fn stats(&self) -> Stats {
        let leased = self.jobs().filter(
            |(_, job)| matches!(job.state(), State::Leased(which) | State::Orphan(which) if which != Which::Dead),
        );
        let (fresh, returned) = (self.in_ring(Which::Main), self.in_ring(Which::Back));
        let tail = match self.ring(Which::Main).end() {
            Ok(End::At(tail, _) | End::Closed(tail, _)) => tail,
            Err(_) => 0,
        };
        Stats {
            len: fresh + returned,
            returned,
            leased: leased.count() as u64,
            answered: self.jobs().filter(|(_, job)| matches!(job.state(), State::Answered(_))).count() as u64,
            dead: self.in_ring(Which::Dead),
            capacity: self.geometry.capacity,
            leases: self.geometry.leases.into(),
            sent: tail,
            closed: self.is_closed(),
        }
    }
}
