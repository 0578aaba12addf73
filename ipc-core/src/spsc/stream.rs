//! Ends of bytes as streams of `std::io`.

use std::io::{Error, ErrorKind, Read, Result, Write};

use super::consumer::Consumer;
use super::lane::Lane;
use super::producer::Producer;
use crate::error::{RecvError, Refused, SendTimeoutError, TryRecvError, TrySendError};
use crate::platform::Platform;
use crate::time::Limit;

impl<T, P: Platform, W: Lane> Consumer<'_, T, P, W> {
    /// Sets whether a `read` returns [`WouldBlock`](ErrorKind::WouldBlock) where it would wait. Default: no. The methods that are not of
    /// `std::io` are not concerned.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// use std::io::{ErrorKind, Read, Write};
    ///
    /// let bytes = region.spsc::<u8>("bytes").capacity(4).create()?;
    /// let (mut producer, mut consumer) = (bytes.producer()?, bytes.consumer()?);
    /// producer.set_nonblocking(true);
    /// consumer.set_nonblocking(true);
    /// assert_eq!(consumer.read(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// assert_eq!(producer.write(b"hello")?, 4);
    /// assert_eq!(producer.write(b"o").unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }
}

impl<P: Platform, W: Lane> Consumer<'_, u8, P, W> {
    #[cold]
    #[inline(never)]
    fn read_now(&mut self, out: &mut [u8]) -> Result<usize> {
        match self.try_recv_slice(out) {
            Ok(count) => Ok(count),
            Err(TryRecvError::Empty | TryRecvError::Busy) => Err(ErrorKind::WouldBlock.into()),
            Err(TryRecvError::Closed | TryRecvError::Disconnected) => Ok(0),
            Err(TryRecvError::Fault(fault)) => Err(Error::other(fault)),
        }
    }
}

impl<P: Platform, W: Lane> Producer<'_, u8, P, W> {
    #[cold]
    #[inline(never)]
    fn write_now(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.try_send_slice(bytes) {
            Ok(count) => Ok(count),
            Err(TrySendError::Full(())) => Err(ErrorKind::WouldBlock.into()),
            Err(TrySendError::Fault((), fault)) => Err(Error::other(fault)),
            Err(gone) => Err(Error::new(ErrorKind::BrokenPipe, gone)),
        }
    }
}

impl<T, P: Platform, W: Lane> Producer<'_, T, P, W> {
    /// Sets whether a `write` returns [`WouldBlock`](ErrorKind::WouldBlock) where it would wait. Default: no. The methods that are not of
    /// `std::io` are not concerned.
    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }
}

/// Blocks until there are bytes, and reads as many as there are. The end of the file is a queue that is empty and closed or left by
/// its producer.
impl<P: Platform, W: Lane> Read for Consumer<'_, u8, P, W> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if self.nonblocking {
            return self.read_now(out);
        }
        match self.recv_slice(out) {
            Ok(count) => Ok(count),
            Err(RecvError::Fault(fault)) => Err(Error::other(fault)),
            Err(_) => Ok(0),
        }
    }
}

/// Bytes are sent as they are written, in batches as large as there is room for. There is no buffer to flush. Errors are those of a
/// pipe: [`BrokenPipe`](ErrorKind::BrokenPipe) once the queue is closed or its reader gone.
impl<P: Platform, W: Lane> Write for Producer<'_, u8, P, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.nonblocking {
            return self.write_now(bytes);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        match self.reserve_many_within(bytes.len(), &mut Limit::Forever.over_all_waits()) {
            Ok(()) => Ok(self.push_some(bytes)),
            Err(Refused::Fault(fault)) => Err(Error::other(fault)),
            Err(refused) => Err(Error::new(ErrorKind::BrokenPipe, SendTimeoutError::of(refused, ()).endless())),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
