//! Errors of the queue of bytes.

use core::fmt;

use super::Fault;

plain_error! {
    /// Why a message of bytes was not sent.
    SendBytesError {
        /// There is no room, or other senders are at it (only from a send that does not wait).
        Full => "the queue is full",
        /// There was no room in time.
        Timeout => "no room in the queue in time",
        /// The queue is closed.
        Closed => "sending on a closed queue",
        /// The last living receiver is gone (only from a sender half).
        Disconnected => "the last living receiver is gone",
        /// The message is longer than the queue was made for. It would never fit.
        TooLong {
            /// Its bytes.
            len: usize,
            /// The most bytes of a message.
            max: usize,
        } => "a message of {len} bytes, at most {max} are possible",
    }
}

plain_error! {
    /// Why no message of bytes was received.
    RecvBytesError {
        /// There is no message, or other receivers are at it (only from a receive that does not wait).
        Empty => "the queue is empty",
        /// No message came in time.
        Timeout => "no message in time",
        /// The queue is closed and drained.
        Closed => "the queue is closed and drained",
        /// The queue is empty and the last living sender is gone (only from a receiver half).
        Disconnected => "the queue is empty and the last living sender is gone",
        /// The oldest message is longer than the memory for it. It stays.
        TooLong {
            /// Its bytes.
            len: usize,
            /// The memory's.
            room: usize,
        } => "a message of {len} bytes, room for {room}",
    }
}

predicates! {
    SendBytesError {
        /// Whether there was no room.
        is_full: SendBytesError::Full,
        /// Whether the time was over.
        is_timeout: SendBytesError::Timeout,
        /// Whether the queue is closed.
        is_closed: SendBytesError::Closed,
        /// Whether the last living receiver is gone.
        is_disconnected: SendBytesError::Disconnected,
        /// Whether the message is too long.
        is_too_long: SendBytesError::TooLong { .. },
    }
}

predicates! {
    RecvBytesError {
        /// Whether there was no message.
        is_empty: RecvBytesError::Empty,
        /// Whether the time was over.
        is_timeout: RecvBytesError::Timeout,
        /// Whether the queue is closed and drained.
        is_closed: RecvBytesError::Closed,
        /// Whether the last living sender is gone.
        is_disconnected: RecvBytesError::Disconnected,
        /// Whether the message is too long.
        is_too_long: RecvBytesError::TooLong { .. },
    }
}
