//! Iterators over received elements.

use core::fmt;
use core::iter::FusedIterator;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::error::{RecvError, TryRecvError};
use crate::platform::Platform;

use super::consumer::Consumer;

/// Receives one element after the other, and blocks for each. Made by [`Consumer::iter`].
///
/// It ends when nothing is left and the queue is closed or the producer is gone, or when the queue cannot be used.
/// [`end`](Self::end) says which.
pub struct Iter<'q, 'm, T, P: Platform> {
    consumer: &'q mut Consumer<'m, T, P>,
    end: Option<RecvError>,
}

/// Receives one element after the other, blocks for each, and holds the consuming end meanwhile. Made by [`Consumer::into_iter`].
///
/// It ends as [`Iter`] does.
pub struct IntoIter<'m, T, P: Platform> {
    consumer: Consumer<'m, T, P>,
    end: Option<RecvError>,
}

/// Receives the elements that are there, without waiting. Made by [`Consumer::try_iter`].
///
/// It ends when the queue is empty or cannot be used. [`end`](Self::end) says which.
pub struct TryIter<'q, 'm, T, P: Platform> {
    consumer: &'q mut Consumer<'m, T, P>,
    end: Option<TryRecvError>,
}

impl<'q, 'm, T, P: Platform> Iter<'q, 'm, T, P> {
    pub(super) fn new(consumer: &'q mut Consumer<'m, T, P>) -> Self {
        Iter { consumer, end: None }
    }

    /// Why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<RecvError> {
        self.end
    }
}

impl<'m, T, P: Platform> IntoIter<'m, T, P> {
    /// Why the iteration has ended; `None` while it goes on.
    pub fn end(&self) -> Option<RecvError> {
        self.end
    }

    /// Ends the iteration and returns the consuming end.
    pub fn into_inner(self) -> Consumer<'m, T, P> {
        self.consumer
    }
}

impl<'q, 'm, T, P: Platform> TryIter<'q, 'm, T, P> {
    pub(super) fn new(consumer: &'q mut Consumer<'m, T, P>) -> Self {
        TryIter { consumer, end: None }
    }

    /// Why the last step found no element; `None` if it found one.
    pub fn end(&self) -> Option<TryRecvError> {
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
        self.consumer.recv().map_err(|error| self.end = Some(error)).ok()
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Iterator for IntoIter<'_, T, P> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        self.consumer.recv().map_err(|error| self.end = Some(error)).ok()
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Iterator for TryIter<'_, '_, T, P> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let received = self.consumer.try_recv();
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
                f.debug_struct(stringify!($iter)).field("consumer", &self.consumer).field("end", &self.end).finish()
            }
        }
    )+};
}
debug!(Iter<'_, '_>, IntoIter<'_>, TryIter<'_, '_>);

impl<'q, 'm, T: NoUninit + CheckedBitPattern, P: Platform> IntoIterator for &'q mut Consumer<'m, T, P> {
    type Item = T;
    type IntoIter = Iter<'q, 'm, T, P>;

    fn into_iter(self) -> Iter<'q, 'm, T, P> {
        self.iter()
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> IntoIterator for Consumer<'m, T, P> {
    type Item = T;
    type IntoIter = IntoIter<'m, T, P>;

    fn into_iter(self) -> IntoIter<'m, T, P> {
        IntoIter { consumer: self, end: None }
    }
}
