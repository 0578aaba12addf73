//! The mutex's words: the lock, which copy of the data counts, and how often its holder has entered; and where what lies.

use crate::error::{Fault, Refused};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, NotSeized, OwnerBits, ParticipantId, Seized};
use crate::place::OVERHEAD;
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering};
use crate::time::Instant;
use crate::wait::SpinBudget;
use crate::wait::policy::Pace;

use super::line::{SLEEPERS, is_handed_over, with_one_less, without_front};

const DIED: u32 = 1 << 29;
const POISONED: u32 = 1 << 28;
const TRANSACTION: u32 = 1 << 27;
const SHARED: u32 = 1 << 26;
const THREAD_SHIFT: u32 = 10;
const THREAD: u32 = 0xffff << THREAD_SHIFT;
const OWNER: OwnerBits = OwnerBits::LOW;
/// What a holder puts into the word, and takes out of it.
const HOLDER: u32 = TRANSACTION | SHARED | THREAD | OWNER.mask32();
const EVERYBODY: u32 = i32::MAX as u32;

/// A sleeper that was woken this often and found the lock taken again asks for a hand-off.
pub(super) const LOSSES: u32 = crate::sync::bound(3, 1);
/// Compare-exchanges of one call that peers may spoil in a row before the word is declared corrupted.
pub(super) const ATTEMPTS: u32 = 1 << 20;

/// What a locker learns about the data that it now has to itself: two bits of the word, so that the common case is one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition(u32);

impl Condition {
    /// Nothing happened to any holder.
    pub const CLEAN: Condition = Condition(0);

    fn of(word: u32) -> Self {
        Condition(word & (DIED | POISONED))
    }

    /// Whether a holder died while it had the lock, and nobody has declared the data consistent since.
    pub fn owner_died(self) -> bool {
        self.0 & DIED != 0
    }

    /// Whether a holder panicked while it had the lock, and nobody has declared the data consistent since.
    pub fn poisoned(self) -> bool {
        self.0 & POISONED != 0
    }
}

/// What the holder is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Change the data in place: if it dies, they are suspect.
    InPlace,
    /// Change a copy: if it dies, nothing has happened.
    Transaction,
    /// Let itself in among readers, see [`rwlock`](crate::rwlock): if it dies, nothing has happened.
    Shared,
}

/// The words. Small data follow on the same cache line.
#[repr(C)]
#[derive(Debug)]
pub struct Words {
    pub(super) raw: RawMutex,
    pub(super) versions: Versions,
    /// Of a [`ReentrantMutex`](super::ReentrantMutex): how often its holder has locked it.
    pub(super) depth: AtomicU32,
}

impl Words {
    /// An unlocked mutex, of which the first copy of the data counts.
    pub(super) fn new() -> Self {
        Words { raw: RawMutex::new(), versions: Versions::new(), depth: AtomicU32::new(0) }
    }
}

/// Bytes from the start of the object to the end of its words.
pub(super) const WORDS_END: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(WORDS_END == 140);

/// Where the two copies of the data lie, and how many elements each has.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub(super) first: usize,
    pub(super) stride: usize,
    pub(super) end: u64,
    pub(super) len: usize,
}

/// The most bytes of a copy: both fit an address space, with room to round.
const MOST: u64 = isize::MAX as u64 / 4;

impl Layout {
    /// For `len` elements of this size and alignment. `None` if there can be none.
    pub(super) const fn new(size: u64, align: u64, len: u64) -> Option<Self> {
        let bytes = size.saturating_mul(len);
        if len == 0 || len > MOST || bytes > MOST || align > OBJECT_ALIGN as u64 {
            return None;
        }
        let align = if align < 8 { 8 } else { align as usize };
        let stride = ((bytes as usize).next_multiple_of(8) + OVERHEAD).next_multiple_of(align);
        let first = WORDS_END.next_multiple_of(align);
        let end = (first + stride + stride).next_multiple_of(OBJECT_ALIGN) as u64;
        Some(Layout { first, stride, end, len: len as usize })
    }

