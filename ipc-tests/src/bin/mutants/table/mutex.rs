//! The mutex.

use super::{Mutant, edit, silence};

const MUTEX: &str = "ipc-core/src/mutex/words.rs";
const VALUES: &str = "ipc-core/src/mutex/values.rs";
const SLICE: &str = "ipc-core/src/mutex/slice.rs";
const LINE: &str = "ipc-core/src/mutex/line.rs";
const VALUE: &str = "ipc-core/src/mutex/transaction.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "mutex, unlock: Release to Relaxed",
        edits: &[edit(
            MUTEX,
            1,
            "self.word.fetch_sub(mine, Ordering::Release)",
            "self.word.fetch_sub(mine, Ordering::Relaxed)",
        )],
        protects: "the next holder sees what the last one did",
        caught_by: ("loom_mutex", "one_at_a_time"),
    },
    Mutant {
        name: "mutex, lock: Acquire to Relaxed",
        edits: &[edit(
            MUTEX,
            1,
            "compare_exchange(0, mine, Ordering::Acquire",
            "compare_exchange(0, mine, Ordering::Relaxed",
        )],
        protects: "the same, from the next holder's side",
        caught_by: ("loom_mutex", "one_at_a_time"),
    },
    Mutant {
        name: "mutex, lock after a sleep: Acquire to Relaxed",
        edits: &[edit(
            MUTEX,
            1,
            "self.word.compare_exchange(word, taken, Ordering::Acquire, Ordering::Relaxed).map",
            "self.word.compare_exchange(word, taken, Ordering::Relaxed, Ordering::Relaxed).map",
        )],
        protects: "the same, in the other way to the lock",
        caught_by: ("loom_mutex", "nobody_is_forgotten"),
    },
    Mutant {
        name: "mutex: the bit of the sleepers is lost",
        edits: &[edit(
            MUTEX,
            1,
            "let taken = (free & (SLEEPERS | DIED | POISONED)) | mine;",
            "let taken = (free & (DIED | POISONED)) | mine;",
        )],
        protects: "one that was woken takes the lock, and the others still have to be woken",
        caught_by: ("loom_mutex", "nobody_is_forgotten"),
    },
    Mutant {
        name: "mutex: the mark of a death is lost",
        edits: &[edit(
            MUTEX,
            1,
            "let taken = (free & (SLEEPERS | DIED | POISONED)) | mine;",
            "let taken = (free & (SLEEPERS | POISONED)) | mine;",
        )],
        protects: "a death is told of until somebody declares the data consistent",
        caught_by: ("loom_mutex", "sweeping_beside_a_takeover"),
    },
    Mutant {
        name: "mutex: a death is not marked",
        edits: &[edit(
            MUTEX,
            1,
            "let died = if word & TRANSACTION == 0 { DIED } else { 0 };",
            "let died = word & TRANSACTION & DIED;",
        )],
        protects: "who changed in place and died is told of",
        caught_by: ("loom_mutex", "sweeping_beside_a_takeover"),
    },
    Mutant {
        name: "mutex: the death of a transaction is marked",
        edits: &[edit(
            MUTEX,
            1,
            "let died = if word & TRANSACTION == 0 { DIED } else { 0 };",
            "let died = DIED | (word & TRANSACTION & DIED);",
        )],
        protects: "nobody has to repair after a transaction",
        caught_by: ("loom_mutex", "a_transaction_dies"),
    },
    Mutant {
        name: "mutex, commit before the copy",
        edits: &[edit(
            VALUE,
            1,
            "        self.copies[other].store(value);\n        self.words.versions.switch(other);",
            "        self.words.versions.switch(other);\n        self.copies[other].store(value);",
        )],
        protects: "a transaction counts whole or not at all",
        caught_by: ("loom_mutex", "a_transaction_dies"),
    },
    Mutant {
        name: "mutex: an unlock wakes nobody",
        edits: &[silence(MUTEX, "unlock", 1)],
        protects: "a sleeper gets the lock",
        caught_by: ("loom_mutex", "one_at_a_time"),
    },
    Mutant {
        // The second one makes up for the first.
        name: "mutex: the wake-ups of an unlock are lost",
        edits: &[silence(LINE, "wake_next", 2), silence(MUTEX, "wake", 1)],
        protects: "the same",
        caught_by: ("loom_mutex", "one_at_a_time"),
    },
    Mutant {
        name: "mutex: a hand-off in vain wakes nobody",
        edits: &[silence(MUTEX, "wake", 1)],
        protects: "a locker that fell asleep behind a hand-off to a dead process is woken",
        caught_by: ("loom_mutex", "asleep_beside_a_hand_over"),
    },
    Mutant {
        name: "mutex: a sweep wakes the announced only",
        edits: &[edit(
            MUTEX,
            1,
            "already.\n        platform.wake(&self.word, EVERYBODY);",
            "already.\n        if word & SLEEPERS != 0 {\n            platform.wake(&self.word, EVERYBODY);\n        }",
        )],
        protects: "a process may die after it has cleared the announcement of a sleeper",
        caught_by: ("loom_mutex", "asleep_beside_a_hand_over"),
    },
    Mutant {
        name: "mutex: trying disregards a hand-off",
        edits: &[edit(
            MUTEX,
            1,
            "if is_handed_over(word) && self.wake_next(platform, word) != 0 {",
            "if is_handed_over(word) && self.word.load(Ordering::Relaxed) == !word {",
        )],
        protects: "a lock that is handed over is for those who sleep",
        caught_by: ("loom_mutex", "trying_beside_a_hand_over"),
    },
    Mutant {
        name: "mutex: a sweep wakes nobody",
        edits: &[silence(MUTEX, "sweep", 1)],
        protects: "who sleeps for a lock that a repair frees is woken",
        caught_by: ("loom_mutex", "asleep_beside_a_hand_over"),
    },
    Mutant {
        name: "mutex, line: an unlock wakes nobody in front",
        edits: &[silence(LINE, "wake_next", 1)],
        protects: "the kernel's queue is not the order of those in front, whose sleeps end by themselves",
        caught_by: ("loom_mutex", "the_line_is_served_in_order"),
    },
    Mutant {
        name: "mutex, line: an unlock that finds no first wakes the one that sleeps longest",
        edits: &[edit(LINE, 1, "for place in [Place::First, Place::Second] {", "for place in [Place::First] {")],
        protects: "the second is the next behind a dead first",
        caught_by: ("loom_mutex", "the_second_comes_after_a_dead_first"),
    },
    Mutant {
        name: "mutex, line: the first leaves and the second does not move up",
        edits: &[silence(LINE, "sleep_for", 1)],
        protects: "the second comes before one that moves up from the back",
        caught_by: ("loom_mutex", "the_line_is_served_in_order"),
    },
    Mutant {
        name: "mutex, line: one that has returned to the back is not called",
        edits: &[silence(LINE, "call_from_back", 1)],
        protects: "a sleep at the back that ended costs nobody's turn",
        caught_by: ("loom_mutex", "the_line_is_served_in_order"),
    },
    Mutant {
        name: "mutex, line: nobody is called from the back",
        edits: &[silence(LINE, "call_from_back", 2)],
        protects: "somebody checks whether the holder lives, however many have left the line",
        caught_by: ("loom_mutex", "a_line_of_holders_dies"),
    },
    Mutant {
        name: "mutex, line: the count of those in front never sinks",
        edits: &[edit(
            LINE,
            1,
            "with_front(word, in_front(word).saturating_sub(1))",
            "with_front(word, in_front(word).saturating_sub(0))",
        )],
        protects: "there is room for those at the back",
        caught_by: ("loom_mutex", "a_line_of_holders_dies"),
    },
    Mutant {
        name: "mutex around a slice: a transaction changes the copy that counts",
        edits: &[edit(
            SLICE,
            1,
            "        let to = 1 - mutex.words.versions.current();",
            "        let to = mutex.words.versions.current();",
        )],
        protects: "a transaction that dies leaves the last committed elements",
        caught_by: ("loom_mutex", "a_transaction_on_a_slice_dies"),
    },
    Mutant {
        name: "mutex around a slice: a transaction goes on in the copy that counts",
        edits: &[edit(SLICE, 1, "        let to = 1 - self.to;", "        let to = self.to;")],
        protects: "what was changed after a store does not count before the commit",
        caught_by: ("loom_mutex", "a_transaction_on_a_slice_dies"),
    },
    Mutant {
        name: "mutex around a slice: a transaction begins without a copy",
        edits: &[edit(SLICE, 1, "    unsafe { elements.copy_from(from) };\n", "    let _ = (&mut elements, from);\n")],
        protects: "a transaction begins with the last committed elements",
        caught_by: ("loom_mutex", "a_transaction_on_a_slice_dies"),
    },
    Mutant {
        name: "mutex around a value: a change is written to the copy that counts",
        edits: &[edit(VALUES, 1, "let other = 1 - versions.current();", "let other = versions.current();")],
        protects: "a change that dies leaves the value as it was",
        caught_by: ("loom_value_mutex", "a_change_dies"),
    },
    Mutant {
        name: "mutex around a value: a change counts before it is whole",
        edits: &[
            edit(VALUES, 1, "        versions.switch(other);\n", ""),
            edit(VALUES, 1, "other];\n", "other];\n        versions.switch(other);\n"),
        ],
        protects: "a change counts in one step, behind all of its bytes",
        caught_by: ("loom_value_mutex", "a_change_dies"),
    },
    Mutant {
        name: "mutex around a value: what a dead holder half-changed is taken for a value",
        edits: &[edit(VALUES, 1, "if words.raw.condition() != Condition::CLEAN {", "if false {")],
        protects: "bytes with a mark are no value",
        caught_by: ("loom_value_mutex", "a_half_changed_value_is_replaced"),
    },
    Mutant {
        name: "mutex around a value: a mark goes before the new value counts",
        edits: &[
            edit(VALUES, 1, "        versions.switch(other);\n", ""),
            edit(VALUES, 1, "raw.clear();\n        }\n", "raw.clear();\n        }\n        versions.switch(other);\n"),
        ],
        protects: "a process that dies while it sets a value does not make what was half-changed a value",
        caught_by: ("loom_value_mutex", "a_half_changed_value_is_replaced"),
    },
    Mutant {
        name: "mutex around a value: a mark stays",
        edits: &[edit(VALUES, 1, "            raw.clear();\n", "")],
        protects: "a value that was set can be read",
        caught_by: ("loom_value_mutex", "a_half_changed_value_is_replaced"),
    },
];
