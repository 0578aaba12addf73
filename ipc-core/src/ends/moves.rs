//! The loops of the verbs of objects that take values in and give them out, and of which a value can go to more than one place.

use core::mem::MaybeUninit;

use super::{Counted, Half, Role};
use crate::error::{Fault, RecvTimeoutError, Refused, SendSliceError, SendSliceTimeoutError, SendTimeoutError};
use crate::here::Here;
use crate::object::waits;
use crate::platform::Platform;
use crate::time::{Limit, Waits};
use crate::wait::{Attempt, SpinBudget, block_for_message, block_for_room};

/// What the waits of one side of a handle have taught: those for a lock, and those for room or a message.
///
/// A wait for the lock may happen within one for a message.
pub(crate) struct Budgets {
    pub(crate) lock: SpinBudget,
    pub(crate) ring: SpinBudget,
}

impl Budgets {
    pub(crate) fn new<P: Platform + ?Sized>(platform: &P) -> Self {
        Budgets { lock: SpinBudget::new(platform), ring: SpinBudget::new(platform) }
    }

    waits!(self => self.ring, self.lock);
}

/// The clock of an object's handle.
type Deadline<Q> = <<Q as Counted>::Platform as Platform>::Deadline;

/// How an operation waits for others that are in the middle of theirs: as long as its call may wait, or (`None`) for a moment.
pub(crate) type Patience<'w, 'l, Q> = Option<&'w mut Waits<'l, Deadline<Q>>>;

/// An object that takes values in and gives them out. Its two operations never wait for room or for a message. The verbs of all such
/// objects are made of these two.
pub(crate) trait Moves: Counted + Sized {
    /// Where a value goes: `()` if there is one place.
    type To: Copy;
    /// A message.
    type Message;

    /// Puts in as many of these as there is room for, and says how many: at least one, if there is one. Wakes receivers.
    ///
    /// # Errors
    ///
    /// [`NotNow`](Refused::NotNow): there is no room.
    fn put(&self, to: Self::To, values: &[Self::Message], patience: Patience<'_, '_, Self>) -> Result<usize, Refused>;

    /// Takes out as many messages as there are and as fit, and says how many: at least one. Wakes senders.
    ///
    /// # Errors
    ///
    /// [`NotNow`](Refused::NotNow): there is no message.
    fn take(&self, out: &mut [MaybeUninit<Self::Message>], patience: Patience<'_, '_, Self>) -> Result<usize, Refused>;

    /// How many places there are, and how many of them are free. A snapshot.
    fn places(&self, to: Self::To) -> (u64, u64);

    /// How many messages fit, and how many there are. A snapshot.
    fn messages(&self) -> (u64, u64);

    /// What its waits for this side have taught.
    fn budget(&self, role: Role) -> &SpinBudget;

    /// Sends as many of these as there is room for. Does not wait for room.
    #[inline]
    fn send_now(&self, to: Self::To, values: &[Self::Message], half: Option<&Half<Self>>) -> Result<usize, Refused> {
        self.platform().here()?;
        if half.is_some_and(Half::is_left) {
            return Err(Refused::Disconnected);
        }
        match self.put(to, values, None) {
            Err(Refused::NotNow) if half.is_some_and(Half::is_deserted_now) => Err(Refused::Disconnected),
            put => put,
        }
    }

    /// How much room there is: some, or why a send is refused.
    #[cfg(feature = "alloc")]
    fn room_now(&self, to: Self::To, half: Option<&Half<Self>>) -> Result<usize, Refused> {
        self.send_now(to, &[], half)?;
        Ok((self.places(to).1 as usize).max(1))
    }

