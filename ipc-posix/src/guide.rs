//! How to choose an object, how large to make it, and what to do when programs are changed, moved, stopped or stuck.
//!
//! These are pages of the repository's folder `docs`, whose code the tests compile and run.
//!
//! [errors-fork]: crate::guide::errors#after-fork
//! [limits-containers]: crate::guide::limits#containers-and-sandboxes
//! [limits-fork]: crate::guide::limits#fork-and-exec
//! [limits-signals]: crate::guide::limits#signal-handlers
//! [limits-sizes]: crate::guide::limits#sizes
//! [progress]: crate::guide::progress#progress
//! [progress-costs]: crate::guide::progress#what-waiting-costs
//! [progress-deaths]: crate::guide::progress#how-soon-a-death-is-noticed
//! [trust]: crate::guide::trust
//! [using]: crate::guide::using
//! [using-names]: crate::guide::using#regions-and-names
//! [using-processes]: crate::guide::using#functions-in-processes-of-their-own
//!
#![cfg_attr(not(doctest), doc = include_str!("../docs/guide.md"))]

/// Writes a page. The first definition of a link counts, so that it leads to another page here; the page's own one leads to a file.
macro_rules! pages {
    ($($(#[$first:meta])* $name:ident: $file:literal,)+) => {$(
        $(#[$first])*
        ///
        /// [errors-fork]: crate::guide::errors#after-fork
        /// [limits-containers]: crate::guide::limits#containers-and-sandboxes
        /// [limits-fork]: crate::guide::limits#fork-and-exec
        /// [limits-signals]: crate::guide::limits#signal-handlers
        /// [limits-sizes]: crate::guide::limits#sizes
        /// [progress]: crate::guide::progress#progress
        /// [progress-costs]: crate::guide::progress#what-waiting-costs
        /// [progress-deaths]: crate::guide::progress#how-soon-a-death-is-noticed
        /// [trust]: crate::guide::trust
        /// [using]: crate::guide::using
        /// [using-names]: crate::guide::using#regions-and-names
        /// [using-processes]: crate::guide::using#functions-in-processes-of-their-own
        ///
        #[cfg_attr(not(doctest), doc = include_str!($file))]
        pub mod $name {}
    )+};
}

pages! {
    /// The objects one by one, with code.
    using: "../docs/using.md",
    /// How errors are written in `main`, and what to do after a death.
    errors: "../docs/errors.md",
    /// Platforms, sizes, fork, file systems, containers, permissions.
    limits: "../docs/limits.md",
    /// Progress, fairness, how soon a death is noticed, and how a handle waits.
    progress: "../docs/progress.md",
    /// What a faulty or hostile peer can do.
    trust: "../docs/trust.md",
}
