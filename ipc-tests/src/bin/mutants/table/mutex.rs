//! The mutex.

use super::{Mutant, edit, silence};

const MUTEX: &str = "ipc-core/src/mutex/words.rs";
const VALUE: &str = "ipc-core/src/mutex/handle.rs";

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
            "let taken = (word & (WAITERS | DIED | POISONED)) | mine;",
            "let taken = (word & (DIED | POISONED)) | mine;",
        )],
        protects: "one that was woken takes the lock, and the others still have to be woken",
        caught_by: ("loom_mutex", "nobody_is_forgotten"),
    },
    Mutant {
        name: "mutex: the mark of a death is lost",
        edits: &[edit(
            MUTEX,
            1,
            "let taken = (word & (WAITERS | DIED | POISONED)) | mine;",
            "let taken = (word & (WAITERS | POISONED)) | mine;",
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
        protects: "whoever sleeps for the lock gets it",
        caught_by: ("loom_mutex", "one_at_a_time"),
    },
    Mutant {
        // The second one makes up for the first.
        name: "mutex: the wake-ups of an unlock are lost",
        edits: &[silence(MUTEX, "wake", 2), silence(MUTEX, "wake", 1)],
        protects: "the same",
        caught_by: ("loom_mutex", "one_at_a_time"),
    },
    Mutant {
        name: "mutex: a hand-over in vain wakes nobody",
        edits: &[silence(MUTEX, "wake", 2)],
        protects: "a locker that fell asleep behind a hand-over to a dead process is woken",
        caught_by: ("loom_mutex", "asleep_beside_a_hand_over"),
    },
    Mutant {
        name: "mutex: a sweep wakes the announced only",
        edits: &[edit(
            MUTEX,
            1,
            "already.\n        platform.wake(&self.word, EVERYBODY);",
            "already.\n        if word & WAITERS != 0 {\n            platform.wake(&self.word, EVERYBODY);\n        }",
        )],
        protects: "a process may die after it has cleared the announcement of a sleeper",
        caught_by: ("loom_mutex", "asleep_beside_a_hand_over"),
    },
    Mutant {
        name: "mutex: trying disregards a hand-over",
        edits: &[silence(MUTEX, "try_thoroughly", 1)],
        protects: "a lock that is handed over is for those who sleep",
        caught_by: ("loom_mutex", "trying_beside_a_hand_over"),
    },
    Mutant {
        name: "mutex: a sweep wakes nobody",
        edits: &[silence(MUTEX, "sweep", 1)],
        protects: "who sleeps for a lock that a repair frees is woken",
        caught_by: ("loom_mutex", "asleep_beside_a_hand_over"),
    },
];
