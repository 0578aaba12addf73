//! Ends of values of serde's types: the ends of a pipe, whose bytes are messages.

use core::fmt;
use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::end::{DuplexEnd, Receiving, Sending, Whole, wait_for};
use super::ends::Side;
use super::frames::{Missed, Reader, Unsent, Writer};
use super::questions::questions;
use super::words::Values;
use crate::bytes::{read, write};
use crate::ends::messages;
use crate::error::{
    Fault, RecvValueError, RecvValueTimeoutError, SendValueError, SendValueTimeoutError, TryRecvValueError,
    TrySendValueError, WaitTimeoutError,
};
use crate::here::Here;
use crate::platform::{Located, Platform};
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::WaitStrategy;

/// An end of a [`ValueDuplex`](super::ValueDuplex), held until it is dropped. It sends `S` and receives `R`.
///
/// When this end is dropped, or its process killed, the other end receives what was sent, and then
/// [`Disconnected`](crate::error::RecvError::Disconnected); its sends are refused. A value that is longer than the ring, and whose sender was
/// killed in the middle of it, is an error first that [says so](RecvValueError::is_cut_off). All this is noticed at once if the other end
/// left, and within half a second by a wait if its process was killed.
///
/// [`split`](Self::split) gives the halves to two threads. Iterators are with the half that receives:
/// [`receiver_mut`](Self::receiver_mut).
///
/// # Guarantees
///
/// - What is received was sent in this session, once, whole and in order, whichever process is killed at whichever instruction.
/// - An operation that is refused or runs out of time has sent nothing and lost nothing.
/// - `try_` operations are wait-free, besides what it takes to write or read the value.
#[must_use = "the other end notices when this is dropped"]
pub struct ValueEnd<'m, S, R, P: Platform> {
    /// Dropped before the halves.
    whole: Whole<'m, P>,
    tx: ValueSender<'m, S, P>,
    rx: ValueReceiver<'m, R, P>,
}

/// The half of a [`ValueEnd`] that sends.
#[must_use = "the other end notices when this is dropped"]
pub struct ValueSender<'m, S, P: Platform> {
    bytes: Sending<'m, u8, P>,
    writer: Writer,
    terms: Terms,
    values: PhantomData<fn(S)>,
}

/// The half of a [`ValueEnd`] that receives.
#[must_use = "the other end notices when this is dropped"]
pub struct ValueReceiver<'m, R, P: Platform> {
    bytes: Receiving<'m, u8, P>,
    reader: Reader,
    terms: Terms,
    values: PhantomData<fn() -> R>,
}

/// How values are written, and how long they can be.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) format: u32,
    pub(super) most: usize,
}

/// The most bytes of a value where nobody has said, unless the ring is larger.
const MOST: usize = 16 << 20;

impl Terms {
    /// Of a pipe with this capacity.
    pub(super) fn new(values: Values, capacity: usize) -> Self {
        let most = if values.most == 0 { capacity.max(MOST).min(u32::MAX as usize) } else { values.most as usize };
        Terms { format: values.format, most }
    }
}

questions!(ValueEnd, "bytes");

/// How long a value can be.
macro_rules! limits {
    ($name:ident<$($T:ident),+>, $self:ident => $half:expr) => {
        impl<$($T,)+ P: Platform> $name<'_, $($T,)+ P> {
            /// Returns the most bytes of a value, as it is written.
            pub fn max_len(&$self) -> usize {
                $half.terms.most
            }
        }
    };
}
limits!(ValueEnd<S, R>, self => self.tx);
limits!(ValueSender<S>, self => self);
limits!(ValueReceiver<R>, self => self);

