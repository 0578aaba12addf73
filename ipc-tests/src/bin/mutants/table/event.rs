//! Events.

use super::{Mutant, edit, silence};

const EVENT: &str = "ipc-core/src/event/words.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "event, set: AcqRel to Relaxed",
        edits: &[edit(
            EVENT,
            1,
            "self.word.compare_exchange(word, set, Ordering::AcqRel, Ordering::Relaxed)",
            "self.word.compare_exchange(word, set, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "who has waited sees what the setter did",
        caught_by: ("loom_event", "a_waiter_goes_and_sees"),
    },
    Mutant {
        name: "event, taking the flag: Acquire to Relaxed",
        edits: &[edit(
            EVENT,
            1,
            "self.word.compare_exchange(word, word & !SET, Ordering::Acquire, Ordering::Relaxed)",
            "self.word.compare_exchange(word, word & !SET, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "the same, for an event that resets itself",
        caught_by: ("loom_event", "who_polls_sees"),
    },
    Mutant {
        name: "event, set keeps the generation",
        edits: &[edit(EVENT, 1, ".wrapping_add(ONE_GENERATION)", ".wrapping_add(ONE_GENERATION & 0)")],
        protects: "a pulse releases everybody who was waiting",
        caught_by: ("loom_event", "a_pulse_releases_who_waits"),
    },
    Mutant {
        name: "event, auto reset: the bit of the sleepers is lost",
        edits: &[edit(EVENT, 1, "Reset::Auto => word & WAITERS,", "Reset::Auto => word & WAITERS & 1,")],
        protects: "a second set wakes the second sleeper",
        caught_by: ("loom_event", "one_goes_for_each_set"),
    },
    Mutant {
        name: "event, setting wakes nobody",
        edits: &[silence(EVENT, "set", 1)],
        protects: "a waiter for the event goes on",
        caught_by: ("loom_event", "a_waiter_goes_and_sees"),
    },
    Mutant {
        name: "event, manual reset: the wake-up is lost",
        edits: &[silence(EVENT, "wake", 1)],
        protects: "the same",
        caught_by: ("loom_event", "a_waiter_goes_and_sees"),
    },
    Mutant {
        name: "event, auto reset: the wake-up is lost",
        edits: &[silence(EVENT, "wake", 2)],
        protects: "the same",
        caught_by: ("loom_event", "a_waiter_goes_and_sees"),
    },
    Mutant {
        name: "event: a sweep wakes nobody",
        edits: &[silence(EVENT, "sweep", 1)],
        protects: "a setter that died owes nobody a wake-up",
        caught_by: ("loom_event", "a_sweep_wakes_a_waiter"),
    },
    Mutant {
        name: "event: a waiter that looks wakes nobody",
        edits: &[silence(EVENT, "sleep_until", 1)],
        protects: "one look serves all sleepers",
        caught_by: ("loom_event", "a_waiter_that_looks_wakes_the_others"),
    },
];
