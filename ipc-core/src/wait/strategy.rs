//! The user's choice of how a handle waits.

use core::time::Duration;

use super::policy::nanos;
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;

/// How the blocking calls of a handle wait.
///
/// A builder's [`wait_strategy`](crate::object::Builder::wait_strategy) chooses it for a new handle, a handle's `set_wait_strategy` changes
/// it. It is of the handle alone, and not of the object: each process chooses for itself, and handles that wait in different ways
/// work together. Clones, halves and ends begin with the strategy of the handle that they are made from.
///
/// Whatever the strategy, a call that need not wait costs the same, a deadline holds, and a participant that died in the way is
/// noticed.
///
/// ```
/// # use std::time::Duration;
/// # use ipc_posix::{Region, WaitStrategy};
/// # let region = Region::options().anonymous()?;
/// // It has a core to itself.
/// let orders = region.queue::<u64>("orders").capacity(64).wait_strategy(WaitStrategy::BusySpin).create()?;
///
/// // One of a thousand that have little to do.
/// let log = region.byte_queue("log").capacity(4096).wait_strategy(WaitStrategy::Block).create()?;
///
/// let sender = orders.sender()?;
/// sender.set_wait_strategy(WaitStrategy::SpinFor(Duration::from_micros(50)));
/// sender.send(7)?;
/// assert_eq!(orders.recv()?, 7);
/// assert_eq!(orders.wait_strategy(), WaitStrategy::BusySpin);
/// # drop(log);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitStrategy {
    /// Learns from the waits before: polls and yields where that has helped, and sleeps where waits are long.
    ///
    /// Right for nearly every handle. An idle waiter uses next to no processor time.
    #[default]
    Adaptive,
    /// Polls until the wait is over, and never sleeps, with one exception: behind two others in the line of a lock, it sleeps until it
    /// moves up. Once a millisecond it yields, so a partner that shares the core gets on.
    ///
    /// The shortest delay, for a thread that has a core to itself: it uses all of it while it waits.
    BusySpin,
    /// Sleeps at once.
    ///
    /// The least processor time, for waits that are long: each one costs a sleep and a wake-up.
    Block,
    /// Polls for this time, then sleeps: four seconds at most, and at least a nanosecond.
    ///
    /// Bounds what is spent on a wait, whatever happened before. About what a sleep and a wake-up cost (some 5 to 50 us) is never
    /// worse than twice the best choice.
    SpinFor(Duration),
}

/// A handle whose blocking calls wait as a [`WaitStrategy`] says. The handles have these methods of their own.
pub trait HasWaitStrategy {
    /// Returns how blocking calls of this handle wait.
    fn wait_strategy(&self) -> WaitStrategy;

    /// Sets how blocking calls of this handle wait that begin from now on.
    fn set_wait_strategy(&self, strategy: WaitStrategy);
}

/// Where a handle keeps its strategy.
#[derive(Debug)]
pub(crate) struct Chosen(AtomicU32);

const ADAPTIVE: u32 = 0;
const BUSY_SPIN: u32 = 1;
const BLOCK: u32 = 2;
/// Others: polls for this many nanoseconds more than one.
const SPIN_FOR: u32 = 2;

impl Chosen {
    pub(crate) fn new(strategy: WaitStrategy) -> Self {
        let chosen = Chosen(AtomicU32::new(ADAPTIVE));
        chosen.set_wait_strategy(strategy);
        chosen
    }
}

// Relaxed: a hint in private memory.
impl Chosen {
    pub(crate) fn wait_strategy(&self) -> WaitStrategy {
        match self.0.load(Ordering::Relaxed) {
            ADAPTIVE => WaitStrategy::Adaptive,
            BUSY_SPIN => WaitStrategy::BusySpin,
            BLOCK => WaitStrategy::Block,
            word => WaitStrategy::SpinFor(Duration::from_nanos((word - SPIN_FOR).into())),
        }
    }

    pub(crate) fn set_wait_strategy(&self, strategy: WaitStrategy) {
        let word = match strategy {
            WaitStrategy::Adaptive => ADAPTIVE,
            WaitStrategy::BusySpin => BUSY_SPIN,
            WaitStrategy::Block => BLOCK,
            WaitStrategy::SpinFor(length) => nanos(length).clamp(1, u32::MAX - SPIN_FOR) + SPIN_FOR,
        };
        self.0.store(word, Ordering::Relaxed);
    }
}
