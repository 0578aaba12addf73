//! Iterators over the messages of an end that its holder has to itself: a consumer, a subscriber.

use core::fmt;
use core::iter::FusedIterator;

use super::iter::{ReceiveError, end as note, good};
use crate::platform::Platform;

/// An end that receives, and that one handle holds. Not for implementing elsewhere.
pub trait ReceivesAlone {
    /// A message.
    type Item;
    /// Why a blocking receive found none.
    type Error: ReceiveError + fmt::Debug;
    /// Why a receive that does not wait found none.
    type TryError: ReceiveError + fmt::Debug;

    /// Its world.
    type Platform: Platform;

    /// Where it asks whether its memory is here.
    fn platform(&self) -> &Self::Platform;

    /// Blocks for a message.
    ///
    /// # Errors
    ///
    /// Why there is no message.
    fn receive(&mut self) -> Result<Self::Item, Self::Error>;

    /// Takes a message that is there.
    ///
    /// # Errors
    ///
    /// Why there is no message.
    fn try_receive(&mut self) -> Result<Self::Item, Self::TryError>;

    /// How many messages in a row that are no values a step passes over if it does not wait.
    fn patience(&self) -> usize;

    /// How many messages are sure to be received: nobody else takes them.
    fn sure(&self) -> usize {
        0
    }
}

/// Receives one message after the other, and blocks for each. Made by `iter()` of a consumer or of a subscriber.
///
/// It ends when nothing more will come, when messages were missed, or when the object cannot be used. [`end`](Self::end) says
/// which. A new iterator goes on behind what was missed. A message whose bits are no value of the type, from a peer with another type
/// in mind, is dropped; [`skipped`](Self::skipped) counts them.
///
/// # Panics
///
/// Each step, in a child after `fork`.
///
/// ```
/// # use ipc_posix::{RecvError, Region};
/// # let region = Region::options().anonymous()?;
/// # let ticks = region.spsc::<u64>("ticks").capacity(4).create()?;
/// # let mut consumer = ticks.consumer()?;
/// ticks.producer()?.send(7)?;
/// ticks.close()?;
/// let mut messages = consumer.iter();
/// assert_eq!(messages.by_ref().collect::<Vec<_>>(), [7]);
/// assert_eq!(messages.end(), Some(RecvError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an iterator receives nothing until it is asked for messages"]
pub struct Messages<'q, R: ReceivesAlone> {
    from: &'q mut R,
    end: Option<R::Error>,
    skipped: u64,
}

/// Receives one message after the other, blocks for each, and holds the end meanwhile. Made by `into_iter()` of a consumer or of a
/// subscriber.
///
/// It ends, and panics, as [`Messages`] does.
#[must_use = "an iterator receives nothing until it is asked for messages"]
pub struct IntoMessages<R: ReceivesAlone> {
    from: R,
    end: Option<R::Error>,
    skipped: u64,
}

/// Receives the messages that are there, without waiting. Made by `try_iter()` of a consumer or of a subscriber.
///
/// It ends when there is no message, when messages were missed, or when the object cannot be used. [`end`](Self::end) says which.
/// Messages that are no values are dropped, as by [`Messages`]. A step drops at most one more of them than the capacity, so that it
/// ends although a faulty peer sends nothing else: then [`end`](Self::end) returns the error of the last one, and the
/// next step goes on behind it.
///
/// # Panics
///
/// Each step, in a child after `fork`.
#[must_use = "an iterator receives nothing until it is asked for messages"]
pub struct TryMessages<'q, R: ReceivesAlone> {
    from: &'q mut R,
    end: Option<R::TryError>,
    skipped: u64,
}

impl<'q, R: ReceivesAlone> Messages<'q, R> {
    pub(crate) fn new(from: &'q mut R) -> Self {
        Messages { from, end: None, skipped: 0 }
    }
}

impl<R: ReceivesAlone> IntoMessages<R> {
    pub(crate) fn new(from: R) -> Self {
        IntoMessages { from, end: None, skipped: 0 }
    }

    /// Ends the iteration and returns the end.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.from
    }
}

impl<'q, R: ReceivesAlone> TryMessages<'q, R> {
    pub(crate) fn new(from: &'q mut R) -> Self {
        TryMessages { from, end: None, skipped: 0 }
    }
}

/// The next message, unless the iteration is over.
#[inline]
fn next<R: ReceivesAlone>(from: &mut R, end: &mut Option<R::Error>, skipped: &mut u64) -> Option<R::Item> {
    if end.is_some() {
        return None;
    }
    good(skipped, usize::MAX, || from.receive()).map_err(|error| note(from.platform(), error, end)).ok()
}

