//! Loan queues between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{Fault, LoanQueue, LoanTimeoutError, RecvError, RecvTimeoutError, Region, TryLoanError, TryRecvError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(20);
const BLOCKS: usize = 6;
const LEN: usize = 1000;

const ROLES: &[Role] =
    &[("send", send), ("send_on", send_on), ("receive_on", receive_on), ("hold", hold), ("forward", forward)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> LoanQueue<u32> {
    Region::open(&args.get("name")).unwrap().loan_queue("frames").open().unwrap()
}

fn create(name: &TempName) -> LoanQueue<u32> {
    let region = Region::create(name.as_str()).unwrap();
    region.loan_queue("frames").blocks(BLOCKS).block_len(LEN).create().unwrap()
}

fn len_of(number: u32) -> usize {
    2 + (number as usize * 37) % (LEN - 2)
}

/// Sends message `number` of `sender`, whose length and elements follow from both.
fn post(queue: &LoanQueue<u32>, sender: u32, number: u32) {
    let mut loan = queue.loan_uninit(len_of(number)).unwrap();
    loan.set(0, sender);
    loan.set(1, number);
    for i in 2..loan.len() {
        loan.set(i, number ^ i as u32);
    }
    loan.send().unwrap();
}

/// Sender and number of a message, which has to be whole.
fn check(received: ipc_posix::LoanedMessage<'_, u32>) -> (u32, u32) {
    let (sender, number) = (received.get(0).unwrap(), received.get(1).unwrap());
    assert_eq!(received.len(), len_of(number));
    assert!(received.iter().enumerate().skip(2).all(|(i, element)| element == number ^ i as u32), "a torn message");
    (sender, number)
}

fn send(args: &Args) {
    let (queue, me) = (open(args), args.number("me") as u32);
    (0..3000).for_each(|number| post(&queue, me, number));
}

/// Three senders and two receiving threads: all arrive, whole, and at each receiver every sender's in order.
#[test]
fn many_to_many() {
    let _watchdog = Watchdog::new(LIMIT, "many_to_many");
    let name = TempName::new("loans");
    let queue = create(&name);
    let receivers = [(); 2].map(|()| {
        let queue = queue.clone();
        std::thread::spawn(move || {
            let (mut last, mut count) = ([None::<u32>; 3], 0);
            loop {
                match queue.recv() {
                    Ok(received) => {
                        let (sender, number) = check(received);
                        let before = last[sender as usize].replace(number);
                        assert!(before.is_none_or(|before| before < number));
                        count += 1;
                    }
                    Err(end) => {
                        assert_eq!(end, RecvError::Closed);
                        return count;
                    }
                }
            }
        })
    });
    let mut senders = ["0", "1", "2"].map(|me| children::spawn("send", &[("name", name.as_str()), ("me", me)]));
    assert!(senders.iter_mut().all(|sender| sender.wait().success()));
    queue.close().unwrap();
    let count: u32 = receivers.into_iter().map(|receiver| receiver.join().unwrap()).sum();
    assert_eq!((count, queue.free_blocks()), (9000, BLOCKS));
}

fn send_on(args: &Args) {
    let queue = open(args);
    children::say("going");
    let mut next = args.number("next") as u32;
    loop {
        post(&queue, 0, next);
        next += 1;
    }
}

/// Senders are killed thirty times in full swing: no gap, nothing torn, and all blocks come back.
#[test]
fn senders_die() {
    let _watchdog = Watchdog::new(LIMIT, "senders_die");
    let name = TempName::new("senders");
    let queue = create(&name);
    let mut next = 0;
    for _ in 0..30 {
        let mut child = children::spawn("send_on", &[("name", name.as_str()), ("next", &next.to_string())]);
        child.expect("going");
        let enough = next + 300;
        while next < enough {
            assert_eq!(check(queue.recv_timeout(PATIENCE).unwrap()), (0, next));
            next += 1;
        }
        child.sigkill();
        while let Ok(received) = queue.try_recv() {
            assert_eq!(check(received), (0, next));
            next += 1;
        }
        let all: Vec<_> = (0..BLOCKS).map(|_| queue.try_loan_uninit(1).unwrap()).collect();
        assert_eq!(queue.try_loan_uninit(1).unwrap_err(), TryLoanError::Exhausted);
        drop(all);
    }
}

fn receive_on(args: &Args) {
    let queue = open(args);
    let got = queue.region().counter("got").open().unwrap();
    children::say("going");
    loop {
        got.store(check(queue.recv().unwrap()).1.into()).unwrap();
    }
}

/// Receivers are killed thirty times in full swing: nothing comes twice, at most what the dead one had is missing, and all blocks come
/// back.
#[test]
fn receivers_die() {
    let _watchdog = Watchdog::new(LIMIT, "receivers_die");
    let name = TempName::new("receivers");
    let queue = create(&name);
    let got = queue.region().counter("got").create().unwrap();
    let mut next = 1;
    for _ in 0..30 {
        let mut child = children::spawn("receive_on", &[("name", name.as_str())]);
        child.expect("going");
        let enough = next + 300;
        while next < enough {
            post(&queue, 0, next);
            next += 1;
        }
        child.sigkill();
        let last = got.load().unwrap() as u32;
        let left: Vec<u32> = std::iter::from_fn(|| queue.try_recv().ok()).map(|received| check(received).1).collect();
        let first = left.first().copied().unwrap_or(next);
        assert!(first == last + 1 || first == last + 2, "noted {last}, then {first}");
        assert!(left.iter().copied().eq(first..next));
        let all: Vec<_> = (0..BLOCKS).map(|_| queue.try_loan_uninit(1).unwrap()).collect();
        drop(all);
    }
}

/// Holds two loans and two messages.
fn hold(args: &Args) {
    let queue = open(args);
    let _loans = [queue.loan(3).unwrap(), queue.loan(4).unwrap()];
    let _messages = [queue.recv().unwrap(), queue.recv().unwrap()];
    children::say("holding");
    let _ = children::hear();
}

/// A stopped process keeps the blocks that it has and holds up nobody; a waiting borrower gets them when it dies.
#[test]
fn a_holder_is_stopped_and_dies() {
    let _watchdog = Watchdog::new(LIMIT, "a_holder_is_stopped_and_dies");
    let name = TempName::new("holder");
    let queue = create(&name);
    post(&queue, 0, 1);
    post(&queue, 0, 2);
    let mut child = children::spawn("hold", &[("name", name.as_str())]);
    child.expect("holding");
    child.sigstop();
    for number in 0..100 {
        post(&queue, 0, number);
        assert_eq!(check(queue.try_recv().unwrap()), (0, number));
    }
    let mine = [queue.try_loan(1).unwrap(), queue.try_loan(1).unwrap()];
    assert_eq!(queue.try_loan(1).unwrap_err(), TryLoanError::Exhausted);
    assert_eq!(queue.loan_uninit_timeout(1, Duration::from_millis(2)).unwrap_err(), LoanTimeoutError::Timeout);
    let waiting = {
        let queue = queue.clone();
        std::thread::spawn(move || (0..4).map(|_| queue.loan(1)).filter(Result::is_ok).count())
    };
    child.sigkill();
    assert_eq!(waiting.join().unwrap(), 4);
    drop(mine);
    assert_eq!(queue.free_blocks(), BLOCKS);
}

/// What a dead process had sent keeps its blocks, and a process that waits for one sleeps meanwhile.
#[test]
fn who_waits_behind_a_dead_senders_messages_sleeps() {
    let _watchdog = Watchdog::new(LIMIT, "who_waits_behind_a_dead_senders_messages_sleeps");
    let name = TempName::new("waiting");
    let queue = create(&name);
    let mut child = children::spawn("send_on", &[("name", name.as_str()), ("next", "0")]);
    child.expect("going");
    while queue.len() < BLOCKS {
        std::thread::yield_now();
    }
    child.sigkill();
    let computed = || {
        // SAFETY: all zeroes is a value, and there is room for the result.
        unsafe {
            let mut time: libc::timespec = std::mem::zeroed();
            libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time);
            Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        }
    };
    let before = computed();
    assert_eq!(queue.loan_uninit_timeout(1, Duration::from_millis(400)).unwrap_err(), LoanTimeoutError::Timeout);
    // A tenth of the time, where it would be all of it.
    assert!(computed() - before < Duration::from_millis(40), "{:?} of computing", computed() - before);
    assert_eq!(queue.len(), BLOCKS);
}

