//! Contracts about the death of an owner: the second actor is killed, and the first goes on.

use ipc_core::Platform;
use ipc_core::barrier::Barrier;
use ipc_core::duplex::Duplex;
use ipc_core::error::{AnswerError, BarrierError, LockError, RecvError, SendError};
use ipc_core::level::LevelQueue;
use ipc_core::loan::LoanQueue;
use ipc_core::map::Map;
use ipc_core::mutex::{Mutex, ReentrantMutex};
use ipc_core::queue::Queue;
use ipc_core::rwlock::RwLock;
use ipc_core::semaphore::Semaphore;
use ipc_core::spsc::Spsc;
use ipc_core::vector::Vector;
use ipc_core::work::{ByteWorkQueue, WorkQueue};

use super::Role;

/// The next holder is told, with the data as they are, until it declares them consistent.
pub fn mutex<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| {
        let mut guard = mutex.lock().expect("it is free");
        *guard = 6;
        guard
    });
    role.one(|| assert!(mutex.try_lock().is_err_and(|error| error.would_block()), "it lives"));
    role.two_is_killed();
    let Err(LockError::OwnerDied(guard)) = mutex.lock() else { panic!("its holder died") };
    assert_eq!(*guard, 6);
    guard.mark_consistent().unwrap();
    drop(guard);
    assert!(mutex.lock().is_ok());
}

/// What was not committed has not happened, and there is nothing to mend.
pub fn transaction<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| {
        let mut change = mutex.lock_transaction().expect("it is free");
        *change = 1;
        change.store().unwrap();
        *change = 2;
        change
    });
    role.two_is_killed();
    assert_eq!(mutex.lock().as_deref().ok(), Some(&1));
    assert!(!mutex.is_poisoned());
}

/// The next holder is told, and finds the last value that was set.
pub fn reentrant<P: Platform>(mutex: &ReentrantMutex<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| {
        let guards = (mutex.lock().expect("it is free"), mutex.lock().expect("it is this thread's"));
        guards.1.set(6).expect("the memory is here");
        guards
    });
    role.two_is_killed();
    let Err(LockError::OwnerDied(guard)) = mutex.lock() else { panic!("its holder died") };
    assert_eq!(guard.get(), Ok(6));
    guard.mark_consistent().unwrap();
    drop(guard);
    assert!(mutex.lock().is_ok());
}

/// Readers and writers are told of a writer that died.
pub fn writer<P: Platform>(lock: &RwLock<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| {
        let mut guard = lock.write().expect("it is free");
        *guard = 6;
        guard
    });
    role.two_is_killed();
    let Err(LockError::OwnerDied(guard)) = lock.read() else { panic!("its writer died") };
    assert_eq!(*guard, 6);
    drop(guard);
    let Err(LockError::OwnerDied(guard)) = lock.write() else { panic!("its writer died") };
    guard.mark_consistent().unwrap();
    drop(guard);
    assert!(lock.read().is_ok());
}

/// A reader that died keeps nobody out and leaves no mark.
pub fn reader<P: Platform>(lock: &RwLock<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| lock.read().expect("it is free"));
    role.one(|| assert!(lock.try_write().is_err_and(|error| error.would_block()), "it lives"));
    role.two_is_killed();
    assert!(lock.write().is_ok());
}

/// The permits of the dead come back, to somebody who waits for all of them.
pub fn permits<P: Platform>(semaphore: &Semaphore<'_, P>, role: &Role<'_>) {
    let _held = role.two(|| (semaphore.acquire().expect("there are two"), semaphore.acquire().expect("there is one")));
    role.two_is_killed();
    assert_eq!(semaphore.acquire_many(2).expect("they come back").count(), 2);
    assert_eq!(semaphore.available(), 2);
}

/// What a dead sender had sent arrives, and then its end is told.
pub fn sender<P: Platform + Clone>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| {
        let sender = queue.sender().expect("a half");
        sender.send(1).expect("there is room");
        sender
    });
    let receiver = role.one(|| queue.receiver().expect("a half"));
    role.two_is_killed();
    let receiver = receiver.expect("it is here");
    assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Err(RecvError::Disconnected)));
}

