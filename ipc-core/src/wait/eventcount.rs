//! An event count: the word on which the sleepers of one condition sleep.
//!
//! ```text
//! bit 31            2      1         0
//!     epoch (30 bits)    FENCED   WAITERS
//! ```
//!
//! | state | who gets there | who leaves it |
//! |---|---|---|
//! | neither bit | a notifier that found fewer sleepers than it wanted to wake | a sleeper: `WAITERS` |
//! | `WAITERS` | a sleeper that announced itself | the same or another sleeper after its heavy barrier: `FENCED`; a notifier: neither |
//! | `WAITERS`, `FENCED` | as above | a notifier: neither |
//!
//! *Sleeper:* set `WAITERS`; heavy barrier; check the condition again; sleep while the word is unchanged.
//! *Notifier:* change the state; light barrier; check the bit; if it is set, bump the epoch and wake.
//!
//! The two barriers forbid that the sleeper misses the change *and* the notifier misses the bit (the classic
//! store-then-load pair; with `membarrier` the notifier's is a compiler barrier). The bit is sticky, so that
//! dead sleepers need no bookkeeping: it costs a few spurious wakes, one of which clears it.
//!
//! `FENCED` spares the barrier: it says that one was executed after the bit was set, and that the bit was set
//! ever since (clearing changes the epoch too, so a late compare-exchange cannot set it for another period).
//! A notifier whose look came before that barrier made its state change before the barrier too, so everybody
//! who reads `FENCED` (Acquire, from the Release of the one who fenced) sees the change; one whose look came
//! after it sees the bit. A ping-pong of two sleepers therefore pays the barrier once, not once a round.
//!
//! A notifier that wakes fewer than it wanted clears the bits (one in [`FRUITLESS_WAKES`] of them does: a bit that
//! stays set costs the next notifier a system call, one that is cleared costs the next sleeper a barrier), and then
//! wakes everybody who had queued before the clear: they announce themselves again. The clear bumps the epoch in the same
//! step. If it did not, a sleeper that had announced itself before it, but was not asleep yet, would find its ticket
//! valid again as soon as the next one announced itself, and sleep over what was notified in between.
//!
//! A notifier that is killed between its change and its wake leaves sleepers behind, and so does one that is killed after it has
//! cleared the announcement. They [look](super::rota) by themselves, so that heals; a repair
//! wakes everybody, announced or not.

use core::time::Duration;

use crate::platform::{Platform, WaitOutcome};
use crate::sync::{AtomicU32, Ordering, fence};

const WAITERS: u32 = 0b01;
const FENCED: u32 = 0b10;
const ANNOUNCED: u32 = WAITERS | FENCED;
const ONE_EPOCH: u32 = 0b100;
/// Of this many wakes that find too few sleepers, one clears the announcement.
const FRUITLESS_WAKES: u32 = crate::sync::bound(16, 2);
/// A count that wakes all sleepers there can be.
const EVERYBODY: u32 = i32::MAX as u32;

/// The word. Zero is its initial state.
#[repr(transparent)]
#[derive(Debug)]
pub struct EventCount(AtomicU32);

/// What a sleeper saw when it announced itself.
#[derive(Clone, Copy, Debug)]
#[must_use = "the condition must be checked again, then waited for with this ticket"]
pub struct Ticket(u32);

impl EventCount {
    /// An event count without sleepers.
    #[allow(clippy::new_without_default, reason = "made in place only")]
    pub fn new() -> Self {
        EventCount(AtomicU32::new(0))
    }

    /// A new event count of this epoch: with an odd one, the next fruitless wake clears nothing.
    #[cfg(loom)]
    pub fn with_epoch(epoch: u32) -> Self {
        EventCount(AtomicU32::new(epoch * ONE_EPOCH))
    }

    /// Announces a sleeper. The caller checks its condition afterwards, and then [waits](Self::wait).
    pub fn prepare<P: Platform + ?Sized>(&self, platform: &P) -> Ticket {
        // Acquire: with a notifier's bump of the epoch comes its state change; with FENCED, the barrier.
        let seen = self.0.load(Ordering::Acquire);
        if seen & ANNOUNCED == ANNOUNCED {
            return Ticket(seen);
        }
        let seen = self.0.fetch_or(WAITERS, Ordering::AcqRel) | WAITERS;
        platform.heavy_barrier();
        let fenced = seen | FENCED;
        if seen & FENCED == 0 {
            // Release: hands the barrier on to sleepers that find FENCED set. On failure the word has changed, and
            // the wait with the old value returns at once.
            if self.0.compare_exchange(seen, fenced, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                return Ticket(seen);
            }
        }
        Ticket(fenced)
    }

    /// Sleeps until notified since [`prepare`](Self::prepare), at most `timeout`. May return early.
    pub fn wait<P: Platform + ?Sized>(&self, platform: &P, ticket: Ticket, timeout: Duration) -> WaitOutcome {
        platform.wait(&self.0, ticket.0, timeout)
    }

    /// Wakes as many sleepers as `count` says, if there are any, after the caller has changed the state.
    ///
    /// Without sleepers: a barrier (nothing, with `membarrier`) and one load of a line that nobody writes. `count`
    /// is asked only if there are sleepers, after a full fence: what it reads is newer than the state change.
    #[inline(always)]
    pub fn notify<P: Platform + ?Sized>(&self, platform: &P, count: impl FnOnce() -> u32) {
        platform.light_barrier();
        // Relaxed: the barrier orders this check after the state change.
        if self.0.load(Ordering::Relaxed) & WAITERS != 0 {
            self.notify_sleepers(platform, count);
        }
    }

    /// Whether there may be sleepers. A hint: the announcement can outlive them.
    #[inline(always)]
    pub(crate) fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed) & WAITERS != 0
    }

    /// Wakes everybody.
    pub fn notify_all<P: Platform + ?Sized>(&self, platform: &P) {
        self.notify(platform, || EVERYBODY);
    }

    /// Wakes everybody after a participant's death, whether or not there is an announcement: the dead one may have cleared it and
    /// not have woken those who relied on it.
    pub(crate) fn rouse<P: Platform + ?Sized>(&self, platform: &P) {
        self.notify_sleepers(platform, || EVERYBODY);
    }

    #[cold]
    #[inline(never)]
    fn notify_sleepers<P: Platform + ?Sized>(&self, platform: &P, count: impl FnOnce() -> u32) {
        // Release: who reads the new epoch sees the state change, and does not sleep on the old one.
        let epoch = self.0.fetch_add(ONE_EPOCH, Ordering::Release) / ONE_EPOCH;
        // Store-then-load: our state change before what `count` reads. Two notifiers whose changes depend on each
        // other (a message published late, and the ones behind it) cannot both overlook the other's.
        fence(Ordering::SeqCst);
        let count = count();
        if platform.wake(&self.0, count) < count && epoch.is_multiple_of(FRUITLESS_WAKES) {
            self.clear(platform);
        }
    }

    /// Clears the announcement, and wakes those who relied on it. In one step with a bump of the epoch: a sleeper that has
    /// announced itself but does not sleep yet must not find its ticket valid again when another one announces itself.
    #[cold]
    fn clear<P: Platform + ?Sized>(&self, platform: &P) {
        let seen = self.0.load(Ordering::Relaxed);
        let cleared = (seen & !ANNOUNCED).wrapping_add(ONE_EPOCH);
        // If others announce or notify at the same time, the announcement simply stays.
        if self.0.compare_exchange(seen, cleared, Ordering::Release, Ordering::Relaxed).is_ok() {
            platform.wake(&self.0, EVERYBODY);
        }
    }
}
