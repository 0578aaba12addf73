//! The queue with levels.

use super::{Mutant, edit};

const RECEIVE: &str = "ipc-core/src/level/receive.rs";
const HANDLE: &str = "ipc-core/src/level/handle.rs";
const WORDS: &str = "ipc-core/src/level/words.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "levels, receive: `Empty` without a second look at the heads",
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
        edits: &[edit(RECEIVE, 1, "fair != 0 &&", "fair != 1 ||")],
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
        name: "levels, room: one sender is woken, of whichever level",
        edits: &[edit(RECEIVE, 1, "const ALL: u32 = i32::MAX as u32;", "const ALL: u32 = 1;")],
        protects: "a sender of the level that has room is woken",
        caught_by: ("loom_levels", "senders_of_two_levels_sleep"),
    },
];
