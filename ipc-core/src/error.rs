//! Errors of the objects: one small enum per operation; a failed send gives the value back.

use core::fmt;

/// What makes an object unusable for the caller, whatever the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A word in shared memory holds a value that no correct peer writes.
    Corrupted,
    /// A message's bits are no value of the element type (a `bool` of 2, say). It was taken and is gone.
    InvalidValue,
    /// The handle came through `fork`: the child has to open the region again.
    Forked,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Corrupted => "the shared memory holds a value that no correct peer writes",
            Fault::InvalidValue => "the bits are not a value of the type; a message with such bits is dropped",
            Fault::Forked => "the handle came through fork: open the region again in this process",
        })
    }
}

impl core::error::Error for Fault {}

macro_rules! send_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name<T> {
            $($(#[$vdoc])* $variant(T),)*
            /// The queue is closed. The value comes back.
            Closed(T),
            /// The last living receiver is gone (only from a sender half). The value comes back.
            Disconnected(T),
            /// The queue cannot be used. The value comes back.
            Fault(T, Fault),
        }

        impl<T> $name<T> {
            /// The value that was not sent.
            pub fn into_inner(self) -> T {
                match self {
                    $($name::$variant(value) => value,)*
                    $name::Closed(value) | $name::Disconnected(value) | $name::Fault(value, _) => value,
                }
            }

            /// Whether the queue is closed.
            pub fn is_closed(&self) -> bool {
                matches!(self, $name::Closed(_))
            }

            /// Whether the last living receiver is gone.
            pub fn is_disconnected(&self) -> bool {
                matches!(self, $name::Disconnected(_))
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$variant(_) => f.write_str(concat!(stringify!($variant), "(..)")),)*
                    $name::Closed(_) => f.write_str("Closed(..)"),
                    $name::Disconnected(_) => f.write_str("Disconnected(..)"),
                    $name::Fault(_, fault) => write!(f, "Fault(.., {fault:?})"),
                }
            }
        }

        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$variant(_) => f.write_str($text),)*
                    $name::Closed(_) => f.write_str("sending on a closed queue"),
                    $name::Disconnected(_) => f.write_str("the last living receiver is gone"),
                    $name::Fault(_, fault) => fault.fmt(f),
                }
            }
        }

        impl<T> core::error::Error for $name<T> {}
    };
}

send_error! {
    /// Why a blocking send failed.
    SendError {}
}
send_error! {
    /// Why a send that does not wait failed.
    TrySendError {
        /// There is no room.
        Full => "the queue is full",
    }
}
send_error! {
    /// Why a send with a time limit failed.
    SendTimeoutError {
        /// There was no room in time.
        Timeout => "no room in the queue in time",
    }
}

impl<T> TrySendError<T> {
    /// Whether the queue was full.
    pub fn is_full(&self) -> bool {
        matches!(self, TrySendError::Full(_))
    }
}

impl<T> SendTimeoutError<T> {
    /// Whether the time was over.
    pub fn is_timeout(&self) -> bool {
        matches!(self, SendTimeoutError::Timeout(_))
    }
}

/// Why a send of several values did not send all of them: the first `sent` ones are sent, the others are not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendSliceError {
    /// How many were sent.
    pub sent: usize,
    /// Why the next one was not.
    pub cause: SendTimeoutError<()>,
}

impl fmt::Debug for SendSliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSliceError").field("sent", &self.sent).field("cause", &self.cause).finish()
    }
}

impl fmt::Display for SendSliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} values: {}", self.sent, self.cause)
    }
}

impl core::error::Error for SendSliceError {}

/// Why a message of bytes was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendBytesError {
    /// There is no room, or other senders are at it (only from a send that does not wait).
    Full,
    /// There was no room in time.
    Timeout,
    /// The queue is closed.
    Closed,
    /// The message is longer than the queue was made for. It would never fit.
    TooLong {
        /// Its bytes.
        len: usize,
        /// The most bytes of a message.
        max: usize,
    },
    /// The queue cannot be used.
    Fault(Fault),
}

