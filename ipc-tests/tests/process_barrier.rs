//! Barriers between separately started programs.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{Barrier, BarrierError, BarrierTimeoutError, Fault, JoinError, Region};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("rounds", rounds), ("meet", meet), ("join", join), ("leave", leave)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> (Region, Barrier) {
    let region = Region::open(&args.get("name")).unwrap();
    let barrier = region.barrier("b").open().unwrap();
    (region, barrier)
}

fn create(name: &TempName, parties: u32) -> (Region, Barrier) {
    let region = Region::create(name.as_str()).unwrap();
    let barrier = region.barrier("b").parties(parties).create().unwrap();
    (region, barrier)
}

fn rounds(args: &Args) {
    let (region, barrier) = open(args);
    let came = region.counter("came").open_or_create().unwrap();
    let led = region.counter("led").open_or_create().unwrap();
    for round in 1..=args.number("rounds") {
        came.fetch_add(1).unwrap();
        if barrier.wait().unwrap().is_leader() {
            led.fetch_add(1).unwrap();
        }
        let so_far = came.load().unwrap();
        let parties = u64::from(barrier.parties());
        assert!(so_far >= round * parties, "round {round}: only {so_far} had come");
        assert!(so_far < (round + 1) * parties, "round {round}: {so_far} have come, somebody is a round ahead");
    }
}

/// Four processes meet a thousand times: nobody runs ahead, and one leads each time.
#[test]
fn many_rounds() {
    let _watchdog = Watchdog::new(LIMIT, "many_rounds");
    let name = TempName::new("barrier");
    let (region, _barrier) = create(&name, 4);
    let mut parties = [(); 4].map(|()| children::spawn("rounds", &[("name", name.as_str()), ("rounds", "1000")]));
    assert!(parties.iter_mut().all(|party| party.wait().success()));
    assert_eq!(region.counter("led").open().unwrap().load(), Ok(1000));
}

/// Meets as often as it is told to, and says what came of it.
fn meet(args: &Args) {
    let (_region, barrier) = open(args);
    children::say("here");
    loop {
        match children::hear().as_str() {
            "wait" => children::say(&format!("{:?}", barrier.wait().map(|_| "met"))),
            "reset" => {
                barrier.reset().unwrap();
                children::say("reset");
            }
            _ => return,
        }
    }
}

fn meeting(name: &TempName) -> children::Child {
    let mut child = children::spawn("meet", &[("name", name.as_str())]);
    child.expect("here");
    child
}

fn until_waiting(barrier: &Barrier, number: usize) {
    while barrier.waiting() != number {
        std::thread::yield_now();
    }
}

/// One of three is killed while it waits: the other one that waits, and the one that comes, are told. After a reset, they meet
/// with another one.
#[test]
fn a_waiting_member_dies() {
    let _watchdog = Watchdog::new(LIMIT, "a_waiting_member_dies");
    let name = TempName::new("dies-waiting");
    let (_region, barrier) = create(&name, 3);
    let (mut one, mut other) = (meeting(&name), meeting(&name));
    one.say("wait");
    other.say("wait");
    until_waiting(&barrier, 2);
    one.sigkill();
    other.expect("Err(the barrier is broken)");
    assert_eq!(barrier.wait(), Err(BarrierError::Broken));
    assert!(barrier.is_broken());
    other.say("wait");
    other.expect("Err(the barrier is broken)");

    barrier.reset().unwrap();
    assert!(!barrier.is_broken());
    let mut third = meeting(&name);
    other.say("wait");
    third.say("wait");
    assert!(barrier.wait().is_ok());
    other.expect("Ok(\"met\")");
    third.expect("Ok(\"met\")");
}

/// A member is killed between two rounds: those who wait for it are told, without a question of their own.
#[test]
fn a_member_dies_between_rounds() {
    let _watchdog = Watchdog::new(LIMIT, "a_member_dies_between_rounds");
    let name = TempName::new("dies-between");
    let (_region, barrier) = create(&name, 2);
    let mut member = meeting(&name);
    member.say("wait");
    assert!(barrier.wait().is_ok());
    member.expect("Ok(\"met\")");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| barrier.wait());
        until_waiting(&barrier, 1);
        member.sigkill();
        assert_eq!(waiter.join().unwrap(), Err(BarrierError::Broken));
    });
    // Its number goes to the next process: the barrier stays broken until it is reset.
    let mut next = meeting(&name);
    next.say("wait");
    next.expect("Err(the barrier is broken)");
    next.say("reset");
    next.expect("reset");
    next.say("wait");
    assert!(barrier.wait().is_ok());
    next.expect("Ok(\"met\")");
}

