//! Every public method of every handle, half, guard, chunk and iterator, called in a child after `fork`.
//!
//! What returns a `Result` returns `Fault::Forked`; what needs the region's memory and returns none panics with that text; the
//! rest is known without the memory. Each call is made in a child of its own, which is killed by a signal if the call touches
//! memory that is not there. A method that no list has fails the last test.

#![cfg(all(not(loom), unix))]

mod forked;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::path::Path;
use std::time::{Duration, Instant};

use forked::{Calls, answers, panics, refuses, theirs};
use ipc_posix::{RawMutex, Region, RwLockWriteGuard, ValueQueue};
use ipc_tests::sources;
use ipc_tests::watchdog::Watchdog;
use lock_api::{RawMutex as _, RawMutexTimed as _};

const SHORT: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(120);

fn region() -> Region {
    Region::options().size(1 << 20).anonymous().expect("a region")
}

fn soon() -> Instant {
    Instant::now() + SHORT
}

fn queues(calls: &mut Calls) {
    let region = region();
    let queue = region.queue::<u64>("queue").capacity(8).create().expect("new");
    queue.send_slice(&[1, 2, 3]).expect("room");
    let (sender, receiver) = (queue.sender().expect("here"), queue.receiver().expect("here"));
    let (mut out, mut room, mut vec) = ([0_u64; 2], [MaybeUninit::<u64>::uninit(); 2], Vec::<u64>::new());
    refuses!(calls, "queue::Queue", queue: sender() receiver() close() force_send(1) send(1) try_send(1)
        send_timeout(1, SHORT) send_deadline(1, soon()) send_slice(&[1]) try_send_slice(&[1]) send_slice_timeout(&[1], SHORT)
        send_slice_deadline(&[1], soon()) send_iter([1]) try_send_iter([1]) send_iter_timeout([1], SHORT)
        send_iter_deadline([1], soon()) recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()) recv_slice(&mut out)
        try_recv_slice(&mut out) recv_slice_timeout(&mut out, SHORT) recv_slice_deadline(&mut out, soon())
        recv_uninit(&mut room) try_recv_uninit(&mut room) recv_uninit_timeout(&mut room, SHORT)
        recv_uninit_deadline(&mut room, soon()) recv_many(&mut vec, 2) try_recv_many(&mut vec, 2)
        recv_many_timeout(&mut vec, 2, SHORT) recv_many_deadline(&mut vec, 2, soon()));
    refuses!(calls, "queue::Queue, nothing to do", queue: send_slice(&[]) try_send_slice(&[]) recv_slice(&mut [])
        try_recv_slice(&mut []) recv_uninit(&mut []) try_recv_uninit(&mut []));
    refuses!(calls, "queue::Sender", sender: close() send(1) try_send(1) send_timeout(1, SHORT) send_deadline(1, soon())
        send_slice(&[1]) try_send_slice(&[1]) send_slice_timeout(&[1], SHORT) send_slice_deadline(&[1], soon()) send_iter([1])
        try_send_iter([1]) send_iter_timeout([1], SHORT) send_iter_deadline([1], soon()));
    refuses!(calls, "queue::Receiver", receiver: close() recv() try_recv() recv_timeout(SHORT) recv_deadline(soon())
        recv_slice(&mut out) try_recv_slice(&mut out) recv_slice_timeout(&mut out, SHORT) recv_slice_deadline(&mut out, soon())
        recv_uninit(&mut room) try_recv_uninit(&mut room) recv_uninit_timeout(&mut room, SHORT)
        recv_uninit_deadline(&mut room, soon()) recv_many(&mut vec, 2) try_recv_many(&mut vec, 2) recv_many_timeout(&mut vec, 2, SHORT)
        recv_many_deadline(&mut vec, 2, soon()));
    panics!(calls, "queue::Queue", queue: peek() len() is_empty() is_full() is_closed() stats());
    panics!(calls, "queue::Sender", sender: len() is_empty() is_full() is_closed() is_disconnected() stats());
    panics!(calls, "queue::Receiver", receiver: peek() len() is_empty() is_full() is_closed() is_disconnected() stats());
    panics!(calls, "ends of queue", queue: iter().next() try_iter().next() into_iter().next());
    panics!(calls, "ends of receiver", receiver: iter().next() try_iter().next() into_iter().next());
    answers!(calls, "queue::Queue", queue: capacity() iter() try_iter() clone() name() region() same_object(&queue));
    answers!(calls, "queue::Sender", sender: capacity() queue() clone());
    answers!(calls, "queue::Receiver", receiver: capacity() queue() clone() iter() try_iter());
}