/// A sender that waits for room is told that the last receiver is dead.
pub fn receiver<P: Platform + Clone>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| queue.receiver().expect("a half"));
    let sender = role.one(|| {
        let sender = queue.sender().expect("a half");
        sender.send(1).expect("there is room");
        sender
    });
    role.two_is_killed();
    assert_eq!(sender.expect("it is here").send(2), Err(SendError::Disconnected(2)));
}

/// What a dead sender had sent into any level arrives, the highest first, and then its end is told.
pub fn level_sender<P: Platform + Clone>(queue: &LevelQueue<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| {
        let sender = queue.sender().expect("a half");
        assert_eq!((sender.send(2, 3), sender.send(0, 1)), (Ok(()), Ok(())));
        sender
    });
    let receiver = role.one(|| queue.receiver().expect("a half"));
    role.two_is_killed();
    let receiver = receiver.expect("it is here");
    assert_eq!((receiver.recv(), receiver.recv(), receiver.recv()), (Ok(1), Ok(3), Err(RecvError::Disconnected)));
}

/// A sender that waits for room in a level is told that the last receiver is dead.
pub fn level_receiver<P: Platform + Clone>(queue: &LevelQueue<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| queue.receiver().expect("a half"));
    let sender = role.one(|| {
        let sender = queue.sender().expect("a half");
        sender.send(1, 1).expect("there is room");
        sender
    });
    role.two_is_killed();
    assert_eq!(sender.expect("it is here").send(1, 2), Err(SendError::Disconnected(2)));
}

/// The end of a dead producer can be claimed, and what it had sent is there.
pub fn producer<P: Platform + Clone>(queue: &Spsc<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| {
        let mut producer = queue.producer().expect("nobody has it");
        producer.send(1).expect("there is room");
        producer
    });
    let consumer = role.one(|| queue.consumer().expect("nobody has it"));
    role.two_is_killed();
    let mut consumer = consumer.expect("it is here");
    assert_eq!((consumer.recv(), consumer.recv()), (Ok(1), Err(RecvError::Disconnected)));
    queue.producer().expect("its holder is dead").send(2).expect("there is room");
    assert_eq!(consumer.recv(), Ok(2));
}

/// What a dead client had sent is there, and then the end; the next session is another one.
pub fn client<P: Platform + Clone>(duplex: &Duplex<'_, u64, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| {
        let mut client = duplex.client().expect("nobody has it");
        client.send(1).expect("there is room");
        client
    });
    let server = role.one(|| duplex.server().expect("nobody has it"));
    role.two_is_killed();
    let mut server = server.expect("it is here");
    assert_eq!((server.recv(), server.recv()), (Ok(1), Err(RecvError::Disconnected)));
    assert!(server.peer_died());
    drop(server);
    duplex.client().expect("its holder is dead").send(2).expect("there is room");
    assert_eq!(duplex.server().expect("it was dropped").recv(), Ok(2));
}

/// A block in the hands of the dead comes back to who waits for one.
pub fn borrower<P: Platform>(queue: &LoanQueue<'_, u64, P>, role: &Role<'_>) {
    let _held = role.two(|| queue.loan(4).expect("a block"));
    role.one(|| assert_eq!(queue.free_blocks(), 0));
    role.two_is_killed();
    queue.loan(4).expect("it comes back").send().expect("it is open");
    assert_eq!(queue.recv().expect("a message").len(), 4);
}

/// The job of a worker that dies comes again.
pub fn worker<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(queue.send(9), Ok(())));
    let _held = role.two(|| queue.recv().expect("a job"));
    role.one(|| assert_eq!((queue.is_empty(), queue.is_idle()), (true, false)));
    role.two_is_killed();
    let lease = queue.recv().expect("it comes back");
    assert_eq!((*lease, lease.attempt(), lease.done()), (9, 2, Ok(())));
    assert_eq!(queue.wait_idle(), Ok(()));
}

/// The job of a worker that dies on the last attempt is a dead letter, to one who waits for it.
pub fn last_worker<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(queue.send(9), Ok(())));
    role.one(|| drop(queue.recv().expect("a job")));
    let _held = role.two(|| queue.recv().expect("a job"));
    role.two_is_killed();
    let letter = queue.recv_dead().expect("it failed");
    assert_eq!((*letter, letter.attempt(), letter.done()), (9, 2, Ok(())));
    assert_eq!(queue.wait_idle(), Ok(()));
}

