//! The stack's handle.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::words::{Geometry, View, Words, geometry_of};
use crate::ends::{Budgets, Moves, peek_verb, recv_verbs, send_verbs, sided};
use crate::error::{
    RecvError, RecvTimeoutError, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError,
    TryRecvError, TrySendError,
};
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view};
use crate::payload::fill_slice;
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;

/// What a stack should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many messages fit; 0: not said.
    pub capacity: u64,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A stack of this many `T`.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, schema: Schema::NONE, element: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many messages fit: any number from 1. An opener that sets it gets an error if it differs. Default, also for 0: 1024, or
    /// fewer large ones, some 64 KiB in all, but 16 at least.
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
        let shape = self.shape().with_default_capacity();
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
/// - Senders exclude each other for the time of a copy, under a robust lock. Receivers do under another one, for a copy of what they take and
///   one of each message that was sent since the last receive. A send never waits for a receiver, nor the other way round, except for
///   room, for a message, and at the end.
/// - Nobody waits for a dead process. While a process is *stopped* in the middle of an operation, the others of its side wait. `try_`
///   operations let it run for up to a millisecond, and then report [`Full`](TrySendError::Full) or [`Busy`](TryRecvError::Busy).
/// - A send beside a receive may find the stack full with the message that this receive returns.
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
///
/// Several at a time:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let undo = region.stack::<u32>("undo").capacity(100).create()?;
/// undo.send_slice(&[1, 2, 3, 4])?;
/// let mut last = [0; 1];
/// assert_eq!((undo.recv_slice(&mut last)?, last), (1, [4]));
/// let mut two = Vec::new();
/// assert_eq!((undo.recv_many(&mut two, 2)?, two), (2, vec![3, 2]));
/// let mut room = [std::mem::MaybeUninit::uninit(); 10];
/// assert_eq!(undo.recv_uninit(&mut room)?, [1]);
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
    /// Each message has a place in the senders' ring and one with the receivers: about twice its size. The ring's places are a power of two.
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
}

sided!(Stack<T: NoUninit, CheckedBitPattern>, T, "stack");
send_verbs!(
    Stack<T: NoUninit, CheckedBitPattern>, T, [], (value: T) => value,
    ("stack::<u64>(\"squares\").capacity(4)", "", "|n| n * n", "25"),
    "."
);
recv_verbs!(Stack<T: NoUninit, CheckedBitPattern>, T, "topmost", ".");
peek_verb!(Stack<T: NoUninit, CheckedBitPattern>, T, "topmost", "let tasks = region.stack(\"tasks\").create()?;\ntasks.send_slice(&[1, 2])?;\nassert_eq!((tasks.peek(), tasks.len()), (Ok(2), 2));");
