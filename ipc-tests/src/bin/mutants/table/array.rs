//! Arrays, and the words that they share with atomic cells.

use super::{Mutant, edit};

const ARRAY: &str = "ipc-core/src/array/words.rs";
const WORD: &str = "ipc-core/src/atomic/word.rs";
const VALUE: &str = "ipc-core/src/atomic/value.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "array: a store is Relaxed",
        edits: &[edit(WORD, 1, "Ordering::Release", "Ordering::Relaxed")],
        protects: "who sees an element sees what its author did before",
        caught_by: ("loom_array", "a_store_is_seen_with_what_was_before_it"),
    },
    Mutant {
        name: "array: a load is Relaxed",
        edits: &[edit(WORD, 1, "Ordering::Acquire", "Ordering::Relaxed")],
        protects: "who sees an element sees what its author did before",
        caught_by: ("loom_array", "a_change_is_seen_with_what_was_before_it"),
    },
    Mutant {
        name: "array: a copy begins at its end",
        edits: &[edit(
            ARRAY,
            1,
            "values[first..].iter().zip(&words[first..])",
            "values[first..].iter().zip(&words[first..]).rev()",
        )],
        protects: "of a copy that a death cut short, the first elements are new",
        caught_by: ("loom_array", "a_death_leaves_each_element_old_or_new"),
    },
    Mutant {
        name: "array: floats are added in two steps",
        edits: &[edit(
            VALUE,
            1,
            "update::<$float>(word, |old| old + self)",
            "Word::swap(word, (<$float>::from_bits(Word::load(word)) + self).to_bits())",
        )],
        protects: "no sum is lost",
        caught_by: ("loom_array", "no_sum_of_floats_is_lost"),
    },
];
