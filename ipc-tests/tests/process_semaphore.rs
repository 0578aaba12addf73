//! Separately started programs that share places and signals: never more inside than there are places, and what the dead
//! held comes back.

#![cfg(not(loom))]

use std::time::{Duration, Instant};

use ipc_posix::{
    AcquireError, AcquireTimeoutError, Fault, ObjectErrorKind, Queue, Region, ReleaseError, Semaphore, TryAcquireError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[("sing", sing), ("hold", hold), ("wait", wait), ("signal", signal), ("churn", churn)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn open(args: &Args) -> (Region, Semaphore) {
    let region = Region::open(&args.get("name")).unwrap();
    let semaphore = region.semaphore("s").open().unwrap();
    (region, semaphore)
}

fn create(name: &TempName, permits: u32, max: u32) -> Semaphore {
    Region::create(name.as_str()).unwrap().semaphore("s").permits(permits).max(max).create().unwrap()
}

fn spawn(role: &str, name: &TempName) -> children::Child {
    children::spawn(role, &[("name", name.as_str())])
}

/// What a singer tells the door: who, and whether it comes or goes.
const COMES: u64 = 1;
const GOES: u64 = 2;

/// Sings as often as it is told to, and tells the door; the one that is to die stays inside.
fn sing(args: &Args) {
    let (region, places) = open(args);
    let door: Queue<[u64; 2]> = region.queue("door").open().unwrap();
    let who = args.number("who");
    for _ in 0..args.number("songs") {
        let _place = places.acquire().unwrap();
        door.send([who, COMES]).unwrap();
        if args.try_get("stays").is_some() {
            children::say("inside");
            let _ = children::hear();
        }
        std::thread::yield_now();
        // Before the place is given back, so that the door never counts too few.
        door.send([who, GOES]).unwrap();
    }
}

/// Four places, six singers, and one that is killed inside: never more than four are inside, and its place is free again.
#[test]
fn a_karaoke_room() {
    let _watchdog = Watchdog::new(LIMIT, "a_karaoke_room");
    const SONGS: u64 = 200;
    let name = TempName::new("karaoke");
    let region = Region::create(name.as_str()).unwrap();
    let places = region.semaphore("s").permits(4).bounded().create().unwrap();
    let door = region.queue::<[u64; 2]>("door").capacity(4096).create().unwrap();
    let singer = |who: u64, songs: u64, stays: bool| {
        let (who, songs) = (who.to_string(), songs.to_string());
        let mut args = vec![("name", name.as_str()), ("who", who.as_str()), ("songs", songs.as_str())];
        args.extend(stays.then_some(("stays", "")));
        children::spawn("sing", &args)
    };
    let mut victim = singer(0, 1, true);
    victim.expect("inside");
    let mut singers: Vec<_> = (1..=5).map(|who| singer(who, SONGS, false)).collect();
    let mut inside = std::collections::BTreeSet::new();
    let (mut songs, mut full) = (0, 0);
    while songs < 5 * SONGS {
        let [who, what] = door.recv_timeout(Duration::from_secs(30)).expect("they go on singing");
        if what == COMES {
            assert!(inside.insert(who), "{who} is inside already");
            full = full.max(inside.len());
        } else {
            assert!(inside.remove(&who), "{who} was not inside");
            songs += 1;
        }
        // A goer says so before it goes: the next one may be told of earlier, but never more than the places.
        assert!(inside.len() <= 4, "{inside:?}");
        if songs == SONGS && inside.contains(&0) {
            victim.sigkill();
            inside.remove(&0);
        }
    }
    for singer in &mut singers {
        assert!(singer.wait().success());
    }
    assert!(full >= 2, "they sang one after the other");
    // All four places are there, without anybody's help.
    let all = places.try_acquire_many(4).unwrap();
    assert!(places.try_acquire().unwrap_err().is_no_permits());
    drop(all);
    assert_eq!(places.available(), 4);
}

/// Acquires permits, says how many, and waits to be killed or told to leave.
fn hold(args: &Args) {
    let (_region, semaphore) = open(args);
    let permits = semaphore.acquire_many(args.number("count") as u32).unwrap();
    children::say("held");
    assert_eq!(children::hear(), "leave");
    drop(permits);
}

/// Holders of different numbers that are killed: exactly what they held comes back; a stopped one keeps its permits.
#[test]
fn permits_of_the_dead_come_back_exactly() {
    let _watchdog = Watchdog::new(LIMIT, "permits_of_the_dead_come_back_exactly");
    let name = TempName::new("exactly");
    let semaphore = create(&name, 10, 16);
    let mut holders: Vec<_> = [1, 2, 3]
        .map(|count: u32| children::spawn("hold", &[("name", name.as_str()), ("count", &count.to_string())]))
        .into();
    holders.iter_mut().for_each(|holder| holder.expect("held"));
    assert_eq!(semaphore.available(), 4);
    holders[1].sigstop();
    assert!(semaphore.try_acquire_many(5).unwrap_err().is_no_permits(), "a stopped process lives");
    holders[2].sigkill_unreaped();
    // Killed and not reaped: a zombie is dead.
    let permits = semaphore.try_acquire_many(7).unwrap();
    assert!(semaphore.try_acquire().unwrap_err().is_no_permits());
    holders[1].sigcont();
    holders[1].say("leave");
    assert!(holders[1].wait().success());
    assert_eq!(semaphore.available(), 2);
    holders[0].sigkill();
    assert_eq!(semaphore.try_acquire_many(3).unwrap().count(), 3);
    assert!(semaphore.try_acquire_many(4).unwrap_err().is_no_permits());
    drop(permits);
    assert_eq!(semaphore.available(), 10);
    assert_eq!(semaphore.release(7), Err(ReleaseError::Full { wanted: 7, room: 6 }));
}

/// Waits for a permit and says when it has it.
fn wait(args: &Args) {
    let (_region, semaphore) = open(args);
    children::say("waiting");
    match semaphore.acquire() {
        Ok(permit) => {
            children::say("acquired");
            permit.forget().unwrap();
        }
        Err(AcquireError::Closed) => children::say("closed"),
        Err(error) => panic!("{error}"),
    }
}

/// A sleeping acquirer notices the holder's death within 20 ms, nearly always.
#[test]
fn a_death_is_noticed_soon() {
    let _watchdog = Watchdog::new(LIMIT, "a_death_is_noticed_soon");
    const ROUNDS: usize = 60;
    let name = TempName::new("soon");
    let semaphore = create(&name, 1, 1);
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let mut holder = children::spawn("hold", &[("name", name.as_str()), ("count", "1")]);
            holder.expect("held");
            let waiter = {
                let semaphore = semaphore.clone();
                std::thread::spawn(move || {
                    let permit = semaphore.acquire().unwrap();
                    (Instant::now(), permit.count())
                })
            };
            // Far into the sleep, at different points of its slices.
            std::thread::sleep(Duration::from_micros(20_000 + 731 * round as u64));
            let killed = Instant::now();
            holder.sigkill();
            let (acquired, count) = waiter.join().unwrap();
            assert_eq!(count, 1);
            acquired.saturating_duration_since(killed)
        })
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[(ROUNDS * percent / 100).min(ROUNDS - 1)];
    println!("semaphore: death noticed after {:?} (p50), {:?} (p90), {:?} (p99)", at(50), at(90), at(99));
    assert!(at(90) < Duration::from_millis(40), "{times:?}");
}

