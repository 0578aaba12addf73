//! Threads of one process that get in each other's way: what is counted stays counted, and a message that was sent is there.
//!
//! ```sh
//! IPC_TESTS_ROUNDS=10000000 cargo test --release -p ipc-tests --test thread_races -- --nocapture    # in all; few if it is not set
//! ```

#![cfg(not(loom))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use ipc_posix::{ForceSendError, JoinError, Region, TryRecvError, TrySendBytesError};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(100);
const THREADS: u64 = 4;

/// The rounds of all threads together: those of `IPC_TESTS_ROUNDS`, or few.
fn rounds(few: u64) -> (u64, Watchdog) {
    let rounds = std::env::var("IPC_TESTS_ROUNDS").map_or(few, |rounds| rounds.parse().expect("a number of rounds"));
    (rounds, Watchdog::new(LIMIT * (1 + rounds / 1_000_000) as u32, "threads that get in each other's way"))
}

/// The region of one process, and the same region as another participant sees it: what lies in shared memory and nothing else.
fn regions() -> (Region, Region) {
    let region = Region::options().anonymous().expect("a region");
    let other = Region::from_fd(region.try_clone_fd().expect("its file")).expect("the region is there");
    (region, other)
}

/// Each thread runs this as often as its part of the rounds says. The sum of the results.
fn in_all_threads(rounds: u64, round: impl Fn() -> u64 + Sync) -> u64 {
    let run = || (0..rounds / THREADS).map(|_| round()).sum::<u64>();
    std::thread::scope(|scope| {
        let threads = [(); THREADS as usize].map(|()| scope.spawn(run));
        threads.map(|thread| thread.join().expect("it ends")).into_iter().sum()
    })
}

/// Threads of one process make and drop halves all the time. While any of them lives, the process counts.
#[test]
fn living_halves_are_counted() {
    let (rounds, _watchdog) = rounds(40_000);
    let (region, other) = regions();
    let bytes = region.byte_queue("bytes").capacity(100).create().expect("a queue");
    let receiver = other.byte_queue("bytes").open().expect("it is there").receiver().expect("a half");
    drop(bytes.sender());
    assert!(receiver.is_disconnected());
    let uncounted = in_all_threads(rounds, || {
        let _sender = bytes.sender().expect("a half");
        receiver.is_disconnected().into()
    });
    println!("senders of bytes: {uncounted} of {rounds} did not count");
    assert_eq!(uncounted, 0, "living senders that do not count");
    assert!(receiver.is_disconnected());

    let queue = region.queue::<u64>("queue").capacity(2).create().expect("a queue");
    let sender = other.queue::<u64>("queue").open().expect("it is there").sender().expect("a half");
    drop(queue.receiver());
    assert!(sender.is_disconnected());
    let uncounted = in_all_threads(rounds, || {
        let _receiver = queue.receiver().expect("a half");
        sender.is_disconnected().into()
    });
    println!("receivers: {uncounted} of {rounds} did not count");
    assert_eq!(uncounted, 0, "living receivers that do not count");
    assert!(sender.is_disconnected());
}

/// One thread drops the process's last handle of a barrier while another one opens a handle and joins: the seat is taken until that
/// one is dropped, too.
#[test]
fn a_member_keeps_its_seat() {
    let (rounds, _watchdog) = rounds(20_000);
    let (region, other) = regions();
    drop(region.barrier("b").parties(1).create().expect("a barrier"));
    let other = other.barrier("b").open().expect("it is there");
    let open = || region.barrier("b").open().expect("it is there");
    let (ready, go, mut members, mut lost) = (AtomicU64::new(0), AtomicU64::new(0), 0, 0);
    let (give, take) = mpsc::channel();
    std::thread::scope(|scope| {
        let (ready, go) = (&ready, &go);
        scope.spawn(move || {
            for round in 1..=rounds {
                ready.store(round, Ordering::SeqCst);
                until(|| go.load(Ordering::SeqCst) == round);
                let mine = open();
                give.send((mine.join(), mine)).expect("it is taken");
            }
        });
        for round in 1..=rounds {
            let last = open();
            until(|| ready.load(Ordering::SeqCst) == round);
            go.store(round, Ordering::SeqCst);
            // Its end and the beginning of the other one meet at one of these.
            (0..round % 300).for_each(|_| std::hint::spin_loop());
            drop(last);
            let (joined, mine) = take.recv().expect("it is given");
            assert_eq!(joined, Ok(()), "the last handle took no seat");
            members += 1;
            match other.join() {
                Err(JoinError::Full) => {}
                Ok(()) => {
                    lost += 1;
                    other.leave().expect("it has joined");
                }
                Err(error) => panic!("{error}"),
            }
            drop(mine);
        }
    });
    println!("members: {lost} of {members} lost their seats");
    assert_eq!(lost, 0, "seats of members that were free");
}

