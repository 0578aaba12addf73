//! Tools for tests that run real processes and kill them.
//!
//! * [`stepper`] kills a process after every machine instruction of one operation.
//! * [`sweeps`] does that for every operation of the library, and checks what the survivors find.
//! * [`children`] starts separate programs and talks with them over pipes.
//! * [`dice`] choose, the same in every run.
//! * `model` (under `--cfg loom`) is a platform whose every schedule is tried.
//! * [`storm`] kills and stops worker processes at random.
//! * [`watchdog`] turns a hang into a failure.

#[cfg(all(not(loom), unix))]
pub mod children;
#[cfg(not(loom))]
pub mod dice;
#[cfg(loom)]
pub mod model;
#[cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]
pub mod stepper;
#[cfg(all(not(loom), unix))]
pub mod storm;
#[cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]
pub mod sweeps;
#[cfg(not(loom))]
pub mod watchdog;
