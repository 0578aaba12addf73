//! The loan queue.

use super::{Mutant, edit, silence};

const LOAN: &str = "ipc-core/src/loan/words.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "loan, sending: AcqRel to Relaxed",
        edits: &[edit(
            LOAN,
            1,
            "slot.compare_exchange(word, sent, Ordering::AcqRel, Ordering::Relaxed)",
            "slot.compare_exchange(word, sent, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "who receives a block sees the message",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan, loading a slot: Acquire to Relaxed",
        edits: &[edit(
            LOAN,
            2,
            "let word = self.slot(head).load(Ordering::Acquire);",
            "let word = self.slot(head).load(Ordering::Relaxed);",
        )],
        protects: "the same, from the receiver's side",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan, giving back: Release to Relaxed",
        edits: &[edit(
            LOAN,
            1,
            "        sync::publish(&self.blocks[index].state, FREE);",
            "        self.blocks[index].state.store(FREE, Ordering::Relaxed);",
        )],
        protects: "a block is written again after it was read",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan, borrowing: Acquire to Relaxed",
        edits: &[edit(
            LOAN,
            1,
            "owned(me), Ordering::Acquire, Ordering::Relaxed",
            "owned(me), Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "the same, from the borrower's side",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan: queued after it is sent",
        edits: &[
            edit(LOAN, 1, "                    sync::publish(&self.blocks[index].state, queued(me, tail));\n", ""),
            edit(
                LOAN,
                1,
                "                        self.help(&self.words.tail.0, tail);\n                        self.words.gates",
                "                        sync::publish(&self.blocks[index].state, queued(me, tail));\n                        self.help(&self.words.tail.0, tail);\n                        self.words.gates",
            ),
        ],
        protects: "who finds a block that is not queued knows that it was received (L3)",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan: what the dead had sent is freed",
        edits: &[edit(
            LOAN,
            1,
            "        word & STATE == QUEUED\n            && self.slot",
            "        word & STATE == FREE\n            && self.slot",
        )],
        protects: "what a dead process had sent stays",
        caught_by: ("loom_loan", "sweeping_beside_the_living"),
    },
    Mutant {
        name: "loan: what the dead was about to send is kept",
        edits: &[edit(
            LOAN,
            1,
            "            && self.slot(word >> BLOCK_BITS).load(Ordering::Acquire) == (word & !BLOCK) | index as u64",
            "            && index < self.blocks.len()",
        )],
        protects: "the blocks of the dead come back",
        caught_by: ("loom_loan", "a_sender_dies"),
    },
    Mutant {
        name: "loan: a message wakes nobody",
        edits: &[silence(LOAN, "send", 1)],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_loan", "blocking_hand_over"),
    },
    Mutant {
        name: "loan: giving back wakes nobody",
        edits: &[silence(LOAN, "give_back", 1)],
        protects: "a sender that sleeps for a block is woken",
        caught_by: ("loom_loan", "blocking_hand_over"),
    },
    Mutant {
        name: "loan: closing wakes no receiver",
        edits: &[silence(LOAN, "wake_all", 1)],
        protects: "closing ends a receiver that sleeps",
        caught_by: ("loom_loan", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "loan: closing wakes no borrower",
        edits: &[silence(LOAN, "wake_all", 2)],
        protects: "closing ends a sender that sleeps for a block",
        caught_by: ("loom_loan", "closing_ends_a_borrower"),
    },
    Mutant {
        name: "loan: a sweep wakes no receiver",
        edits: &[silence(LOAN, "sweep", 1)],
        protects: "a receiver whose sender died before it woke anybody is woken",
        caught_by: ("loom_loan", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "loan: a sweep wakes no borrower",
        edits: &[silence(LOAN, "sweep", 2)],
        protects: "a sender that sleeps for the block of a dead process is woken",
        caught_by: ("loom_loan", "a_sweep_wakes_a_borrower"),
    },
    Mutant {
        name: "loan: a block in two hands",
        edits: &[edit(
            LOAN,
            1,
            "                    self.help(&self.words.head.0, head);\n                    return Ok(Some(index));",
            "                    sync::publish(block, FREE);\n                    return Ok(Some(index));",
        )],
        protects: "a block is lent again after its reader has given it back",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan: closing wakes nobody",
        edits: &[silence(LOAN, "close", 1)],
        protects: "closing ends the waits of all sleepers",
        caught_by: ("loom_loan", "closing_ends_a_receiver"),
    },
];
