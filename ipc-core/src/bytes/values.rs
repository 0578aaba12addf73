//! Values of any type that serde knows, through a byte queue.

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::ByteQueue;
use crate::error::{RecvBytesError, SendBytesError};
use crate::platform::Platform;

/// A [`ByteQueue`] of values: enums with data, strings, vectors, maps, whatever [serde](https://serde.rs) can write and read back. In
/// between they are bytes of the [postcard](https://postcard.jamesmunns.com) format: compact, and with a written specification.
///
/// Both sides have to mean the same type: the bytes do not say. Give the queue a [`schema`](crate::object::Builder::schema) number
/// that changes with it.
///
/// ```
/// # use ipc_posix::Region;
/// use ipc_posix::ValueQueue;
///
/// # let region = Region::options().anonymous()?;
/// let bytes = region.byte_queue("jobs").capacity(4096).open_or_create()?;
/// let jobs = ValueQueue::<(String, Vec<u32>)>::new(bytes);
/// jobs.send(&("sum".to_owned(), vec![1, 2, 3]))?;
/// assert_eq!(jobs.recv()?, ("sum".to_owned(), vec![1, 2, 3]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ValueQueue<'m, T, P> {
    bytes: ByteQueue<'m, P>,
    values: PhantomData<fn(T) -> T>,
}

impl<T, P: Platform + fmt::Debug> fmt::Debug for ValueQueue<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueQueue").field(&self.bytes).finish()
    }
}

impl<T, P: Platform + Clone> Clone for ValueQueue<'_, T, P> {
    fn clone(&self) -> Self {
        Self::new(self.bytes.clone())
    }
}

/// A value was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendValueError {
    /// The queue did not take the bytes.
    Queue(SendBytesError),
    /// The value cannot be written in this format.
    Value(FormatError),
}

/// No value was received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvValueError {
    /// The queue did not give any bytes.
    Queue(RecvBytesError),
    /// The message's bytes are no value of the type. It was received and is dropped.
    Value(FormatError),
}

/// A value cannot be written as bytes, or bytes are not a value of the type. What it prints says why.
#[derive(Clone, PartialEq, Eq)]
pub struct FormatError(postcard::Error);

impl fmt::Debug for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormatError({})", self.0)
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for FormatError {}

impl fmt::Display for SendValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendValueError::Queue(error) => error.fmt(f),
            SendValueError::Value(error) => write!(f, "the value cannot be written: {error}"),
        }
    }
}

impl fmt::Display for RecvValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvValueError::Queue(error) => error.fmt(f),
            RecvValueError::Value(error) => write!(f, "the message is not a value of the type: {error}"),
        }
    }
}

impl Error for SendValueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SendValueError::Queue(error) => Some(error),
            SendValueError::Value(error) => Some(error),
        }
    }
}

impl Error for RecvValueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            RecvValueError::Queue(error) => Some(error),
            RecvValueError::Value(error) => Some(error),
        }
    }
}

impl<'m, T, P: Platform> ValueQueue<'m, T, P> {
    /// Makes a queue of values of a queue of bytes.
    pub fn new(bytes: ByteQueue<'m, P>) -> Self {
        ValueQueue { bytes, values: PhantomData }
    }

    /// Returns the queue of the values' bytes.
    pub fn bytes(&self) -> &ByteQueue<'m, P> {
        &self.bytes
    }

    /// Closes the queue, as [`ByteQueue::close`].
    pub fn close(&self) -> bool {
        self.bytes.close()
    }
}

impl<T: Serialize, P: Platform> ValueQueue<'_, T, P> {
    /// Sends a value if there is room, as [`ByteQueue::try_send`].
    ///
    /// # Errors
    ///
    /// Those of the queue; or that the value cannot be written.
    pub fn try_send(&self, value: &T) -> Result<(), SendValueError> {
        self.bytes.try_send(&write(value)?).map_err(SendValueError::Queue)
    }

    /// Sends a value. Blocks while there is no room, as [`ByteQueue::send`].
    ///
    /// # Errors
    ///
    /// Those of the queue; or that the value cannot be written.
    pub fn send(&self, value: &T) -> Result<(), SendValueError> {
        self.bytes.send(&write(value)?).map_err(SendValueError::Queue)
    }

    /// Sends a value. Blocks for at most the timeout, as [`ByteQueue::send_timeout`].
    ///
    /// # Errors
    ///
    /// Those of the queue; or that the value cannot be written.
    pub fn send_timeout(&self, value: &T, timeout: Duration) -> Result<(), SendValueError> {
        self.bytes.send_timeout(&write(value)?, timeout).map_err(SendValueError::Queue)
    }
}

impl<T: DeserializeOwned, P: Platform> ValueQueue<'_, T, P> {
    /// Receives the oldest value if there is one, as [`ByteQueue::try_recv`].
    ///
    /// # Errors
    ///
    /// Those of the queue; or that the message is not a value of the type.
    pub fn try_recv(&self) -> Result<T, RecvValueError> {
        read(self.bytes.try_recv_vec())
    }

    /// Receives the oldest value. Blocks while there is none, as [`ByteQueue::recv`].
    ///
    /// # Errors
    ///
    /// Those of the queue; or that the message is not a value of the type.
    pub fn recv(&self) -> Result<T, RecvValueError> {
        read(self.bytes.recv_vec())
    }

    /// Receives the oldest value. Blocks for at most the timeout, as [`ByteQueue::recv_timeout`].
    ///
    /// # Errors
    ///
    /// Those of the queue; or that the message is not a value of the type.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvValueError> {
        let mut message = Vec::new();
        read(self.bytes.recv_into_timeout(&mut message, timeout).map(|_| message))
    }
}

fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, SendValueError> {
    postcard::to_allocvec(value).map_err(|error| SendValueError::Value(FormatError(error)))
}

fn read<T: DeserializeOwned>(message: Result<Vec<u8>, RecvBytesError>) -> Result<T, RecvValueError> {
    let message = message.map_err(RecvValueError::Queue)?;
    match postcard::take_from_bytes(&message) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(RecvValueError::Value(FormatError(postcard::Error::DeserializeBadEncoding))),
        Err(error) => Err(RecvValueError::Value(FormatError(error))),
    }
}
