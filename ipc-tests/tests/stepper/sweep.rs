//! Sweeps: every state is seen, a broken protocol is found, and the report counts both.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use ipc_tests::children::TempName;
use ipc_tests::stepper::{self, StepOutcome, Sweep, SweepReport, Verdict, Victim};

use crate::guard;
use crate::page::Page;
use crate::victim::getpid;

#[test]
fn every_intermediate_state_is_seen() {
    let _guard = guard("three stores");
    let page = Page::new();
    let mut seen = BTreeSet::new();
    let mut finished_at = Vec::new();
    let report = stepper::sweep(
        "toy.store3",
        || {
            page.clear();
            Victim::fork(|gate| {
                let words = page.words();
                gate.begin();
                words[0].store(1, SeqCst);
                words[1].store(2, SeqCst);
                words[2].store(3, SeqCst);
                gate.end();
                words[3].store(4, SeqCst);
            })
        },
        |point, finished| {
            let state = page.first::<4>();
            if finished {
                finished_at.push(point);
                assert_eq!(state, [1, 2, 3, 0]);
            }
            seen.insert(state);
            Verdict::CLEAN
        },
    )
    .unwrap();
    report.assert_clean();
    let expected = [[0, 0, 0, 0], [1, 0, 0, 0], [1, 2, 0, 0], [1, 2, 3, 0]];
    assert_eq!(seen, BTreeSet::from(expected));
    assert_eq!(finished_at, [report.points - 1]);
    assert!(report.points >= 5, "{report}");
    assert_eq!(report.sampled, 0);
}

/// Two words that should always be equal, stored with or without a word that says "in work".
fn sweep_two_words(page: &Page, announced: bool) -> SweepReport {
    stepper::sweep(
        "toy.pair",
        || {
            page.clear();
            Victim::fork(|gate| {
                let words = page.words();
                gate.begin();
                if announced {
                    words[2].store(1, SeqCst);
                }
                words[0].store(7, SeqCst);
                words[1].store(7, SeqCst);
                if announced {
                    words[2].store(0, SeqCst);
                }
                gate.end();
            })
        },
        |_, _| {
            let [a, b, in_work] = page.first::<3>();
            if a == b || in_work == 1 { Verdict::CLEAN } else { Verdict::TORN }
        },
    )
    .unwrap()
}

#[test]
fn a_broken_protocol_is_torn() {
    let _guard = guard("torn");
    let page = Page::new();
    let broken = sweep_two_words(&page, false);
    assert!(broken.torn > 0, "{broken}");
    assert!(!broken.findings.is_empty());
    let panic = std::panic::catch_unwind(|| broken.assert_clean()).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.starts_with(&broken.to_string()), "{message}");
    assert!(message.contains("stepper-"), "a finding names the test binary: {message}");

    sweep_two_words(&page, true).assert_clean();
}

#[test]
fn a_report_reads_as_documented() {
    let mut report = SweepReport { name: "queue.send".to_owned(), points: 83, ..Default::default() };
    assert_eq!(report.to_string(), "sweep queue.send: points=83 wedged=0 lost=0 duplicated=0 torn=0");
    report.sampled = 5;
    assert_eq!(report.to_string(), "sweep queue.send: points=83 wedged=0 lost=0 duplicated=0 torn=0 sampled=5");
    report.same = 70;
    assert!(report.to_string().ends_with(" sampled=5 same=70"), "{report}");
    assert!(report.is_clean());
    report.lost = 1;
    assert!(!report.is_clean());
}

#[test]
#[should_panic(expected = "sweep nothing: points=0 wedged=0")]
fn a_sweep_of_nothing_is_not_clean() {
    SweepReport { name: "nothing".to_owned(), ..Default::default() }.assert_clean();
}

#[test]
fn sampling_is_reported() {
    let _guard = guard("sampling");
    let page = Page::new();
    let count = Cell::new(0);
    let make = || {
        page.clear();
        Victim::fork(|gate| {
            gate.begin();
            for word in page.words() {
                word.store(1, SeqCst);
            }
            gate.end();
        })
    };
    let check = |_: u64, finished: bool| {
        let stored = page.words().iter().filter(|word| word.load(SeqCst) == 1).count();
        assert!(!finished || stored == Page::WORDS);
        count.set(count.get() + 1);
        Verdict::CLEAN
    };
    let report = Sweep::new("toy.fill").max_points_per_segment(20, 37).run(make, check).unwrap();
    report.assert_clean();
    assert!(report.points > 20 && report.points == count.get());
    assert!(report.sampled > 20 * 36, "{report}");
    assert!(report.to_string().ends_with(&format!(" sampled={}", report.sampled)));

    // What was killed at and what was passed over are together all there is.
    let mut victim = make();
    victim.run_to_begin().unwrap();
    let mut boundaries = 1;
    while victim.step(1).unwrap() == StepOutcome::Stepped {
        boundaries += 1;
    }
    // Counted so far: begin and all instructions but the one that is the mark of the end.
    assert_eq!(report.points + report.sampled, boundaries + 1);
}

