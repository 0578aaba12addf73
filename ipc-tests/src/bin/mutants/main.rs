//! Weakens the algorithms, one step at a time, and demands that a loom model notices each.
//!
//! ```sh
//! cargo run --release -p ipc-tests --bin mutants            # runs all models, then judges the table
//! cargo run --release -p ipc-tests --bin mutants -- --models-passed  # judges the table
//! cargo run --release -p ipc-tests --bin mutants -- --models-passed 1/6  # every sixth one
//! cargo run --release -p ipc-tests --bin mutants -- judge X # those whose name contains X
//! cargo run --release -p ipc-tests --bin mutants -- find X  # runs every model on the mutants whose name contains X
//! ```
//!
//! The workspace is copied, each mutant is applied to the copy, and its model is run there. A model that passes on the
//! mutant proves nothing about the line: that is a failure, and so is a line that is not found any more.

#[cfg(not(loom))]
mod edits;
#[cfg(not(loom))]
mod judge;
#[cfg(not(loom))]
mod table;

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    judge::main()
}

/// Cargo builds this program with every model, and with every mutant of one.
#[cfg(loom)]
fn main() {}
