//! What a panic of a task says: its hook knows more than who catches it.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;

use super::failure::{self, Failure};

thread_local! {
    /// Where this thread has panicked last, and its backtrace.
    static LAST: RefCell<Option<[String; 2]>> = const { RefCell::new(None) };
}

/// Notes where panics are from now on, and then does what was done before: as a rule, prints them.
pub(crate) fn note_places(with_backtrace: bool) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        // Without being asked, the environment decides: RUST_BACKTRACE.
        let trace = if with_backtrace { Backtrace::force_capture() } else { Backtrace::capture() };
        let trace = if trace.status() == BacktraceStatus::Captured { trace.to_string() } else { String::new() };
        // A panic in the destructor of a thread-local is nobody's.
        let _ = LAST.try_with(|last| *last.borrow_mut() = Some([place, trace]));
        before(info);
    }));
}

/// What is to be said of a panic of this thread that was caught.
pub(crate) fn told(payload: &(dyn Any + Send)) -> Failure {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    let [place, trace] = LAST.take().unwrap_or_default();
    failure::panicked(text.unwrap_or("a panic without a message"), &place, &trace)
}
