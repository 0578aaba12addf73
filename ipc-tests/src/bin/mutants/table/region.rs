//! The region's lock, whose protocol is the mutex's, and waiting for an object.

use super::{Mutant, edit, silence};

const REGION_LOCK: &str = "ipc-core/src/region/lock.rs";
const CREATED: &str = "ipc-core/src/region/created.rs";

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
    Mutant {
        name: "region: creating an object wakes nobody",
        edits: &[silence(CREATED, "announce", 1)],
        protects: "who waits for an object finds it when it is there",
        caught_by: ("loom_region", "who_waits_for_an_object_is_woken"),
    },
    Mutant {
        name: "region: a sweep wakes nobody who waits for an object",
        edits: &[silence(CREATED, "sweep", 1)],
        protects: "who waits for an object whose creator died finds it",
        caught_by: ("loom_region", "a_sweep_wakes_who_waits_for_an_object"),
    },
];