#[test]
fn closing_ends_waiters_in_other_processes() {
    let _watchdog = Watchdog::new(LIMIT, "closing_ends_waiters_in_other_processes");
    let name = TempName::new("closing");
    let semaphore = create(&name, 0, 4);
    let mut waiters: Vec<_> = (0..3).map(|_| spawn("wait", &name)).collect();
    waiters.iter_mut().for_each(|waiter| waiter.expect("waiting"));
    semaphore.release(1).unwrap();
    // The one that gets it is any of them.
    while semaphore.available() == 1 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(20));
    assert!(semaphore.close().unwrap());
    assert!(!semaphore.close().unwrap() && semaphore.is_closed());
    let mut said: Vec<_> = waiters.iter_mut().map(children::Child::hear).collect();
    said.sort_unstable();
    assert_eq!(said, ["acquired", "closed", "closed"]);
    assert_eq!(semaphore.try_acquire().map(drop), Err(TryAcquireError::Closed));
    assert_eq!(semaphore.acquire_timeout(Duration::ZERO).map(drop), Err(AcquireTimeoutError::Closed));
    // Releases still work, and nothing comes of them.
    semaphore.release(4).unwrap();
    assert_eq!((semaphore.acquire().map(drop), semaphore.available()), (Err(AcquireError::Closed), 4));
}

