//! The map.

use super::{Mutant, edit};

const READ: &str = "ipc-core/src/map/read.rs";
const CHANGE: &str = "ipc-core/src/map/change.rs";
const WORDS: &str = "ipc-core/src/map/words.rs";
const GUARD: &str = "ipc-core/src/map/guard.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "map, reader: no second check of the state",
        edits: &[edit(READ, 1, "let is_whole = entry.state(Ordering::Relaxed) == state;", "let is_whole = true;")],
        protects: "what a reader gets is whole",
        caught_by: ("loom_map", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "map, reader: no fence before the second check of the state",
        edits: &[edit(
            READ,
            1,
            "                fence(Ordering::Acquire);\n                let is_whole",
            "                let is_whole",
        )],
        protects: "the copy comes before the second check",
        caught_by: ("loom_map", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "map, reader: a state, Acquire to Relaxed",
        edits: &[edit(
            READ,
            1,
            "let state = entry.state(Ordering::Acquire);\n            // Acquire: see",
            "let state = entry.state(Ordering::Relaxed);\n            // Acquire: see",
        )],
        protects: "who sees a state sees the copy that counts in it",
        caught_by: ("loom_map", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "map, update: no fence",
        edits: &[edit(
            CHANGE,
            1,
            "        fence(Ordering::Release);\n        store(entry.value(state));",
            "        store(entry.value(state));",
        )],
        protects: "who has copied a word of the new value finds the state changed",
        caught_by: ("loom_map", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "map, update: in place",
        edits: &[edit(WORDS, 1, "State(self.next() ^ Self::SECOND)", "State(self.next())")],
        protects: "a writer that dies leaves the old value whole",
        caught_by: ("loom_map", "an_updater_dies"),
    },
    Mutant {
        name: "map, states: Release to Relaxed",
        edits: &[edit(
            WORDS,
            1,
            "self.state.store(state.0, Ordering::Release);",
            "self.state.store(state.0, Ordering::Relaxed);",
        )],
        protects: "who sees a state sees the copy that counts in it",
        caught_by: ("loom_map", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "map, states: a number that comes back",
        edits: &[edit(WORDS, 1, "self.0.wrapping_add(Self::VERSION)", "self.0")],
        protects: "who reads an entry notices that it was used again",
        caught_by: ("loom_map", "an_entry_is_used_again"),
    },
    Mutant {
        name: "map, insertion: no fence",
        edits: &[edit(CHANGE, 1, "        fence(Ordering::Release);\n        len", "        len")],
        protects: "who has copied a word of the new entry finds the state changed",
        caught_by: ("loom_map", "an_entry_is_used_again"),
    },
    Mutant {
        name: "map, insertion: `first`, Release to Relaxed",
        edits: &[edit(
            CHANGE,
            1,
            "bucket.first.store(Link::name(Some(number)), Ordering::Release);",
            "bucket.first.store(Link::name(Some(number)), Ordering::Relaxed);",
        )],
        protects: "who comes to a new entry finds its link",
        caught_by: ("loom_map", "a_key_behind_a_new_one_is_found"),
    },
    Mutant {
        name: "map, reader: `first`, Acquire to Relaxed",
        edits: &[edit(READ, 1, "bucket.first.load(Ordering::Acquire)", "bucket.first.load(Ordering::Relaxed)")],
        protects: "the other side of the same",
        caught_by: ("loom_map", "a_key_behind_a_new_one_is_found"),
    },
    Mutant {
        name: "map, insertion: the entry is free until it is linked",
        edits: &[
            edit(
                CHANGE,
                1,
                "        self.free().store(entry.link(Ordering::Relaxed).next(), Ordering::Relaxed);\n",
                "        let free = entry.link(Ordering::Relaxed).next();\n",
            ),
            edit(
                CHANGE,
                1,
                "        bucket.first.store(Link::name(Some(number)), Ordering::Release);\n        entry",
                "        bucket.first.store(Link::name(Some(number)), Ordering::Release);\n        self.free().store(free, Ordering::Relaxed);\n        entry",
            ),
        ],
        protects: "an inserter that dies leaves a list of free entries",
        caught_by: ("loom_map", "an_inserter_dies"),
    },
    Mutant {
        name: "map, reader: no second check of the removals",
        edits: &[edit(READ, 1, "bucket.removals.load(Ordering::Relaxed) == removals", "removals == removals")],
        protects: "a reader that was led into another chain notices",
        caught_by: ("loom_map", "a_key_behind_a_removed_one_is_found"),
    },
    Mutant {
        name: "map, reader: `removals`, Acquire to Relaxed",
        edits: &[edit(READ, 1, "bucket.removals.load(Ordering::Acquire)", "bucket.removals.load(Ordering::Relaxed)")],
        protects: "who finds a removal counted finds the entry unlinked",
        caught_by: ("loom_map", "a_key_behind_a_removed_one_is_found"),
    },
    Mutant {
        name: "map, removal: the count, Release to Relaxed",
        edits: &[edit(
            CHANGE,
            1,
            "bucket.removals.store(removals, Ordering::Release);",
            "bucket.removals.store(removals, Ordering::Relaxed);",
        )],
        protects: "the other side of the same",
        caught_by: ("loom_map", "a_key_behind_a_removed_one_is_found"),
    },
    Mutant {
        name: "map, links: Release to Relaxed",
        edits: &[edit(
            WORDS,
            1,
            "self.link.store(link.0, Ordering::Release);",
            "self.link.store(link.0, Ordering::Relaxed);",
        )],
        protects: "who follows a link into another chain finds the removal counted",
        caught_by: ("loom_map", "a_key_behind_a_removed_one_is_found"),
    },
    Mutant {
        name: "map, reader: a link, Acquire to Relaxed",
        edits: &[edit(READ, 1, "entry.link(Ordering::Acquire)", "entry.link(Ordering::Relaxed)")],
        protects: "who follows a link into another chain finds the removal counted",
        caught_by: ("loom_map", "a_key_behind_a_removed_one_is_found"),
    },
    Mutant {
        name: "map, removal: counted before it is unlinked",
        edits: &[
            edit(CHANGE, 1, "        self.unlink(bucket, number, entry)?;\n", ""),
            edit(
                CHANGE,
                1,
                "        bucket.removals.store(removals, Ordering::Release);\n",
                "        bucket.removals.store(removals, Ordering::Release);\n        self.unlink(bucket, number, entry)?;\n",
            ),
        ],
        protects: "a reader that comes behind the count does not meet the entry",
        caught_by: ("loom_map", "a_key_behind_a_removed_one_is_found"),
    },
    Mutant {
        name: "map, removal: counted after the link has changed",
        edits: &[
            edit(CHANGE, 1, "        bucket.removals.store(removals, Ordering::Release);\n", ""),
            edit(
                CHANGE,
                1,
                "            self.free().store(name, Ordering::Release);\n        }\n",
                "            self.free().store(name, Ordering::Release);\n        }\n        bucket.removals.store(removals, Ordering::Release);\n",
            ),
        ],
        protects: "who follows the changed link finds the removal counted",
        caught_by: ("loom_map", "a_key_behind_a_removed_one_is_found"),
    },
    Mutant {
        name: "map, repair: counts only what it unlinks",
        edits: &[
            edit(
                CHANGE,
                1,
                "        self.unlink(bucket, number, entry)?;\n",
                "        let mut at = Link::number(bucket.first.load(Ordering::Relaxed));\n        while let Some(other) = at\n            && other != number\n        {\n            at = Link::number(self.entry(other)?.link(Ordering::Relaxed).next());\n        }\n        self.unlink(bucket, number, entry)?;\n",
            ),
            edit(CHANGE, 1, ".wrapping_add(1);", ".wrapping_add(u64::from(at.is_some()));"),
        ],
        protects: "a remover may have died before it counted",
        caught_by: ("loom_map", "a_key_is_found_beside_a_repair"),
    },
    Mutant {
        name: "map, repair: frees what is free",
        edits: &[edit(CHANGE, 1, "        if free != name {", "        {")],
        protects: "the list of free entries is no ring",
        caught_by: ("loom_map", "a_remover_dies"),
    },
    Mutant {
        name: "map: no repair",
        edits: &[edit(GUARD, 1, "        map.view.settle()?;\n", "")],
        protects: "an entry that a dead writer had begun to put in or take out is not lost",
        caught_by: ("loom_map", "a_remover_dies"),
    },
    Mutant {
        name: "map: what is begun is not in the books",
        edits: &[edit(
            CHANGE,
            1,
            "        self.write_books(Books::changing(len, change, number), Ordering::Release);\n",
            "        _ = (change, number);\n",
        )],
        protects: "the same",
        caught_by: ("loom_map", "an_inserter_dies"),
    },
    Mutant {
        name: "map, repair: a dead inserter's entry is not counted",
        edits: &[edit(
            WORDS,
            1,
            "(Change::Insert, true) => self.len().saturating_add(1)",
            "(Change::Insert, true) => self.len()",
        )],
        protects: "the length is exact behind a death",
        caught_by: ("loom_map", "an_inserter_dies"),
    },
    Mutant {
        name: "map, repair: a dead remover's entry is counted",
        edits: &[edit(
            WORDS,
            1,
            "(Change::Remove, false) => self.len().saturating_sub(1)",
            "(Change::Remove, false) => self.len()",
        )],
        protects: "the same",
        caught_by: ("loom_map", "a_remover_dies"),
    },
    Mutant {
        name: "map, books: a change begins, Release to Relaxed",
        edits: &[edit(
            CHANGE,
            1,
            "self.write_books(Books::changing(len, change, number), Ordering::Release);",
            "self.write_books(Books::changing(len, change, number), Ordering::Relaxed);",
        )],
        protects: "who sees the length finds the entries",
        caught_by: ("loom_map", "the_length_is_exact"),
    },
    Mutant {
        name: "map, books: a change ends, Release to Relaxed",
        edits: &[edit(
            CHANGE,
            1,
            "self.write_books(Books::settled(len), Ordering::Release);",
            "self.write_books(Books::settled(len), Ordering::Relaxed);",
        )],
        protects: "the same",
        caught_by: ("loom_map", "the_length_is_exact"),
    },
    Mutant {
        name: "map, length: the books, Acquire to Relaxed",
        edits: &[edit(
            READ,
            1,
            "let books = self.books(Ordering::Acquire);",
            "let books = self.books(Ordering::Relaxed);",
        )],
        protects: "the other side of the same",
        caught_by: ("loom_map", "the_length_is_exact"),
    },
    Mutant {
        name: "map, length: no second check of the books",
        edits: &[edit(
            READ,
            1,
            "if self.books(Ordering::Relaxed) == books {",
            "if self.books(Ordering::Relaxed).len() < u64::MAX {",
        )],
        protects: "a state of later does not count with books of earlier",
        caught_by: ("loom_map", "it_is_not_empty"),
    },
    Mutant {
        name: "map, iteration: no second look",
        edits: &[edit(READ, 1, "if entry.state(Ordering::Relaxed) == state {", "if state == state {")],
        protects: "each entry is whole",
        caught_by: ("loom_map", "an_iteration_is_whole"),
    },
    Mutant {
        name: "map, iteration: no fence",
        edits: &[edit(READ, 1, "            fence(Ordering::Acquire);\n            if entry", "            if entry")],
        protects: "the copy comes before the second check",
        caught_by: ("loom_map", "an_iteration_is_whole"),
    },
];
