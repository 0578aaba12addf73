//! Tools for tests that run real processes and kill them.
//!
//! * [`stepper`] kills a process after every machine instruction of one operation.
//! * [`children`] starts separate programs and talks with them over pipes.
//! * [`watchdog`] turns a hang into a failure.

#[cfg(all(not(loom), unix))]
pub mod children;
#[cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]
pub mod stepper;
#[cfg(not(loom))]
pub mod watchdog;