/// Polls; lets others run if that takes long.
fn until(holds: impl Fn() -> bool) {
    while !(0..1000).any(|_| {
        std::hint::spin_loop();
        holds()
    }) {
        std::thread::yield_now();
    }
}

/// Each thread has sent a message before it asks for one, so there is one: that it is `Busy` to be had may be said, not that there is
/// none.
#[test]
fn a_queue_is_never_empty_after_ones_own_send() {
    let (rounds, _watchdog) = rounds(80_000);
    let (region, _) = regions();
    let queue = region.queue::<u64>("q").capacity(THREADS as usize).create().expect("a queue");
    let busy = in_all_threads(rounds, || {
        queue.try_send(0).expect("there is room for one of each thread");
        (0..).find(|_| received(queue.try_recv())).expect("it comes")
    });
    println!("queue: {rounds} rounds, none told Empty, {busy} answers Busy");
    assert!(queue.is_empty());

    let queue = region.byte_queue("bytes").capacity(100).create().expect("a queue");
    let busy = in_all_threads(rounds, || {
        // Full is said of a sender in the middle of its copy, too.
        while let Err(error) = queue.try_send(&[]) {
            assert_eq!(error, TrySendBytesError::Full);
        }
        (0..).find(|_| received(queue.try_recv_vec())).expect("it comes")
    });
    println!("bytes: {rounds} rounds, none told Empty, {busy} answers Busy");
    assert!(queue.is_empty());
}

/// Whether a message was received, after a send of one's own.
fn received<T>(result: Result<T, TryRecvError>) -> bool {
    match result {
        Ok(_) => true,
        Err(TryRecvError::Busy) => false,
        Err(error) => panic!("after a send of one's own: {error}"),
    }
}

/// Overwriting senders beside each other: one that does not get its message in has made room that another one took, or is behind a
/// sender that does not get on. Messages in and messages out are as many.
#[test]
fn overwriting_senders_get_on() {
    let (rounds, _watchdog) = rounds(80_000);
    let (region, _) = regions();
    let queue = region.queue::<u64>("q").capacity(2).create().expect("a queue");
    let (displaced, refused, in_vain) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    in_all_threads(rounds, || {
        let (out, count) = match queue.force_send(0) {
            Ok(out) => (out, None),
            Err(ForceSendError::Contended { displaced: Some(out), .. }) => (Some(out), Some(&refused)),
            Err(ForceSendError::Contended { displaced: None, .. }) => (None, Some(&in_vain)),
            Err(error) => panic!("{error}"),
        };
        displaced.fetch_add(out.is_some().into(), Ordering::Relaxed);
        count.map(|count| count.fetch_add(1, Ordering::Relaxed));
        0
    });
    let [displaced, refused, in_vain] = [displaced, refused, in_vain].map(AtomicU64::into_inner);
    println!(
        "overwriting: {rounds} rounds, {refused} made room for others, {in_vain} gave up without a displaced value"
    );
    let sent = rounds / THREADS * THREADS - refused - in_vain;
    assert_eq!(sent, displaced + queue.len() as u64, "as many in as out");
}
