//! The region's lock. Its protocol is the mutex's.

use super::{Mutant, edit};

const REGION_LOCK: &str = "ipc-core/src/region/lock.rs";

pub const MUTANTS: &[Mutant] = &[Mutant {
    name: "region lock: a dead holder's lock is not freed",
    edits: &[silence(REGION_LOCK, "sweep", 1)],
    protects: "who waits and cannot find out by itself gets the lock after a death",
    caught_by: ("loom_region", "a_sweep_wakes_who_waits"),
}];
