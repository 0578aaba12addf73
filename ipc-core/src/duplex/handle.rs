//! The handle of a duplex, from which the ends are claimed.

use core::marker::PhantomData;

use super::claim::{ClaimError, ClaimErrorKind};
use super::end::{DuplexEnd, wait_for};
use super::ends::Side;
use super::words::{Both, Geometry, Words};
use crate::error::{Fault, WaitTimeoutError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Field, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema};
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::{Attempt, Chosen, SpinBudget, WaitStrategy, block_until};

/// It takes elements of both types, and gives them out.
pub(super) type Elements<A, B> = PhantomData<fn(A, B) -> (A, B)>;

/// What a duplex should be like.
#[derive(Debug)]
pub struct Options<A, B> {
    /// How many elements fit into each direction; 0: not said.
    pub capacity: u64,
    /// The users' version number of the element types.
    pub schema: Schema,
    element: Elements<A, B>,
}

impl<A, B> Options<A, B> {
    /// A duplex of `capacity` elements in each direction.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, schema: Schema::NONE, element: PhantomData }
    }
}

impl<A, B, H> Builder<'_, Options<A, B>, H> {
    /// Sets how many elements fit into each direction: any number from 1. An opener that sets it gets an error if it differs. Default,
    /// also for 0: 65,536 bytes for a pipe, as on Linux; 1024 elements otherwise, or fewer large ones, some 64 KiB in all, but 16 at least.
    ///
    /// The memory is that of the next power of two.
    pub fn capacity(mut self, elements: usize) -> Self {
        self.wanted.capacity = elements as u64;
        self
    }
}

has_schema!(Options<A, B>.schema);

/// Bytes of each direction of a pipe whose creator has said no capacity.
const PIPE: u64 = 1 << 16;

