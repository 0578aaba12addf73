//! The handle of a duplex of values, from which the ends are claimed.

use core::fmt;

use super::claim::ClaimError;
use super::ends::Side;
use super::handle::{Duplex, Elements};
use super::values::{Terms, ValueEnd};
use crate::error::{Fault, WaitTimeoutError};
use crate::object::{has_wait_strategy, named};
use crate::platform::{Located, Platform};
use crate::timed::timed;

/// A pipe of values in both directions between two processes: enums with data, strings, vectors, maps, whatever
/// [serde](https://serde.rs) can write and read back. The client sends `A` and receives `B`, the server the other way round.
///
/// It is a [`Duplex`] of bytes, with its ends, sessions and deaths. Values are written as in a
/// [`ValueQueue`](crate::bytes::ValueQueue), with its two formats and its limits. Both sides have to mean the same types: give the duplex a
/// [`schema`](crate::object::Builder::schema) number that changes with them.
///
/// # Lengths
///
/// A value that fits into the ring is sent in one step, as a whole or not at all, also by a process that is killed. A longer one, up to
/// [`max_len`](Self::max_len), goes through the ring in parts, by [`send`](ValueEnd::send) alone: the forms that give up might leave it in
/// the middle. If its sender is killed in the middle, the receiver gets an error that [says so](crate::error::RecvValueError::is_cut_off),
/// and then the end.
///
/// A receiver takes memory for what has come, whatever a faulty peer says of its length. A length above `max_len` is
/// [`Fault::Corrupted`], and so is all that comes behind it: where the next value begins is not known.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let words = region.value_duplex::<String, Vec<String>>("words").open_or_create()?;
/// let (mut server, mut client) = (words.server()?, words.client()?); // in two processes, usually
/// client.send(&"to be or not".to_owned())?;
/// let line = server.recv()?;
/// server.send(&line.split(' ').map(str::to_owned).collect())?;
/// assert_eq!(client.recv()?, ["to", "be", "or", "not"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The two processes meet:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let talk = region.value_duplex::<String, usize>("talk").create()?;
/// # let other = talk.clone();
/// # let server = std::thread::spawn(move || {
/// // One process:
/// let mut server = other.accept()?;
/// let text = server.recv()?;
/// server.send(&text.len())?;
/// # Ok::<(), ipc_posix::Error>(()) });
/// // The other one:
/// let mut client = talk.connect()?;
/// client.wait_for_peer()?; // it is there
/// client.send(&"hello".to_owned())?;
/// client.wait_readable()?;
/// assert_eq!(client.try_recv()?, 5);
/// # server.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "Pipe")]
pub struct ValueDuplex<'m, A, B, P> {
    bytes: Duplex<'m, u8, u8, P>,
    values: Elements<A, B>,
}

has_wait_strategy!(ValueDuplex<A, B>);
named!([A, B, P: Platform] ValueDuplex<'_, A, B, P>, Duplex, self => self.bytes);

impl<'m, A, B, P: Platform> ValueDuplex<'m, A, B, P> {
    /// Makes a duplex of values of a pipe.
    pub fn new(bytes: Duplex<'m, u8, u8, P>) -> Self {
        ValueDuplex { bytes, values: Elements::default() }
    }

    /// Returns the same handle of the values' bytes.
    pub fn bytes(&self) -> &Duplex<'m, u8, u8, P> {
        &self.bytes
    }

    /// The duplex's name in its region.
    pub fn name(&self) -> &str
    where
        P: Located,
    {
        self.bytes.name()
    }

    /// The region that the duplex lives in.
    pub fn region(&self) -> P::Region
    where
        P: Located,
    {
        self.bytes.region()
    }

    crate::object::waits!(self => self.bytes);

    pub(crate) fn platform(&self) -> &P {
        self.bytes.platform()
    }

    /// How many bytes fit into each direction. A value takes 4 more than it has as it is written.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Returns the most bytes of a value, as it is written.
    pub fn max_len(&self) -> usize {
        self.terms().most
    }

    fn terms(&self) -> Terms {
        Terms::new(self.bytes.both.values, self.capacity())
    }

    /// The process that holds an end, as it knows its own id. It may be dead, until a process notices.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn holder_pid(&self, side: Side) -> Option<u32> {
        self.bytes.holder_pid(side)
    }
}

impl<'m, A, B, P: Platform + Clone> ValueDuplex<'m, A, B, P> {
    /// Claims the server's end, until the result is dropped, as [`Duplex::server`]. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`Duplex::server`].
    pub fn server(&self) -> Result<ValueEnd<'m, B, A, P>, ClaimError> {
        self.bytes.server().map(|end| ValueEnd::over(end, self.terms()))
    }

    /// Claims the client's end, until the result is dropped, as [`Duplex::client`]. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`Duplex::client`].
    pub fn client(&self) -> Result<ValueEnd<'m, A, B, P>, ClaimError> {
        self.bytes.client().map(|end| ValueEnd::over(end, self.terms()))
    }

    /// Claims the server's end, and waits for a client, as [`Duplex::accept`].
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn accept(&self) -> Result<ValueEnd<'m, B, A, P>, Fault> {
        self.bytes.accept().map(|end| ValueEnd::over(end, self.terms()))
    }

    timed! {
        accept_timeout, accept_deadline, accept, "Claims the server's end and waits for a client"
        "After a timeout it is as if nothing had been claimed.",
        [&self] limit [] -> Result<ValueEnd<'m, B, A, P>, WaitTimeoutError> {
            self.bytes.accept_within(limit).map(|end| ValueEnd::over(end, self.terms()))
        }
    }

    /// Claims the client's end, and waits for a server, as [`Duplex::connect`].
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn connect(&self) -> Result<ValueEnd<'m, A, B, P>, Fault> {
        self.bytes.connect().map(|end| ValueEnd::over(end, self.terms()))
    }

    timed! {
        connect_timeout, connect_deadline, connect, "Claims the client's end and waits for a server"
        "After a timeout it is as if nothing had been claimed.",
        [&self] limit [] -> Result<ValueEnd<'m, A, B, P>, WaitTimeoutError> {
            self.bytes.connect_within(limit).map(|end| ValueEnd::over(end, self.terms()))
        }
    }
}

impl<A, B, P: Platform + Clone> Clone for ValueDuplex<'_, A, B, P> {
    fn clone(&self) -> Self {
        Self::new(self.bytes.clone())
    }
}

impl<A, B, P: Platform + fmt::Debug> fmt::Debug for ValueDuplex<'_, A, B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueDuplex").field(&self.bytes).finish()
    }
}
