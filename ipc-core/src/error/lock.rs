//! Errors of the locks, and of what is written under one.

use core::fmt;

use super::{Fault, Refused};

macro_rules! lock_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        ///
        /// As with [std's poisoning](https://doc.rust-lang.org/std/sync/struct.PoisonError.html), the first two hold the
        /// guard: the lock is taken, and it is for the caller to decide what the data are worth.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name<G> {
            /// A holder died while it had the lock. The data may be half-changed.
            OwnerDied(G),
            /// A holder panicked while it had the lock. The data may be half-changed.
            Poisoned(G),
            $($(#[$vdoc])* $variant,)*
            /// The lock cannot be used.
            Fault(Fault),
        }

        impl<G> $name<G> {
            /// The guard, if the lock was taken although something had happened to a former holder.
            pub fn into_guard(self) -> Option<G> {
                match self {
                    $name::OwnerDied(guard) | $name::Poisoned(guard) => Some(guard),
                    _ => None,
                }
            }

            /// Whether a holder died.
            pub fn is_owner_died(&self) -> bool {
                matches!(self, $name::OwnerDied(_))
            }

            /// Whether a holder panicked.
            pub fn is_poisoned(&self) -> bool {
                matches!(self, $name::Poisoned(_))
            }

            /// The error without the guard, which releases the lock: an error that borrows nothing, for `?`.
            pub fn without_guard(self) -> $name<()> {
                self.map(drop)
            }

            /// Replaces the guard inside with what `change` makes of it.
            pub fn map<H>(self, change: impl FnOnce(G) -> H) -> $name<H> {
                match self {
                    $name::OwnerDied(guard) => $name::OwnerDied(change(guard)),
                    $name::Poisoned(guard) => $name::Poisoned(change(guard)),
                    $($name::$variant => $name::$variant,)*
                    $name::Fault(fault) => $name::Fault(fault),
                }
            }
        }

        impl<G> fmt::Display for $name<G> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $name::OwnerDied(_) => f.write_str("a holder of the lock died: its data may be half-changed"),
                    $name::Poisoned(_) => f.write_str("a holder of the lock panicked: its data may be half-changed"),
                    $($name::$variant => f.write_str($text),)*
                    $name::Fault(fault) => fault.fmt(f),
                }
            }
        }

        impl<G> core::error::Error for $name<G> {}
        debug_as_display!($name<G>);

        impl<G> From<Fault> for $name<G> {
            fn from(fault: Fault) -> Self {
                $name::Fault(fault)
            }
        }
    };
}

lock_error! {
    /// What a blocking lock has to tell.
    LockError {
        /// The calling thread has the lock already.
        Deadlock => "this thread has the lock already",
    }
}
lock_error! {
    /// What a lock that does not wait has to tell.
    TryLockError {
        /// A living participant has the lock.
        WouldBlock => "the lock is taken",
    }
}
lock_error! {
    /// What a lock with a time limit has to tell.
    LockTimeoutError {
        /// The calling thread has the lock already.
        Deadlock => "this thread has the lock already",
        /// A living participant had the lock all the time.
        Timeout => "the lock was not free in time",
    }
}

predicates! {
    LockError<G> {
        /// Whether the calling thread has the lock already.
        is_deadlock: LockError::Deadlock,
    }
}
predicates! {
    TryLockError<G> {
        /// Whether a living participant has the lock.
        would_block: TryLockError::WouldBlock,
    }
}
predicates! {
    LockTimeoutError<G> {
        /// Whether the time was over.
        is_timeout: LockTimeoutError::Timeout,
        /// Whether the calling thread has the lock already.
        is_deadlock: LockTimeoutError::Deadlock,
    }
}

plain_error! {
    /// Why a value was not written.
    WriteError {
        /// This thread is writing already: it would wait for itself.
        Deadlock => "this thread is writing already: it would wait for itself",
    }
}

plain_error! {
    /// Why a value was not written at once.
    TryWriteError {
        /// Another thread, or this one, is writing.
        WouldBlock => "another thread is writing",
    }
}

plain_error! {
    /// Why a value was not written in time.
    WriteTimeoutError {
        /// This thread is writing already: it would wait for itself.
        Deadlock => "this thread is writing already: it would wait for itself",
        /// Other writers did not finish in time.
        Timeout => "other writers did not finish in time",
    }
}

