//! The handle of a queue with levels.

use core::array;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::receive::HeldUp;
use super::words::{Geometry, MOST_LEVELS, Stats, View, Words, geometry_of};
use crate::ends::{Moves, Role, recv_verbs, send_verbs};
use crate::error::{
    Fault, RecvError, RecvTimeoutError, Refused, SendError, SendSliceError, SendSliceTimeoutError, SendTimeoutError,
    TryRecvError, TrySendError,
};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Field, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view,
};
use crate::participant::ParticipantId;
use crate::payload::fill_slice;
use crate::platform::Platform;
use crate::ring::{Hints, Ring};
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What a queue with levels should be like.
#[derive(Debug)]
pub struct Options<T> {
    /// How many messages fit into each level; 0: not said.
    pub capacity: u64,
    /// How many levels there are; 0: not said.
    pub levels: u64,
    /// Every how many receives of a handle begin at another level than the highest; 0: none, or not said.
    pub fair: u32,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    element: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A queue with this many levels, each for this many messages. Strict.
    pub const fn new(levels: u64, capacity: u64) -> Self {
        Options { capacity, levels, fair: 0, schema: Schema::NONE, element: PhantomData }
    }
}

impl<T, H> Builder<'_, Options<T>, H> {
    /// Sets how many levels there are, from 1 to 16. A creator must set it. An opener that sets it gets an error if it differs.
    pub fn levels(mut self, levels: usize) -> Self {
        self.wanted.levels = levels as u64;
        self
    }

    /// Sets how many messages fit into each level: any number from 1. An opener that sets it gets an error if it differs. Default, also for
    /// 0: 1024, or fewer large ones, some 64 KiB a level, but 16 at least.
    ///
    /// The memory is that of the next power of two, for each level.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.wanted.capacity = messages as u64;
        self
    }

    /// Makes every n-th receive of a handle begin at another level, at each in turn, so that higher levels that are never empty do not hold
    /// it up for ever. Default, also for 0: strict. A queue that exists keeps its own; an opener that sets it gets an error if it differs.
    pub fn fair(mut self, every: u32) -> Self {
        self.wanted.fair = every;
        self
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T> Blueprint for Options<T> {
    const KIND: Kind = Kind::LevelQueue;
    type Object = Words;
    type Handle<'m, P: Platform> = LevelQueue<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::LevelQueue, self.capacity, self.schema)
    }

    fn accepts(&self, found: &Geometry) -> Result<(), ShapeError> {
        let fields =
            [(Field::Levels, self.levels, found.levels as u64), (Field::Fair, self.fair.into(), found.fair.into())];
        match fields.into_iter().find(|(_, wanted, found)| *wanted != 0 && wanted != found) {
            None => Ok(()),
            Some((field, wanted, found)) => Err(ShapeError::Differs { field, wanted, found }),
        }
    }

    fn complete(&self) -> Result<(Shape, Geometry), ShapeError> {
        if self.levels == 0 {
            return Err(ShapeError::Unsaid);
        }
        let shape = self.shape().with_default_capacity();
        geometry_of(&shape, self.levels, self.fair).map(|geometry| (shape, geometry))
    }

    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { View::lay(memory, geometry) }
    }

    of_view!(LevelQueue<'m, T, P>: |_, view, _, platform| LevelQueue::over(view, platform));
}

#[cold]
#[inline(never)]
fn no_such_level(level: usize, levels: usize) -> ! {
    panic!("level {level} of a queue with {levels} levels");
}

