//! Errors of maps.

use core::fmt;

use super::{Fault, WriteError};

plain_error! {
    /// Why an entry was not put in.
    InsertError {
        /// The key is new, and there is no room for it.
        Full [is_full: "Whether there was no room."] => "the map is full",
        /// This thread is writing already: it would wait for itself.
        Deadlock [is_deadlock: "Whether this thread is writing already."] => "this thread is writing already: it would wait for itself",
    }
}

widens!(WriteError { Deadlock } => InsertError);
