//! The one seam between the algorithms and the world.

use core::time::Duration;

#[cfg(feature = "serde")]
use crate::object::{Address, Blueprint};
use crate::participant::{NotSeized, ParticipantId};
use crate::sync::{AtomicU32, Ordering, fence, spin_hint};
use crate::time::Instant;

/// How a [`Platform::wait`] ended. Every outcome may be spurious: callers check their condition again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOutcome {
    /// Woken by somebody, or for no reason.
    Woken,
    /// The word did not hold the expected value, so there was no sleep.
    Changed,
    /// The time was over.
    TimedOut,
}

/// What a counted handle is for. A participant counts the handles of one object for each use; it joins the object with the
/// first and leaves it with the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Use {
    /// It sends into a queue.
    Sender,
    /// It receives from a queue.
    Receiver,
    /// It waits at a barrier.
    Party,
}

/// What the algorithms need from outside: sleep, wake, a clock, who is dead, and two barriers.
///
/// `ipc-posix` implements it with futexes, the monotonic clock, lock bytes and `membarrier`; the loom models
/// with a table of sleepers; bare metal with [`SpinPlatform`] or its own.
///
/// # Safety
///
/// Locks lend out references because of what a platform says, so it must be true:
///
/// - [`me`](Self::me) always returns the same participant. All handles that use the same memory agree on who that is: two
///   programs that may die apart from each other are two participants.
/// - [`seize`](Self::seize) returns `Ok` only for a participant that makes no further step: its last write happens-before the
///   return, and its number is not given away before [`unseize`](Self::unseize). Other calls may return `Ok` for it meanwhile, of
///   this participant or another one, each of which is ended by an `unseize` of its own.
/// - [`thread`](Self::thread) returns 0, or always the same number in one thread and another one in every other living thread
///   of this participant.
/// - [`is_here`](Self::is_here) returns `true` only while the memory of the handle is there, and belongs to the participant
///   that [`me`](Self::me) names. (A child after `fork` is not that participant.)
/// - [`light_barrier`](Self::light_barrier) and [`heavy_barrier`](Self::heavy_barrier) act on each other as two
///   `fence(SeqCst)` do.
///
/// A platform that is true for certain memory or a certain participant only (because its maker knows who runs there) is made by an
/// `unsafe` function that says so, or by code that gives it to no other handles. [`SpinPlatform::new`] is safe: it seizes nobody.
/// A caller that mixes it with a platform that seizes makes sure that the number of a `SpinPlatform` is never seized.
///
/// Whatever else a method does wrong makes callers wait too long, and nothing worse.
pub unsafe trait Platform {
    /// What callers give as a deadline: an instant of the clock that programs on this platform use.
    type Deadline: Copy;

    /// Returns this instant on [this platform's](Self::now) clock.
    fn instant(&self, deadline: Self::Deadline) -> Instant;

    /// Sleeps while `word` holds `expected`, at most `timeout`. The comparison and the falling asleep are
    /// one step with respect to [`wake`](Self::wake). May return early.
    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome;

    /// Wakes up to `count` sleepers on `word`, in every process, and returns how many were woken.
    fn wake(&self, word: &AtomicU32, count: u32) -> u32;

    /// Sleeps as [`wait`](Self::wait) does, in the lanes of a mask that is not 0. All lanes of a word are one queue: a sleeper keeps its
    /// place in it until it is woken or its time is over. The default has no lanes.
    fn wait_in(&self, word: &AtomicU32, expected: u32, timeout: Duration, lanes: u32) -> WaitOutcome {
        let _ = lanes;
        self.wait(word, expected, timeout)
    }

    /// Wakes up to `count` of those who sleep in one of these lanes, longest sleepers first, and returns how many were woken. The default,
    /// which cannot tell them apart, wakes all sleepers.
    fn wake_in(&self, word: &AtomicU32, count: u32, lanes: u32) -> u32 {
        let _ = (count, lanes);
        self.wake(word, i32::MAX as u32)
    }

    /// The monotonic clock.
    fn now(&self) -> Instant;

    /// Which clock [`now`](Self::now) reads: a number that two participants share only if theirs count the same time from the
    /// same origin. Kept beside the times in shared memory, because regions outlive clocks. 0 where there is one only.
    fn clock(&self) -> u64 {
        0
    }

    /// Who is calling.
    fn me(&self) -> ParticipantId;

    /// Seizes `who` if it can make no further step. Until [`unseize`](Self::unseize), nobody can take its number. Others may seize
    /// it, too. Never waits.
    ///
    /// # Errors
    ///
    /// [`NotNow`](NotSeized::NotNow) if it lives, or if it cannot be seized just now. [`Unknown`](NotSeized::Unknown) if there is no
    /// way to find out: a call that waits behind it ends with [`Fault::DeathsUnknown`](crate::Fault::DeathsUnknown) after a
    /// second.
    fn seize(&self, who: ParticipantId) -> Result<(), NotSeized>;