/// The job of a server that dies goes to another one; after the last attempt its caller learns it.
pub fn server<P: Platform>(queue: &ByteWorkQueue<'_, P>, role: &Role<'_>) {
    let tickets = role.one(|| [b"a", b"b"].map(|job| queue.call(job).expect("room")));
    role.one(|| drop(queue.recv().expect("a job")));
    // The first one has had an attempt.
    let _held = role.two(|| [1, 2].map(|_| queue.recv().expect("a job")));
    role.two_is_killed();
    let [first, second] = tickets.expect("it called");
    assert_eq!(first.wait(), Err(AnswerError::Failed { attempts: 2 }));
    let lease = queue.recv().expect("it comes back");
    assert_eq!((lease.to_vec(), lease.attempt(), lease.reply(b"late")), (b"b".to_vec(), 2, Ok(true)));
    assert_eq!(second.wait(), Ok(&b"late"[..]));
    drop((first, second));
    assert!(queue.is_idle() && queue.stats().answered == 0);
}

/// The blocks of a caller that dies come back: of a job that is done, of one that is leased, and of one that waits.
pub fn caller<P: Platform>(queue: &ByteWorkQueue<'_, P>, role: &Role<'_>) {
    let _tickets = role.two(|| [b"a", b"b"].map(|job| queue.call(job).expect("room")));
    let lease = role.one(|| {
        assert_eq!(queue.recv().expect("a job").reply(b"done"), Ok(true));
        queue.recv().expect("a job")
    });
    let _ticket = role.two(|| queue.call(b"c").expect("room"));
    role.two_is_killed();
    let lease = lease.expect("it has one");
    // Two are there, and a third one finds no block.
    assert_eq!((queue.send(b"d"), queue.send(b"e")), (Ok(()), Ok(())));
    assert_eq!((lease.is_wanted(), lease.reply(b"late")), (false, Ok(false)));
    let got: Vec<Vec<u8>> = queue.try_iter().map(|lease| (lease.to_vec(), lease.done()).0).collect();
    assert_eq!((got, queue.stats().answered), (vec![b"d".to_vec(), b"e".to_vec()], 0));
}

/// A map whose lock a writer had that dies: what it had done is there, and the next one goes on.
pub fn map_writer<P: Platform>(map: &Map<'_, u16, u64, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(map.insert(1, 10), Ok(None)));
    let _held = role.two(|| {
        let mut guard = map.lock().expect("nobody writes");
        assert_eq!((guard.insert(2, 20), guard.remove(&1)), (Ok(None), Ok(Some(10))));
        guard
    });
    role.two_is_killed();
    assert_eq!((map.len(), map.get(&1), map.get(&2)), (1, Ok(None), Ok(Some(20))));
    assert_eq!((map.insert(3, 30), map.len()), (Ok(None), 2));
}

/// A vector whose lock a process had that dies, with changes under it: they have not happened, and the next one goes on.
pub fn vector_holder<P: Platform>(vector: &Vector<'_, u64, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(vector.extend_from_slice(&[3, 1]), Ok(())));
    let _held = role.two(|| {
        assert_eq!(vector.push(2), Ok(()));
        let mut guard = vector.lock().expect("nobody has it");
        guard.sort_unstable();
        assert_eq!((guard.push(4), guard.len()), (Ok(()), 4));
        guard
    });
    role.two_is_killed();
    assert_eq!((vector.len(), vector.get(0), vector.get(2)), (3, Ok(Some(3)), Ok(Some(2))));
    assert_eq!((vector.insert(0, 5), vector.pop(), vector.len()), (Ok(()), Ok(Some(2)), 3));
}

/// A member that dies breaks the barrier for who waits, until it is reset.
pub fn party<P: Platform>(barrier: &Barrier<'_, P>, role: &Role<'_>) {
    role.two(|| barrier.join().expect("there is a seat"));
    role.two_is_killed();
    assert_eq!(barrier.wait().err(), Some(BarrierError::Broken));
    assert_eq!((barrier.reset(), barrier.is_broken(), barrier.waiting()), (Ok(()), false, 0));
    assert_eq!(barrier.join(), Ok(()));
}
