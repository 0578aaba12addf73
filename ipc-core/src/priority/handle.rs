//! The priority queue's handle.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use super::pairs::fill_slice;
use super::words::{Geometry, View, Words, geometry_of};
use crate::ends::{Budgets, Moves, peek_verb, recv_verbs, send_verbs, sided};
use crate::error::{
    RecvError, RecvTimeoutError, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError,
    TryRecvError, TrySendError,
};
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Key, Kind, Message, Schema, Shape, ShapeError, handle, has_schema, of_view,
};
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;

/// It takes keys and values, and gives them out.
type Element<K, T> = PhantomData<fn(K, T) -> (K, T)>;

/// What a priority queue should be like.
#[derive(Debug)]
pub struct Options<K, T> {
    /// How many messages fit; 0: not said.
    pub capacity: u64,
    /// The users' own number for the meaning of `K` and `T`.
    pub schema: Schema,
    element: Element<K, T>,
}

impl<K, T> Options<K, T> {
    /// A queue of this many messages.
    pub const fn new(capacity: u64) -> Self {
        Options { capacity, schema: Schema::NONE, element: PhantomData }
    }
}

impl<K, T, H> Builder<'_, Options<K, T>, H> {
    /// Sets how many messages fit: any number from 1 to 2³¹. A creator writes all places once. An opener that sets it gets an error if it
    /// differs. Default, also for 0: 1024, or fewer large ones, some 64 KiB in all, but 16 at least.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.wanted.capacity = messages as u64;
        self
    }
}

has_schema!(Options<K, T>.schema);

/// Size and alignment of a key.
const fn key<K>() -> [u32; 2] {
    [size_of::<K>() as u32, align_of::<K>() as u32]
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled. `accepts` compares the keys,
// `shape` the values.
unsafe impl<K, T> Blueprint for Options<K, T> {
    const KIND: Kind = Kind::PriorityQueue;
    type Object = Words;
    type Handle<'m, P: Platform> = PriorityQueue<'m, K, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::PriorityQueue, self.capacity, self.schema).with_type::<(K, T)>(&self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        let fields = [Field::KeySize, Field::KeyAlign].into_iter().zip(key::<K>().into_iter().zip(found.key));
        match fields.into_iter().find(|(_, (wanted, found))| wanted != found) {
            None => Ok(()),
            Some((field, (wanted, found))) => {
                Err(ShapeError::Differs { field, wanted: wanted.into(), found: found.into() })
            }
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        let shape = self.shape().with_default_capacity();
        geometry_of(&shape, key::<K>()).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry) }
    }

    of_view!(PriorityQueue<'m, K, T, P>: |_, view, _, platform| PriorityQueue::over(view, platform));
}

/// A bounded priority queue between processes: each message is a key and a value, the one with the lowest key is received first, and
/// among equal keys the one that was sent first. Any number of senders and receivers; each message goes to one receiver.
///
/// A key is plain data with an order: every integer, `bool`, `char`, arrays of those, and types that derive
/// [`NoUninit`](bytemuck::NoUninit), [`CheckedBitPattern`](bytemuck::CheckedBitPattern) (or [`Pod`](bytemuck::Pod)) and [`Ord`]. A value is plain data, as for a
/// [`Queue`](crate::Queue), whose verbs these are.
///
/// *Highest first*: send `!key` instead of an integer `key`. That turns the order round for every value, as `-key` does except
/// for the least one, and `!` turns it back. Or use a key type of your own, whose [`Ord`] is the other way round.
///
/// # Guarantees
///
/// - No message is lost, doubled or torn, whichever process is killed at whichever instruction. A receiver that dies after its receive
///   has committed takes with it what that receive took.
/// - What is received had the lowest key at one instant of the call. A batch is in the queue, or out of it, in one step.
/// - Senders exclude each other for the time of a copy, under a robust lock. Receivers do under another one, for a copy and some
///   comparisons, whose number grows with the logarithm of the number of messages, and the same again for each message that was sent
///   since the last receive. A send never waits for a receiver, nor the other way round, except for room, for a message, and at the end.
/// - Nobody waits for a dead process: the next receiver sets the order up anew, which reads each place (about 10 ms for a million). While
///   a process is *stopped* in the middle of an operation, the others of its side wait. `try_` operations let it run for up to a
///   millisecond, and then report [`Full`](TrySendError::Full) or [`Busy`](TryRecvError::Busy).
/// - A send beside a receive may find the queue full with the message that this receive returns.
/// - While no thread sleeps, no operation makes a system call.
///
/// Receivers compare the keys by [`Ord::cmp`] under their lock: it should be short and must not use this queue. If it panics, the receive has
/// not happened, and the others go on. If it is no order, or not that of the other processes, messages come in any order.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.priority_queue::<i64, char>("jobs").capacity(100).open_or_create()?;
/// jobs.send(10, 'Q')?;
/// jobs.send_slice(&[(30, 'Z'), (20, 'A')])?;
/// assert_eq!(jobs.recv()?, (10, 'Q'));
/// jobs.close()?;
/// assert_eq!(jobs.iter().collect::<Vec<_>>(), [(20, 'A'), (30, 'Z')]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Several at a time:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.priority_queue::<u8, char>("jobs").capacity(100).create()?;
/// jobs.send_slice(&[(4, 'd'), (1, 'a'), (3, 'c'), (2, 'b')])?;
/// let mut first = [(0, ' '); 1];
/// assert_eq!((jobs.recv_slice(&mut first)?, first), (1, [(1, 'a')]));
/// let mut two = Vec::new();
/// assert_eq!((jobs.recv_many(&mut two, 2)?, two), (2, vec![(2, 'b'), (3, 'c')]));
/// let mut room = [std::mem::MaybeUninit::uninit(); 10];
/// assert_eq!(jobs.recv_uninit(&mut room)?, [(4, 'd')]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "heap")]
#[doc(alias = "BinaryHeap")]
pub struct PriorityQueue<'m, K, T, P> {
    pub(super) view: View<'m>,
    pub(super) platform: P,
    send_budgets: Budgets,
    recv_budgets: Budgets,
    element: Element<K, T>,
}

handle!(PriorityQueue<K, T>, "queue", self => self.recv_budgets, self.send_budgets);

impl<K, T, P> PriorityQueue<'_, K, T, P> {
    /// Returns the bytes that a priority queue of `K` and `T` with this capacity takes in a region.
    ///
    /// Each message has a place in the senders' ring and one with the receivers: about twice its size. The ring's places are a power of two.
    ///
    /// # Panics
    ///
    /// If the capacity is 0, more than 2³¹, or larger than an address space.
    pub const fn footprint(capacity: usize) -> Footprint {
        match Geometry::new(capacity as u64, key::<K>(), size_of::<T>()) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => panic!("a priority queue's capacity is from 1 to 2^31 and fits the address space"),
        }
    }
}

sided!(PriorityQueue<K: Key; T: Message>, (K, T), "queue");
send_verbs!(
    PriorityQueue<K: Key; T: Message>, (K, T), [], (key: K, value: T) => (key, value),
    ("priority_queue::<u8, u64>(\"squares\").capacity(4)", "", "|n| (0, n * n)", "(0, 25)"),
    "."
);
recv_verbs!(PriorityQueue<K: Key; T: Message>, (K, T), "lowest", ".");
peek_verb!(PriorityQueue<K: Key; T: Message>, (K, T), "lowest", "let jobs = region.priority_queue(\"jobs\").create()?;\njobs.send_slice(&[(30, 1), (10, 2)])?;\nassert_eq!((jobs.peek(), jobs.len()), (Ok((10, 2)), 2));");