predicates! {
    WriteError {
        /// Whether this thread is writing already.
        is_deadlock: WriteError::Deadlock,
    }
}
predicates! {
    TryWriteError {
        /// Whether another thread is writing.
        would_block: TryWriteError::WouldBlock,
    }
}
predicates! {
    WriteTimeoutError {
        /// Whether the time was over.
        is_timeout: WriteTimeoutError::Timeout,
        /// Whether this thread is writing already.
        is_deadlock: WriteTimeoutError::Deadlock,
    }
}

impl TryWriteError {
    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Fault(fault) if fault != Fault::DeathsUnknown => TryWriteError::Fault(fault),
            _ => TryWriteError::WouldBlock,
        }
    }
}

impl WriteTimeoutError {
    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Mine => WriteTimeoutError::Deadlock,
            Refused::Fault(fault) => WriteTimeoutError::Fault(fault),
            _ => WriteTimeoutError::Timeout,
        }
    }

    /// The error of a write without a time limit.
    pub(crate) fn endless(self) -> WriteError {
        match self {
            WriteTimeoutError::Deadlock => WriteError::Deadlock,
            WriteTimeoutError::Fault(fault) => WriteError::Fault(fault),
            // The end of time does not come.
            WriteTimeoutError::Timeout => WriteError::Fault(Fault::Corrupted),
        }
    }
}

value_error! {
    /// Why a cell that is set once was not set. The value comes back.
    SetError {
        /// It is set already.
        AlreadySet => "it is set already",
        /// This thread is setting it already: it would wait for itself.
        Deadlock => "this thread is writing already: it would wait for itself",
    }
}

value_error! {
    /// Why a cell that is set once was not set at once. The value comes back.
    TrySetError {
        /// It is set already.
        AlreadySet => "it is set already",
        /// Another thread, or this one, is setting it.
        WouldBlock => "another thread is writing",
    }
}

value_error! {
    /// Why a cell that is set once was not set in time. The value comes back.
    SetTimeoutError {
        /// It is set already.
        AlreadySet => "it is set already",
        /// This thread is setting it already: it would wait for itself.
        Deadlock => "this thread is writing already: it would wait for itself",
        /// Other writers did not finish in time.
        Timeout => "other writers did not finish in time",
    }
}

predicates! {
    SetError<T> {
        /// Whether it is set already.
        is_already_set: SetError::AlreadySet(_),
        /// Whether this thread is setting it already.
        is_deadlock: SetError::Deadlock(_),
    }
}
predicates! {
    TrySetError<T> {
        /// Whether it is set already.
        is_already_set: TrySetError::AlreadySet(_),
        /// Whether another thread is setting it.
        would_block: TrySetError::WouldBlock(_),
    }
}
predicates! {
    SetTimeoutError<T> {
        /// Whether the time was over.
        is_timeout: SetTimeoutError::Timeout(_),
        /// Whether it is set already.
        is_already_set: SetTimeoutError::AlreadySet(_),
        /// Whether this thread is setting it already.
        is_deadlock: SetTimeoutError::Deadlock(_),
    }
}

impl<T> TrySetError<T> {
    pub(crate) fn of(value: T, error: TryWriteError) -> Self {
        match error {
            TryWriteError::WouldBlock => TrySetError::WouldBlock(value),
            TryWriteError::Fault(fault) => TrySetError::Fault(value, fault),
        }
    }
}

impl<T> SetTimeoutError<T> {
    pub(crate) fn of(value: T, error: WriteTimeoutError) -> Self {
        match error {
            WriteTimeoutError::Deadlock => SetTimeoutError::Deadlock(value),
            WriteTimeoutError::Timeout => SetTimeoutError::Timeout(value),
            WriteTimeoutError::Fault(fault) => SetTimeoutError::Fault(value, fault),
        }
    }

    /// The error of a `set` without a time limit.
    pub(crate) fn endless(self) -> SetError<T> {
        match self {
            SetTimeoutError::AlreadySet(value) => SetError::AlreadySet(value),
            SetTimeoutError::Deadlock(value) => SetError::Deadlock(value),
            SetTimeoutError::Fault(value, fault) => SetError::Fault(value, fault),
            // The end of time does not come.
            SetTimeoutError::Timeout(value) => SetError::Fault(value, Fault::Corrupted),
        }
    }
}

widens!(LockError<guard G> { Deadlock } => LockTimeoutError);
widens!(WriteError { Deadlock } => WriteTimeoutError);
widens!(SetError<T> { AlreadySet, Deadlock } => SetTimeoutError);
