//! Queues with levels between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{LevelQueue, RecvError, RecvTimeoutError, Region, SendTimeoutError, TryRecvError, TrySendError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("send", send), ("flood", flood), ("pour", pour)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Level and number, twice: so that it shows when it is torn.
type Message = [u64; 4];

fn message(level: usize, number: u64) -> Message {
    [level as u64, number, !(level as u64), !number]
}

fn queue(args: &Args) -> LevelQueue<Message> {
    Region::open(&args.get("name")).unwrap().level_queue("queue").open().unwrap()
}

fn made(name: &TempName, levels: usize, capacity: usize) -> LevelQueue<Message> {
    Region::create(name.as_str()).unwrap().level_queue("queue").levels(levels).capacity(capacity).create().unwrap()
}

fn send(args: &Args) {
    let (queue, level) = (queue(args), args.number("level") as usize);
    for number in 0..args.number("times") {
        queue.send(level, message(level, number)).unwrap();
    }
}

/// One sender for each level: each message comes once, those of a level in order.
#[test]
fn nothing_is_lost() {
    const TIMES: u64 = 20_000;
    let _watchdog = Watchdog::new(LIMIT, "nothing_is_lost");
    let name = TempName::new("levels");
    let queue = made(&name, 3, 16);
    let mut senders = [0, 1, 2].map(|level| {
        children::spawn(
            "send",
            &[("name", name.as_str()), ("level", &level.to_string()), ("times", &TIMES.to_string())],
        )
    });
    let mut next = [0; 3];
    for _ in 0..3 * TIMES {
        let [level, number, ..] = queue.recv().unwrap();
        assert_eq!(number, next[level as usize]);
        next[level as usize] += 1;
    }
    assert!(senders.iter_mut().all(|sender| sender.wait().success()));
    assert_eq!((next, queue.try_recv()), ([TIMES; 3], Err(TryRecvError::Empty)));
}

fn flood(args: &Args) {
    let queue = queue(args);
    children::say("ready");
    for number in 0.. {
        let level = number as usize % queue.levels();
        if queue.send(level, message(level, number)).is_err() {
            return;
        }
    }
}

/// Senders are killed at random times: each message is whole, those of a sender in a level are in order, and those behind a dead sender come.
#[test]
fn killed_senders_hold_up_nobody() {
    let _watchdog = Watchdog::new(LIMIT, "killed_senders_hold_up_nobody");
    let name = TempName::new("killed-levels");
    let queue = made(&name, 3, 4);
    for _ in 0..30 {
        let mut senders = [(); 2].map(|()| children::spawn("flood", &[("name", name.as_str())]));
        senders.iter_mut().for_each(|sender| sender.expect("ready"));
        for _ in 0..300 {
            let got = queue.recv().unwrap();
            assert_eq!(got, message(got[0] as usize, got[1]));
        }
        senders.iter_mut().for_each(children::Child::sigkill);
        for level in 0..3 {
            // Whatever is there, and after every death: a queue that is drained has room.
            while queue.try_send(level, message(level, 0)).is_err() {
                queue.recv().unwrap();
            }
        }
        while queue.try_recv().is_ok() {}
        assert_eq!((queue.try_recv(), queue.len()), (Err(TryRecvError::Empty), 0));
    }
}

/// A message whose copy takes most of the time of a send.
type Large = [u64; 8192];

fn pour(args: &Args) {
    let queue = Region::open(&args.get("name")).unwrap().level_queue::<Large>("queue").open().unwrap();
    children::say("ready");
    while queue.send(0, [0; 8192]).is_ok() {}
}