#[test]
fn time_limits() {
    let _watchdog = Watchdog::new(LIMIT, "time_limits");
    let region = Region::options().anonymous().unwrap();
    let semaphore = region.semaphore("s").permits(1).create().unwrap();
    // What is there wins over a time that has passed.
    let permit = semaphore.acquire_timeout(Duration::ZERO).unwrap();
    for limit in [0, 1, 30].map(Duration::from_millis) {
        let started = Instant::now();
        assert!(semaphore.acquire_timeout(limit).unwrap_err().is_timeout());
        assert!(semaphore.acquire_deadline(started + limit).unwrap_err().is_timeout());
        assert!(started.elapsed() >= limit);
        assert!(semaphore.acquire_many_timeout(2, limit).unwrap_err().is_timeout());
    }
    drop(permit);
    assert!(semaphore.acquire_many_timeout(2, Duration::from_millis(1)).unwrap_err().is_timeout());
    assert_eq!(semaphore.acquire_many(0).unwrap().count(), 0);
    assert_eq!(semaphore.acquire_many(1025).unwrap_err(), AcquireError::TooMany);
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn bounds_and_builders() {
    let name = TempName::new("bounds");
    let region = Region::create(name.as_str()).unwrap();
    let bounded = region.semaphore("bounded").permits(2).bounded().create().unwrap();
    assert_eq!(bounded.release(1), Err(ReleaseError::Full { wanted: 1, room: 0 }));
    let permit = bounded.acquire().unwrap();
    assert_eq!(bounded.release(1), Err(ReleaseError::Full { wanted: 1, room: 0 }), "a held permit counts");
    permit.forget().unwrap();
    assert_eq!(bounded.release(2), Err(ReleaseError::Full { wanted: 2, room: 1 }));
    bounded.release(1).unwrap();
    assert_eq!((bounded.available(), bounded.max()), (2, 2));

    assert!(matches!(region.semaphore("none").create().unwrap_err().kind(), ObjectErrorKind::NoCapacity));
    assert!(region.semaphore("none").permits(0).bounded().create().is_err());
    assert!(region.semaphore("none").permits(5).max(4).create().is_err());
    assert!(region.semaphore("none").permits(1).max(1 << 20).create().is_err());
    assert!(matches!(region.semaphore("none").open().unwrap_err().kind(), ObjectErrorKind::NotFound));
    let error = region.semaphore("bounded").max(3).open().unwrap_err();
    assert!(error.to_string().contains("capacity 3 here, 2 in the region"), "{error}");
    assert!(region.queue::<u64>("bounded").open().is_err(), "another kind");
    // The number at the beginning has no meaning for one that exists.
    assert_eq!(region.semaphore("bounded").permits(9).open_or_create().unwrap().available(), 2);
    assert_eq!(region.semaphore("large").permits(3000).max(3000).create().unwrap().max(), 3000);
    // As many as there can be, at once. (Each took a check of all the others once: minutes.)
    let most = ipc_core::semaphore::MOST_PERMITS;
    let wide = Region::options().size(8 << 20).anonymous().unwrap();
    let bell = wide.semaphore("bell").permits(0).max(most).create().unwrap();
    bell.release(most).unwrap();
    bell.acquire_many(most).unwrap().forget().unwrap();
    assert_eq!(bell.available(), 0);
    assert_eq!(region.semaphore("default").permits(0).create().unwrap().max(), 1024);
}

/// Owned permits go where handles go, and threads of one process may give back each other's.
#[test]
fn permits_move_between_threads() {
    let region = Region::options().anonymous().unwrap();
    let semaphore = region.semaphore("s").permits(3).create().unwrap();
    let owned = semaphore.acquire_many(2).unwrap().into_owned();
    let other = semaphore.try_acquire_owned().unwrap();
    assert!(semaphore.try_acquire_owned().is_err());
    std::thread::spawn(move || drop(owned)).join().unwrap();
    assert_eq!(semaphore.available(), 2);
    assert_eq!(other.semaphore().name(), "s");
    other.forget().unwrap();
    drop(region);
    assert_eq!(semaphore.acquire_many(2).unwrap().count(), 2);
    assert!(semaphore.try_acquire_many(3).unwrap_err().is_no_permits());
}

/// Posts signals, one or two at a time, and says how many.
fn signal(args: &Args) {
    let (_region, semaphore) = open(args);
    let count = args.number("count");
    for number in 0..count {
        while let Err(error) = semaphore.release(1 + (number % 2) as u32) {
            assert!(error.is_full(), "{error}");
            std::thread::yield_now();
        }
    }
}

/// Signals from several processes, consumed in several: none is lost, none comes twice.
#[test]
fn signals_are_counted_exactly() {
    let _watchdog = Watchdog::new(LIMIT, "signals_are_counted_exactly");
    const COUNT: u64 = 5000;
    let name = TempName::new("signals");
    let semaphore = create(&name, 0, 32);
    let posters: Vec<_> =
        (0..3).map(|_| children::spawn("signal", &[("name", name.as_str()), ("count", &COUNT.to_string())])).collect();
    let consumers: Vec<_> = (0..2)
        .map(|number| {
            let semaphore = semaphore.clone();
            std::thread::spawn(move || {
                let mut got = 0u64;
                let step = 1 + number;
                while let Ok(permit) = semaphore.acquire_many_timeout(step, Duration::from_secs(2)) {
                    got += u64::from(permit.count());
                    permit.forget().unwrap();
                }
                got
            })
        })
        .collect();
    for mut poster in posters {
        assert!(poster.wait().success());
    }
    let got: u64 = consumers.into_iter().map(|consumer| consumer.join().unwrap()).sum();
    assert_eq!(got + u64::from(semaphore.available()), 3 * (COUNT / 2) * 3);
}

/// Acquires and releases for ever, one and many.
fn churn(args: &Args) {
    let (_region, semaphore) = open(args);
    children::say("ready");
    for round in 0u32.. {
        let permits = semaphore.acquire_many(1 + round % 3).unwrap();
        assert!(semaphore.available() < 4, "more than there are");
        drop(permits);
    }
}

/// Processes that are killed at any moment: in the end all permits are there, and no more.
#[test]
fn killed_churners_lose_and_double_nothing() {
    let _watchdog = Watchdog::new(LIMIT, "killed_churners_lose_and_double_nothing");
    let name = TempName::new("churn");
    let semaphore = create(&name, 4, 8);
    let mut alive: Vec<_> = (0..3).map(|_| spawn("churn", &name)).collect();
    alive.iter_mut().for_each(|churner| churner.expect("ready"));
    for round in 0..40u32 {
        for _ in 0..20 + round * 7 {
            let permit = semaphore.acquire_timeout(Duration::from_secs(30)).expect("they go on");
            drop(permit);
        }
        alive.remove(0).sigkill();
        let mut next = spawn("churn", &name);
        next.expect("ready");
        alive.push(next);
    }
    alive.iter_mut().for_each(children::Child::sigkill);
    let all = semaphore.try_acquire_many(4).unwrap();
    assert!(semaphore.try_acquire().unwrap_err().is_no_permits());
    assert_eq!(semaphore.release(5), Err(ReleaseError::Full { wanted: 5, room: 4 }));
    drop(all);
    assert_eq!(semaphore.available(), 4);
}

/// A child after fork gets a clear error from every handle, and its guards leave the parent's permits alone.
#[test]
fn forked_handles_say_so() {
    let _watchdog = Watchdog::new(LIMIT, "forked_handles_say_so");
    let name = TempName::new("fork");
    let semaphore = create(&name, 2, 4);
    let (first, second) = (semaphore.acquire().unwrap(), semaphore.acquire_owned().unwrap());
    // SAFETY: the child only uses this thread, and leaves by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let forked = Fault::Forked;
        let soon = Duration::from_millis(1);
        let ok = semaphore.try_acquire().map(drop) == Err(TryAcquireError::Fault(forked))
            && semaphore.acquire().map(drop) == Err(AcquireError::Fault(forked))
            && semaphore.acquire_timeout(soon).map(drop) == Err(AcquireTimeoutError::Fault(forked))
            && semaphore.acquire_deadline(Instant::now()).map(drop) == Err(AcquireTimeoutError::Fault(forked))
            && semaphore.try_acquire_many(2).map(drop) == Err(TryAcquireError::Fault(forked))
            && semaphore.acquire_many(2).map(drop) == Err(AcquireError::Fault(forked))
            && semaphore.acquire_many_timeout(2, soon).map(drop) == Err(AcquireTimeoutError::Fault(forked))
            && semaphore.release(1) == Err(ReleaseError::Fault(forked))
            && semaphore.close() == Err(forked)
            && second.forget() == Err(forked);
        drop(first);
        drop(semaphore);
        // SAFETY: ends the child at once, without the parent's destructors.
        unsafe { libc::_exit(i32::from(!ok)) };
    }
    let mut status = 0;
    // SAFETY: our own child, and room for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child found what it should");
    assert_eq!(semaphore.available(), 0);
    drop((first, second));
    assert_eq!(semaphore.available(), 2);
}

