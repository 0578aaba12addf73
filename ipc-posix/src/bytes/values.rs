//! Values of any type that serde knows, through a byte queue.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use ipc_core::error::{RecvBytesError, SendBytesError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::ByteQueue;

/// A [`ByteQueue`] of values: enums with data, strings, vectors, maps, whatever [serde](https://serde.rs) can write and read back. In
/// between they are bytes of the [postcard](https://postcard.jamesmunns.com) format: compact, and with a written specification.
///
/// Both sides have to mean the same type: the bytes do not say. Give the queue a [`schema`](crate::ByteQueueOptions::schema) number that
/// changes with it.
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
pub struct ValueQueue<T> {
    bytes: ByteQueue,
    values: PhantomData<fn(T) -> T>,
}

impl<T> fmt::Debug for ValueQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueQueue").field(&self.bytes).finish()
    }
}

impl<T> Clone for ValueQueue<T> {
    fn clone(&self) -> Self {
        Self::new(self.bytes.clone())
    }
}

/// A value was not sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendValueError {
    /// The queue did not take the bytes.
    Queue(SendBytesError),
    /// The value cannot be written in this format.
    Value(postcard::Error),
}

/// No value was received.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvValueError {
    /// The queue did not give any bytes.
    Queue(RecvBytesError),
    /// The message's bytes are no value of the type. It was taken and is dropped.
    Value(postcard::Error),
}

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

impl std::error::Error for SendValueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SendValueError::Queue(error) => Some(error),
            SendValueError::Value(error) => Some(error),
        }
    }
}

impl std::error::Error for RecvValueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RecvValueError::Queue(error) => Some(error),
            RecvValueError::Value(error) => Some(error),
        }
    }
}

impl<T> ValueQueue<T> {
    /// Values through this queue.
    pub fn new(bytes: ByteQueue) -> Self {
        ValueQueue { bytes, values: PhantomData }
    }

    /// The queue of their bytes.
    pub fn bytes(&self) -> &ByteQueue {
        &self.bytes
    }

    /// Closes the queue, see [`ByteQueue::close`].
    pub fn close(&self) -> bool {
        self.bytes.close()
    }
}

impl<T: Serialize> ValueQueue<T> {
    /// Sends if there is room, see [`ByteQueue::try_send`].
    pub fn try_send(&self, value: &T) -> Result<(), SendValueError> {
        self.bytes.try_send(&write(value)?).map_err(SendValueError::Queue)
    }

    /// Sends, and waits for room if there is none, see [`ByteQueue::send`].
    pub fn send(&self, value: &T) -> Result<(), SendValueError> {
        self.bytes.send(&write(value)?).map_err(SendValueError::Queue)
    }

    /// Sends, and waits for room at most so long, see [`ByteQueue::send_timeout`].
    pub fn send_timeout(&self, value: &T, timeout: Duration) -> Result<(), SendValueError> {
        self.bytes.send_timeout(&write(value)?, timeout).map_err(SendValueError::Queue)
    }
}

impl<T: DeserializeOwned> ValueQueue<T> {
    /// Receives if a value is there, see [`ByteQueue::try_recv`].
    pub fn try_recv(&self) -> Result<T, RecvValueError> {
        read(self.bytes.try_recv_vec())
    }

    /// Receives, and waits for a value if there is none, see [`ByteQueue::recv`].
    pub fn recv(&self) -> Result<T, RecvValueError> {
        read(self.bytes.recv_vec())
    }

    /// Receives, and waits for a value at most so long, see [`ByteQueue::recv_timeout`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvValueError> {
        let mut message = Vec::new();
        read(self.bytes.recv_into_timeout(&mut message, timeout).map(|_| message))
    }
}

fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, SendValueError> {
    postcard::to_allocvec(value).map_err(SendValueError::Value)
}

fn read<T: DeserializeOwned>(message: Result<Vec<u8>, RecvBytesError>) -> Result<T, RecvValueError> {
    let message = message.map_err(RecvValueError::Queue)?;
    match postcard::take_from_bytes(&message) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(RecvValueError::Value(postcard::Error::DeserializeBadEncoding)),
        Err(error) => Err(RecvValueError::Value(error)),
    }
}