fn bytes(calls: &mut Calls) {
    let region = region();
    let queue = region.byte_queue("bytes").capacity(256).create().expect("new");
    queue.send(b"one").expect("room");
    let (sender, receiver) = (queue.sender().expect("here"), queue.receiver().expect("here"));
    let (mut out, mut vec) = ([0; 16], Vec::new());
    refuses!(calls, "bytes::ByteQueue", queue: sender() receiver() close() send(b"a") try_send(b"a") send_timeout(b"a", SHORT)
        send_deadline(b"a", soon()) send_parts(&[b"a"]) try_send_parts(&[b"a"]) send_parts_timeout(&[b"a"], SHORT)
        send_parts_deadline(&[b"a"], soon()) recv(&mut out) try_recv(&mut out) recv_timeout(&mut out, SHORT)
        recv_deadline(&mut out, soon()) recv_into(&mut vec) try_recv_into(&mut vec) recv_into_timeout(&mut vec, SHORT)
        recv_into_deadline(&mut vec, soon()) recv_vec() try_recv_vec() recv_vec_timeout(SHORT) recv_vec_deadline(soon()));
    refuses!(calls, "bytes::Sender", sender: close() send(b"a") try_send(b"a") send_timeout(b"a", SHORT)
        send_deadline(b"a", soon()) send_parts(&[b"a"]) try_send_parts(&[b"a"]) send_parts_timeout(&[b"a"], SHORT)
        send_parts_deadline(&[b"a"], soon()));
    refuses!(calls, "bytes::Receiver", receiver: close() recv(&mut out) try_recv(&mut out) recv_timeout(&mut out, SHORT)
        recv_deadline(&mut out, soon()) recv_into(&mut vec) try_recv_into(&mut vec) recv_into_timeout(&mut vec, SHORT)
        recv_into_deadline(&mut vec, soon()) recv_vec() try_recv_vec() recv_vec_timeout(SHORT) recv_vec_deadline(soon()));
    panics!(calls, "bytes::ByteQueue", queue: len() is_empty() is_full() is_closed() stats());
    panics!(calls, "bytes::Sender", sender: len() is_empty() is_full() is_closed() is_disconnected() stats());
    panics!(calls, "bytes::Receiver", receiver: len() is_empty() is_full() is_closed() is_disconnected() stats());
    panics!(calls, "ends of bytes", queue: iter().next() try_iter().next() into_iter().next());
    panics!(calls, "ends of a byte receiver", receiver: iter().next() try_iter().next() into_iter().next());
    answers!(calls, "bytes::ByteQueue", queue: clone() capacity() max_len() iter() try_iter());
    answers!(calls, "bytes::Sender", sender: clone() capacity() queue());
    answers!(calls, "bytes::Receiver", receiver: clone() capacity() queue() iter() try_iter());

    let values = ValueQueue::<u64>::new(region.byte_queue("values").capacity(256).create().expect("new"));
    values.send(&1).expect("room");
    let (sender, receiver) = (values.sender().expect("here"), values.receiver().expect("here"));
    refuses!(calls, "bytes::ValueQueue", values: sender() receiver() close() send(&1) try_send(&1) send_timeout(&1, SHORT)
        send_deadline(&1, soon()) recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()));
    refuses!(calls, "bytes::ValueSender", sender: close() send(&1) try_send(&1) send_timeout(&1, SHORT)
        send_deadline(&1, soon()));
    refuses!(calls, "bytes::ValueReceiver", receiver: close() recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()));
    panics!(calls, "bytes::ValueQueue", values: len() is_empty() is_full() is_closed() stats());
    panics!(calls, "bytes::ValueSender", sender: len() is_empty() is_full() is_closed() is_disconnected() stats());
    panics!(calls, "bytes::ValueReceiver", receiver: len() is_empty() is_full() is_closed() is_disconnected() stats());
    panics!(calls, "ends of values", values: iter().next() try_iter().next() into_iter().next());
    answers!(calls, "bytes::ValueQueue", values: clone() capacity() bytes() name() region() iter() try_iter());
    answers!(calls, "bytes::ValueSender", sender: clone() capacity() bytes() name() region());
    answers!(calls, "bytes::ValueReceiver", receiver: clone() capacity() bytes() name() region() iter() try_iter());
}

