//! Broadcast.

use super::{Mutant, edit, silence};

const WORDS: &str = "ipc-core/src/broadcast/words.rs";
const PUBLISH: &str = "ipc-core/src/broadcast/publish.rs";
const SUBSCRIBER: &str = "ipc-core/src/broadcast/subscriber.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "broadcast, tail: Release to Relaxed",
        edits: &[edit(
            PUBLISH,
            1,
            "tail.store(position.wrapping_add(1), Ordering::Release);",
            "tail.store(position.wrapping_add(1), Ordering::Relaxed);",
        )],
        protects: "who sees that a message is there sees the message",
        caught_by: ("loom_broadcast", "nobody_misses_anything"),
    },
    Mutant {
        name: "broadcast, loading tail: Acquire to Relaxed",
        edits: &[edit(
            WORDS,
            1,
            "self.words.front.tail.load(Ordering::Acquire)",
            "self.words.front.tail.load(Ordering::Relaxed)",
        )],
        protects: "the same, from the subscriber's side",
        caught_by: ("loom_broadcast", "nobody_misses_anything"),
    },
    Mutant {
        name: "broadcast: no second look",
        edits: &[edit(
            SUBSCRIBER,
            1,
            "                    if slot[0].load(Ordering::Relaxed) == stamp(*next) {\n                        *next",
            "                    if slot[0].load(Ordering::Relaxed) != 0 {\n                        *next",
        )],
        protects: "what a subscriber gets is whole",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast, publisher: no fence",
        edits: &[edit(PUBLISH, 1, "        fence(Ordering::Release);\n", "")],
        protects: "the same: who has copied a word of a later message finds the stamp changed",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast, subscriber: no fence",
        edits: &[edit(SUBSCRIBER, 1, "                    fence(Ordering::Acquire);\n", "")],
        protects: "the same, from the subscriber's side",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast: who joins does not put the limit back",
        edits: &[edit(SUBSCRIBER, 1, "                self.words.front.limit.store(tail, Ordering::Relaxed);\n", "")],
        protects: "publishers wait for one who begins with older messages",
        caught_by: ("loom_broadcast", "who_joins_late_misses_nothing"),
    },
    Mutant {
        name: "broadcast: the dead are waited for",
        edits: &[edit(
            PUBLISH,
            1,
            "found.ask(platform, holder, |dead| self.sweep(dead, platform));",
            "found.ask(platform, holder, |_| ());",
        )],
        protects: "a dead subscriber holds up nobody",
        caught_by: ("loom_broadcast", "a_subscriber_dies"),
    },
    Mutant {
        name: "broadcast: publishing wakes nobody",
        edits: &[silence(PUBLISH, "publish", 1)],
        protects: "a subscriber that sleeps is woken",
        caught_by: ("loom_broadcast", "sleepers_are_woken"),
    },
    Mutant {
        name: "broadcast: receiving wakes nobody",
        edits: &[silence(SUBSCRIBER, "moved_on", 1)],
        protects: "a publisher that waits for a subscriber is woken",
        caught_by: ("loom_broadcast", "sleepers_are_woken"),
    },
    Mutant {
        name: "broadcast: leaving wakes nobody",
        edits: &[silence(SUBSCRIBER, "unsubscribe", 1)],
        protects: "the same, when the subscriber leaves",
        caught_by: ("loom_broadcast", "a_leaver_wakes_a_publisher"),
    },
    Mutant {
        name: "broadcast: closing and repairing wake no subscriber",
        edits: &[silence(WORDS, "wake_all", 1)],
        protects: "a subscriber that sleeps learns of the end",
        caught_by: ("loom_broadcast", "closing_ends_a_subscriber"),
    },
    Mutant {
        name: "broadcast: closing and repairing wake no publisher",
        edits: &[silence(WORDS, "wake_all", 2)],
        protects: "a publisher that sleeps learns of the end",
        caught_by: ("loom_broadcast", "closing_ends_a_publisher"),
    },
    Mutant {
        name: "broadcast: closing wakes nobody",
        edits: &[silence(WORDS, "close", 1)],
        protects: "sleepers learn of the end",
        caught_by: ("loom_broadcast", "closing_ends_a_subscriber"),
    },
    Mutant {
        name: "broadcast: repairing wakes no subscriber",
        edits: &[silence(WORDS, "sweep", 1)],
        protects: "a subscriber to which a dead publisher owed a wake-up is woken",
        caught_by: ("loom_broadcast", "a_sweep_wakes_a_subscriber"),
    },
    Mutant {
        name: "broadcast: repairing wakes no publisher",
        edits: &[silence(WORDS, "sweep", 2)],
        protects: "a publisher that waits for a dead subscriber is woken",
        caught_by: ("loom_broadcast", "a_sweep_wakes_a_publisher"),
    },
];
