//! Errors of maps.

use core::fmt;

use super::{Fault, WriteError};

plain_error! {
    /// Why an entry was not put in.
    InsertError {
        /// The key is new, and there is no room for it.
        Full [is_full: "Whether there was no room."] => "the map is full (`capacity` sets its size)",
        /// This thread is writing already: it would wait for itself.
        Deadlock [is_deadlock: "Whether this thread is writing already."] => "this thread is writing already: it would wait for itself",
    }
}

widens!(WriteError { Deadlock } => InsertError);

plain_error! {
    /// Why an entry of bytes was not put in or changed. Nothing has happened.
    InsertBytesError {
        /// The key is new, and there is no room for it.
        Full [is_full: "Whether there was no room."] => "the map is full (`capacity` sets its size)",
        /// The key is longer than the map was made for.
        KeyTooLong [is_key_too_long: "Whether the key is too long."] {
            /// Its bytes.
            len: usize,
            /// The most bytes of a key.
            max: usize,
        } => "a key of {len} bytes, at most {max} are possible (`max_key` sets this)",
        /// The value is longer than the map was made for.
        ValueTooLong [is_value_too_long: "Whether the value is too long."] {
            /// Its bytes.
            len: usize,
            /// The most bytes of a value.
            max: usize,
        } => "a value of {len} bytes, at most {max} are possible (`max_value` sets this)",
        /// This thread is writing already: it would wait for itself.
        Deadlock [is_deadlock: "Whether this thread is writing already."] => "this thread is writing already: it would wait for itself",
    }
}

widens!(WriteError { Deadlock } => InsertBytesError);

plain_error! {
    /// Why a value of bytes was not copied.
    GetBytesError {
        /// The value is longer than the memory for it.
        TooLong [is_too_long: "Whether the value is too long."] {
            /// Its bytes.
            len: usize,
            /// The memory's.
            room: usize,
        } => "a value of {len} bytes, room for {room}",
    }
}
