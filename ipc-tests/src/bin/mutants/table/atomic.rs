//! Atomic cells.

use super::{Mutant, edit, silence};

const ATOMIC: &str = "ipc-core/src/atomic/words.rs";
const ATOMIC_WORDS: &str = "ipc-core/src/atomic/word.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "atomic cell: a change wakes nobody",
        edits: &[silence(ATOMIC, "changed", 1)],
        protects: "a waiter for a condition goes on",
        caught_by: ("loom_atomic", "the_end_of_a_countdown_is_seen"),
    },
    Mutant {
        name: "atomic cell: a repair wakes nobody",
        edits: &[silence(ATOMIC, "sweep", 1)],
        protects: "a waiter to which a dead process owed a wake-up goes",
        caught_by: ("loom_atomic", "a_worker_dies"),
    },
    Mutant {
        name: "atomic cell: SeqCst to Relaxed",
        edits: &[edit(ATOMIC_WORDS, 9, "Ordering::SeqCst", "Ordering::Relaxed")],
        protects: "who sees a change sees what its author did before",
        caught_by: ("loom_atomic", "the_end_of_a_countdown_is_seen"),
    },
    Mutant {
        name: "atomic cell: taken in two steps",
        edits: &[edit(
            ATOMIC_WORDS,
            1,
            "match self.compare_exchange(bits, new) {",
            "match Ok::<_, Self::Bits>(self.swap(new)) {",
        )],
        protects: "what is there once is taken once",
        caught_by: ("loom_atomic", "each_is_taken_once"),
    },
];
