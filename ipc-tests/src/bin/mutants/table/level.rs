//! The queue with levels.

use super::{Mutant, edit, silence};

const RECEIVE: &str = "ipc-core/src/level/receive.rs";
const SEND: &str = "ipc-core/src/level/send.rs";
const HANDLE: &str = "ipc-core/src/level/handle.rs";
const WORDS: &str = "ipc-core/src/level/words.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "levels, receive: `Empty` without a second check of the heads",
        edits: &[edit(RECEIVE, 1, "if self.view.are_heads(&heads) {", "if self.view.are_heads(&heads) || true {")],
        protects: "it was empty at one instant",
        caught_by: ("loom_levels", "it_is_not_empty"),
    },
    Mutant {
        name: "levels, receive: lower levels go before messages behind a dead sender",
        edits: &[edit(
            RECEIVE,
            1,
            "Err(Refused::Busy) => match self.pop_held_up(level, out) {",
            "Err(Refused::Busy) => match Err(Refused::Busy) {",
        )],
        protects: "messages behind a dead sender do not wait for lower levels",
        caught_by: ("loom_levels", "a_sender_dies"),
    },
    Mutant {
        name: "levels, receive: the lowest level first",
        edits: &[edit(RECEIVE, 1, "self.rings().iter().enumerate() {", "self.rings().iter().enumerate().rev() {")],
        protects: "higher levels are received first",
        caught_by: ("loom_levels", "higher_levels_first"),
    },
    Mutant {
        name: "levels, closing: not completed by others",
        edits: &[edit(
            HANDLE,
            1,
            "if begun && self.view.close() {",
            "if begun && self.view.geometry.levels == 0 && self.view.close() {",
        )],
        protects: "a closing whose author dies between two levels is finished",
        caught_by: ("loom_levels", "a_closer_dies"),
    },
    Mutant {
        name: "levels, closing: the rest is left when a level is closed already",
        edits: &[edit(
            WORDS,
            1,
            "self.rings().fold(false, |was_open, ring| ring.close() | was_open)",
            "self.rings().take_while(|ring| ring.close()).count() != 0",
        )],
        protects: "a closing whose author dies between two levels is finished",
        caught_by: ("loom_levels", "a_closer_dies"),
    },
    Mutant {
        name: "levels, room: the senders of the highest level are woken",
        edits: &[edit(RECEIVE, 1, "self.view.space(level).notify(", "self.view.space(0).notify(")],
        protects: "a sender of the level that has room is woken",
        caught_by: ("loom_levels", "a_sender_sleeps_for_its_level"),
    },
    Mutant {
        name: "levels, room: a sender sleeps where those of the highest level do",
        edits: &[edit(SEND, 1, "(self.view.space(level), self.view", "(self.view.space(0), self.view")],
        protects: "a sender of the level that has room is woken",
        caught_by: ("loom_levels", "a_sender_sleeps_for_its_level"),
    },
    Mutant {
        name: "levels, end: the senders of the highest level are told",
        edits: &[edit(
            WORDS,
            1,
            "Role::Sender => self.levels.iter().for_each(",
            "Role::Sender => self.levels.iter().take(1).for_each(",
        )],
        protects: "senders of all levels are told of the end",
        caught_by: ("loom_levels", "a_sleeping_sender_is_told_of_the_end"),
    },
    Mutant {
        name: "levels, room: no sender is woken",
        edits: &[silence(RECEIVE, "freed", 1)],
        protects: "a sender of the level that has room is woken",
        caught_by: ("loom_levels", "a_sender_sleeps_for_its_level"),
    },
    Mutant {
        name: "levels, send: no receiver is woken",
        edits: &[silence(SEND, "push", 1)],
        protects: "a message of any level wakes a receiver",
        caught_by: ("loom_levels", "a_receiver_sleeps"),
    },
    Mutant {
        name: "levels, end: no sender is told",
        edits: &[silence(WORDS, "tell", 1)],
        protects: "senders of all levels are told of the end",
        caught_by: ("loom_levels", "a_sleeping_sender_is_told_of_the_end"),
    },
    Mutant {
        name: "levels, end: no receiver is told",
        edits: &[silence(WORDS, "tell", 2)],
        protects: "receivers that sleep are told of the end",
        caught_by: ("loom_levels", "a_sleeper_is_told_of_the_end"),
    },
    Mutant {
        name: "levels: a sweep wakes no receiver",
        edits: &[silence(WORDS, "sweep", 1)],
        protects: "what a dead sender has sent wakes a receiver",
        caught_by: ("loom_levels", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "levels: a sweep wakes no sender",
        edits: &[silence(WORDS, "sweep", 2)],
        protects: "the room that a dead receiver has made wakes a sender",
        caught_by: ("loom_levels", "a_sweep_wakes_a_sender"),
    },
    Mutant {
        name: "levels: a sweep repairs the highest level",
        edits: &[edit(
            WORDS,
            1,
            "self.rings().map(|ring| ring.sweep(dead)).sum()",
            "self.rings().take(1).map(|ring| ring.sweep(dead)).sum()",
        )],
        protects: "a dead sender holds up no level",
        caught_by: ("loom_levels", "a_sweep_wakes_a_receiver"),
    },
];