/// A long operation in the shape of making a region: files, mappings, loops.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes in unoptimised code")]
fn a_long_operation_is_swept_and_the_rate_is_told() {
    let _guard = guard("long operation");
    let name = TempName::new("stepper");
    let page = Page::new();
    let path = name.path();
    let report = stepper::sweep(
        "toy.create",
        || {
            name.clean();
            page.clear();
            Victim::fork(|gate| {
                gate.begin();
                let file = File::create_new(&path).unwrap();
                for (i, word) in page.words().iter().take(40).enumerate() {
                    word.store(i as u64, SeqCst);
                }
                file.set_len(4096).unwrap();
                getpid();
                drop(file);
                std::fs::rename(&path, path.with_extension("done")).unwrap();
                gate.end();
            })
        },
        |_, finished| {
            let done = path.with_extension("done").exists();
            assert!(!finished || done);
            if done && path.exists() { Verdict::TORN } else { Verdict::CLEAN }
        },
    )
    .unwrap();
    report.assert_clean();
    tell(&format!("{report} steps={} in {:.1?}", report.steps, report.elapsed));

    const STEPS: u32 = 20_000;
    let mut victim = Victim::fork(|gate| {
        gate.begin();
        loop {
            page.words()[0].fetch_add(1, SeqCst);
        }
    });
    victim.run_to_begin().unwrap();
    let start = Instant::now();
    assert_eq!(victim.step(STEPS.into()).unwrap(), StepOutcome::Stepped);
    let rate = f64::from(STEPS) / start.elapsed().as_secs_f64();
    tell(&format!("{rate:.0} single steps/s"));
}

/// A line past the capture of the test runner.
fn tell(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Straight code, a loop, a call, a `rep` instruction and a syscall in the middle.
fn sweep_many_shapes(page: &Page, sweep: &Sweep) -> (SweepReport, Vec<[u64; 40]>) {
    let mut states = Vec::new();
    let report = sweep
        .run(
            || {
                page.clear();
                Victim::fork(|gate| {
                    let words = page.words();
                    gate.begin();
                    for round in 1..5 {
                        for word in &words[..8] {
                            word.fetch_add(round, SeqCst);
                        }
                        getpid();
                    }
                    // SAFETY: the 16 words are inside the mapping, and the direction flag is clear.
                    unsafe {
                        std::arch::asm!(
                            "rep stosq",
                            inout("rcx") 16_u64 => _,
                            inout("rdi") words[8..].as_ptr() => _,
                            in("rax") 5_u64,
                        );
                    }
                    for (i, word) in words[24..40].iter().enumerate() {
                        word.store(std::hint::black_box(i as u64), SeqCst);
                    }
                    gate.end();
                })
            },
            |_, _| {
                states.push(page.first::<40>());
                Verdict::CLEAN
            },
        )
        .unwrap();
    (report, states)
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes in unoptimised code")]
fn breakpoints_change_no_point() {
    let _guard = guard("breakpoints");
    let page = Page::new();
    let sweep = Sweep::new("toy.shapes").every_instruction();
    let (quick, quick_states) = sweep_many_shapes(&page, &sweep);
    let (slow, slow_states) = sweep_many_shapes(&page, &sweep.clone().breakpoints(false));
    assert_eq!(quick.points, slow.points);
    assert!(quick_states == slow_states, "the same state at each point");
    assert!(quick.steps < slow.steps, "{} < {}", quick.steps, slow.steps);
}

/// What survivors see is the same, in the same order, with and without the boundaries at which nothing has changed.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes in unoptimised code")]
fn no_state_is_passed_over() {
    let _guard = guard("changes");
    let page = Page::new();
    let sweep = Sweep::new("toy.shapes");
    let (every, all) = sweep_many_shapes(&page, &sweep.clone().every_instruction());
    assert_eq!(every.same, 0);
    // Ends of syscalls are points although nothing has changed, and so is a boundary at which another test's memory has.
    let distinct = |mut states: Vec<_>| {
        states.dedup();
        states
    };
    let all = distinct(all);
    for breakpoints in [true, false] {
        let (changes, some) = sweep_many_shapes(&page, &sweep.clone().breakpoints(breakpoints));
        assert_eq!(changes.points + changes.same, every.points, "{changes}");
        assert!(changes.same > 0, "{changes}");
        assert!(distinct(some) == all, "the same states");
    }
}

/// A clock that is read again, or a waiter that turns once more, makes the way to a syscall longer for some victims.
#[test]
fn a_sweep_ends_when_victims_go_ways_of_different_lengths() {
    let _guard = guard("ways of different lengths");
    let page = Page::new();
    for breakpoints in [true, false] {
        let mut victims = 0;
        let page = &page;
        let make = || {
            page.clear();
            victims += 1;
            assert!(victims < 2000, "the sweep goes to and fro");
            let turns = if victims % 2 == 0 { 1 } else { 20 };
            Victim::fork(move |gate| {
                gate.begin();
                for turn in 0..turns {
                    std::hint::black_box(turn);
                }
                page.words()[0].store(1, SeqCst);
                getpid();
                page.words()[1].store(1, SeqCst);
                gate.end();
            })
        };
        let mut seen = BTreeSet::new();
        let check = |_: u64, _: bool| {
            seen.insert(page.first::<2>());
            Verdict::CLEAN
        };
        let report = Sweep::new("toy.uneven").breakpoints(breakpoints).run(make, check).unwrap();
        report.assert_clean();
        assert_eq!(seen, BTreeSet::from([[0, 0], [1, 0], [1, 1]]), "{report}");
    }
}
