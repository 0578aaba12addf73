//! Contracts of the forms with a deadline: one that has passed lets a call do what is possible at once and nothing more; one that is
//! far off lets it wait for the other actor.

use std::time::Duration;

use ipc_core::atomic::Atomic;
use ipc_core::barrier::Barrier;
use ipc_core::broadcast::Broadcast;
use ipc_core::bytes::ByteQueue;
use ipc_core::condvar::Condvar;
use ipc_core::duplex::Duplex;
use ipc_core::error::{
    BarrierTimeoutError, LockTimeoutError, RecvTimeoutError, SendSliceError, SendTimeoutError, TryLockError,
    TryRecvError, WaitTimeoutError,
};
use ipc_core::event::{Event, EventGroup};
use ipc_core::loan::LoanQueue;
use ipc_core::map::Map;
use ipc_core::mutex::{Mutex, ReentrantMutex};
use ipc_core::once::OnceCell;
use ipc_core::platform::SpinPlatform;
use ipc_core::priority::PriorityQueue;
use ipc_core::queue::{Queue, SendIterError};
use ipc_core::rwlock::RwLock;
use ipc_core::semaphore::Semaphore;
use ipc_core::spsc::Spsc;
use ipc_core::stack::Stack;
use ipc_core::vector::Vector;
use ipc_core::watch::Watch;
use ipc_core::work::WorkQueue;
use ipc_core::{Instant, Platform};
use ipc_posix::Posix;

use super::{Role, rounds};

/// What is sent by an iterator.
const MESSAGES: u64 = rounds(300);

/// A platform on which deadlines can be named.
pub trait Clocked: Platform {
    /// A deadline that has passed.
    fn past() -> Self::Deadline;

    /// A deadline that no contract lives to see.
    fn far() -> Self::Deadline;
}

impl Clocked for &SpinPlatform {
    fn past() -> Instant {
        Instant::from_nanos(0)
    }

    fn far() -> Instant {
        Instant::FAR_FUTURE
    }
}

impl Clocked for Posix {
    fn past() -> std::time::Instant {
        std::time::Instant::now()
    }

    fn far() -> std::time::Instant {
        std::time::Instant::now() + Duration::from_secs(3600)
    }
}

/// Of the queue and its halves, one by one and in batches.
pub fn queue<P: Clocked + Clone>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    let (mut two, mut got) = ([0; 2], Vec::new());
    role.one(|| {
        let (sender, receiver) = (queue.sender().expect("a half"), queue.receiver().expect("a half"));
        assert_eq!(queue.recv_deadline(P::past()), Err(RecvTimeoutError::Timeout));
        assert_eq!(receiver.recv_slice_deadline(&mut two, P::past()), Err(RecvTimeoutError::Timeout));
        assert_eq!(receiver.recv_many_deadline(&mut got, 2, P::past()), Err(RecvTimeoutError::Timeout));
        assert_eq!(receiver.recv_many_timeout(&mut got, 2, Duration::ZERO), Err(RecvTimeoutError::Timeout));
        assert_eq!(receiver.try_recv_many(&mut got, 2), Err(TryRecvError::Empty));
        assert_eq!((queue.send_deadline(1, P::past()), sender.send_deadline(2, P::past())), (Ok(()), Ok(())));
        assert_eq!(queue.send_deadline(3, P::past()), Err(SendTimeoutError::Timeout(3)));
        let none = SendSliceError { sent: 0, cause: SendTimeoutError::Timeout(()) };
        assert_eq!(sender.send_slice_deadline(&[3, 4], P::past()), Err(none));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
        // A limit counts for the whole iterator: two have room, and the third waits in vain.
        let late = |unsent| Err(SendIterError { sent: 2, unsent, cause: SendTimeoutError::Timeout(()) });
        assert_eq!(sender.send_iter_deadline(3..6, P::past()), late(vec![5]));
        assert_eq!((queue.try_recv(), queue.try_recv()), (Ok(3), Ok(4)));
        assert_eq!(queue.send_iter_timeout(3..6, Duration::ZERO), late(vec![5]));
        assert_eq!(queue.recv_many_deadline(&mut got, 9, P::past()), Ok(2));
        assert_eq!(
            (queue.try_recv_many(&mut got, 0), queue.recv_many_timeout(&mut got, 0, Duration::ZERO)),
            (Ok(0), Ok(0))
        );
        assert_eq!(got, [3, 4]);
        let mut more = 5..;
        assert_eq!(sender.try_send_iter(more.by_ref()), Ok(2));
        let full = queue.try_send_iter(more.by_ref()).unwrap_err();
        assert!(full.cause.is_full() && full.unsent.is_empty() && more.next() == Some(7));
        let mut room = [core::mem::MaybeUninit::uninit(); 4];
        assert_eq!(queue.recv_uninit_deadline(&mut room, P::past()).map(|values| values.to_vec()), Ok(vec![5, 6]));
        let late = queue.recv_uninit_timeout(&mut room, Duration::ZERO).map(|values| values.len());
        assert_eq!(late, Err(RecvTimeoutError::Timeout));
    });
    role.at_once(
        || assert_eq!(queue.send_iter_deadline(0..MESSAGES, P::far()), Ok(MESSAGES as usize)),
        || {
            let mut got = Vec::new();
            while got.len() < MESSAGES as usize {
                queue.recv_many_deadline(&mut got, 9, P::far()).expect("nobody closes");
            }
            assert!(got.iter().copied().eq(0..MESSAGES));
        },
    );
    // The halves are gone: a send by a new one is refused before its values are asked for.
    role.two(|| {
        let sender = queue.sender().expect("a half");
        let error = sender.try_send_iter(std::iter::once_with(|| unreachable!("asked for"))).unwrap_err();
        assert!(error.cause.is_disconnected());
    });
}

