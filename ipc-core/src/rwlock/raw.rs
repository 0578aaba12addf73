//! The lock's words and the readers' counters, without the data.

use crate::mutex::{Condition, Intent, RawMutex, Refused};
use crate::participant::{Dead, ParticipantId, Seized};
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering, fence, sequentially_consistent};
use crate::time::Instant;
use crate::wait::{Attempt, EventCount, SpinBudget, block_until};

/// More read locks of one participant at a time are a mistake: guards that were forgotten.
const MOST_READS: u32 = 1 << 30;

/// The words. Zero is unlocked.
#[repr(C)]
#[derive(Debug)]
pub struct RawRwLock {
    turnstile: RawMutex,
    /// The writer that has the turnstile sleeps here until the readers have left.
    drained: EventCount,
    /// No participant with this index or a higher one ever read.
    reach: AtomicU32,
}

/// How many read locks the threads of one participant have, on a line of its own.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Readers {
    count: AtomicU32,
}

impl Readers {
    /// Nobody, in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        Readers { count: AtomicU32::new(0) }
    }
}

/// The counter of this participant.
fn count_of(readers: &[Readers], who: ParticipantId) -> Result<&AtomicU32, Refused> {
    readers.get(who.index()).map(|readers| &readers.count).ok_or(Refused::Corrupted)
}

/// Counts one more.
#[inline(always)]
fn add_one(count: &AtomicU32, order: Ordering) -> Result<(), Refused> {
    if count.fetch_add(1, order) < MOST_READS {
        return Ok(());
    }
    count.fetch_sub(1, Ordering::Relaxed);
    Err(Refused::Corrupted)
}

impl RawRwLock {
    /// An unlocked lock in a model.
    #[cfg(loom)]
    #[allow(clippy::new_without_default, reason = "for models only")]
    pub fn new() -> Self {
        RawRwLock { turnstile: RawMutex::new(), drained: EventCount::new(), reach: AtomicU32::new(0) }
    }

