//! Errors of the barrier.

use core::fmt;

use super::Fault;

macro_rules! barrier_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        plain_error! {
            $(#[$doc])*
            $name {
                $($(#[$vdoc])* $variant => $text,)*
                /// The barrier is broken: a member died, gave up waiting, or aborted it. It stays so until it is reset.
                Broken => "the barrier is broken",
            }
        }

        predicates! {
            $name {
                /// Whether the barrier is broken.
                is_broken: $name::Broken,
            }
        }
    };
}

barrier_error! {
    /// Why a party did not meet the others.
    BarrierError {}
}
barrier_error! {
    /// Why a party did not meet the others in time.
    BarrierTimeoutError {
        /// The others did not all come in time. The barrier is broken now.
        Timeout => "the others did not come in time",
    }
}

predicates! {
    BarrierTimeoutError {
        /// Whether the time was over.
        is_timeout: BarrierTimeoutError::Timeout,
    }
}

plain_error! {
    /// Why a process did not become a member of a barrier.
    JoinError {
        /// There are as many members as parties.
        Full => "the barrier has as many members as parties (`parties` sets their number)",
    }
}

predicates! {
    JoinError {
        /// Whether there are as many members as parties.
        is_full: JoinError::Full,
    }
}

impl BarrierTimeoutError {
    /// The error of a wait without a time limit.
    pub(crate) fn endless(self) -> BarrierError {
        match self {
            BarrierTimeoutError::Broken | BarrierTimeoutError::Timeout => BarrierError::Broken,
            BarrierTimeoutError::Fault(fault) => BarrierError::Fault(fault),
        }
    }
}

widens!(BarrierError { Broken } => BarrierTimeoutError);
