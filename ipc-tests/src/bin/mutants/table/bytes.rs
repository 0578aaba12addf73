//! The byte queue.

use super::{Mutant, edit, silence};

const BYTES: &str = "ipc-core/src/bytes/words.rs";
const RECEIVE: &str = "ipc-core/src/bytes/receive.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "bytes, tail: Release to Relaxed",
        edits: &[edit(
            BYTES,
            1,
            "// Release, \"message\".\n            index.0.store(end, Ordering::Release);",
            "// Release, \"message\".\n            index.0.store(end, Ordering::Relaxed);",
        )],
        protects: "what is there is there as a whole",
        caught_by: ("loom_bytes", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "bytes, loading tail: Acquire to Relaxed",
        edits: &[edit(
            BYTES,
            1,
            "let now = tail.index.0.load(Ordering::Acquire);",
            "let now = tail.index.0.load(Ordering::Relaxed);",
        )],
        protects: "the same, from the receivers' side",
        caught_by: ("loom_bytes", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "bytes, head: Release to Relaxed",
        edits: &[edit(
            BYTES,
            1,
            "// Release, \"free\".\n            index.0.store(end, Ordering::Release);",
            "// Release, \"free\".\n            index.0.store(end, Ordering::Relaxed);",
        )],
        protects: "a place is written again after it was read",
        caught_by: ("loom_bytes", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "bytes, loading head: Acquire to Relaxed",
        edits: &[edit(
            BYTES,
            1,
            "let now = head.index.0.load(Ordering::Acquire);",
            "let now = head.index.0.load(Ordering::Relaxed);",
        )],
        protects: "the same, from the senders' side",
        caught_by: ("loom_bytes", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "bytes: the end without the senders' lock",
        edits: &[edit(
            BYTES,
            1,
            "        match Turn::take(&self.words.tail.lock, platform, patience) {",
            "        match Ok::<(), Refused>(drop((platform, patience))) {",
        )],
        protects: "nothing is behind the end",
        caught_by: ("loom_bytes", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "bytes: a message wakes nobody",
        edits: &[silence(BYTES, "send", 1)],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_bytes", "blocking_hand_over"),
    },
    Mutant {
        name: "bytes: who has no room for a message wakes nobody",
        edits: &[silence(RECEIVE, "too_long", 1)],
        protects: "a receiver with room is woken for it",
        caught_by: ("loom_bytes", "a_receiver_without_room_passes_the_wake_up_on"),
    },
    Mutant {
        name: "bytes: room wakes nobody",
        edits: &[silence(BYTES, "receive", 1)],
        protects: "a sender that sleeps is woken",
        caught_by: ("loom_bytes", "blocking_hand_over"),
    },
    Mutant {
        name: "bytes: room wakes one sender",
        edits: &[edit(
            BYTES,
            1,
            "        gates.space.notify_all(platform);\n        Ok(len)",
            "        gates.space.notify(platform, || 1);\n        Ok(len)",
        )],
        protects: "a long message makes room for several short ones",
        caught_by: ("loom_bytes", "room_for_two_senders"),
    },
    Mutant {
        name: "bytes: closing wakes no receiver",
        edits: &[silence(BYTES, "wake_all", 1)],
        protects: "closing ends a receiver that sleeps",
        caught_by: ("loom_bytes", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "bytes: closing wakes no sender",
        edits: &[silence(BYTES, "wake_all", 2)],
        protects: "closing ends a sender that sleeps",
        caught_by: ("loom_bytes", "closing_ends_a_sender"),
    },
    Mutant {
        name: "bytes: a sweep wakes no receiver",
        edits: &[silence(BYTES, "sweep", 1)],
        protects: "a receiver whose sender died before it woke anybody is woken",
        caught_by: ("loom_bytes", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "bytes: a sweep wakes no sender",
        edits: &[silence(BYTES, "sweep", 2)],
        protects: "a sender whose receiver died before it woke anybody is woken",
        caught_by: ("loom_bytes", "a_sweep_wakes_a_sender"),
    },
    Mutant {
        name: "bytes: closing wakes nobody",
        edits: &[silence(BYTES, "close", 1)],
        protects: "closing ends the waits of all sleepers",
        caught_by: ("loom_bytes", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "bytes: a count that a death has left behind is not repaired",
        edits: &[edit(BYTES, 1, "{ counted } else { counted.wrapping_add(1) }", "{ counted } else { counted }")],
        protects: "the number of messages is right after a death",
        caught_by: ("loom_bytes", "a_sender_dies"),
    },
];
