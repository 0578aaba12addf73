//! Time limits on a clock that the test moves: a call that does not wait reads no clock, and a time-out that spans several waits
//! counts once.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_core::condvar::{self, Condvar};
use ipc_core::error::{LoanTimeoutError, RecvBytesTimeoutError, RecvTimeoutError, SendBytesTimeoutError};
use ipc_core::mutex::{self, Mutex};
use ipc_core::{Instant, atomic, bytes, event, loan, once, semaphore, watch};
use ipc_tests::moved_clock::{Person, World, object, pair};

const LONG: Duration = Duration::from_millis(250);
const WHOLE: Instant = Instant::from_nanos(LONG.as_nanos() as u64);

/// A waiter reads the words of all permits at each of its checks. Beside very many it sleeps for longer between them.
#[test]
fn waiters_beside_many_permits_check_less_often() {
    let clock = World::default();
    let sleeps = |permits: u32| {
        let (theirs, mine) = pair(&semaphore::Options { permits: Some(permits), max: None, bounded: true }, &clock);
        let held = theirs.acquire_many(permits).expect("all are there");
        clock.sleeps.take();
        assert!(mine.acquire_timeout(Duration::from_secs(1)).is_err_and(|error| error.is_timeout()));
        drop(held);
        clock.sleeps.take()
    };
    assert!(sleeps(8) > 80, "a death is noticed within some milliseconds");
    assert!(sleeps(1 << 17) < 12, "a tenth of a second each");
}

/// What is there at once is had without a reading of the clock, whatever the limit.
#[test]
fn no_clock_is_read_without_a_wait() {
    let clock = World::default();
    let cell = object(&atomic::Options { initial: 3_u32, schema: 0.into() }, &clock);
    let group = object(&event::GroupOptions { initial: 0b11, schema: 0.into() }, &clock);
    let once = object(&once::Options::<u32>::new(), &clock);
    let watch = object(&watch::Options::new(1_u32), &clock);
    let (stock, changed) = lock(&clock);
    clock.reads.take();

    assert_eq!(cell.wait_until_timeout(LONG, |value| value == 3), Ok(3));
    assert_eq!(cell.wait_update_deadline(WHOLE, |value| value.checked_sub(1)), Ok(3));
    assert_eq!(group.take_all_timeout(0b01, LONG), Ok(0b11));
    assert_eq!(group.wait_any_deadline(0b10, WHOLE), Ok(0b10));
    assert_eq!(once.set_timeout(5, LONG), Ok(()));
    assert_eq!(once.wait_timeout(LONG), Ok(5));
    assert_eq!(once.get_or_init_deadline(WHOLE, || 6), Ok(5));
    assert_eq!(watch.wait_until_deadline(WHOLE, |value| *value == 1), Ok(1));
    let guard = stock.lock().unwrap();
    assert!(changed.wait_timeout_while(guard, LONG, |stock| *stock > 0).is_ok_and(|(_, result)| !result.timed_out()));
    let (bytes, blocks) = (object(&bytes::Options::new(8), &clock), object(&loan::Options::<u8>::new(1, 8), &clock));
    let (sender, receiver) = (bytes.sender().unwrap(), bytes.receiver().unwrap());
    clock.reads.take();
    assert_eq!(bytes.send_timeout(b"there", LONG), Ok(()));
    assert_eq!(bytes.recv_deadline(&mut [0; 8], WHOLE), Ok(5));
    assert_eq!(sender.send_parts_deadline(&[b"th", b"ere"], WHOLE), Ok(()));
    assert_eq!(receiver.recv_into_timeout(&mut Vec::new(), LONG), Ok(5));
    assert_eq!(blocks.send_copy_timeout(b"there", LONG), Ok(()));
    assert_eq!(blocks.recv_deadline(WHOLE).unwrap().to_vec(), b"there");
    assert_eq!(blocks.loan_deadline(8, WHOLE).unwrap().len(), 8);
    assert_eq!(clock.reads.take(), 0);

    // One look each: the time of the publication.
    assert_eq!(watch.set_timeout(2, LONG), Ok(1));
    assert_eq!(watch.update_deadline(WHOLE, |value| value + 1), Ok(2));
    assert_eq!(clock.reads.take(), 2);
    // The first one for the age of the value.
    assert_eq!(watch.wait_for_change_timeout(0, LONG).map(|latest| latest.value), Ok(3));
    assert_eq!(clock.reads.take(), 1);
}