/// A bounded queue with a fixed number of levels between processes: what is in level 0 is received before what is in level 1, and so on, and
/// within a level what was sent first. Any number of senders and receivers; each message goes to one receiver.
///
/// It is for a few kinds of urgency, as the lanes of a task queue. Where messages have keys of a large range, use a
/// [`PriorityQueue`](crate::PriorityQueue).
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.level_queue::<char>("jobs").levels(3).capacity(100).open_or_create()?;
/// jobs.send(2, 'c')?;
/// jobs.send(0, 'a')?;
/// jobs.send_slice(1, &['b', 'B'])?;
/// jobs.close()?;
/// assert_eq!(jobs.iter().collect::<String>(), "abBc");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A receive of several takes them from one level:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let jobs = region.level_queue::<u32>("jobs").levels(2).capacity(100).create()?;
/// jobs.send_slice(0, &[1, 2, 3, 4])?;
/// jobs.send(1, 100)?;
/// assert_eq!(jobs.peek(), Some(1));
/// let mut first = [0; 1];
/// assert_eq!((jobs.recv_slice(&mut first)?, first), (1, [1]));
/// let mut two = Vec::new();
/// assert_eq!((jobs.recv_many(&mut two, 2)?, two), (2, vec![2, 3]));
/// let mut room = [std::mem::MaybeUninit::uninit(); 10];
/// assert_eq!(jobs.recv_uninit(&mut room)?, [4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Guarantees
///
/// - No message is lost, doubled or torn, whichever process is killed at whichever instruction. A receiver that dies after its receive
///   has committed takes with it what that receive took.
/// - Within a level, one order for all; messages of one sender arrive in the order in which it sent them.
/// - A receive takes nothing from a level while a higher one has a message whose send had returned when the receive began. `Empty` means that
///   all levels were empty at one instant of the call.
/// - Strict: while higher levels are never empty, lower ones wait for ever, and so do senders to a full one. With
///   [`fair(n)`](Builder::fair), every n-th receive of a handle begins at another level: at the lowest, then at the one above it, and so on.
///   So of n x (levels - 1) receives of a handle in a row, each level that has messages all the time gives out one at least.
/// - Senders are lock-free, and so are receivers, except behind a sender that is stopped in the middle of its copy: the messages of its level
///   behind it wait, and those of other levels do not. If it dies, they wait for 12 ms at most while lower levels have messages.
/// - While no thread sleeps, no operation makes a system call.
///
/// # Panics
///
/// What takes a level panics if there is no such level.
#[doc(alias = "lanes")]
pub struct LevelQueue<'m, T, P> {
    pub(super) view: View<'m>,
    pub(super) platform: P,
    pub(super) me: ParticipantId,
    /// Of each level. Those beyond the last one are never used, here and below.
    rings: [Ring<'m>; MOST_LEVELS],
    pub(super) hints: [Hints; MOST_LEVELS],
    /// Of each level.
    pub(super) held_up: [HeldUp; MOST_LEVELS],
    /// How often this handle has received, if it is not strict: whose turn it is.
    pub(super) received: AtomicU32,
    pub(super) recv_budget: SpinBudget,
    pub(super) send_budget: SpinBudget,
    element: PhantomData<fn(T) -> T>,
}

handle!(LevelQueue<T>, "queue", self => self.recv_budget, self.send_budget);

impl<T, P> LevelQueue<'_, T, P> {
    /// Returns the bytes that a queue of `T` with this many levels of this capacity takes in a region.
    ///
    /// # Panics
    ///
    /// If there are no levels or more than 16, or the capacity is 0 or larger than an address space.
    pub const fn footprint(levels: usize, capacity: usize) -> Footprint {
        match Geometry::new(capacity as u64, levels as u64, 0, size_of::<T>()) {
            Some(geometry) => Footprint(geometry.bytes()),
            None => {
                panic!("a queue has 1 to 16 levels, each with a capacity of at least 1, and fits the address space")
            }
        }
    }

    /// Returns how many messages fit into each level.
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.view.geometry.capacity() as usize
    }

    /// Returns how many levels there are.
    pub fn levels(&self) -> usize {
        self.view.geometry.levels
    }
}