fn loans(calls: &mut Calls) {
    let region = region();
    let queue = region.loan_queue::<u64>("loans").blocks(8).block_len(4).create().expect("new");
    queue.send_copy(&[1, 2, 3]).expect("a block");
    queue.send_copy(&[4]).expect("a block");
    let (sender, receiver) = (queue.sender().expect("here"), queue.receiver().expect("here"));
    refuses!(calls, "loan::LoanQueue", queue: sender() receiver() close() loan(1) try_loan(1) loan_timeout(1, SHORT)
        loan_deadline(1, soon()) loan_uninit(1) try_loan_uninit(1) loan_uninit_timeout(1, SHORT)
        loan_uninit_deadline(1, soon()) send_copy(&[1]) try_send_copy(&[1]) send_copy_timeout(&[1], SHORT)
        send_copy_deadline(&[1], soon()) recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()));
    refuses!(calls, "loan::Sender", sender: close() loan(1) try_loan(1) loan_timeout(1, SHORT) loan_deadline(1, soon())
        loan_uninit(1) try_loan_uninit(1) loan_uninit_timeout(1, SHORT) loan_uninit_deadline(1, soon()) send_copy(&[1])
        try_send_copy(&[1]) send_copy_timeout(&[1], SHORT) send_copy_deadline(&[1], soon()));
    refuses!(calls, "loan::Receiver", receiver: close() recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()));
    panics!(calls, "loan::LoanQueue", queue: len() is_empty() is_full() is_closed() free_blocks() stats());
    panics!(calls, "loan::Sender", sender: len() is_empty() is_full() is_closed() is_disconnected() stats());
    panics!(calls, "loan::Receiver", receiver: len() is_empty() is_full() is_closed() is_disconnected() stats());
    panics!(calls, "ends of loans", queue: iter().next() try_iter().next());
    panics!(calls, "ends of a loan receiver", receiver: iter().next() try_iter().next());
    answers!(calls, "loan::LoanQueue", queue: clone() capacity() blocks() block_len() iter() try_iter());
    answers!(calls, "loan::Sender", sender: clone() capacity() block_len() queue());
    answers!(calls, "loan::Receiver", receiver: clone() capacity() queue() iter() try_iter());

    let (mut loan, got) = (queue.try_loan(4).expect("a block"), queue.recv().expect("a message"));
    refuses!(calls, "loan::Loan", loan: send());
    panics!(calls, "loan::Loan", loan: set(0, 7) copy_from_slice(&[1, 2, 3, 4]) elements().fill(1) elements().set(0, 1)
        elements().copy_from_slice(&[1, 2, 3, 4]) elements().reborrow().fill(1));
    // SAFETY: no other process writes to the block, and the child gets no reference.
    calls.panics("loan::Loan::as_mut_slice", || unsafe { theirs(&loan).as_mut_slice()[0] });
    answers!(calls, "loan::Loan", loan: len() is_empty() truncate(1));
    panics!(calls, "loan::Received", got: get(0) iter().next() copy_to_slice(&mut [0; 3]) to_vec() elements().get(0)
        elements().iter().next() elements().copy_to_slice(&mut [0; 3]) elements().part(0, 1).get(0)
        elements().copy_to_uninit(&mut [MaybeUninit::uninit(); 3]) into_loan().set(0, 1));
    // SAFETY: as above.
    calls.panics("loan::Received::as_slice", || unsafe { theirs(&got).as_slice()[0] });
    answers!(calls, "loan::Received", got: len() is_empty() iter() elements() into_loan());
    // Views that were made before the fork.
    let mut values = got.iter();
    calls.panics("an iterator of a received message", || values.next());
    let elements = got.elements();
    calls.panics("the elements of a received message", || elements.get(0));
    let mut elements = loan.elements();
    calls.panics("the elements of a loan", || elements.set(0, 1));
}

