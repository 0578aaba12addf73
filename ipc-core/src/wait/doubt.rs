//! What a sleeper does that cannot find out who is dead.

use core::time::Duration;

use crate::error::Fault;
use crate::platform::Platform;
use crate::time::Instant;

/// How long a call waits behind a participant of which the platform cannot tell whether it lives: most that live get on in that time,
/// and a refusal may pass.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a wait ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// The time was over.
    TimedOut,
    /// The platform could not tell who is dead, for longer than a call waits for that, or when the time was over.
    Unknown,
}

impl Unmet {
    /// As an error, of which this is the one of a time-out.
    pub(crate) fn or_fault<E: From<Fault>>(self, timeout: E) -> E {
        match self {
            Unmet::TimedOut => timeout,
            Unmet::Unknown => Fault::DeathsUnknown.into(),
        }
    }
}

/// Since when the platform has not been able to tell: the time of the first vain check after the last one that succeeded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doubt {
    since: Option<Instant>,
}

impl Doubt {
    /// After a check to which the platform had no answer: whether the caller has to give up.
    pub(crate) fn lasts<P: Platform + ?Sized>(&mut self, platform: &P) -> bool {
        let now = platform.now();
        now.saturating_since(*self.since.get_or_insert(now)) >= PATIENCE
    }

    /// Why a wait ended whose time is over.
    pub(crate) fn unmet(self) -> Unmet {
        if self.since.is_some() { Unmet::Unknown } else { Unmet::TimedOut }
    }
}
