//! Verbs for messages that are too large for the stack: the caller says where the message is, or where a copy of it goes.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::Broadcast;
use super::subscriber::Subscriber;
use crate::error::{
    Fault, PublishError, PublishTimeoutError, RecvBroadcastError, RecvBroadcastTimeoutError, TryPublishError,
    TryRecvBroadcastError,
};
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

impl<T: NoUninit, P: Platform> Broadcast<'_, T, P> {
    /// Publishes a copy of a message that stays where it is, if no subscriber is in the way, and returns its number, from 0.
    ///
    /// Waits no longer than [`try_publish`](Self::try_publish) does.
    ///
    /// # Errors
    ///
    /// Those of [`try_publish`](Self::try_publish), without the message.
    pub fn try_publish_from(&self, message: &T) -> Result<u64, TryPublishError<()>> {
        self.try_publish_copy(message).map_err(|refused| TryPublishError::of(refused, ()))
    }

    /// Publishes a copy of a message that stays where it is, and returns its number, from 0. Blocks as [`publish`](Self::publish) does.
    ///
    /// For messages that are too large for the stack.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().size(40 << 20).anonymous()?;
    /// type Picture = [u8; 16 << 20];
    /// let pictures = region.broadcast::<Picture>("pictures").capacity(2).create()?;
    /// let mut viewer = pictures.subscribe()?;
    /// let grey: Box<Picture> = vec![127; 16 << 20].try_into().unwrap();
    /// pictures.publish_from(&grey)?;
    /// let mut memory = Box::<Picture>::new_uninit();
    /// assert_eq!(viewer.recv_uninit(&mut memory)?[7], 127);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`publish`](Self::publish), without the message.
    pub fn publish_from(&self, message: &T) -> Result<u64, PublishError<()>> {
        self.publish_within(message, &Limit::Forever).map_err(|refused| PublishError::of(refused, ()))
    }

    timed! {
        publish_from_timeout, publish_from_deadline, publish_from, "Publishes a copy of a message",
        [&self, message: &T] limit [] -> Result<u64, PublishTimeoutError<()>> {
            self.publish_within(message, limit).map_err(|refused| PublishTimeoutError::of(refused, ()))
        }
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Subscriber<'_, T, P> {
    /// Receives the next message, if there is one, into memory that need not be initialised, and returns it. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`try_recv`](Self::try_recv).
    pub fn try_recv_uninit<'b>(&mut self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, TryRecvBroadcastError> {
        if !self.next_message(place)? {
            return Err(TryRecvBroadcastError::Empty);
        }
        // SAFETY: copied, and a value.
        Ok(unsafe { place.assume_init_mut() })
    }

    /// Receives the next message into memory that need not be initialised, and returns it. Blocks until there is one.
    ///
    /// For messages that are too large for the stack, through which [`recv`](Self::recv) hands them.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn recv_uninit<'b>(&mut self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, RecvBroadcastError> {
        // The end of time does not come.
        self.recv_uninit_within(place, &Limit::Forever, RecvBroadcastError::Fault(Fault::Corrupted))
    }

    timed! {
        recv_uninit_timeout, recv_uninit_deadline, recv_uninit, "Receives the next message",
        <'b> [&mut self, place: &'b mut MaybeUninit<T>] limit [] -> Result<&'b mut T, RecvBroadcastTimeoutError> {
            self.recv_uninit_within(place, limit, RecvBroadcastTimeoutError::Timeout)
        }
    }

    fn recv_uninit_within<'b, E: From<RecvBroadcastError>>(
        &mut self,
        place: &'b mut MaybeUninit<T>,
        limit: &Limit<P::Deadline>,
        late: E,
    ) -> Result<&'b mut T, E> {
        if !self.recv_to(place, limit)? {
            return Err(late);
        }
        // SAFETY: copied, and a value.
        Ok(unsafe { place.assume_init_mut() })
    }
}
