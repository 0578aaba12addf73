//! The harness itself: a sweep sees every state, and it can fail.

#![cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::stepper::{self, PairSweep, StepOutcome, Sweep, SweepReport, Verdict, Victim, VictimError};
use ipc_tests::watchdog::Watchdog;

/// A page that parent and victims share.
struct Page(*mut AtomicU64);

impl Page {
    const WORDS: usize = 512;

    fn new() -> Self {
        // SAFETY: a new anonymous mapping, at an address of the kernel's choice.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                Self::WORDS * size_of::<AtomicU64>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(page, libc::MAP_FAILED);
        Self(page.cast())
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has that many zeroed words, lives as long as `self`, and is only used
        // through atomics.
        unsafe { std::slice::from_raw_parts(self.0, Self::WORDS) }
    }

    fn clear(&self) {
        self.words().iter().for_each(|word| word.store(0, SeqCst));
    }

    fn first<const N: usize>(&self) -> [u64; N] {
        std::array::from_fn(|i| self.words()[i].load(SeqCst))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`; no slice outlives `self`.
        unsafe { libc::munmap(self.0.cast(), Self::WORDS * size_of::<AtomicU64>()) };
    }
}

fn guard(what: &str) -> Watchdog {
    stepper::pin_to_one().expect("a CPU of our own");
    Watchdog::new(Duration::from_secs(120), what)
}

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
    assert!(report.is_clean());
    report.lost = 1;
    assert!(!report.is_clean());
}

#[test]
#[should_panic(expected = "sweep nothing: points=0 wedged=0")]
fn a_sweep_of_nothing_is_not_clean() {
    SweepReport { name: "nothing".to_owned(), ..Default::default() }.assert_clean();
}

/// How many bytes are in the pipe, without waiting.
fn bytes_in(pipe: &PipeReader) -> i32 {
    let mut count = 0;
    // SAFETY: FIONREAD writes one int, which is valid for the call.
    let done = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &mut count) };
    assert_eq!(done, 0);
    count
}

fn getpid() {
    // SAFETY: no arguments, no memory.
    unsafe { libc::syscall(libc::SYS_getpid) };
}

#[test]
fn a_syscall_is_killed_before_and_after() {
    let _guard = guard("syscalls");
    let page = Page::new();
    let pipe = Cell::new(None);
    let mut seen = BTreeSet::new();
    let report = stepper::sweep(
        "toy.syscalls",
        || {
            page.clear();
            let (reader, writer) = std::io::pipe().unwrap();
            pipe.set(Some(reader));
            Victim::fork(|gate| {
                let words = page.words();
                gate.begin();
                getpid();
                words[0].store(1, SeqCst);
                getpid();
                // SAFETY: one byte of a static.
                let wrote = unsafe { libc::write(writer.as_raw_fd(), b"x".as_ptr().cast(), 1) };
                words[1].store(wrote as u64, SeqCst);
                getpid();
                gate.end();
            })
        },
        |_, finished| {
            let state = (page.first::<2>(), bytes_in(&pipe.take().unwrap()));
            assert!(!finished || state == ([1, 1], 1));
            seen.insert(state);
            Verdict::CLEAN
        },
    )
    .unwrap();
    report.assert_clean();
    // In particular: written or not, with nobody told of it yet.
    assert_eq!(seen, BTreeSet::from([([0, 0], 0), ([1, 0], 0), ([1, 0], 1), ([1, 1], 1)]));
}

#[test]
fn a_kill_at_the_entry_undoes_the_syscall_and_at_the_exit_not() {
    let _guard = guard("syscall stops");
    for (stops, in_syscall, bytes) in [(0, false, 0), (1, true, 0), (2, false, 1), (3, true, 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut victim = Victim::fork(|gate| {
            gate.begin();
            // SAFETY: one byte of a static.
            unsafe { libc::write(writer.as_raw_fd(), b"x".as_ptr().cast(), 1) };
            getpid();
            gate.end();
        });
        victim.run_to_begin().unwrap();
        assert_eq!(victim.run_to_syscall_stop(stops).unwrap(), StepOutcome::Stepped);
        assert_eq!(victim.in_syscall(), in_syscall);
        victim.kill();
        assert_eq!(bytes_in(&reader), bytes, "{stops} stops");
    }
}

#[test]
fn each_step_is_one_instruction() {
    let _guard = guard("single steps");
    let mut victim = Victim::fork(|gate| {
        gate.begin();
        getpid();
        getpid();
        gate.end();
    });
    victim.run_to_begin().unwrap();
    let (mut last, mut syscalls) = (victim.rip().unwrap(), 0);
    loop {
        let before_syscall = victim.at_syscall().unwrap();
        syscalls += u32::from(before_syscall);
        if victim.step(1).unwrap() == StepOutcome::ReachedEnd {
            break;
        }
        let rip = victim.rip().unwrap();
        assert_ne!(rip, last, "a step goes on");
        assert!(!before_syscall || rip == last + 2, "a syscall is one step");
        last = rip;
    }
    assert_eq!(syscalls, 2);
    assert_eq!(victim.run_to_end().unwrap(), StepOutcome::Exited(0));

    // The same from a syscall stop: the first step is the instruction behind the syscall.
    let mut victim = Victim::fork(|gate| {
        gate.begin();
        getpid();
        getpid();
        gate.end();
    });
    victim.run_to_begin().unwrap();
    assert_eq!(victim.next_syscall_exit().unwrap(), StepOutcome::Stepped);
    let exit = victim.rip().unwrap();
    assert_eq!(victim.step(1).unwrap(), StepOutcome::Stepped);
    let moved = victim.rip().unwrap() - exit;
    assert!((1..16).contains(&moved), "one instruction behind the exit, not {moved} bytes");
    let (outcome, _) = victim.step_to_syscall(1000).unwrap();
    assert_eq!(outcome, StepOutcome::Stepped);
    assert!(victim.at_syscall().unwrap());
    assert_eq!(victim.next_syscall_exit().unwrap(), StepOutcome::Stepped);
    assert_eq!(victim.next_syscall_exit().unwrap(), StepOutcome::ReachedEnd);
}

#[test]
fn a_panic_is_an_error() {
    let _guard = guard("panic");
    let error = stepper::sweep(
        "toy.panic",
        || {
            Victim::fork(|gate| {
                gate.begin();
                // Not through the panic hook: its output is no part of this test.
                std::panic::resume_unwind(Box::new("the toy broke".to_owned()));
            })
        },
        |_, finished| {
            assert!(!finished);
            Verdict::CLEAN
        },
    )
    .unwrap_err();
    assert!(matches!(&error.cause, VictimError::Panicked(message) if message == "the toy broke"), "{error}");
}

#[test]
fn a_panic_in_the_setup_is_an_error() {
    let mut victim = Victim::fork(|_| std::panic::resume_unwind(Box::new("no setup")));
    let error = victim.run_to_begin().unwrap_err();
    assert!(matches!(&error, VictimError::Panicked(message) if message == "no setup"), "{error}");
}

#[test]
fn a_crash_an_exit_and_missing_marks_are_errors() {
    let _guard = guard("errors");
    let run = |mut victim: Victim| {
        victim.run_to_begin()?;
        victim.run_to_end()
    };
    let crash = run(Victim::fork(|gate| {
        gate.begin();
        // SAFETY: no memory is passed.
        unsafe { libc::abort() };
    }));
    assert!(matches!(crash, Err(VictimError::Signaled(libc::SIGABRT))), "{crash:?}");
    let exit = run(Victim::fork(|gate| {
        gate.begin();
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(3) };
    }));
    assert!(matches!(exit, Ok(StepOutcome::Exited(3))), "{exit:?}");
    let no_begin = run(Victim::fork(|_| ()));
    assert!(matches!(no_begin, Err(VictimError::Exited(0))), "{no_begin:?}");
    let only_end = run(Victim::fork(|gate| gate.end()));
    assert!(matches!(only_end, Err(VictimError::Marks)), "{only_end:?}");

    let error = stepper::sweep(
        "toy.exit",
        || {
            Victim::fork(|gate| {
                gate.begin();
                // SAFETY: no memory is passed.
                unsafe { libc::_exit(3) };
            })
        },
        |_, _| Verdict::CLEAN,
    )
    .unwrap_err();
    assert!(matches!(error.cause, VictimError::Exited(3)), "{error}");
}

fn futex_wait(word: &AtomicU64) {
    // SAFETY: the word lives in a mapping that outlasts the call; its low half is the futex word.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            std::ptr::from_ref(word),
            libc::FUTEX_WAIT,
            0_u32,
            std::ptr::null::<libc::timespec>(),
        )
    };
}

fn futex_wake(word: &AtomicU64) {
    // SAFETY: as in `futex_wait`.
    unsafe { libc::syscall(libc::SYS_futex, std::ptr::from_ref(word), libc::FUTEX_WAKE, 1) };
}

fn waiter(page: &Page) -> Victim {
    page.clear();
    Victim::fork(|gate| {
        let words = page.words();
        gate.begin();
        words[1].store(1, SeqCst);
        futex_wait(&words[0]);
        words[2].store(1, SeqCst);
        gate.end();
    })
}

#[test]
fn a_blocking_operation_ends_the_sweep_where_it_sleeps() {
    let _guard = guard("blocking");
    let page = Page::new();
    let sweep = Sweep::new("toy.wait").blocked_after(Duration::from_millis(100));
    let mut announced = 0;
    let report = sweep
        .clone()
        .blocked_ok(true)
        .run(
            || waiter(&page),
            |_, finished| {
                assert!(!finished);
                announced += u64::from(page.first::<3>() == [0, 1, 0]);
                Verdict::CLEAN
            },
        )
        .unwrap();
    report.assert_clean();
    assert_eq!(report.blocked, 1);
    assert!(announced > 0);

    let error = sweep.run(|| waiter(&page), |_, _| Verdict::CLEAN).unwrap_err();
    assert!(matches!(error.cause, VictimError::Blocked), "{error}");
}

#[test]
fn a_blocked_victim_can_be_woken() {
    let _guard = guard("woken");
    let page = Page::new();
    let mut victim = waiter(&page);
    victim.set_blocked_after(Duration::from_millis(100));
    victim.run_to_begin().unwrap();
    assert_eq!(victim.run_to_end().unwrap(), StepOutcome::Blocked);
    assert!(matches!(victim.rip(), Err(VictimError::NotStopped)));
    assert_eq!(victim.settle().unwrap(), StepOutcome::Blocked);
    page.words()[0].store(1, SeqCst);
    futex_wake(&page.words()[0]);
    assert_eq!(victim.settle().unwrap(), StepOutcome::ReachedEnd);
    victim.finish().unwrap();
    assert_eq!(page.first::<3>(), [1, 1, 1]);
}

#[test]
fn a_victim_that_runs_forever_is_hung() {
    let _guard = guard("hung");
    let page = Page::new();
    let mut victim = Victim::fork(|gate| {
        gate.begin();
        while page.words()[0].load(SeqCst) == 0 {
            std::hint::spin_loop();
        }
        gate.end();
    });
    victim.set_blocked_after(Duration::from_millis(20));
    victim.run_to_begin().unwrap();
    let error = victim.run_to_end().unwrap_err();
    assert!(matches!(error, VictimError::Hung), "{error}");
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

#[test]
fn a_killed_victim_is_gone_and_a_detached_one_finishes() {
    let _guard = guard("kill, detach");
    let page = Page::new();
    let make = || {
        Victim::fork(|gate| {
            gate.begin();
            page.words()[0].store(1, SeqCst);
            gate.end();
            page.words()[1].store(1, SeqCst);
        })
    };
    let mut killed = make();
    killed.run_to_begin().unwrap();
    let pid = killed.pid();
    killed.kill();
    // SAFETY: signal 0 only asks.
    assert_eq!(unsafe { libc::kill(pid, 0) }, -1, "the process is reaped");
    assert!(matches!(killed.step(1), Err(VictimError::NotStopped)));
    assert_eq!(page.first::<2>(), [0, 0]);

    let mut detached = make();
    detached.run_to_begin().unwrap();
    detached.cont_detach().unwrap();
    detached.finish().unwrap();
    assert_eq!(page.first::<2>(), [1, 1]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes in unoptimised code")]
fn a_paused_victim_lives_through_the_death_of_another() {
    let _guard = guard("pairs");
    let page = Page::new();
    let counter = |own: usize| {
        let page = &page;
        move || {
            if own == 1 {
                page.clear();
            }
            Victim::fork(move |gate| {
                let words = page.words();
                gate.begin();
                words[0].fetch_add(1, SeqCst);
                words[own].store(1, SeqCst);
                gate.end();
            })
        }
    };
    let mut seen = BTreeSet::new();
    let mut run = |strides| {
        stepper::sweep_pairs(
            "toy.count",
            strides,
            counter(1),
            counter(2),
            |pair| {
                let [sum, paused, killed] = page.first::<3>();
                assert!(!pair.paused_finished || paused == 1);
                assert!(!pair.killed_finished || killed == 1);
                seen.insert([paused, killed]);
                if sum >= paused + killed { Verdict::CLEAN } else { Verdict::TORN }
            },
            |_| {
                if page.first::<2>()[1] == 1 { Verdict::CLEAN } else { Verdict::LOST }
            },
        )
        .unwrap()
    };
    let all = run((1, 1));
    all.assert_clean();
    assert_eq!(all.sampled, 0);
    let some = run((2, 3));
    some.assert_clean();
    assert!(some.sampled > 0 && some.points < all.points, "{some}");
    assert_eq!(seen, BTreeSet::from([[0, 0], [0, 1], [1, 0], [1, 1]]));
}

#[test]
fn a_paused_victim_that_never_wakes_is_wedged() {
    let _guard = guard("wedged pair");
    let page = Page::new();
    // The other one has to wake it; killed before it does, it leaves it asleep.
    let report = PairSweep::new("toy.wake")
        .strides(1000, 1)
        .blocked_ok(true)
        .blocked_after(Duration::from_millis(40))
        .run(
            || waiter(&page),
            || {
                Victim::fork(|gate| {
                    gate.begin();
                    page.words()[0].store(1, SeqCst);
                    futex_wake(&page.words()[0]);
                    gate.end();
                })
            },
            |_| Verdict::CLEAN,
            |_| Verdict::CLEAN,
        )
        .unwrap();
    assert!(report.wedged > 0 && report.wedged < report.points, "{report}");
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

const ROLES: &[Role] = &[("echo", echo), ("silent", |_| ()), ("broken", broken), ("forever", forever)];

fn broken(args: &Args) {
    assert_eq!(args.try_get("name"), None);
    // Not through the panic hook: its output is no part of this test.
    std::panic::resume_unwind(Box::new("broken"));
}

fn echo(args: &Args) {
    children::say(&format!("hello {}", args.get("name")));
    assert_eq!(children::hear(), "go");
    children::say(&(args.number("number") + 1).to_string());
}

fn forever(_: &Args) {
    children::say("ready");
    loop {
        let said = children::hear();
        children::say(&said);
    }
}

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

#[test]
fn children_talk_stop_and_die() {
    let _guard = guard("children");
    let mut child = children::spawn("echo", &[("name", "you"), ("number", "41")]);
    assert_eq!(child.hear(), "hello you");
    child.say("go");
    child.expect("42");
    assert!(child.wait().success());

    let mut silent = children::spawn("silent", &[]);
    assert_eq!(silent.try_hear(), None);
    assert!(silent.wait().success());

    let mut broken = children::spawn("broken", &[]);
    assert_eq!(broken.try_hear(), None);
    assert_eq!(broken.wait().code(), Some(101));

    let mut forever = children::spawn("forever", &[]);
    forever.expect("ready");
    for _ in 0..2 {
        forever.sigstop();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", forever.pid())).unwrap();
        assert!(stat.contains(") T "), "{stat}");
        forever.say("still there?");
        forever.sigcont();
        forever.expect("still there?");
    }
    forever.sigkill_unreaped();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", forever.pid())).unwrap();
    assert!(stat.contains(") Z "), "{stat}");
    forever.sigkill();
    assert!(!std::path::Path::new(&format!("/proc/{}", forever.pid())).exists());

    let dropped = children::spawn("forever", &[]);
    let pid = dropped.pid();
    drop(dropped);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_temporary_name_cleans_up() {
    let name = TempName::new("temp-name");
    assert_ne!(name.as_str(), TempName::new("temp-name").as_str());
    File::create_new(name.path()).unwrap();
    File::create_new(name.path().with_extension("lock")).unwrap();
    assert_eq!(name.files().len(), 2);
    // A victim that unwinds over the name leaves the files alone.
    let copy = std::panic::AssertUnwindSafe(&name);
    let mut victim = Victim::fork(move |gate| {
        gate.begin();
        // SAFETY: the victim's own copy of the name, read once more only to drop it here.
        drop(unsafe { std::ptr::read(*copy) });
        gate.end();
        // The copy is dropped, so end before anything looks at it again.
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) };
    });
    victim.run_to_begin().unwrap();
    victim.finish().unwrap();
    assert_eq!(name.files().len(), 2);
    let path = name.path();
    drop(name);
    assert!(!path.exists() && !path.with_extension("lock").exists());
}

#[test]
fn a_pipe_of_a_dead_victim_closes() {
    let _guard = guard("closed pipe");
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut victim = Victim::fork(|gate| {
        let _held = &writer;
        gate.begin();
        gate.end();
    });
    drop(writer);
    victim.run_to_begin().unwrap();
    victim.kill();
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "nobody holds the other end");
}

/// Straight code, a loop, a call, a `rep` instruction and a syscall in the middle.
fn sweep_many_shapes(page: &Page, breakpoints: bool) -> (SweepReport, Vec<[u64; 40]>) {
    let mut states = Vec::new();
    let report = Sweep::new("toy.shapes")
        .breakpoints(breakpoints)
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
    let (quick, quick_states) = sweep_many_shapes(&page, true);
    let (slow, slow_states) = sweep_many_shapes(&page, false);
    assert_eq!(quick.points, slow.points);
    assert!(quick_states == slow_states, "the same state at each point");
    assert!(quick.steps < slow.steps, "{} < {}", quick.steps, slow.steps);
}
