//! An end of bytes as a stream of `std::io`.

use std::io::{Error, ErrorKind, Read, Result, Write};

use super::DuplexEnd;
use crate::error::{TryRecvError, TrySendError};
use crate::platform::Platform;

impl<S, R, P: Platform> DuplexEnd<'_, S, R, P> {
    /// Sets whether `read` and `write` of this end return [`WouldBlock`](ErrorKind::WouldBlock) where they would wait. Default: no.
    ///
    /// Of this handle alone: the other end, the halves of a [split](Self::split) and the methods that are not of `std::io` are not
    /// concerned.
    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }
}

/// Blocks until there are bytes, and reads as many as there are. The end of the file comes when nothing is left and the other end is
/// gone, whether it left or was killed.
impl<S, P: Platform> Read for DuplexEnd<'_, S, u8, P> {
    #[inline]
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if !self.nonblocking {
            return self.receiver_mut().read(out);
        }
        match self.receiver_mut().try_recv_slice(out) {
            Ok(count) => Ok(count),
            Err(TryRecvError::Empty | TryRecvError::Busy) => Err(ErrorKind::WouldBlock.into()),
            Err(TryRecvError::Closed | TryRecvError::Disconnected) => Ok(0),
            Err(TryRecvError::Fault(fault)) => Err(Error::other(fault)),
        }
    }
}

/// Bytes are sent as they are written; there is no buffer to flush. Blocks until there is room for at least one. Once the other end is
/// gone it is a [`BrokenPipe`](ErrorKind::BrokenPipe): at once if it left; if it was killed, as soon as anybody has noticed, and at the
/// latest when there is no room.
impl<R, P: Platform> Write for DuplexEnd<'_, u8, R, P> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if !self.nonblocking {
            return self.sender_mut().write(bytes);
        }
        match self.sender_mut().try_send_slice(bytes) {
            Ok(count) => Ok(count),
            Err(TrySendError::Full(())) => Err(ErrorKind::WouldBlock.into()),
            Err(TrySendError::Fault((), fault)) => Err(Error::other(fault)),
            Err(gone) => Err(Error::new(ErrorKind::BrokenPipe, gone)),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