/// Of the stack.
pub fn stack<P: Clocked + Clone>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        let (sender, receiver) = (stack.sender().expect("a half"), stack.receiver().expect("a half"));
        assert_eq!(stack.recv_deadline(P::past()), Err(RecvTimeoutError::Timeout));
        assert_eq!((stack.send_deadline(1, P::past()), sender.send_deadline(2, P::past())), (Ok(()), Ok(())));
        assert_eq!(sender.send_deadline(3, P::past()), Err(SendTimeoutError::Timeout(3)));
        let none = SendSliceError { sent: 0, cause: SendTimeoutError::Timeout(()) };
        assert_eq!(sender.send_slice_deadline(&[3, 4], P::past()), Err(none));
        assert_eq!(receiver.recv_deadline(P::past()), Ok(2));
        // A limit counts for the whole iterator: one has room, and the second waits in vain.
        let late = Err(SendIterError { sent: 1, unsent: vec![4], cause: SendTimeoutError::Timeout(()) });
        assert_eq!(stack.send_iter_timeout(3..6, Duration::ZERO), late);
        let mut got = Vec::new();
        assert_eq!((receiver.recv_many_deadline(&mut got, 9, P::past()), &got[..]), (Ok(2), &[3, 1][..]));
        assert_eq!(stack.recv_many_timeout(&mut got, 9, Duration::ZERO), Err(RecvTimeoutError::Timeout));
    });
    role.at_once(
        || (0..rounds(50)).for_each(|number| assert_eq!(stack.send_deadline(number, P::far()), Ok(()))),
        || (0..rounds(50)).for_each(|_| assert!(stack.recv_deadline(P::far()).is_ok())),
    );
}

/// Of the priority queue.
pub fn priority<P: Clocked + Clone>(queue: &PriorityQueue<'_, u64, u64, P>, role: &Role<'_>) {
    role.one(|| {
        let (sender, receiver) = (queue.sender().expect("a half"), queue.receiver().expect("a half"));
        assert_eq!(queue.recv_deadline(P::past()), Err(RecvTimeoutError::Timeout));
        assert_eq!((queue.send_deadline(2, 1, P::past()), sender.send_deadline(1, 2, P::past())), (Ok(()), Ok(())));
        assert_eq!(sender.send_deadline(0, 3, P::past()), Err(SendTimeoutError::Timeout((0, 3))));
        let none = SendSliceError { sent: 0, cause: SendTimeoutError::Timeout(()) };
        assert_eq!(sender.send_slice_deadline(&[(3, 3), (4, 4)], P::past()), Err(none));
        assert_eq!(receiver.recv_deadline(P::past()), Ok((1, 2)));
        // A limit counts for the whole iterator: one has room, and the second waits in vain.
        let late = Err(SendIterError { sent: 1, unsent: vec![(4, 4)], cause: SendTimeoutError::Timeout(()) });
        assert_eq!(queue.send_iter_timeout((3..6).map(|number| (number, number)), Duration::ZERO), late);
        let mut got = Vec::new();
        assert_eq!((receiver.recv_many_deadline(&mut got, 9, P::past()), &got[..]), (Ok(2), &[(2, 1), (3, 3)][..]));
        assert_eq!(queue.recv_many_timeout(&mut got, 9, Duration::ZERO), Err(RecvTimeoutError::Timeout));
    });
    role.at_once(
        || (0..rounds(50)).for_each(|number| assert_eq!(queue.send_deadline(number % 7, number, P::far()), Ok(()))),
        || (0..rounds(50)).for_each(|_| assert!(queue.recv_deadline(P::far()).is_ok())),
    );
}