    /// For `len` of `T`. `None` if there can be none.
    pub(super) const fn of_slice<T>(len: u64) -> Option<Self> {
        assert!(align_of::<T>() <= OBJECT_ALIGN, "the data of a mutex may be aligned to 128 bytes at most");
        Self::new(size_of::<T>() as u64, align_of::<T>() as u64, len)
    }

    /// For a `T`.
    pub(super) const fn of<T>() -> Self {
        Self::of_slice::<T>(1).expect("the data of a mutex fit an address space")
    }
}

/// A mutex in place: its words, and the memory with the copies.
pub type View<'m> = (&'m Words, Memory<'m>);

// SAFETY: atomics behind the header of every mutex; the copies are reached through pointers, under the lock.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[layout!(Words { raw, versions, depth })];
    const CAPACITY: Field = Field::Elements;
    type Geometry = Layout;
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<Layout, ShapeError> {
        shape.check_align()?;
        let layout = Layout::new(shape.element_size.into(), shape.element_align.into(), shape.capacity);
        layout.ok_or(ShapeError::Capacity { wanted: shape.capacity })
    }

    fn bytes(layout: &Layout) -> u64 {
        layout.end
    }

    unsafe fn view<'m>(memory: Memory<'m>, _: &Layout) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: WORDS_END as u64, found: memory.len() as u64 };
        // SAFETY: see above.
        let words = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        Ok((&words[0], memory))
    }

    fn sweep<P: Platform + ?Sized>((words, _): View<'_>, dead: &Dead, platform: &P) {
        words.raw.sweep(dead, platform);
    }

    fn holds((words, _): View<'_>, who: ParticipantId) -> bool {
        words.raw.owner() == Some(who)
    }
}

/// Which copy of the data counts. A holder that works in place changes that one. A transaction writes the other one and then
/// changes the word: one store, so that its death leaves the old value or the new one. Used only by the holder of the lock.
#[repr(transparent)]
#[derive(Debug)]
pub struct Versions(AtomicU32);

impl Versions {
    fn new() -> Self {
        Versions(AtomicU32::new(0))
    }

    /// The index of the copy that counts.
    #[inline]
    pub(super) fn current(&self) -> usize {
        // Acquire, with the commit of an owner that may have died before its unlock.
        (self.0.load(Ordering::Acquire) & 1) as usize
    }

    /// Makes the other copy the one that counts.
    pub(super) fn switch(&self, to: usize) {
        // Release: who reads the new index finds the copy whole.
        self.0.store(to as u32, Ordering::Release);
    }
}

/// The lock. Zero is unlocked.
#[repr(transparent)]
#[derive(Debug)]
pub struct RawMutex {
    pub(super) word: AtomicU32,
}

/// Who has the lock. A number that no correct peer writes is nobody.
pub(super) fn owner(word: u32) -> Option<ParticipantId> {
    OWNER.owner32(word)
}

impl RawMutex {
    /// An unlocked lock.
    #[allow(clippy::new_without_default, reason = "made in place only")]
    pub fn new() -> Self {
        RawMutex { word: AtomicU32::new(0) }
    }

