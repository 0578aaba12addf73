//! The harness itself: a sweep sees every state, and it can fail.

#![cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]

use std::time::Duration;

use ipc_tests::{children, stepper, watchdog::Watchdog};

mod blocking;
mod page;
mod programs;
mod sweep;
mod victim;

fn guard(what: &str) -> Watchdog {
    stepper::pin_to_one().expect("a CPU of our own");
    Watchdog::new(Duration::from_secs(120), what)
}

#[test]
fn child_entry() {
    children::dispatch(programs::ROLES);
}
