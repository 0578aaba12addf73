//! The handle from which the ends are claimed.

use std::fmt;
use std::sync::Arc;

use ipc_core::error::Fault;
use ipc_core::participant::ParticipantId;
use ipc_core::spsc::{self, End};

use super::consumer::Consumer;
use super::producer::Producer;
use crate::attachment::Membership;
use crate::region::{Footprint, Region};

/// A bounded queue of `T` from one process to another: the fastest way between two.
///
/// This handle moves nothing; it gives out the two ends, [`producer`](Self::producer) and [`consumer`](Self::consumer). Each is
/// held by one living handle at a time, in whatever process. An end comes free when its handle is dropped or its process dies,
/// and the next one to claim it goes on exactly there: everything that was sent is still there, and nothing comes twice.
///
/// # Guarantees
///
/// - Nothing is lost, doubled or torn, whichever process is killed at whichever instruction; a consumer that dies after its receive
///   has committed takes what it received with it. A batch is sent as a whole or not at all, also by a producer that is killed.
/// - `try_` operations are wait-free. Nobody asleep costs nothing: then no operation makes a system call. An operation takes no
///   read-modify-write and no fence (where the region uses `membarrier`, which is the default).
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let ticks = region.spsc::<u64>("ticks").capacity(1024).open_or_create()?;
/// let mut producer = ticks.producer()?;
/// let mut consumer = ticks.consumer()?; // in another process, usually
/// producer.send(1)?;
/// producer.send_slice(&[2, 3, 4])?;
/// drop(producer);
/// assert_eq!(consumer.iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "rtrb")]
#[doc(alias = "RingBuffer")]
#[doc(alias = "Pipe")]
pub struct Spsc<T> {
    core: ipc_core::Spsc<'static, T, Membership>,
    name: Arc<str>,
}

// Shared memory is not touched: after a fork it is not there.
impl<T> fmt::Debug for Spsc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spsc").field("name", &self.name).field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl<T> Clone for Spsc<T> {
    fn clone(&self) -> Self {
        Spsc { core: self.core.with_platform(self.core.platform().clone()), name: self.name.clone() }
    }
}

impl<T> Spsc<T> {
    pub(super) fn new(core: ipc_core::Spsc<'static, T, Membership>, _region: &Region, name: &str) -> Self {
        Spsc { core, name: name.into() }
    }

    fn is_here(&self) -> bool {
        self.core.platform().is_here()
    }

    /// The bytes that a queue of `T` with this capacity takes in a region: for [`RegionOptions::fit`](crate::RegionOptions::fit).
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or larger than an address space, or `T` is aligned to more than 128 bytes.
    pub const fn footprint(capacity: usize) -> Footprint {
        match spsc::footprint::<T>(capacity as u64) {
            Some(bytes) => Footprint(bytes),
            None => panic!("a queue's capacity is at least 1 and fits the address space"),
        }
    }

    /// The queue's name in its region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region that the queue lives in.
    pub fn region(&self) -> Region {
        Region::new(self.core.platform().clone())
    }

    /// How many elements fit.
    pub fn capacity(&self) -> usize {
        self.core.capacity()
    }

    /// Elements in the queue. A snapshot; 0 after a fork.
    pub fn len(&self) -> usize {
        if self.is_here() { self.core.stats().len as usize } else { 0 }
    }

    /// Whether there is no element. A snapshot.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the queue is closed. Messages may still be there.
    pub fn is_closed(&self) -> bool {
        self.is_here() && self.core.is_closed()
    }

    /// Closes the queue for both ends, for good; `true` if this call did. What is there can still be received.
    ///
    /// A message that the producer is sending at this very instant may still get in, and can be received like any other. The
    /// producer's own [`close`](Producer::close) has no such window.
    pub fn close(&self) -> bool {
        self.is_here() && self.core.close()
    }

    /// The process that holds the producing end, as it knows its own id. It may be dead, if nobody has noticed yet.
    pub fn producer_pid(&self) -> Option<u32> {
        self.holder(End::Producer).map(|who| pid(self.core.platform(), who))
    }

