//! Finding or creating a semaphore in a region.

use ipc_core::memory::Memory;
use ipc_core::object::{Kind, Shape, ShapeError};
use ipc_core::semaphore::MOST_PERMITS;

use super::handle::Semaphore;
use crate::attachment::Membership;
use crate::error::ObjectErrorKind;
use crate::object::{Blueprint, builder_ends};
use crate::region::Region;

/// The maximum, unless the creator says another one or begins with more.
const DEFAULT_MAX: u32 = 1024;

/// A builder: what a semaphore should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct SemaphoreOptions<'r> {
    region: &'r Region,
    name: String,
    permits: Option<u32>,
    max: Option<u32>,
    bounded: bool,
}

impl<'r> SemaphoreOptions<'r> {
    pub(crate) fn new(region: &'r Region, name: &str) -> Self {
        SemaphoreOptions { region, name: name.to_owned(), permits: None, max: None, bounded: false }
    }

    /// How many permits there are at the beginning. Creators must say it; it has no meaning for an existing semaphore.
    ///
    /// 0 is for signalling: whoever has something to tell [releases](Semaphore::release), whoever waits for it
    /// [acquires](Semaphore::acquire) and [forgets](crate::SemaphorePermit::forget).
    pub fn permits(mut self, permits: u32) -> Self {
        self.permits = Some(permits);
        self
    }

    /// The most permits that there can be at once, those that are held included: a release beyond it is an error. At most
    /// 1 048 575; each takes four bytes of the region. Default: 1024, or the number at the beginning if that is more. An
    /// opener who says it insists on it.
    pub fn max(mut self, permits: u32) -> Self {
        (self.max, self.bounded) = (Some(permits), false);
        self
    }

    /// As many permits as at the beginning are the most that there can be: a release of one that nobody has taken out of
    /// circulation is an error.
    #[doc(alias = "BoundedSemaphore")]
    pub fn bounded(mut self) -> Self {
        self.bounded = true;
        self
    }

    /// The maximum that the caller insists on; 0: none.
    fn wanted_max(&self) -> u32 {
        if self.bounded { self.permits.unwrap_or(0) } else { self.max.unwrap_or(0) }
    }

    builder_ends!(Semaphore, Semaphore::new);
}

/// The beginning and the maximum of a new semaphore.
fn figures(options: &SemaphoreOptions<'_>) -> Result<(u32, u32), ObjectErrorKind> {
    let permits = options.permits.ok_or(ObjectErrorKind::NoCapacity)?;
    let max = match (options.bounded, options.max) {
        (true, _) => permits,
        (false, Some(max)) => max,
        (false, None) => permits.max(DEFAULT_MAX),
    };
    let impossible = |wanted: u32| ObjectErrorKind::Directory(ShapeError::Capacity { wanted: wanted.into() }.into());
    match max {
        1..=MOST_PERMITS if permits <= max => Ok((permits, max)),
        1..=MOST_PERMITS => Err(impossible(permits)),
        _ => Err(impossible(max)),
    }
}

impl Blueprint for SemaphoreOptions<'_> {
    type Core = ipc_core::Semaphore<'static, Membership>;

    fn shape(&self) -> Shape {
        Shape::of::<u32>(Kind::Semaphore, self.wanted_max().into(), 0)
    }

    fn bytes(&self) -> Result<u64, ObjectErrorKind> {
        figures(self).map(|(_, max)| ipc_core::semaphore::layout::bytes(max))
    }

    fn create(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        let (permits, max) = figures(self).map_err(|_| ShapeError::Missing)?;
        ipc_core::Semaphore::create(memory, permits, max, membership)
    }

    fn attach(&self, memory: Memory<'static>, membership: Membership) -> Result<Self::Core, ShapeError> {
        ipc_core::Semaphore::attach(memory, membership)
    }
}
