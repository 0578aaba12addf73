//! The priority queue. What it shares with the stack is among the stack's.

use super::{Mutant, edit};

const WORDS: &str = "ipc-core/src/priority/words.rs";
const ENTRY: &str = "ipc-core/src/priority/entry.rs";
const HEAP: &str = "ipc-core/src/priority/heap.rs";

const MOVED: &str = "        self.words.inbox.moved(counts.next);\n";
const TAKE_OUT: &str = "            inbox.took(counts.taken.wrapping_add(result.count));\n";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "priority: what was sent counts as moved before it is",
        edits: &[
            edit(WORDS, 1, MOVED, ""),
            edit(
                WORDS,
                1,
                "        for at in counts.moved()..counts.len() {",
                "        self.words.inbox.moved(counts.next);\n        for at in counts.moved()..counts.len() {",
            ),
        ],
        protects: "a receiver that dies while it moves messages leaves as many as the queue says",
        caught_by: ("loom_priority", "a_receiver_dies"),
    },
    Mutant {
        name: "priority: a receive counts message by message",
        edits: &[edit(
            WORDS,
            1,
            "                self.remove_first::<K, T>(len, number)?;\n",
            "                self.remove_first::<K, T>(len, number)?;\n                inbox.took(counts.taken + result.count + 1);\n",
        )],
        protects: "a receiver that dies has taken its batch or nothing",
        caught_by: ("loom_priority", "a_receiver_dies"),
    },
    Mutant {
        name: "priority: a receive counts before it marks",
        edits: &[
            edit(WORDS, 1, TAKE_OUT, ""),
            edit(
                WORDS,
                1,
                "            *result = Taken { good: 0, count: 0 };\n",
                "            *result = Taken { good: 0, count: 0 };\n            inbox.took(counts.taken + counts.len().min(out.len() as u64));\n",
            ),
        ],
        protects: "a receiver that dies leaves as many messages as the queue says",
        caught_by: ("loom_priority", "a_receiver_dies"),
    },
    Mutant {
        name: "priority: an entry's mark goes before its number is new",
        edits: &[
            edit(ENTRY, 1, "        self.sent.store(sent, Ordering::Relaxed);\n", ""),
            edit(
                ENTRY,
                1,
                "        self.received.store(0, Ordering::Release);\n",
                "        self.received.store(0, Ordering::Release);\n        self.sent.store(sent, Ordering::Relaxed);\n",
            ),
        ],
        protects: "what was taken does not come back where a receiver dies",
        caught_by: ("loom_priority", "a_rebuild_beside_a_sender"),
    },
    Mutant {
        name: "priority: a change does not say that it began",
        edits: &[edit(WORDS, 1, "            changing.store(1, Ordering::Relaxed);\n", "")],
        protects: "a heap that is half changed is not trusted",
        caught_by: ("loom_priority", "a_receiver_dies"),
    },
    Mutant {
        name: "priority: a change says that it ended before it is counted",
        edits: &[
            edit(WORDS, 1, TAKE_OUT, ""),
            edit(
                WORDS,
                1,
                "            self.settle();\n            Ok(())\n        })",
                "            self.settle();\n            inbox.took(counts.taken.wrapping_add(result.count));\n            Ok(())\n        })",
            ),
        ],
        protects: "heap and counts fit each other where it is not",
        caught_by: ("loom_priority", "a_receiver_dies"),
    },
    Mutant {
        name: "priority: a rebuild says at its beginning that it is done",
        edits: &[edit(
            WORDS,
            1,
            "{\n            self.rebuild::<K, T>(counts)?;\n",
            "{\n            self.settle();\n            self.rebuild::<K, T>(counts)?;\n            changing.store(1, Ordering::Relaxed);\n",
        )],
        protects: "another one repairs after one that died repairing",
        caught_by: ("loom_priority", "who_repairs_after_a_receiver_dies"),
    },
    Mutant {
        name: "priority: a rebuild leaves the marks of a receive that was not counted",
        edits: &[edit(
            ENTRY,
            1,
            "            self.received.store(0, Ordering::Relaxed);\n            true",
            "            true",
        )],
        protects: "they do not become valid with a later receive",
        caught_by: ("loom_priority", "a_receiver_dies"),
    },
    Mutant {
        name: "priority: a rebuild leaves the numbers of what was not moved to its end",
        edits: &[edit(
            ENTRY,
            1,
            "            self.sent.store(0, Ordering::Relaxed);\n            false",
            "            false",
        )],
        protects: "they do not become valid with a later move",
        caught_by: ("loom_priority", "who_repairs_after_a_receiver_dies"),
    },
    Mutant {
        name: "priority: a rebuild counts what was not moved",
        edits: &[edit(HEAP, 1, "if len != counts.moved() {", "if len != counts.len() {")],
        protects: "messages that only the ring has are no part of a repair",
        caught_by: ("loom_priority", "a_receiver_dies"),
    },
    Mutant {
        name: "priority: a heap that is half changed is trusted",
        edits: &[edit(WORDS, 1, "if changing.load(Ordering::Relaxed) != 0 {", "if false {")],
        protects: "`peek` finds the lowest message after any death",
        caught_by: ("loom_priority", "who_looks_after_a_death_finds_the_lowest"),
    },
    Mutant {
        name: "priority: a rebuild makes no order",
        edits: &[edit(HEAP, 1, "self.sink::<K, T>(at, len, self.number(at)?)?;", "_ = at;")],
        protects: "the lowest key comes first after a repair, too",
        caught_by: ("loom_priority", "who_repairs_after_a_receiver_dies"),
    },
];