/// A full queue and an empty one are waited for as long as the limit says, and no longer.
#[test]
fn messages_and_room_are_waited_for() {
    let clock = World::default();
    let (bytes, blocks) = (object(&bytes::Options::new(8), &clock), object(&loan::Options::<u8>::new(1, 8), &clock));
    let until = |ms| Instant::from_nanos(Duration::from_millis(ms).as_nanos() as u64);
    assert_eq!(bytes.recv_timeout(&mut [0; 8], LONG), Err(RecvBytesTimeoutError::Timeout));
    assert_eq!(clock.now.get(), LONG);
    bytes.try_send(b"full").unwrap();
    assert_eq!(bytes.send_deadline(b"late", until(300)), Err(SendBytesTimeoutError::Timeout));
    assert_eq!(blocks.recv_deadline(until(350)).unwrap_err(), RecvTimeoutError::Timeout);
    let _loan = blocks.try_loan(1).unwrap();
    assert_eq!(blocks.send_copy_deadline(b"late", until(400)), Err(LoanTimeoutError::Timeout));
    assert_eq!(clock.now.get(), Duration::from_millis(400));
}

fn lock(clock: &World) -> (Mutex<'static, u32, Person<'_>>, Condvar<'static, Person<'_>>) {
    let stock = object(&mutex::Options { initial: 0, schema: 0.into() }, clock);
    (stock, object(&condvar::Options, clock))
}

/// A condition is checked after a tenth of a second, then twice a second. The time-out is for all the waits in between, from the first one on.
#[test]
fn a_time_out_counts_once() {
    let clock = World::default();
    let (stock, changed) = lock(&clock);
    let mut checks = 0;
    let empty = |stock: &mut u32| {
        checks += 1;
        assert!(checks < 10, "it begins anew with each wait");
        *stock == 0
    };
    let (guard, result) = changed.wait_timeout_while(stock.lock().unwrap(), LONG, empty).unwrap();
    assert!(result.timed_out());
    assert_eq!((clock.now.get(), clock.sleeps.get()), (LONG, 2));
    let (_guard, result) = changed.wait_deadline_while(guard, WHOLE, |stock| *stock == 0).unwrap();
    assert!(result.timed_out());
    assert_eq!((clock.now.get(), clock.sleeps.get()), (LONG, 2));
}

/// The other waits sleep in slices, too, and end when the time is over, not earlier or later.
#[test]
fn slices_add_up() {
    let clock = World::default();
    let cell = object(&atomic::Options { initial: 3_u32, schema: 0.into() }, &clock);
    let group = object(&event::GroupOptions::default(), &clock);
    let once = object(&once::Options::<u32>::new(), &clock);
    let watch = object(&watch::Options::new(1_u32), &clock);
    assert!(cell.wait_until_timeout(LONG, |value| value == 4).is_err());
    assert_eq!(clock.now.take(), LONG);
    assert!(cell.wait_update_deadline(WHOLE, |_| None).is_err());
    assert_eq!(clock.now.take(), LONG);
    assert!(group.take_any_timeout(0b01, LONG).is_err());
    assert_eq!(clock.now.take(), LONG);
    assert!(once.wait_timeout(LONG).is_err());
    assert_eq!(clock.now.take(), LONG);
    assert!(watch.wait_for_change_deadline(0, WHOLE).is_err());
    assert_eq!(clock.now.take(), LONG);
    assert!(watch.wait_until_timeout(LONG, |value| *value == 2).is_err());
    assert_eq!(clock.now.take(), LONG);
}
