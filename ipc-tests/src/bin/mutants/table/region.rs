//! The region's lock. Its protocol is the mutex's.

use super::{Mutant, edit};

const REGION_LOCK: &str = "ipc-core/src/region/lock.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "region lock: a dead holder's lock is not freed",
        edits: &[edit(REGION_LOCK, 1, "        self.0.sweep(dead, platform);", "        let _ = (dead, platform);")],
        protects: "who waits and cannot find out by itself gets the lock after a death",
        caught_by: ("loom_region", "a_sweep_wakes_who_waits"),
    },
    Mutant {
        name: "region lock: a guard does not unlock",
        edits: &[edit(REGION_LOCK, 1, "        self.lock.0.unlock(self.platform);\n", "")],
        protects: "a sleeper gets the lock",
        caught_by: ("loom_region", "one_at_a_time"),
    },
];