/// Whatever a faulty peer writes into the words: an error at worst, no panic, no endless loop.
#[test]
fn garbage_is_an_error_at_worst() {
    let _watchdog = Watchdog::new(LIMIT, "garbage_is_an_error_at_worst");
    const MAX: u32 = 6;
    const TURNS: u64 = 256;
    const PERMITS: u64 = 640;
    let name = TempName::new("garbage");
    let semaphore = create(&name, MAX, MAX);
    let offset = semaphore.region().list()[0].offset;
    let file = std::fs::OpenOptions::new().write(true).open(name.path()).unwrap();
    let write = |at: u64, word: u32| {
        std::os::unix::fs::FileExt::write_all_at(&file, &word.to_le_bytes(), offset + at).unwrap();
    };
    let permit = semaphore.acquire().unwrap();
    (0..u64::from(MAX)).for_each(|at| write(PERMITS + 4 * at, u32::MAX));
    drop(permit);
    assert_eq!(semaphore.try_acquire().map(drop), Err(TryAcquireError::Fault(Fault::Corrupted)));
    assert_eq!(semaphore.acquire().map(drop), Err(AcquireError::Fault(Fault::Corrupted)));
    assert_eq!(semaphore.acquire_many(2).map(drop), Err(AcquireError::Fault(Fault::Corrupted)));
    assert_eq!(semaphore.release(1), Err(ReleaseError::Fault(Fault::Corrupted)));
    assert_eq!(semaphore.available(), 0);

    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    // States, owners and links that look almost right, and others.
    let mut word = || match random() % 4 {
        0 => random(),
        1 => (random() & 3) << 30,
        2 => (random() & 3) << 30 | (random() & 7) << 10 | (random() & 3),
        _ => (random() & 3) << 30 | semaphore.region().participant_number() as u32 | (random() & 7) << 10,
    };
    for _ in 0..3000 {
        let one = semaphore.try_acquire();
        let many = semaphore.try_acquire_many(3);
        (0..u64::from(MAX)).for_each(|at| write(PERMITS + 4 * at, word()));
        // The line, and that it keeps others out.
        (0..8).for_each(|_| write(TURNS + 4 * u64::from(word() % 96), word()));
        write(132, word() & 1);
        // Closed in every eighth round; how far the permits were ever used, in others.
        write(136, if word() & 7 == 0 { word() } else { 3 * (word() & 1) });
        write(140, if word() & 1 == 0 { word() } else { MAX });
        drop((one, many));
        let _ = semaphore.acquire_timeout(Duration::ZERO).map(drop);
        let _ = semaphore.acquire_many_timeout(2, Duration::ZERO).map(drop);
        let _ =
            (semaphore.release(1), semaphore.release(3), semaphore.is_closed(), semaphore.region().recover().unwrap());
        let _ = semaphore.try_acquire_many(4).map(|permits| permits.forget().unwrap());
        assert!(semaphore.available() <= MAX);
    }
}
