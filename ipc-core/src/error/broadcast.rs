//! Errors of the broadcast.

use core::fmt;

use super::Fault;

value_error! {
    /// Why a message was not published.
    PublishError {
        /// The slowest subscriber has not read the oldest message (only from a publishing that does not wait). The value comes back.
        Full => "the slowest subscriber is too far behind",
        /// The slowest subscriber did not get on in time, or another publisher. The value comes back.
        Timeout => "the slowest subscriber did not get on in time",
        /// The broadcast is closed. The value comes back.
        Closed => "publishing on a closed broadcast",
    }
}

predicates! {
    PublishError<T> {
        /// Whether the slowest subscriber was too far behind.
        is_full: PublishError::Full(_),
        /// Whether the time was over.
        is_timeout: PublishError::Timeout(_),
        /// Whether the broadcast is closed.
        is_closed: PublishError::Closed(_),
    }
}

plain_error! {
    /// Why a subscription did not begin.
    SubscribeError {
        /// There are as many living subscribers as publishers wait for.
        Full {
            /// The most subscribers.
            max: u32,
        } => "all {max} subscribers' places are taken",
        /// A living publisher does not get on (it may be stopped).
        Busy => "somebody is publishing and does not get on",
    }
}

predicates! {
    SubscribeError {
        /// Whether all subscribers' places are taken.
        is_full: SubscribeError::Full { .. },
        /// Whether a living publisher does not get on.
        is_busy: SubscribeError::Busy,
    }
}

plain_error! {
    /// Why a subscriber got no message.
    RecvBroadcastError {
        /// There is no new message (only from a receive that does not wait).
        Empty => "no new message",
        /// No message came in time.
        Timeout => "no message in time",
        /// So many messages were overwritten before this subscriber came to them. The next receive goes on behind them.
        Lagged(missed: u64) => "{missed} messages were missed",
        /// The broadcast is closed, and this subscriber has read all.
        Closed => "the broadcast is closed and read to its end",
        /// The last living [counted publisher](crate::broadcast::Publisher) is gone, and this subscriber has read all.
        Disconnected => "the broadcast is read to its end and the last living publisher is gone",
    }
}

predicates! {
    RecvBroadcastError {
        /// Whether there was no new message.
        is_empty: RecvBroadcastError::Empty,
        /// Whether the time was over.
        is_timeout: RecvBroadcastError::Timeout,
        /// Whether messages were missed.
        is_lagged: RecvBroadcastError::Lagged(_),
        /// Whether the broadcast is closed and read to its end.
        is_closed: RecvBroadcastError::Closed,
        /// Whether the last living publisher is gone and all is read.
        is_disconnected: RecvBroadcastError::Disconnected,
    }
}