fn one_to_one(calls: &mut Calls) {
    let region = region();
    let queue = region.spsc::<u64>("spsc").capacity(8).create().expect("new");
    let (mut producer, mut consumer) = (queue.producer().expect("free"), queue.consumer().expect("free"));
    producer.send_slice(&[1, 2, 3]).expect("room");
    let (mut out, mut room, mut vec) = ([0_u64; 2], [MaybeUninit::<u64>::uninit(); 2], Vec::<u64>::new());
    refuses!(calls, "spsc::Spsc", queue: producer() consumer() close());
    panics!(calls, "spsc::Spsc", queue: len() is_empty() is_full() is_closed() stats() producer_pid() consumer_pid());
    answers!(calls, "spsc::Spsc", queue: clone() capacity());
    refuses!(calls, "spsc::Producer", producer: close() send(1) try_send(1) send_timeout(1, SHORT) send_deadline(1, soon())
        send_slice(&[1]) try_send_slice(&[1]) send_slice_timeout(&[1], SHORT) send_slice_deadline(&[1], soon())
        send_iter([1]) try_send_iter([1]) send_iter_timeout([1], SHORT) send_iter_deadline([1], soon()) write_chunk(1)
        try_write_chunk(1) write_chunk_timeout(1, SHORT) write_chunk_deadline(1, soon()) wait_for_consumer()
        wait_for_consumer_timeout(SHORT) wait_for_consumer_deadline(soon()));
    panics!(calls, "spsc::Producer", producer: len() is_empty() is_full() is_closed() is_disconnected() stats() has_consumer() slots());
    answers!(calls, "spsc::Producer", producer: set_nonblocking(false) capacity() name() region());
    refuses!(calls, "spsc::Consumer", consumer: close() recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()) peek()
        recv_slice(&mut out) try_recv_slice(&mut out) recv_slice_timeout(&mut out, SHORT)
        recv_slice_deadline(&mut out, soon()) recv_uninit(&mut room) try_recv_uninit(&mut room)
        recv_uninit_timeout(&mut room, SHORT) recv_uninit_deadline(&mut room, soon()) recv_many(&mut vec, 2)
        try_recv_many(&mut vec, 2) recv_many_timeout(&mut vec, 2, SHORT) recv_many_deadline(&mut vec, 2, soon())
        read_chunk(1) try_read_chunk(1) read_chunk_timeout(1, SHORT) read_chunk_deadline(1, soon()) wait_for_producer()
        wait_for_producer_timeout(SHORT) wait_for_producer_deadline(soon()));
    panics!(calls, "spsc::Consumer", consumer: len() is_empty() is_full() is_closed() is_disconnected() stats() has_producer() slots());
    panics!(calls, "ends of a consumer", consumer: iter().next() try_iter().next() into_iter().next());
    answers!(calls, "spsc::Consumer", consumer: set_nonblocking(false) capacity() name() region() iter() try_iter());
    {
        let mut chunk = producer.try_write_chunk(3).expect("room");
        refuses!(calls, "spsc::WriteChunk", chunk: commit(1) commit(0));
        panics!(calls, "spsc::WriteChunk", chunk: set(0, 1) slices().0.set(0, 1));
        answers!(calls, "spsc::WriteChunk", chunk: len() is_empty());
        let (mut slice, _) = chunk.slices();
        calls.panics("a slice of a chunk", || slice.fill(1));
    }
    {
        let chunk = consumer.try_read_chunk(3).expect("elements");
        refuses!(calls, "spsc::ReadChunk", chunk: commit(1) commit(0));
        panics!(calls, "spsc::ReadChunk", chunk: get(0) iter().next() slices().0.get(0));
        answers!(calls, "spsc::ReadChunk", chunk: len() is_empty() iter());
    }
    let pipe = region.spsc::<u8>("pipe").capacity(8).create().expect("new");
    let (producer, consumer) = (pipe.producer().expect("free"), pipe.consumer().expect("free"));
    refuses!(calls, "io::Write", producer: write(b"a"));
    refuses!(calls, "io::Read", consumer: read(&mut [0; 2]));
}

