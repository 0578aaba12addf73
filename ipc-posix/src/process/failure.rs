//! What a process says instead of a result.

use super::error::{TaskError, TaskPanic};

/// What a process says instead of a result: the kind of trouble, a text, and of a panic also the place and the backtrace.
pub(crate) type Failure = (u8, String, String, String);

/// The bytes that are reserved for it. Longer texts are cut.
pub(crate) const BYTES: usize = 32 << 10;
const TEXT_BYTES: usize = 4 << 10;
const PLACE_BYTES: usize = 1 << 10;
const BACKTRACE_BYTES: usize = 24 << 10;

const PANICKED: u8 = 0;
const UNKNOWN: u8 = 1;
const ARGS: u8 = 2;
const RESULT: u8 = 3;

/// The task has panicked.
pub(crate) fn panicked(message: &str, place: &str, backtrace: &str) -> Failure {
    (PANICKED, cut(message, TEXT_BYTES), cut(place, PLACE_BYTES), cut(backtrace, BACKTRACE_BYTES))
}

/// There is no such task; these are known.
pub(crate) fn unknown(known: &str) -> Failure {
    (UNKNOWN, cut(known, TEXT_BYTES), String::new(), String::new())
}

/// The arguments could not be read.
pub(crate) fn args(why: &str) -> Failure {
    (ARGS, cut(why, TEXT_BYTES), String::new(), String::new())
}

/// The result could not be written.
pub(crate) fn result(why: &str) -> Failure {
    (RESULT, cut(why, TEXT_BYTES), String::new(), String::new())
}

/// The failure in `room` bytes, of which there are 1024 at least: half of them for the text, a quarter for the place.
pub(crate) fn cut_to((kind, text, place, backtrace): &Failure, room: usize) -> Failure {
    // The lengths take three bytes each.
    let room = room - 16;
    let (text, place) = (cut(text, (room / 2).min(TEXT_BYTES)), cut(place, (room / 4).min(PLACE_BYTES)));
    let left = room - text.len() - place.len();
    (*kind, text, place, cut(backtrace, left))
}

/// The beginning of a text, of `most` bytes at most.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most.saturating_sub(3)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

/// The failure as an error. `unknown` says which task it was, and what program.
pub(crate) fn told((kind, text, place, backtrace): Failure, unknown: impl FnOnce(String) -> TaskError) -> TaskError {
    match kind {
        PANICKED => TaskError::Panicked(TaskPanic { message: text, place, backtrace }),
        UNKNOWN => unknown(text),
        ARGS => TaskError::Args { reason: text },
        _ => TaskError::Result { reason: text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöüä", 7), "äö...");
        assert_eq!(cut("äöüä", 6), "ä...");
        assert_eq!(cut("abc", 2), "...");
    }
}