/// Doubles each message in place and sends it to the next queue's reader: here, the same queue of another region.
fn forward(args: &Args) {
    let queue = open(args);
    let mut received = queue.recv().unwrap().into_loan();
    let doubled: Vec<u32> = (0..received.len() as u32).map(|i| i * 2).collect();
    received.copy_from_slice(&doubled);
    received.truncate(2);
    received.send().unwrap();
}

/// A message is changed in its block and sent back.
#[test]
fn a_block_goes_on() {
    let _watchdog = Watchdog::new(LIMIT, "a_block_goes_on");
    let name = TempName::new("forward");
    let queue = create(&name);
    queue.send_copy(&[0, 1, 2]).unwrap();
    assert!(children::spawn("forward", &[("name", name.as_str())]).wait().success());
    let received = queue.recv().unwrap();
    // SAFETY: the only other process with access has ended.
    assert_eq!(unsafe { received.as_slice() }, [0, 2]);
}

/// What is not possible is told with its numbers.
#[test]
fn what_is_not_possible() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.loan_queue::<u64>("frames").blocks(2).block_len(4).create().unwrap();
    let error = queue.try_loan(5).unwrap_err();
    assert_eq!(
        (error, error.to_string().as_str()),
        (TryLoanError::TooLong { len: 5, max: 4 }, "a message of 5 elements, a block has 4 (`block_len` sets this)")
    );
    let zeroes = queue.try_loan(4).unwrap();
    zeroes.send().unwrap();
    assert_eq!(queue.try_recv().unwrap().to_vec(), [0; 4]);
    assert_eq!(queue.try_recv().unwrap_err(), TryRecvError::Empty);
    assert_eq!(queue.recv_timeout(Duration::from_millis(2)).unwrap_err(), RecvTimeoutError::Timeout);
    queue.send_copy(&[]).unwrap();
    let loan = queue.try_loan(1).unwrap();
    queue.close().unwrap();
    let error = loan.send().unwrap_err();
    assert_eq!((error.is_closed(), error.to_string().as_str()), (true, "sending on a closed queue"));
    let loan = error.into_inner();
    assert_eq!(loan.len(), 1);
    assert!(queue.recv().unwrap().is_empty());
    assert_eq!(queue.recv().unwrap_err(), RecvError::Closed);
    let message = |error: ipc_posix::ObjectError| error.to_string();
    assert_eq!(
        message(region.loan_queue::<u64>("frames").block_len(5).open().unwrap_err()),
        "loan queue \"frames\": block length 5 here, 4 in the region"
    );
    assert_eq!(
        message(region.loan_queue::<u64>("frames").blocks(3).open().unwrap_err()),
        "loan queue \"frames\": blocks 3 here, 2 in the region"
    );
    assert!(children::holds_after_fork(|| {
        queue.try_loan(1).is_err_and(|error| error == TryLoanError::Fault(Fault::Forked))
            && queue.try_recv().is_err_and(|error| error == TryRecvError::Fault(Fault::Forked))
    }));
    drop(loan);
    assert_eq!(queue.free_blocks(), 2);
}