/// Of the work queue.
pub fn work<P: Clocked>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!(queue.recv_deadline(P::past()).map(drop), Err(RecvTimeoutError::Timeout));
        assert_eq!((queue.send_deadline(1, P::past()), queue.send_deadline(2, P::past())), (Ok(()), Ok(())));
        assert_eq!(queue.send_deadline(3, P::past()), Err(SendTimeoutError::Timeout(3)));
        assert!(queue.wait_idle_deadline(P::past()).is_err_and(|error| error.is_timeout()));
        assert_eq!(queue.recv_dead_deadline(P::past()).map(drop), Err(RecvTimeoutError::Timeout));
        for number in [1, 2] {
            let lease = queue.recv_deadline(P::past()).expect("it is there");
            assert_eq!((*lease, lease.done()), (number, Ok(())));
        }
        assert_eq!(queue.wait_idle_deadline(P::past()), Ok(()));
    });
    role.at_once(
        || (0..rounds(50)).for_each(|number| assert_eq!(queue.send_deadline(number, P::far()), Ok(()))),
        || {
            (0..rounds(50))
                .for_each(|_| assert_eq!(queue.recv_deadline(P::far()).map(|lease| lease.done()), Ok(Ok(()))))
        },
    );
    role.two(|| assert_eq!(queue.wait_idle_deadline(P::far()), Ok(())));
    role.at_once(
        || {
            assert_eq!(queue.send_deadline(7, P::far()), Ok(()));
            (0..2).for_each(|_| drop(queue.recv().expect("a job")));
        },
        || assert_eq!(queue.recv_dead_deadline(P::far()).map(|letter| (*letter, letter.done())), Ok((7, Ok(())))),
    );
}

/// Of the queue of messages of any length.
pub fn bytes<P: Clocked>(queue: &ByteQueue<'_, P>, role: &Role<'_>) {
    let message = vec![7; queue.max_len()];
    role.one(|| {
        assert!(queue.recv_vec_deadline(P::past()).unwrap_err().is_timeout());
        assert_eq!(queue.send_deadline(&message, P::past()), Ok(()));
        assert!(queue.send_deadline(&message, P::past()).unwrap_err().is_timeout());
    });
    role.two(|| assert_eq!(queue.recv_vec_deadline(P::past()), Ok(message.clone())));
    role.at_once(
        || (0..rounds(50)).for_each(|_| assert_eq!(queue.send_deadline(&message, P::far()), Ok(()))),
        || (0..rounds(50)).for_each(|_| assert_eq!(queue.recv_vec_deadline(P::far()), Ok(message.clone()))),
    );
}

/// Of the queue of blocks.
pub fn loan<P: Clocked>(queue: &LoanQueue<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert!(queue.recv_deadline(P::past()).unwrap_err().is_timeout());
        assert_eq!(queue.send_copy_deadline(&[1], P::past()), Ok(()));
        let held = queue.recv_deadline(P::past()).expect("it is there");
        assert!(queue.loan_deadline(1, P::past()).unwrap_err().is_timeout(), "the only block is taken");
        drop(held);
    });
    role.at_once(
        || (0..rounds(50)).for_each(|number| assert_eq!(queue.send_copy_deadline(&[number], P::far()), Ok(()))),
        || {
            (0..rounds(50))
                .for_each(|number| assert_eq!(queue.recv_deadline(P::far()).expect("soon").get(0), Some(number)))
        },
    );
}

