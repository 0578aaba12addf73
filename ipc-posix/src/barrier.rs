//! Barriers: the handle and the builder.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::barrier::footprint;
use ipc_core::error::{BarrierError, BarrierTimeoutError, Fault, JoinError};
use ipc_core::memory::Memory;
use ipc_core::object::{Shape, ShapeError};

use crate::attachment::{Membership, Use};
use crate::clock;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::{Footprint, Region};

/// A builder: what a barrier should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct BarrierOptions<'r> {
    region: &'r Region,
    name: String,
    parties: Option<u32>,
}

impl<'r> BarrierOptions<'r> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        BarrierOptions { region, name: name.to_owned(), parties: None }
    }

    /// How many parties wait for each other: at most 65 536. Creators must say it; an opener who says it insists on it.
    pub fn parties(mut self, number: u32) -> Self {
        self.parties = Some(number);
        self
    }

    builder_ends!(Barrier, Barrier::new);
}

impl Blueprint for BarrierOptions<'_> {
    type Core = ipc_core::Barrier<'static, Membership>;

    fn shape(&self) -> Shape {
        Self::Core::shape(self.parties.unwrap_or(0))
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        let parties = self.parties.ok_or(ObjectErrorKind::NoCapacity)?;
        match parties {
            1..=ipc_core::barrier::MOST_PARTIES => Ok(footprint(parties)),
            _ => Err(ObjectErrorKind::Directory(ShapeError::Capacity { wanted: parties.into() }.into())),
        }
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::create(memory, self.parties.unwrap_or(0), membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        Self::Core::attach(memory, membership)
    }
}

/// What a party that has met the others learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether it is this one of all parties that leads: there is one each time.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

/// A point where so many parties wait for each other, between processes: what [`std::sync::Barrier`] is between threads, and it
/// does not wait for the dead.
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
/// # Members, and what becomes of the others when one dies
///
/// A party is a thread that waits; each takes one of as many seats as there are parties. Its process keeps the seat
/// between two rounds: it is a member, from its first [`wait`](Self::wait) on, or from [`join`](Self::join), until its last
/// handle of the barrier is dropped. If a member dies, whether it was waiting or about to come, the barrier breaks: everybody who
/// waits (within some 12 ms; more where hundreds wait) and everybody who comes gets [`BarrierError::Broken`], until somebody has
/// [reset](Self::reset) it, which also removes the dead. So does a process that exits without dropping its handles.
///
/// A party that gives up waiting breaks the barrier for the others, too, since they would wait for it in vain; and so does
/// [`abort`](Self::abort). Nobody is left behind: all parties of a round have met, or none has.
///
/// If a process is neither member nor waiting when it dies, nobody can know that it would have come: let each one
/// [`join`](Self::join) when it starts.
///
/// # Cost
///
/// Arriving is one compare-exchange and a look at all seats (8 bytes each). Whoever waits looks every 12 ms whether the others live: a
/// system call for each, and for 16 of them at a time. Waiting polls for some microseconds and lets others
/// run, as long as that helps, then sleeps. After `fork`, the child's handle answers with [`Fault::Forked`].
#[doc(alias = "pthread_barrier")]
pub struct Barrier {
    core: ipc_core::Barrier<'static, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched.
impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parties = self.core.parties();
        f.debug_struct("Barrier").field("name", &self.name).field("parties", &parties).finish_non_exhaustive()
    }
}

impl Clone for Barrier {
    fn clone(&self) -> Self {
        Self::counted(self.core.with_platform(self.core.platform().clone()), self.name.clone())
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        let platform = self.core.platform();
        if platform.is_here() && platform.remove_user(&self.name, Use::Barrier) {
            self.core.leave();
        }
    }
}

impl Barrier {
    fn new(core: ipc_core::Barrier<'static, Membership>, _region: &Region, name: &str) -> Self {
        Self::counted(core, name.into())
    }

    fn counted(core: ipc_core::Barrier<'static, Membership>, name: Arc<str>) -> Self {
        if core.platform().is_here() {
            core.platform().add_user(&name, Use::Barrier);
        }
        Barrier { core, name }
    }

    /// The bytes that a barrier for so many parties takes in a region: for
    /// [`RegionOptions::fit`](crate::RegionOptions::fit).
    pub const fn footprint(parties: u32) -> Footprint {
        Footprint(footprint(parties))
    }

    /// The barrier's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the barrier lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    fn here(&self) -> Result<&ipc_core::Barrier<'static, Membership>, Fault> {
        if self.core.platform().is_here() { Ok(&self.core) } else { Err(Fault::Forked) }
    }

    /// How many parties wait for each other.
    pub fn parties(&self) -> u32 {
        self.core.parties()
    }

    /// How many parties have come and wait for the others. A snapshot; 0 after a fork.
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> usize {
        self.here().map_or(0, |core| core.waiting())
    }

    /// Whether the barrier is broken. A snapshot; `false` after a fork.
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> bool {
        self.here().is_ok_and(|core| core.is_broken())
    }

    /// Becomes a member ahead of the first [`wait`](Self::wait), so that the others learn if this process dies before. Call it
    /// once for each thread that will wait. Never waits.
    ///
    /// # Errors
    ///
    /// [`JoinError::Full`] if there are as many members as parties, dead ones included until a [`reset`](Self::reset).
    pub fn join(&self) -> Result<(), JoinError> {
        self.here().map_err(JoinError::Fault)?.join()
    }

    /// Ceases to be a member, with all threads of this process, but for those that are waiting. Dropping the last handle does it,
    /// too. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn leave(&self) -> Result<(), Fault> {
        self.here().map(|core| core.leave())
    }

    /// Arrives, and waits until all parties have.
    ///
    /// # Errors
    ///
    /// [`Broken`](BarrierError::Broken): see [above](Self#members-and-what-becomes-of-the-others-when-one-dies).
    pub fn wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.here().map_err(BarrierError::Fault)?.wait().map(BarrierWaitResult)
    }

    /// Arrives, and waits at most so long until all parties have. If they have not, the barrier breaks for all of them.
    ///
    /// # Errors
    ///
    /// [`Timeout`](BarrierTimeoutError::Timeout), [`Broken`](BarrierTimeoutError::Broken).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult, BarrierTimeoutError> {
        self.wait_until(clock::after(timeout))
    }

    /// Arrives, and waits until then at most. If not all have come, the barrier breaks for all of them.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&self, deadline: Instant) -> Result<BarrierWaitResult, BarrierTimeoutError> {
        self.wait_until(clock::at(deadline))
    }

    fn wait_until(&self, deadline: ipc_core::Instant) -> Result<BarrierWaitResult, BarrierTimeoutError> {
        self.here().map_err(BarrierTimeoutError::Fault)?.wait_deadline(deadline).map(BarrierWaitResult)
    }

    /// Breaks the barrier for everybody who waits, and for everybody who comes until a [`reset`](Self::reset). `true` if this
    /// call did it.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn abort(&self) -> Result<bool, Fault> {
        self.here().map(|core| core.abort())
    }

    /// Makes the barrier whole again, without members that are dead; a system call or two for each member. Whoever waits just now is
    /// told that it is broken.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn reset(&self) -> Result<(), Fault> {
        self.here()?.reset()
    }
}
