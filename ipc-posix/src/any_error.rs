//! The error that takes every other one.

use std::fmt;

use ipc_core::duplex::{ClaimError as DuplexClaimError, ClaimErrorKind as DuplexClaimErrorKind};
use ipc_core::error::*;
use ipc_core::fixed::{LengthError, TextError};
use ipc_core::queue::{SendIterError, SendIterTimeoutError, TrySendIterError};
use ipc_core::spsc::{ClaimError, ClaimErrorKind};

use crate::OperationError;
use crate::error::{ObjectError, ObjectErrorKind, RegionError, debug_as_display};

// Clippy tells users of errors from 128 bytes on (`result_large_err`).
const _: () = assert!(size_of::<Error>() < 128);

/// Writes [`Error`]: a variant for each error type. `valued` ones give a value back and `guarded` ones a guard; a conversion drops it.
macro_rules! any_error {
    (
        $(#[$doc:meta])*
        own { $($(#[$odoc:meta])* $own:ident($otype:ident)),* $(,)? }
        plain { $($(#[$pdoc:meta])* $plain:ident($ptype:ident)),* $(,)? }
        valued { $($(#[$vdoc:meta])* $valued:ident($vtype:ident)),* $(,)? }
        guarded { $($(#[$gdoc:meta])* $guarded:ident($gtype:ident)),* $(,)? }
        // With the feature `serde`.
        formatted { $($(#[$fdoc:meta])* $formatted:ident($ftype:ident, $part:ident: $queue:ident)),* $(,)? }
        // With the feature `serde`; a fault, or a format.
        read { $($(#[$rdoc:meta])* $read:ident($rtype:ident)),* $(,)? }
        // With the feature `process`.
        of_processes { $($(#[$cdoc:meta])* $process:ident($module:ident::$ctype:ident)),* $(,)? }
    ) => {
        $(#[$doc])*
        #[non_exhaustive]
        pub enum Error {
            $($(#[$odoc])* $own($otype),)*
            $($(#[$pdoc])* $plain($ptype),)*
            $($(#[$vdoc])* $valued($vtype<()>),)*
            $($(#[$gdoc])* $guarded($gtype<()>),)*
            $($(#[$fdoc])* #[cfg(feature = "serde")] $formatted($ftype),)*
            $($(#[$rdoc])* #[cfg(feature = "serde")] $read($rtype),)*
            $($(#[$cdoc])* #[cfg(feature = "process")] $process(crate::$module::$ctype),)*
            /// One of the others, and the object that it is about.
            Operation(Box<OperationError<Error>>),
        }

        impl Error {
            fn as_dyn(&self) -> &(dyn std::error::Error + 'static) {
                match self {
                    $(Error::$own(error) => error,)*
                    $(Error::$plain(error) => error,)*
                    $(Error::$valued(error) => error,)*
                    $(Error::$guarded(error) => error,)*
                    $(#[cfg(feature = "serde")] Error::$formatted(error) => error,)*
                    $(#[cfg(feature = "serde")] Error::$read(error) => error,)*
                    $(#[cfg(feature = "process")] Error::$process(error) => error,)*
                    Error::Operation(error) => &**error,
                }
            }

            /// The fault that makes the object unusable, if the operation found one.
            fn fault_of_operation(&self) -> Option<Fault> {
                match *self {
                    $(Error::$plain($ptype::Fault(fault)) => Some(fault),)*
                    $(Error::$valued($vtype::Fault(_, fault)) => Some(fault),)*
                    $(Error::$guarded($gtype::Fault(fault)) => Some(fault),)*
                    $(#[cfg(feature = "serde")] Error::$formatted($ftype::$part($queue::Fault(fault))) => Some(fault),)*
                    $(#[cfg(feature = "serde")] Error::$read($rtype::Fault(fault)) => Some(fault),)*
                    _ => None,
                }
            }
        }

        $(
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
        $(
            #[cfg(feature = "serde")]
            impl From<$ftype> for Error {
                fn from(error: $ftype) -> Self {
                    Error::$formatted(error)
                }
            }
        )*
        $(
            #[cfg(feature = "serde")]
            impl From<$rtype> for Error {
                fn from(error: $rtype) -> Self {
                    Error::$read(error)
                }
            }
        )*
        $(
            #[cfg(feature = "process")]
            impl From<crate::$module::$ctype> for Error {
                fn from(error: crate::$module::$ctype) -> Self {
                    Error::$process(error)
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
        /// An end of a duplex could not be claimed.
        ClaimDuplex(DuplexClaimError),
        /// Only some of several values were sent.
        SendSlice(SendSliceError),
        /// Only some of several values were sent in time.
        SendSliceTimeout(SendSliceTimeoutError),
        /// A text or a list is too long for its place.
        FixedLength(LengthError),
        /// The bytes of a text are none.
        FixedText(TextError),
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
        /// A message of bytes was not sent at once.
        TrySendBytes(TrySendBytesError),
        /// A message of bytes was not sent in time.
        SendBytesTimeout(SendBytesTimeoutError),
        /// No message of bytes was received.
        RecvBytes(RecvBytesError),
        /// No message of bytes was received at once.
        TryRecvBytes(TryRecvBytesError),
        /// No message of bytes was received in time.
        RecvBytesTimeout(RecvBytesTimeoutError),
        /// A block was not lent or not sent.
        Loan(LoanError),
        /// A block was not lent at once, or not sent.
        TryLoan(TryLoanError),
        /// A block was not lent in time, or not sent.
        LoanTimeout(LoanTimeoutError),
        /// A subscription did not begin.
        Subscribe(SubscribeError),
        /// A subscriber got no message.
        RecvBroadcast(RecvBroadcastError),
        /// A subscriber got no message at once.
        TryRecvBroadcast(TryRecvBroadcastError),
        /// A subscriber got no message in time.
        RecvBroadcastTimeout(RecvBroadcastTimeoutError),
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
        /// An entry of a map was not put in.
        Insert(InsertError),
        /// An entry of a byte map was not put in.
        InsertBytes(InsertBytesError),
        /// A value of a byte map was not copied.
        GetBytes(GetBytesError),
        /// A value was not written.
        Write(WriteError),
        /// A value was not written at once.
        TryWrite(TryWriteError),
        /// A value was not written in time.
        WriteTimeout(WriteTimeoutError),
        /// A call got no answer.
        Answer(AnswerError),
        /// A call has no answer yet, or got none.
        TryAnswer(TryAnswerError),
        /// A call got no answer in time.
        AnswerTimeout(AnswerTimeoutError),
        /// An answer was not given.
        Reply(ReplyError),
        /// A job was not ended, or its lease not prolonged.
        Lease(LeaseError),
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
        /// A message was not published at once.
        TryPublish(TryPublishError),
        /// A message was not published in time.
        PublishTimeout(PublishTimeoutError),
        /// A cell that is set once was not set.
        Set(SetError),
        /// A cell that is set once was not set at once.
        TrySet(TrySetError),
        /// A cell that is set once was not set in time.
        SetTimeout(SetTimeoutError),
        /// A value was not put into a vector.
        Push(PushError),
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
    formatted {
        /// A value of serde's types was not sent.
        SendValue(SendValueError, Queue: SendBytesError),
        /// A value of serde's types was not sent at once.
        TrySendValue(TrySendValueError, Queue: TrySendBytesError),
        /// A value of serde's types was not sent in time.
        SendValueTimeout(SendValueTimeoutError, Queue: SendBytesTimeoutError),
        /// No value of serde's types was received.
        RecvValue(RecvValueError, Queue: RecvError),
        /// No value of serde's types was received at once.
        TryRecvValue(TryRecvValueError, Queue: TryRecvError),
        /// No value of serde's types was received in time.
        RecvValueTimeout(RecvValueTimeoutError, Queue: RecvTimeoutError),
        /// A call got no answer of serde's types.
        AnswerValue(AnswerValueError, Queue: AnswerError),
        /// A call has no answer of serde's types yet, or got none.
        TryAnswerValue(TryAnswerValueError, Queue: TryAnswerError),
        /// A call got no answer of serde's types in time.
        AnswerValueTimeout(AnswerValueTimeoutError, Queue: AnswerTimeoutError),
        /// An answer of serde's types was not given.
        ReplyValue(ReplyValueError, Queue: ReplyError),
        /// A value under a lock was not read or changed.
        WriteValue(WriteValueError, Lock: WriteError),
        /// A value under a lock was not read or changed at once.
        TryWriteValue(TryWriteValueError, Lock: TryWriteError),
        /// A value under a lock was not read or changed in time.
        WriteValueTimeout(WriteValueTimeoutError, Lock: WriteTimeoutError),
        /// A value of a cell did not come in time.
        WaitValueTimeout(WaitValueTimeoutError, Cell: WaitTimeoutError),
        /// There will be no value of a cell that was not seen.
        ChangedValue(ChangedValueError, Cell: ChangedError),
        /// There is no value of a cell that was not seen.
        TryChangedValue(TryChangedValueError, Cell: TryChangedError),
        /// There was no value of a cell that was not seen, in time.
        ChangedValueTimeout(ChangedValueTimeoutError, Cell: ChangedTimeoutError),
    }
    read {
        /// A value of a cell was not read.
        GetValue(GetValueError),
    }
    of_processes {
        /// No process was started for a task.
        Spawn(process::SpawnError),
        /// A task has no result.
        Task(process::TaskError),
        /// A process did not get a signal.
        Signal(process::SignalError),
        /// No pool was started.
        Pool(pool::PoolError),
        /// A call of a pool has no result.
        Call(pool::CallError),
        /// A worker of another program's pool takes no calls.
        PoolWorker(pool::WorkerError),
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

impl<T> From<SendIterTimeoutError<T>> for Error {
    fn from(error: SendIterTimeoutError<T>) -> Self {
        Error::SendSliceTimeout(SendSliceError { sent: error.sent, cause: error.cause })
    }
}

impl<T> From<TrySendIterError<T>> for Error {
    fn from(error: TrySendIterError<T>) -> Self {
        Error::TrySend(error.cause)
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
            Error::Operation(error) => error.error().fault(),
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
            Error::ClaimDuplex(error) => match error.kind() {
                DuplexClaimErrorKind::Fault(fault) => Some(fault),
                _ => None,
            },
            #[cfg(feature = "process")]
            Error::Task(crate::process::TaskError::Fault(fault)) => Some(*fault),
            #[cfg(feature = "process")]
            Error::Call(crate::pool::CallError::Fault(fault)) => Some(*fault),
            #[cfg(feature = "process")]
            Error::PoolWorker(crate::pool::WorkerError::Fault(fault)) => Some(*fault),
            #[cfg(feature = "process")]
            Error::Signal(crate::process::SignalError::Forked) => Some(Fault::Forked),
            Error::SendSlice(SendSliceError { cause: SendError::Fault(_, fault), .. })
            | Error::SendSliceTimeout(SendSliceError { cause: SendTimeoutError::Fault(_, fault), .. }) => Some(*fault),
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
            Error::Operation(error) => error.error().is_timeout(),
            Error::RecvTimeout(error) => error.is_timeout(),
            Error::SendTimeout(error) => error.is_timeout(),
            Error::SendSliceTimeout(error) => error.cause.is_timeout(),
            Error::SendBytesTimeout(error) => error.is_timeout(),
            Error::RecvBytesTimeout(error) => error.is_timeout(),
            Error::LoanTimeout(error) => error.is_timeout(),
            Error::PublishTimeout(error) => error.is_timeout(),
            Error::RecvBroadcastTimeout(error) => error.is_timeout(),
            Error::AcquireTimeout(error) => error.is_timeout(),
            Error::BarrierTimeout(error) => error.is_timeout(),
            Error::ChangedTimeout(error) => error.is_timeout(),
            Error::WriteTimeout(error) => error.is_timeout(),
            Error::WaitTimeout(error) => error.is_timeout(),
            Error::AnswerTimeout(error) => error.is_timeout(),
            Error::SetTimeout(error) => error.is_timeout(),
            Error::LockTimeout(error) => error.is_timeout(),
            #[cfg(feature = "serde")]
            Error::SendValueTimeout(error) => error.is_timeout(),
            #[cfg(feature = "serde")]
            Error::RecvValueTimeout(error) => error.is_timeout(),
            #[cfg(feature = "serde")]
            Error::AnswerValueTimeout(error) => error.is_timeout(),
            #[cfg(feature = "serde")]
            Error::WriteValueTimeout(error) => error.is_timeout(),
            #[cfg(feature = "serde")]
            Error::WaitValueTimeout(error) => error.is_timeout(),
            #[cfg(feature = "serde")]
            Error::ChangedValueTimeout(error) => error.is_timeout(),
            _ => false,
        }
    }
}
