//! The vector.

use super::{Mutant, edit};

const WORDS: &str = "ipc-core/src/vector/words.rs";
const HELD: &str = "ipc-core/src/vector/held.rs";
const GUARD: &str = "ipc-core/src/vector/guard.rs";
const HANDLE: &str = "ipc-core/src/vector/handle.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "vector: no repair",
        edits: &[edit(
            HELD,
            1,
            "if let Some(what) = state.what() {",
            "if let (Some(what), false) = (state.what(), true) {",
        )],
        protects: "a change that has taken effect is not lost with its author",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, a change: copied before it has taken effect",
        edits: &[edit(
            HELD,
            1,
            "        self.vector.words.set_span(span);\n        self.vector.words.set_state(State::copying(self.area, len, what));",
            "        self.vector.words.set_span(span);",
        )],
        protects: "a death in the middle of the copy leaves the new elements",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, a change: takes effect before it is said where",
        edits: &[edit(
            HELD,
            1,
            "        self.vector.words.set_span(span);\n        self.vector.words.set_state(State::copying(self.area, len, what));",
            "        self.vector.words.set_state(State::copying(self.area, len, what));\n        self.vector.words.set_span(span);",
        )],
        protects: "who repairs copies what the dead one has changed",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, a change: said to be done before it is copied",
        edits: &[edit(
            HELD,
            1,
            "        let (to, from) = (self.elements(), self.other());\n        match what {",
            "        let (to, from) = (self.elements(), self.other());\n        self.vector.words.set_state(State::settled(self.area, self.len));\n        match what {",
        )],
        protects: "a death in the middle of the copy leaves the new elements",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, repair: does not say that it is done",
        edits: &[edit(
            HELD,
            1,
            "        self.vector.words.set_state(State::settled(self.area, self.len));\n        Some(())",
            "        if self.len == usize::MAX {\n            self.vector.words.set_state(State::settled(self.area, self.len));\n        }\n        Some(())",
        )],
        protects: "a finished change is not copied again over what comes behind it",
        caught_by: ("loom_vector", "a_repairer_dies"),
    },
    Mutant {
        name: "vector, insertion: shifts the elements in place",
        edits: &[edit(
            HELD,
            1,
            "to.copy_from(from, [index, index + 1], self.len.checked_sub(index)?)?;",
            "(index..self.len).rev().try_for_each(|at| from.write(at + 1, &[from.element(at)?]))?;\n        to.copy_from(from, [index + 1, index + 1], self.len - index)?;",
        )],
        protects: "a death in the middle of an insertion leaves no element twice",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, set: in place",
        edits: &[edit(
            HELD,
            1,
            "self.other().write(index, core::slice::from_ref(value))?;\n        self.change",
            "self.other().write(index, core::slice::from_ref(&old))?;\n        self.change",
        )],
        protects: "the new value gets there",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, swap: the second element is not copied",
        edits: &[edit(HELD, 1, "to.copy_from(from, [end, end], 1)?;", "")],
        protects: "both elements change places",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, push: counted before it is there",
        edits: &[edit(
            HELD,
            1,
            "        self.elements().write(self.len, values)?;\n        self.resize(self.len + values.len());",
            "        let len = self.len;\n        self.resize(len + values.len());\n        self.elements().write(len, values)?;",
        )],
        protects: "a death in a push leaves no element that nobody wrote",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, replace: in place",
        edits: &[edit(
            HELD,
            1,
            "self.other().write(0, values)?;\n        self.area = 1 - self.area;",
            "self.elements().write(0, values)?;",
        )],
        protects: "a death in the middle of a sort or of what is retained leaves the old elements",
        caught_by: ("loom_vector", "a_writer_dies"),
    },
    Mutant {
        name: "vector, guard: changes in place",
        edits: &[edit(
            GUARD,
            1,
            "if from < self.held.len && !self.is_copy {",
            "if from > self.held.len && !self.is_copy {",
        )],
        protects: "changes under a lock count together or not at all",
        caught_by: ("loom_vector", "a_discarded_guard_changes_nothing"),
    },
    Mutant {
        name: "vector, guard: a discarded one counts",
        edits: &[edit(GUARD, 1, "has_changed && !self.discarded &&", "has_changed &&")],
        protects: "what is discarded has not happened",
        caught_by: ("loom_vector", "a_discarded_guard_changes_nothing"),
    },
    Mutant {
        name: "vector, guard: the old area counts",
        edits: &[edit(
            GUARD,
            1,
            "let area = if self.is_copy { 1 - self.held.area } else",
            "let area = if self.is_copy { self.held.area } else",
        )],
        protects: "what was changed under a lock counts",
        caught_by: ("loom_vector", "a_guard_is_one_step"),
    },
    Mutant {
        name: "vector, length: Acquire to Relaxed",
        edits: &[edit(
            HANDLE,
            1,
            "self.words.state(Ordering::Acquire).len()",
            "self.words.state(Ordering::Relaxed).len()",
        )],
        protects: "who learns a length sees what its author did before",
        caught_by: ("loom_vector", "a_length_is_followed_by_its_elements"),
    },
    Mutant {
        name: "vector, states: Release to Relaxed",
        edits: &[edit(
            WORDS,
            1,
            "self.state.store(state.0, Ordering::Release);",
            "self.state.store(state.0, Ordering::Relaxed);",
        )],
        protects: "who learns a length sees what its author did before",
        caught_by: ("loom_vector", "a_length_is_followed_by_its_elements"),
    },
];
