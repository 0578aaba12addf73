//! The duplex.

use super::{Mutant, edit, silence};

const DUPLEX_END: &str = "ipc-core/src/duplex/end.rs";
const DUPLEX_ENDS: &str = "ipc-core/src/duplex/ends.rs";
const DUPLEX_WORDS: &str = "ipc-core/src/duplex/words.rs";
const DUPLEX_FRAMES: &str = "ipc-core/src/duplex/frames.rs";
const SPSC_CONSUMER: &str = "ipc-core/src/spsc/consumer.rs";
const SPSC_FRAMES: &str = "ipc-core/src/spsc/frames.rs";
const SPSC_PRODUCER: &str = "ipc-core/src/spsc/producer.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "duplex, claiming an end: Acquire to Relaxed",
        edits: &[edit(
            DUPLEX_ENDS,
            1,
            "let seen = self.load(Ordering::Acquire);",
            "let seen = self.load(Ordering::Relaxed);",
        )],
        protects: "who comes knows what those that have left sent",
        caught_by: ("loom_duplex", "nothing_is_behind_an_end_that_left"),
    },
    Mutant {
        name: "duplex, leaving an end: Release to Relaxed",
        edits: &[edit(
            DUPLEX_ENDS,
            1,
            "to.0, Ordering::Release, Ordering::Relaxed).is_ok() {\n                return true;",
            "to.0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {\n                return true;",
        )],
        protects: "what was sent before an end is left is received before the end",
        caught_by: ("loom_duplex", "nothing_is_behind_an_end_that_left"),
    },
    Mutant {
        name: "duplex, leaving an end: one half after the other",
        edits: &[edit(DUPLEX_END, 1, "&[End::Producer, End::Consumer], self.start", "&[End::Producer], self.start")],
        protects: "who finds the end of what is sent cannot send any more",
        caught_by: ("loom_duplex", "an_end_leaves_as_a_whole"),
    },
    Mutant {
        name: "duplex, leaving an end: in whatever session",
        edits: &[edit(
            DUPLEX_ENDS,
            1,
            "seen.holder(side) != Some(me) || seen.start() != start",
            "seen.holder(side) != Some(me)",
        )],
        protects: "the end of another thread that has come in the next session",
        caught_by: ("loom_duplex", "an_end_leaves_its_own_session"),
    },
    Mutant {
        name: "duplex, taking an end from the dead: Release to Relaxed",
        edits: &[edit(
            DUPLEX_ENDS,
            1,
            "to == seen || self.0.compare_exchange(seen.0, to.0, Ordering::Release",
            "to == seen || self.0.compare_exchange(seen.0, to.0, Ordering::Relaxed",
        )],
        protects: "the same, after a death",
        caught_by: ("loom_duplex", "a_dead_client_is_found_by_somebody_else"),
    },
    Mutant {
        name: "duplex, looking who holds the ends: Acquire to Relaxed",
        edits: &[edit(
            DUPLEX_WORDS,
            1,
            "self.gates.ends.load(Ordering::Acquire)",
            "self.gates.ends.load(Ordering::Relaxed)",
        )],
        protects: "the same, from the other side",
        caught_by: ("loom_duplex", "nothing_is_behind_an_end_that_left"),
    },
    Mutant {
        name: "duplex, asking whether the other end is deserted: Acquire to Relaxed",
        edits: &[edit(
            DUPLEX_ENDS,
            1,
            "Ok(self.load(Ordering::Acquire).is_over(side, half))",
            "Ok(self.load(Ordering::Relaxed).is_over(side, half))",
        )],
        protects: "the same, in a wait",
        caught_by: ("loom_duplex", "a_wait_ends_behind_the_last_message"),
    },
    Mutant {
        name: "duplex: a wait ends without a second look",
        edits: &[edit(SPSC_CONSUMER, 1, "Some(why) => look_again(why),", "Some(why) => Attempt::Done(Err(why)),")],
        protects: "the same",
        caught_by: ("loom_duplex", "a_wait_ends_behind_the_last_message"),
    },
    Mutant {
        name: "duplex: a wait that finds a dead one ends without a second look",
        edits: &[edit(
            SPSC_CONSUMER,
            1,
            "|| look_again(Refused::Disconnected)),",
            "|| Attempt::Done(Err(Refused::Disconnected))),",
        )],
        protects: "the same",
        caught_by: ("loom_duplex", "a_wait_ends_behind_the_last_message"),
    },
    Mutant {
        name: "duplex: who comes late gets a new session",
        edits: &[edit(DUPLEX_ENDS, 1, "if waits(side.other()) || ", "if ")],
        protects: "what one has sent that left before the other came is received",
        caught_by: ("loom_duplex", "nothing_is_behind_an_end_that_left"),
    },
    Mutant {
        name: "duplex: a successor does not wait for a reader",
        edits: &[edit(DUPLEX_ENDS, 1, "        if waits(side) {", "        if false {")],
        protects: "the same, where the next one comes first",
        caught_by: ("loom_duplex", "places_are_written_after_the_last_session_has_read_them"),
    },
    Mutant {
        name: "duplex: an old position counts",
        edits: &[edit(DUPLEX_WORDS, 1, "loaded.max(self.start)", "loaded")],
        protects: "a session begins with nothing of the one before",
        caught_by: ("loom_duplex", "a_new_session_begins_empty"),
    },
    Mutant {
        name: "duplex: a new session has the number of the last one",
        edits: &[edit(DUPLEX_ENDS, 1, ".max(self.number()) + 1;", ".max(self.number());")],
        protects: "the same",
        caught_by: ("loom_duplex", "a_new_session_begins_empty"),
    },
    Mutant {
        name: "duplex: a claim is taken back although somebody has come",
        edits: &[edit(DUPLEX_ENDS, 1, "            && !seen.came(side.other())\n            &&", "            &&")],
        protects: "who has come to a living holder is not left alone",
        caught_by: ("loom_duplex", "a_claim_is_taken_back"),
    },
    Mutant {
        name: "duplex: a claim that runs out of time stays",
        edits: &[edit(
            DUPLEX_WORDS,
            1,
            "self.gates.ends.withdraw(side, platform.me())",
            "self.gates.ends.load(Ordering::Relaxed).came(side)",
        )],
        protects: "the end is free for the next one",
        caught_by: ("loom_duplex", "a_claim_is_taken_back"),
    },
    Mutant {
        name: "duplex: claiming wakes nobody",
        edits: &[edit(DUPLEX_WORDS, 1, "        self.stir(platform);\n        Ok(start)", "        Ok(start)")],
        protects: "who waits for somebody to come is woken",
        caught_by: ("loom_duplex", "those_that_meet_wait_for_each_other"),
    },
    Mutant {
        name: "duplex: leaving wakes nobody",
        edits: &[edit(DUPLEX_WORDS, 1, "self.stir(platform);\n        }\n    }", "}\n    }")],
        protects: "who waits learns of the end",
        caught_by: ("loom_duplex", "leaving_wakes_a_server"),
    },
    Mutant {
        name: "duplex: claiming and leaving wake nobody",
        edits: &[silence(DUPLEX_WORDS, "stir", 1)],
        protects: "the same",
        caught_by: ("loom_duplex", "leaving_wakes_a_server"),
    },
    Mutant {
        name: "duplex: repairing wakes nobody",
        edits: &[silence(DUPLEX_WORDS, "sweep", 1)],
        protects: "who waits learns of a death",
        caught_by: ("loom_duplex", "a_sweep_wakes_a_receiving_server"),
    },
    Mutant {
        name: "duplex: those that wait for an end are forgotten",
        edits: &[edit(DUPLEX_WORDS, 1, "[&self.claims, &self.there_items", "[&self.there_items, &self.there_items")],
        protects: "who waits for somebody to come is woken",
        caught_by: ("loom_duplex", "those_that_meet_wait_for_each_other"),
    },
    Mutant {
        name: "duplex: a server that receives is forgotten",
        edits: &[edit(DUPLEX_WORDS, 1, "&self.claims, &self.there_items", "&self.claims, &self.claims")],
        protects: "who waits learns of a death, and of the end",
        caught_by: ("loom_duplex", "a_sweep_wakes_a_receiving_server"),
    },
    Mutant {
        name: "duplex: a client that sends is forgotten",
        edits: &[edit(DUPLEX_WORDS, 1, "&self.there_space, &self.back_items", "&self.claims, &self.back_items")],
        protects: "the same",
        caught_by: ("loom_duplex", "a_sweep_wakes_a_sending_client"),
    },
    Mutant {
        name: "duplex: a client that receives is forgotten",
        edits: &[edit(DUPLEX_WORDS, 1, "&self.back_items, &self.back_space]", "&self.claims, &self.back_space]")],
        protects: "the same",
        caught_by: ("loom_duplex", "a_sweep_wakes_a_receiving_client"),
    },
    Mutant {
        name: "duplex: a server that sends is forgotten",
        edits: &[edit(DUPLEX_WORDS, 1, "&self.back_items, &self.back_space]", "&self.back_items, &self.claims]")],
        protects: "the same",
        caught_by: ("loom_duplex", "a_sweep_wakes_a_sending_server"),
    },
    Mutant {
        name: "duplex of values: a value has two steps",
        edits: &[
            edit(
                SPSC_FRAMES,
                1,
                "write_slice(self.tail, first);",
                "write_slice(self.tail, first);\n        self.publish(first.len() as u64);",
            ),
            edit(SPSC_FRAMES, 1, "self.tail.wrapping_add(first.len() as u64), second", "self.tail, second"),
            edit(SPSC_FRAMES, 1, "self.publish(count as u64);", "self.publish(second.len() as u64);"),
        ],
        protects: "a value that fits is received whole, or nothing of it is",
        caught_by: ("loom_value_duplex", "a_sender_dies"),
    },
    Mutant {
        name: "duplex of values: room for a part is enough",
        edits: &[edit(SPSC_PRODUCER, 1, "used if capacity - used >= needed =>", "used if capacity > used =>")],
        protects: "what was sent before is not written over",
        caught_by: ("loom_value_duplex", "a_value_waits_for_all_of_its_room"),
    },
    Mutant {
        name: "duplex of values: a part of a value is the end",
        edits: &[edit(DUPLEX_FRAMES, 1, "if self.told > 0 && !self.lost =>", "if self.lost =>")],
        protects: "who waits for a value learns that it was cut off",
        caught_by: ("loom_value_duplex", "a_part_of_a_value_is_cut_off"),
    },
];
