//! Iterators over received messages.

use core::fmt;
use core::iter::FusedIterator;

use crate::here::Here;
use crate::platform::Platform;

/// Why a receive failed. Not for implementing elsewhere.
pub trait ReceiveError: Clone {
    /// Whether a message was taken whose bits are no value of the type. The next one may be good.
    fn is_bad_message(&self) -> bool;
}

/// Why a queue or a receiver half has no further message. Not for implementing elsewhere.
pub trait Ends {
    /// After a wait.
    type Error: ReceiveError;
    /// Without one.
    type TryError: ReceiveError;
    /// Its world.
    type Platform: Platform;

    /// Where it asks whether its memory is here.
    fn platform(&self) -> &Self::Platform;

    /// How many messages in a row that are no values a step passes over if it does not wait.
    fn patience(&self) -> usize;
}

/// The next message that is a value. Those before it, which are none, are counted: at most `most`, and then the next one's error.
#[inline]
pub(super) fn good<T, E: ReceiveError>(
    skipped: &mut u64,
    mut most: usize,
    mut receive: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    loop {
        let received = receive();
        match &received {
            // Each round takes a message away.
            Err(error) if error.is_bad_message() => *skipped += 1,
            _ => return received,
        }
        if most == 0 {
            return received;
        }
        most -= 1;
    }
}

/// What messages are received from: a queue, or a receiver half. Not for implementing elsewhere.
pub trait Receives<'q>: Ends {
    /// A message.
    type Item;

    /// Waits for a message.
    fn receive(&'q self) -> Result<Self::Item, Self::Error>;

    /// Takes a message that is there.
    fn try_receive(&'q self) -> Result<Self::Item, Self::TryError>;
}

/// Notes why the iteration ends. In a child after `fork` that would look as if there were no more messages: it panics there.
#[cold]
pub(crate) fn end<E>(platform: &impl Platform, error: E, end: &mut Option<E>) {
    platform.assert_here();
    *end = Some(error);
}

/// What is known about the rest: nothing, unless it is the end. Other processes send and receive meanwhile.
const fn rest(ended: bool) -> (usize, Option<usize>) {
    (0, if ended { Some(0) } else { None })
}

/// Waits for each message. Made by `iter()` of a queue or of a receiver half.
///
/// It ends when the queue is closed and drained, when (for a receiver half) the last sender is gone, or when the queue
/// cannot be used; [`end`](Self::end) says which. A message whose bits are no value of the type, from a peer with another type in
/// mind, is dropped; [`skipped`](Self::skipped) counts them.
///
/// # Panics
///
/// Each step, in a child after `fork`.
///
/// ```
/// # use ipc_posix::{RecvError, Region};
/// # let region = Region::options().anonymous()?;
/// # let log = region.byte_queue("log").capacity(80).create()?;
/// log.send(b"a line")?;
/// log.close()?;
/// let mut lines = log.iter();
/// assert_eq!(lines.by_ref().collect::<Vec<_>>(), [b"a line"]);
/// assert_eq!(lines.end(), Some(RecvError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an iterator receives nothing until it is asked for messages"]
pub struct Iter<'q, R: Ends> {
    from: &'q R,
    end: Option<R::Error>,
    skipped: u64,
}

impl<'q, R: Ends> Iter<'q, R> {
    pub(crate) fn new(from: &'q R) -> Self {
        Iter { from, end: None, skipped: 0 }
    }
}

impl<'q, R: Receives<'q>> Iterator for Iter<'q, R> {
    type Item = R::Item;

    fn next(&mut self) -> Option<R::Item> {
        if self.end.is_some() {
            return None;
        }
        good(&mut self.skipped, usize::MAX, || self.from.receive())
            .map_err(|error| end(self.from.platform(), error, &mut self.end))
            .ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        rest(self.end.is_some())
    }
}

impl<'q, R: Receives<'q>> FusedIterator for Iter<'q, R> {}

/// Takes the messages that are there. Made by `try_iter()` of a queue or of a receiver half.
///
/// It ends when there is no message, or when the queue cannot be used; [`end`](Self::end) says which. It may go on when further
/// messages have come. Messages that are no values are dropped, as by [`Iter`]. A step drops at most one more of them than the
/// capacity, so that it ends although a faulty peer sends nothing else: then [`end`](Self::end) returns the error of the last one, and
/// the next step goes on behind it.
///
/// # Panics
///
/// Each step, in a child after `fork`.
#[must_use = "an iterator receives nothing until it is asked for messages"]
pub struct TryIter<'q, R: Ends> {
    from: &'q R,
    end: Option<R::TryError>,
    skipped: u64,
}

impl<'q, R: Ends> TryIter<'q, R> {
    pub(crate) fn new(from: &'q R) -> Self {
        TryIter { from, end: None, skipped: 0 }
    }
}

impl<'q, R: Receives<'q>> Iterator for TryIter<'q, R> {
    type Item = R::Item;

    #[inline]
    fn next(&mut self) -> Option<R::Item> {
        self.end = None;
        good(&mut self.skipped, self.from.patience(), || self.from.try_receive())
            .map_err(|error| end(self.from.platform(), error, &mut self.end))
            .ok()
    }
}

/// Waits for each message, and owns the handle. Made by `into_iter()` of a queue or of a receiver half.
///
/// It ends, and panics, as [`Iter`] does.
#[must_use = "an iterator receives nothing until it is asked for messages"]
pub struct IntoIter<R: Ends> {
    from: R,
    end: Option<R::Error>,
    skipped: u64,
}

