//! The region's lock.

use super::{Mutant, edit, silence};

const REGION_LOCK: &str = "ipc-core/src/region/lock.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "region lock, unlocking: Release to Relaxed",
        edits: &[edit(
            REGION_LOCK,
            1,
            "self.lock.0.swap(0, Ordering::Release)",
            "self.lock.0.swap(0, Ordering::Relaxed)",
        )],
        protects: "the next holder sees what the last one did",
        caught_by: ("loom_region", "one_at_a_time"),
    },
    Mutant {
        name: "region lock, locking: Acquire to Relaxed",
        edits: &[edit(
            REGION_LOCK,
            1,
            "self.0.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed)",
            "self.0.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "the same, from the next holder's side",
        caught_by: ("loom_region", "one_at_a_time"),
    },
    Mutant {
        name: "region lock: a locker that was woken forgets the others",
        edits: &[edit(
            REGION_LOCK,
            1,
            "                match self.0.compare_exchange(word, mine | WAITERS, Ordering::Acquire, Ordering::Relaxed) {",
            "                match self.0.compare_exchange(word, mine, Ordering::Acquire, Ordering::Relaxed) {",
        )],
        protects: "nobody sleeps on beside a free lock",
        caught_by: ("loom_region", "nobody_is_forgotten"),
    },
    Mutant {
        name: "region lock, sweeping: AcqRel to Relaxed",
        edits: &[edit(
            REGION_LOCK,
            1,
            "match self.0.compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed) {",
            "match self.0.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed) {",
        )],
        protects: "the next holder sees what the dead one did",
        caught_by: ("loom_region", "a_sweep_wakes_who_waits"),
    },
    Mutant {
        name: "region lock: a sweep gives up beside a waiter",
        edits: &[edit(
            REGION_LOCK,
            1,
            "                Ok(_) => break,\n                Err(now) => word = now,",
            "                Ok(_) => break,\n                Err(_) => return,",
        )],
        protects: "a dead holder's number does not stay in the lock",
        caught_by: ("loom_region", "a_sweep_wakes_who_waits"),
    },
    Mutant {
        name: "region lock: an unlock wakes nobody",
        edits: &[silence(REGION_LOCK, "drop", 1)],
        protects: "whoever sleeps for the lock gets it",
        caught_by: ("loom_region", "one_at_a_time"),
    },
    Mutant {
        name: "region lock: a sweep wakes nobody",
        edits: &[silence(REGION_LOCK, "sweep", 1)],
        protects: "the same, after a death",
        caught_by: ("loom_region", "a_sweep_wakes_who_waits"),
    },
];
