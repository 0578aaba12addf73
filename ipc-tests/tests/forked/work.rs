//! The calls of work queues.

use std::time::{Duration, Instant};

use ipc_posix::{Region, ValueWorkQueue};

use super::{Calls, answers, panics, refuses, theirs};
use crate::forked;

const SHORT: Duration = Duration::from_millis(1);

fn soon() -> Instant {
    Instant::now() + SHORT
}

/// Calls every method of one of plain data.
pub fn work(calls: &mut Calls) {
    let region = Region::options().anonymous().expect("a region");
    let wanted = region.work_queue::<u64>("work").capacity(8).lease_limit(Duration::from_secs(100));
    let queue = wanted.create().expect("new");
    (1..=2).for_each(|number| queue.send(number).expect("room"));
    refuses!(calls, "work::WorkQueue", queue: close() send(1) try_send(1) send_timeout(1, SHORT) send_deadline(1, soon()) recv()
        try_recv() recv_timeout(SHORT) recv_deadline(soon()) try_recv_dead() recv_dead() recv_dead_timeout(SHORT)
        recv_dead_deadline(soon()) wait_idle() wait_idle_timeout(SHORT) wait_idle_deadline(soon()));
    panics!(calls, "work::WorkQueue", queue: len() is_empty() is_full() is_idle() is_closed() stats());
    panics!(calls, "ends of work", queue: iter().next() try_iter().next());
    answers!(calls, "work::WorkQueue", queue: clone() capacity() leases() attempts() lease_limit() iter() try_iter() name()
        region() same_object(&queue));
    let lease = queue.recv().expect("a job");
    refuses!(calls, "work::Lease", lease: done() renew());
    answers!(calls, "work::Lease", lease: attempt() is_dead_letter());
}

/// And of those of bytes and of values.
pub fn work_of_bytes(calls: &mut Calls) {
    let region = Region::options().anonymous().expect("a region");
    let queue = region.byte_work_queue("work").capacity(8).max_len(100).max_reply(9).create().expect("new");
    (1..=2).for_each(|_| queue.send(b"a").expect("room"));
    refuses!(calls, "work::ByteWorkQueue", queue: close() send(b"a") try_send(b"a") send_timeout(b"a", SHORT)
        send_deadline(b"a", soon()) send_parts(&[b"a"]) try_send_parts(&[b"a"]) send_parts_timeout(&[b"a"], SHORT)
        send_parts_deadline(&[b"a"], soon()) call(b"a") try_call(b"a") call_timeout(b"a", SHORT)
        call_deadline(b"a", soon()) recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()) try_recv_dead()
        recv_dead() recv_dead_timeout(SHORT) recv_dead_deadline(soon()) wait_idle() wait_idle_timeout(SHORT)
        wait_idle_deadline(soon()));
    panics!(calls, "work::ByteWorkQueue", queue: len() is_empty() is_full() is_idle() is_closed() stats());
    panics!(calls, "ends of work of bytes", queue: iter().next() try_iter().next());
    answers!(calls, "work::ByteWorkQueue", queue: clone() capacity() max_len() max_reply() leases() attempts() iter() try_iter()
        name() region() same_object(&queue));
    let lease = queue.recv().expect("a job");
    refuses!(calls, "work::ByteLease", lease: done() reply(b"b"));
    panics!(calls, "work::ByteLease", lease: len() to_vec() is_wanted());
    answers!(calls, "work::ByteLease", lease: attempt() is_dead_letter());
    let ticket = queue.call(b"a").expect("room");
    refuses!(calls, "work::Ticket", ticket: try_wait() wait() wait_timeout(SHORT) wait_deadline(soon()) cancel());

    let values =
        ValueWorkQueue::<u64>::new(region.byte_work_queue("values").capacity(8).max_len(100).create().expect("new"));
    (1..=2).for_each(|number| values.send(&number).expect("room"));
    refuses!(calls, "work::ValueWorkQueue", values: close() send(&1) try_send(&1) send_timeout(&1, SHORT)
        send_deadline(&1, soon()) recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()) try_recv_dead()
        recv_dead() recv_dead_timeout(SHORT) recv_dead_deadline(soon()) wait_idle() wait_idle_timeout(SHORT)
        wait_idle_deadline(soon()));
    calls.refuses("work::ValueWorkQueue::call", || values.call::<u8>(&1));
    calls.refuses("work::ValueWorkQueue::try_call", || values.try_call::<u8>(&1));
    calls.refuses("work::ValueWorkQueue::call_timeout", || values.call_timeout::<u8>(&1, SHORT));
    calls.refuses("work::ValueWorkQueue::call_deadline", || values.call_deadline::<u8>(&1, soon()));
    panics!(calls, "work::ValueWorkQueue", values: len() is_empty() is_full() is_closed() stats());
    panics!(calls, "ends of work of values", values: iter().next() try_iter().next());
    answers!(calls, "work::ValueWorkQueue", values: clone() capacity() bytes() name() region() iter() try_iter());
    let lease = values.recv().expect("a job");
    refuses!(calls, "work::ValueLease", lease: done() reply(&1_u8));
    panics!(calls, "work::ValueLease", lease: is_wanted());
    answers!(calls, "work::ValueLease", lease: attempt() is_dead_letter());
    let ticket = values.call::<u8>(&1).expect("room");
    refuses!(calls, "work::ValueTicket", ticket: try_wait() wait() wait_timeout(SHORT) wait_deadline(soon()) cancel());
}
