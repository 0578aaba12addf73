//! The one-to-one queue.

use super::{Mutant, edit, silence};

const SPSC_WORDS: &str = "ipc-core/src/spsc/words.rs";
const SPSC_HELD: &str = "ipc-core/src/spsc/held.rs";
const SPSC_LANE: &str = "ipc-core/src/spsc/lane.rs";
const SPSC_PRODUCER: &str = "ipc-core/src/spsc/producer.rs";
const SPSC_CONSUMER: &str = "ipc-core/src/spsc/consumer.rs";
const SPSC_ROLE: &str = "ipc-core/src/spsc/role.rs";
const SPSC_FRONT: &str = "ipc-core/src/spsc/front.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "one-to-one, tail: Release to Relaxed",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "tail.store(self.tail, Ordering::Release);",
            "tail.store(self.tail, Ordering::Relaxed);",
        )],
        protects: "what is there is there as a whole",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, loading tail: Acquire to Relaxed",
        edits: &[edit(
            SPSC_CONSUMER,
            1,
            "let tail = words.position(words.front().tail.load(Ordering::Acquire));",
            "let tail = words.position(words.front().tail.load(Ordering::Relaxed));",
        )],
        protects: "the same, from the consumer's side",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, head: Release to Relaxed",
        edits: &[edit(
            SPSC_CONSUMER,
            1,
            "head().0.store(self.head, Ordering::Release);",
            "head().0.store(self.head, Ordering::Relaxed);",
        )],
        protects: "a place is written again after it was read",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, loading head: Acquire to Relaxed",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "let head = words.position(words.head().0.load(Ordering::Acquire));\n        if",
            "let head = words.position(words.head().0.load(Ordering::Relaxed));\n        if",
        )],
        protects: "the same, from the producer's side",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one: published before the copy",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "        slots.write(self.tail, value);\n        words.front().copy(self.tail, value);\n        self.publish(1);",
            "        words.front().copy(self.tail, value);\n        self.publish(1);\n        slots.write(self.tail.wrapping_sub(1), value);",
        )],
        protects: "what is there is there as a whole",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one: published before the copy beside the index",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "        words.front().copy(self.tail, value);\n        self.publish(1);",
            "        self.publish(1);\n        words.front().copy(self.tail.wrapping_sub(1), value);",
        )],
        protects: "a copy whose position is right is whole",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, writing the copy: Release to Relaxed",
        edits: &[edit(SPSC_FRONT, 1, "&self.copy, Ordering::Release", "&self.copy, Ordering::Relaxed")],
        protects: "who reads a part of a later copy finds its position, too",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, reading the copy: Acquire to Relaxed",
        edits: &[edit(SPSC_FRONT, 1, "value, Ordering::Acquire", "value, Ordering::Relaxed")],
        protects: "the same, from the consumer's side",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one: any copy passes for the element's",
        edits: &[edit(SPSC_FRONT, 1, "self.at.load(Ordering::Relaxed) == at", "at == at")],
        protects: "a copy is taken only for the element that it is of",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one: a dead producer's copy is not withdrawn",
        edits: &[edit(SPSC_HELD, 1, "                words.front.withdraw(tail);\n", "")],
        protects: "a part of a copy is taken for none of the successor's elements",
        caught_by: ("loom_spsc", "a_producer_dies"),
    },
    Mutant {
        name: "one-to-one: freed before the copy",
        edits: &[edit(
            SPSC_CONSUMER,
            1,
            "        slots.prefetch(self.head, self.there(), Intent::Read);\n        self.free(1);\n",
            "        self.free(1);\n        slots.read(self.head.wrapping_sub(1), &mut value);\n",
        )],
        protects: "a place is written again after it was read",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one: a batch in two steps",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "        self.publish(count as u64);\n        count",
            "        self.publish(1);\n        self.publish(count as u64 - 1);\n        count",
        )],
        protects: "a batch is there as a whole or not at all",
        caught_by: ("loom_spsc", "batches_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, claiming an end: Acquire to Relaxed",
        edits: &[edit(
            SPSC_ROLE,
            1,
            "mine, Ordering::Acquire, Ordering::Relaxed",
            "mine, Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "the next holder goes on where the last one stopped",
        caught_by: ("loom_spsc", "producers_change"),
    },
    Mutant {
        name: "one-to-one, leaving an end: Release to Relaxed",
        edits: &[edit(
            SPSC_ROLE,
            1,
            "SEEN, Ordering::Release, Ordering::Relaxed",
            "SEEN, Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "the same",
        caught_by: ("loom_spsc", "producers_change"),
    },
    Mutant {
        name: "one-to-one, taking an end from the dead: AcqRel to Relaxed",
        edits: &[edit(
            SPSC_ROLE,
            1,
            "SEEN, Ordering::AcqRel, Ordering::Relaxed",
            "SEEN, Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "the same, after a death",
        caught_by: ("loom_spsc", "a_dead_producer_is_found_by_somebody_else"),
    },
    Mutant {
        name: "one-to-one: an end is taken from the living",
        edits: &[
            edit(
                SPSC_ROLE,
                1,
                "Err(NotSeized::NotNow) => return Err(ClaimErrorKind::Held { pid: platform.process_id(holder) }),",
                "Err(NotSeized::NotNow) => {}",
            ),
            edit(SPSC_ROLE, 1, "                continue;\n", ""),
        ],
        protects: "an end has one holder",
        caught_by: ("loom_spsc", "an_end_has_one_holder"),
    },
    Mutant {
        name: "one-to-one, checking whether it is closed: Acquire to Relaxed",
        edits: &[edit(
            SPSC_WORDS,
            1,
            "self.gates.closed.load(Ordering::Acquire) != 0",
            "self.gates.closed.load(Ordering::Relaxed) != 0",
        )],
        protects: "what was sent before the end is received before it",
        caught_by: ("loom_spsc", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "one-to-one: no second check of the end",
        edits: &[edit(SPSC_CONSUMER, 1, "if tail == self.head { Err(why) } else { Ok(tail) }", "Err(why)")],
        protects: "the same",
        caught_by: ("loom_spsc", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "one-to-one, checking whether an end is left: Acquire to Relaxed",
        edits: &[edit(
            SPSC_ROLE,
            1,
            "        let seen = self.0.load(Ordering::Acquire);\n        seen & SEEN",
            "        let seen = self.0.load(Ordering::Relaxed);\n        seen & SEEN",
        )],
        protects: "what was sent before the producer left is received",
        caught_by: ("loom_spsc", "nothing_is_behind_a_producer_that_left"),
    },
    Mutant {
        name: "one-to-one: leaving wakes nobody",
        edits: &[silence(SPSC_LANE, "release", 1)],
        protects: "who waits learns of the end",
        caught_by: ("loom_spsc", "sleepers_are_woken"),
    },
    Mutant {
        name: "one-to-one: a message wakes nobody",
        edits: &[silence(SPSC_PRODUCER, "publish", 1)],
        protects: "a consumer that sleeps is woken",
        caught_by: ("loom_spsc", "sleepers_are_woken"),
    },
    Mutant {
        name: "one-to-one: room wakes nobody",
        edits: &[silence(SPSC_CONSUMER, "free", 1)],
        protects: "a producer that sleeps is woken",
        caught_by: ("loom_spsc", "sleepers_are_woken"),
    },
    Mutant {
        name: "one-to-one: closing and repairing wake no consumer",
        edits: &[silence(SPSC_WORDS, "wake_both", 1)],
        protects: "who waits learns of the end",
        caught_by: ("loom_spsc", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "one-to-one: closing and repairing wake no producer",
        edits: &[silence(SPSC_WORDS, "wake_both", 2)],
        protects: "the same, of the producer",
        caught_by: ("loom_spsc", "closing_ends_a_sender"),
    },
    Mutant {
        name: "one-to-one: closing wakes nobody",
        edits: &[silence(SPSC_WORDS, "close", 1)],
        protects: "the same",
        caught_by: ("loom_spsc", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "one-to-one: repairing wakes no consumer",
        edits: &[silence(SPSC_WORDS, "sweep", 1)],
        protects: "a consumer that sleeps learns of its producer's death",
        caught_by: ("loom_spsc", "a_sweep_wakes_the_consumer"),
    },
    Mutant {
        name: "one-to-one: repairing wakes no producer",
        edits: &[silence(SPSC_WORDS, "sweep", 2)],
        protects: "a producer that sleeps learns of its consumer's death",
        caught_by: ("loom_spsc", "a_sweep_wakes_the_producer"),
    },
    Mutant {
        name: "one-to-one: claiming wakes nobody",
        edits: &[silence(SPSC_HELD, "claim", 1)],
        protects: "who waits for the other end to come is woken",
        caught_by: ("loom_spsc", "a_claim_wakes_the_other_end"),
    },
];
