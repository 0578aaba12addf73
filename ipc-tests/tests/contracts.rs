//! What each object means, played on every stage: see [`ipc_tests::contracts`].

#![cfg(all(not(loom), unix))]

use ipc_core::{
    array, atomic, bytes, condvar, duplex, event, level, loan, map, mutex, once, priority, queue, rwlock, spsc, stack,
    vector, watch, work,
};
use ipc_tests::children::{self, Role};
use ipc_tests::contracts;
use ipc_tests::contracts::stages::{self, Heap, One, Two};
use ipc_tests::contracts_on_stage;

/// Threads over ordinary memory, with a platform that spins.
mod on_heap {
    use super::*;

    macro_rules! play {
        ($($name:ident: $wanted:expr => $contract:path;)+) => {$(
            #[test]
            fn $name() {
                let wanted = $wanted;
                Heap::new(&wanted).play(stringify!($name), &wanted, $contract);
            }
        )+};
    }
    ipc_tests::contracts_everywhere!(play);
}

/// Threads that have opened one region each for itself.
mod in_region {
    use stages::in_region as stage;

    use super::*;

    ipc_tests::contracts_everywhere!(contracts_on_stage);
    ipc_tests::contracts_over_regions!(contracts_on_stage);
}

/// Processes.
mod between_processes {
    use stages::between_processes as stage;

    use super::*;

    ipc_tests::contracts_everywhere!(contracts_on_stage);
    ipc_tests::contracts_over_regions!(contracts_on_stage);
    ipc_tests::contracts_between_processes!(contracts_on_stage);
}

macro_rules! second {
    ($($name:ident: $wanted:expr => $contract:path;)+) => {
        &[$((stringify!($name), |args| stages::second(args, &$wanted, $contract))),+]
    };
}

const EVERYWHERE: &[Role] = ipc_tests::contracts_everywhere!(second);
const OVER_REGIONS: &[Role] = ipc_tests::contracts_over_regions!(second);
const BETWEEN_PROCESSES: &[Role] = ipc_tests::contracts_between_processes!(second);

#[test]
fn child_entry() {
    children::dispatch(&[EVERYWHERE, OVER_REGIONS, BETWEEN_PROCESSES].concat());
}
