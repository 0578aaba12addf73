//! Iterators over received messages.

use core::fmt;
use core::iter::FusedIterator;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::subscriber::Subscriber;
use crate::error::RecvBroadcastError;
use crate::platform::Platform;

/// Receives one message after the other, and blocks for each. Made by [`Subscriber::iter`].
///
/// It ends when the broadcast has ended and all is read, when messages were missed, or when the broadcast cannot be used.
/// [`end`](Self::end) says which. After a gap, a new iterator goes on behind it.
pub struct Iter<'s, 'm, T, P: Platform> {
    subscriber: &'s mut Subscriber<'m, T, P>,
    end: Option<RecvBroadcastError>,
}

/// Receives one message after the other, blocks for each, and holds the subscription. Made by [`Subscriber::into_iter`].
///
/// It ends as [`Iter`] does.
pub struct IntoIter<'m, T, P: Platform> {
    subscriber: Subscriber<'m, T, P>,
    end: Option<RecvBroadcastError>,
}

/// Receives the messages that are there, without waiting. Made by [`Subscriber::try_iter`].
///
/// It ends at the newest message, or where messages were missed. [`end`](Self::end) says which.
pub struct TryIter<'s, 'm, T, P: Platform> {
    subscriber: &'s mut Subscriber<'m, T, P>,
    end: Option<RecvBroadcastError>,
}

impl<'s, 'm, T, P: Platform> Iter<'s, 'm, T, P> {
    pub(super) fn new(subscriber: &'s mut Subscriber<'m, T, P>) -> Self {
        Iter { subscriber, end: None }
    }

    /// Why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<RecvBroadcastError> {
        self.end
    }
}

impl<'m, T, P: Platform> IntoIter<'m, T, P> {
    /// Why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<RecvBroadcastError> {
        self.end
    }

    /// Ends the iteration and returns the subscription.
    pub fn into_inner(self) -> Subscriber<'m, T, P> {
        self.subscriber
    }
}

impl<'s, 'm, T, P: Platform> TryIter<'s, 'm, T, P> {
    pub(super) fn new(subscriber: &'s mut Subscriber<'m, T, P>) -> Self {
        TryIter { subscriber, end: None }
    }

    /// Why the last step found no message; `None` if it found one.
    pub fn end(&self) -> Option<RecvBroadcastError> {
        self.end
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Iterator for Iter<'_, '_, T, P> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        self.subscriber.recv().map_err(|error| self.end = Some(error)).ok()
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Iterator for IntoIter<'_, T, P> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        self.subscriber.recv().map_err(|error| self.end = Some(error)).ok()
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Iterator for TryIter<'_, '_, T, P> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let received = self.subscriber.try_recv();
        self.end = received.as_ref().err().copied();
        received.ok()
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> FusedIterator for Iter<'_, '_, T, P> {}
impl<T: NoUninit + CheckedBitPattern, P: Platform> FusedIterator for IntoIter<'_, T, P> {}

macro_rules! debug {
    ($($iter:ident<$($lifetime:lifetime),+>),+) => {$(
        impl<T, P: Platform + fmt::Debug> fmt::Debug for $iter<$($lifetime,)+ T, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter)).field("subscriber", &self.subscriber).field("end", &self.end).finish()
            }
        }
    )+};
}
debug!(Iter<'_, '_>, IntoIter<'_>, TryIter<'_, '_>);

impl<'s, 'm, T: NoUninit + CheckedBitPattern, P: Platform> IntoIterator for &'s mut Subscriber<'m, T, P> {
    type Item = T;
    type IntoIter = Iter<'s, 'm, T, P>;

    fn into_iter(self) -> Iter<'s, 'm, T, P> {
        self.iter()
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> IntoIterator for Subscriber<'m, T, P> {
    type Item = T;
    type IntoIter = IntoIter<'m, T, P>;

    fn into_iter(self) -> IntoIter<'m, T, P> {
        IntoIter { subscriber: self, end: None }
    }
}