fn join(args: &Args) {
    let (_region, barrier) = open(args);
    barrier.join().unwrap();
    children::say("joined");
    let _ = children::hear();
}

/// A process that joined is a member before it comes for the first time; also if its place was swept before anybody waited.
#[test]
fn a_member_dies_before_it_comes() {
    let _watchdog = Watchdog::new(LIMIT, "a_member_dies_before_it_comes");
    for swept in [false, true] {
        let name = TempName::new("dies-before");
        let (region, barrier) = create(&name, 2);
        let mut member = children::spawn("join", &[("name", name.as_str())]);
        member.expect("joined");
        member.sigkill();
        if swept {
            assert_eq!(region.recover().unwrap(), 1);
        }
        assert_eq!(barrier.wait(), Err(BarrierError::Broken), "swept: {swept}");
    }
}

fn leave(args: &Args) {
    let (_region, barrier) = open(args);
    assert!(barrier.wait().is_ok());
    let clone = barrier.clone();
    drop(barrier);
    children::say("met");
    assert_eq!(children::hear(), "leave");
    drop(clone);
    children::say("left");
    let _ = children::hear();
}

/// A member that drops its last handle, or ends in good order, breaks nothing: another process takes its part.
#[test]
fn a_member_that_leaves_breaks_nothing() {
    let _watchdog = Watchdog::new(LIMIT, "a_member_that_leaves_breaks_nothing");
    let name = TempName::new("leaves");
    let (_region, barrier) = create(&name, 2);
    let mut first = children::spawn("leave", &[("name", name.as_str())]);
    assert!(barrier.wait().is_ok());
    first.expect("met");
    first.say("leave");
    first.expect("left");
    first.sigkill();
    let mut second = meeting(&name);
    second.say("wait");
    assert!(barrier.wait().is_ok());
    second.expect("Ok(\"met\")");
    second.say("end");
    assert!(second.wait().success());
    let mut third = meeting(&name);
    third.say("wait");
    assert!(barrier.wait().is_ok());
}

/// A member that is stopped is waited for.
#[test]
fn a_stopped_member_is_waited_for() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_member_is_waited_for");
    let name = TempName::new("stopped");
    let (_region, barrier) = create(&name, 2);
    let mut member = meeting(&name);
    member.say("wait");
    assert!(barrier.wait().is_ok());
    member.expect("Ok(\"met\")");
    member.sigstop();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| barrier.wait());
        until_waiting(&barrier, 1);
        // As long as some checks of the others take.
        let never = barrier.region().counter("never").create().unwrap();
        assert!(never.wait_until_timeout(Duration::from_millis(60), |value| value == 1).unwrap_err().is_timeout());
        assert_eq!(barrier.waiting(), 1);
        member.say("wait");
        member.sigcont();
        assert!(waiter.join().unwrap().is_ok());
    });
    member.expect("Ok(\"met\")");
}

/// A party whose round was broken while it was stopped is told so, however many rounds of others came and went meanwhile.
#[test]
fn a_stopped_party_is_told_of_its_own_round() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_party_is_told_of_its_own_round");
    for rounds in [15, 17, 40] {
        let name = TempName::new("stopped-party");
        let (_region, barrier) = create(&name, 2);
        let mut party = meeting(&name);
        party.say("wait");
        until_waiting(&barrier, 1);
        party.sigstop();
        assert_eq!((barrier.abort(), barrier.reset()), (Ok(true), Ok(())));
        std::thread::scope(|scope| {
            let other = scope.spawn(|| (0..rounds).all(|_| barrier.wait().is_ok()));
            assert!((0..rounds).all(|_| barrier.wait().is_ok()));
            assert!(other.join().unwrap());
        });
        party.sigcont();
        party.expect("Err(the barrier is broken)");
    }
}