impl<R: Ends> IntoIter<R> {
    pub(crate) fn new(from: R) -> Self {
        IntoIter { from, end: None, skipped: 0 }
    }

    /// Returns the handle.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.from
    }
}

impl<R, T> Iterator for IntoIter<R>
where
    R: for<'q> Receives<'q, Item = T>,
{
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.end.is_some() {
            return None;
        }
        good(&mut self.skipped, usize::MAX, || self.from.receive())
            .map_err(|error| end(self.from.platform(), error, &mut self.end))
            .ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        rest(self.end.is_some())
    }
}

impl<R, T> FusedIterator for IntoIter<R> where R: for<'q> Receives<'q, Item = T> {}

/// What all iterators tell of themselves.
macro_rules! told {
    ($iter:ident $(<$lifetime:lifetime>)?, $error:ident, $why:literal) => {
        impl<R: Ends> $iter<$($lifetime,)? R> {
            #[doc = concat!("Returns why the ", $why, ".")]
            #[must_use]
            pub fn end(&self) -> Option<R::$error> {
                self.end.clone()
            }

            /// Returns how many messages were dropped because their bits are no value of the type.
            #[must_use]
            pub fn skipped(&self) -> u64 {
                self.skipped
            }
        }

        impl<R: Ends<Error: fmt::Debug, TryError: fmt::Debug> + fmt::Debug> fmt::Debug for $iter<$($lifetime,)? R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter)).field("from", &self.from).field("end", &self.end).field("skipped", &self.skipped).finish()
            }
        }
    };
}
told!(Iter<'_>, Error, "iteration has ended; `None` while it goes on");
told!(IntoIter, Error, "iteration has ended; `None` while it goes on");
told!(TryIter<'_>, TryError, "last step found no message; `None` if it found one");

/// Iterators of a type that receives: `iter`, `try_iter` and the two `IntoIterator`s, by two functions.
macro_rules! iterators {
    (lent $receives:ident $(<$T:ident: $($bound:path),+>)?, $item:ident, $error:ty, $try_error:ty, $recv:ident, $try_recv:ident) => {
        $crate::ends::iterators!(@ends $receives $(<$T: $($bound),+>)?, $error, $try_error);

        impl<'q, 'm: 'q, $($T: $($bound +)+ 'q,)? P: $crate::Platform + 'q> $crate::ends::Receives<'q> for $receives<'m, $($T,)? P> {
            type Item = $item<'q, 'm, $($T,)? P>;

            #[inline]
            fn receive(&'q self) -> Result<Self::Item, $error> {
                self.$recv()
            }

            #[inline]
            fn try_receive(&'q self) -> Result<Self::Item, $try_error> {
                self.$try_recv()
            }
        }

        impl<'q, 'm, $($T: $($bound +)+,)? P: $crate::Platform> IntoIterator for &'q $receives<'m, $($T,)? P> {
            type Item = $item<'q, 'm, $($T,)? P>;
            type IntoIter = $crate::ends::Iter<'q, $receives<'m, $($T,)? P>>;

            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }
    };
    ($receives:ident $(<$($T:ident: $($bound:path),+);+>)?, $item:ty, $error:ty, $try_error:ty, $recv:ident, $try_recv:ident) => {
        $crate::ends::iterators!(@ends $receives $(<$($T: $($bound),+);+>)?, $error, $try_error);

        impl<$($($T: $($bound +)+,)+)? P: $crate::Platform> $crate::ends::Receives<'_> for $receives<'_, $($($T,)+)? P> {
            type Item = $item;

            #[inline]
            fn receive(&self) -> Result<$item, $error> {
                self.$recv()
            }

            #[inline]
            fn try_receive(&self) -> Result<$item, $try_error> {
                self.$try_recv()
            }
        }

        impl<'q, 'm, $($($T: $($bound +)+,)+)? P: $crate::Platform> IntoIterator for &'q $receives<'m, $($($T,)+)? P> {
            type Item = $item;
            type IntoIter = $crate::ends::Iter<'q, $receives<'m, $($($T,)+)? P>>;

            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }

        impl<'m, $($($T: $($bound +)+,)+)? P: $crate::Platform> IntoIterator for $receives<'m, $($($T,)+)? P> {
            type Item = $item;
            type IntoIter = $crate::ends::IntoIter<Self>;

            fn into_iter(self) -> Self::IntoIter {
                $crate::ends::IntoIter::new(self)
            }
        }
    };
    (@ends $receives:ident $(<$($T:ident: $($bound:path),+);+>)?, $error:ty, $try_error:ty) => {
        impl<$($($T: $($bound +)+,)+)? P: $crate::Platform> $crate::ends::Ends for $receives<'_, $($($T,)+)? P> {
            type Error = $error;
            type TryError = $try_error;
            type Platform = P;

            fn platform(&self) -> &P {
                self.platform()
            }

            fn patience(&self) -> usize {
                self.capacity()
            }
        }

        impl<'m, $($($T: $($bound +)+,)+)? P: $crate::Platform> $receives<'m, $($($T,)+)? P> {
            /// Returns an iterator that waits for each message. `for message in &queue` does the same.
            pub fn iter(&self) -> $crate::ends::Iter<'_, Self> {
                $crate::ends::Iter::new(self)
            }

            /// Returns an iterator over the messages that are there, which does not wait.
            pub fn try_iter(&self) -> $crate::ends::TryIter<'_, Self> {
                $crate::ends::TryIter::new(self)
            }
        }
    };
}
pub(crate) use iterators;
