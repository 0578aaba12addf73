//! An end of bytes as a stream of `std::io`.

use std::io::{Read, Result, Write};

use super::DuplexEnd;
use crate::platform::Platform;

impl<S, R, P: Platform> DuplexEnd<'_, S, R, P> {
    /// Sets whether `read` and `write` of this end return [`WouldBlock`](std::io::ErrorKind::WouldBlock) where they would wait. Default: no.
    ///
    /// The halves of a [split](Self::split) keep it, and have the same method. The other end and the methods that are not of `std::io` are
    /// not concerned.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// use std::io::{ErrorKind, Read};
    ///
    /// let pipe = region.pipe("shell").capacity(4096).create()?;
    /// let (mut client, _server) = (pipe.client()?, pipe.server()?);
    /// client.set_nonblocking(true);
    /// assert_eq!(client.read(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.sender_mut().set_nonblocking(nonblocking);
        self.receiver_mut().set_nonblocking(nonblocking);
    }
}

/// Blocks until there are bytes, and reads as many as there are. The end of the file comes when nothing is left and the other end is
/// gone, whether it left or was killed.
impl<S, P: Platform> Read for DuplexEnd<'_, S, u8, P> {
    #[inline]
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        self.receiver_mut().read(out)
    }
}

/// Bytes are sent as they are written; there is no buffer to flush. Blocks until there is room for at least one. Once the other end is
/// gone it is a [`BrokenPipe`](std::io::ErrorKind::BrokenPipe): at once if it left; if it was killed, as soon as anybody has noticed, and
/// at the latest when there is no room.
impl<R, P: Platform> Write for DuplexEnd<'_, u8, R, P> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.sender_mut().write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
