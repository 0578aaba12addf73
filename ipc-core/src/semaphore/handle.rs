//! The semaphore's handle, and what moves no permit: looking, closing, repairing.

use super::word::{self, AVAILABLE, Place};
use super::words::{self, Stats, View, Words, possible};
use crate::error::Fault;
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Footprint, Kind, Schema, Shape, ShapeError, handle, of_view};
use crate::participant::{Findings, ParticipantId};
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering};
use crate::time::Timestamp;
use crate::wait::SpinBudget;

/// The maximum, unless the creator says another one or begins with more.
const DEFAULT_MAX: u32 = 1024;

/// What a semaphore should be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Permits at the beginning.
    pub permits: Option<u32>,
    /// The most permits.
    pub max: Option<u32>,
    /// Whether the most are as many as at the beginning.
    pub bounded: bool,
}

impl<H> Builder<'_, Options, H> {
    /// Sets how many permits there are at the beginning. A creator must set it. A semaphore that exists keeps its own number.
    ///
    /// 0 is for signalling: a notifier [releases](Semaphore::release), a waiter [acquires](Semaphore::acquire) and
    /// [forgets](super::Permit::forget).
    pub fn permits(mut self, permits: u32) -> Self {
        self.wanted.permits = Some(permits);
        self
    }

    /// Sets the most permits that there can be at once, those that are held included: a release beyond it is an error. At most
    /// 1 048 575; each takes four bytes of the region. Default: 1024, or the number at the beginning if that is more. An
    /// opener that sets it gets an error if it differs.
    pub fn max(mut self, permits: u32) -> Self {
        (self.wanted.max, self.wanted.bounded) = (Some(permits), false);
        self
    }

    /// Sets the most permits to the number at the beginning: a release is an error unless a permit was
    /// [forgotten](super::Permit::forget) before.
    #[doc(alias = "BoundedSemaphore")]
    pub fn bounded(mut self) -> Self {
        self.wanted.bounded = true;
        self
    }
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl Blueprint for Options {
    const KIND: Kind = Kind::Semaphore;
    type Object = Words;
    type Handle<'m, P: Platform> = Semaphore<'m, P>;

    fn shape(&self) -> Shape {
        let insisted = if self.bounded { self.permits } else { self.max };
        Shape::untyped::<u32>(Kind::Semaphore, insisted.unwrap_or(0).into(), Schema::NONE)
    }

    fn complete(&self) -> Result<(Shape, u32), ShapeError> {
        let permits = self.permits.ok_or(ShapeError::Unsaid)?;
        let max = match (self.bounded, self.max) {
            (true, _) => permits,
            (false, Some(max)) => max,
            (false, None) => permits.max(DEFAULT_MAX),
        };
        let max = possible(max.into())?;
        if permits > max {
            return Err(ShapeError::Capacity { wanted: permits.into() });
        }
        Ok((Shape::untyped::<u32>(Kind::Semaphore, max.into(), Schema::NONE), max))
    }

    unsafe fn lay(&self, memory: Memory<'_>, max: &u32, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, self.permits.ok_or(ShapeError::Unsaid)?, *max) }
    }

    of_view!(Semaphore<'m, P>: |_, view, _, platform| Semaphore::over(view, platform));
}

/// A counting semaphore between processes: it says how many may be in at once, or how many signals have come.
///
/// As a guard of places it works like [tokio's](https://docs.rs/tokio/latest/tokio/sync/struct.Semaphore.html): acquiring
/// gives a permit that goes back when it is dropped. As a signal it works like POSIX's: begin with 0 permits, anybody
/// [`release`](Self::release)s, and who waits acquires and [forgets](super::Permit::forget).
///
/// # Guarantees
///
/// - The permits of a dead process come back, exactly: those that it held, no more and no fewer. A process that waits for a permit
///   notices the death within some 20 ms, without anybody's help.
/// - A signal is posted once or not at all, whichever process dies and wherever; one that was consumed stays consumed.
/// - `acquire_many` takes all or none, and holds none while it waits. In line, it keeps out the calls behind it until it has all:
///   so a process that holds permits and waits for more can wait for itself, as with every fair semaphore.
/// - Nobody asleep costs nothing: then acquiring and releasing makes no system call.
/// - Nobody starves: a call that has waited for 5 ms takes a place in a line, which is served in order before all other calls that
///   block. Until then a permit goes to the call that comes first. `try_` forms, and calls whose time is over, take what is free.
///
/// # Handles
///
/// A handle can be cloned, sent and shared between threads. Each remembers which permit it had last, so threads that
/// acquire a lot are faster with one each. Permits belong to the process, not to the thread.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let slots = region.semaphore("slots").permits(4).open_or_create()?;
/// {
///     let _slot = slots.acquire()?;
///     assert_eq!(slots.available(), 3);
///     // ... at most four processes are here at once ...
/// }
/// assert_eq!(slots.available(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// As a signal:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let done = region.semaphore("done").permits(0).open_or_create()?;
/// # let worker = done.clone();
/// # std::thread::spawn(move || {
/// // The one who has something to tell, in any process:
/// worker.release(1).unwrap();
/// # });
/// // The one who waits for it:
/// done.acquire()?.forget()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BoundedSemaphore")]
#[doc(alias = "sem_t")]
#[doc(alias = "sem_open")]
pub struct Semaphore<'m, P> {
    pub(super) view: View<'m>,
    pub(super) platform: P,
    pub(super) me: ParticipantId,
    /// The word of a permit that we hold.
    pub(super) held: u32,
    /// Where the last permit was taken.
    pub(super) hint: AtomicU32,
    /// Where the last one was posted.
    pub(super) post_hint: AtomicU32,
    pub(super) budget: SpinBudget,
}

