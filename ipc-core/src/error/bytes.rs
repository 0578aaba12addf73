//! Errors of the queue of bytes. Receives into memory that grows have those of the queue of values.

use core::fmt;

use super::Fault;

forms! {
    plain
    /// Why a blocking send of a message of bytes failed.
    SendBytesError,
    /// Why a send of a message of bytes that does not wait failed.
    TrySendBytesError {
        /// There is no room, or a living sender is in the middle of its copy.
        Full [is_full: "Whether there was no room."] => "the queue is full",
    },
    /// Why a send of a message of bytes with a time limit failed.
    SendBytesTimeoutError {
        /// There was no room in time.
        Timeout [is_timeout: "Whether the time was over."] => "no room in the queue in time",
    },
    {
        /// The queue is closed.
        Closed [is_closed: "Whether the queue is closed."] => "sending on a closed queue",
        /// The last living receiver is gone (only from a sender half).
        Disconnected [is_disconnected: "Whether the last living receiver is gone."] => "the last living receiver is gone",
        /// The message is longer than the queue was made for. It would never fit.
        TooLong [is_too_long: "Whether the message is too long."] {
            /// Its bytes.
            len: usize,
            /// The most bytes of a message.
            max: usize,
        } => "a message of {len} bytes, at most {max} are possible (`max_len` or `capacity` sets this)",
    }
}

forms! {
    plain
    /// Why a blocking receive into memory of the caller's failed.
    RecvBytesError,
    /// Why a receive into memory of the caller's that does not wait failed.
    TryRecvBytesError {
        /// There is no message.
        Empty [is_empty: "Whether there was no message."] => "the queue is empty",
        /// A living process is in the middle of receiving a message, or of sending the last one. It may be stopped.
        Busy [is_busy: "Whether a living process was in the middle of its copy."] => "a living process is in the middle of its copy",
    },
    /// Why a receive into memory of the caller's with a time limit failed.
    RecvBytesTimeoutError {
        /// No message came in time.
        Timeout [is_timeout: "Whether the time was over."] => "no message in time",
    },
    {
        /// The queue is closed and drained.
        Closed [is_closed: "Whether the queue is closed and drained."] => "the queue is closed and drained",
        /// The queue is empty and the last living sender is gone (only from a receiver half).
        Disconnected [is_disconnected: "Whether the last living sender is gone."]
            => "the queue is empty and the last living sender is gone",
        /// The oldest message is longer than the memory for it. It stays.
        TooLong [is_too_long: "Whether the message is too long."] {
            /// Its bytes.
            len: usize,
            /// The memory's.
            room: usize,
        } => "a message of {len} bytes, room for {room}",
    }
}
