//! The once cell.

use super::{Mutant, edit, silence};

const ONCE: &str = "ipc-core/src/once/words.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "once cell: Release to Relaxed",
        edits: &[edit(
            ONCE,
            1,
            "self.words.ready.store(READY, Ordering::Release);",
            "self.words.ready.store(READY, Ordering::Relaxed);",
        )],
        protects: "a reader that sees that it is set sees the value",
        caught_by: ("loom_once", "a_reader_sees_all_or_nothing"),
    },
    Mutant {
        name: "once cell: set again",
        edits: &[edit(ONCE, 1, "if self.is_set() { None } else { Some(turn) }", "Some(turn)")],
        protects: "one value for everybody",
        caught_by: ("loom_once", "one_initialises"),
    },
    Mutant {
        name: "once cell: wakes nobody",
        edits: &[silence(ONCE, "set", 1)],
        protects: "a waiter for the value gets it",
        caught_by: ("loom_once", "a_waiter_is_woken"),
    },
    Mutant {
        name: "once cell: a repair wakes nobody",
        edits: &[silence(ONCE, "sweep", 1)],
        protects: "a waiter to which a dead writer owed a wake-up goes",
        caught_by: ("loom_once", "a_repair_wakes_the_waiter"),
    },
];
