//! Messages in the bytes of one direction: the length, four bytes, and then that many bytes.
//!
//! One that fits into the ring is sent in one step and taken in one step, so that no death and no time-out leaves a part of it. A longer
//! one goes through the ring in parts, which the receiver keeps in private memory until it is whole. If its sender is gone before that, it
//! is cut off.

use alloc::vec::Vec;

use crate::error::{
    FormatError, RecvError, RecvTimeoutError, RecvValueError, RecvValueTimeoutError, Refused, SendBytesError,
    SendBytesTimeoutError, SendValueError, SendValueTimeoutError, TryRecvError, TryRecvValueError, TrySendBytesError,
    TrySendValueError,
};
use crate::platform::Platform;
use crate::spsc::{Consumer, Lane, Producer};
use crate::time::{Limit, Waits};

/// Bytes of the length in front of a message.
pub(super) const HEADER: usize = 4;

/// Why a message was not sent.
pub(super) enum Unsent {
    Refused(Refused),
    TooLong { len: usize, max: usize },
    Format(FormatError),
}

/// Why no message was received.
pub(super) enum Missed {
    Refused(Refused),
    Format(FormatError),
}

impl From<Refused> for Unsent {
    fn from(refused: Refused) -> Self {
        Unsent::Refused(refused)
    }
}

impl From<FormatError> for Unsent {
    fn from(error: FormatError) -> Self {
        Unsent::Format(error)
    }
}

macro_rules! of_unsent {
    ($($name:ident($queue:ident)),*) => {$(
        impl From<Unsent> for $name {
            fn from(unsent: Unsent) -> Self {
                match unsent {
                    Unsent::Refused(refused) => $name::Queue($queue::from(refused)),
                    Unsent::TooLong { len, max } => $name::Queue($queue::TooLong { len, max }),
                    Unsent::Format(error) => $name::Value(error),
                }
            }
        }
    )*};
}
of_unsent!(
    SendValueError(SendBytesError),
    TrySendValueError(TrySendBytesError),
    SendValueTimeoutError(SendBytesTimeoutError)
);

macro_rules! of_missed {
    ($($name:ident($queue:ident)),*) => {$(
        impl From<Missed> for $name {
            fn from(missed: Missed) -> Self {
                match missed {
                    Missed::Refused(refused) => $name::Queue($queue::from(refused)),
                    Missed::Format(error) => $name::Value(error),
                }
            }
        }
    )*};
}
of_missed!(RecvValueError(RecvError), TryRecvValueError(TryRecvError), RecvValueTimeoutError(RecvTimeoutError));

/// Where one end's sends have got.
pub(super) struct Writer {
    /// Why a message was left in the middle: nothing can follow it.
    broken: Option<Refused>,
}

impl Writer {
    pub(super) const fn new() -> Self {
        Writer { broken: None }
    }

    /// Sends a message. With no limit it does not wait.
    pub(super) fn send<P: Platform, W: Lane>(
        &mut self,
        to: &mut Producer<'_, u8, P, W>,
        message: &[u8],
        most: usize,
        limit: Option<&Limit<P::Deadline>>,
    ) -> Result<(), Unsent> {
        let in_one_step = to.capacity().checked_sub(HEADER);
        let max = match limit {
            Some(Limit::Forever) => most,
            // Nothing may be left in the middle when the time is over.
            _ => most.min(in_one_step.unwrap_or(0)),
        };
        let len = message.len();
        if len > max || in_one_step.is_none() && max == 0 {
            return Err(Unsent::TooLong { len, max });
        }
        if let Some(refused) = self.broken {
            return Err(refused.into());
        }
        let header = (len as u32).to_le_bytes();
        if in_one_step.is_some_and(|most| len <= most) {
            match limit {
                None => to.reserve_all(HEADER + len)?,
                Some(limit) => to.reserve_all_within(HEADER + len, &mut limit.over_all_waits())?,
            }
            to.push_parts(&header, message);
            return Ok(());
        }
        self.send_in_parts(to, &header, message)
    }

