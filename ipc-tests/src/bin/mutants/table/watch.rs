//! The latest-value cell.

use super::{Mutant, edit, silence};

const WATCH: &str = "ipc-core/src/watch/words.rs";
const WATCH_READER: &str = "ipc-core/src/watch/reader.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "watch: no second look",
        edits: &[edit(WATCH, 1, "if passed < SLOTS as u64 - 1 {", "if passed < u64::MAX {")],
        protects: "what a reader gets is whole",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch: the second look is one too patient",
        edits: &[edit(WATCH, 1, "if passed < SLOTS as u64 - 1 {", "if passed < SLOTS as u64 {")],
        protects: "the same: the next writer may have begun",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch, reader: no fence",
        edits: &[edit(WATCH, 1, "            fence(Ordering::Acquire);\n", "")],
        protects: "the copy comes before the second check",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch, writer: no fence",
        edits: &[edit(WATCH, 1, "        fence(Ordering::Release);\n", "")],
        protects: "who has copied a word of the next version knows of the last one",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch, publishing: Release to Relaxed",
        edits: &[edit(
            WATCH,
            1,
            "self.words.version.store(next, Ordering::Release);",
            "self.words.version.store(next, Ordering::Relaxed);",
        )],
        protects: "who sees a version sees its value",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch: wakes nobody",
        edits: &[silence(WATCH, "publish", 1)],
        protects: "a change is noticed",
        caught_by: ("loom_watch", "a_change_is_noticed"),
    },
    Mutant {
        name: "watch: a repair wakes nobody",
        edits: &[silence(WATCH, "sweep", 1)],
        protects: "a waiter to which a dead writer owed a wake-up goes",
        caught_by: ("loom_watch", "a_repair_wakes_the_waiter"),
    },
    Mutant {
        name: "watch: a dead writer stays counted",
        edits: &[edit(WATCH, 1, "self.presence.sweep(dead);", "")],
        protects: "readers do not wait for a writer that is dead",
        caught_by: ("loom_watch", "a_counted_writer_dies"),
    },
    Mutant {
        name: "watch: the end comes before the last value",
        edits: &[edit(WATCH_READER, 1, "Attempt::Done(unseen().unwrap_or(Ok(None)))", "Attempt::Done(Ok(None))")],
        protects: "a reader gets the last value before it learns of the end",
        caught_by: ("loom_watch", "the_last_writer_leaves"),
    },
];
