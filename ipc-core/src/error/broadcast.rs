//! Errors of the broadcast.

use core::fmt;

use super::Fault;

forms! {
    value
    /// Why a blocking publication failed.
    PublishError,
    /// Why a publication that does not wait failed.
    TryPublishError {
        /// The slowest subscriber has not read the oldest message, or a living publisher is in the middle of its copy. The value comes back.
        Full [is_full: "Whether the slowest subscriber was too far behind."] => "the slowest subscriber is too far behind",
    },
    /// Why a publication with a time limit failed.
    PublishTimeoutError {
        /// The slowest subscriber did not get on in time, or another publisher. The value comes back.
        Timeout [is_timeout: "Whether the time was over."] => "the slowest subscriber did not get on in time",
    },
    {
        /// The broadcast is closed. The value comes back.
        Closed [is_closed: "Whether the broadcast is closed."] => "publishing on a closed broadcast",
    }
}

plain_error! {
    /// Why a subscription did not begin.
    SubscribeError {
        /// There are as many living subscribers as publishers wait for.
        Full [is_full: "Whether all subscribers' places are taken."] {
            /// The most subscribers.
            max: u32,
        } => "all {max} subscribers' places are taken (`wait_for_subscribers` sets their number)",
        /// A living publisher does not get on (it may be stopped).
        Busy [is_busy: "Whether a living publisher does not get on."] => "somebody is publishing and does not get on",
    }
}

forms! {
    plain
    /// Why a subscriber's blocking receive failed.
    RecvBroadcastError,
    /// Why a subscriber's receive that does not wait failed.
    TryRecvBroadcastError {
        /// There is no new message.
        Empty [is_empty: "Whether there was no new message."] => "no new message",
    },
    /// Why a subscriber's receive with a time limit failed.
    RecvBroadcastTimeoutError {
        /// No message came in time.
        Timeout [is_timeout: "Whether the time was over."] => "no message in time",
    },
    {
        /// This number of messages was overwritten before the subscriber came to them. The next receive goes on behind them.
        Lagged [is_lagged: "Whether messages were missed."] (missed: u64) => "{missed} messages were missed",
        /// The broadcast is closed, and this subscriber has read all.
        Closed [is_closed: "Whether the broadcast is closed and read to its end."] => "the broadcast is closed and read to its end",
        /// The last living [counted publisher](crate::broadcast::Publisher) is gone, and this subscriber has read all.
        Disconnected [is_disconnected: "Whether the last living publisher is gone and all is read."]
            => "the broadcast is read to its end and the last living publisher is gone",
    }
}
