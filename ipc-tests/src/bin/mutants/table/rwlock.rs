//! The reader-writer lock.

use super::{Mutant, edit, silence};

const MUTEX: &str = "ipc-core/src/mutex/words.rs";
const RWLOCK: &str = "ipc-core/src/rwlock/words.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "rwlock, reader: its count and its look not in order",
        edits: &[edit(RWLOCK, 1, "        sequentially_consistent();\n", "")],
        protects: "of a reader and a writer, one sees the other",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock, writer: no fence",
        edits: &[edit(RWLOCK, 2, "        fence(Ordering::SeqCst);\n", "")],
        protects: "the same, from the writer's side",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock, reader leaves: Release to Relaxed",
        edits: &[edit(
            RWLOCK,
            1,
            "count.fetch_sub(1, Ordering::Release) == 1",
            "count.fetch_sub(1, Ordering::Relaxed) == 1",
        )],
        protects: "what a reader reads is not written yet",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock, writer's look: Acquire to Relaxed",
        edits: &[edit(
            RWLOCK,
            1,
            "readers.count.load(Ordering::Acquire) == 0",
            "readers.count.load(Ordering::Relaxed) == 0",
        )],
        protects: "the same, from the writer's side",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock, reader's look: SeqCst to Relaxed",
        edits: &[edit(
            MUTEX,
            1,
            "let word = self.word.load(Ordering::SeqCst);",
            "let word = self.word.load(Ordering::Relaxed);",
        )],
        protects: "a reader sees what the last writer wrote",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock: a reader at the turnstile keeps others out",
        edits: &[edit(MUTEX, 1, "owner(word).is_none() || word & SHARED != 0", "owner(word).is_none()")],
        protects: "`try_read` among readers never fails",
        caught_by: ("loom_rwlock", "readers_do_not_exclude_each_other"),
    },
    Mutant {
        name: "rwlock: dead readers count",
        edits: &[edit(
            RWLOCK,
            1,
            "found.ask(platform, who, |_| count.store(0, Ordering::Relaxed));",
            "found.ask(platform, who, |_| ());",
        )],
        protects: "a dead reader does not keep writers out",
        caught_by: ("loom_rwlock", "a_reader_dies"),
    },
    Mutant {
        name: "rwlock: a reader that leaves wakes nobody",
        edits: &[silence(RWLOCK, "leave", 1)],
        protects: "a writer that sleeps for the readers goes on",
        caught_by: ("loom_rwlock", "a_writer_waits_for_two_readers"),
    },
    Mutant {
        name: "rwlock: a sweep wakes nobody",
        edits: &[silence(RWLOCK, "sweep", 1)],
        protects: "the same, of readers that died",
        caught_by: ("loom_rwlock", "a_sweep_wakes_a_writer"),
    },
];
