//! The priority queue. What it shares with the stack is among the stack's.

use super::{Mutant, edit};

const WORDS: &str = "ipc-core/src/priority/words.rs";
const ENTRY: &str = "ipc-core/src/priority/entry.rs";
const HEAP: &str = "ipc-core/src/priority/heap.rs";

const PUT_IN: &str = "            // Release: a kill that comes behind it leaves whole messages.\n            self.words.top.next.store(counts.next.wrapping_add(count), Ordering::Release);\n";
const TAKE_OUT: &str = "            // Release: as in `put`, of the copies and of the marks.\n            self.words.top.taken.store(counts.taken.wrapping_add(taken), Ordering::Release);\n";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "priority: a send counts its messages before they are written",
        edits: &[
            edit(WORDS, 1, PUT_IN, ""),
            edit(
                WORDS,
                1,
                "            for (ahead, (key, value)) in",
                "            self.words.top.next.store(counts.next.wrapping_add(count), Ordering::Release);\n            for (ahead, (key, value)) in",
            ),
        ],
        protects: "a sender that dies has sent whole messages or none",
        caught_by: ("loom_priority", "a_sender_dies"),
    },
    Mutant {
        name: "priority: a send counts message by message",
        edits: &[edit(
            WORDS,
            1,
            "(Some(*key), sent))?;",
            "(Some(*key), sent))?;\n                self.words.top.next.store(sent + 1, Ordering::Release);",
        )],
        protects: "a sender that dies has sent its batch or nothing",
        caught_by: ("loom_priority", "a_sender_dies"),
    },
    Mutant {
        name: "priority: a receive counts message by message",
        edits: &[edit(
            WORDS,
            1,
            "                self.remove_first::<K, T>(len, number)?;\n",
            "                self.remove_first::<K, T>(len, number)?;\n                self.words.top.taken.store(counts.taken + taken + 1, Ordering::Release);\n",
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
                "            let (mut good, mut taken) = (0, 0);\n",
                "            let (mut good, mut taken) = (0, 0);\n            self.words.top.taken.store(counts.taken + counts.len().min(out.len() as u64), Ordering::Release);\n",
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
        protects: "what was taken does not come back where a sender dies",
        caught_by: ("loom_priority", "a_sender_dies"),
    },
    Mutant {
        name: "priority: a change does not say that it began",
        edits: &[edit(WORDS, 1, "self.words.top.changing.store(1, Ordering::Relaxed);", "")],
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
                "            self.settle();\n            Ok((good, taken))",
                "            self.settle();\n            self.words.top.taken.store(counts.taken.wrapping_add(taken), Ordering::Release);\n            Ok((good, taken))",
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
            "{\n            self.settle();\n            self.rebuild::<K, T>(counts)?;\n            self.words.top.changing.store(1, Ordering::Relaxed);\n",
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
        name: "priority: a rebuild leaves the numbers of a send that was not counted",
        edits: &[edit(
            ENTRY,
            1,
            "            self.sent.store(0, Ordering::Relaxed);\n            false",
            "            false",
        )],
        protects: "they do not become valid with a later send",
        caught_by: ("loom_priority", "a_sender_dies"),
    },
    Mutant {
        name: "priority: a look trusts a heap that is half changed",
        edits: &[edit(
            WORDS,
            1,
            "            if self.words.top.changing.load(Ordering::Relaxed) != 0 {\n                self.rebuild::<K, T>(counts)?;\n                self.settle();\n            }\n",
            "",
        )],
        protects: "`peek` finds the lowest message after any death",
        caught_by: ("loom_priority", "who_looks_after_a_death_finds_the_lowest"),
    },
    Mutant {
        name: "priority: a look says at the beginning of its repair that it is done",
        edits: &[edit(
            WORDS,
            1,
            "                self.rebuild::<K, T>(counts)?;\n                self.settle();\n",
            "                self.settle();\n                self.rebuild::<K, T>(counts)?;\n",
        )],
        protects: "the next one repairs after one that died while it looked",
        caught_by: ("loom_priority", "who_looks_after_a_death_finds_the_lowest"),
    },
    Mutant {
        name: "priority: a rebuild makes no order",
        edits: &[edit(HEAP, 1, "self.sink::<K, T>(at, len, self.number(at)?)?;", "_ = at;")],
        protects: "the lowest key comes first after a repair, too",
        caught_by: ("loom_priority", "who_repairs_after_a_receiver_dies"),
    },
    Mutant {
        name: "priority: empty is found by the last send",
        edits: &[edit(
            WORDS,
            1,
            "        let taken = self.words.top.taken.load(Ordering::Acquire);\n        self.words.top.next.load(Ordering::Relaxed).wrapping_sub(taken)",
            "        let next = self.words.top.next.load(Ordering::Acquire);\n        next.wrapping_sub(self.words.top.taken.load(Ordering::Relaxed))",
        )],
        protects: "no message is overlooked",
        caught_by: ("loom_priority", "no_message_is_overlooked"),
    },
    Mutant {
        name: "priority: empty, Relaxed",
        edits: &[edit(
            WORDS,
            1,
            "self.words.top.taken.load(Ordering::Acquire)",
            "self.words.top.taken.load(Ordering::Relaxed)",
        )],
        protects: "the same",
        caught_by: ("loom_priority", "no_message_is_overlooked"),
    },
    Mutant {
        name: "priority: full is found by the last receive",
        edits: &[edit(
            WORDS,
            1,
            "        let next = self.words.top.next.load(Ordering::Acquire);\n        let len = next.wrapping_sub(self.words.top.taken.load(Ordering::Relaxed));",
            "        let taken = self.words.top.taken.load(Ordering::Acquire);\n        let len = self.words.top.next.load(Ordering::Relaxed).wrapping_sub(taken);",
        )],
        protects: "no place is overlooked",
        caught_by: ("loom_priority", "no_place_is_overlooked"),
    },
    Mutant {
        name: "priority: full, Relaxed",
        edits: &[edit(
            WORDS,
            1,
            "self.words.top.next.load(Ordering::Acquire)",
            "self.words.top.next.load(Ordering::Relaxed)",
        )],
        protects: "the same",
        caught_by: ("loom_priority", "no_place_is_overlooked"),
    },
];