/// Of the duplex.
pub fn duplex<P: Clocked + Clone>(duplex: &Duplex<'_, u64, u64, P>, role: &Role<'_>) {
    role.two(|| {
        assert_eq!(duplex.accept_deadline(P::past()).map(drop), Err(WaitTimeoutError::Timeout));
        assert_eq!(duplex.connect_deadline(P::past()).map(drop), Err(WaitTimeoutError::Timeout));
    });
    let mut client = role.one(|| {
        let client = duplex.client().expect("nobody has it");
        assert_eq!(client.wait_for_peer_deadline(P::past()), Err(WaitTimeoutError::Timeout));
        client
    });
    let mut server = role.two(|| duplex.accept_deadline(P::past()).expect("a client is there"));
    role.two(|| {
        let server = server.as_mut().expect("it is here");
        assert_eq!(server.recv_deadline(P::past()), Err(RecvTimeoutError::Timeout));
        assert_eq!(server.wait_readable_deadline(P::past()), Err(RecvTimeoutError::Timeout));
    });
    role.one(|| {
        let client = client.as_mut().expect("it is here");
        assert_eq!(client.wait_for_peer_deadline(P::past()), Ok(()));
        assert_eq!((client.send_deadline(1, P::past()), client.send_deadline(2, P::past())), (Ok(()), Ok(())));
        assert_eq!(client.send_deadline(3, P::past()), Err(SendTimeoutError::Timeout(3)));
    });
    role.two(|| {
        let server = server.as_mut().expect("it is here");
        assert_eq!(server.wait_readable_deadline(P::past()), Ok(()));
        assert_eq!(server.recv_deadline(P::past()), Ok(1));
    });
}

/// Of the one-to-one queue.
pub fn spsc<P: Clocked + Clone>(queue: &Spsc<'_, u64, P>, role: &Role<'_>) {
    let mut producer = role.one(|| queue.producer().expect("nobody has it"));
    let mut consumer = role.two(|| queue.consumer().expect("nobody has it"));
    role.two(|| {
        let consumer = consumer.as_mut().expect("it is here");
        assert_eq!(consumer.recv_deadline(P::past()), Err(RecvTimeoutError::Timeout));
    });
    role.one(|| {
        let producer = producer.as_mut().expect("it is here");
        assert_eq!(producer.send_deadline(1, P::past()), Ok(()));
        let late = SendSliceError { sent: 3, cause: SendTimeoutError::Timeout(()) };
        assert_eq!(producer.send_slice_deadline(&[2, 3, 4, 5], P::past()), Err(late));
    });
    role.two(|| {
        let consumer = consumer.as_mut().expect("it is here");
        assert_eq!(consumer.iter().size_hint(), (4, None));
        let mut got = Vec::new();
        assert_eq!((consumer.recv_many_deadline(&mut got, 9, P::past()), got), (Ok(4), vec![1, 2, 3, 4]));
    });
    role.at_once(
        || {
            assert_eq!(
                producer.as_mut().expect("it is here").send_iter_deadline(0..MESSAGES, P::far()),
                Ok(MESSAGES as usize)
            )
        },
        || {
            let consumer = consumer.as_mut().expect("it is here");
            (0..MESSAGES).for_each(|number| assert_eq!(consumer.recv_deadline(P::far()), Ok(number)));
        },
    );
}

/// Of the broadcast whose publishers wait.
pub fn broadcast<P: Clocked + Clone>(broadcast: &Broadcast<'_, u64, P>, role: &Role<'_>) {
    let mut subscriber = role.two(|| {
        let mut subscriber = broadcast.subscribe().expect("a place");
        assert!(subscriber.recv_deadline(P::past()).unwrap_err().is_timeout());
        subscriber
    });
    role.one(|| {
        let mut sent = 0;
        while broadcast.publish_deadline(sent, P::past()).is_ok() {
            sent += 1;
        }
        assert_eq!(sent, broadcast.capacity() as u64);
    });
    let capacity = broadcast.capacity() as u64;
    role.at_once(
        || (0..rounds(100)).for_each(|number| assert!(broadcast.publish_deadline(capacity + number, P::far()).is_ok())),
        || {
            let subscriber = subscriber.as_mut().expect("it is here");
            (0..capacity + rounds(100)).for_each(|number| assert_eq!(subscriber.recv_deadline(P::far()), Ok(number)));
        },
    );
}

/// Of the mutex, with its transactions.
pub fn mutex<P: Clocked>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    let held = role.one(|| {
        mutex.try_lock_transaction().expect("it is free").commit().unwrap();
        mutex.lock_deadline(P::past()).expect("it is free")
    });
    role.two(|| {
        let late = mutex.lock_deadline(P::past()).err().map(LockTimeoutError::without_guard);
        assert_eq!(late, Some(LockTimeoutError::Timeout));
        let late = mutex.lock_transaction_deadline(P::past()).err().map(LockTimeoutError::without_guard);
        assert_eq!(late, Some(LockTimeoutError::Timeout));
        let taken = mutex.try_lock_transaction().err().map(TryLockError::without_guard);
        assert_eq!(taken, Some(TryLockError::WouldBlock));
    });
    role.at_once(
        || {
            *held.expect("it is here") = 5;
        },
        || {
            let mut change = mutex.lock_transaction_deadline(P::far()).expect("free soon");
            *change += 1;
            change.commit().unwrap();
        },
    );
    role.one(|| assert_eq!(mutex.lock_deadline(P::past()).as_deref().ok(), Some(&6)));
}

