//! The consuming end.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use crate::ends::messages;
use crate::error::{Fault, RecvError, RecvTimeoutError, Refused, TryRecvError};
use crate::payload::{check, fill_slice, is_value, valid_prefix};
use crate::platform::Platform;
use crate::slots::Intent;
use crate::sync::Ordering;
use crate::time::{Instant, Limit, Waits};
use crate::timed::timed;
use crate::wait::{Attempt, WaitStrategy, block_for_expected};

use super::chunk::ReadChunk;
use super::claim::ClaimError;
use super::front::is_copied;
use super::held::{Held, end};
use super::lane::Lane;
use super::words::{End, View, Words};

/// The consuming end of a one-to-one queue, held until it is dropped. Claimed by [`Spsc::consumer`](super::Spsc::consumer).
///
/// Waiting ends with `Disconnected` when the queue is empty, there was a producer and none is left alive: at once if it left,
/// within half a second if it was killed. To go on with a successor, [wait for it](Self::wait_for_producer).
///
/// With the feature `std`, a `Consumer<u8>` is also an `io::Read`: together with the producer, a pipe with a name.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let ticks = region.spsc::<u32>("ticks").capacity(16).create()?;
/// let (mut producer, mut consumer) = (ticks.producer()?, ticks.consumer()?);
/// consumer.wait_for_producer()?; // it is there
/// producer.send_slice(&[1, 2, 3, 4, 5])?;
/// assert_eq!(consumer.peek(), Ok(1));
/// let mut two = [0; 2];
/// assert_eq!((consumer.recv_slice(&mut two)?, two), (2, [1, 2]));
/// let mut three = Vec::new();
/// assert_eq!((consumer.recv_many(&mut three, 2)?, three), (2, vec![3, 4]));
/// let mut room = [std::mem::MaybeUninit::uninit(); 10];
/// assert_eq!(consumer.recv_uninit(&mut room)?, [5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct Consumer<'m, T, P: Platform, W: Lane = &'m Words> {
    pub(super) held: Held<'m, T, P, W>,
    /// The next position: ours to count, `head` in shared memory follows it.
    pub(super) head: u64,
    /// The `tail` that was last seen.
    known: u64,
    /// Whether a read that would wait says so.
    #[cfg(feature = "std")]
    pub(super) nonblocking: bool,
}

end!(Consumer, "producer", has_producer, wait_for_producer, wait_for_producer_timeout, wait_for_producer_deadline);
messages!(Consumer<T: NoUninit, CheckedBitPattern; W: Lane>, RecvError, TryRecvError, sure: len);

impl<'m, T, P: Platform> Consumer<'m, T, P> {
    /// Claims the consuming end: it goes on where its last holder stopped.
    pub(super) fn claim(view: View<'m, T>, platform: P, strategy: WaitStrategy) -> Result<Self, ClaimError> {
        let (held, head, known) = Held::claim(view, End::Consumer, platform)?;
        held.budget.set_wait_strategy(strategy);
        Ok(Self::of(held, head, known))
    }

    /// Closes the queue for good. Returns `true` if this call closed it, `false` if it was closed.
    ///
    /// An element that the producer is sending at this instant may still get in. It can be received like any other.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn close(&self) -> Result<bool, Fault> {
        self.held.close()
    }
}

impl<'m, T, P: Platform, W: Lane> Consumer<'m, T, P, W> {
    /// The consuming end of an empty ring, at this position.
    pub(crate) fn at(held: Held<'m, T, P, W>, start: u64) -> Self {
        Self::of(held, start, start)
    }

    fn of(held: Held<'m, T, P, W>, head: u64, known: u64) -> Self {
        Consumer {
            held,
            head,
            known,
            #[cfg(feature = "std")]
            nonblocking: false,
        }
    }