    /// Seizes `who` as [`seize`](Self::seize) does, unless another participant has begun to repair after it a short time ago. The
    /// default knows of no others.
    ///
    /// # Errors
    ///
    /// Those of `seize`; [`NotNow`](NotSeized::NotNow) if the caller should leave the repair to another participant. It must not be
    /// left to one for ever, for that one may be stopped.
    fn seize_to_repair(&self, who: ParticipantId) -> Result<(), NotSeized> {
        self.seize(who)
    }

    /// Ends a successful [`seize`](Self::seize) or [`seize_to_repair`](Self::seize_to_repair).
    fn unseize(&self, who: ParticipantId);

    /// The notifier's barrier, on every fast path: between its state change and its check of the sleepers' bit.
    fn light_barrier(&self);

    /// The sleeper's barrier: between announcing itself and checking the state again. Together with
    /// [`light_barrier`](Self::light_barrier) it must act as two `fence(SeqCst)` do.
    fn heavy_barrier(&self);

    /// A number of the calling thread, not 0, that no other living thread of this participant has. 0: unknown, and then
    /// nobody is told that a thread waits for itself.
    fn thread(&self) -> u16 {
        0
    }

    /// Whether the calling thread is unwinding: a lock that it drops meanwhile is marked as poisoned.
    fn panicking(&self) -> bool {
        false
    }

    /// Whether the shared memory is still there (on POSIX: not in a child after `fork`). Handles and guards ask before each access:
    /// on `false` they return [`Fault::Forked`](crate::Fault::Forked) or, where they return no `Result`, panic; a drop does nothing.
    fn is_here(&self) -> bool {
        true
    }

    /// Whether another participant can run while this one spins, as far as that is known at first. After `false` (one processor), blocking
    /// calls begin by giving the processor away; they poll later if their waits turn out to be short.
    fn spinning_helps(&self) -> bool {
        true
    }

    /// About how many nanoseconds one [`spin_hint`] takes, at least 1. Waits that poll pause for lengths of time; the clock corrects
    /// what this gets wrong.
    fn pause_nanos(&self) -> u32 {
        20
    }

    /// Counts a handle of the object that this platform was made for, and calls `join` for the first of this use in this
    /// participant. Counting and joining are one step with respect to other threads' [`leave`](Self::leave) and `enter`: a
    /// lock is held for both. `join` changes shared words, waits for nothing and calls no platform's `enter` or `leave`.
    ///
    /// The default is for participants that have one handle of a use at most.
    fn enter(&self, purpose: Use, join: &dyn Fn()) {
        let _ = purpose;
        join();
    }

    /// Counts a handle that is dropped, and calls `part` for the last of this use in this participant, in one step as
    /// [`enter`](Self::enter) does. Returns whether it was the last.
    fn leave(&self, purpose: Use, part: &dyn Fn()) -> bool {
        let _ = purpose;
        part();
        true
    }

    /// The number by which users know a participant: on POSIX its process id, as it knows itself. For error texts.
    fn process_id(&self, who: ParticipantId) -> u32 {
        who.get().into()
    }

    /// The name of the object that this platform was made for, for error texts. Empty if it has none.
    fn label(&self) -> &str {
        ""
    }

    /// Lets somebody else run who is ready, if there is anybody; returns when it is the caller's turn again.
    fn yield_now(&self) {
        spin_hint();
    }
}

/// A platform that was made for one object with a name: its handles can say where they belong.
pub trait Located: Platform {
    /// What the object lies in.
    type Region;

    /// The object's name in its region.
    fn name(&self) -> &str;

    /// The region that the object lies in.
    fn region(&self) -> Self::Region;

    /// Whether both were made for the same object.
    fn is_same(&self, other: &Self) -> bool;
}

/// A platform whose handles travel: other processes can open what it was made for by its address (feature `serde`).
#[cfg(feature = "serde")]
pub trait Addressed: Located {
    /// Why an object has no address, or cannot be opened at one.
    type Error: core::fmt::Display;

    /// Where the object is.
    ///
    /// # Errors
    ///
    /// That other processes cannot find it.
    fn address(&self) -> Result<Address, Self::Error>;

    /// Opens the object at this address, if it is what is wanted.
    ///
    /// # Errors
    ///
    /// That it cannot be reached from here, or what differs.
    fn open<B: Blueprint>(address: &Address, wanted: &B) -> Result<B::Handle<'static, Self>, Self::Error>
    where
        Self: Sized;
}

/// The world of a handle that only reads: a clock, and whether the memory is still there.
///
/// # Safety
///
/// [`is_here`](Self::is_here) returns `true` only while the memory of the handle is there.
pub unsafe trait Observer {
    /// The monotonic clock, as [`Platform::now`] of the participants counts it.
    fn now(&self) -> Instant;

    /// Which clock that is, see [`Platform::clock`].
    fn clock(&self) -> u64 {
        0
    }

    /// Whether the shared memory is still there (on POSIX: not in a child after `fork`).
    fn is_here(&self) -> bool;
}

