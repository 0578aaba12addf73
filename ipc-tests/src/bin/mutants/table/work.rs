//! The work queue.

use super::{Mutant, edit, silence};

const RING: &str = "ipc-core/src/work/ring.rs";
const JOBS: &str = "ipc-core/src/work/jobs.rs";
const DEATHS: &str = "ipc-core/src/work/deaths.rs";
const IDLE: &str = "ipc-core/src/work/idle.rs";
const ENGINE: &str = "ipc-core/src/work/engine.rs";
const CONTENT: &str = "ipc-core/src/work/content.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "work, filling a place: AcqRel to Relaxed",
        edits: &[edit(
            RING,
            1,
            "with.0, Ordering::AcqRel, Ordering::Relaxed",
            "with.0, Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "a receiver that finds a place filled finds its job queued",
        caught_by: ("loom_work", "jobs_go_through"),
    },
    Mutant {
        name: "work, loading a place: Acquire to Relaxed",
        edits: &[edit(
            RING,
            1,
            "Place(self.place(position).load(Ordering::Acquire))",
            "Place(self.place(position).load(Ordering::Relaxed))",
        )],
        protects: "the same, from the receiver's side",
        caught_by: ("loom_work", "jobs_go_through"),
    },
    Mutant {
        name: "work, queued after the place is filled",
        edits: &[
            edit(JOBS, 1, "                    sync::publish(word, Job::sent(me, tail).0);\n", ""),
            edit(
                JOBS,
                1,
                "                        main.help(main.tail, tail, tail.wrapping_add(1));\n",
                "                        sync::publish(word, Job::sent(me, tail).0);\n                        main.help(main.tail, tail, tail.wrapping_add(1));\n",
            ),
        ],
        protects: "a filled place names a queued block, or one that was received",
        caught_by: ("loom_work", "jobs_go_through"),
    },
    Mutant {
        name: "work, a receive does not search for what came back",
        edits: &[edit(
            JOBS,
            1,
            "if self.ring(Which::Back).holds_nothing_at_head()\n            && let",
            "if true\n            && let",
        )],
        protects: "a job that came back comes before one that was sent later",
        caught_by: ("loom_work", "what_came_back_comes_first"),
    },
    Mutant {
        name: "work, being done: Release to Relaxed",
        edits: &[edit(
            JOBS,
            1,
            "        sync::publish(word, Job::FREE.0);",
            "        word.store(Job::FREE.0, Ordering::Relaxed);",
        )],
        protects: "a holder that sends a job and is done with its own has sent before",
        caught_by: ("loom_work", "never_idle_too_early"),
    },
    Mutant {
        name: "work, taking a block: Acquire to Relaxed",
        edits: &[edit(
            JOBS,
            1,
            "Job::writing(me).0, Ordering::Acquire, Ordering::Relaxed",
            "Job::writing(me).0, Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "a sender does not write a block that its last holder still reads",
        caught_by: ("loom_work_bytes", "blocks_are_written_alone"),
    },
    Mutant {
        name: "work, a length comes behind the job",
        edits: &[
            edit(CONTENT, 1, "        view.length(index).store(self.len as u64, Ordering::Relaxed);\n", ""),
            edit(
                JOBS,
                1,
                "                        main.help(main.tail, tail, tail.wrapping_add(1));\n",
                "                        if self.geometry.most != 0 {\n                            self.length(index).store(3, Ordering::Relaxed);\n                        }\n                        main.help(main.tail, tail, tail.wrapping_add(1));\n",
            ),
        ],
        protects: "a job is queued with its length",
        caught_by: ("loom_work_bytes", "blocks_are_written_alone"),
    },
    Mutant {
        name: "work, the end without a last check",
        edits: &[edit(IDLE, 1, "if main.at(tail) == end {", "if true {")],
        protects: "no job is sent while the blocks are checked",
        caught_by: ("loom_work", "never_idle_too_early"),
    },
    Mutant {
        name: "work, a job on its way home does not count",
        edits: &[edit(
            IDLE,
            1,
            "State::Leased(_) | State::Queued(Which::Back) => true,",
            "State::Leased(_) => true,\n            State::Queued(Which::Back) => false,",
        )],
        protects: "a queue is not idle while a job comes back",
        caught_by: ("loom_work", "not_idle_on_the_way_home"),
    },
    Mutant {
        name: "work, a leased job does not count",
        edits: &[edit(
            IDLE,
            1,
            "State::Leased(_) | State::Queued(Which::Back) => true,",
            "State::Leased(_) => false,\n            State::Queued(Which::Back) => true,",
        )],
        protects: "a queue is not idle while a process has a job",
        caught_by: ("loom_work_sleep", "closed_but_a_job_comes_back"),
    },
    Mutant {
        name: "work, a place that another job has is taken for the own",
        edits: &[edit(
            JOBS,
            1,
            "Holds::Block(other) if other == index => return Ok(()),",
            "Holds::Block(_) => return Ok(()),",
        )],
        protects: "a job on its way home goes on to the next place",
        caught_by: ("loom_work", "a_sweeper_beside_one_who_gives_back"),
    },
    Mutant {
        name: "work, an attempt is not counted",
        edits: &[edit(
            JOBS,
            1,
            "let (attempts, most) = (attempts + 1, self.geometry.attempts);",
            "let (attempts, most) = (attempts, self.geometry.attempts);",
        )],
        protects: "each lease that ends without `done` is counted",
        caught_by: ("loom_work", "two_sweepers"),
    },
    Mutant {
        name: "work, an attempt is counted on the way home, too",
        edits: &[edit(
            JOBS,
            1,
            "                        _ => (which, job.attempts()),",
            "                        _ => (which, job.attempts() + 1),",
        )],
        protects: "each lease is counted once",
        caught_by: ("loom_work", "two_give_back"),
    },
    Mutant {
        name: "work, a sweep keeps a send that never was",
        edits: &[edit(
            DEATHS,
            1,
            "State::Queued(Which::Main) => !self.is_sent(index, job, Which::Main),",
            "State::Queued(Which::Main) => false,",
        )],
        protects: "the block of a dead sender comes back",
        caught_by: ("loom_work", "a_sender_dies"),
    },
    Mutant {
        name: "work, a sweep frees what was sent",
        edits: &[edit(
            DEATHS,
            1,
            "State::Queued(Which::Main) => !self.is_sent(index, job, Which::Main),",
            "State::Queued(Which::Main) => true,",
        )],
        protects: "what a dead sender had sent stays",
        caught_by: ("loom_work_sleep", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "work, a sweep does not bring home",
        edits: &[edit(DEATHS, 1, "        let _ = self.bring_home(platform, index, job);\n", "        let _ = job;\n")],
        protects: "the job of a dead holder comes again",
        caught_by: ("loom_work", "a_holder_dies"),
    },
    Mutant {
        name: "work, a dead letter goes round",
        edits: &[edit(JOBS, 1, "most != 0 && attempts >= most", "most != 0 && attempts > most")],
        protects: "a job has as many attempts as the creator says",
        caught_by: ("loom_work", "a_dead_letter"),
    },
    Mutant {
        name: "work, a dead letter that is kept goes round",
        edits: &[edit(JOBS, 1, "if from == Which::Dead {", "if false {")],
        protects: "a dead letter stays one",
        caught_by: ("loom_work", "a_dead_letter"),
    },
    Mutant {
        name: "work, a send goes over the end",
        edits: &[edit(
            RING,
            1,
            "                Holds::Closed => return Ok(End::Closed(tail, place)),\n                Holds::Block(_) =>",
            "                Holds::Block(_) | Holds::Closed =>",
        )],
        protects: "nothing is behind the end",
        caught_by: ("loom_work_sleep", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "work, the end while a job may come back",
        edits: &[edit(JOBS, 1, "Front::Closed if self.is_idle() =>", "Front::Closed if true =>")],
        protects: "receivers of a closed queue wait for what may come back",
        caught_by: ("loom_work_sleep", "closed_but_a_job_comes_back"),
    },
    Mutant {
        name: "work, a receiver does not search for the dead",
        edits: &[edit(
            DEATHS,
            1,
            "                    found.ask(platform, who, |dead| self.sweep(dead, platform));\n",
            "                    let _ = (who, &mut found);\n",
        )],
        protects: "a receiver that sleeps finds the job of a dead holder",
        caught_by: ("loom_work_sleep", "a_receiver_looks_for_the_dead"),
    },
    Mutant {
        name: "work, one who waits for the end does not search for the dead",
        edits: &[edit(
            ENGINE,
            1,
            "if thorough { self.look(platform, &deaths) } else { Attempt::NotYet }",
            "Attempt::NotYet",
        )],
        protects: "the job of a dead holder does not keep the end from coming",
        caught_by: ("loom_work_sleep", "one_who_waits_for_the_end_looks_for_the_dead"),
    },
    Mutant {
        name: "work, a send wakes nobody",
        edits: &[silence(JOBS, "put", 1)],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_work_sleep", "blocking_hand_over"),
    },
    Mutant {
        name: "work, a receive wakes nobody",
        edits: &[silence(JOBS, "made_room", 1)],
        protects: "a sender that sleeps for room is woken",
        caught_by: ("loom_work_sleep", "a_receive_wakes_a_sender"),
    },
    Mutant {
        name: "work, being done wakes no sender",
        edits: &[silence(JOBS, "freed", 1)],
        protects: "a sender that sleeps for a block is woken",
        caught_by: ("loom_work_sleep", "done_wakes_a_sender"),
    },
    Mutant {
        name: "work, being done wakes nobody who waits for the end",
        edits: &[edit(
            JOBS,
            1,
            "        self.words.gates.space.notify(platform, || 1);\n        self.wake_idle(platform);",
            "        self.words.gates.space.notify(platform, || 1);",
        )],
        protects: "a thread that waits for the end is woken",
        caught_by: ("loom_work_sleep", "the_last_one_wakes_who_waits_for_the_end"),
    },
    Mutant {
        name: "work, the last one wakes nobody",
        edits: &[silence(JOBS, "wake_idle_sleepers", 1)],
        protects: "the same",
        caught_by: ("loom_work_sleep", "the_end_wakes_a_receiver"),
    },
    Mutant {
        name: "work, a job that comes back wakes nobody",
        edits: &[silence(JOBS, "came_home", 1)],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_work_sleep", "a_job_that_comes_back_wakes"),
    },
    Mutant {
        name: "work, a job that comes back wakes no receiver of a closed queue",
        edits: &[silence(JOBS, "came_home", 2)],
        protects: "a receiver that waits for the end is woken",
        caught_by: ("loom_work_sleep", "closed_but_a_job_comes_back"),
    },
    Mutant {
        name: "work, a dead letter wakes nobody",
        edits: &[edit(
            JOBS,
            1,
            "        gates.idle.notify_all(platform);\n",
            "        if which != Which::Dead {\n            gates.idle.notify_all(platform);\n        }\n",
        )],
        protects: "a job that is given up may be the last one",
        caught_by: ("loom_work_sleep", "a_dead_letter_wakes_one_who_waits_for_the_end"),
    },
    Mutant {
        name: "work, closing wakes no receiver",
        edits: &[silence(IDLE, "close", 1)],
        protects: "closing ends a receiver that sleeps",
        caught_by: ("loom_work_sleep", "the_end_wakes_a_receiver"),
    },
    Mutant {
        name: "work, closing wakes no sender",
        edits: &[silence(IDLE, "close", 2)],
        protects: "closing ends a sender that sleeps",
        caught_by: ("loom_work_sleep", "closing_ends_a_sender"),
    },
    Mutant {
        name: "work, a sweep wakes no receiver",
        edits: &[silence(DEATHS, "sweep", 1)],
        protects: "a receiver whose sender died before it woke anybody is woken",
        caught_by: ("loom_work_sleep", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "work, a sweep wakes no sender",
        edits: &[silence(DEATHS, "sweep", 2)],
        protects: "a sender whose receiver died before it woke anybody is woken",
        caught_by: ("loom_work_sleep", "a_sweep_wakes_a_sender"),
    },
    Mutant {
        name: "work, a sweep wakes nobody who waits for the end",
        edits: &[silence(DEATHS, "sweep", 3)],
        protects: "the end comes though the last holder died before it woke anybody",
        caught_by: ("loom_work_sleep", "a_sweep_wakes_one_who_waits_for_the_end"),
    },
    Mutant {
        name: "work, a dead letter wakes nobody who waits for one",
        edits: &[edit(
            JOBS,
            1,
            "if which == Which::Dead { &gates.letters } else { &gates.items };",
            "if which == Which::Dead { &gates.space } else { &gates.items };",
        )],
        protects: "a receiver of dead letters that sleeps is woken",
        caught_by: ("loom_work_letters", "a_letter_wakes"),
    },
    Mutant {
        name: "work, closing wakes nobody who waits for a dead letter",
        edits: &[silence(IDLE, "close", 3)],
        protects: "closing ends a receiver of dead letters that sleeps",
        caught_by: ("loom_work_letters", "the_end_wakes_who_waits_for_letters"),
    },
    Mutant {
        name: "work, a sweep wakes nobody who waits for a dead letter",
        edits: &[silence(DEATHS, "sweep", 4)],
        protects: "a letter comes though the last holder died before it woke anybody",
        caught_by: ("loom_work_letters", "a_sweep_wakes_who_waits_for_letters"),
    },
    Mutant {
        name: "work, no dead letters are left though a process has one",
        edits: &[edit(
            IDLE,
            1,
            "State::Queued(Which::Dead) | State::Leased(Which::Dead));",
            "State::Queued(Which::Dead));",
        )],
        protects: "a letter that is given back behind the end of all work is received",
        caught_by: ("loom_work_letters", "closed_but_a_letter_comes_back"),
    },
    Mutant {
        name: "work, no dead letters are left though one is on its way",
        edits: &[edit(
            IDLE,
            1,
            "State::Queued(Which::Dead) | State::Leased(Which::Dead));",
            "State::Leased(Which::Dead));",
        )],
        protects: "the same",
        caught_by: ("loom_work_letters", "closed_but_a_letter_comes_back"),
    },
    Mutant {
        name: "work, no dead letters are left though jobs are",
        edits: &[edit(IDLE, 1, "self.is_idle() && !self.jobs()", "!self.jobs()")],
        protects: "the letter of a job that fails last is received",
        caught_by: ("loom_work_letters", "the_last_job_fails"),
    },
    Mutant {
        name: "work, who waits for dead letters does not search for the dead",
        edits: &[edit(
            ENGINE,
            1,
            "            Err(Refused::NotNow) if thorough => self.look(platform, &deaths),\n            Err(Refused::NotNow) => Attempt::NotYet,\n            taken => Attempt::Done(taken),\n        };\n        let (gates, budget)",
            "            Err(Refused::NotNow) if thorough => Attempt::NotYet,\n            Err(Refused::NotNow) => Attempt::NotYet,\n            taken => Attempt::Done(taken),\n        };\n        let (gates, budget)",
        )],
        protects: "the letter of a holder that died is received",
        caught_by: ("loom_work_letters", "who_waits_for_letters_looks_for_the_dead"),
    },
];