/// What is known about the rest: the messages that are there, and whether it is the end.
fn hint<R: ReceivesAlone>(from: &R, ended: bool) -> (usize, Option<usize>) {
    if ended { (0, Some(0)) } else { (from.sure(), None) }
}

impl<R: ReceivesAlone> Iterator for Messages<'_, R> {
    type Item = R::Item;

    #[inline]
    fn next(&mut self) -> Option<R::Item> {
        next(self.from, &mut self.end, &mut self.skipped)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        hint(&*self.from, self.end.is_some())
    }
}

impl<R: ReceivesAlone> Iterator for IntoMessages<R> {
    type Item = R::Item;

    #[inline]
    fn next(&mut self) -> Option<R::Item> {
        next(&mut self.from, &mut self.end, &mut self.skipped)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        hint(&self.from, self.end.is_some())
    }
}

impl<R: ReceivesAlone> Iterator for TryMessages<'_, R> {
    type Item = R::Item;

    #[inline]
    fn next(&mut self) -> Option<R::Item> {
        self.end = None;
        good(&mut self.skipped, self.from.patience(), || self.from.try_receive())
            .map_err(|error| note(self.from.platform(), error, &mut self.end))
            .ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        hint(&*self.from, false)
    }
}

impl<R: ReceivesAlone> FusedIterator for Messages<'_, R> {}
impl<R: ReceivesAlone> FusedIterator for IntoMessages<R> {}

/// What all iterators tell of themselves.
macro_rules! told {
    ($iter:ident $(<$lifetime:lifetime>)?, $error:ident, $why:literal) => {
        impl<R: ReceivesAlone> $iter<$($lifetime,)? R> {
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

        impl<R: ReceivesAlone + fmt::Debug> fmt::Debug for $iter<$($lifetime,)? R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter)).field("from", &self.from).field("end", &self.end).field("skipped", &self.skipped).finish()
            }
        }
    };
}
told!(Messages<'_>, Error, "iteration has ended; `None` while it goes on");
told!(IntoMessages, Error, "iteration has ended; `None` while it goes on");
told!(TryMessages<'_>, TryError, "last step found no message; `None` if it found one");

/// Iterators of a type that receives alone: `iter`, `try_iter` and the two `IntoIterator`s.
macro_rules! messages {
    ($receives:ident<$T:ident: $($of:path),+ $(; $W:ident: $bound:path)?>, $error:ty, $try_error:ty $(, sure: $sure:ident)?) => {
        impl<$T: $($of +)+, P: $crate::Platform $(, $W: $bound)?> $crate::ends::ReceivesAlone
            for $receives<'_, $T, P $(, $W)?>
        {
            type Item = $T;
            type Error = $error;
            type TryError = $try_error;
            type Platform = P;

            fn platform(&self) -> &P {
                self.platform()
            }

            fn patience(&self) -> usize {
                self.capacity()
            }

            #[inline]
            fn receive(&mut self) -> Result<$T, $error> {
                self.recv()
            }

            #[inline]
            fn try_receive(&mut self) -> Result<$T, $try_error> {
                self.try_recv()
            }
            $(
                fn sure(&self) -> usize {
                    self.$sure()
                }
            )?
        }

        impl<$T: $($of +)+, P: $crate::Platform $(, $W: $bound)?> $receives<'_, $T, P $(, $W)?> {
            /// Returns an iterator that blocks for each message, until nothing more will come.
            ///
            /// `for message in &mut receiving_end` does the same.
            pub fn iter(&mut self) -> $crate::ends::Messages<'_, Self> {
                $crate::ends::Messages::new(self)
            }

            /// Returns an iterator over the messages that are there, which does not wait.
            pub fn try_iter(&mut self) -> $crate::ends::TryMessages<'_, Self> {
                $crate::ends::TryMessages::new(self)
            }
        }

        impl<'q, 'm, $T: $($of +)+, P: $crate::Platform $(, $W: $bound)?> IntoIterator
            for &'q mut $receives<'m, $T, P $(, $W)?>
        {
            type Item = $T;
            type IntoIter = $crate::ends::Messages<'q, $receives<'m, $T, P $(, $W)?>>;

            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }

        impl<'m, $T: $($of +)+, P: $crate::Platform $(, $W: $bound)?> IntoIterator
            for $receives<'m, $T, P $(, $W)?>
        {
            type Item = $T;
            type IntoIter = $crate::ends::IntoMessages<Self>;

            fn into_iter(self) -> Self::IntoIter {
                $crate::ends::IntoMessages::new(self)
            }
        }
    };
}
pub(crate) use messages;
