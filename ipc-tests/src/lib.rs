//! Tools for tests that run real processes and kill them.
//!
//! * [`stepper`] kills a process after every machine instruction of one operation.
//! * [`sweeps`] does that for every operation of the library, and checks what the survivors find.
//! * [`children`] starts separate programs and talks with them over pipes.
//! * [`contracts`] say what the objects mean, on every platform.
//! * [`disturbance`] interrupts a thread with signals.
//! * [`dice`] choose, the same in every run.
//! * `model` (under `--cfg loom`) is a platform whose every schedule is tried.
//! * [`moved_clock`] goes on while somebody sleeps.
//! * [`sources`] tell which public methods the library has.
//! * [`storm`] kills and stops worker processes at random.
//! * [`watchdog`] turns a hang into a failure.

#[cfg(all(not(loom), unix))]
pub mod children;
#[cfg(all(not(loom), unix))]
pub mod contracts;
#[cfg(not(loom))]
pub mod dice;
#[cfg(all(not(loom), target_os = "linux"))]
pub mod disturbance;
#[cfg(loom)]
pub mod model;
#[cfg(not(loom))]
pub mod moved_clock;
#[cfg(all(not(loom), target_os = "linux"))]
pub mod pin;
#[cfg(not(loom))]
pub mod sources;
#[cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]
pub mod stepper;
#[cfg(all(not(loom), unix))]
pub mod storm;
#[cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]
pub mod sweeps;
#[cfg(not(loom))]
pub mod watchdog;

/// The code of the README and of every page in `docs`, compiled and run by `cargo test`.
#[cfg(all(doctest, not(loom)))]
mod pages {
    macro_rules! pages {
        ($($name:ident: $path:literal,)+) => {$(
            #[doc = include_str!($path)]
            mod $name {}
        )+};
    }

    pages! {
        readme: "../../README.md",
        index: "../../docs/README.md",
        checking_it: "../../docs/checking-it.md",
        errors: "../../docs/errors.md",
        examples: "../../docs/examples.md",
        from_python: "../../docs/from-python.md",
        guide: "../../docs/guide.md",
        known_faults: "../../docs/known-faults.md",
        layout: "../../docs/layout.md",
        limits: "../../docs/limits.md",
        progress: "../../docs/progress.md",
        promises: "../../docs/promises.md",
        trust: "../../docs/trust.md",
        using: "../../docs/using.md",
    }
}