impl fmt::Display for SendBytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendBytesError::Full => f.write_str("the queue is full"),
            SendBytesError::Timeout => f.write_str("no room in the queue in time"),
            SendBytesError::Closed => f.write_str("sending on a closed queue"),
            SendBytesError::TooLong { len, max } => write!(f, "a message of {len} bytes, at most {max} are possible"),
            SendBytesError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for SendBytesError {}

/// Why no message of bytes was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvBytesError {
    /// There is no message, or other receivers are at it (only from a receive that does not wait).
    Empty,
    /// No message came in time.
    Timeout,
    /// The queue is closed and drained.
    Closed,
    /// The oldest message is longer than the memory for it. It stays.
    TooLong {
        /// Its bytes.
        len: usize,
        /// The memory's.
        room: usize,
    },
    /// The queue cannot be used.
    Fault(Fault),
}

impl fmt::Display for RecvBytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvBytesError::Empty => f.write_str("the queue is empty"),
            RecvBytesError::Timeout => f.write_str("no message in time"),
            RecvBytesError::Closed => f.write_str("the queue is closed and drained"),
            RecvBytesError::TooLong { len, room } => write!(f, "a message of {len} bytes, room for {room}"),
            RecvBytesError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for RecvBytesError {}

/// Why a block was not lent or not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoanError {
    /// No block is free (only from a loan that does not wait).
    Exhausted,
    /// No block was free in time.
    Timeout,
    /// The message is longer than a block.
    TooLong {
        /// Its elements.
        len: usize,
        /// A block's.
        max: usize,
    },
    /// The queue is closed.
    Closed,
    /// The queue cannot be used.
    Fault(Fault),
}

impl fmt::Display for LoanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoanError::Exhausted => f.write_str("no block is free"),
            LoanError::Timeout => f.write_str("no block was free in time"),
            LoanError::TooLong { len, max } => write!(f, "a message of {len} elements, a block has {max}"),
            LoanError::Closed => f.write_str("sending on a closed queue"),
            LoanError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for LoanError {}

/// Why no message was received in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvLoanError {
    /// There is no message (only from a receive that does not wait).
    Empty,
    /// No message came in time.
    Timeout,
    /// The queue is closed and drained.
    Closed,
    /// The queue cannot be used.
    Fault(Fault),
}

impl fmt::Display for RecvLoanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvLoanError::Empty => f.write_str("the queue is empty"),
            RecvLoanError::Timeout => f.write_str("no message in time"),
            RecvLoanError::Closed => f.write_str("the queue is closed and drained"),
            RecvLoanError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for RecvLoanError {}

/// Why a message was not published.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError<T> {
    /// The slowest subscriber has not read the oldest message (only from a publishing that does not wait). The value comes back.
    Full(T),
    /// The slowest subscriber did not get on in time, or another publisher. The value comes back.
    Timeout(T),
    /// The broadcast is closed. The value comes back.
    Closed(T),
    /// The broadcast cannot be used. The value comes back.
    Fault(T, Fault),
}

impl<T> PublishError<T> {
    /// The value that was not published.
    pub fn into_inner(self) -> T {
        match self {
            PublishError::Full(value)
            | PublishError::Timeout(value)
            | PublishError::Closed(value)
            | PublishError::Fault(value, _) => value,
        }
    }
}

impl<T> fmt::Debug for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Full(_) => f.write_str("Full(..)"),
            PublishError::Timeout(_) => f.write_str("Timeout(..)"),
            PublishError::Closed(_) => f.write_str("Closed(..)"),
            PublishError::Fault(_, fault) => write!(f, "Fault(.., {fault:?})"),
        }
    }
}