/// Of the mutex that its holder may lock again.
pub fn reentrant<P: Clocked>(mutex: &ReentrantMutex<'_, u64, P>, role: &Role<'_>) {
    let held = role.one(|| mutex.lock_deadline(P::past()).expect("it is free"));
    role.two(|| assert!(mutex.lock_deadline(P::past()).is_err_and(|error| error.is_timeout())));
    role.at_once(|| drop(held), || assert!(mutex.lock_deadline(P::far()).is_ok()));
}

/// Of the lock for one writer or many readers.
pub fn rwlock<P: Clocked>(lock: &RwLock<'_, u64, P>, role: &Role<'_>) {
    let held = role.one(|| lock.write_deadline(P::past()).expect("it is free"));
    role.two(|| {
        assert!(lock.read_deadline(P::past()).is_err_and(|error| error.is_timeout()));
        assert!(lock.write_deadline(P::past()).is_err_and(|error| error.is_timeout()));
    });
    role.at_once(|| drop(held), || assert!(lock.write_deadline(P::far()).is_ok()));
    let held = role.one(|| lock.read_deadline(P::past()).expect("it is free"));
    role.two(|| assert!(lock.read_deadline(P::past()).is_ok()));
    role.at_once(|| drop(held), || assert!(lock.write_deadline(P::far()).is_ok()));
}

/// Of the semaphore, with several permits and owned ones.
pub fn semaphore<P: Clocked + Clone>(semaphore: &Semaphore<'_, P>, role: &Role<'_>) {
    let both = role.one(|| semaphore.acquire_many_deadline(2, P::past()).expect("there are two"));
    role.two(|| {
        assert!(semaphore.acquire_deadline(P::past()).is_err_and(|error| error.is_timeout()));
        assert!(semaphore.acquire_owned_deadline(P::past()).is_err_and(|error| error.is_timeout()));
        assert!(semaphore.acquire_owned_timeout(Duration::ZERO).is_err_and(|error| error.is_timeout()));
    });
    role.at_once(
        || drop(both),
        || {
            let first = semaphore.acquire_owned_deadline(P::far()).expect("free soon");
            let second = semaphore.acquire_deadline(P::far()).expect("free soon");
            assert_eq!((semaphore.available(), first.count(), second.count()), (0, 1, 1));
        },
    );
    role.one(|| assert_eq!(semaphore.acquire_owned_timeout(Duration::ZERO).expect("there are two").count(), 1));
}

/// Of the event that lets one go.
pub fn event<P: Clocked>(event: &Event<'_, P>, role: &Role<'_>) {
    role.one(|| assert!(event.wait_deadline(P::past()).unwrap_err().is_timeout()));
    role.at_once(|| assert_eq!(event.set(), Ok(true)), || assert_eq!(event.wait_deadline(P::far()), Ok(())));
    role.one(|| assert_eq!((event.set(), event.wait_deadline(P::past())), (Ok(true), Ok(()))));
}

/// Of the group of event flags.
pub fn group<P: Clocked>(group: &EventGroup<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert!(group.wait_any_deadline(0b11, P::past()).unwrap_err().is_timeout());
        assert_eq!((group.set(0b01), group.wait_any_deadline(0b11, P::past())), (Ok(0), Ok(0b01)));
        assert!(group.take_all_deadline(0b11, P::past()).unwrap_err().is_timeout());
    });
    role.at_once(
        || assert_eq!(group.set(0b10), Ok(0b01)),
        || assert_eq!(group.take_all_deadline(0b11, P::far()), Ok(0b11)),
    );
    role.two(|| assert_eq!(group.flags(), Ok(0)));
}

/// Of the barrier.
pub fn barrier<P: Clocked>(barrier: &Barrier<'_, P>, role: &Role<'_>) {
    let meet = || assert!(barrier.wait_deadline(P::far()).is_ok());
    role.at_once(meet, meet);
    role.one(|| {
        assert_eq!(barrier.wait_deadline(P::past()).err(), Some(BarrierTimeoutError::Timeout));
        assert!(barrier.is_broken());
    });
}

