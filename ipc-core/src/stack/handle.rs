//! The stack's handle.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::words::{Geometry, Stats, View, Words, geometry_of};
use crate::ends::{Budgets, Moves, Patience, Role, recv_verbs, send_verbs};
use crate::error::{
    Fault, RecvError, RecvTimeoutError, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError,
    TryRecvError, TrySendError,
};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Footprint, Kind, Shape, ShapeError, handle, has_schema, of_view};
use crate::payload::fill_slice;
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What a stack should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many messages fit; 0: not said.
    pub capacity: u64,
    /// The users' own number for the meaning of `T`.
    pub schema: u64,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A stack of this many `T`.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, schema: 0, element: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many messages fit: any number from 1. A creator must set it. An opener that sets it gets an error if it differs.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.wanted.capacity = messages as u64;
        self
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T> Blueprint for Options<T> {
    const KIND: Kind = Kind::Stack;
    type Object = Words;
    type Handle<'m, P: Platform> = Stack<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::Stack, self.capacity, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let shape = self.shape();
        geometry_of(&shape).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry) }
    }

    of_view!(Stack<'m, T, P>: |_, view, _, platform| Stack::over(view, platform));
}

/// A bounded stack of `T` between processes, what Python calls a `LifoQueue`: the last message that was sent is received first. Any
/// number of senders and receivers; each message goes to one receiver.
///
/// `T` is plain data, as for a [`Queue`](crate::Queue), whose verbs these are.
///
/// # Guarantees
///
/// - No message is lost, doubled or torn, whichever process is killed at whichever instruction. A receiver that dies after its receive
///   has committed takes that one message with it.
/// - What is received is what was on top at one instant of the call; a batch is on the stack, or off it, in one step.
/// - All senders and receivers exclude each other for the time of a copy, under a robust lock. Nobody waits for a dead process. While a
///   process is *stopped* in the middle of its copy, the others wait. `try_` operations let it run for up to a millisecond, and then
///   report [`Full`](TrySendError::Full) or [`Busy`](TryRecvError::Busy).
/// - While no thread sleeps, no operation makes a system call.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let undo = region.stack::<u32>("undo").capacity(100).open_or_create()?;
/// undo.send(1)?;
/// undo.send_slice(&[2, 3])?;
/// assert_eq!(undo.recv()?, 3);
/// undo.close()?;
/// assert_eq!(undo.iter().collect::<Vec<_>>(), [2, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "LifoQueue")]
#[doc(alias = "lifo")]
pub struct Stack<'m, T, P> {
    pub(super) view: View<'m>,
    pub(super) platform: P,
    send_budgets: Budgets,
    recv_budgets: Budgets,
    element: PhantomData<fn(T) -> T>,
}

handle!(Stack<T>, "stack", self => self.recv_budgets, self.send_budgets);

impl<T, P> Stack<'_, T, P> {
    /// Returns the bytes that a stack of `T` with this capacity takes in a region.
    ///
    /// # Panics
    ///
    /// If the capacity is 0 or larger than an address space.
    pub const fn footprint(capacity: usize) -> Footprint {
        match Geometry::new(capacity as u64, size_of::<T>()) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a stack's capacity is at least 1 and fits the address space"),
        }
    }

    /// Returns how many messages fit.
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.view.capacity() as usize
    }
}

impl<'m, T, P: Platform> Stack<'m, T, P> {
    fn over(view: View<'m>, platform: P) -> Self {
        let [send_budgets, recv_budgets] = [(); 2].map(|()| Budgets::new(&platform));
        Stack { view, platform, send_budgets, recv_budgets, element: PhantomData }
    }

    fn another(&self, platform: P) -> Self {
        Stack::over(self.view, platform)
    }

    /// Returns how many messages are there. A snapshot; one load.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "qsize")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.platform.assert_here();
        self.view.len() as usize
    }

    /// Returns whether there is no message. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "empty")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there is no room. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "full")]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// Returns the stack's figures. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    /// Closes the stack for everybody, for good. Returns `true` if this call did. Never waits.
    ///
    /// Sends fail from now on and give their value back, except that of a sender that is in the middle of its copy. Receivers drain what
    /// is there and then get [`Closed`](RecvError::Closed); iterators end.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "shutdown")]
    pub fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.view.close(&self.platform))
    }

    /// Returns whether the stack is closed. Messages may still be there.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.is_closed()
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Moves for Stack<'_, T, P> {
    type To = ();
    type Message = T;

    #[inline]
    fn put(&self, (): (), values: &[T], patience: Patience<'_, '_, Self>) -> Result<usize, Refused> {
        self.view.put(&self.platform, values, &self.send_budgets.lock, patience)
    }

    #[inline]
    fn take(&self, out: &mut [MaybeUninit<T>], patience: Patience<'_, '_, Self>) -> Result<usize, Refused> {
        self.view.take(&self.platform, out, &self.recv_budgets.lock, patience)
    }

    fn places(&self, (): ()) -> (u64, u64) {
        (self.view.capacity(), self.view.capacity() - self.view.len())
    }

    fn messages(&self) -> (u64, u64) {
        (self.view.capacity(), self.view.len())
    }

    fn budget(&self, role: Role) -> &SpinBudget {
        match role {
            Role::Sender => &self.send_budgets.ring,
            Role::Receiver => &self.recv_budgets.ring,
        }
    }
}

send_verbs!(Stack, [], "stack::<u64>(\"squares\").capacity(4)", "", ".");
recv_verbs!(Stack, "topmost", ".");