fn broadcasts(calls: &mut Calls) {
    let region = region();
    let broadcast = region.broadcast::<u64>("news").capacity(4).create().expect("new");
    let (publisher, subscriber) = (broadcast.publisher().expect("here"), broadcast.subscribe().expect("here"));
    broadcast.publish(1).expect("open");
    refuses!(calls, "broadcast::Broadcast", broadcast: close() publish(1) try_publish(1) publish_timeout(1, SHORT)
        publish_deadline(1, soon()) publisher() subscribe() subscribe_last(1));
    panics!(calls, "broadcast::Broadcast", broadcast: is_closed() published() subscribers() stats());
    answers!(calls, "broadcast::Broadcast", broadcast: clone() capacity());
    refuses!(calls, "broadcast::Publisher", publisher: close() publish(1) try_publish(1) publish_timeout(1, SHORT)
        publish_deadline(1, soon()) publisher() subscribe() subscribe_last(1));
    panics!(calls, "broadcast::Publisher", publisher: is_closed() published() subscribers() stats());
    answers!(calls, "broadcast::Publisher", publisher: capacity() clone());
    refuses!(calls, "broadcast::Subscriber", subscriber: recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()));
    panics!(calls, "broadcast::Subscriber", subscriber: len() is_empty() is_closed() is_disconnected() stats());
    panics!(calls, "ends of a subscriber", subscriber: iter().next() try_iter().next() into_iter().next());
    answers!(calls, "broadcast::Subscriber", subscriber: capacity() next_number() name() region() iter() try_iter());
}

fn mutexes(calls: &mut Calls) {
    let region = region();
    let mutex = region.mutex::<u64>("mutex").create().expect("new");
    refuses!(calls, "mutex::Mutex", mutex: lock() try_lock() lock_timeout(SHORT) lock_deadline(soon()) lock_transaction()
        try_lock_transaction() lock_transaction_timeout(SHORT) lock_transaction_deadline(soon()) clear_poison());
    answers!(calls, "mutex::Mutex", mutex: clone());
    panics!(calls, "mutex::Mutex", mutex: is_locked() is_poisoned() stats());
    {
        let guard = mutex.lock().expect("free");
        refuses!(calls, "mutex::MutexGuard", guard: mark_consistent());
        calls.panics("MutexGuard, Deref", || *theirs(&guard));
        calls.panics("MutexGuard, DerefMut", || *theirs(&guard) = 1);
        calls.panics("MutexGuard, Display", || theirs(&guard).to_string());
        calls.answers("MutexGuard, Debug", || format!("{guard:?}"));
        calls.answers("mutex::MutexGuard::mutex", || ipc_posix::MutexGuard::mutex(&guard).name().len());
        let condvar = region.condvar("condvar").create().expect("new");
        answers!(calls, "condvar::Condvar", condvar: clone());
        refuses!(calls, "condvar::Condvar", condvar: notify_one() notify_all() wait(theirs(&guard))
            wait_timeout(theirs(&guard), SHORT) wait_deadline(theirs(&guard), soon()) wait_while(theirs(&guard), |_| true)
            wait_timeout_while(theirs(&guard), SHORT, |_| true) wait_deadline_while(theirs(&guard), soon(), |_| true));
    }
    {
        let transaction = mutex.lock_transaction().expect("free");
        refuses!(calls, "mutex::Transaction", transaction: commit() store() mark_consistent());
    }
    {
        let mutex = region.mutex_array::<u64>("mutex array").len(2).create().expect("new");
        refuses!(calls, "mutex::Mutex", mutex: lock_transaction() try_lock_transaction() lock_transaction_timeout(SHORT)
            lock_transaction_deadline(soon()));
        answers!(calls, "mutex::Mutex", mutex: len());
        let transaction = mutex.lock_transaction().expect("free");
        calls.panics("SliceTransaction, Deref", || theirs(&transaction)[0]);
        calls.panics("SliceTransaction, DerefMut", || theirs(&transaction)[0] = 1);
        calls.answers("SliceTransaction, Debug", || format!("{transaction:?}"));
        refuses!(calls, "mutex::SliceTransaction", transaction: commit() store() mark_consistent());
    }
    let raw = RawMutex::new(&mutex);
    refuses!(calls, "mutex::Bare", raw: clear_poison());
    panics!(calls, "mutex::Bare", raw: is_poisoned() is_locked() lock() try_lock() try_lock_for(SHORT) try_lock_until(soon()));
    let reentrant = region.reentrant_mutex::<u64>("reentrant").create().expect("new");
    refuses!(calls, "mutex::ReentrantMutex", reentrant: lock() try_lock() lock_timeout(SHORT) lock_deadline(soon()));
    panics!(calls, "mutex::ReentrantMutex", reentrant: is_locked() is_poisoned() stats());
    answers!(calls, "mutex::ReentrantMutex", reentrant: clone() name() region() same_object(&reentrant));
    let guard = reentrant.lock().expect("free");
    refuses!(calls, "mutex::ReentrantMutexGuard", guard: get() set(1) update(|value| value) mark_consistent());
}

