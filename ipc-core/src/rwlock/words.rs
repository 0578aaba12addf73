//! The lock's words and the readers' counters, how they change, and where what lies.

use crate::error::{Fault, Refused};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::mutex::{Condition, Intent, RawMutex};
use crate::object::{Fact, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, Findings, ParticipantId};
use crate::place::OVERHEAD;
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering, fence, sequentially_consistent};
use crate::time::{Instant, Limit};
use crate::wait::{Attempt, EventCount, SpinBudget, Unmet, block_until};

/// More read locks of one participant at a time are a mistake: guards that were forgotten.
const MOST_READS: u32 = 1 << 30;

/// The words. Small data follow on the same cache line.
#[repr(C)]
#[derive(Debug)]
pub struct Words {
    pub(super) turnstile: RawMutex,
    /// The writer that has the turnstile sleeps here until the readers have left.
    drained: EventCount,
    /// No participant with this index or a higher one ever read.
    reach: AtomicU32,
    /// How many elements the data are.
    len: AtomicU32,
}

/// How many read locks the threads of one participant have, on a line of its own.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Readers {
    count: AtomicU32,
}

/// Bytes from the start of the object to the end of its words.
const WORDS_END: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(WORDS_END == 144 && size_of::<Readers>() == 64);

/// Where what lies.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub(super) data: u64,
    pub(super) bytes: u64,
    pub(super) len: u32,
    readers: u64,
    participants: u32,
    pub(super) end: u64,
}

impl Layout {
    /// For `len` elements of this size and alignment, and *n* participants. Saturates: what is too large fits nowhere.
    pub(super) const fn new(size: u64, align: u64, len: u32, participants: u32) -> Self {
        let align = if align < 8 { 8 } else { align };
        let data = (WORDS_END as u64).saturating_add(align - 1) / align * align;
        let bytes = size.saturating_mul(len as u64).div_ceil(8).saturating_mul(8).saturating_add(OVERHEAD as u64);
        let line = OBJECT_ALIGN as u64;
        let readers = data.saturating_add(bytes).saturating_add(line - 1) / line * line;
        let counters = (participants as u64).saturating_mul(size_of::<Readers>() as u64);
        let end = readers.saturating_add(counters).saturating_add(line - 1) / line * line;
        Layout { data, bytes, len, readers, participants, end }
    }

    /// For `len` of `T`.
    pub(super) const fn of<T>(len: u32, participants: u32) -> Self {
        assert!(align_of::<T>() <= OBJECT_ALIGN, "the data of a lock may be aligned to 128 bytes at most");
        Self::new(size_of::<T>() as u64, align_of::<T>() as u64, len, participants)
    }
}

/// The number of participants, if there can be as many.
pub(super) fn possible(participants: u64) -> Result<u32, ShapeError> {
    let fits = u32::try_from(participants).ok().filter(|count| (1..=u32::from(ParticipantId::MAX)).contains(count));
    fits.ok_or(match participants {
        0 => ShapeError::Unsaid,
        wanted => ShapeError::Capacity { wanted },
    })
}

/// A lock in place.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    pub(super) words: &'m Words,
    readers: &'m [Readers],
}

// SAFETY: atomics behind the header of every reader-writer lock; the data are reached through a pointer, under the lock.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[layout!(Words { turnstile, drained, reach, len }), layout!(Readers { count })];
    type Geometry = Layout;
    type View<'m> = View<'m>;

    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, _: u64) -> Result<Layout, ShapeError> {
        let participants = possible(shape.capacity)?;
        shape.check_align()?;
        // SAFETY: the caller vouches for the object, whose words are atomics here.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(ShapeError::Missing)?;
        // Relaxed: written before the object was published.
        let len = words[0].len.load(Ordering::Relaxed);
        Ok(Layout::new(shape.element_size.into(), shape.element_align.into(), len, participants))
    }

    fn bytes(layout: &Layout) -> u64 {
        layout.end
    }

    unsafe fn view<'m>(memory: Memory<'m>, layout: &Layout) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: layout.end, found: memory.len() as u64 };
        let offset = usize::try_from(layout.readers).map_err(|_| too_small)?;
        // SAFETY: the caller vouches for the object, whose words are atomics here.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: as above, for the counters.
        let readers = unsafe { memory.atomics(offset, layout.participants as usize) }.ok_or(too_small)?;
        Ok(View { words: &words[0], readers })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }

    fn holds(view: View<'_>, who: ParticipantId) -> bool {
        // Relaxed: the caller's own writes.
        let reads = |count: &AtomicU32| count.load(Ordering::Relaxed) != 0;
        view.words.turnstile.owner() == Some(who) || view.count_of(who).is_ok_and(reads)
    }
}