    /// How many elements there are. The producer may send more at any time.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.len()
    }

    /// Elements, as far as this end knows.
    #[inline(always)]
    pub(super) fn there(&self) -> u64 {
        self.known.wrapping_sub(self.head)
    }

    /// Loads the producer's index.
    #[inline(always)]
    fn tail(&self) -> Result<u64, Refused> {
        // Acquire, "message".
        let words = &self.held.view.words;
        let tail = words.position(words.front().tail.load(Ordering::Acquire));
        let makes_sense = tail.wrapping_sub(self.head) <= self.held.view.capacity;
        if makes_sense { Ok(tail) } else { Err(Refused::Fault(Fault::Corrupted)) }
    }

    /// Loads the producer's index. Returns whether there is an element.
    #[inline(always)]
    fn look(&mut self) -> Result<bool, Refused> {
        self.known = self.tail()?;
        Ok(self.known != self.head)
    }

    /// Finds an element, or says why there is none. Never waits.
    #[inline(always)]
    fn find(&mut self) -> Result<(), Refused> {
        self.held.here()?;
        if self.known != self.head || self.look()? { Ok(()) } else { self.look_last() }
    }

    /// Finds an element; waits for it.
    #[inline(always)]
    fn find_within(&mut self, limit: &Limit<P::Deadline>) -> Result<(), Refused> {
        self.held.here()?;
        if self.known != self.head || self.look()? { Ok(()) } else { self.wait_for_item(&mut limit.over_all_waits()) }
    }

    /// Waits for an element, which stays.
    pub(crate) fn wait_within(&mut self, limit: &Limit<P::Deadline>) -> Result<(), RecvTimeoutError> {
        Ok(self.find_within(limit)?)
    }

    /// For a caller that has found nothing: finds an element after all, or says why there is none.
    #[cold]
    #[inline(never)]
    fn look_last(&mut self) -> Result<(), Refused> {
        self.known = self.why_empty()?;
        Ok(())
    }

    /// For a caller that has found nothing. Returns the producer's index if there is an element now.
    #[cold]
    #[inline(never)]
    fn why_empty(&self) -> Result<u64, Refused> {
        let words = self.held.view.words;
        let why = if let Some(over) = words.over(End::Consumer) {
            over
        } else if words.is_left(End::Producer) {
            Refused::Disconnected
        } else {
            return Err(Refused::NotNow);
        };
        // The producer's last element came before its end: a second load finds it.
        let tail = self.tail()?;
        if tail == self.head { Err(why) } else { Ok(tail) }
    }

    /// Waits for an element.
    #[cold]
    #[inline(never)]
    pub(super) fn wait_for_item(&mut self, waits: &mut Waits<'_, P::Deadline>) -> Result<(), Refused> {
        let (View { words, capacity, slots }, head) = (self.held.view, self.head);
        let Held { platform, budget, .. } = &self.held;
        let look = || match words.position(words.front().tail.load(Ordering::Acquire)) {
            tail if tail.wrapping_sub(head) > capacity => Attempt::Done(Err(Refused::Fault(Fault::Corrupted))),
            tail if tail != head => Attempt::Done(Ok(tail)),
            _ => Attempt::NotYet,
        };
        let look_again = |why| match look() {
            Attempt::NotYet => Attempt::Done(Err(why)),
            found => found,
        };
        let attempt = |thorough: bool| match look() {
            Attempt::NotYet => match words.over(End::Consumer) {
                Some(why) => look_again(why),
                None if thorough => Attempt::after(self.held.find_deserted(), || look_again(Refused::Disconnected)),
                None => Attempt::NotYet,
            },
            found => found,
        };
        let there = || words.position(words.front().tail.load(Ordering::Relaxed)).wrapping_sub(head);
        let deadline: Option<Instant> = waits.deadline(platform);
        let prefetch = || {
            if const { !is_copied::<T>() } {
                slots.prefetch_expected(head);
            }
        };
        block_for_expected(platform, words.items(), budget, deadline, || capacity, there, prefetch, attempt)
            .unwrap_or_else(|unmet| Err(unmet.or_fault(Refused::NotNow)))?;
        // There may be more by now. There are not fewer.
        if self.look()? { Ok(()) } else { Err(Refused::Fault(Fault::Corrupted)) }
    }

    /// Finds an element, and knows of as many more as there are, up to `count`.
    #[inline(always)]
    pub(super) fn find_many(&mut self, count: usize) -> Result<(), Refused> {
        self.held.here()?;
        if self.there() < count as u64 && !self.look()? {
            self.known = self.why_empty()?;
        }
        Ok(())
    }

    /// [`find_many`](Self::find_many); waits for the first element.
    #[inline(always)]
    fn find_many_within(&mut self, count: usize, limit: &Limit<P::Deadline>) -> Result<(), RecvTimeoutError> {
        match self.find_many(count) {
            Err(Refused::NotNow | Refused::Disconnected) => self.wait_for_item(&mut limit.over_all_waits()),
            found => found,
        }
        .map_err(RecvTimeoutError::from)
    }

    /// Gives the places of `count` elements to the producer.
    #[inline(always)]
    pub(super) fn free(&mut self, count: u64) {
        self.head = self.head.wrapping_add(count);
        let words = self.held.view.words;
        // Release, "free".
        words.head().0.store(self.head, Ordering::Release);
        words.space().notify(&self.held.platform, || 1);
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform, W: Lane> Consumer<'m, T, P, W> {
    /// Takes the element that is there.
    #[inline(always)]
    fn pop<E: From<Refused>>(&mut self) -> Result<T, E> {
        let View { words, slots, .. } = self.held.view;
        let mut value = MaybeUninit::uninit();
        // The last one that is known is likely to be the last one that was sent.
        if self.there() != 1 || !words.front().read(self.head, &mut value) {
            slots.read(self.head, &mut value);
        }
        // Only what is published: the producer is about to write the rest.
        slots.prefetch(self.head, self.there(), Intent::Read);
        self.free(1);
        // SAFETY: copied from a slot, which is initialised.
        if unsafe { is_value(&value) } {
            // SAFETY: it is one.
            Ok(unsafe { value.assume_init() })
        } else {
            Err(Refused::Fault(Fault::InvalidValue).into())
        }
    }

    /// Receives the oldest element if there is one. Never waits.
    ///
    /// Wait-free. A system call only if the producer sleeps.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty); [`Closed`](TryRecvError::Closed) or [`Disconnected`](TryRecvError::Disconnected) if nothing
    /// is left and the queue is closed or the producer has left.
    #[doc(alias = "pop")]
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.find() {
            Ok(()) => self.pop(),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Receives the oldest element; blocks while the queue is empty. A blocked call polls for some microseconds, yields, then
    /// sleeps.
    ///
    /// # Errors
    ///
    /// [`Closed`](RecvError::Closed), [`Disconnected`](RecvError::Disconnected), once nothing is left.
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.recv_within(&Limit::Forever)
    }

    timed! {
        recv_timeout, recv_deadline, recv, "Receives the oldest element",
        [&mut self] limit [] -> Result<T, RecvTimeoutError> { self.recv_within(limit) }
    }

    #[inline(always)]
    pub(crate) fn recv_within<E: From<Refused>>(&mut self, limit: &Limit<P::Deadline>) -> Result<T, E> {
        match self.find_within(limit) {
            Ok(()) => self.pop(),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Copies the oldest element, which stays. No other process can take it. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`try_recv`](Self::try_recv).
    pub fn peek(&self) -> Result<T, TryRecvError> {
        self.held.here()?;
        if self.known == self.head && self.tail()? == self.head {
            self.why_empty()?;
        }
        // SAFETY: copied from a slot, which is initialised.
        unsafe { check(self.held.view.slots.copied(self.head)) }.map_err(TryRecvError::Fault)
    }

    /// Receives as many elements as there are and as `out` holds, and returns how many: at least one, unless `out` is empty.
    ///
    /// The producer is woken once. Never waits; wait-free. What lies in `out` behind the received elements may have changed.
    ///
    /// # Errors
    ///
    /// Those of [`try_recv`](Self::try_recv). An element whose bits are no value of `T` (a `bool` of 2, say) ends the batch before
    /// it; as the first one it is dropped, with [`Fault::InvalidValue`].
    #[doc(alias = "pop_partial_slice")]
    #[inline]
    pub fn try_recv_slice(&mut self, out: &mut [T]) -> Result<usize, TryRecvError> {
        if out.is_empty() {
            return self.held.here().map(|()| 0).map_err(TryRecvError::Fault);
        }
        self.find_many(out.len())?;
        fill_slice(out, |out| self.pop_into(out).map(|values| values.len())).map_err(TryRecvError::Fault)
    }

    /// Receives as many elements as there are and as `out` holds, and returns how many; blocks while the queue is empty.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv) and, for bits that are no value, of [`try_recv_slice`](Self::try_recv_slice).
    #[inline]
    pub fn recv_slice(&mut self, out: &mut [T]) -> Result<usize, RecvError> {
        self.recv_slice_within(out, &Limit::Forever).map_err(RecvTimeoutError::endless)
    }

    timed! {
        recv_slice_timeout, recv_slice_deadline, recv_slice, "Receives elements",
        [&mut self, out: &mut [T]] limit [] -> Result<usize, RecvTimeoutError> { self.recv_slice_within(out, limit) }
    }

    fn recv_slice_within(&mut self, out: &mut [T], limit: &Limit<P::Deadline>) -> Result<usize, RecvTimeoutError> {
        if out.is_empty() {
            return self.held.here().map(|()| 0).map_err(RecvTimeoutError::Fault);
        }
        self.find_many_within(out.len(), limit)?;
        fill_slice(out, |out| self.pop_into(out).map(|values| values.len())).map_err(RecvTimeoutError::Fault)
    }

    /// Receives as many elements as there are and as fit into memory that need not be initialised, and returns them. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`try_recv_slice`](Self::try_recv_slice).
    #[inline]
    pub fn try_recv_uninit<'b>(&mut self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], TryRecvError> {
        if out.is_empty() {
            return self.held.here().map(|()| &mut [][..]).map_err(TryRecvError::Fault);
        }
        self.find_many(out.len())?;
        self.pop_into(out).map_err(TryRecvError::Fault)
    }

    /// Receives into memory that need not be initialised, and returns the received elements; blocks while the queue is empty.
    ///
    /// # Errors
    ///
    /// Those of [`recv_slice`](Self::recv_slice).
    #[inline]
    pub fn recv_uninit<'b>(&mut self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], RecvError> {
        self.recv_uninit_within(out, &Limit::Forever).map_err(RecvTimeoutError::endless)
    }

    timed! {
        recv_uninit_timeout, recv_uninit_deadline, recv_uninit, "Receives elements",
        <'b> [&mut self, out: &'b mut [MaybeUninit<T>]] limit [] -> Result<&'b mut [T], RecvTimeoutError> {
            self.recv_uninit_within(out, limit)
        }
    }

    pub(super) fn recv_uninit_within<'b>(
        &mut self,
        out: &'b mut [MaybeUninit<T>],
        limit: &Limit<P::Deadline>,
    ) -> Result<&'b mut [T], RecvTimeoutError> {
        if out.is_empty() {
            return self.held.here().map(|()| &mut [][..]).map_err(RecvTimeoutError::Fault);
        }
        self.find_many_within(out.len(), limit)?;
        self.pop_into(out).map_err(RecvTimeoutError::Fault)
    }

    /// Takes as many elements as this end knows of and as fit.
    fn pop_into<'b>(&mut self, out: &'b mut [MaybeUninit<T>]) -> Result<&'b mut [T], Fault> {
        let count = out.len().min(self.there() as usize);
        let out = &mut out[..count];
        self.held.view.slots.read_slice(self.head, out);
        // SAFETY: copied from slots, which are initialised.
        let valid = unsafe { valid_prefix(out) };
        if valid == 0 {
            self.free(1);
            return Err(Fault::InvalidValue);
        }
        self.free(valid as u64);
        // SAFETY: copied, and found to be values.
        Ok(unsafe { core::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), valid) })
    }

    /// Lends at least one and at most `most` elements (none if that is 0), to be read in place. Never waits.
    ///
    /// They stay in the queue until the chunk is [committed](ReadChunk::commit). It saves a copy. See
    /// [`Producer::try_write_chunk`](super::Producer::try_write_chunk) for an example.
    ///
    /// # Errors
    ///
    /// Those of [`try_recv`](Self::try_recv).
    pub fn try_read_chunk(&mut self, most: usize) -> Result<ReadChunk<'_, 'm, T, P, W>, TryRecvError> {
        if most == 0 {
            self.held.here()?;
        } else {
            self.find_many(most)?;
        }
        Ok(self.chunk(most))
    }

    /// Lends at least one and at most `most` elements (none if that is 0). Blocks while the queue is empty.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn read_chunk(&mut self, most: usize) -> Result<ReadChunk<'_, 'm, T, P, W>, RecvError> {
        self.read_chunk_within(most, &Limit::Forever).map_err(RecvTimeoutError::endless)
    }

    timed! {
        read_chunk_timeout, read_chunk_deadline, read_chunk, "Lends elements",
        [&mut self, most: usize] limit [] -> Result<ReadChunk<'_, 'm, T, P, W>, RecvTimeoutError> { self.read_chunk_within(most, limit) }
    }

    fn read_chunk_within(
        &mut self,
        most: usize,
        limit: &Limit<P::Deadline>,
    ) -> Result<ReadChunk<'_, 'm, T, P, W>, RecvTimeoutError> {
        if most == 0 {
            self.held.here().map_err(RecvTimeoutError::Fault)?;
        } else {
            self.find_many_within(most, limit)?;
        }
        Ok(self.chunk(most))
    }

    fn chunk(&mut self, most: usize) -> ReadChunk<'_, 'm, T, P, W> {
        let count = most.min(self.there() as usize);
        ReadChunk::new(self, count)
    }
}