/// The questions of a half.
macro_rules! half {
    ($name:ident, $other:literal) => {
        $crate::object::named!([T, P: Platform] $name<'_, T, P>, Duplex, self => self.bytes);

        impl<T, P: Platform> $name<'_, T, P> {
            /// The name of the duplex in its region.
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

            #[allow(dead_code, reason = "for the one that receives")]
            pub(crate) fn platform(&self) -> &P {
                self.bytes.platform()
            }

            /// How many bytes fit into this direction.
            pub fn capacity(&self) -> usize {
                self.bytes.capacity()
            }

            #[doc = concat!("Whether there was a ", $other, " and none is left alive. Values may still be there. A system call if there is one.")]
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_disconnected(&self) -> bool {
                self.bytes.is_disconnected()
            }
        }

        // Shared memory is not touched: after a fork it is not there.
        impl<T, P: Platform + fmt::Debug> fmt::Debug for $name<'_, T, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.bytes).finish()
            }
        }
    };
}
half!(ValueSender, "receiver");
half!(ValueReceiver, "sender");

impl<'m, S, R, P: Platform> ValueEnd<'m, S, R, P> {
    /// The end of values over an end of bytes, which nobody has used.
    pub(super) fn over(bytes: DuplexEnd<'m, u8, u8, P>, terms: Terms) -> Self {
        let (whole, tx, rx) = bytes.into_parts();
        ValueEnd {
            whole,
            tx: ValueSender { bytes: tx, writer: Writer::new(), terms, values: PhantomData },
            rx: ValueReceiver { bytes: rx, reader: Reader::new(), terms, values: PhantomData },
        }
    }

    /// The half that sends.
    ///
    /// Of the two directions, one goes where only that is wanted:
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let talk = region.value_duplex::<String, u32>("talk").create()?;
    /// let (mut client, mut server) = (talk.client()?, talk.server()?);
    /// client.sender_mut().send(&"hello".to_owned())?;
    /// drop(client);
    /// assert_eq!(server.receiver_mut().iter().collect::<Vec<_>>(), ["hello"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sender_mut(&mut self) -> &mut ValueSender<'m, S, P> {
        &mut self.tx
    }

    /// The half that receives, with its iterators.
    pub fn receiver_mut(&mut self) -> &mut ValueReceiver<'m, R, P> {
        &mut self.rx
    }

    /// Splits the end into its halves, for two threads. Each half leaves by itself when it is dropped, as those of a
    /// [`DuplexEnd`](DuplexEnd::split) do.
    pub fn split(self) -> (ValueSender<'m, S, P>, ValueReceiver<'m, R, P>) {
        let ValueEnd { whole, tx, rx } = self;
        whole.split();
        (tx, rx)
    }
}

impl<S: Serialize + DeserializeOwned, P: Platform> ValueSender<'_, S, P> {
    fn put(&mut self, value: &S, limit: Option<&Limit<P::Deadline>>) -> Result<(), Unsent> {
        let message = write(self.terms.format, value)?;
        self.writer.send(&mut self.bytes, &message, self.terms.most, limit)
    }
}

impl<R, P: Platform> ValueReceiver<'_, R, P> {
    fn ready(&mut self, limit: &Limit<P::Deadline>) -> Result<(), Missed> {
        let collected = self.reader.collect(&mut self.bytes, self.terms.most, Some(&mut limit.over_all_waits()));
        collected.map_err(|refused| self.reader.missed(refused))
    }
}

impl<R: DeserializeOwned, P: Platform> ValueReceiver<'_, R, P> {
    fn next(&mut self, limit: Option<&Limit<P::Deadline>>) -> Result<R, Missed> {
        let mut waits = limit.map(Limit::over_all_waits);
        let collected = self.reader.collect(&mut self.bytes, self.terms.most, waits.as_mut());
        self.reader.finish(collected, self.bytes.capacity(), |message| read(self.terms.format, message))
    }
}

