//! Values of serde's types, through a byte queue.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::format::{self, FormatError};
use super::halves::{Receiver, Sender};
use super::handle::{ByteQueue, Stats};
use crate::ends::iterators;
use crate::error::{
    Fault, RecvError, RecvTimeoutError, RecvValueError, RecvValueTimeoutError, Refused, SendBytesTimeoutError,
    SendValueError, SendValueTimeoutError, TryRecvError, TryRecvValueError, TrySendValueError,
};
use crate::object::has_wait_strategy;
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

/// A [`ByteQueue`] of values: enums with data, strings, vectors, maps, whatever [serde](https://serde.rs) can write and read back. In
/// between they are bytes of the [postcard](https://postcard.jamesmunns.com) format: compact, and with a written specification. Or, with
/// the feature `cbor` and `self_describing` on the builder, of [CBOR](https://www.rfc-editor.org/rfc/rfc8949): longer, with the names of
/// fields and variants.
///
/// Both sides have to mean the same type: the bytes do not say. Give the queue a [`schema`](crate::object::Builder::schema) number
/// that changes with it. The format is the queue's: all that open it name the same one.
///
/// # What does not work
///
/// The default format does not describe itself: a reader must know what comes next. So these do not arrive, or arrive as another value:
///
/// | | postcard | CBOR |
/// |---|---|---|
/// | fields with `#[serde(skip_serializing_if)]` | no | yes, with a default |
/// | variants behind one with `#[serde(skip)]` | no | yes |
/// | enums with `#[serde(untagged)]` or `#[serde(tag = "...")]`, fields with `#[serde(flatten)]` | no | yes, but see below |
/// | other types that ask what is there (`deserialize_any`), as `serde_json::Value` | no | yes |
/// | `Some(None)` and `Some(())` | yes | arrive as `None` |
/// | values that are nested more than 128 deep | no | no |
/// | values with more than 65,536 elements that take no bytes, such as `()` | no | yes |
///
/// Inside of untagged, internally tagged and flattened parts, serde itself has no integers of 128 bits, and reads some types otherwise
/// than they are written in a format for machines, such as addresses of `std::net`.
///
/// In debug builds, a send reads its message back, and returns [`SendValueError::Value`] where it finds one of these (but not `Some(None)`).
/// In release builds only the receiver may notice.
///
/// # Bytes of another type
///
/// A receiver returns [`RecvValueError::Value`], or some value of its type. The limits above hold for it, too: no message overflows
/// its stack or keeps it busy without end. (In CBOR, a recursive untagged enum takes a copy of the rest for each level, and one of which two
/// variants can hold the same thing is tried in both, at each level: a type for trusted senders.)
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.value_queue::<(String, Vec<u32>)>("jobs").capacity(4096).open_or_create()?;
/// jobs.send(&("sum".to_owned(), vec![1, 2, 3]))?;
/// assert_eq!(jobs.recv()?, ("sum".to_owned(), vec![1, 2, 3]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The end of the last sender is the end of the stream for receivers; so is a queue that is closed:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let words = region.value_queue::<String>("words").capacity(4096).create()?;
/// let (sender, receiver) = (words.sender()?, words.receiver()?);
/// sender.send(&"hello".to_owned())?;
/// drop(sender);
/// assert_eq!(receiver.recv()?, "hello");
/// assert!(receiver.recv().unwrap_err().is_disconnected());
///
/// words.send(&"late".to_owned())?;
/// words.close()?;
/// assert_eq!(words.iter().collect::<Vec<_>>(), ["late"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ValueQueue<'m, T, P> {
    bytes: ByteQueue<'m, P>,
    values: PhantomData<fn(T) -> T>,
}

/// A handle that only sends values, and that counts as a sender. Made by [`ValueQueue::sender`]. See [`Sender`].
#[must_use = "the other end notices when this is dropped"]
pub struct ValueSender<'m, T, P: Platform> {
    bytes: Sender<'m, P>,
    values: PhantomData<fn(T) -> T>,
}

/// A handle that only receives values, and that counts as a receiver. Made by [`ValueQueue::receiver`]. See [`Sender`].
#[must_use = "the other end notices when this is dropped"]
pub struct ValueReceiver<'m, T, P: Platform> {
    bytes: Receiver<'m, P>,
    values: PhantomData<fn(T) -> T>,
}