/// Of the atomic cell.
pub fn atomic<P: Clocked>(cell: &Atomic<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert!(cell.wait_until_deadline(P::past(), |value| value > 0).unwrap_err().is_timeout());
        assert_eq!(cell.wait_until_deadline(P::past(), |value| value == 0), Ok(0));
    });
    role.at_once(
        || assert_eq!(cell.store(7), Ok(())),
        || assert_eq!(cell.wait_update_deadline(P::far(), |value| value.checked_sub(7)), Ok(7)),
    );
}

/// Of the cell that is set once.
pub fn once<P: Clocked>(cell: &OnceCell<'_, u64, P>, role: &Role<'_>) {
    role.one(|| assert!(cell.wait_deadline(P::past()).unwrap_err().is_timeout()));
    role.at_once(
        || assert_eq!(cell.set_deadline(7, P::past()), Ok(())),
        || assert_eq!(cell.wait_deadline(P::far()), Ok(7)),
    );
    role.one(|| {
        assert_eq!((cell.wait_deadline(P::past()), cell.get_or_init_deadline(P::past(), || 8)), (Ok(7), Ok(7)))
    });
}

/// Of the latest value.
pub fn watch<P: Clocked + Clone>(watch: &Watch<'_, u64, P>, role: &Role<'_>) {
    let mut reader = role.two(|| watch.subscribe().expect("the memory is here"));
    role.two(|| {
        assert!(watch.wait_for_change_deadline(0, P::past()).is_err_and(|error| error.is_timeout()));
        assert!(
            reader.as_mut().expect("it is here").changed_deadline(P::past()).is_err_and(|error| error.is_timeout())
        );
    });
    role.at_once(
        || assert_eq!(watch.set_deadline(3, P::past()), Ok(1)),
        || assert_eq!(reader.as_mut().expect("it is here").changed_deadline(P::far()), Ok(3)),
    );
    role.one(|| assert_eq!(watch.wait_until_deadline(P::past(), |value| *value == 3), Ok(3)));
}

/// Of the map: its lock.
pub fn map<P: Clocked>(map: &Map<'_, u16, u64, P>, role: &Role<'_>) {
    let guard = role.one(|| map.lock_deadline(P::past()).expect("nobody writes"));
    role.two(|| assert!(map.lock_deadline(P::past()).is_err_and(|error| error.is_timeout())));
    drop(guard);
    role.at_once(
        || assert_eq!(map.lock_deadline(P::far()).expect("in time").insert(1, 2), Ok(None)),
        || assert!(map.lock_deadline(P::far()).is_ok()),
    );
    role.two(|| assert_eq!(map.lock_deadline(P::past()).expect("nobody writes").get(&1), Ok(Some(2))));
}

/// Of the vector: its lock.
pub fn vector<P: Clocked>(vector: &Vector<'_, u64, P>, role: &Role<'_>) {
    let guard = role.one(|| vector.lock_deadline(P::past()).expect("nobody has it"));
    role.two(|| assert!(vector.lock_deadline(P::past()).is_err_and(|error| error.is_timeout())));
    drop(guard);
    role.at_once(
        || assert_eq!(vector.lock_deadline(P::far()).expect("in time").push(2), Ok(())),
        || assert!(vector.lock_deadline(P::far()).is_ok()),
    );
    role.two(|| assert_eq!(vector.lock_deadline(P::past()).expect("nobody has it").pop(), Some(2)));
}

/// Of the condition variable: the guard comes back, whichever way the wait ends.
pub fn condvar<P: Clocked>((mutex, changed): &(Mutex<'_, u64, P>, Condvar<'_, P>), role: &Role<'_>) {
    role.one(|| {
        let guard = mutex.lock().expect("it is free");
        let (guard, result) = changed.wait_deadline(guard, P::past()).expect("nobody died");
        assert!(result.timed_out() && *guard == 0);
    });
    role.at_once(
        || {
            *mutex.lock().expect("nobody panics") = 4;
            changed.notify_one().expect("the memory is here");
        },
        || {
            let guard = mutex.lock().expect("nobody panics");
            let waited = changed.wait_deadline_while(guard, P::far(), |value| *value == 0).expect("nobody died");
            assert!(!waited.1.timed_out() && *waited.0 == 4);
        },
    );
}
