//! Calls over a work queue.

use super::{Mutant, edit, silence};

const CALLS: &str = "ipc-core/src/work/calls.rs";
const CONTENT: &str = "ipc-core/src/work/content.rs";
const DEATHS: &str = "ipc-core/src/work/deaths.rs";
const ENGINE: &str = "ipc-core/src/work/engine.rs";
const JOBS: &str = "ipc-core/src/work/jobs.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "calls, an answer: AcqRel to Acquire",
        edits: &[edit(
            CALLS,
            1,
            "to.0, Ordering::AcqRel, Ordering::Acquire",
            "to.0, Ordering::Acquire, Ordering::Acquire",
        )],
        protects: "a caller reads the whole answer",
        caught_by: ("loom_work_calls", "an_answer_arrives"),
    },
    Mutant {
        name: "calls, checking for the answer: Acquire to Relaxed",
        edits: &[edit(
            CALLS,
            1,
            "self.word(index).map(|word| Job(word.load(Ordering::Acquire)))",
            "self.word(index).map(|word| Job(word.load(Ordering::Relaxed)))",
        )],
        protects: "the same, from the caller's side",
        caught_by: ("loom_work_calls", "an_answer_arrives"),
    },
    Mutant {
        name: "calls, the caller's name comes behind the job",
        edits: &[
            edit(
                CONTENT,
                1,
                "        view.caller_of(index).store(if self.called { me.get().into() } else { 0 }, Ordering::Relaxed);\n",
                "        let _ = (self.called, me);\n",
            ),
            edit(
                JOBS,
                1,
                "                        main.help(main.tail, tail, tail.wrapping_add(1));\n",
                "                        if self.geometry.most != 0 {\n                            self.caller_of(index).store(me.get().into(), Ordering::Relaxed);\n                        }\n                        main.help(main.tail, tail, tail.wrapping_add(1));\n",
            ),
        ],
        protects: "a job is queued with its caller",
        caught_by: ("loom_work_calls", "a_caller_goes"),
    },
    Mutant {
        name: "calls, an answer wakes nobody",
        edits: &[silence(CALLS, "wake_caller", 1)],
        protects: "a caller that sleeps is woken",
        caught_by: ("loom_work_calls", "an_answer_wakes"),
    },
    Mutant {
        name: "calls, an answer wakes nobody who waits for the end",
        edits: &[edit(
            CALLS,
            1,
            "            answered.notify_all(platform);\n        }\n        self.wake_idle(platform);\n",
            "            answered.notify_all(platform);\n        }\n",
        )],
        protects: "an answered job is done",
        caught_by: ("loom_work_calls", "the_end_of_a_call_is_the_end"),
    },
    Mutant {
        name: "calls, the block of a job that nobody waits for stays",
        edits: &[edit(CALLS, 1, "if now == job.orphaned() {", "if false {")],
        protects: "a holder whose caller has gone frees the block",
        caught_by: ("loom_work_calls", "a_caller_goes"),
    },
    Mutant {
        name: "calls, a withdrawn job is passed before it is free",
        edits: &[edit(
            JOBS,
            1,
            "                    if job.is_withdrawn(which, head) {",
            "                    if false {",
        )],
        protects: "the block of a withdrawn job comes back",
        caught_by: ("loom_work_calls", "a_caller_dies"),
    },
    Mutant {
        name: "calls, a job is withdrawn on its way home",
        edits: &[edit(
            CALLS,
            1,
            "if which != Which::Dead && self.is_sent(index, job, which) =>",
            "if which != Which::Dead =>",
        )],
        protects: "a withdrawn job has a place, at which it is freed",
        caught_by: ("loom_work_calls", "a_server_dies"),
    },
    Mutant {
        name: "calls, one who gives back takes the job from the next holder",
        edits: &[edit(
            JOBS,
            1,
            "State::Leased(_) if job != begun => return Ok(()),",
            "State::Leased(_) if false => return Ok(()),",
        )],
        protects: "a job that a caller has brought home is not given back again",
        caught_by: ("loom_work_calls", "a_caller_helps"),
    },
    Mutant {
        name: "calls, a withdrawn job wakes no sender",
        edits: &[silence(JOBS, "pass", 1)],
        protects: "a sender that sleeps for room is woken",
        caught_by: ("loom_work_calls", "a_withdrawal_wakes"),
    },
    Mutant {
        name: "calls, a withdrawn job wakes nobody who waits for the end",
        edits: &[edit(
            CALLS,
            1,
            "                        self.pass(platform, which);\n                        self.wake_idle(platform);\n",
            "                        self.pass(platform, which);\n",
        )],
        protects: "a withdrawn job may be the last one",
        caught_by: ("loom_work_calls", "a_withdrawal_wakes"),
    },
    Mutant {
        name: "calls, a caller that goes with its answer wakes no sender",
        edits: &[silence(CALLS, "hang_up", 1)],
        protects: "a sender that sleeps for a block is woken",
        caught_by: ("loom_work_calls", "blocks_of_calls_make_room"),
    },
    Mutant {
        name: "calls, giving back what nobody waits for wakes no sender",
        edits: &[silence(JOBS, "bring_home", 1)],
        protects: "the same",
        caught_by: ("loom_work_calls", "blocks_of_calls_make_room"),
    },
    Mutant {
        name: "calls, giving back what nobody waits for wakes nobody who waits for the end",
        edits: &[edit(
            JOBS,
            1,
            "                        self.words.gates.space.notify(platform, || 1);\n                        self.wake_idle(platform);\n",
            "                        self.words.gates.space.notify(platform, || 1);\n",
        )],
        protects: "it may be the last one",
        caught_by: ("loom_work_calls", "the_end_of_a_call_is_the_end"),
    },
    Mutant {
        name: "calls, a job that is given up is a dead letter",
        edits: &[edit(JOBS, 1, "if which == Which::Dead && self.caller(index).is_some() {", "if false {")],
        protects: "the caller learns that its job is given up",
        caught_by: ("loom_work_calls", "a_job_is_given_up"),
    },
    Mutant {
        name: "calls, a caller does not search for its holder",
        edits: &[edit(
            ENGINE,
            1,
            "Outcome::Pending if thorough => after_look(self.view.find_dead_holder(platform, index), &deaths),",
            "Outcome::Pending if thorough => after_look(Findings::default(), &deaths),",
        )],
        protects: "a caller that sleeps finds its server dead",
        caught_by: ("loom_work_calls", "a_caller_finds_its_server_dead"),
    },
    Mutant {
        name: "calls, a sender does not search for callers",
        edits: &[edit(
            DEATHS,
            1,
            "if after == After::All { self.waits(index, job) } else { None }",
            "None::<ParticipantId>",
        )],
        protects: "the blocks of a dead caller come back",
        caught_by: ("loom_work_calls", "a_sender_finds_a_caller_dead"),
    },
    Mutant {
        name: "calls, a sweep leaves the calls",
        edits: &[edit(DEATHS, 1, "                let _ = self.hang_up(platform, index, dead.who());\n", "")],
        protects: "what a dead caller called is not done",
        caught_by: ("loom_work_calls", "a_caller_dies"),
    },
    Mutant {
        name: "calls, a sweep wakes no caller",
        edits: &[silence(CALLS, "rouse_caller", 1)],
        protects: "a caller whose server died before it woke it is woken",
        caught_by: ("loom_work_calls", "a_sweep_wakes_a_caller"),
    },
];