    /// The common case of every lock: free, and nothing to tell.
    #[inline(always)]
    pub fn lock_first<P: Platform + ?Sized>(&self, platform: &P, intent: Intent) -> bool {
        let mine = mine(platform, intent);
        self.word.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes the lock if it is free or its holder is dead. Never waits; a system call or two if it is taken.
    pub fn try_lock<P: Platform + ?Sized>(&self, platform: &P, intent: Intent) -> Result<Condition, Refused> {
        self.try_thoroughly(platform, intent).map_err(|refused| match refused {
            Refused::Fault(Fault::DeathsUnknown) => Refused::Busy,
            refused => refused,
        })
    }

    pub(super) fn try_thoroughly<P: Platform + ?Sized>(
        &self,
        platform: &P,
        intent: Intent,
    ) -> Result<Condition, Refused> {
        let mine = mine(platform, intent);
        let mut word = self.word.load(Ordering::Relaxed);
        for _ in 0..ATTEMPTS {
            let taken = if owner(word).is_none() {
                // A hand-off is for sleepers, if they are not dead.
                if is_handed_over(word) && self.wake_next(platform, word) != 0 {
                    return Err(Refused::Busy);
                }
                self.take(word, mine, false)
            } else {
                self.take_over(word, mine, false, platform)?
            };
            match taken {
                Ok(condition) => return Ok(condition),
                Err(now) => word = now,
            }
        }
        Err(Refused::CORRUPTED)
    }

    /// Takes the lock, and waits for it until `deadline` at most (`None`: for ever).
    #[cold]
    #[inline(never)]
    pub fn lock_contended<P: Platform + ?Sized>(
        &self,
        platform: &P,
        intent: Intent,
        budget: &SpinBudget,
        deadline: Option<Instant>,
    ) -> Result<Condition, Refused> {
        let mine = mine(platform, intent);
        let mut word = self.word.load(Ordering::Relaxed);
        if self.is_mine(word, platform) {
            return Err(Refused::Mine);
        }
        if let Some(condition) = self.take_if_free(word, mine) {
            return Ok(condition);
        }
        // Each check takes the cache line from the holder, who is about to write it: they are far apart.
        let polled = budget.before_sleep(platform, deadline, Pace::LOCK, |_| {
            word = self.word.load(Ordering::Relaxed);
            self.take_if_free(word, mine)
        });
        let mut sleeper = match polled {
            Ok((condition, _)) => return Ok(condition),
            Err(sleeper) => sleeper,
        };
        let taken = self.sleep_for(word, platform, intent, deadline, &mut sleeper);
        budget.over(platform, sleeper, taken.is_ok());
        taken
    }

    /// For those who are awake: a lock that is handed over is not free.
    pub(super) fn take_if_free(&self, word: u32, mine: u32) -> Option<Condition> {
        if owner(word).is_some() || is_handed_over(word) {
            return None;
        }
        self.take(word, mine, false).ok()
    }

    /// From a free word. The sleepers' bits stay, for we may have been woken in somebody's place.
    pub(super) fn take(&self, word: u32, mine: u32, from_front: bool) -> Result<Condition, u32> {
        let free = if from_front { with_one_less(word) } else { word };
        let taken = (free & (SLEEPERS | DIED | POISONED)) | mine;
        self.word.compare_exchange(word, taken, Ordering::Acquire, Ordering::Relaxed).map(|_| Condition::of(taken))
    }

    /// From a dead owner. An error: it lives, or there is none; or the platform cannot tell.
    #[cold]
    pub(super) fn take_over<P: Platform + ?Sized>(
        &self,
        word: u32,
        mine: u32,
        from_front: bool,
        platform: &P,
    ) -> Result<Result<Condition, u32>, NotSeized> {
        let seized = Seized::try_new(platform, owner(word).ok_or(NotSeized::NotNow)?)?;
        let taken = after_death(if from_front { with_one_less(word) } else { word }) | mine;
        // Acquire: see the table.
        let result = self.word.compare_exchange(word, taken, Ordering::Acquire, Ordering::Relaxed);
        drop(seized);
        Ok(result.map(|_| Condition::of(taken)))
    }

    /// Gives the lock back. Only its holder may call this, once for each lock.
    #[inline(always)]
    pub fn unlock<P: Platform + ?Sized>(&self, platform: &P) {
        // Relaxed: these bits are the holder's, and nobody else changes them while it lives.
        let mine = self.word.load(Ordering::Relaxed) & HOLDER;
        let word = self.word.fetch_sub(mine, Ordering::Release);
        if word & SLEEPERS != 0 {
            self.wake(platform, word.wrapping_sub(mine));
        }
    }

    #[cold]
    #[inline(never)]
    fn wake<P: Platform + ?Sized>(&self, platform: &P, free: u32) {
        if self.wake_next(platform, free) == 0 {
            // Nobody sleeps. A waiter that is about to has seen a word with an owner, and the kernel will find another...
            let free = without_front(free);
            let quiet = free & !SLEEPERS;
            // Relaxed: it orders nothing, and if the word has changed somebody else sees to it.
            if self.word.compare_exchange(free, quiet, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                // ... unless it was a free word that was being handed over, or the same word is that of a later unlock, which wakes
                // one. The bits of those who have fallen asleep since the first wake are gone, so they have to announce themselves again.
                platform.wake(&self.word, EVERYBODY);
            }
        }
    }

    /// Marks the data as suspect because the holder panics. Only the holder may call this.
    pub fn poison(&self) {
        // Relaxed: the unlock that follows makes it visible.
        self.word.fetch_or(POISONED, Ordering::Relaxed);
    }

    /// Declares the data consistent.
    pub fn clear(&self) {
        // Release: who sees the data declared consistent sees them as they were then.
        self.word.fetch_and(!(DIED | POISONED), Ordering::Release);
    }

    /// The holder's transaction becomes a change in place: from now on the data are suspect if it dies.
    pub(crate) fn work_in_place(&self) {
        // Relaxed: the process that seizes the dead holder sees all that it did.
        self.word.fetch_and(!TRANSACTION, Ordering::Relaxed);
    }

    /// Whether somebody who has announced that it reads may do so: nobody has the lock, or only to let itself in among
    /// readers. The announcement and this look are `SeqCst`; see [`rwlock`](crate::rwlock).
    #[inline(always)]
    pub(crate) fn admits_readers(&self) -> Option<Condition> {
        let word = self.word.load(Ordering::SeqCst);
        (owner(word).is_none() || word & SHARED != 0).then(|| Condition::of(word))
    }

    /// What happened to former holders. A snapshot.
    pub fn condition(&self) -> Condition {
        Condition::of(self.word.load(Ordering::Acquire))
    }

    /// Who holds the lock, dead or alive. A snapshot.
    pub fn owner(&self) -> Option<ParticipantId> {
        owner(self.word.load(Ordering::Relaxed))
    }

    fn is_mine<P: Platform + ?Sized>(&self, word: u32, platform: &P) -> bool {
        let thread = thread(platform);
        thread != 0 && word & (THREAD | OWNER.mask32()) == thread | OWNER.name32(platform.me())
    }

    /// Whether the calling thread holds the lock, for certain.
    pub fn is_held_here<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        self.is_mine(self.word.load(Ordering::Relaxed), platform)
    }

