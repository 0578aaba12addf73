//! The stack, and what a priority queue does as it does.

use super::{Mutant, edit, silence};

const STACK: &str = "ipc-core/src/stack/words.rs";
const SIDES: &str = "ipc-core/src/ends/sides.rs";

const UNDER_THE_LOCK: &str = "let _turn = around.turn(lock)?;\n            match take() {";
const BEHIND_THE_LOCK: &str = "drop(around.turn(lock)?);\n            match take() {";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "stack: a send puts its message in before it is written",
        edits: &[
            edit(
                STACK,
                1,
                "            for (number, value) in (len..)",
                "            self.words.top.len.store(len + count, Ordering::Release);\n            for (number, value) in (len..)",
            ),
            edit(
                STACK,
                1,
                "            // Release: a kill that comes behind it, in whichever order the compiler likes, leaves whole messages.\n            self.words.top.len.store(len + count, Ordering::Release);\n            Ok(count)",
                "            Ok(count)",
            ),
        ],
        protects: "a sender that dies has sent a whole message or none",
        caught_by: ("loom_stack", "a_sender_dies"),
    },
    Mutant {
        name: "stack: a receive frees its entry before it is copied",
        edits: &[
            edit(
                STACK,
                1,
                "            let copied = &mut out[..count as usize];",
                "            self.words.top.len.store(len - count, Ordering::Release);\n            let copied = &mut out[..count as usize];",
            ),
            edit(
                STACK,
                1,
                "            // Release: as in `put`, of the copies.\n            self.words.top.len.store(len - taken, Ordering::Release);",
                "",
            ),
            edit(SIDES, 1, UNDER_THE_LOCK, BEHIND_THE_LOCK),
        ],
        protects: "an entry is written again after it was read",
        caught_by: ("loom_stack", "messages_arrive_whole"),
    },
    Mutant {
        name: "stack: a receive gives the lock back before it begins",
        edits: &[edit(SIDES, 1, UNDER_THE_LOCK, BEHIND_THE_LOCK)],
        protects: "each message goes to one receiver",
        caught_by: ("loom_stack", "two_receivers"),
    },
    Mutant {
        name: "stack: a send gives the lock back before it begins",
        edits: &[edit(
            SIDES,
            1,
            "            put()?\n        };",
            "            drop(_turn);\n            put()?\n        };",
        )],
        protects: "two senders put their messages into two entries",
        caught_by: ("loom_stack", "two_senders"),
    },
    Mutant {
        name: "stack: a send does not look for the closing under the lock",
        edits: &[edit(SIDES, 1, "if self.gates.closed.load(Ordering::Relaxed) != 0 {", "if false {")],
        protects: "nothing is behind the end",
        caught_by: ("loom_stack", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "stack: the end without the lock",
        edits: &[edit(
            SIDES,
            1,
            "        if is_empty && !self.is_closed() {\n            return Err(Refused::NotNow);\n        }",
            "        if is_empty {\n            return Err(if self.is_closed() { Refused::Closed } else { Refused::NotNow });\n        }",
        )],
        protects: "the same, from the receivers' side",
        caught_by: ("loom_stack", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "stack: a send wakes nobody",
        edits: &[silence(SIDES, "send", 1)],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_stack", "blocking_hand_over"),
    },
    Mutant {
        name: "stack: a batch wakes one receiver",
        edits: &[edit(
            SIDES,
            1,
            "self.gates.items.notify(platform, move || sleepers(count));",
            "self.gates.items.notify(platform, || 1);",
        )],
        protects: "as many receivers are woken as there are messages",
        caught_by: ("loom_stack", "a_batch_wakes_two_receivers"),
    },
    Mutant {
        name: "stack: a receive wakes nobody",
        edits: &[silence(SIDES, "receive", 1)],
        protects: "a sender that sleeps is woken",
        caught_by: ("loom_stack", "blocking_hand_over"),
    },
    Mutant {
        name: "stack: a batch makes room for one sender",
        edits: &[edit(
            SIDES,
            1,
            "self.gates.space.notify(platform, move || sleepers(taken));",
            "self.gates.space.notify(platform, || 1);",
        )],
        protects: "as many senders are woken as there are places",
        caught_by: ("loom_stack", "a_batch_makes_room_for_two_senders"),
    },
    Mutant {
        name: "stack: closing wakes no receiver",
        edits: &[silence(SIDES, "close", 1)],
        protects: "closing ends a receiver that sleeps",
        caught_by: ("loom_stack", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "stack: closing wakes no sender",
        edits: &[silence(SIDES, "close", 2)],
        protects: "closing ends a sender that sleeps",
        caught_by: ("loom_stack", "closing_ends_a_sender"),
    },
    Mutant {
        name: "stack: a sweep wakes no receiver",
        edits: &[silence(SIDES, "sweep", 1)],
        protects: "a receiver whose sender died before it woke anybody is woken",
        caught_by: ("loom_stack", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "stack: a sweep wakes no sender",
        edits: &[silence(SIDES, "sweep", 2)],
        protects: "a sender whose receiver died before it woke anybody is woken",
        caught_by: ("loom_stack", "a_sweep_wakes_a_sender"),
    },
];
