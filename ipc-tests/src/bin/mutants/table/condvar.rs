//! The condition variable.

use super::{Mutant, edit, silence};

const CONDVAR_HANDLE: &str = "ipc-core/src/condvar/handle.rs";
const CONDVAR: &str = "ipc-core/src/condvar/words.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "condition variable: announced after the unlock",
        edits: &[edit(
            CONDVAR,
            1,
            "let ticket = self.0.prepare(platform);\n        unlock();",
            "unlock();\n        let ticket = self.0.prepare(platform);",
        )],
        protects: "a change between the look and the sleep is noticed",
        caught_by: ("loom_condvar", "a_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable: all is one",
        edits: &[edit(CONDVAR, 1, "self.0.notify_all(platform);", "self.0.notify(platform, || 1);")],
        protects: "everybody is woken",
        caught_by: ("loom_condvar", "all_are_notified"),
    },
    Mutant {
        name: "condition variable: one wakes nobody",
        edits: &[silence(CONDVAR, "notify_one", 1)],
        protects: "a waiter is woken",
        caught_by: ("loom_condvar", "a_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable: all wakes nobody",
        edits: &[silence(CONDVAR, "notify_all", 1)],
        protects: "everybody is woken",
        caught_by: ("loom_condvar", "all_are_notified"),
    },
    Mutant {
        name: "condition variable: a repair wakes nobody",
        edits: &[silence(CONDVAR, "sweep", 1)],
        protects: "a waiter to which a dead notifier owed a wake-up goes",
        caught_by: ("loom_condvar", "a_notifier_dies"),
    },
    Mutant {
        name: "condition variable, the handle: one wakes nobody",
        edits: &[silence(CONDVAR_HANDLE, "notify_one", 1)],
        protects: "a waiter is woken",
        caught_by: ("loom_condvar", "a_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable, the handle: all wakes nobody",
        edits: &[silence(CONDVAR_HANDLE, "notify_all", 1)],
        protects: "everybody is woken",
        caught_by: ("loom_condvar", "all_are_notified"),
    },
];