macro_rules! send_verbs {
    ($name:ident<$($T:ident),+>, $S:ident, $self:ident => $half:expr) => {
        impl<$($T,)+ P: Platform> $name<'_, $($T,)+ P>
        where
            $S: Serialize + DeserializeOwned,
        {
            /// Sends a value; blocks while there is no room for all of it. One that is longer than the ring goes through it in parts, while
            /// the other end receives it.
            ///
            /// # Errors
            ///
            /// [`Disconnected`](crate::error::SendBytesError::Disconnected) once the other end is gone;
            /// [`TooLong`](crate::error::SendBytesError::TooLong), with the limit; or that the value cannot be written. An error in the
            /// middle of a value that is longer than the ring is the end of this half: all further sends return it.
            pub fn send(&mut $self, value: &$S) -> Result<(), SendValueError> {
                Ok($half.put(value, Some(&Limit::Forever))?)
            }

            /// Sends a value if there is room for all of it. Never waits.
            ///
            /// # Errors
            ///
            /// [`Full`](crate::error::TrySendBytesError::Full), and those of [`send`](Self::send). A value that is longer than the ring
            /// [is too long](crate::error::TrySendBytesError::TooLong) for this form.
            pub fn try_send(&mut $self, value: &$S) -> Result<(), TrySendValueError> {
                Ok($half.put(value, None)?)
            }

            timed! {
                send_timeout, send_deadline, send, "Sends a value"
                "When the time is over, nothing was sent: a value that is longer than the ring is too long for this form.",
                [&mut $self, value: &$S] limit [] -> Result<(), SendValueTimeoutError> { Ok($half.put(value, Some(limit))?) }
            }
        }
    };
}
send_verbs!(ValueSender<S>, S, self => self);
send_verbs!(ValueEnd<S, R>, S, self => self.tx);

macro_rules! recv_verbs {
    ($name:ident<$($T:ident),+>, $R:ident, $self:ident => $half:expr) => {
        impl<$($T,)+ P: Platform> $name<'_, $($T,)+ P>
        where
            $R: DeserializeOwned,
        {
            /// Receives the oldest value; blocks while there is none.
            ///
            /// # Errors
            ///
            /// [`Disconnected`](crate::error::RecvError::Disconnected), once nothing is left and the other end is gone; before that, that a
            /// value [was cut off](RecvValueError::is_cut_off); or that the message is not a value of the type: it is dropped.
            pub fn recv(&mut $self) -> Result<$R, RecvValueError> {
                Ok($half.next(Some(&Limit::Forever))?)
            }

            /// Receives the oldest value if it has come as a whole. Never waits.
            ///
            /// # Errors
            ///
            /// [`Empty`](crate::error::TryRecvError::Empty), and those of [`recv`](Self::recv).
            pub fn try_recv(&mut $self) -> Result<$R, TryRecvValueError> {
                Ok($half.next(None)?)
            }

            timed! {
                recv_timeout, recv_deadline, recv, "Receives the oldest value"
                "What has come of it before the time is over is kept for the next call.",
                [&mut $self] limit [] -> Result<$R, RecvValueTimeoutError> { Ok($half.next(Some(limit))?) }
            }
        }

        impl<$($T,)+ P: Platform> $name<'_, $($T,)+ P> {
            /// Blocks until there is a value to receive, and receives nothing.
            ///
            /// # Errors
            ///
            /// Those of [`recv`](Self::recv).
            #[doc(alias = "poll")]
            pub fn wait_readable(&mut $self) -> Result<(), RecvValueError> {
                Ok($half.ready(&Limit::Forever)?)
            }

            timed! {
                wait_readable_timeout, wait_readable_deadline, wait_readable, "Waits for a value to receive",
                [&mut $self] limit [] -> Result<(), RecvValueTimeoutError> { Ok($half.ready(limit)?) }
            }
        }
    };
}
recv_verbs!(ValueReceiver<R>, R, self => self);
recv_verbs!(ValueEnd<S, R>, R, self => self.rx);
messages!(ValueReceiver<R: DeserializeOwned>, RecvValueError, TryRecvValueError);
