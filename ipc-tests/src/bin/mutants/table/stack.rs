//! The stack, and what a priority queue does as it does.

use super::{Mutant, edit, silence};

const STACK: &str = "ipc-core/src/stack/words.rs";
const INBOX: &str = "ipc-core/src/ends/inbox.rs";
const SIDES: &str = "ipc-core/src/ends/sides.rs";

const UNDER_THE_LOCK: &str = "let _turn = around.turn(inbox.receivers())?;\n            self.or_end(";
const BEHIND_THE_LOCK: &str = "drop(around.turn(inbox.receivers())?);\n            self.or_end(";
const SENT: &str = "        // Release, \"sent\": whole messages, also for a kill that comes behind it.\n        self.next.count.store(next.wrapping_add(count), Ordering::Release);\n";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "stack: a send puts its message in before it is written",
        edits: &[
            edit(INBOX, 1, SENT, ""),
            edit(
                INBOX,
                1,
                "        write(next, count)?;\n",
                "        self.next.count.store(next.wrapping_add(count), Ordering::Release);\n        write(next, count)?;\n",
            ),
        ],
        protects: "a sender that dies has sent a whole message or none",
        caught_by: ("loom_stack", "a_sender_dies"),
    },
    Mutant {
        name: "stack: a send, Relaxed",
        edits: &[edit(
            INBOX,
            1,
            "self.next.count.store(next.wrapping_add(count), Ordering::Release);",
            "self.next.count.store(next.wrapping_add(count), Ordering::Relaxed);",
        )],
        protects: "what is received is whole",
        caught_by: ("loom_stack", "messages_arrive_whole"),
    },
    Mutant {
        name: "stack: a receive searches for what was sent, Relaxed",
        edits: &[edit(
            INBOX,
            1,
            "merged, next: self.next.count.load(Ordering::Acquire) }",
            "merged, next: self.next.count.load(Ordering::Relaxed) }",
        )],
        protects: "the same",
        caught_by: ("loom_stack", "messages_arrive_whole"),
    },
    Mutant {
        name: "stack: a send does not search for what was taken",
        edits: &[edit(INBOX, 1, "if capacity.saturating_sub(len) < wanted.max(1) {", "if false {")],
        protects: "a place that is free is used",
        caught_by: ("loom_stack", "messages_arrive_whole"),
    },
    Mutant {
        name: "stack: what was sent counts as put on top before it is",
        edits: &[
            edit(STACK, 1, "            inbox.moved(counts.next);\n", ""),
            edit(
                STACK,
                1,
                "            for number in counts.moved()..counts.len() {",
                "            inbox.moved(counts.next);\n            for number in counts.moved()..counts.len() {",
            ),
        ],
        protects: "a receiver that dies while it moves messages leaves whole ones",
        caught_by: ("loom_stack", "a_receiver_dies"),
    },
    Mutant {
        name: "stack: empty is found by the last send",
        edits: &[edit(
            INBOX,
            1,
            "        let taken = self.taken.count.load(Ordering::Acquire);\n        self.next.count.load(Ordering::Relaxed).wrapping_sub(taken)",
            "        let next = self.next.count.load(Ordering::Acquire);\n        next.wrapping_sub(self.taken.count.load(Ordering::Relaxed))",
        )],
        protects: "no message is overlooked",
        caught_by: ("loom_stack", "no_message_is_overlooked"),
    },
    Mutant {
        name: "stack: empty, Relaxed",
        edits: &[edit(
            INBOX,
            1,
            "        let taken = self.taken.count.load(Ordering::Acquire);\n        self.next",
            "        let taken = self.taken.count.load(Ordering::Relaxed);\n        self.next",
        )],
        protects: "the same",
        caught_by: ("loom_stack", "no_message_is_overlooked"),
    },
    Mutant {
        name: "stack: empty for a receiver, Relaxed",
        edits: &[edit(
            INBOX,
            1,
            "        let taken = self.taken.count.load(Ordering::Acquire);\n        // Relaxed: a hint.",
            "        let taken = self.taken.count.load(Ordering::Relaxed);\n        // Relaxed: a hint.",
        )],
        protects: "the same",
        caught_by: ("loom_stack", "no_message_is_overlooked"),
    },
    Mutant {
        name: "stack: full is found by the last receive",
        edits: &[edit(
            INBOX,
            1,
            "        let len = next.wrapping_sub(self.taken.count.load(Ordering::Relaxed));",
            "        let taken = self.taken.count.load(Ordering::Acquire);\n        let len = self.next.count.load(Ordering::Relaxed).wrapping_sub(taken);",
        )],
        protects: "no place is overlooked",
        caught_by: ("loom_stack", "no_place_is_overlooked"),
    },
    Mutant {
        name: "stack: full, Relaxed",
        edits: &[edit(
            INBOX,
            1,
            "let next = self.next.count.load(Ordering::Acquire);",
            "let next = self.next.count.load(Ordering::Relaxed);",
        )],
        protects: "the same",
        caught_by: ("loom_stack", "no_place_is_overlooked"),
    },
    Mutant {
        name: "stack: the end without the receivers' lock",
        edits: &[edit(
            SIDES,
            1,
            "        if inbox.is_empty() && !self.is_closed() {\n            return Err(Refused::NotNow);\n        }",
            "        if inbox.is_empty() {\n            return Err(if self.is_closed() { Refused::Closed } else { Refused::NotNow });\n        }",
        )],
        protects: "nothing is behind the end",
        caught_by: ("loom_stack", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "stack: the end without the senders' lock",
        edits: &[edit(
            SIDES,
            1,
            "        let _turn = around.turn(inbox.senders())?;\n        look()",
            "        look()",
        )],
        protects: "the same, of a sender that had begun before",
        caught_by: ("loom_stack", "nothing_is_behind_the_end"),
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
        name: "stack: a send does not search for the closing under the lock",
        edits: &[edit(SIDES, 1, "if self.gates.closed.load(Ordering::Relaxed) != 0 {", "if false {")],
        protects: "nothing is behind the end",
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
            "self.gates.space.notify(platform, move || sleepers(count));",
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
