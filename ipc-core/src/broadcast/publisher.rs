//! Counted publishers.

use core::fmt;
use core::ops::Deref;

use super::handle::Broadcast;
use super::subscriber::Subscriber;
use crate::ends::{Half, Role, counted};
use crate::error::Fault;
use crate::platform::Platform;

counted!(Broadcast<T>);
counted!(Subscriber<T>);

/// A handle that counts as a publisher, and does all that a [`Broadcast`] does. Made by [`Broadcast::publisher`].
///
/// When the last one of the last living publisher process is dropped, or that process dies, subscribers read what is there and then
/// get [`Disconnected`](crate::error::RecvBroadcastError::Disconnected). Plain [`Broadcast`] handles do not count.
///
/// ```
/// # use ipc_posix::{RecvBroadcastError, Region};
/// # let region = Region::options().anonymous()?;
/// let news = region.broadcast::<u32>("news").capacity(4).create()?;
/// let (publisher, mut subscriber) = (news.publisher()?, news.subscribe()?);
/// publisher.publish(1)?;
/// drop(publisher);
/// assert_eq!(subscriber.recv(), Ok(1));
/// assert_eq!(subscriber.recv(), Err(RecvBroadcastError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Publisher<'m, T, P: Platform> {
    half: Half<Broadcast<'m, T, P>>,
}

crate::object::named!([T, P: Platform] Publisher<'_, T, P>, Broadcast, self => self.half.object());

impl<'m, T, P: Platform> Broadcast<'m, T, P> {
    /// Makes a handle that counts as a publisher. While a living process has one, subscribers do not report
    /// [`Disconnected`](crate::error::RecvBroadcastError::Disconnected).
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn publisher(&self) -> Result<Publisher<'m, T, P>, Fault>
    where
        P: Clone,
    {
        self.here()?;
        Ok(Publisher { half: Half::new(self.clone(), Role::Sender) })
    }
}

impl<'m, T, P: Platform> Deref for Publisher<'m, T, P> {
    type Target = Broadcast<'m, T, P>;

    #[inline(always)]
    fn deref(&self) -> &Broadcast<'m, T, P> {
        self.half.object()
    }
}

impl<T, P: Platform + Clone> Clone for Publisher<'_, T, P> {
    fn clone(&self) -> Self {
        Publisher { half: self.half.clone() }
    }
}

impl<T, P: Platform + fmt::Debug> fmt::Debug for Publisher<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("broadcast", &**self).finish()
    }
}
