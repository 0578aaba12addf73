//! The semaphore.

use super::{Mutant, edit, silence};

const SEMAPHORE_ACQUIRE: &str = "ipc-core/src/semaphore/acquire.rs";
const SEMAPHORE_RELEASE: &str = "ipc-core/src/semaphore/release.rs";
const SEMAPHORE_VIEW: &str = "ipc-core/src/semaphore/words.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "semaphore, acquire: Acquire to Relaxed",
        edits: &[edit(
            SEMAPHORE_ACQUIRE,
            1,
            "permit.compare_exchange(AVAILABLE, self.held, Ordering::Acquire, Ordering::Relaxed)",
            "permit.compare_exchange(AVAILABLE, self.held, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "who gets a permit sees what was done under it",
        caught_by: ("loom_semaphore", "one_permit_excludes"),
    },
    Mutant {
        name: "semaphore, release: Release to Relaxed",
        edits: &[edit(
            SEMAPHORE_RELEASE,
            1,
            "permit.compare_exchange(self.held, AVAILABLE, Ordering::Release, Ordering::Relaxed)",
            "permit.compare_exchange(self.held, AVAILABLE, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "the same, from the side of the one who gives it back",
        caught_by: ("loom_semaphore", "one_permit_excludes"),
    },
    Mutant {
        name: "semaphore, repair: Release to Relaxed",
        edits: &[edit(
            SEMAPHORE_VIEW,
            1,
            "let _ = permit.compare_exchange(seen, to, Ordering::Release, Ordering::Relaxed);",
            "let _ = permit.compare_exchange(seen, to, Ordering::Relaxed, Ordering::Relaxed);",
        )],
        protects: "what the dead holder did under its permit is seen by the next one",
        caught_by: ("loom_semaphore", "what_the_dead_did_is_seen"),
    },
    Mutant {
        name: "semaphore: a permit given back wakes nobody",
        edits: &[silence(SEMAPHORE_RELEASE, "put_back", 1)],
        protects: "whoever sleeps for a permit gets it",
        caught_by: ("loom_semaphore", "one_permit_excludes"),
    },
    Mutant {
        name: "semaphore: permits given back wake nobody",
        edits: &[silence(SEMAPHORE_RELEASE, "put_back_many", 1)],
        protects: "the same",
        caught_by: ("loom_semaphore", "two_want_both"),
    },
    Mutant {
        name: "semaphore: a signal wakes nobody",
        edits: &[silence(SEMAPHORE_RELEASE, "post", 1)],
        protects: "the same",
        caught_by: ("loom_semaphore", "a_signal_wakes_a_sleeper"),
    },
    Mutant {
        name: "semaphore: several signals wake nobody",
        edits: &[silence(SEMAPHORE_RELEASE, "post", 2)],
        protects: "the same",
        caught_by: ("loom_semaphore", "a_release_of_two_wakes_two"),
    },
    Mutant {
        name: "semaphore: the wake-up is lost",
        edits: &[silence(SEMAPHORE_VIEW, "notify", 1)],
        protects: "the same",
        caught_by: ("loom_semaphore", "a_signal_wakes_a_sleeper"),
    },
    Mutant {
        name: "semaphore: whoever wants many is not woken",
        edits: &[silence(SEMAPHORE_VIEW, "notify_many", 1)],
        protects: "the same, of those who want several",
        caught_by: ("loom_semaphore", "one_waits_for_many_beside_one_for_one"),
    },
    Mutant {
        name: "semaphore: closing wakes nobody",
        edits: &[silence(SEMAPHORE_VIEW, "complete_closing", 1)],
        protects: "closing ends whoever sleeps",
        caught_by: ("loom_semaphore", "a_closer_dies"),
    },
    Mutant {
        name: "semaphore: a sweep wakes nobody",
        edits: &[silence(SEMAPHORE_VIEW, "sweep", 1)],
        protects: "a permit that comes back from the dead wakes whoever sleeps for it",
        caught_by: ("loom_semaphore", "a_sweep_wakes_who_waits"),
    },
];
