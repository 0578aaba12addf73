//! The contracts between processes once more, while a timer interrupts both actors a thousand times a second: no call may end
//! early because of a signal, and the death of a holder or peer is noticed all the same.

#![cfg(all(not(loom), target_os = "linux"))]

use ipc_core::{
    array, atomic, bytes, condvar, duplex, event, level, loan, map, mutex, once, priority, queue, rwlock, spsc, stack,
    vector, watch, work,
};
use ipc_posix::Posix;
use ipc_tests::children::{self, Role};
use ipc_tests::contracts;
use ipc_tests::contracts::stages::{self, Objects, One, Two};
use ipc_tests::contracts_on_stage;
use ipc_tests::disturbance::{After, Disturbance};

/// System calls fail with `EINTR`.
mod interrupted {
    use super::*;

    fn stage<O: Objects>(name: &str, wanted: &O, play: impl Fn(&O::Handles<'static, Posix>, &contracts::Role<'_>)) {
        let _signals = Disturbance::new(After::Interrupted);
        stages::between_processes(&format!("{name} interrupted"), wanted, play);
    }
    ipc_tests::contracts_everywhere!(contracts_on_stage);
    ipc_tests::contracts_over_regions!(contracts_on_stage);
    ipc_tests::contracts_between_processes!(contracts_on_stage);
}

/// The kernel restarts system calls where it can.
mod restarted {
    use super::*;

    fn stage<O: Objects>(name: &str, wanted: &O, play: impl Fn(&O::Handles<'static, Posix>, &contracts::Role<'_>)) {
        let _signals = Disturbance::new(After::Restart);
        stages::between_processes(&format!("{name} restarted"), wanted, play);
    }
    ipc_tests::contracts_everywhere!(contracts_on_stage);
    ipc_tests::contracts_over_regions!(contracts_on_stage);
    ipc_tests::contracts_between_processes!(contracts_on_stage);
}

macro_rules! second {
    ($($name:ident: $wanted:expr => $contract:path;)+) => {
        &[$(
            (concat!(stringify!($name), " interrupted"), |args| {
                let _signals = Disturbance::new(After::Interrupted);
                stages::second(args, &$wanted, $contract);
            }),
            (concat!(stringify!($name), " restarted"), |args| {
                let _signals = Disturbance::new(After::Restart);
                stages::second(args, &$wanted, $contract);
            }),
        )+]
    };
}

const EVERYWHERE: &[Role] = ipc_tests::contracts_everywhere!(second);
const OVER_REGIONS: &[Role] = ipc_tests::contracts_over_regions!(second);
const BETWEEN_PROCESSES: &[Role] = ipc_tests::contracts_between_processes!(second);

#[test]
fn child_entry() {
    children::dispatch(&[EVERYWHERE, OVER_REGIONS, BETWEEN_PROCESSES].concat());
}