/// What a queue of values and its halves have: what the queue of their bytes has.
macro_rules! queries {
    ($name:ident, $bytes:ident) => {
        $crate::object::named!([T, P: Platform] $name<'_, T, P>, ByteQueue, self => self.platform());

        impl<'m, T, P: Platform> $name<'m, T, P> {
            fn over(bytes: $bytes<'m, P>) -> Self {
                $name { bytes, values: PhantomData }
            }

            /// Returns the same handle of the values' bytes.
            pub fn bytes(&self) -> &$bytes<'m, P> {
                &self.bytes
            }

            /// The queue's name in its region.
            pub fn name(&self) -> &str
            where
                P: $crate::platform::Located,
            {
                self.platform().name()
            }

            /// The region that the queue lives in.
            pub fn region(&self) -> P::Region
            where
                P: $crate::platform::Located,
            {
                self.platform().region()
            }

            $crate::object::waits!(self => self.bytes);

            #[allow(dead_code, reason = "for those that iterate")]
            pub(crate) fn platform(&self) -> &P {
                self.bytes.platform()
            }

            /// Returns how many values are in the queue. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn len(&self) -> usize {
                self.bytes.len()
            }

            /// Returns whether there is no value. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.bytes.is_empty()
            }

            /// Returns whether there is no room for the longest value that is possible, as [`ByteQueue::is_full`]. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.bytes.is_full()
            }

            /// Returns the figures of the queue of bytes, as [`ByteQueue::stats`]. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn stats(&self) -> Stats {
                self.bytes.stats()
            }

            /// Returns the bytes of the longest value that is possible.
            pub fn capacity(&self) -> usize {
                self.bytes.capacity()
            }

            /// Closes the queue for everybody, for good, as [`ByteQueue::close`].
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`].
            pub fn close(&self) -> Result<bool, Fault> {
                self.bytes.close()
            }

            /// Returns whether the queue is closed. Values may still be there.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.bytes.is_closed()
            }
        }

        impl<T, P: Platform + Clone> Clone for $name<'_, T, P> {
            fn clone(&self) -> Self {
                Self::over(self.bytes.clone())
            }
        }

        impl<T, P: Platform + fmt::Debug> fmt::Debug for $name<'_, T, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.bytes).finish()
            }
        }
    };
}
queries!(ValueQueue, ByteQueue);
queries!(ValueSender, Sender);
queries!(ValueReceiver, Receiver);
has_wait_strategy!(ValueQueue<T>);

impl<'m, T, P: Platform> ValueQueue<'m, T, P> {
    /// Makes a queue of values of a queue of bytes.
    pub fn new(bytes: ByteQueue<'m, P>) -> Self {
        Self::over(bytes)
    }

    /// Makes a sender half, as [`ByteQueue::sender`].
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn sender(&self) -> Result<ValueSender<'m, T, P>, Fault>
    where
        P: Clone,
    {
        self.bytes.sender().map(ValueSender::over)
    }

    /// Makes a receiver half, as [`ByteQueue::receiver`].
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn receiver(&self) -> Result<ValueReceiver<'m, T, P>, Fault>
    where
        P: Clone,
    {
        self.bytes.receiver().map(ValueReceiver::over)
    }
}

impl<T, P: Platform> ValueSender<'_, T, P> {
    /// Returns whether receiver halves existed and no living process has one any more. A system call or more.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.bytes.is_disconnected()
    }
}

impl<T, P: Platform> ValueReceiver<'_, T, P> {
    /// Returns whether sender halves existed and no living process has one any more. Values may still be there. A system call or more.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.bytes.is_disconnected()
    }
}

macro_rules! send_verbs {
    ($name:ident, $bytes:ident) => {
        impl<T: Serialize + DeserializeOwned, P: Platform> $name<'_, T, P> {
            fn write(&self, value: &T) -> Result<Vec<u8>, FormatError> {
                format::write(self.bytes.watched().0.geometry.format, value)
            }

            #[doc = concat!("Sends a value if there is room, as [`", stringify!($bytes), "::try_send`].")]
            ///
            /// # Errors
            ///
            /// Those of the queue of bytes; or that the value cannot be written.
            pub fn try_send(&self, value: &T) -> Result<(), TrySendValueError> {
                Ok(self.bytes.try_send(&self.write(value)?)?)
            }

            #[doc = concat!("Sends a value. Blocks while there is no room, as [`", stringify!($bytes), "::send`].")]
            ///
            /// # Errors
            ///
            /// Those of the queue of bytes; or that the value cannot be written.
            pub fn send(&self, value: &T) -> Result<(), SendValueError> {
                Ok(self.bytes.send(&self.write(value)?)?)
            }

            timed! {
                send_timeout, send_deadline, send, "Sends a value",
                [&self, value: &T] limit [] -> Result<(), SendValueTimeoutError> {
                    let (queue, watch) = self.bytes.watched();
                    let sent: Result<(), SendBytesTimeoutError> = queue.send_within(&[&self.write(value)?], limit, watch);
                    Ok(sent?)
                }
            }
        }
    };
}
send_verbs!(ValueQueue, ByteQueue);
send_verbs!(ValueSender, Sender);

macro_rules! recv_verbs {
    ($name:ident, $bytes:ident) => {
        impl<T: DeserializeOwned, P: Platform> $name<'_, T, P> {
            fn read_within(&self, limit: &Limit<P::Deadline>) -> Result<Result<T, FormatError>, Refused> {
                let (queue, watch) = self.bytes.watched();
                queue.read_within(limit, watch, |message| format::read(queue.geometry.format, message))
            }

            #[doc = concat!("Receives the oldest value if there is one, as [`", stringify!($bytes), "::try_recv`].")]
            ///
            /// # Errors
            ///
            /// Those of the queue of bytes; or that the message is not a value of the type.
            pub fn try_recv(&self) -> Result<T, TryRecvValueError> {
                let (queue, watch) = self.bytes.watched();
                let value = queue.read_now(watch, |message| format::read(queue.geometry.format, message));
                Ok(value.map_err(TryRecvError::from)??)
            }

            #[doc = concat!("Receives the oldest value. Blocks while there is none, as [`", stringify!($bytes), "::recv`].")]
            ///
            /// # Errors
            ///
            /// Those of the queue of bytes; or that the message is not a value of the type.
            pub fn recv(&self) -> Result<T, RecvValueError> {
                Ok(self.read_within(&Limit::Forever).map_err(RecvError::from)??)
            }

            timed! {
                recv_timeout, recv_deadline, recv, "Receives the oldest value",
                [&self] limit [] -> Result<T, RecvValueTimeoutError> {
                    Ok(self.read_within(limit).map_err(RecvTimeoutError::from)??)
                }
            }
        }

        iterators!($name<T: DeserializeOwned>, T, RecvValueError, TryRecvValueError, recv, try_recv);
    };
}
recv_verbs!(ValueQueue, ByteQueue);
recv_verbs!(ValueReceiver, Receiver);