    /// The process that holds the consuming end, as it knows its own id. It may be dead, if nobody has noticed yet.
    pub fn consumer_pid(&self) -> Option<u32> {
        self.holder(End::Consumer).map(|who| pid(self.core.platform(), who))
    }

    fn holder(&self, end: End) -> Option<ParticipantId> {
        if !self.is_here() {
            return None;
        }
        let stats = self.core.stats();
        match end {
            End::Producer => stats.producer,
            End::Consumer => stats.consumer,
        }
    }

    /// Claims the producing end, until the result is dropped. Never waits.
    ///
    /// # Errors
    ///
    /// [`Held`](ClaimErrorKind::Held) if a living process (it may be this one) has it.
    pub fn producer(&self) -> Result<Producer<T>, ClaimError> {
        let core = self.claim(End::Producer, |core, membership| core.producer(membership))?;
        Ok(Producer::new(core, self.name.clone()))
    }

    /// Claims the consuming end, until the result is dropped. Never waits.
    ///
    /// # Errors
    ///
    /// [`Held`](ClaimErrorKind::Held) if a living process (it may be this one) has it.
    pub fn consumer(&self) -> Result<Consumer<T>, ClaimError> {
        let core = self.claim(End::Consumer, |core, membership| core.consumer(membership))?;
        Ok(Consumer::new(core, self.name.clone()))
    }

    fn claim<E>(
        &self,
        end: End,
        claim: impl Fn(&ipc_core::Spsc<'static, T, Membership>, Membership) -> Result<E, spsc::ClaimError>,
    ) -> Result<E, ClaimError> {
        let membership = self.core.platform();
        let error = |kind| ClaimError { name: self.name.clone(), end, kind };
        if !self.is_here() {
            return Err(error(ClaimErrorKind::Fault(Fault::Forked)));
        }
        claim(&self.core, membership.clone()).map_err(|refused| {
            error(match refused {
                spsc::ClaimError::Held(who) => ClaimErrorKind::Held { pid: pid(membership, who) },
                spsc::ClaimError::Contended => ClaimErrorKind::Contended,
                spsc::ClaimError::Fault(fault) => ClaimErrorKind::Fault(fault),
            })
        })
    }
}

fn pid(membership: &Membership, who: ParticipantId) -> u32 {
    membership.view().records().get(who.index()).map_or(0, |record| record.info().pid)
}

/// An end of a queue cannot be had.
///
/// ```
/// # use ipc_posix::{ClaimErrorKind, Region};
/// # let region = Region::options().anonymous()?;
/// let ticks = region.spsc::<u64>("ticks").capacity(4).create()?;
/// let _producer = ticks.producer()?;
/// let error = ticks.producer().unwrap_err();
/// assert_eq!(error.kind(), ClaimErrorKind::Held { pid: std::process::id() });
/// assert_eq!(
///     error.to_string(),
///     format!("one-to-one queue \"ticks\": process {} holds its producing end", std::process::id()),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimError {
    name: Arc<str>,
    end: End,
    kind: ClaimErrorKind,
}

/// Why an end of a queue cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimErrorKind {
    /// A living process has it.
    Held {
        /// Its process id, as it knows itself.
        pid: u32,
    },
    /// Others claim it and lose it all the time.
    Contended,
    /// The queue cannot be used.
    Fault(Fault),
}

impl ClaimError {
    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why.
    pub fn kind(&self) -> ClaimErrorKind {
        self.kind
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.end {
            End::Producer => "producing",
            End::Consumer => "consuming",
        };
        write!(f, "{} {}: ", ipc_core::object::Kind::Spsc, crate::error::Quoted(&self.name))?;
        match self.kind {
            ClaimErrorKind::Held { pid } => write!(f, "process {pid} holds its {end} end"),
            ClaimErrorKind::Contended => write!(f, "others claim its {end} end and lose it all the time"),
            ClaimErrorKind::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for ClaimError {}
