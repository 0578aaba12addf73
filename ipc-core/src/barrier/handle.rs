//! The barrier's handle.

use super::words::{self, View, Words};
use crate::error::{BarrierError, BarrierTimeoutError, Fault, JoinError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Footprint, Kind, Schema, Shape, ShapeError, handle, of_view};
use crate::platform::{Platform, Use};
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What a barrier should be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many parties wait for each other.
    pub parties: Option<u32>,
}

impl<H> Builder<'_, Options, H> {
    /// Sets how many parties wait for each other: at most 65 536. A creator must set it. An opener that sets it gets an error if it
    /// differs.
    pub fn parties(mut self, number: u32) -> Self {
        self.wanted.parties = Some(number);
        self
    }
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl Blueprint for Options {
    const KIND: Kind = Kind::Barrier;
    type Object = Words;
    type Handle<'m, P: Platform> = Barrier<'m, P>;

    fn shape(&self) -> Shape {
        Shape::untyped::<u64>(Kind::Barrier, self.parties.unwrap_or(0).into(), Schema::NONE)
    }

    fn complete(&self) -> Result<(Shape, u32), ShapeError> {
        let parties = words::possible(self.parties.ok_or(ShapeError::Unsaid)?.into())?;
        Ok((self.shape(), parties))
    }

    unsafe fn lay(&self, memory: Memory<'_>, parties: &u32, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller has the memory to itself.
        unsafe { View::lay(memory, *parties) }
    }

    of_view!(Barrier<'m, P>: |_, view, _, platform| Barrier::over(view, platform));
}

/// What a party that has met the others learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Returns whether this party leads: one of all parties does, each time.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

/// A point where parties wait for each other, between processes: what [`std::sync::Barrier`] is between threads, and it does not
/// wait for the dead.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let round = region.barrier("round").parties(2).open_or_create()?;
/// # let other = round.clone();
/// # let other = std::thread::spawn(move || other.wait().unwrap().is_leader());
/// let leads = round.wait()?.is_leader();
/// // Both have come. One of them leads.
/// # assert_ne!(leads, other.join().unwrap());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A party that cannot go on breaks the barrier, and the others learn of it until it is whole again:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// use ipc_posix::BarrierError;
///
/// let round = region.barrier("round").parties(2).open_or_create()?;
/// round.join()?; // its death is noticed from here on
/// assert!(round.abort()?);
/// assert_eq!(round.wait().unwrap_err(), BarrierError::Broken);
/// round.reset()?;
/// assert!(!round.is_broken());
/// round.leave()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Members, and what becomes of the others when one dies
///
/// A party is a thread that waits; each takes one of as many seats as there are parties. Its process keeps the seat between
/// two rounds: it is a member, from its first [`wait`](Self::wait) on, or from [`join`](Self::join), until its last handle of
/// the barrier is dropped. If a member dies, whether it was waiting or about to come, the barrier breaks: every waiter (some
/// 12 ms after the kernel has released its memory; more where hundreds wait) and every thread that comes later gets [`BarrierError::Broken`], until somebody has
/// [reset](Self::reset) it, which also removes the dead. A process that exits without dropping its handles breaks it, too.
///
/// A party that gives up waiting breaks the barrier for the others, since they would wait for it in vain; so does
/// [`abort`](Self::abort). Either all parties of a round have met, or none has.
///
/// If a process is neither member nor waiting when it dies, nobody can know that it would have come: let each one
/// [`join`](Self::join) when it starts.
///
/// # Cost
///
/// Arriving is one compare-exchange and a load of each seat (8 bytes each). Every 12 ms one of the waiters checks whether the others
/// live: a system call for each, for 16 of them at a time. Waiting polls for some microseconds and lets others run, as long as
/// that helps, then sleeps. After `fork`, the child's handle answers with [`Fault::Forked`].
#[doc(alias = "pthread_barrier")]
pub struct Barrier<'m, P: Platform> {
    view: View<'m>,
    budget: SpinBudget,
    platform: P,
}

handle!(Barrier, "barrier", self => self.budget);

impl<P: Platform> Barrier<'_, P> {
    /// The bytes that a barrier for *n* parties takes in a region: for `RegionOptions::fit`.
    pub const fn footprint(parties: u32) -> Footprint {
        Footprint(words::bytes(parties))
    }
}

impl<P: Platform> Drop for Barrier<'_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.platform.leave(Use::Party, &|| self.view.leave(&self.platform));
        }
    }
}

impl<'m, P: Platform> Barrier<'m, P> {
    /// A handle that counts.
    fn over(view: View<'m>, platform: P) -> Self {
        if platform.is_here() {
            // A seat is taken later, by a wait or a join.
            platform.enter(Use::Party, &|| {});
        }
        Barrier { view, budget: SpinBudget::new(&platform), platform }
    }

    fn another(&self, platform: P) -> Self {
        Self::over(self.view, platform)
    }

    /// Returns how many parties wait for each other.
    pub fn parties(&self) -> u32 {
        self.view.parties()
    }

    /// Returns how many parties have come and wait for the others. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "n_waiting")]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.platform.assert_here();
        self.view.waiting()
    }

    /// Returns whether the barrier is broken. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "broken")]
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.platform.assert_here();
        self.view.is_broken()
    }

    /// Becomes a member ahead of the first [`wait`](Self::wait), so that the others learn if this process dies before. Call it
    /// once for each thread that will wait. Never waits.
    ///
    /// # Errors
    ///
    /// [`JoinError::Full`] if there are as many members as parties, dead ones included until a [`reset`](Self::reset).
    pub fn join(&self) -> Result<(), JoinError> {
        self.here()?;
        if self.view.join(&self.platform) { Ok(()) } else { Err(JoinError::Full) }
    }

    /// Ceases to be a member, with all threads of this process, except those that are waiting. Dropping the last handle does
    /// it, too. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn leave(&self) -> Result<(), Fault> {
        self.here()?;
        self.view.leave(&self.platform);
        Ok(())
    }

    /// Arrives, and blocks until all parties have.
    ///
    /// # Errors
    ///
    /// [`Broken`](BarrierError::Broken): see [above](Self#members-and-what-becomes-of-the-others-when-one-dies).
    pub fn wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_within(&Limit::Forever).map_err(BarrierTimeoutError::endless)
    }

    timed! {
        wait_timeout, wait_deadline, wait, "Arrives and waits"
        "If not all parties have come by then, the barrier breaks for all of them.",
        [&self] limit [] -> Result<BarrierWaitResult, BarrierTimeoutError> { self.wait_within(limit) }
    }

    fn wait_within(&self, limit: &Limit<P::Deadline>) -> Result<BarrierWaitResult, BarrierTimeoutError> {
        self.here()?;
        self.view.wait(&self.platform, &self.budget, limit).map(BarrierWaitResult)
    }

    /// Breaks the barrier for every waiter, and for every thread that comes until a [`reset`](Self::reset). Returns `true` if
    /// this call did it.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn abort(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.view.abort(&self.platform))
    }

    /// Makes the barrier whole again, without members that are dead; a system call or two for each member. Threads that wait
    /// just now are told that it is broken.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn reset(&self) -> Result<(), Fault> {
        self.here()?;
        self.view.reset(&self.platform)
    }
}