fn rwlocks(calls: &mut Calls) {
    let region = region();
    let slice = region.rwlock_array::<u64>("rwlock array").len(2).create().expect("new");
    answers!(calls, "rwlock::RwLock", slice: len());
    let lock = region.rwlock::<u64>("rwlock").create().expect("new");
    refuses!(calls, "rwlock::RwLock", lock: read() try_read() read_timeout(SHORT) read_deadline(soon()) write() try_write()
        write_timeout(SHORT) write_deadline(soon()) clear_poison());
    answers!(calls, "rwlock::RwLock", lock: clone());
    panics!(calls, "rwlock::RwLock", lock: is_poisoned() stats());
    {
        let guard = lock.read().expect("free");
        calls.panics("RwLockReadGuard, Deref", || *theirs(&guard));
        calls.panics("RwLockReadGuard, Display", || theirs(&guard).to_string());
        calls.answers("RwLockReadGuard, Debug", || format!("{guard:?}"));
    }
    let guard = lock.write().expect("free");
    refuses!(calls, "rwlock::RwLockWriteGuard", guard: mark_consistent());
    calls.refuses("rwlock::RwLockWriteGuard::downgrade", || RwLockWriteGuard::downgrade(theirs(&guard)).map(drop));
    calls.panics("RwLockWriteGuard, Deref", || *theirs(&guard));
    calls.panics("RwLockWriteGuard, DerefMut", || *theirs(&guard) = 1);
    calls.answers("RwLockWriteGuard, Debug", || format!("{guard:?}"));
}

fn semaphores(calls: &mut Calls) {
    let region = region();
    let semaphore = region.semaphore("semaphore").permits(4).create().expect("new");
    let permit = semaphore.acquire().expect("free");
    let owned = semaphore.acquire_owned().expect("free");
    refuses!(calls, "semaphore::Semaphore", semaphore: acquire() try_acquire() acquire_timeout(SHORT)
        acquire_deadline(soon()) acquire_many(2) try_acquire_many(2) acquire_many_timeout(2, SHORT)
        acquire_many_deadline(2, soon()) acquire_owned() try_acquire_owned() acquire_owned_timeout(SHORT)
        acquire_owned_deadline(soon()) release(1) release(0) close());
    panics!(calls, "semaphore::Semaphore", semaphore: available() is_closed() stats());
    answers!(calls, "semaphore::Semaphore", semaphore: clone() max());
    refuses!(calls, "semaphore::Permit", permit: forget());
    answers!(calls, "semaphore::Permit", permit: count() semaphore() into_owned());
    refuses!(calls, "semaphore::OwnedPermit", owned: forget());
    answers!(calls, "semaphore::OwnedPermit", owned: count() semaphore());
}

fn signals(calls: &mut Calls) {
    let region = region();
    let event = region.event("event").create().expect("new");
    event.set().expect("here");
    refuses!(calls, "event::Event", event: set() clear() try_wait() wait() wait_timeout(SHORT) wait_deadline(soon()));
    answers!(calls, "event::Event", event: clone());
    panics!(calls, "event::Event", event: is_set() is_awaited());
    let group = region.event_group("group").create().expect("new");
    group.set(1).expect("here");
    refuses!(calls, "event::EventGroup", group: set(1) clear(1) flags() try_wait_any(1) wait_any(1)
        wait_any_timeout(1, SHORT) wait_any_deadline(1, soon()) try_wait_all(1) wait_all(1) wait_all_timeout(1, SHORT)
        wait_all_deadline(1, soon()) try_take_any(1) take_any(1) take_any_timeout(1, SHORT) take_any_deadline(1, soon())
        try_take_all(1) take_all(1) take_all_timeout(1, SHORT) take_all_deadline(1, soon()));
    answers!(calls, "event::EventGroup", group: clone());
    let barrier = region.barrier("barrier").parties(1).create().expect("new");
    barrier.join().expect("room");
    refuses!(calls, "barrier::Barrier", barrier: join() leave() wait() wait_timeout(SHORT) wait_deadline(soon()) abort() reset());
    panics!(calls, "barrier::Barrier", barrier: waiting() is_broken());
    answers!(calls, "barrier::Barrier", barrier: clone() parties());
}