/// While a sender is stopped in the middle of its copy, the messages behind it in its level wait, and those of lower levels do not. When it is
/// killed, those behind it come.
#[test]
fn lower_levels_go_on_behind_a_stopped_sender() {
    let _watchdog = Watchdog::new(LIMIT, "lower_levels_go_on_behind_a_stopped_sender");
    let name = TempName::new("stopped-levels");
    let region = Region::options().size(4 << 20).create(name.as_str()).unwrap();
    let queue = region.level_queue::<Large>("queue").levels(2).capacity(4).create().unwrap();
    let mut stopped = 0;
    while stopped < 3 {
        let mut sender = children::spawn("pour", &[("name", name.as_str())]);
        sender.expect("ready");
        for _ in 0..100 {
            queue.recv().unwrap();
        }
        sender.sigstop();
        while queue.try_recv().is_ok() {}
        queue.send(0, [1; 8192]).unwrap();
        queue.send(1, [2; 8192]).unwrap();
        let first = queue.recv().unwrap()[0];
        if first == 2 {
            stopped += 1;
            for number in 3..100 {
                queue.send(1, [number; 8192]).unwrap();
                assert_eq!(queue.recv().unwrap()[0], number);
            }
            assert_eq!((queue.try_recv(), queue.level_len(0)), (Err(TryRecvError::Busy), 2));
        }
        sender.sigkill();
        // Two messages were sent; the other one comes now.
        assert_eq!(queue.recv_timeout(LIMIT).unwrap()[0], 3 - first);
        assert_eq!(queue.try_recv(), Err(TryRecvError::Empty));
    }
}

/// What a queue with levels does, and what it says.
#[test]
fn levels() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.level_queue::<u32>("strict").levels(3).capacity(2).create().unwrap();
    assert_eq!((queue.levels(), queue.capacity(), queue.is_empty()), (3, 2, true));
    assert_eq!((queue.send_slice(2, &[20, 21]), queue.try_send(2, 22)), (Ok(()), Err(TrySendError::Full(22))));
    assert_eq!(queue.send_timeout(2, 22, Duration::from_millis(5)), Err(SendTimeoutError::Timeout(22)));
    assert_eq!((queue.try_send(0, 1), queue.len(), queue.level_len(2), queue.is_full()), (Ok(()), 3, 2, false));
    let mut batch = [0; 3];
    assert_eq!((queue.recv(), queue.try_recv_slice(&mut batch), batch), (Ok(1), Ok(2), [20, 21, 0]));
    assert_eq!(queue.recv_timeout(Duration::from_millis(5)), Err(RecvTimeoutError::Timeout));
    assert_eq!((queue.send(1, 10), queue.close(), queue.close()), (Ok(()), Ok(true), Ok(false)));
    assert!((0..3).all(|level| queue.try_send(level, 9) == Err(TrySendError::Closed(9))));
    assert_eq!((queue.recv(), queue.recv(), queue.is_closed()), (Ok(10), Err(RecvError::Closed), true));
    let stats = queue.stats();
    assert_eq!((stats.levels, stats.sent, stats.received, stats.closed), (3, 4, 4, true));

    // Every third receive of a handle begins at the lowest level.
    let queue = region.level_queue::<u32>("fair").levels(2).capacity(8).fair(3).create().unwrap();
    queue.send_slice(0, &[1, 2, 3, 4]).unwrap();
    queue.send_slice(1, &[10, 20]).unwrap();
    assert_eq!(queue.try_iter().collect::<Vec<_>>(), [1, 2, 10, 3, 4, 20]);
    // At each of the lower ones in turn, if there are more.
    let queue = region.level_queue::<u32>("fair to all").levels(3).capacity(8).fair(2).create().unwrap();
    (0..3).for_each(|level| queue.send_slice(level, &[level as u32; 3]).unwrap());
    assert_eq!(queue.try_iter().collect::<Vec<_>>(), [0, 2, 0, 1, 0, 2, 1, 1, 2]);
    let error = region.level_queue::<u32>("fair").levels(3).open().unwrap_err();
    assert_eq!(error.to_string(), "level queue \"fair\": levels 3 here, 2 in the region");
    let error = region.level_queue::<u32>("many").levels(17).create().unwrap_err();
    assert_eq!(error.to_string(), "level queue \"many\": levels: 17 is not possible, only 1 to 16");
}