impl<T> fmt::Display for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Full(_) => f.write_str("the slowest subscriber is too far behind"),
            PublishError::Timeout(_) => f.write_str("the slowest subscriber did not get on in time"),
            PublishError::Closed(_) => f.write_str("publishing on a closed broadcast"),
            PublishError::Fault(_, fault) => fault.fmt(f),
        }
    }
}

impl<T> core::error::Error for PublishError<T> {}

/// Why a subscription did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// There are as many living subscribers as publishers wait for.
    Full {
        /// The most subscribers.
        max: u32,
    },
    /// A living publisher does not get on (it may be stopped).
    Busy,
    /// The broadcast cannot be used.
    Fault(Fault),
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubscribeError::Full { max } => write!(f, "all {max} subscribers' places are taken"),
            SubscribeError::Busy => f.write_str("somebody is publishing and does not get on"),
            SubscribeError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for SubscribeError {}

/// Why a subscriber got no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvBroadcastError {
    /// There is no new message (only from a receive that does not wait).
    Empty,
    /// No message came in time.
    Timeout,
    /// So many messages were overwritten before this subscriber came to them. The next receive goes on behind them.
    Lagged(u64),
    /// The broadcast is closed, and this subscriber has read all.
    Closed,
    /// The broadcast cannot be used.
    Fault(Fault),
}

impl fmt::Display for RecvBroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvBroadcastError::Empty => f.write_str("no new message"),
            RecvBroadcastError::Timeout => f.write_str("no message in time"),
            RecvBroadcastError::Lagged(missed) => write!(f, "{missed} messages were missed"),
            RecvBroadcastError::Closed => f.write_str("the broadcast is closed and read to its end"),
            RecvBroadcastError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for RecvBroadcastError {}

/// Why an overwriting send failed.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForceSendError<T> {
    /// Other senders took the room that this call had made, or the oldest message is not published yet.
    /// The value comes back, and with it the oldest message if one was displaced. Nothing is lost.
    Contended {
        /// The value that was not sent.
        value: T,
        /// The message that was taken out to make room.
        displaced: Option<T>,
    },
    /// The queue is closed. The value comes back.
    Closed(T),
    /// The queue cannot be used. The value comes back.
    Fault(T, Fault),
}

impl<T> ForceSendError<T> {
    /// The value that was not sent. A displaced message is dropped with the error: match on
    /// [`Contended`](Self::Contended) to keep it.
    pub fn into_inner(self) -> T {
        match self {
            ForceSendError::Contended { value, .. }
            | ForceSendError::Closed(value)
            | ForceSendError::Fault(value, _) => value,
        }
    }
}

impl<T> fmt::Debug for ForceSendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForceSendError::Contended { displaced, .. } => {
                write!(f, "Contended {{ displaced: {} }}", if displaced.is_some() { "Some(..)" } else { "None" })
            }
            ForceSendError::Closed(_) => f.write_str("Closed(..)"),
            ForceSendError::Fault(_, fault) => write!(f, "Fault(.., {fault:?})"),
        }
    }
}

impl<T> fmt::Display for ForceSendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForceSendError::Contended { .. } => f.write_str("other senders took the room that was made"),
            ForceSendError::Closed(_) => f.write_str("sending on a closed queue"),
            ForceSendError::Fault(_, fault) => fault.fmt(f),
        }
    }
}

impl<T> core::error::Error for ForceSendError<T> {}

macro_rules! recv_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// The queue is closed and drained.
            Closed,
            /// The queue is empty and the last living sender is gone (only from a receiver half).
            Disconnected,
            /// The queue cannot be used.
            Fault(Fault),
        }

        impl $name {
            /// Whether the queue is closed and drained.
            pub fn is_closed(&self) -> bool {
                matches!(self, $name::Closed)
            }

            /// Whether the last living sender is gone.
            pub fn is_disconnected(&self) -> bool {
                matches!(self, $name::Disconnected)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$variant => f.write_str($text),)*
                    $name::Closed => f.write_str("the queue is closed and drained"),
                    $name::Disconnected => f.write_str("the queue is empty and the last living sender is gone"),
                    $name::Fault(fault) => fault.fmt(f),
                }
            }
        }

        impl core::error::Error for $name {}
    };
}