fn cells(calls: &mut Calls) {
    let file = ipc_tests::children::TempName::new("forked");
    let region = Region::options().size(1 << 20).create(file.as_str()).expect("a region");
    let atomic = region.atomic::<u64>("atomic").create().expect("new");
    refuses!(calls, "atomic::Atomic", atomic: load() store(1) swap(1) compare_exchange(0, 1) fetch_update(Some) update(|it| it)
        fetch_and(1) fetch_or(1) fetch_xor(1) fetch_add(1) fetch_sub(1) fetch_max(1) fetch_min(1) wait_until(|_| true)
        wait_until_timeout(SHORT, |_| true) wait_until_deadline(soon(), |_| true) wait_update(Some)
        wait_update_timeout(SHORT, Some) wait_update_deadline(soon(), Some));
    answers!(calls, "atomic::Atomic", atomic: clone());
    let flag = region.atomic::<bool>("flag").create().expect("new");
    refuses!(calls, "atomic::Atomic", flag: fetch_not());

    let array = region.array::<u64>("array").len(2).create().expect("new");
    let (element, mut iter) = (array.at(1), array.iter());
    refuses!(calls, "array::Array", array: set(1, 1) fill(1) copy_to_slice(0, &mut [0]) copy_from_slice(0, &[1]));
    refuses!(calls, "array::Array, nothing to do", array: copy_to_slice(0, &mut []) copy_from_slice(0, &[]));
    panics!(calls, "array::Array", array: get(1) to_vec());
    answers!(calls, "array::Array", array: clone() len() is_empty() at(1) iter() name() region() same_object(&array));
    refuses!(calls, "array::Element", element: load() store(1) swap(1) compare_exchange(0, 1) fetch_update(Some) update(|it| it)
        fetch_and(1) fetch_or(1) fetch_xor(1) fetch_add(1) fetch_sub(1) fetch_max(1) fetch_min(1));
    calls.panics("array::Iter::next", || iter.next());
    calls.panics("array::Iter::next_back", || iter.next_back());
    let flags = region.array::<bool>("flags").len(1).create().expect("new");
    let flag = flags.at(0);
    refuses!(calls, "array::Element", flag: fetch_not());

    let once = region.once_cell::<u64>("once").create().expect("new");
    once.set(1).expect("empty");
    refuses!(calls, "once::OnceCell", once: get() set(1) try_set(1) set_timeout(1, SHORT) set_deadline(1, soon())
        get_or_init(|| 1) try_get_or_init(|| 1) get_or_init_timeout(SHORT, || 1) get_or_init_deadline(soon(), || 1)
        get_or_try_init(|| Ok::<_, ipc_posix::WriteError>(1)) try_get_or_try_init(|| Ok::<_, ipc_posix::TryWriteError>(1))
        get_or_try_init_timeout(SHORT, || Ok::<_, ipc_posix::WriteTimeoutError>(1))
        get_or_try_init_deadline(soon(), || Ok::<_, ipc_posix::WriteTimeoutError>(1)) wait() wait_timeout(SHORT)
        wait_deadline(soon()));
    answers!(calls, "once::OnceCell", once: clone());
    panics!(calls, "once::OnceCell", once: is_set());

    let watch = region.watch::<u64>("watch").initial(0).create().expect("new");
    let (writer, reader) = (watch.writer().expect("here"), watch.subscribe().expect("here"));
    watch.set(1).expect("here");
    refuses!(calls, "watch::Watch", watch: get() get_versioned() version() set(1) try_set(1) set_timeout(1, SHORT)
        set_deadline(1, soon()) update(|it| it) try_update(|it| it) update_timeout(SHORT, |it| it)
        update_deadline(soon(), |it| it) wait_for_change(0) wait_for_change_timeout(0, SHORT)
        wait_for_change_deadline(0, soon()) wait_until(|_| true) wait_until_timeout(SHORT, |_| true)
        wait_until_deadline(soon(), |_| true) subscribe() writer());
    refuses!(calls, "watch::WatchWriter", writer: get() get_versioned() version() set(1) try_set(1) set_timeout(1, SHORT)
        set_deadline(1, soon()) update(|it| it) try_update(|it| it) update_timeout(SHORT, |it| it)
        update_deadline(soon(), |it| it) wait_for_change(0) wait_for_change_timeout(0, SHORT)
        wait_for_change_deadline(0, soon()) wait_until(|_| true) wait_until_timeout(SHORT, |_| true)
        wait_until_deadline(soon(), |_| true) subscribe() writer());
    panics!(calls, "watch::Watch", watch: stats());
    panics!(calls, "watch::WatchWriter", writer: stats());
    answers!(calls, "watch::Watch", watch: clone());
    answers!(calls, "watch::WatchWriter", writer: clone());
    refuses!(calls, "watch::WatchReader", reader: changed() try_changed() changed_timeout(SHORT) changed_deadline(soon()) get()
        has_changed());
    panics!(calls, "watch::WatchReader", reader: is_disconnected() next());
    answers!(calls, "watch::WatchReader", reader: end() from(0) seen() watch() clone());

    let looking = Region::open_read_only(file.as_str()).expect("it is there");
    let watch = looking.watch::<u64>("watch").open().expect("it is there");
    refuses!(calls, "watch::ReadOnlyWatch", watch: get() get_versioned() version());
    calls.refuses("ReadOnlyRegion::queue_stats", || looking.queue_stats("queue"));
    calls.refuses("ReadOnlyRegion::watch", || looking.watch::<u64>("watch").open().map(drop));
    calls.panics("ReadOnlyRegion::list", || looking.list());
    calls.panics("ReadOnlyRegion::participants", || looking.participants());
    calls.answers("ReadOnlyRegion::size", || (looking.size(), looking.name().len(), looking.identity()));
    refuses!(calls, "Region", region: queue_stats("queue") recover());
    panics!(calls, "Region", region: free() participants() list());
    answers!(calls, "Region", region: name() path() size() identity() participant_number() is_usable() is_orphaned() clone());
    calls.refuses("creating", || region.event("new").create());
    calls.refuses("opening", || region.atomic::<u64>("atomic").open());
}