/// Size and alignment of an element.
const fn sizes<T>() -> [u32; 2] {
    [size_of::<T>() as u32, align_of::<T>() as u32]
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled. `shape` compares the client's
// elements, `accepts` the server's.
unsafe impl<A, B> Blueprint for Options<A, B> {
    const KIND: Kind = Kind::Duplex;
    type Object = Words;
    type Handle<'m, P: Platform> = Duplex<'m, A, B, P>;

    fn shape(&self) -> Shape {
        Shape::of::<A>(Kind::Duplex, self.capacity, self.schema).with_type::<(A, B)>(&self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        let fields = [Field::BackSize, Field::BackAlign].into_iter().zip(sizes::<B>().into_iter().zip(found.back));
        match fields.into_iter().find(|(_, (wanted, found))| wanted != found) {
            None => Ok(()),
            Some((field, (wanted, found))) => {
                Err(ShapeError::Differs { field, wanted: wanted.into(), found: found.into() })
            }
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let mut shape = self.shape();
        if shape.capacity == 0 {
            let larger = size_of::<A>().max(size_of::<B>()) as u32;
            let capacity = Shape { element_size: larger, ..shape }.with_default_capacity().capacity;
            shape.capacity = if larger == 1 { PIPE } else { capacity };
        }
        Geometry::of(&shape, sizes::<B>()).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { Both::<A, B>::lay(memory, geometry) }
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        geometry: &Geometry,
        platform: P,
    ) -> Result<Duplex<'m, A, B, P>, ShapeError> {
        // SAFETY: the caller's promise.
        Ok(Duplex::over(unsafe { Both::over(memory, geometry)? }, platform))
    }
}

/// A pipe in both directions between two processes: the client sends `A` and receives `B`, the server the other way round.
///
/// Both types are plain data, as for [`Queue`](crate::Queue). With `u8` for both it is a byte stream, whose ends are `io::Read` and
/// `io::Write`, like a `UnixStream`.
///
/// This handle moves nothing. It gives out the two ends. Each is held by one living process at a time; which one is the server is up to
/// the programs.
///
/// | to claim an end | the server's | the client's |
/// |---|---|---|
/// | and to wait for the other end | [`accept`](Self::accept) | [`connect`](Self::connect) |
/// | at once, or not at all | [`server`](Self::server) | [`client`](Self::client) |
///
/// # Sessions
///
/// A server and a client that meet have a session, which begins with nothing sent. It is over when both ends have been dropped, or
/// their processes killed; then the next ones can have one. So a process that is started again in place of a killed one meets a peer
/// that has noticed: it has read to the end of the file and claimed its end anew. While the peer has not, `accept` and `connect` wait
/// for it.
///
/// One that claims an end with [`client`](Self::client) may send and leave before there is a server: the next server receives what it
/// sent, and then the end.
///
/// ```
/// # use ipc_posix::Region;
/// use std::io::{BufRead, BufReader, Write};
///
/// # let region = Region::options().anonymous()?;
/// let shell = region.pipe("shell").capacity(4096).open_or_create()?;
/// let mut client = shell.client()?;
/// writeln!(client, "date")?;
/// writeln!(client, "uptime")?;
/// drop(client);
///
/// let server = shell.server()?; // in another process, usually
/// let lines: Vec<_> = BufReader::new(server).lines().collect::<Result<_, _>>()?;
/// assert_eq!(lines, ["date", "uptime"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The two processes meet, and each learns when the other one has left:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// use ipc_posix::RecvError;
///
/// let talk = region.duplex::<u32, char>("talk").create()?;
/// # let other = talk.clone();
/// # let server = std::thread::spawn(move || {
/// // One process:
/// let mut server = other.accept()?;
/// let number = server.recv()?;
/// server.send(char::from_u32(number).unwrap())?;
/// # Ok::<(), ipc_posix::Error>(()) });
/// // The other one:
/// let mut client = talk.connect()?;
/// client.wait_for_peer()?; // it is there
/// client.send(97)?;
/// client.wait_readable()?;
/// assert_eq!(client.try_recv(), Ok('a'));
/// # server.join().unwrap()?;
/// assert_eq!(client.recv(), Err(RecvError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "Pipe")]
#[doc(alias = "UnixStream")]
#[doc(alias = "socketpair")]
pub struct Duplex<'m, A, B, P> {
    pub(super) both: Both<'m, A, B>,
    platform: P,
    /// Of the ends that this handle claims.
    strategy: Chosen,
}

handle!(Duplex<A, B>, "duplex", self => self.strategy);

impl<A, B, P> Duplex<'_, A, B, P> {
    /// Returns the bytes that a duplex of `A` and `B` with this capacity takes in a region.
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or larger than an address space, or a type is aligned to more than 128 bytes.
    pub const fn footprint(capacity: usize) -> Footprint {
        match Geometry::new(capacity as u64, sizes::<A>(), sizes::<B>()) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a duplex's capacity is at least 1 and fits the address space"),
        }
    }

    /// How many elements fit into each direction.
    pub fn capacity(&self) -> usize {
        self.both.capacity as usize
    }
}

impl<'m, A, B, P: Platform> Duplex<'m, A, B, P> {
    fn over(both: Both<'m, A, B>, platform: P) -> Self {
        Duplex { both, platform, strategy: Chosen::new(WaitStrategy::Adaptive) }
    }

    fn another(&self, platform: P) -> Self {
        Duplex::over(self.both, platform)
    }

    /// The process that holds an end, as it knows its own id. It may be dead, until a process notices.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn holder_pid(&self, side: Side) -> Option<u32> {
        self.platform.assert_here();
        self.both.words.ends().holder(side).map(|holder| self.platform.process_id(holder))
    }
}

