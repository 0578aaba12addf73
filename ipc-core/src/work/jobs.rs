//! How a job gets in, to a holder, and home again.

use bytemuck::CheckedBitPattern;

use super::content::Content;
use super::hints::Hints;
use super::ring::{ATTEMPTS, End, back_off};
use super::word::{Holds, Job, Place, State, Which};
use super::words::View;
use crate::error::{Fault, Refused};
use crate::participant::ParticipantId;
use crate::payload;
use crate::platform::Platform;
use crate::sync::{self, AtomicU64, Ordering, fence};

/// A job in its holder's hands: the block, and the word that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) index: usize,
    pub(super) word: Job,
}

/// What a ring has to give.
enum Front {
    /// Nothing.
    Empty,
    /// Nothing, and nothing will come.
    Closed,
    /// This job, which is the caller's from now on.
    Job(Taken),
}

impl View<'_> {
    /// Puts a job in, if there is room: the number of its block. Lock-free.
    #[inline(always)]
    pub(super) fn put<P: Platform>(&self, platform: &P, job: &impl Content, hints: &Hints) -> Result<usize, Refused> {
        let (me, main) = (platform.me(), self.ring(Which::Main));
        let mut written = None;
        for attempt in 0..ATTEMPTS {
            let refused = match main.end() {
                Ok(End::At(tail, before)) if self.has_room(platform, tail, hints) => {
                    let Some((index, word)) = written.or_else(|| self.write(me, job, hints)) else {
                        return Err(Refused::NotNow);
                    };
                    written = Some((index, word));
                    // A store: nobody else changes a block that we write. Release, "written".
                    sync::publish(word, Job::sent(me, tail).0);
                    if main.fill(tail, before, Place::of(tail, index)) {
                        main.help(main.tail, tail, tail.wrapping_add(1));
                        self.words.gates.items.notify(platform, || 1);
                        return Ok(index);
                    }
                    back_off(attempt.min(2));
                    continue;
                }
                Ok(End::At(..)) => Refused::NotNow,
                Ok(End::Closed(..)) => Refused::Closed,
                Err(fault) => fault.into(),
            };
            return Err(self.give_up(platform, written, refused));
        }
        Err(self.give_up(platform, written, Refused::CORRUPTED))
    }

    /// For a sender that is refused: its block is nobody's again.
    #[cold]
    fn give_up<P: Platform>(&self, platform: &P, written: Option<(usize, &AtomicU64)>, refused: Refused) -> Refused {
        if let Some((_, word)) = written {
            self.free(platform, word);
        }
        refused
    }

    /// Whether a job at this position is not too many.
    #[inline(always)]
    fn has_room<P: Platform>(&self, platform: &P, tail: u64, hints: &Hints) -> bool {
        // Relaxed: a hint in private memory. It lags behind the head. (After four thousand million jobs of others it may let
        // more jobs in than the capacity, as long as there are blocks.)
        u64::from((tail as u32).wrapping_sub(hints.head.load(Ordering::Relaxed))) < self.geometry.capacity
            || self.has_room_now(platform, tail, hints)
    }

    #[cold]
    #[inline(never)]
    fn has_room_now<P: Platform>(&self, platform: &P, tail: u64, hints: &Hints) -> bool {
        // A tail that was stale is behind the head.
        let is_room = |head: u64| (tail.wrapping_sub(head) as i64) < self.geometry.capacity as i64;
        // It lags behind the first job by those that the dead have taken, and by jobs that were withdrawn.
        let mut head = self.words.head.0.load(Ordering::Acquire);
        if !is_room(head) {
            head = self.pass(platform, Which::Main);
        }
        hints.head.store(head as u32, Ordering::Relaxed);
        is_room(head)
    }

    /// Takes a free block, if there is one, and writes the job into it.
    #[inline(always)]
    fn write(&self, me: ParticipantId, job: &impl Content, hints: &Hints) -> Option<(usize, &AtomicU64)> {
        let count = self.geometry.blocks;
        let mut index = hints.block.load(Ordering::Relaxed) as usize;
        for _ in 0..count {
            index = if index < count { index } else { 0 };
            let word = self.word(index)?;
            // Success Acquire, "free". The load before it decides nothing.
            if word.load(Ordering::Relaxed) == Job::FREE.0
                && word.compare_exchange(Job::FREE.0, Job::writing(me).0, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                hints.block.store(index as u32 + 1, Ordering::Relaxed);
                if self.geometry.limit != 0 {
                    // Release, "rewritten".
                    fence(Ordering::Release);
                }
                job.write(self, index, me);
                return Some((index, word));
            }
            index += 1;
        }
        None
    }

    /// Takes the next job: one that came back before one that was sent. Lock-free.
    ///
    /// # Errors
    ///
    /// [`NotNow`](Refused::NotNow); [`Busy`](Refused::Busy) if the queue is closed, and a job that a process has may come back;
    /// [`Closed`](Refused::Closed) if it is closed and all that was sent is done.
    #[inline(always)]
    pub(super) fn take<P: Platform>(&self, platform: &P) -> Result<Taken, Refused> {
        // In most receives no job has come back, and the first one of main waits at `head`.
        if self.ring(Which::Back).holds_nothing_at_head()
            && let Some(taken) = self.first(platform)
        {
            self.made_room(platform);
            return Ok(taken);
        }
        self.take_thoroughly(platform)
    }

    /// Wakes a sender for the place that a receive from main has freed.
    #[inline(always)]
    fn made_room<P: Platform>(&self, platform: &P) {
        self.words.gates.space.notify(platform, || 1);
    }

    /// [`take`](Self::take) wherever the job is.
    #[inline(never)]
    fn take_thoroughly<P: Platform>(&self, platform: &P) -> Result<Taken, Refused> {
        match self.front(platform, Which::Back)? {
            Front::Job(taken) => return Ok(taken),
            Front::Empty => {}
            Front::Closed => return Err(Refused::CORRUPTED),
        }
        match self.front(platform, Which::Main)? {
            Front::Job(taken) => {
                self.made_room(platform);
                Ok(taken)
            }
            Front::Empty => Err(Refused::NotNow),
            Front::Closed if self.is_idle() => Err(Refused::Closed),
            Front::Closed => Err(Refused::Busy),
        }
    }

    /// [`take`](Self::take) where it is not urgent.
    #[cold]
    #[inline(never)]
    pub(super) fn take_slowly<P: Platform>(&self, platform: &P) -> Result<Taken, Refused> {
        self.take(platform)
    }

    /// Takes a dead letter, if there is one. Lock-free.
    ///
    /// # Errors
    ///
    /// [`NotNow`](Refused::NotNow); [`Busy`](Refused::Busy) if the queue is closed, and a letter may still come;
    /// [`Closed`](Refused::Closed) if it is closed, and none will.
    #[inline(never)]
    pub(super) fn take_dead<P: Platform>(&self, platform: &P) -> Result<Taken, Refused> {
        match self.front(platform, Which::Dead)? {
            Front::Job(taken) => Ok(taken),
            Front::Empty if !self.is_closed() => Err(Refused::NotNow),
            Front::Empty if self.has_no_letters() => Err(Refused::Closed),
            Front::Empty => Err(Refused::Busy),
            Front::Closed => Err(Refused::CORRUPTED),
        }
    }

    /// Makes a block's job, which is queued at this position of the ring, the caller's: the word that says so. The error is the word as it
    /// is, if it is not queued there, or not any more.
    #[inline(always)]
    fn lease(word: &AtomicU64, me: ParticipantId, which: Which, position: u64) -> Result<Job, Job> {
        // Relaxed: behind "sent", which comes after the word (W2).
        let job = Job(word.load(Ordering::Relaxed));
        if !job.is_queued(which, position) {
            return Err(job);
        }
        let leased = job.leased(me);
        // AcqRel: what the last holder or the sender did to the block, and on to the next one.
        match word.compare_exchange(job.0, leased.0, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Ok(leased),
            Err(now) => Err(Job(now)),
        }
    }

    /// Takes the job at the head of main, if `head` is up to date and nobody else takes it.
    #[inline(always)]
    fn first<P: Platform>(&self, platform: &P) -> Option<Taken> {
        let main = self.ring(Which::Main);
        let head = main.head.load(Ordering::Acquire);
        let Holds::Block(index) = main.at(head).holds(head) else { return None };
        let word = Self::lease(self.word(index)?, platform.me(), Which::Main, head).ok()?;
        main.help(main.head, head, head.wrapping_add(1));
        Some(Taken { index, word })
    }

    /// Takes the first job of a ring.
    fn front<P: Platform>(&self, platform: &P, which: Which) -> Result<Front, Fault> {
        let ring = self.ring(which);
        let mut begin = ring.head.load(Ordering::Acquire);
        let mut head = begin;
        for _ in 0..ring.steps() {
            let place = ring.at(head);
            head = match place.holds(head) {
                Holds::Nothing => {
                    ring.help(ring.head, begin, head);
                    return Ok(Front::Empty);
                }
                Holds::Closed => return Ok(Front::Closed),
                Holds::Block(index) => {
                    let word = self.word(index).ok_or(Fault::Corrupted)?;
                    let job = match Self::lease(word, platform.me(), which, head) {
                        Ok(leased) => {
                            ring.help(ring.head, begin, head.wrapping_add(1));
                            return Ok(Front::Job(Taken { index, word: leased }));
                        }
                        Err(job) => job,
                    };
                    // Not to be passed before it is free: it would be nobody's for good.
                    if job.is_withdrawn(which, head) {
                        begin = self.pass(platform, which);
                        head = begin;
                        continue;
                    }
                    // Another one has it (W2).
                    head.wrapping_add(1)
                }
                // All that came a lap before the last job there were received (W1).
                Holds::Later => ring.last(head, place)?.wrapping_sub(ring.places.len() as u64 - 1),
            };
        }
        Err(Fault::Corrupted)
    }

    /// The position of the first job of a ring, or of the first one that was withdrawn. Helps `head` on.
    pub(super) fn settled_head(&self, which: Which) -> u64 {
        let ring = self.ring(which);
        let begin = ring.head.load(Ordering::Acquire);
        let mut head = begin;
        for _ in 0..ring.steps() {
            let place = ring.at(head);
            head = match place.holds(head) {
                Holds::Nothing | Holds::Closed => break,
                Holds::Block(index) => {
                    // Acquire: see `front`.
                    let job = self.word(index).map_or(Job::FREE, |word| Job(word.load(Ordering::Acquire)));
                    if job.is_queued(which, head) || job.is_withdrawn(which, head) {
                        break;
                    }
                    head.wrapping_add(1)
                }
                Holds::Later => match ring.last(head, place) {
                    Ok(last) => last.wrapping_sub(ring.places.len() as u64 - 1),
                    Err(_) => break,
                },
            };
        }
        ring.help(ring.head, begin, head);
        head
    }

    /// The position of the first job of a ring. Frees those before it that were withdrawn.
    #[cold]
    #[inline(never)]
    pub(super) fn pass<P: Platform + ?Sized>(&self, platform: &P, which: Which) -> u64 {
        let ring = self.ring(which);
        let mut freed = 0;
        let head = loop {
            let head = self.settled_head(which);
            let Holds::Block(index) = ring.at(head).holds(head) else { break head };
            let Some(word) = self.word(index) else { break head };
            let job = Job(word.load(Ordering::Relaxed));
            if !job.is_withdrawn(which, head) || freed == self.geometry.blocks {
                break head;
            }
            // Release, "free". One of those that pass it succeeds.
            if word.compare_exchange(job.0, Job::FREE.0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                freed += 1;
            }
            ring.help(ring.head, head, head.wrapping_add(1));
        };
        if freed != 0 {
            self.words.gates.space.notify(platform, || freed as u32);
        }
        head
    }

    /// A copy of a job in its holder's hands; `None` if the job has been taken over meanwhile.
    ///
    /// # Errors
    ///
    /// [`Fault::InvalidValue`].
    #[inline(always)]
    pub(super) fn read<T: CheckedBitPattern>(&self, taken: Taken) -> Result<Option<T>, Fault> {
        let copy = payload::load(self.job(taken.index));
        if self.geometry.limit != 0 {
            // Acquire, "rewritten".
            fence(Ordering::Acquire);
            // Relaxed: behind the fence.
            if self.word(taken.index).is_none_or(|word| word.load(Ordering::Relaxed) != taken.word.0) {
                return Ok(None);
            }
        }
        // SAFETY: copied from cells, all of which are initialised.
        unsafe { payload::check(copy) }.map(Some)
    }

    /// A job that nobody waits for is done: its block is nobody's. For its holder. `false` if the job has been taken over.
    #[inline]
    pub(super) fn finish<P: Platform>(&self, platform: &P, taken: Taken) -> bool {
        if self.geometry.limit != 0 {
            return self.finish_in_time(platform, taken);
        }
        if let Some(word) = self.word(taken.index) {
            self.free(platform, word);
        }
        true
    }

    /// [`finish`](Self::finish) where others may take the job over at the same time.
    #[cold]
    fn finish_in_time<P: Platform>(&self, platform: &P, taken: Taken) -> bool {
        let finished = self.turn(taken.index, taken.word, Job::FREE).is_ok();
        if finished {
            self.freed(platform);
        }
        finished
    }

    /// Makes a block nobody's, for the one whose it is. One store, and a check for sleepers.
    #[inline]
    pub(super) fn free<P: Platform>(&self, platform: &P, word: &AtomicU64) {
        // Release, "free". A store: nobody else changes a word that names us.
        sync::publish(word, Job::FREE.0);
        self.freed(platform);
    }

    /// Wakes who waits for a block, or for the end.
    #[inline]
    fn freed<P: Platform>(&self, platform: &P) {
        self.words.gates.space.notify(platform, || 1);
        self.wake_idle(platform);
    }

    /// Wakes those that wait until all is done, if it is. After a change that may have made it so.
    #[inline]
    pub(super) fn wake_idle<P: Platform + ?Sized>(&self, platform: &P) {
        platform.light_barrier();
        if self.words.gates.idle.is_announced() {
            self.wake_idle_sleepers(platform);
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_idle_sleepers<P: Platform + ?Sized>(&self, platform: &P) {
        // Store-then-load, between two that finish the last two jobs: one of them sees that the other's is done.
        fence(Ordering::SeqCst);
        if self.is_idle() {
            self.words.gates.idle.notify_all(platform);
        }
    }

    /// Takes one step on the way home of a job that its holder does not finish, and the next, until it is in a ring. `job` is its word
    /// as the caller has read it. The holder does so for itself, or those that have seized it: each step is one compare-exchange that
    /// only one of them makes, and that any of them may follow up. A job whose caller has gone ends here, and so does one that is given
    /// up and called.
    pub(super) fn bring_home<P: Platform + ?Sized>(
        &self,
        platform: &P,
        index: usize,
        mut job: Job,
    ) -> Result<(), Fault> {
        let Some(word) = self.word(index) else { return Err(Fault::Corrupted) };
        let begun = job;
        for _ in 0..ATTEMPTS {
            if job.owner() != begun.owner() {
                return Ok(());
            }
            let (which, attempts) = match job.state() {
                // Somebody else has put it in, and another thread of the same owner has it.
                State::Leased(_) if job != begun => return Ok(()),
                State::Leased(from) => {
                    let (which, attempts) = self.after(from, job.attempts());
                    if which == Which::Dead && self.caller(index).is_some() {
                        match self.turn(index, job, job.answered(attempts)) {
                            Ok(()) => {
                                self.wake_caller(platform, index);
                                return Ok(());
                            }
                            Err(now) => job = now,
                        }
                        continue;
                    }
                    (which, attempts)
                }
                State::Orphan(_) => {
                    if self.turn(index, job, Job::FREE).is_ok() {
                        self.words.gates.space.notify(platform, || 1);
                        self.wake_idle(platform);
                    }
                    return Ok(());
                }
                State::Queued(which) if which != Which::Main => {
                    let (ring, position) = (self.ring(which), job.position());
                    let place = ring.at(position);
                    match place.holds(position) {
                        Holds::Block(other) if other == index => return Ok(()),
                        // One of those who follow it up succeeds, or another job has the place.
                        Holds::Nothing if ring.fill(position, place, Place::of(position, index)) => {
                            self.came_home(platform, which);
                            return Ok(());
                        }
                        Holds::Nothing => {
                            job = Job(word.load(Ordering::Acquire));
                            continue;
                        }
                        _ => (which, job.attempts()),
                    }
                }
                _ => return Ok(()),
            };
            let End::At(position, _) = self.ring(which).end()? else { return Err(Fault::Corrupted) };
            let next = job.queued(which, attempts, position);
            // AcqRel, "swept": what the dead one did to the block, and on to the next owner. In the same step as the count.
            job = match word.compare_exchange(job.0, next.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => next,
                Err(now) => Job(now),
            };
        }
        Err(Fault::Corrupted)
    }

    /// Where a job goes whose lease from this ring ended, and how many attempts it has had.
    pub(super) fn after(&self, from: Which, attempts: u32) -> (Which, u32) {
        if from == Which::Dead {
            return (Which::Dead, attempts);
        }
        let (attempts, most) = (attempts + 1, self.geometry.attempts);
        (if most != 0 && attempts >= most { Which::Dead } else { Which::Back }, attempts)
    }

    pub(super) fn came_home<P: Platform + ?Sized>(&self, platform: &P, which: Which) {
        let gates = &self.words.gates;
        let gate = if which == Which::Dead { &gates.letters } else { &gates.items };
        gate.notify(platform, || 1);
        // Those who receive from a closed queue sleep there, and of a dead letter it may be the end of all work.
        gates.idle.notify_all(platform);
    }
}

impl Taken {
    pub(super) fn is_dead_letter(self) -> bool {
        self.word.state() == State::Leased(Which::Dead)
    }

    /// Which lease this is; of a dead letter, how many there were.
    pub(super) fn attempt(self) -> u32 {
        self.word.attempts() + u32::from(!self.is_dead_letter())
    }
}