handle!(Semaphore, "semaphore", self => self.budget);

impl<P> Semaphore<'_, P> {
    /// The bytes that a semaphore with this maximum takes in a region.
    ///
    /// # Panics
    ///
    /// If the maximum is 0 or above 1 048 575.
    pub const fn footprint(max: u32) -> Footprint {
        assert!(max >= 1 && max <= word::MOST_PERMITS, "a semaphore has from 1 to 1048575 permits");
        Footprint(words::bytes(max))
    }

    /// The most permits that there can be at once, those that are held included.
    pub fn max(&self) -> u32 {
        self.view.max()
    }
}

/// What a check of all permits found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    /// Of those who hold some, or are about to post some. After the dead it is repaired; the others may be dead soon.
    pub(super) owners: Findings,
    /// Somebody is in the middle of posting several.
    pub(super) posting: bool,
    /// There are words that no correct peer writes.
    pub(super) corrupted: bool,
}

impl<'m, P: Platform> Semaphore<'m, P> {
    fn over(view: View<'m>, platform: P) -> Self {
        let me = platform.me();
        // Participants begin at different permits. A clone in a child after `fork` begins nowhere.
        let used = if platform.is_here() { view.used().len().max(1) } else { 1 };
        let hint = AtomicU32::new(u32::from(me.get() - 1) % used as u32);
        let budget = SpinBudget::new(&platform);
        Semaphore { view, platform, me, held: word::held(me), hint, post_hint: AtomicU32::new(0), budget }
    }

    fn another(&self, platform: P) -> Self {
        Semaphore::over(self.view, platform)
    }

    /// Permits that can be had. A snapshot: others may acquire and release meanwhile. What a dead process held is counted
    /// once somebody who needed it has taken it back.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "available_permits")]
    #[doc(alias = "sem_getvalue")]
    #[doc(alias = "get_value")]
    #[must_use]
    pub fn available(&self) -> u32 {
        self.platform.assert_here();
        self.view.count(AVAILABLE)
    }

    /// Returns the semaphore's figures: permits that can be had, that are held, and whether acquirers wait. A snapshot.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let slots = region.semaphore("slots").permits(4).bounded().create()?;
    /// let slot = slots.acquire()?;
    /// let stats = slots.stats();
    /// assert_eq!((stats.available, stats.held, stats.max), (3, 1, 4));
    /// assert!(!stats.awaited && !stats.closed);
    /// # drop(slot);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    /// Closes the semaphore for everybody, for good: acquirers get [`Closed`](crate::error::AcquireError::Closed) from now on, those who
    /// wait included. Permits that are held stay valid. `true` if this call did it, `false` if another one did.
    ///
    /// The closing is one step: a closer that is killed has closed the semaphore or not.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        let first = self.view.close();
        self.view.complete_closing(&self.platform);
        Ok(first)
    }

    /// Whether the semaphore is closed.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.is_closed(&self.platform)
    }

    /// Checks all permits, and repairs after owners that are dead: a system call or two for each owner.
    #[cold]
    #[inline(never)]
    pub(super) fn survey(&self) -> Survey {
        const WORDS: usize = ParticipantId::MAX as usize / 64 + 1;
        let mut asked = [0u64; WORDS];
        let mut found = Survey::default();
        for permit in self.view.used() {
            let owner = match Place::of(permit.load(Ordering::Relaxed)) {
                Place::Absent | Place::Available => continue,
                Place::Nowhere => {
                    found.corrupted = true;
                    continue;
                }
                Place::Held(owner) => owner,
                Place::Posting(owner) => {
                    found.posting = true;
                    owner
                }
            };
            let (word, bit) = (usize::from(owner.get() / 64), 1 << (owner.get() % 64));
            if owner == self.me || asked[word] & bit != 0 {
                continue;
            }
            asked[word] |= bit;
            found.owners.ask(&self.platform, owner, |dead| self.view.sweep(dead, &self.platform));
        }
        found
    }
}
