//! The lock-free ring.

use super::{Mutant, edit};

const SYNC: &str = "ipc-core/src/sync.rs";
const POP: &str = "ipc-core/src/ring/pop.rs";
const RING: &str = "ipc-core/src/ring/ring.rs";
const RECOVERY: &str = "ipc-core/src/ring/recovery.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "publish: Release to Relaxed",
        edits: &[edit(SYNC, 1, "word.swap(value, Ordering::Release);", "word.swap(value, Ordering::Relaxed);")],
        protects: "a slot that is full shows its whole message",
        caught_by: ("loom_ring", "one_producer_one_consumer_one_slot"),
    },
    Mutant {
        name: "pop, stamp: Acquire to Relaxed",
        edits: &[
            edit(
                POP,
                1,
                "        let stamp = Stamp(word.load(Ordering::Acquire));\n        if !stamp",
                "        let stamp = Stamp(word.load(Ordering::Relaxed));\n        if !stamp",
            ),
            edit(
                POP,
                1,
                "            let stamp = Stamp(word.load(Ordering::Acquire));\n            let ahead",
                "            let stamp = Stamp(word.load(Ordering::Relaxed));\n            let ahead",
            ),
        ],
        protects: "the same, from the consumer's side",
        caught_by: ("loom_ring", "one_producer_one_consumer_one_slot"),
    },
    Mutant {
        name: "publish before the copy",
        edits: &[edit(
            RING,
            1,
            "        payload::store(value, cells);\n        // \"publish\"\n        sync::publish(stamp, Stamp::new(at, Some(me), SlotState::Full).0);",
            "        sync::publish(stamp, Stamp::new(at, Some(me), SlotState::Full).0);\n        payload::store(value, cells);",
        )],
        protects: "the same",
        caught_by: ("loom_ring", "one_producer_one_consumer_one_slot"),
    },
    Mutant {
        name: "copy after the compare-exchange",
        edits: &[edit(
            POP,
            1,
            "            Ok(_) => {\n                self.prefetch_published(at.next(), stride);\n",
            "            Ok(_) => {\n                payload::load_into(cells, out);\n",
        )],
        protects: "the producer of the next lap does not write what is still being read",
        caught_by: ("loom_ring", "one_producer_two_consumers_wrap_around"),
    },
    Mutant {
        name: "ticket: AcqRel to Acquire",
        edits: &[
            edit(
                RING,
                1,
                "compare_exchange(tail.0, claimed, Ordering::AcqRel, Ordering::Relaxed)",
                "compare_exchange(tail.0, claimed, Ordering::Acquire, Ordering::Relaxed)",
            ),
            edit(
                RING,
                1,
                "compare_exchange_weak(tail.0, claimed, Ordering::AcqRel, Ordering::Acquire)",
                "compare_exchange_weak(tail.0, claimed, Ordering::Acquire, Ordering::Acquire)",
            ),
        ],
        protects: "with a new tail comes the mark of every slot before its newest (I1)",
        caught_by: ("loom_ring", "the_blocker_is_named"),
    },
    Mutant {
        name: "no mark of the slot before",
        edits: &[edit(
            RING,
            1,
            "(lag < 0 && !self.mark_batch(before, tail.owner()))",
            "(lag < 0 && { let _ = Self::mark_batch; false })",
        )],
        protects: "an unfinished ticket names its owner (I1)",
        caught_by: ("loom_death", "a_producer_dies_beside_another"),
    },
    Mutant {
        name: "room: head Acquire to Relaxed",
        edits: &[edit(
            RING,
            1,
            "        // Acquire, \"free\": the consumers have read the cells before `head`.\n        let head = Position::of(self.head.load(Ordering::Acquire));",
            "        let head = Position::of(self.head.load(Ordering::Relaxed));",
        )],
        protects: "a slot is overwritten only after it was read",
        caught_by: ("loom_ring", "two_producers_one_consumer"),
    },
    Mutant {
        name: "room: off by one",
        edits: &[edit(
            RING,
            1,
            "        if (0..capacity).contains(&ahead) {",
            "        if (0..=capacity).contains(&ahead) {",
        )],
        protects: "a ring holds no more than its capacity",
        caught_by: ("loom_ring", "full_is_full"),
    },
    Mutant {
        name: "hint of the tail: Release to Relaxed",
        edits: &[edit(
            RING,
            3,
            "hints.tail.store(claimed, Ordering::Release);",
            "hints.tail.store(claimed, Ordering::Relaxed);",
        )],
        protects: "threads that share a handle: the slot before is published",
        caught_by: ("loom_ring", "a_push_after_another_threads_is_visible"),
    },
    Mutant {
        name: "peek without its compare-exchange",
        edits: &[edit(
            POP,
            1,
            "self.head.compare_exchange(head, head, Ordering::AcqRel, Ordering::Relaxed).ok().map(|_| value)",
            "Some(value)",
        )],
        protects: "a peek is whole",
        caught_by: ("loom_ring", "peek_is_whole"),
    },
    Mutant {
        name: "close: a flag that nobody's ticket checks",
        edits: &[edit(RING, 1, "            if tail.is_closed() {", "            if false {")],
        protects: "no ticket is taken after the closing",
        caught_by: ("loom_ring", "closing_is_one_step"),
    },
    Mutant {
        name: "repair without the newest ticket",
        edits: &[edit(
            RECOVERY,
            1,
            "        if tail.owner() == Some(who) {",
            "        if false && tail.owner() == Some(who) {",
        )],
        protects: "a producer that died right after it took a ticket holds up nobody, not even the end",
        caught_by: ("loom_death", "a_producer_dies_before_the_end"),
    },
    Mutant {
        name: "repair without the walk",
        edits: &[edit(RECOVERY, 1, "        for _ in 0..tickets {", "        for _ in 0..tickets.min(0) {")],
        protects: "the same, once another producer has marked the slot",
        caught_by: ("loom_death", "a_producer_dies_beside_another"),
    },
    Mutant {
        name: "batch: only its last ticket is marked",
        edits: &[edit(RING, 1, "        let mut at = self.first_unstamped(last);\n", "        let mut at = last;\n")],
        protects: "the owner of each ticket of a batch can be found out",
        caught_by: ("loom_death", "a_marker_of_a_batch_dies"),
    },
    Mutant {
        name: "batch: only its last ticket is given up",
        edits: &[edit(
            RECOVERY,
            1,
            "            let mut at = self.first_unstamped(newest);",
            "            let mut at = newest;",
        )],
        protects: "all that a dead producer left is passed over",
        caught_by: ("loom_death", "a_repairer_of_a_batch_dies"),
    },
    Mutant {
        name: "batch, marks in descending order",
        edits: &[
            edit(
                RING,
                1,
                "        let mut at = self.first_unstamped(last);\n",
                "        let mut at = last;\n        let end = self.first_unstamped(last);\n",
            ),
            edit(
                RING,
                1,
                "                if at == last {\n                    return true;\n                }\n                at = at.next();",
                "                if at == end {\n                    return true;\n                }\n                at = at.previous();",
            ),
        ],
        protects: "who finds the last one marked may go on",
        caught_by: ("loom_death", "a_marker_of_a_batch_dies"),
    },
    Mutant {
        name: "batch, taking several: Acquire to Relaxed",
        edits: &[edit(
            POP,
            1,
            "if !Stamp(word.load(Ordering::Acquire)).is_full_at(next) {",
            "if !Stamp(word.load(Ordering::Relaxed)).is_full_at(next) {",
        )],
        protects: "a slot that is full shows its whole message",
        caught_by: ("loom_ring", "batches_wrap_around"),
    },
    Mutant {
        name: "batch: published before the room is known",
        edits: &[edit(RING, 1, "            let count = room.min(wanted).max(1);", "            let count = wanted;")],
        protects: "no message is written over another",
        caught_by: ("loom_ring", "batches_wrap_around"),
    },
];
