//! Contracts of events, event groups and barriers.

use ipc_core::Platform;
use ipc_core::barrier::{self, Barrier};
use ipc_core::error::{BarrierError, BarrierTimeoutError, JoinError, WaitTimeoutError};
use ipc_core::event::{self, Event, EventGroup, Reset};

use super::{Role, SHORT, rounds};

/// An event that lets one go.
#[must_use]
pub fn auto() -> event::Options {
    event::Options { reset: Reset::Auto, initial: false }
}

/// A barrier for the two actors.
#[must_use]
pub fn pair() -> barrier::Options {
    barrier::Options { parties: Some(2) }
}

/// An event that is set lets everybody go, as often as they come, until it is cleared.
pub fn manual_reset<P: Platform>(event: &Event<'_, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(event.wait_timeout(SHORT), Err(WaitTimeoutError::Timeout)));
    role.at_once(|| assert_eq!(event.set(), Ok(true)), || assert_eq!(event.wait(), Ok(())));
    role.two(|| assert_eq!((event.try_wait(), event.wait(), event.is_set()), (Ok(true), Ok(()), true)));
    role.one(|| assert_eq!((event.set(), event.clear(), event.clear()), (Ok(false), Ok(true), Ok(false))));
    role.two(|| assert_eq!((event.is_set(), event.try_wait()), (false, Ok(false))));
}

/// An event that resets itself lets one go for each time it is set, and being set twice is being set once.
pub fn auto_reset<P: Platform>(event: &Event<'_, P>, role: &Role<'_>) {
    role.one(|| assert_eq!((event.set(), event.set()), (Ok(true), Ok(false))));
    role.two(|| assert_eq!((event.wait(), event.is_set(), event.try_wait()), (Ok(()), false, Ok(false))));
    role.one(|| assert_eq!(event.wait_timeout(SHORT), Err(WaitTimeoutError::Timeout)));
    // There and back: each set is one go.
    role.at_once(
        || {
            for _ in 0..rounds(50) {
                assert_eq!(event.set(), Ok(true));
                while event.is_set() {
                    std::thread::yield_now();
                }
            }
        },
        || (0..rounds(50)).for_each(|_| assert_eq!(event.wait(), Ok(()))),
    );
    role.two(|| assert_eq!(event.try_wait(), Ok(false)));
}

/// Any of several flags, all of them, and taking them along in the same step.
pub fn group<P: Platform>(group: &EventGroup<'_, P>, role: &Role<'_>) {
    role.one(|| assert_eq!((group.set(0b001), group.try_wait_all(0b011)), (Ok(0), Ok(None))));
    role.two(|| {
        assert_eq!((group.wait_any(0b011), group.flags()), (Ok(0b001), Ok(0b001)), "a wait leaves them");
        assert_eq!(group.wait_all_timeout(0b011, SHORT), Err(WaitTimeoutError::Timeout));
    });
    role.at_once(
        || assert_eq!(group.set(0b110), Ok(0b001)),
        || assert_eq!(group.take_all(0b011), Ok(0b111), "what was there at that moment"),
    );
    role.one(|| assert_eq!((group.flags(), group.try_take_any(0b011)), (Ok(0b100), Ok(None))));
    role.two(|| assert_eq!((group.take_any(0b101), group.flags()), (Ok(0b100), Ok(0))));
    role.one(|| assert_eq!((group.set(0b1), group.clear(0b11), group.flags()), (Ok(0), Ok(0b1), Ok(0))));
}

/// All parties of a round have met, and one of them leads.
pub fn barrier_meets<P: Platform>(barrier: &Barrier<'_, P>, role: &Role<'_>) {
    let rounds = (0..20).map(|_| barrier.wait().expect("both come"));
    let leads = rounds.filter(|round| round.is_leader()).count();
    assert_eq!(leads + role.share(leads), 20, "one in each round");
    role.one(|| {
        assert_eq!((barrier.parties(), barrier.waiting(), barrier.is_broken()), (2, 0, false));
        assert_eq!(barrier.join(), Err(JoinError::Full), "the other one is a member, too");
    });
}

/// A party that gives up breaks the barrier for all, as an abort does, until it is reset.
pub fn barrier_breaks<P: Platform>(barrier: &Barrier<'_, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(barrier.wait_timeout(SHORT).err(), Some(BarrierTimeoutError::Timeout)));
    role.two(|| {
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait().err(), Some(BarrierError::Broken));
        assert_eq!((barrier.reset(), barrier.is_broken()), (Ok(()), false));
    });
    role.at_once(
        || {
            while barrier.waiting() == 0 {
                std::thread::yield_now();
            }
            assert_eq!(barrier.abort(), Ok(true));
        },
        || assert_eq!(barrier.wait().err(), Some(BarrierError::Broken)),
    );
    role.one(|| assert_eq!((barrier.abort(), barrier.reset()), (Ok(false), Ok(()))));
    role.at_once(|| assert!(barrier.wait().is_ok()), || assert!(barrier.wait().is_ok()));
}