recv_error! {
    /// Why a blocking receive failed.
    RecvError {}
}
recv_error! {
    /// Why a receive that does not wait failed.
    TryRecvError {
        /// There is no message, or the oldest one is still being written by a living sender.
        Empty => "the queue is empty",
    }
}
recv_error! {
    /// Why a receive with a time limit failed.
    RecvTimeoutError {
        /// No message came in time.
        Timeout => "no message in time",
    }
}

impl TryRecvError {
    /// Whether there was no message.
    pub fn is_empty(&self) -> bool {
        matches!(self, TryRecvError::Empty)
    }
}

impl RecvTimeoutError {
    /// Whether the time was over.
    pub fn is_timeout(&self) -> bool {
        matches!(self, RecvTimeoutError::Timeout)
    }
}

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

            /// The same error without the guard, which gives the lock back: an error that borrows nothing, for `?`.
            pub fn without_guard(self) -> $name<()> {
                self.map(drop)
            }

            /// The same error with another guard.
            pub fn map<H>(self, change: impl FnOnce(G) -> H) -> $name<H> {
                match self {
                    $name::OwnerDied(guard) => $name::OwnerDied(change(guard)),
                    $name::Poisoned(guard) => $name::Poisoned(change(guard)),
                    $($name::$variant => $name::$variant,)*
                    $name::Fault(fault) => $name::Fault(fault),
                }
            }
        }

        impl<G> fmt::Debug for $name<G> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $name::OwnerDied(_) => f.write_str("OwnerDied(..)"),
                    $name::Poisoned(_) => f.write_str("Poisoned(..)"),
                    $($name::$variant => f.write_str(stringify!($variant)),)*
                    $name::Fault(fault) => write!(f, "Fault({fault:?})"),
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

impl<G> TryLockError<G> {
    /// Whether a living participant has the lock.
    pub fn would_block(&self) -> bool {
        matches!(self, TryLockError::WouldBlock)
    }
}

impl<G> LockTimeoutError<G> {
    /// Whether the time was over.
    pub fn is_timeout(&self) -> bool {
        matches!(self, LockTimeoutError::Timeout)
    }
}

/// Why a value was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// This thread is writing already: it would wait for itself.
    Deadlock,
    /// The object cannot be used.
    Fault(Fault),
}

impl WriteError {
    #[cfg(not(loom))]
    pub(crate) fn refused(refused: crate::mutex::Refused) -> Self {
        match refused {
            crate::mutex::Refused::Mine => WriteError::Deadlock,
            _ => WriteError::Fault(Fault::Corrupted),
        }
    }
}

impl From<Fault> for WriteError {
    fn from(fault: Fault) -> Self {
        WriteError::Fault(fault)
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Deadlock => f.write_str("this thread is writing already: it would wait for itself"),
            WriteError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for WriteError {}

/// Why a cell that is set once was not set. The value comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError<T> {
    /// It is set already.
    AlreadySet(T),
    /// This thread is setting it already: it would wait for itself.
    Deadlock(T),
    /// The cell cannot be used.
    Fault(T, Fault),
}

impl<T> SetError<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        match self {
            SetError::AlreadySet(value) | SetError::Deadlock(value) | SetError::Fault(value, _) => value,
        }
    }
}

impl<T> fmt::Debug for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::AlreadySet(_) => f.write_str("AlreadySet(..)"),
            SetError::Deadlock(_) => f.write_str("Deadlock(..)"),
            SetError::Fault(_, fault) => write!(f, "Fault(.., {fault:?})"),
        }
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::AlreadySet(_) => f.write_str("it is set already"),
            SetError::Deadlock(_) => WriteError::Deadlock.fmt(f),
            SetError::Fault(_, fault) => fault.fmt(f),
        }
    }
}

