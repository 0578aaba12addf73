//! The stack.

use super::{Mutant, edit, silence};

const STACK: &str = "ipc-core/src/stack/words.rs";

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
                "            // Release: a kill that comes behind it, in whichever order the compiler likes, leaves whole messages.\n            self.words.top.len.store(len + count, Ordering::Release);\n            count",
                "            count",
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
                "            self.words.top.len.store(len - count, Ordering::Release);\n            drop(_turn);\n            let copied = &mut out[..count as usize];",
            ),
            edit(
                STACK,
                1,
                "            // Release: as in `put`, of the copies.\n            self.words.top.len.store(len - taken, Ordering::Release);",
                "",
            ),
        ],
        protects: "an entry is written again after it was read",
        caught_by: ("loom_stack", "messages_arrive_whole"),
    },
    Mutant {
        name: "stack: a send does not look for the closing under the lock",
        edits: &[edit(STACK, 1, "if self.words.gates.closed.load(Ordering::Relaxed) != 0 {", "if false {")],
        protects: "nothing is behind the end",
        caught_by: ("loom_stack", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "stack: the end without the lock",
        edits: &[edit(
            STACK,
            1,
            "        if self.len() == 0 && !self.is_closed() {\n            return Err(Refused::NotNow);\n        }",
            "        if self.len() == 0 {\n            return Err(if self.is_closed() { Refused::Closed } else { Refused::NotNow });\n        }",
        )],
        protects: "the same, from the receivers' side",
        caught_by: ("loom_stack", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "stack: a send wakes nobody",
        edits: &[silence(STACK, "put", 1)],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_stack", "blocking_hand_over"),
    },
    Mutant {
        name: "stack: a batch wakes one receiver",
        edits: &[edit(
            STACK,
            1,
            "self.words.gates.items.notify(platform, move || count.min(u64::from(u32::MAX >> 1)) as u32);",
            "self.words.gates.items.notify(platform, || 1);",
        )],
        protects: "as many receivers are woken as there are messages",
        caught_by: ("loom_stack", "a_batch_wakes_two_receivers"),
    },
    Mutant {
        name: "stack: a receive wakes nobody",
        edits: &[silence(STACK, "take", 1)],
        protects: "a sender that sleeps is woken",
        caught_by: ("loom_stack", "blocking_hand_over"),
    },
    Mutant {
        name: "stack: a batch makes room for one sender",
        edits: &[edit(
            STACK,
            1,
            "self.words.gates.space.notify(platform, move || taken.min(u64::from(u32::MAX >> 1)) as u32);",
            "self.words.gates.space.notify(platform, || 1);",
        )],
        protects: "as many senders are woken as there are places",
        caught_by: ("loom_stack", "a_batch_makes_room_for_two_senders"),
    },
    Mutant {
        name: "stack: closing wakes no receiver",
        edits: &[silence(STACK, "wake_all", 1)],
        protects: "closing ends a receiver that sleeps",
        caught_by: ("loom_stack", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "stack: closing wakes no sender",
        edits: &[silence(STACK, "wake_all", 2)],
        protects: "closing ends a sender that sleeps",
        caught_by: ("loom_stack", "closing_ends_a_sender"),
    },
    Mutant {
        name: "stack: closing wakes nobody",
        edits: &[silence(STACK, "close", 1)],
        protects: "closing ends what sleeps",
        caught_by: ("loom_stack", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "stack: a sweep wakes no receiver",
        edits: &[silence(STACK, "sweep", 1)],
        protects: "a receiver whose sender died before it woke anybody is woken",
        caught_by: ("loom_stack", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "stack: a sweep wakes no sender",
        edits: &[silence(STACK, "sweep", 2)],
        protects: "a sender whose receiver died before it woke anybody is woken",
        caught_by: ("loom_stack", "a_sweep_wakes_a_sender"),
    },
];