    /// Sends as many of these as there is room for, at least one. Blocks while there is none. With `watch`, the last living receiver's
    /// disappearance ends it.
    #[inline]
    fn send_within(
        &self,
        to: Self::To,
        values: &[Self::Message],
        waits: &mut Waits<'_, Deadline<Self>>,
        watch: bool,
    ) -> Result<usize, Refused> {
        self.platform().here()?;
        if watch && self.presence(Role::Receiver).is_left() {
            return Err(Refused::Disconnected);
        }
        match self.put(to, values, Some(waits)) {
            Err(Refused::NotNow) => self.wait_to_put(to, values, waits, watch),
            put => put,
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_to_put(
        &self,
        to: Self::To,
        values: &[Self::Message],
        waits: &mut Waits<'_, Deadline<Self>>,
        watch: bool,
    ) -> Result<usize, Refused> {
        let platform = self.platform();
        let deadline = waits.deadline(platform);
        let attempt = |thorough: bool| match self.put(to, values, Some(waits)) {
            Err(Refused::NotNow) if thorough && watch => {
                Attempt::after(self.find_deserted(Role::Receiver), || Attempt::Done(Err(Refused::Disconnected)))
            }
            Err(Refused::NotNow) => Attempt::NotYet,
            // Among them `Busy`: the time was over while another thread had the lock.
            put => Attempt::Done(put),
        };
        let (gate, budget) = (self.gate(Role::Sender), self.budget(Role::Sender));
        let (capacity, room) = (self.places(to).0, || self.places(to).1);
        block_for_room(platform, gate, budget, deadline, capacity, room, attempt)
            .unwrap_or_else(|unmet| Err(unmet.or_fault(Refused::NotNow)))
    }

    /// Sends all of these. Blocks while there is no room.
    fn send_all_within(
        &self,
        to: Self::To,
        values: &[Self::Message],
        waits: &mut Waits<'_, Deadline<Self>>,
        watch: bool,
    ) -> Result<(), SendSliceTimeoutError> {
        let mut sent = 0;
        let failed = |sent, refused| SendSliceError { sent, cause: SendTimeoutError::of(refused, ()) };
        if values.is_empty() {
            return self.platform().here().map_err(|fault: Fault| failed(0, fault.into()));
        }
        while sent < values.len() {
            sent += self.send_within(to, &values[sent..], waits, watch).map_err(|refused| failed(sent, refused))?;
        }
        Ok(())
    }

    /// Receives as many messages as there are and as fit. Does not wait for one.
    #[inline]
    fn recv_now(&self, out: &mut [MaybeUninit<Self::Message>], half: Option<&Half<Self>>) -> Result<usize, Refused> {
        self.platform().here()?;
        if out.is_empty() {
            return Ok(0);
        }
        match self.take(out, None) {
            Err(Refused::NotNow) if half.is_some_and(Half::is_deserted_now) => self.take_last(out, None),
            taken => taken,
        }
    }

    /// For a receiver that has found the senders gone: their last message came before their leaving.
    #[cold]
    fn take_last(
        &self,
        out: &mut [MaybeUninit<Self::Message>],
        patience: Patience<'_, '_, Self>,
    ) -> Result<usize, Refused> {
        match self.take(out, patience) {
            Err(Refused::NotNow) => Err(Refused::Disconnected),
            taken => taken,
        }
    }

    /// Receives as many messages as there are and as fit, at least one. Blocks while there is none. With `watch`, the last living
    /// sender's disappearance ends it.
    #[inline]
    fn recv_within(
        &self,
        out: &mut [MaybeUninit<Self::Message>],
        limit: &Limit<Deadline<Self>>,
        watch: bool,
    ) -> Result<usize, Refused> {
        self.platform().here()?;
        if out.is_empty() {
            return Ok(0);
        }
        let mut waits = limit.over_all_waits();
        match self.take(out, Some(&mut waits)) {
            Err(Refused::NotNow) => self.wait_to_take(out, &mut waits, watch),
            taken => taken,
        }
    }

    /// [`recv_within`](Self::recv_within), with the error of the verbs.
    fn recv_into(
        &self,
        out: &mut [MaybeUninit<Self::Message>],
        limit: &Limit<Deadline<Self>>,
        watch: bool,
    ) -> Result<usize, RecvTimeoutError> {
        Ok(self.recv_within(out, limit, watch)?)
    }

    #[cold]
    #[inline(never)]
    fn wait_to_take(
        &self,
        out: &mut [MaybeUninit<Self::Message>],
        waits: &mut Waits<'_, Deadline<Self>>,
        watch: bool,
    ) -> Result<usize, Refused> {
        let platform = self.platform();
        let deadline = waits.deadline(platform);
        let attempt = |thorough: bool| match self.take(out, Some(waits)) {
            Err(Refused::NotNow) if thorough && watch => {
                Attempt::after(self.find_deserted(Role::Sender), || Attempt::Done(self.take_last(out, Some(waits))))
            }
            Err(Refused::NotNow) => Attempt::NotYet,
            // Among them `Busy`: the time was over while another thread had the lock.
            taken => Attempt::Done(taken),
        };
        let (gate, budget) = (self.gate(Role::Receiver), self.budget(Role::Receiver));
        let (capacity, more) = (|| self.messages().0, || self.messages().1);
        block_for_message(platform, gate, budget, deadline, capacity, more, attempt)
            .unwrap_or_else(|unmet| Err(unmet.or_fault(Refused::NotNow)))
    }
}