/// A platform that never sleeps and never declares anybody dead: for bare metal, and for threads that share
/// memory without an operating system's help.
///
/// Waiting is polling with a spin hint; the clock counts polls and readings of it, so timeouts are approximate: one tick a
/// microsecond is assumed. Put your own platform in its place where there is a timer or a `WFE`.
#[derive(Debug)]
pub struct SpinPlatform {
    me: ParticipantId,
    ticks: AtomicU32,
}

impl SpinPlatform {
    /// A platform for the participant with this number.
    ///
    /// # Panics
    ///
    /// If `number` is 0 or greater than [`ParticipantId::MAX`]. In a `const` context that is a compile error.
    #[cfg(not(loom))]
    pub const fn new(number: u16) -> Self {
        match ParticipantId::new(number) {
            Some(me) => SpinPlatform { me, ticks: AtomicU32::new(0) },
            None => panic!("participant numbers run from 1 to 1022"),
        }
    }
}

/// Polls of the word in one `SpinPlatform::wait`, at most.
const POLLS_PER_WAIT: u32 = 1000;

// SAFETY: one fixed participant, whose memory never goes; nobody is ever seized; both barriers are fences; `thread` says nothing.
unsafe impl Platform for SpinPlatform {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }

    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
        let polls = u32::try_from(timeout.as_micros()).unwrap_or(u32::MAX).min(POLLS_PER_WAIT);
        for _ in 0..polls {
            // Relaxed: callers re-read their state with Acquire after waking.
            if word.load(Ordering::Relaxed) != expected {
                return WaitOutcome::Changed;
            }
            spin_hint();
        }
        self.ticks.fetch_add(polls.max(1), Ordering::Relaxed);
        WaitOutcome::TimedOut
    }

    fn wake(&self, _word: &AtomicU32, _count: u32) -> u32 {
        0
    }

    /// A thread that polls reads the clock about once a microsecond, so each reading is a tick.
    fn now(&self) -> Instant {
        Instant::from_nanos(u64::from(self.ticks.fetch_add(1, Ordering::Relaxed)) * 1000)
    }

    fn me(&self) -> ParticipantId {
        self.me
    }

    fn seize(&self, _who: ParticipantId) -> Result<(), NotSeized> {
        Err(NotSeized::NotNow)
    }

    fn unseize(&self, _who: ParticipantId) {}

    fn light_barrier(&self) {
        fence(Ordering::SeqCst);
    }

    fn heavy_barrier(&self) {
        fence(Ordering::SeqCst);
    }

    fn spinning_helps(&self) -> bool {
        // Miri runs one thread at a time.
        !cfg!(miri)
    }
}

// SAFETY: the platform behind the reference keeps the contract.
unsafe impl<P: Platform + ?Sized> Platform for &P {
    type Deadline = P::Deadline;

    fn instant(&self, deadline: P::Deadline) -> Instant {
        (**self).instant(deadline)
    }
    fn enter(&self, purpose: Use, join: &dyn Fn()) {
        (**self).enter(purpose, join);
    }
    fn leave(&self, purpose: Use, part: &dyn Fn()) -> bool {
        (**self).leave(purpose, part)
    }
    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
        (**self).wait(word, expected, timeout)
    }
    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        (**self).wake(word, count)
    }
    fn wait_in(&self, word: &AtomicU32, expected: u32, timeout: Duration, lanes: u32) -> WaitOutcome {
        (**self).wait_in(word, expected, timeout, lanes)
    }
    fn wake_in(&self, word: &AtomicU32, count: u32, lanes: u32) -> u32 {
        (**self).wake_in(word, count, lanes)
    }
    fn now(&self) -> Instant {
        (**self).now()
    }
    fn clock(&self) -> u64 {
        (**self).clock()
    }
    fn me(&self) -> ParticipantId {
        (**self).me()
    }
    fn seize(&self, who: ParticipantId) -> Result<(), NotSeized> {
        (**self).seize(who)
    }
    fn seize_to_repair(&self, who: ParticipantId) -> Result<(), NotSeized> {
        (**self).seize_to_repair(who)
    }
    fn unseize(&self, who: ParticipantId) {
        (**self).unseize(who);
    }
    fn light_barrier(&self) {
        (**self).light_barrier();
    }
    fn heavy_barrier(&self) {
        (**self).heavy_barrier();
    }
    fn thread(&self) -> u16 {
        (**self).thread()
    }
    fn panicking(&self) -> bool {
        (**self).panicking()
    }
    fn is_here(&self) -> bool {
        (**self).is_here()
    }
    fn spinning_helps(&self) -> bool {
        (**self).spinning_helps()
    }
    fn pause_nanos(&self) -> u32 {
        (**self).pause_nanos()
    }
    fn process_id(&self, who: ParticipantId) -> u32 {
        (**self).process_id(who)
    }
    fn label(&self) -> &str {
        (**self).label()
    }
    fn yield_now(&self) {
        (**self).yield_now();
    }
}
