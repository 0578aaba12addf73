//! The queue.

use super::{Mutant, edit, silence};

const VIEW: &str = "ipc-core/src/queue/handle.rs";
const SEND: &str = "ipc-core/src/queue/send.rs";
const QUEUE_WORDS: &str = "ipc-core/src/queue/words.rs";
const RECEIVE: &str = "ipc-core/src/queue/receive.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "half-done closing left alone",
        edits: &[edit(VIEW, 1, "        if begun && !self.view.ring.is_closed() {", "        if false && begun {")],
        protects: "a closer that dies has closed the queue or not, and everybody agrees",
        caught_by: ("loom_queue", "a_closer_dies"),
    },
    Mutant {
        name: "queue: a message wakes nobody",
        edits: &[silence(SEND, "published", 1)],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_queue", "blocking_hand_over"),
    },
    Mutant {
        name: "queue, receiving quickly: room wakes nobody",
        edits: &[silence(RECEIVE, "pop_first", 1)],
        protects: "a sender that sleeps for room is woken",
        caught_by: ("loom_queue", "a_quick_receive_wakes_a_sender"),
    },
    Mutant {
        name: "queue, receiving slowly: room wakes nobody",
        edits: &[silence(RECEIVE, "pop", 1)],
        protects: "the same",
        caught_by: ("loom_queue", "blocking_hand_over"),
    },
    Mutant {
        name: "queue, a batch: room wakes nobody",
        edits: &[silence(RECEIVE, "pop_slice", 1)],
        protects: "the same",
        caught_by: ("loom_queue", "a_batch_makes_room"),
    },
    Mutant {
        name: "queue, the rest of a batch: room wakes nobody",
        edits: &[silence(RECEIVE, "pop_behind", 1)],
        protects: "the same",
        caught_by: ("loom_queue", "the_rest_of_a_batch_makes_room"),
    },
    Mutant {
        name: "queue: room that the dead leave wakes nobody",
        edits: &[silence(VIEW, "make_room", 1)],
        protects: "the same",
        caught_by: ("loom_queue", "the_room_of_the_dead_is_for_all"),
    },
    Mutant {
        name: "queue: closing wakes no receiver",
        edits: &[silence(VIEW, "close", 1)],
        protects: "closing ends the waits of all sleepers",
        caught_by: ("loom_queue", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "queue: closing wakes no sender",
        edits: &[silence(VIEW, "close", 2)],
        protects: "the same",
        caught_by: ("loom_queue", "closing_ends_a_sender"),
    },
    Mutant {
        name: "queue: a closing that is completed wakes no receiver",
        edits: &[silence(VIEW, "complete_closing", 1)],
        protects: "the same, if the closer died",
        caught_by: ("loom_queue", "a_half_done_closing_wakes_a_receiver"),
    },
    Mutant {
        name: "queue: a closing that is completed wakes no sender",
        edits: &[silence(VIEW, "complete_closing", 2)],
        protects: "the same",
        caught_by: ("loom_queue", "a_half_done_closing_wakes_a_sender"),
    },
    Mutant {
        name: "queue: a sweep wakes no receiver",
        edits: &[silence(QUEUE_WORDS, "sweep", 1)],
        protects: "a sender that died owes nobody a wake-up",
        caught_by: ("loom_queue", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "queue: a sweep wakes no sender",
        edits: &[silence(QUEUE_WORDS, "sweep", 2)],
        protects: "a receiver that died owes nobody a wake-up",
        caught_by: ("loom_queue", "a_sweep_wakes_a_sender"),
    },
];