/// A party that was stopped for many rounds of others, none of which broke, has met those of its own round.
#[test]
fn a_stopped_party_has_met_the_others() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_party_has_met_the_others");
    let name = TempName::new("stopped-met");
    let (_region, barrier) = create(&name, 2);
    let mut party = meeting(&name);
    party.say("wait");
    until_waiting(&barrier, 1);
    party.sigstop();
    std::thread::scope(|scope| {
        assert!(barrier.wait().is_ok());
        let other = scope.spawn(|| (0..40).all(|_| barrier.wait().is_ok()));
        assert!((0..40).all(|_| barrier.wait().is_ok()));
        assert!(other.join().unwrap());
    });
    party.sigcont();
    party.expect("Ok(\"met\")");
}

/// Threads are parties, too; time limits, aborts and resets end everybody's waiting.
#[test]
fn breaking_and_resetting() {
    let _watchdog = Watchdog::new(LIMIT, "breaking_and_resetting");
    let region = Region::options().anonymous().unwrap();
    let barrier = region.barrier("b").parties(3).create().unwrap();
    let with_two_waiting = |act: &dyn Fn()| {
        std::thread::scope(|scope| {
            let waiters = [(); 2].map(|()| scope.spawn(|| barrier.wait()));
            until_waiting(&barrier, 2);
            act();
            waiters.map(|waiter| waiter.join().unwrap())
        })
    };
    let broken = [Err(BarrierError::Broken); 2];
    assert_eq!(with_two_waiting(&|| assert_eq!(barrier.abort(), Ok(true))), broken);
    assert_eq!(barrier.abort(), Ok(false));
    barrier.reset().unwrap();
    assert_eq!(with_two_waiting(&|| barrier.reset().unwrap()), broken);
    assert!(!barrier.is_broken());
    let met = with_two_waiting(&|| assert!(barrier.wait_timeout(Duration::from_secs(30)).is_ok()));
    assert!(met.iter().all(Result::is_ok));

    assert_eq!(barrier.wait_timeout(Duration::from_millis(5)), Err(BarrierTimeoutError::Timeout));
    assert_eq!(barrier.wait_deadline(Instant::now()), Err(BarrierTimeoutError::Broken));
    barrier.reset().unwrap();
    assert_eq!(barrier.wait_deadline(Instant::now()), Err(BarrierTimeoutError::Timeout));
    barrier.reset().unwrap();
    // One that gives up takes the patient ones with it.
    assert_eq!(barrier.waiting(), 0);
    std::thread::scope(|scope| {
        let patient = scope.spawn(|| barrier.wait());
        until_waiting(&barrier, 1);
        assert_eq!(barrier.wait_deadline(Instant::now()), Err(BarrierTimeoutError::Timeout));
        assert_eq!(patient.join().unwrap(), Err(BarrierError::Broken));
    });

    let alone = region.barrier("alone").parties(1).create().unwrap();
    assert!((0..3).all(|_| alone.wait().unwrap().is_leader()));
    assert_eq!(alone.join(), Err(JoinError::Full));
}

/// What is wrong is said.
#[test]
fn errors_say_what_differs() {
    let region = Region::options().anonymous().unwrap();
    let error = region.barrier("round").open_or_create().unwrap_err();
    assert_eq!(error.to_string(), "barrier \"round\": not there yet, and its parties were not said");
    for impossible in [0, 65_537] {
        let error = region.barrier("round").parties(impossible).create().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("barrier \"round\": parties: {impossible} is not possible, only 1 to 65536")
        );
    }
    region.barrier("round").parties(2).create().unwrap();
    let error = region.barrier("round").parties(3).open().unwrap_err();
    assert_eq!(error.to_string(), "barrier \"round\": parties 3 here, 2 in the region");
    assert_eq!(region.barrier("round").open().unwrap().parties(), 2);
}

/// After fork, the child's handle answers with an error, and the child is no member.
#[test]
fn a_forked_handle_says_so() {
    let region = Region::options().anonymous().unwrap();
    let barrier = region.barrier("b").parties(2).create().unwrap();
    barrier.join().unwrap();
    assert!(children::holds_after_fork(|| {
        drop(barrier.clone());
        barrier.wait() == Err(BarrierError::Fault(Fault::Forked))
            && barrier.join() == Err(JoinError::Fault(Fault::Forked))
            && barrier.abort() == Err(Fault::Forked)
            && barrier.reset() == Err(Fault::Forked)
    }));
    barrier.join().unwrap();
    assert_eq!(barrier.join(), Err(JoinError::Full), "the parent's seat is still its own");
}
