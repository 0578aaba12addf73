//! The error that takes every other one.

use std::fmt;

#[cfg(feature = "serde")]
use ipc_core::bytes::{RecvValueError, SendValueError};
use ipc_core::error::*;
use ipc_core::queue::SendIterError;
use ipc_core::spsc::{ClaimError, ClaimErrorKind};

use crate::error::{ObjectError, ObjectErrorKind, RegionError, debug_as_display};

/// Writes [`Error`]: a variant for each error type. `valued` ones give a value back and `guarded` ones a guard; a conversion drops it.
macro_rules! any_error {
    (
        $(#[$doc:meta])*
        own { $($(#[doc = $odoc:literal])* $(#[cfg($ocfg:meta)])? $own:ident($otype:ident)),* $(,)? }
        plain { $($(#[$pdoc:meta])* $plain:ident($ptype:ident)),* $(,)? }
        valued { $($(#[$vdoc:meta])* $valued:ident($vtype:ident)),* $(,)? }
        guarded { $($(#[$gdoc:meta])* $guarded:ident($gtype:ident)),* $(,)? }
    ) => {
        $(#[$doc])*
        #[non_exhaustive]
        pub enum Error {
            $($(#[doc = $odoc])* $(#[cfg($ocfg)])? $own($otype),)*
            $($(#[$pdoc])* $plain($ptype),)*
            $($(#[$vdoc])* $valued($vtype<()>),)*
            $($(#[$gdoc])* $guarded($gtype<()>),)*
        }

        impl Error {
            fn as_dyn(&self) -> &(dyn std::error::Error + 'static) {
                match self {
                    $($(#[cfg($ocfg)])? Error::$own(error) => error,)*
                    $(Error::$plain(error) => error,)*
                    $(Error::$valued(error) => error,)*
                    $(Error::$guarded(error) => error,)*
                }
            }

            /// The fault that makes the object unusable, if the operation found one.
            fn fault_of_operation(&self) -> Option<Fault> {
                match *self {
                    $(Error::$plain($ptype::Fault(fault)) => Some(fault),)*
                    $(Error::$valued($vtype::Fault(_, fault)) => Some(fault),)*
                    $(Error::$guarded($gtype::Fault(fault)) => Some(fault),)*
                    _ => None,
                }
            }
        }

        $(
            $(#[cfg($ocfg)])?
            impl From<$otype> for Error {
                fn from(error: $otype) -> Self {
                    Error::$own(error)
                }
            }
        )*
        $(
            impl From<$ptype> for Error {
                fn from(error: $ptype) -> Self {
                    Error::$plain(error)
                }
            }
        )*
        $(
            /// Drops the value.
            impl<T> From<$vtype<T>> for Error {
                fn from(error: $vtype<T>) -> Self {
                    Error::$valued(error.without_value())
                }
            }
        )*
        $(
            /// Drops the guard, which releases the lock.
            impl<G> From<$gtype<G>> for Error {
                fn from(error: $gtype<G>) -> Self {
                    Error::$guarded(error.without_guard())
                }
            }
        )*
    };
}

any_error! {
    /// Any error of this crate, for functions that use several operations: `?` turns each of them into it.
    ///
    /// A value or a guard that an error holds is dropped by the conversion: a message is lost, a block goes back to its queue, a lock
    /// is released. To keep it, handle the operation's own error.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     # let name = format!("doc-error-{}", std::process::id());
    ///     # let name = name.as_str();
    ///     let region = Region::options().open_or_create(name)?;
    ///     let jobs = region.queue::<u64>("jobs").capacity(4).open_or_create()?;
    ///     jobs.send(42)?;
    ///     let total = region.mutex::<u64>("total").open_or_create()?;
    ///     *total.lock()? += jobs.recv()?;
    ///     # Region::unlink(name)?;
    ///     Ok(())
    /// }
    /// ```
    own {
        /// A region could not be created, opened or removed.
        Region(RegionError),
        /// An object could not be found or created.
        Object(ObjectError),
        /// An object cannot be used.
        Fault(Fault),
        /// An end of a one-to-one queue could not be claimed.
        Claim(ClaimError),
        /// Only some of several values were sent.
        SendSlice(SendSliceError),
        /// A value of serde's types was not sent.
        #[cfg(feature = "serde")]
        SendValue(SendValueError),
        /// No value of serde's types was received.
        #[cfg(feature = "serde")]
        RecvValue(RecvValueError),
    }
    plain {
        /// A receive failed.
        Recv(RecvError),
        /// A receive that does not wait failed.
        TryRecv(TryRecvError),
        /// A receive with a time limit failed.
        RecvTimeout(RecvTimeoutError),
        /// A message of bytes was not sent.
        SendBytes(SendBytesError),
        /// No message of bytes was received.
        RecvBytes(RecvBytesError),
        /// A block was not lent or not sent.
        Loan(LoanError),
        /// No message was received in its block.
        RecvLoan(RecvLoanError),
        /// A subscription did not begin.
        Subscribe(SubscribeError),
        /// A subscriber got no message.
        RecvBroadcast(RecvBroadcastError),
        /// Permits were not acquired.
        Acquire(AcquireError),
        /// Permits were not there at once.
        TryAcquire(TryAcquireError),
        /// Permits were not acquired in time.
        AcquireTimeout(AcquireTimeoutError),
        /// Permits were not released.
        Release(ReleaseError),
        /// A party did not meet the others.
        Barrier(BarrierError),
        /// A party did not meet the others in time.
        BarrierTimeout(BarrierTimeoutError),
        /// A process did not become a member of a barrier.
        Join(JoinError),
        /// A watched value will not change.
        Changed(ChangedError),
        /// A watched value has not changed.
        TryChanged(TryChangedError),
        /// A watched value did not change in time.
        ChangedTimeout(ChangedTimeoutError),
        /// A value was not written.
        Write(WriteError),
        /// A value was not written at once.
        TryWrite(TryWriteError),
        /// A value was not written in time.
        WriteTimeout(WriteTimeoutError),
        /// What was waited for did not happen in time.
        WaitTimeout(WaitTimeoutError),
    }
    valued {
        /// A value was not sent.
        Send(SendError),
        /// A value was not sent at once.
        TrySend(TrySendError),
        /// A value was not sent in time.
        SendTimeout(SendTimeoutError),
        /// A message was not published.
        Publish(PublishError),
        /// A cell that is set once was not set.
        Set(SetError),
        /// A cell that is set once was not set at once.
        TrySet(TrySetError),
        /// A cell that is set once was not set in time.
        SetTimeout(SetTimeoutError),
        /// An overwriting send failed.
        ForceSend(ForceSendError),
    }
    guarded {
        /// A lock was not taken, or something happened to its last holder. It is released.
        Lock(LockError),
        /// A lock was not taken at once, or something happened to its last holder. It is released.
        TryLock(TryLockError),
        /// A lock was not taken in time, or something happened to its last holder. It is released.
        LockTimeout(LockTimeoutError),
    }
}

debug_as_display!(Error);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_dyn(), f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.as_dyn().source()
    }
}

impl<T> From<SendIterError<T>> for Error {
    fn from(error: SendIterError<T>) -> Self {
        Error::SendSlice(SendSliceError { sent: error.sent, cause: error.cause })
    }
}

impl Error {
    /// Returns the [`Fault`] that the operation found, if it found one: then the object cannot be used, or its handle came through
    /// `fork`.
    ///
    /// ```
    /// use ipc_posix::{Error, Fault, RecvError};
    /// assert_eq!(Error::from(RecvError::Fault(Fault::Forked)).fault(), Some(Fault::Forked));
    /// assert_eq!(Error::from(RecvError::Closed).fault(), None);
    /// ```
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Error::Fault(fault) => Some(*fault),
            Error::Object(error) => match error.kind() {
                ObjectErrorKind::Forked => Some(Fault::Forked),
                ObjectErrorKind::DeathsUnknown { .. } => Some(Fault::DeathsUnknown),
                _ => None,
            },
            Error::Claim(error) => match error.kind() {
                ClaimErrorKind::Fault(fault) => Some(fault),
                _ => None,
            },
            Error::SendSlice(SendSliceError { cause: SendTimeoutError::Fault(_, fault), .. }) => Some(*fault),
            #[cfg(feature = "serde")]
            Error::SendValue(SendValueError::Queue(SendBytesError::Fault(fault))) => Some(*fault),
            #[cfg(feature = "serde")]
            Error::RecvValue(RecvValueError::Queue(RecvBytesError::Fault(fault))) => Some(*fault),
            _ => self.fault_of_operation(),
        }
    }

    /// Returns whether an operation with a time limit ran out of time.
    ///
    /// ```
    /// use ipc_posix::{Error, RecvTimeoutError};
    /// assert!(Error::from(RecvTimeoutError::Timeout).is_timeout());
    /// ```
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Error::RecvTimeout(error) => error.is_timeout(),
            Error::SendTimeout(error) => error.is_timeout(),
            Error::SendSlice(error) => error.cause.is_timeout(),
            Error::SendBytes(error) => error.is_timeout(),
            Error::RecvBytes(error) => error.is_timeout(),
            Error::Loan(error) => error.is_timeout(),
            Error::RecvLoan(error) => error.is_timeout(),
            Error::Publish(error) => error.is_timeout(),
            Error::RecvBroadcast(error) => error.is_timeout(),
            Error::AcquireTimeout(error) => error.is_timeout(),
            Error::BarrierTimeout(error) => error.is_timeout(),
            Error::ChangedTimeout(error) => error.is_timeout(),
            Error::WriteTimeout(error) => error.is_timeout(),
            Error::WaitTimeout(error) => error.is_timeout(),
            Error::SetTimeout(error) => error.is_timeout(),
            Error::LockTimeout(error) => error.is_timeout(),
            #[cfg(feature = "serde")]
            Error::SendValue(SendValueError::Queue(error)) => error.is_timeout(),
            #[cfg(feature = "serde")]
            Error::RecvValue(RecvValueError::Queue(error)) => error.is_timeout(),
            _ => false,
        }
    }
}
