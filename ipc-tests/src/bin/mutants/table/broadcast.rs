//! Broadcast.

use super::{Mutant, edit};

const BROADCAST: &str = "ipc-core/src/broadcast/raw.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "broadcast, tail: Release to Relaxed",
        edits: &[edit(
            BROADCAST,
            1,
            "tail.store(position.wrapping_add(1), Ordering::Release);",
            "tail.store(position.wrapping_add(1), Ordering::Relaxed);",
        )],
        protects: "who sees that a message is there sees the message",
        caught_by: ("loom_broadcast", "nobody_misses_anything"),
    },
    Mutant {
        name: "broadcast, looking at tail: Acquire to Relaxed",
        edits: &[edit(
            BROADCAST,
            1,
            "self.front.tail.load(Ordering::Acquire)",
            "self.front.tail.load(Ordering::Relaxed)",
        )],
        protects: "the same, from the subscriber's side",
        caught_by: ("loom_broadcast", "nobody_misses_anything"),
    },
    Mutant {
        name: "broadcast: no second look",
        edits: &[edit(
            BROADCAST,
            1,
            "                    if slot[0].load(Ordering::Relaxed) == stamp(*next) {\n                        *next",
            "                    if slot[0].load(Ordering::Relaxed) != 0 {\n                        *next",
        )],
        protects: "what a subscriber gets is whole",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast, publisher: no fence",
        edits: &[edit(BROADCAST, 1, "        fence(Ordering::Release);\n", "")],
        protects: "the same: who has copied a word of a later message finds the stamp changed",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast, subscriber: no fence",
        edits: &[edit(BROADCAST, 1, "                    fence(Ordering::Acquire);\n", "")],
        protects: "the same, from the subscriber's side",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast: who joins does not put the limit back",
        edits: &[edit(BROADCAST, 1, "                self.raw.front.limit.store(tail, Ordering::Relaxed);\n", "")],
        protects: "publishers wait for one who begins with older messages",
        caught_by: ("loom_broadcast", "who_joins_late_misses_nothing"),
    },
    Mutant {
        name: "broadcast: the dead are waited for",
        edits: &[edit(
            BROADCAST,
            1,
            "                self.sweep(seized.dead(), platform);\n                found = true;",
            "                let _ = seized.dead();\n                found = true;",
        )],
        protects: "a dead subscriber holds up nobody",
        caught_by: ("loom_broadcast", "a_subscriber_dies"),
    },
];