impl<'m, A, B, P: Platform + Clone> Duplex<'m, A, B, P> {
    /// Claims the server's end, until the result is dropped. Never waits.
    ///
    /// # Errors
    ///
    /// [`Held`](ClaimErrorKind::Held) if a living process (it may be this one) has it;
    /// [`Unfinished`](ClaimErrorKind::Unfinished) if the client is still in its session with the last server;
    /// [`Unread`](ClaimErrorKind::Unread) if the last server sent something and no client has come since.
    pub fn server(&self) -> Result<DuplexEnd<'m, B, A, P>, ClaimError> {
        self.claim(Side::Server).map(|start| self.server_end(start))
    }

    /// Claims the client's end, until the result is dropped. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`server`](Self::server), with the ends exchanged.
    pub fn client(&self) -> Result<DuplexEnd<'m, A, B, P>, ClaimError> {
        self.claim(Side::Client).map(|start| self.client_end(start))
    }

    /// Claims the server's end, and waits for a client. Blocks while the end cannot be had, and until a client comes.
    ///
    /// The client may have left since. What it has sent is received; one that has sent nothing is passed over.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn accept(&self) -> Result<DuplexEnd<'m, B, A, P>, Fault> {
        let met = self.meet(Side::Server, &Limit::Forever).map_err(WaitTimeoutError::endless);
        met.map(|start| self.server_end(start))
    }

    timed! {
        accept_timeout, accept_deadline, accept, "Claims the server's end and waits for a client"
        "After a timeout it is as if nothing had been claimed.",
        [&self] limit [] -> Result<DuplexEnd<'m, B, A, P>, WaitTimeoutError> {
            self.accept_within(limit)
        }
    }

    pub(super) fn accept_within(&self, limit: &Limit<P::Deadline>) -> Result<DuplexEnd<'m, B, A, P>, WaitTimeoutError> {
        self.meet(Side::Server, limit).map(|start| self.server_end(start))
    }

    /// Claims the client's end, and waits for a server. Blocks while the end cannot be had, and until a server comes.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn connect(&self) -> Result<DuplexEnd<'m, A, B, P>, Fault> {
        let met = self.meet(Side::Client, &Limit::Forever).map_err(WaitTimeoutError::endless);
        met.map(|start| self.client_end(start))
    }

    timed! {
        connect_timeout, connect_deadline, connect, "Claims the client's end and waits for a server"
        "After a timeout it is as if nothing had been claimed.",
        [&self] limit [] -> Result<DuplexEnd<'m, A, B, P>, WaitTimeoutError> {
            self.connect_within(limit)
        }
    }

    pub(super) fn connect_within(
        &self,
        limit: &Limit<P::Deadline>,
    ) -> Result<DuplexEnd<'m, A, B, P>, WaitTimeoutError> {
        self.meet(Side::Client, limit).map(|start| self.client_end(start))
    }

    /// The server's end, which was claimed, in a session that starts there.
    fn server_end(&self, start: u64) -> DuplexEnd<'m, B, A, P> {
        let rings = (self.both.back(start), self.both.there(start));
        DuplexEnd::new((self.both.words, Side::Server), rings, &self.platform, start, self.wait_strategy())
    }

    /// The client's end, which was claimed, in a session that starts there.
    fn client_end(&self, start: u64) -> DuplexEnd<'m, A, B, P> {
        let rings = (self.both.there(start), self.both.back(start));
        DuplexEnd::new((self.both.words, Side::Client), rings, &self.platform, start, self.wait_strategy())
    }

    /// Claims an end. Returns where its session starts.
    fn claim(&self, side: Side) -> Result<u64, ClaimError> {
        let claimed = match self.here() {
            Ok(()) => self.both.words.claim(side, &self.platform),
            Err(fault) => Err(ClaimErrorKind::Fault(fault)),
        };
        claimed.map_err(|kind| ClaimError::new(&self.platform, side, kind))
    }

    /// Claims an end and waits for somebody at the other one. Returns where the session starts.
    fn meet(&self, side: Side, limit: &Limit<P::Deadline>) -> Result<u64, WaitTimeoutError> {
        self.here()?;
        let (words, platform, mut waits) = (self.both.words, &self.platform, limit.over_all_waits());
        let claim = || match words.claim(side, platform) {
            Ok(start) => Attempt::Done(Ok(start)),
            Err(ClaimErrorKind::Fault(Fault::DeathsUnknown)) => Attempt::Unknown,
            Err(ClaimErrorKind::Fault(fault)) => Attempt::Done(Err(fault)),
            Err(_) => Attempt::NotYet,
        };
        let start = match claim() {
            Attempt::Done(claimed) => claimed?,
            _ => {
                let budget = SpinBudget::new(platform);
                budget.set_wait_strategy(self.wait_strategy());
                let attempt = |thorough: bool| if thorough || words.is_free(side) { claim() } else { Attempt::NotYet };
                block_until(platform, words.claims(), &budget, waits.deadline(platform), attempt)
                    .map_err(|unmet| unmet.or_fault(WaitTimeoutError::Timeout))??
            }
        };
        match wait_for(side.other(), words, platform, self.wait_strategy(), &mut waits) {
            Err(error) if words.withdraw(side, platform) => Err(error),
            // Or somebody has come at the last moment.
            _ => Ok(start),
        }
    }
}