impl<'m, T, P: Platform> LevelQueue<'m, T, P> {
    fn over(view: View<'m>, platform: P) -> Self {
        let rings = array::from_fn(|level| view.ring(level.min(view.geometry.levels - 1)));
        Self::with(view, platform, rings, array::from_fn(|level| rings[level].hints()))
    }

    fn with(view: View<'m>, platform: P, rings: [Ring<'m>; MOST_LEVELS], hints: [Hints; MOST_LEVELS]) -> Self {
        let [recv_budget, send_budget] = [(); 2].map(|()| SpinBudget::new(&platform));
        let me = platform.me();
        LevelQueue {
            view,
            platform,
            me,
            rings,
            hints,
            held_up: array::from_fn(|_| HeldUp::default()),
            received: AtomicU32::new(0),
            recv_budget,
            send_budget,
            element: PhantomData,
        }
    }

    fn another(&self, platform: P) -> Self {
        Self::with(self.view, platform, self.rings, array::from_fn(|level| self.hints[level].for_another()))
    }

    /// The rings of all levels, the highest first.
    #[inline(always)]
    pub(super) fn rings(&self) -> &[Ring<'m>] {
        let levels = self.view.geometry.levels.min(MOST_LEVELS);
        &self.rings[..levels]
    }

    /// The ring of a level.
    ///
    /// # Panics
    ///
    /// If there is no such level.
    #[inline(always)]
    pub(super) fn ring(&self, level: usize) -> &Ring<'m> {
        self.rings().get(level).unwrap_or_else(|| no_such_level(level, self.levels()))
    }

    /// Returns how many messages are in all levels, counting those that are being written. A snapshot of each level.
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

    /// Returns how many messages are in a level, counting those that are being written. A snapshot.
    ///
    /// # Panics
    ///
    /// If there is no such level; in a child after `fork`.
    #[must_use]
    pub fn level_len(&self, level: usize) -> usize {
        self.platform.assert_here();
        self.ring(level).len() as usize
    }

    /// Returns whether there was no message in any level, each checked in turn. A snapshot: [`try_recv`](Self::try_recv) tells for certain.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "empty")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there was no room in any level, each checked in turn. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[doc(alias = "full")]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.platform.assert_here();
        self.rings().iter().all(|ring| ring.len() == self.view.geometry.capacity())
    }

    /// Returns the queue's figures. A snapshot.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    /// Closes the queue for everybody, for good. Sends fail from now on and give their value back; receivers drain what is there and then get
    /// [`Closed`](RecvError::Closed); iterators end. Returns `true` if this call began the closing. Never waits.
    ///
    /// When it has returned, no later message can get in. While it runs, levels are closed one after the other, the highest first. A closer
    /// that is killed on the way has closed the queue or not: who notices a half-done closing completes it.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "shutdown")]
    pub fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        // AcqRel: who sees `closing` and completes it does so after everything that we did.
        let first = self.view.words.gates.closing.swap(1, Ordering::AcqRel) == 0;
        self.view.close();
        self.tell_all();
        Ok(first)
    }

    fn tell_all(&self) {
        self.view.tell(Role::Receiver, &self.platform);
        self.view.tell(Role::Sender, &self.platform);
    }

    /// Returns whether the queue is closed. Messages may still be there.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.complete_closing()
    }

    /// If a closing has begun: completes it, for its author may be dead. Returns whether one had begun.
    #[inline]
    pub(super) fn complete_closing(&self) -> bool {
        // Acquire: with the AcqRel of `close`.
        let begun = self.view.words.gates.closing.load(Ordering::Acquire) != 0;
        if begun && self.view.close() {
            self.tell_all();
        }
        begun
    }
}

send_verbs!(
    LevelQueue<T: NoUninit, CheckedBitPattern>, T, [level: usize], (value: T) => value,
    ("level_queue::<u64>(\"squares\").levels(2).capacity(4)", "1, ", "|n| n * n", "25"),
    "."
);
recv_verbs!(LevelQueue<T: NoUninit, CheckedBitPattern>, T, "highest", ".");
