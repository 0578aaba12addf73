//! Every operation killed at every instruction boundary, from the table in [`ipc_tests::sweeps`]. Where nothing has changed
//! since the boundary before that outlives the process, a second kill would show the survivors the same: it is left out.
//!
//! ```text
//! cargo test --release -p ipc-tests -- --nocapture sweep
//! ```
//!
//! `IPC_TESTS_FULL=1` takes all boundaries and all pairs of them, `IPC_TESTS_SCENES=1` tells about each start of each operation.

#![cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]

use std::time::Duration;

use ipc_tests::sweeps::{Operation, Pair};
use ipc_tests::watchdog::Watchdog;

/// A sweep of every boundary may take hours.
fn limit(seconds: u64) -> Duration {
    if std::env::var_os("IPC_TESTS_FULL").is_some() {
        Duration::from_secs(6 * 3600)
    } else {
        Duration::from_secs(seconds)
    }
}

macro_rules! sweep_operations {
    ($($test:ident: $name:literal = $scenes:path;)+) => {$(
        #[test]
        #[cfg_attr(debug_assertions, ignore = "takes minutes in unoptimised code")]
        fn $test() {
            let _watchdog = Watchdog::new(limit(600), $name);
            Operation::named($name).sweep().assert_clean();
        }
    )+};
}
ipc_tests::operations!(sweep_operations);

macro_rules! sweep_pairs {
    ($($test:ident: $name:literal = $deeds:expr, $stride:expr;)+) => {$(
        #[test]
        #[cfg_attr(debug_assertions, ignore = "takes minutes in unoptimised code")]
        fn $test() {
            let _watchdog = Watchdog::new(limit(900), $name);
            Pair::named($name).sweep().assert_clean();
        }
    )+};
}
ipc_tests::pairs!(sweep_pairs);