/// A peer that writes nonsense into the words does no harm beyond the queue: no panic, no endless loop, no access outside.
#[test]
fn words_that_make_no_sense() {
    let _watchdog = Watchdog::new(LIMIT, "words_that_make_no_sense");
    let name = TempName::new("nonsense");
    let queue = create(&name);
    let info = queue.region().list().remove(0);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(queue.region().path().unwrap()).unwrap();
    use std::os::unix::fs::FileExt;
    let mut good = vec![0; 1024];
    file.read_exact_at(&mut good, info.offset + 128).unwrap();
    for at in (0..1024).step_by(8) {
        for nonsense in [1, 1 << 20, u64::MAX] {
            file.write_all_at(&good, info.offset + 128).unwrap();
            let _ = queue.try_send_copy(&[1]);
            file.write_all_at(&u64::to_ne_bytes(nonsense), info.offset + 128 + at).unwrap();
            for _ in 0..3 {
                let _ = queue.try_recv().map(|received| received.to_vec());
                let _ = queue.try_send_copy(&[1, 2, 3]);
            }
        }
    }
    file.write_all_at(&good, info.offset + 128).unwrap();
    queue.try_send_copy(&[4]).unwrap();
    assert_eq!(queue.try_recv().unwrap().to_vec(), [4]);
}
