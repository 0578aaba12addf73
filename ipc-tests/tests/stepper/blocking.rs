//! Victims that sleep, that never end, and that are paused while another dies.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use ipc_tests::stepper::{self, PairSweep, StepOutcome, Sweep, Verdict, Victim, VictimError};

use crate::guard;
use crate::page::Page;

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
    let mut run = |stride| {
        stepper::sweep_pairs(
            "toy.count",
            stride,
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
    let all = run(1);
    all.assert_clean();
    assert_eq!(all.sampled, 0);
    let some = run(2);
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
        .stride(1000)
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
