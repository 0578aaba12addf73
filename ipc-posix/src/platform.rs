//! What the handles run on: this process's attachment, and the name of one object.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::participant::NotSeized;
use ipc_core::platform::{Located, Use, WaitOutcome};
use ipc_core::sync::AtomicU32;
use ipc_core::{Instant, ParticipantId, Platform};

use crate::attachment::Membership;
use crate::region::Region;

/// The platform of this crate's handles: futexes, the monotonic clock, lock bytes, `membarrier`. Nothing to call for users.
#[derive(Clone)]
pub struct Posix {
    membership: Membership,
    name: Arc<str>,
}

impl Posix {
    pub(crate) fn new(membership: Membership, name: &str) -> Self {
        Posix { membership, name: name.into() }
    }
}

/// The object's name.
impl fmt::Debug for Posix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl Located for Posix {
    type Region = Region;

    fn name(&self) -> &str {
        &self.name
    }

    fn region(&self) -> Region {
        Region::new(self.membership.clone())
    }

    fn is_same(&self, other: &Self) -> bool {
        // Both are private copies, which a forked child has, too.
        self.name == other.name && self.membership.view().identity() == other.membership.view().identity()
    }
}

// SAFETY: the membership keeps the contract, and the name tells the objects apart whose handles it counts.
unsafe impl Platform for Posix {
    type Deadline = std::time::Instant;

    fn instant(&self, deadline: std::time::Instant) -> Instant {
        self.membership.instant(deadline)
    }

    fn enter(&self, purpose: Use, join: &dyn Fn()) {
        self.membership.add_user(&self.name, purpose, join);
    }

    fn leave(&self, purpose: Use, part: &dyn Fn()) -> bool {
        self.membership.remove_user(&self.name, purpose, part)
    }

    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
        self.membership.wait(word, expected, timeout)
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        self.membership.wake(word, count)
    }

    fn wait_in(&self, word: &AtomicU32, expected: u32, timeout: Duration, lanes: u32) -> WaitOutcome {
        self.membership.wait_in(word, expected, timeout, lanes)
    }

    fn wake_in(&self, word: &AtomicU32, count: u32, lanes: u32) -> u32 {
        self.membership.wake_in(word, count, lanes)
    }

    fn now(&self) -> Instant {
        self.membership.now()
    }

    #[inline(always)]
    fn clock(&self) -> u64 {
        Platform::clock(&self.membership)
    }

    #[inline(always)]
    fn me(&self) -> ParticipantId {
        Platform::me(&self.membership)
    }

    fn seize(&self, who: ParticipantId) -> Result<(), NotSeized> {
        self.membership.seize(who)
    }

    fn unseize(&self, who: ParticipantId) {
        self.membership.unseize(who);
    }

    #[inline(always)]
    fn light_barrier(&self) {
        self.membership.light_barrier();
    }

    fn heavy_barrier(&self) {
        self.membership.heavy_barrier();
    }

    #[inline(always)]
    fn thread(&self) -> u16 {
        self.membership.thread()
    }

    #[inline(always)]
    fn panicking(&self) -> bool {
        self.membership.panicking()
    }

    #[inline(always)]
    fn is_here(&self) -> bool {
        self.membership.is_here()
    }

    fn spinning_helps(&self) -> bool {
        self.membership.spinning_helps()
    }

    #[inline]
    fn pause_nanos(&self) -> u32 {
        self.membership.pause_nanos()
    }

    fn process_id(&self, who: ParticipantId) -> u32 {
        self.membership.view().records().get(who.index()).map_or(0, |record| record.info().pid)
    }

    fn label(&self) -> &str {
        &self.name
    }

    fn yield_now(&self) {
        self.membership.yield_now();
    }
}