    fn send_in_parts<P: Platform, W: Lane>(
        &mut self,
        to: &mut Producer<'_, u8, P, W>,
        header: &[u8],
        message: &[u8],
    ) -> Result<(), Unsent> {
        let (all, mut sent) = (header.len() + message.len(), 0);
        while sent < all {
            if let Err(refused) = to.reserve_many_within(all - sent, &mut Limit::Forever.over_all_waits()) {
                self.broken = (sent > 0).then_some(refused);
                return Err(refused.into());
            }
            sent += to.push_parts(&header[sent.min(header.len())..], &message[sent.saturating_sub(header.len())..]);
        }
        Ok(())
    }
}

/// The part of a message that has come.
pub(super) struct Reader {
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    told: usize,
    body: Vec<u8>,
    /// Whether a length was a lie: where the next message begins is not known.
    lost: bool,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Reader { header: [0; HEADER], told: 0, body: Vec::new(), lost: false }
    }

    /// The length of the message, once it has come.
    fn len(&self) -> Option<usize> {
        (self.told == HEADER).then_some(u32::from_le_bytes(self.header) as usize)
    }

    fn is_whole(&self) -> bool {
        self.len() == Some(self.body.len())
    }

    /// Takes what has come of the message, until it is whole. With no waits it does not wait.
    pub(super) fn collect<P: Platform, W: Lane>(
        &mut self,
        from: &mut Consumer<'_, u8, P, W>,
        most: usize,
        mut waits: Option<&mut Waits<'_, P::Deadline>>,
    ) -> Result<(), Refused> {
        while !self.is_whole() {
            if self.lost {
                return Err(Refused::CORRUPTED);
            }
            let missing = self.len().map_or(HEADER - self.told, |len| len - self.body.len());
            from.find_bytes(missing, waits.as_deref_mut())?;
            self.take(from, most)?;
        }
        Ok(())
    }

    /// Takes what is there of the message, in one step.
    fn take<P: Platform, W: Lane>(&mut self, from: &mut Consumer<'_, u8, P, W>, most: usize) -> Result<(), Refused> {
        let known = from.known();
        // Of a header that is there as a whole, nothing is taken before the rest is checked: a message has one step.
        let told = (HEADER - self.told).min(known);
        let mut bytes = [const { core::mem::MaybeUninit::uninit() }; HEADER];
        from.copy_out(0, &mut bytes[..told]);
        for (to, byte) in self.header[self.told..].iter_mut().zip(&bytes[..told]) {
            // SAFETY: `copy_out` has written as many bytes as are known, which are no fewer.
            *to = unsafe { byte.assume_init() };
        }
        self.told += told;
        let mut taken = told;
        if let Some(len) = self.len() {
            if len > most {
                self.lost = true;
                return Err(Refused::CORRUPTED);
            }
            let count = (len - self.body.len()).min(known - told);
            // Room for what is there, not for what the length promises.
            self.body.reserve(count);
            let begun = self.body.len();
            from.copy_out(told, &mut self.body.spare_capacity_mut()[..count]);
            // SAFETY: `copy_out` has written them: as many are known behind the header.
            unsafe { self.body.set_len(begun + count) };
            taken += count;
        }
        from.consume(taken);
        Ok(())
    }

    /// Reads the message, which is whole or the reason why it is not, and begins the next one. `keep` is how much memory is kept for it.
    pub(super) fn finish<T>(
        &mut self,
        collected: Result<(), Refused>,
        keep: usize,
        read: impl FnOnce(&[u8]) -> Result<T, FormatError>,
    ) -> Result<T, Missed> {
        if let Err(refused) = collected {
            let missed = self.missed(refused);
            if matches!(missed, Missed::Format(_)) {
                self.told = 0;
                self.body.clear();
            }
            return Err(missed);
        }
        // `read` is the user's code, and may panic.
        let mut body = core::mem::take(&mut self.body);
        self.told = 0;
        let value = read(&body);
        body.clear();
        body.shrink_to(keep);
        self.body = body;
        value.map_err(Missed::Format)
    }

    /// Why there is no message: the sender may be gone in the middle of one.
    pub(super) fn missed(&self, refused: Refused) -> Missed {
        match refused {
            Refused::Disconnected | Refused::Closed if self.told > 0 && !self.lost => {
                Missed::Format(FormatError::cut_off(self.body.len(), self.len()))
            }
            refused => Missed::Refused(refused),
        }
    }
}
