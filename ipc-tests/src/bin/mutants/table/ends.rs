//! The counted ends of queues.

use super::{Mutant, edit, silence};

const HALF: &str = "ipc-core/src/ends/half.rs";
const PRESENCE: &str = "ipc-core/src/ends/presence.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "ends: the last sender wakes nobody",
        edits: &[silence(HALF, "tell", 1)],
        protects: "a receiver half learns that no sender is left",
        caught_by: ("loom_queue", "the_last_sender_leaves"),
    },
    Mutant {
        name: "ends: the last receiver wakes nobody",
        edits: &[silence(HALF, "tell", 1)],
        protects: "a sender half learns that no receiver is left",
        caught_by: ("loom_bytes", "the_last_receiver_leaves"),
    },
    Mutant {
        name: "ends: who leaves wakes its own end",
        edits: &[edit(HALF, 1, "self.object.tell(role.other())", "self.object.tell(role)")],
        protects: "the same",
        caught_by: ("loom_bytes", "the_last_sender_leaves"),
    },
    Mutant {
        name: "ends, leaving: Release to Relaxed",
        edits: &[edit(
            PRESENCE,
            1,
            "self.words[word].fetch_and(!bit, Ordering::Release);",
            "self.words[word].fetch_and(!bit, Ordering::Relaxed);",
        )],
        protects: "what a sender did before it left happens-before its receivers learn of the end",
        caught_by: ("loom_bytes", "who_learns_of_the_end_sees_what_was_before"),
    },
];
