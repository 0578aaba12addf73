//! The latest-value cell.

use super::{Mutant, edit, silence};

const WATCH: &str = "ipc-core/src/watch/words.rs";
const WATCH_READER: &str = "ipc-core/src/watch/reader.rs";
const WRITTEN: &str = "ipc-core/src/watch/value_options.rs";
const VALUES: &str = "ipc-core/src/watch/values.rs";
const VALUE_READER: &str = "ipc-core/src/watch/value_reader.rs";

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
        edits: &[silence(WATCH, "publish_with", 1)],
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
    Mutant {
        name: "watch of a value: the length of a spoilt copy stays",
        edits: &[edit(WRITTEN, 1, "bytes.resize(len, 0);", "bytes.resize(len.max(bytes.len()), 0);")],
        protects: "what a reader gets is as long as it was published",
        caught_by: ("loom_value_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch of a value: a change is made to a value from before its turn",
        edits: &[edit(
            VALUES,
            1,
            "        Ok(self.change(turn, change)?)\n",
            "        let (mut value, _) = (read(POSTCARD, &self.written()?.bytes)?, drop(turn));\n        \
             let result = change(&mut value);\n        \
             let turn = self.turn(&Limit::Forever).map_err(WriteValueTimeoutError::from).map_err(|error| error.endless())?;\n        \
             self.publish(turn, &self.encode(&value)?)?;\n        Ok(result)\n",
        )],
        protects: "two changes at once are both made",
        caught_by: ("loom_value_watch", "changes_add_up"),
    },
    Mutant {
        name: "watch of a value, reader: a version counts as seen that was not copied",
        edits: &[edit(VALUE_READER, 1, "self.seen = written.version;", "self.seen = self.watch.cell.view.version();")],
        protects: "a reader gets the last value",
        caught_by: ("loom_value_watch", "the_last_writer_leaves"),
    },
];