    /// Writes an unlocked lock. The caller has the words to itself.
    #[cfg(not(loom))]
    pub(super) fn initialise(&self, readers: &[Readers]) {
        self.turnstile.initialise();
        self.drained.initialise();
        self.reach.store(0, Ordering::Relaxed);
        for Readers { count } in readers {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// The turnstile: who has it is a writer, or a reader that lets itself in.
    pub fn turnstile(&self) -> &RawMutex {
        &self.turnstile
    }

    /// A read lock, if no writer has the lock or waits for it: the common case. Lock-free.
    #[inline(always)]
    pub fn read_first<P: Platform + ?Sized>(
        &self,
        platform: &P,
        readers: &[Readers],
    ) -> Result<Option<Condition>, Refused> {
        let me = platform.me();
        let count = count_of(readers, me)?;
        self.extend_reach(me);
        add_one(count, Ordering::SeqCst)?;
        sequentially_consistent();
        match self.turnstile.admits_readers() {
            Some(condition) => Ok(Some(condition)),
            None => {
                self.leave(count, platform);
                Ok(None)
            }
        }
    }

    /// A read lock, if no living writer has the lock or waits for it. Never waits.
    pub fn try_read<P: Platform + ?Sized>(&self, platform: &P, readers: &[Readers]) -> Result<Condition, Refused> {
        match self.read_first(platform, readers)? {
            Some(condition) => Ok(condition),
            None => {
                let condition = self.turnstile.try_lock(platform, Intent::Shared)?;
                self.enter(platform, readers).map(|()| condition)
            }
        }
    }

    /// A read lock: queues with the writers, until `deadline` at most (`None`: for ever).
    #[cold]
    #[inline(never)]
    pub fn read_contended<P: Platform + ?Sized>(
        &self,
        platform: &P,
        readers: &[Readers],
        budget: &SpinBudget,
        deadline: Option<Instant>,
    ) -> Result<Condition, Refused> {
        let condition = self.turnstile.lock_contended(platform, Intent::Shared, budget, deadline)?;
        self.enter(platform, readers).map(|()| condition)
    }

    /// Through the turnstile, which we have.
    fn enter<P: Platform + ?Sized>(&self, platform: &P, readers: &[Readers]) -> Result<(), Refused> {
        // Relaxed: the next writer sees it by the turnstile.
        let entered = count_of(readers, platform.me()).and_then(|count| add_one(count, Ordering::Relaxed));
        self.turnstile.unlock(platform);
        entered
    }

    /// Before our counter is used for the first time.
    #[inline(always)]
    fn extend_reach(&self, me: ParticipantId) {
        let wanted = u32::from(me.get());
        // SeqCst: perhaps it was another reader that went so far, and the writers have to know as if it had been us.
        if self.reach.load(Ordering::SeqCst) < wanted {
            self.extend_reach_to(wanted);
        }
    }

    #[cold]
    fn extend_reach_to(&self, wanted: u32) {
        let mut reach = self.reach.load(Ordering::SeqCst);
        while reach < wanted {
            match self.reach.compare_exchange(reach, wanted, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return,
                Err(now) => reach = now,
            }
        }
    }

    /// Gives a read lock back. Only who has one may call this, once for each.
    #[inline(always)]
    pub fn unlock_read<P: Platform + ?Sized>(&self, platform: &P, readers: &[Readers]) {
        if let Ok(count) = count_of(readers, platform.me()) {
            self.leave(count, platform);
        }
    }

    #[inline(always)]
    fn leave<P: Platform + ?Sized>(&self, count: &AtomicU32, platform: &P) {
        if count.fetch_sub(1, Ordering::Release) == 1 {
            self.drained.notify(platform, || 1);
        }
    }

    /// The write lock: waits for the lock and for the readers, until `deadline` at most (`None`: for ever).
    pub fn write<P: Platform + ?Sized>(
        &self,
        platform: &P,
        readers: &[Readers],
        budget: &SpinBudget,
        deadline: Option<Instant>,
    ) -> Result<Condition, Refused> {
        let condition = if self.turnstile.lock_first(platform, Intent::Transaction) {
            Condition::default()
        } else {
            self.turnstile.lock_contended(platform, Intent::Transaction, budget, deadline)?
        };
        // See the table.
        fence(Ordering::SeqCst);
        if self.is_empty(readers) || self.drain(platform, readers, budget, deadline) {
            self.turnstile.work_in_place();
            return Ok(condition);
        }
        self.turnstile.unlock(platform);
        Err(Refused::Taken)
    }

    /// The write lock, if it can be had at once: nobody who lives has it, and nobody who lives reads.
    pub fn try_write<P: Platform + ?Sized>(&self, platform: &P, readers: &[Readers]) -> Result<Condition, Refused> {
        let condition = self.turnstile.try_lock(platform, Intent::Transaction)?;
        fence(Ordering::SeqCst);
        if !self.is_empty(readers) {
            self.count_out_the_dead(platform, readers);
            if !self.is_empty(readers) {
                self.turnstile.unlock(platform);
                return Err(Refused::Taken);
            }
        }
        self.turnstile.work_in_place();
        Ok(condition)
    }

    /// Gives the write lock back. Only its holder may call this.
    #[inline(always)]
    pub fn unlock_write<P: Platform + ?Sized>(&self, platform: &P) {
        self.turnstile.unlock(platform);
    }

    /// Turns the write lock into a read lock, in one step. Only its holder may call this.
    pub fn downgrade<P: Platform + ?Sized>(&self, platform: &P, readers: &[Readers]) -> Result<(), Refused> {
        self.extend_reach(platform.me());
        // Relaxed: the next writer sees it by the turnstile.
        let counted = count_of(readers, platform.me()).and_then(|count| add_one(count, Ordering::Relaxed));
        self.turnstile.unlock(platform);
        counted
    }

    fn reached<'r>(&self, readers: &'r [Readers]) -> &'r [Readers] {
        let reach = self.reach.load(Ordering::Relaxed) as usize;
        &readers[..reach.min(readers.len())]
    }

    /// Whether each counter is 0 when it is looked at. The caller has the turnstile: a reader that comes later takes its
    /// count back, so a counter that was 0 once does not matter any more.
    fn is_empty(&self, readers: &[Readers]) -> bool {
        self.reached(readers).iter().all(|readers| readers.count.load(Ordering::Acquire) == 0)
    }

    /// Waits until the readers have left. `false` is the time-out.
    #[cold]
    #[inline(never)]
    fn drain<P: Platform + ?Sized>(
        &self,
        platform: &P,
        readers: &[Readers],
        budget: &SpinBudget,
        deadline: Option<Instant>,
    ) -> bool {
        let empty = block_until(platform, &self.drained, budget, deadline, |announced| {
            if self.is_empty(readers) {
                return Attempt::Done(());
            }
            if announced {
                self.count_out_the_dead(platform, readers);
                if self.is_empty(readers) {
                    return Attempt::Done(());
                }
            }
            Attempt::Suspect
        });
        empty.is_some()
    }

    /// Sets the counters of dead readers to 0: a system call or two for each participant that reads.
    #[cold]
    fn count_out_the_dead<P: Platform + ?Sized>(&self, platform: &P, readers: &[Readers]) {
        for (index, Readers { count }) in self.reached(readers).iter().enumerate() {
            if count.load(Ordering::Relaxed) != 0
                && let Some(who) = ParticipantId::from_index(index)
                && let Some(_seized) = Seized::try_new(platform, who)
            {
                count.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Takes out what the dead participant had, and wakes the others.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P, readers: &[Readers]) {
        self.turnstile.sweep(dead, platform);
        if let Ok(count) = count_of(readers, dead.who()) {
            count.store(0, Ordering::Relaxed);
        }
        self.drained.notify_all(platform);
    }
}