impl<T> core::error::Error for SetError<T> {}

/// Why a wait with a time limit failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitTimeoutError {
    /// What was waited for did not happen in time.
    Timeout,
    /// The object cannot be used.
    Fault(Fault),
}

impl WaitTimeoutError {
    /// Whether the time was over.
    pub fn is_timeout(&self) -> bool {
        matches!(self, WaitTimeoutError::Timeout)
    }
}

impl fmt::Display for WaitTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitTimeoutError::Timeout => f.write_str("it did not happen in time"),
            WaitTimeoutError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for WaitTimeoutError {}

macro_rules! barrier_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// The barrier is broken: a member died, gave up waiting, or aborted it. It stays so until it is reset.
            Broken,
            /// The barrier cannot be used.
            Fault(Fault),
        }

        impl $name {
            /// Whether the barrier is broken.
            pub fn is_broken(&self) -> bool {
                matches!(self, $name::Broken)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$variant => f.write_str($text),)*
                    $name::Broken => f.write_str("the barrier is broken"),
                    $name::Fault(fault) => fault.fmt(f),
                }
            }
        }

        impl core::error::Error for $name {}
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

impl BarrierTimeoutError {
    /// Whether the time was over.
    pub fn is_timeout(&self) -> bool {
        matches!(self, BarrierTimeoutError::Timeout)
    }
}

/// Why a process did not become a member of a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// There are as many members as parties.
    Full,
    /// The barrier cannot be used.
    Fault(Fault),
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Full => f.write_str("the barrier has as many members as parties"),
            JoinError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for JoinError {}

macro_rules! acquire_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// The semaphore is closed.
            Closed,
            /// The semaphore can never have so many permits at once.
            TooMany,
            /// The semaphore cannot be used.
            Fault(Fault),
        }

        impl $name {
            /// Whether the semaphore is closed.
            pub fn is_closed(&self) -> bool {
                matches!(self, $name::Closed)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$variant => f.write_str($text),)*
                    $name::Closed => f.write_str("the semaphore is closed"),
                    $name::TooMany => f.write_str("the semaphore can never have so many permits"),
                    $name::Fault(fault) => fault.fmt(f),
                }
            }
        }

        impl core::error::Error for $name {}
    };
}

acquire_error! {
    /// Why a blocking acquire failed.
    AcquireError {}
}
acquire_error! {
    /// Why an acquire that does not wait failed.
    TryAcquireError {
        /// There are not as many permits.
        NoPermits => "the semaphore has no permit to give",
    }
}
acquire_error! {
    /// Why an acquire with a time limit failed.
    AcquireTimeoutError {
        /// There were not as many permits in time.
        Timeout => "no permit in time",
    }
}

impl TryAcquireError {
    /// Whether there were not as many permits.
    pub fn is_no_permits(&self) -> bool {
        matches!(self, TryAcquireError::NoPermits)
    }
}

impl AcquireTimeoutError {
    /// Whether the time was over.
    pub fn is_timeout(&self) -> bool {
        matches!(self, AcquireTimeoutError::Timeout)
    }
}

/// Why a release failed. Nothing was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReleaseError {
    /// There would be more permits than the maximum.
    Full {
        /// How many were to be released.
        wanted: u32,
        /// For how many there was room.
        room: u32,
    },
    /// The semaphore cannot be used.
    Fault(Fault),
}

impl ReleaseError {
    /// Whether there would be more permits than the maximum.
    pub fn is_full(&self) -> bool {
        matches!(self, ReleaseError::Full { .. })
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReleaseError::Full { wanted, room } => {
                write!(f, "released {wanted} permits, but the semaphore's maximum leaves room for {room}")
            }
            ReleaseError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for ReleaseError {}