    /// Frees the lock if the dead participant held it, and wakes the others.
    ///
    /// A second sweeper is harmless, however late: it changes a word that names the dead one, which none does again, or takes a
    /// hand-off back, whose sleepers it wakes.
    pub fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        let mut word = self.word.load(Ordering::Relaxed);
        // The others can only add bits: a handful of attempts is enough.
        for _ in 0..u32::BITS {
            // Without a hand-off: it would send a locker to sleep that comes after the wake-up below.
            let freed = without_front(match owner(word) {
                None => word,
                Some(who) if who == dead.who() => after_death(word),
                Some(_) => break,
            });
            if freed == word {
                break;
            }
            match self.word.compare_exchange(word, freed, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        // It may also have owed a wake-up, of this lock or of its last one; and it may have cleared the waiters' bit already.
        platform.wake(&self.word, EVERYBODY);
    }
}

/// The bits of the calling thread.
#[inline(always)]
fn thread<P: Platform + ?Sized>(platform: &P) -> u32 {
    u32::from(platform.thread()) << THREAD_SHIFT
}

#[inline(always)]
pub(super) fn mine<P: Platform + ?Sized>(platform: &P, intent: Intent) -> u32 {
    let owner = OWNER.name32(platform.me()) | thread(platform);
    match intent {
        Intent::InPlace => owner,
        Intent::Transaction => owner | TRANSACTION,
        Intent::Shared => owner | TRANSACTION | SHARED,
    }
}

/// The free word after its owner's death.
fn after_death(word: u32) -> u32 {
    let died = if word & TRANSACTION == 0 { DIED } else { 0 };
    (word & (SLEEPERS | DIED | POISONED)) | died
}
