//! Calls in children, and what came of them.

pub mod duplex;
pub mod maps;
pub mod piles;
pub mod places;
pub mod processes;
pub mod vectors;
pub mod work;

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ipc_posix::Fault;

/// What a call came to: the exit code of its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
enum Came {
    /// It returned `Fault::Forked`.
    Refused,
    /// It panicked with that text.
    Panicked,
    /// It returned something else.
    Answered,
    /// It panicked with another text.
    Broke,
}

/// The calls that were made.
#[derive(Default)]
pub struct Calls {
    made: BTreeSet<String>,
    failures: Vec<String>,
}

impl Calls {
    /// How many calls were made.
    pub fn made(&self) -> usize {
        self.made.len()
    }

    /// Whether a call of this name was made.
    pub fn has(&self, name: &str) -> bool {
        self.made.contains(name)
    }

    /// The calls that did something else than they should.
    pub fn failures(&self) -> Vec<String> {
        self.failures.clone()
    }

    /// The call returns `Fault::Forked`.
    pub fn refuses<T, E: Display>(&mut self, name: &str, call: impl FnOnce() -> Result<T, E>) {
        self.make(name, Came::Refused, || match call() {
            Err(error) if tells(&error.to_string()) => Came::Refused,
            _ => Came::Answered,
        });
    }

    /// The call panics with the text of `Fault::Forked`.
    pub fn panics<T>(&mut self, name: &str, call: impl FnOnce() -> T) {
        self.make(name, Came::Panicked, || {
            let _ = call();
            Came::Answered
        });
    }

    /// The call returns: it needs no memory of the region.
    pub fn answers<T>(&mut self, name: &str, call: impl FnOnce() -> T) {
        self.make(name, Came::Answered, || {
            let _ = call();
            Came::Answered
        });
    }

    fn make(&mut self, name: &str, wanted: Came, call: impl FnOnce() -> Came) {
        // SAFETY: the child is a copy of this thread alone; it calls the library, and ends with _exit.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
        if child == 0 {
            // SAFETY: a call that hangs is ended by a signal.
            unsafe { libc::alarm(20) };
            std::panic::set_hook(Box::new(|_| {}));
            let came = catch_unwind(AssertUnwindSafe(call))
                .unwrap_or_else(|payload| if tells(text(payload.as_ref())) { Came::Panicked } else { Came::Broke });
            // SAFETY: no memory is passed; nothing of the parent's is dropped.
            unsafe { libc::_exit(came as i32) };
        }
        let mut status = 0;
        // SAFETY: room for the status; our own child.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        if !libc::WIFEXITED(status) {
            self.failures.push(format!("{name}: killed by signal {}", libc::WTERMSIG(status)));
        } else if libc::WEXITSTATUS(status) != wanted as i32 {
            let came = [Came::Refused, Came::Panicked, Came::Answered, Came::Broke];
            let came = came.iter().find(|came| **came as i32 == libc::WEXITSTATUS(status));
            self.failures.push(format!("{name}: {came:?}, not {wanted:?}"));
        }
        self.made.insert(name.to_owned());
    }
}

fn tells(text: &str) -> bool {
    text.contains(&Fault::Forked.to_string())
}

fn text(payload: &(dyn Any + Send)) -> &str {
    payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied()).unwrap_or("")
}

/// The value, to be used up. Only in a child, which ends without dropping what it was copied from.
pub fn theirs<T>(value: &T) -> T {
    // SAFETY: the child has one thread and never uses nor drops the original afterwards.
    unsafe { std::ptr::read(value) }
}

/// Methods of one value, each in a child of its own: `$how!(calls, "type", value: method(arguments) ...)`.
macro_rules! each {
    ($how:ident, $calls:ident, $type:literal, $value:ident:
        $($method:ident ($($argument:expr),* $(,)?) $(. $then:tt $(($($more:expr),*))?)*)+) => {$(
        $calls.$how(concat!($type, "::", stringify!($method)), || {
            forked::each!(@$how theirs(&$value).$method($($argument),*) $(. $then $(($($more),*))?)*)
        });
    )+};
    (@refuses $call:expr) => { $call.map(drop).map_err(|error| error.to_string()) };
    (@$how:ident $call:expr) => {{ let _ = $call; }};
}
macro_rules! refuses { ($($all:tt)*) => { forked::each!(refuses, $($all)*) }; }
macro_rules! panics { ($($all:tt)*) => { forked::each!(panics, $($all)*) }; }
macro_rules! answers { ($($all:tt)*) => { forked::each!(answers, $($all)*) }; }
pub(crate) use {answers, each, panics, refuses};
