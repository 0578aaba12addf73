//! One victim: its steps, its stops at system calls, its end.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{PipeReader, Read};
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering::SeqCst;

use ipc_tests::stepper::{self, StepOutcome, Verdict, Victim, VictimError};

use crate::guard;
use crate::page::Page;

/// How many bytes are in the pipe, without waiting.
fn bytes_in(pipe: &PipeReader) -> i32 {
    let mut count = 0;
    // SAFETY: FIONREAD writes one int, which is valid for the call.
    let done = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &mut count) };
    assert_eq!(done, 0);
    count
}

pub fn getpid() {
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