/// Counts one more.
#[inline(always)]
fn add_one(count: &AtomicU32, order: Ordering) -> Result<(), Refused> {
    if count.fetch_add(1, order) < MOST_READS {
        return Ok(());
    }
    count.fetch_sub(1, Ordering::Relaxed);
    Err(Refused::CORRUPTED)
}

impl<'m> View<'m> {
    /// Writes an unlocked lock, without its data.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'m>, layout: &Layout) -> Result<(), ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: layout.end, found: memory.len() as u64 };
        let words = |_| Words {
            turnstile: RawMutex::new(),
            drained: EventCount::new(),
            reach: AtomicU32::new(0),
            len: AtomicU32::new(layout.len),
        };
        let readers = |_| Readers { count: AtomicU32::new(0) };
        // SAFETY: the caller has the memory to itself; atomics, and viewed as such only.
        unsafe {
            memory.place(HEADER_BYTES, 1, words).ok_or(too_small)?;
            memory.place(layout.readers as usize, layout.participants as usize, readers).ok_or(too_small)?;
        }
        Ok(())
    }

    /// The counter of this participant.
    #[inline(always)]
    fn count_of(&self, who: ParticipantId) -> Result<&'m AtomicU32, Refused> {
        self.readers.get(who.index()).map(|readers| &readers.count).ok_or(Refused::CORRUPTED)
    }

    /// A read lock, if no writer has the lock or waits for it: the common case. Lock-free.
    #[inline(always)]
    pub(super) fn read_first<P: Platform + ?Sized>(&self, platform: &P) -> Result<Option<Condition>, Refused> {
        let me = platform.me();
        let count = self.count_of(me)?;
        self.extend_reach(me);
        add_one(count, Ordering::SeqCst)?;
        sequentially_consistent();
        match self.words.turnstile.admits_readers() {
            Some(condition) => Ok(Some(condition)),
            None => {
                self.leave(count, platform);
                Ok(None)
            }
        }
    }

    /// A read lock, if no living writer has the lock or waits for it. Never waits.
    pub(super) fn try_read<P: Platform + ?Sized>(&self, platform: &P) -> Result<Condition, Refused> {
        match self.read_first(platform)? {
            Some(condition) => Ok(condition),
            None => {
                let condition = self.words.turnstile.try_lock(platform, Intent::Shared)?;
                self.enter(platform).map(|()| condition)
            }
        }
    }

    /// A read lock: queues with the writers, as long as `limit` says.
    #[cold]
    #[inline(never)]
    pub(super) fn read_contended<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
    ) -> Result<Condition, Refused> {
        let deadline = limit.deadline(platform);
        let condition = self.words.turnstile.lock_contended(platform, Intent::Shared, budget, deadline)?;
        self.enter(platform).map(|()| condition)
    }

    /// Through the turnstile, which we have.
    fn enter<P: Platform + ?Sized>(&self, platform: &P) -> Result<(), Refused> {
        // Relaxed: the next writer sees it by the turnstile.
        let entered = self.count_of(platform.me()).and_then(|count| add_one(count, Ordering::Relaxed));
        self.words.turnstile.unlock(platform);
        entered
    }

    /// Before our counter is used for the first time.
    #[inline(always)]
    fn extend_reach(&self, me: ParticipantId) {
        let wanted = u32::from(me.get());
        // SeqCst: perhaps it was another reader that went so far, and the writers have to know as if it had been us.
        if self.words.reach.load(Ordering::SeqCst) < wanted {
            self.extend_reach_to(wanted);
        }
    }

    #[cold]
    fn extend_reach_to(&self, wanted: u32) {
        let mut reach = self.words.reach.load(Ordering::SeqCst);
        while reach < wanted {
            match self.words.reach.compare_exchange(reach, wanted, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return,
                Err(now) => reach = now,
            }
        }
    }

    /// Read locks that are held. A snapshot of each counter.
    pub(super) fn reads(&self) -> u64 {
        // Relaxed: figures.
        self.reached().iter().map(|readers| u64::from(readers.count.load(Ordering::Relaxed))).sum()
    }

    /// Gives a read lock back. Only who has one may call this, once for each.
    #[inline(always)]
    pub(super) fn unlock_read<P: Platform + ?Sized>(&self, platform: &P) {
        if let Ok(count) = self.count_of(platform.me()) {
            self.leave(count, platform);
        }
    }

    #[inline(always)]
    fn leave<P: Platform + ?Sized>(&self, count: &AtomicU32, platform: &P) {
        if count.fetch_sub(1, Ordering::Release) == 1 {
            self.words.drained.notify(platform, || 1);
        }
    }

    /// The write lock: waits for the lock and for the readers, in all as long as `limit` says.
    pub(super) fn write<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
    ) -> Result<Condition, Refused> {
        // Once for both waits.
        let mut deadline = None;
        let condition = if self.words.turnstile.lock_first(platform, Intent::Transaction) {
            Condition::CLEAN
        } else {
            let deadline = *deadline.insert(limit.deadline(platform));
            self.words.turnstile.lock_contended(platform, Intent::Transaction, budget, deadline)?
        };
        // See the table.
        fence(Ordering::SeqCst);
        if !self.is_empty()
            && let Err(unmet) = self.drain(platform, budget, deadline.unwrap_or_else(|| limit.deadline(platform)))
        {
            self.words.turnstile.unlock(platform);
            return Err(unmet.or_fault(Refused::Busy));
        }
        self.words.turnstile.work_in_place();
        Ok(condition)
    }

    /// The write lock, if it can be had at once: nobody who lives has it, and nobody who lives reads.
    pub(super) fn try_write<P: Platform + ?Sized>(&self, platform: &P) -> Result<Condition, Refused> {
        let condition = self.words.turnstile.try_lock(platform, Intent::Transaction)?;
        fence(Ordering::SeqCst);
        if !self.is_empty() {
            let _ = self.count_out_the_dead(platform);
            if !self.is_empty() {
                self.words.turnstile.unlock(platform);
                return Err(Refused::Busy);
            }
        }
        self.words.turnstile.work_in_place();
        Ok(condition)
    }

    /// Turns the write lock into a read lock, in one step. Only its holder may call this.
    pub(super) fn downgrade<P: Platform + ?Sized>(&self, platform: &P) -> Result<(), Refused> {
        self.extend_reach(platform.me());
        // Relaxed: the next writer sees it by the turnstile.
        let counted = self.count_of(platform.me()).and_then(|count| add_one(count, Ordering::Relaxed));
        self.words.turnstile.unlock(platform);
        counted
    }

    fn reached(&self) -> &'m [Readers] {
        let reach = self.words.reach.load(Ordering::Relaxed) as usize;
        &self.readers[..reach.min(self.readers.len())]
    }

    /// Whether each counter is 0 when it is checked. The caller has the turnstile: a reader that comes later takes its
    /// count back, so a counter that was 0 once does not matter any more.
    fn is_empty(&self) -> bool {
        self.reached().iter().all(|readers| readers.count.load(Ordering::Acquire) == 0)
    }

    /// Waits until the readers have left.
    #[cold]
    #[inline(never)]
    fn drain<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        deadline: Option<Instant>,
    ) -> Result<(), Unmet> {
        block_until(platform, &self.words.drained, budget, deadline, |announced| {
            if self.is_empty() {
                return Attempt::Done(());
            }
            if announced {
                let counted = self.count_out_the_dead(platform);
                if self.is_empty() {
                    return Attempt::Done(());
                }
                if counted.is_err() {
                    return Attempt::Unknown;
                }
            }
            Attempt::Suspect
        })
    }

    /// Sets the counters of dead readers to 0: a system call or two for each participant that reads. A plain store, for nobody raises
    /// the counter of a dead participant while its number is pinned, so that a second store is harmless, too.
    #[cold]
    fn count_out_the_dead<P: Platform + ?Sized>(&self, platform: &P) -> Result<bool, Fault> {
        let mut found = Findings::default();
        for (index, Readers { count }) in self.reached().iter().enumerate() {
            if count.load(Ordering::Relaxed) != 0
                && let Some(who) = ParticipantId::from_index(index)
            {
                found.ask(platform, who, |_| count.store(0, Ordering::Relaxed));
            }
        }
        found.found()
    }

    /// Takes out what the dead participant had, and wakes the others. A second sweeper is harmless, as in
    /// [`count_out_the_dead`](Self::count_out_the_dead).
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        self.words.turnstile.sweep(dead, platform);
        if let Ok(count) = self.count_of(dead.who()) {
            count.store(0, Ordering::Relaxed);
        }
        self.words.drained.rouse(platform);
    }
}