/// Methods that are made of nothing that came through a fork.
const FROM_NOTHING: &[&str] = &["footprint", "slice_footprint", "new", "attach", "open_or_create"];

#[test]
fn nothing_is_touched_and_nothing_is_silent() {
    let _watchdog = Watchdog::new(LIMIT, "every method in a forked child");
    let mut calls = Calls::default();
    for part in [
        queues,
        forked::piles::stacks,
        forked::piles::priorities,
        forked::piles::levels,
        forked::work::work,
        forked::work::work_of_bytes,
        bytes,
        loans,
        one_to_one,
        forked::duplex::duplexes,
        forked::duplex::duplexes_of_values,
        broadcasts,
        mutexes,
        rwlocks,
        semaphores,
        signals,
        cells,
        forked::maps::maps,
        forked::vectors::vectors,
        forked::places::values_in_places,
        forked::places::values_under_locks,
        forked::places::written_cells,
        forked::processes::processes,
    ] as [fn(&mut Calls); 23]
    {
        part(&mut calls);
    }
    let failures = calls.failures();
    assert!(failures.is_empty(), "{} of {} calls:\n{}", failures.len(), calls.made(), failures.join("\n"));

    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipc-core/src");
    let mut methods = BTreeSet::new();
    for object in sources::objects(&core) {
        for (name, handle) in sources::handles(&core, &object) {
            if !["Builder", "Options", "Error", "Result", "Stats"].iter().any(|kind| name.contains(kind)) {
                let here = handle.methods.iter().filter(|method| !FROM_NOTHING.contains(&method.as_str()));
                methods.extend(here.map(|method| format!("{object}::{name}::{method}")));
            }
        }
    }
    assert!(methods.len() > 300, "the sources are read: {} methods", methods.len());
    let missing: Vec<&String> = methods.iter().filter(|method| !calls.has(method)).collect();
    assert!(missing.is_empty(), "methods that are not called here: {missing:#?}");
}
