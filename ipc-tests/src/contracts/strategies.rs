//! Contracts of the wait strategies: with each of them, whatever waits is served.

use std::time::Duration;

use ipc_core::atomic::Atomic;
use ipc_core::barrier::Barrier;
use ipc_core::broadcast::Broadcast;
use ipc_core::bytes::ByteQueue;
use ipc_core::condvar::Condvar;
use ipc_core::duplex::Duplex;
use ipc_core::error::{LockTimeoutError, RecvTimeoutError, SendTimeoutError, WaitTimeoutError};
use ipc_core::event::{Event, EventGroup};
use ipc_core::level::LevelQueue;
use ipc_core::loan::LoanQueue;
use ipc_core::map::Map;
use ipc_core::mutex::{Mutex, ReentrantMutex};
use ipc_core::once::OnceCell;
use ipc_core::priority::PriorityQueue;
use ipc_core::queue::Queue;
use ipc_core::rwlock::RwLock;
use ipc_core::semaphore::Semaphore;
use ipc_core::spsc::Spsc;
use ipc_core::stack::Stack;
use ipc_core::vector::Vector;
use ipc_core::wait::HasWaitStrategy;
use ipc_core::watch::Watch;
use ipc_core::work::WorkQueue;
use ipc_core::{Platform, WaitStrategy};

use super::{Role, SHORT, deaths, rounds};
#[cfg(target_os = "linux")]
use crate::pin::{pin_to, pin_to_one};

/// One of each, the default last.
pub const STRATEGIES: [WaitStrategy; 4] = [
    WaitStrategy::BusySpin,
    WaitStrategy::Block,
    WaitStrategy::SpinFor(Duration::from_micros(30)),
    WaitStrategy::Adaptive,
];

/// Rounds with each strategy.
const ROUNDS: u64 = rounds(20);

/// Both actors do their part [`ROUNDS`] times, with handles that wait in each way. They get the number of the round.
pub(super) fn each(handle: &impl HasWaitStrategy, role: &Role<'_>, mut one: impl FnMut(u64), mut two: impl FnMut(u64)) {
    assert_eq!(handle.wait_strategy(), WaitStrategy::default());
    for (first, strategy) in (0..).step_by(ROUNDS as usize).zip(STRATEGIES) {
        handle.set_wait_strategy(strategy);
        assert_eq!(handle.wait_strategy(), strategy);
        let numbers = first..first + ROUNDS;
        role.at_once(|| numbers.clone().for_each(&mut one), || numbers.clone().for_each(&mut two));
    }
}

/// A call of one actor that waits in vain ends in time with each strategy.
fn in_time(handle: &impl HasWaitStrategy, role: &Role<'_>, call: impl Fn()) {
    role.one(|| {
        for strategy in STRATEGIES {
            handle.set_wait_strategy(strategy);
            call();
        }
    });
}

/// Senders wait for room, receivers for messages.
pub fn queue<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    in_time(queue, role, || {
        assert_eq!(queue.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!((queue.try_send(1), queue.send_timeout(2, SHORT)), (Ok(()), Err(SendTimeoutError::Timeout(2))));
        assert_eq!(queue.try_recv(), Ok(1));
    });
    let send = |number| assert_eq!(queue.send(number), Ok(()));
    each(queue, role, send, |number| assert_eq!(queue.recv(), Ok(number)));
}

/// Senders wait for room, receivers for messages. With room for one, they come in the order in which they were sent.
pub fn stack<P: Platform>(stack: &Stack<'_, u64, P>, role: &Role<'_>) {
    let send = |number| assert_eq!(stack.send(number), Ok(()));
    each(stack, role, send, |number| assert_eq!(stack.recv(), Ok(number)));
}

/// Senders wait for room, receivers for messages. With room for one, they come in the order in which they were sent.
pub fn priority<P: Platform>(queue: &PriorityQueue<'_, u64, u64, P>, role: &Role<'_>) {
    let send = |number| assert_eq!(queue.send(9 - number % 9, number), Ok(()));
    each(queue, role, send, |number| assert_eq!(queue.recv(), Ok((9 - number % 9, number))));
}

/// Senders wait for room in their level, receivers for messages.
pub fn levels<P: Platform>(queue: &LevelQueue<'_, u64, P>, role: &Role<'_>) {
    let send = |number| assert_eq!(queue.send(1, number), Ok(()));
    each(queue, role, send, |number| assert_eq!(queue.recv(), Ok(number)));
}

/// Senders wait for room, receivers for jobs.
pub fn work<P: Platform>(queue: &WorkQueue<'_, u64, P>, role: &Role<'_>) {
    let send = |number| assert_eq!(queue.send(number), Ok(()));
    each(queue, role, send, |number| {
        let lease = queue.recv().expect("a job");
        assert_eq!((*lease, lease.done()), (number, Ok(())));
    });
}

/// Clones and halves wait as the handle that they are made from, and from then on each for itself.
pub fn inherited<P: Platform + Clone>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    queue.set_wait_strategy(WaitStrategy::BusySpin);
    let (clone, sender, receiver) = (queue.clone(), queue.sender().unwrap(), queue.receiver().unwrap());
    let all = || [queue.wait_strategy(), clone.wait_strategy(), sender.wait_strategy(), receiver.wait_strategy()];
    assert_eq!(all(), [WaitStrategy::BusySpin; 4]);
    sender.set_wait_strategy(WaitStrategy::Block);
    assert_eq!(all(), [WaitStrategy::BusySpin, WaitStrategy::BusySpin, WaitStrategy::Block, WaitStrategy::BusySpin]);
    role.at_once(
        || (0..ROUNDS).for_each(|number| assert_eq!(sender.send(number), Ok(()))),
        || (0..ROUNDS).for_each(|number| assert_eq!(receiver.recv(), Ok(number))),
    );
}

/// Senders wait for room, receivers for messages.
pub fn bytes<P: Platform>(queue: &ByteQueue<'_, P>, role: &Role<'_>) {
    let recv = |number: u64| {
        let mut out = [0; 8];
        assert_eq!((queue.recv(&mut out), u64::from_ne_bytes(out)), (Ok(8), number));
    };
    each(queue, role, |number| assert_eq!(queue.send(&number.to_ne_bytes()), Ok(())), recv);
}

/// Senders wait for blocks, receivers for messages.
pub fn loans<P: Platform>(queue: &LoanQueue<'_, u64, P>, role: &Role<'_>) {
    let send = |number| assert_eq!(queue.send_copy(&[number]), Ok(()));
    each(queue, role, send, |number| assert_eq!(queue.recv().expect("a message").to_vec(), [number]));
}

/// The ends begin with the strategy of the handle that claims them, and wait as they are told.
pub fn duplex<P: Platform + Clone>(duplex: &Duplex<'_, u64, u64, P>, role: &Role<'_>) {
    duplex.set_wait_strategy(WaitStrategy::BusySpin);
    let mut client = role.one(|| duplex.client().expect("nobody has it"));
    let mut server = role.two(|| duplex.server().expect("nobody has it"));
    let begin = |strategy| assert_eq!(strategy, WaitStrategy::BusySpin);
    client.iter().for_each(|client| begin(client.wait_strategy()));
    server.iter().for_each(|server| begin(server.wait_strategy()));
    duplex.set_wait_strategy(WaitStrategy::Adaptive);
    let send = |number| {
        let client = client.as_mut().expect("it is here");
        client.set_wait_strategy(duplex.wait_strategy());
        assert_eq!(client.send(number), Ok(()));
    };
    let recv = |number| {
        let server = server.as_mut().expect("it is here");
        server.set_wait_strategy(duplex.wait_strategy());
        assert_eq!(server.recv(), Ok(number));
    };
    each(duplex, role, send, recv);
}

/// The ends begin with the strategy of the handle that claims them, and wait as they are told.
pub fn spsc<P: Platform + Clone>(queue: &Spsc<'_, u64, P>, role: &Role<'_>) {
    queue.set_wait_strategy(WaitStrategy::BusySpin);
    let mut producer = role.one(|| queue.producer().expect("nobody has it"));
    let mut consumer = role.two(|| queue.consumer().expect("nobody has it"));
    let begin = |strategy| assert_eq!(strategy, WaitStrategy::BusySpin);
    producer.iter().for_each(|producer| begin(producer.wait_strategy()));
    consumer.iter().for_each(|consumer| begin(consumer.wait_strategy()));
    queue.set_wait_strategy(WaitStrategy::Adaptive);
    let send = |number| {
        let producer = producer.as_mut().expect("it is here");
        producer.set_wait_strategy(queue.wait_strategy());
        assert_eq!(producer.send(number), Ok(()));
    };
    let recv = |number| {
        let consumer = consumer.as_mut().expect("it is here");
        consumer.set_wait_strategy(queue.wait_strategy());
        assert_eq!(consumer.recv(), Ok(number));
    };
    each(queue, role, send, recv);
}

/// Publishers wait for subscribers, which wait for messages, as the handle that they are made from.
pub fn broadcast<P: Platform + Clone>(broadcast: &Broadcast<'_, u64, P>, role: &Role<'_>) {
    // Subscribed before the first message.
    let mut subscriber = role.two(|| broadcast.subscribe().expect("a subscriber"));
    let recv = |number| {
        let subscriber = subscriber.as_mut().expect("it is here");
        subscriber.set_wait_strategy(broadcast.wait_strategy());
        assert_eq!(subscriber.recv(), Ok(number));
    };
    each(broadcast, role, |number| assert!(broadcast.publish(number).is_ok()), recv);
    // One actor's: there is room for two subscribers.
    role.one(|| {
        let other = broadcast.subscribe().map(|subscriber| subscriber.wait_strategy());
        assert_eq!(other, Ok(broadcast.wait_strategy()));
    });
}

/// Lockers wait for holders.
pub fn mutex<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    let held = role.two(|| mutex.lock().expect("it is free"));
    in_time(mutex, role, || {
        let error = mutex.lock_timeout(SHORT).err().map(LockTimeoutError::without_guard);
        assert_eq!(error, Some(LockTimeoutError::Timeout));
    });
    role.two(|| drop(held));
    let add = |_| *mutex.lock().expect("nobody panics") += 1;
    each(mutex, role, add, add);
    let all = 2 * ROUNDS * STRATEGIES.len() as u64;
    role.one(|| assert_eq!(mutex.lock().as_deref().ok(), Some(&all)));
}

/// Lockers wait for holders.
pub fn reentrant<P: Platform>(mutex: &ReentrantMutex<'_, u64, P>, role: &Role<'_>) {
    let add = |_| assert!(mutex.lock().expect("nobody panics").update(|value| value + 1).is_ok());
    each(mutex, role, add, add);
    let all = 2 * ROUNDS * STRATEGIES.len() as u64;
    role.one(|| assert_eq!(mutex.lock().expect("nobody panics").get(), Ok(all)));
}

/// Readers wait for writers, and writers for both.
pub fn rwlock<P: Platform>(lock: &RwLock<'_, u64, P>, role: &Role<'_>) {
    let add = |_| {
        let before = *lock.read().expect("nobody panics");
        let mut value = lock.write().expect("nobody panics");
        assert!(*value >= before);
        *value += 1;
    };
    each(lock, role, add, add);
    let all = 2 * ROUNDS * STRATEGIES.len() as u64;
    role.one(|| assert_eq!(lock.read().as_deref().ok(), Some(&all)));
}

/// Waiters wait for notifications.
pub fn condvar<P: Platform>((mutex, changed): &(Mutex<'_, u64, P>, Condvar<'_, P>), role: &Role<'_>) {
    let turn = |mine: u64| {
        move |_| {
            mutex.set_wait_strategy(changed.wait_strategy());
            let guard = mutex.lock().expect("free soon");
            let mut guard = changed.wait_while(guard, |value| *value % 2 != mine).expect("nobody panics");
            *guard += 1;
            drop(guard);
            changed.notify_all().expect("the memory is here");
        }
    };
    each(changed, role, turn(0), turn(1));
}

/// Takers wait for permits, of which there are two.
pub fn semaphore<P: Platform>(semaphore: &Semaphore<'_, P>, role: &Role<'_>) {
    let both = |_| drop(semaphore.acquire_many(2).expect("nobody closes"));
    each(semaphore, role, both, |_| drop(semaphore.acquire().expect("nobody closes")));
    role.one(|| assert_eq!(semaphore.available(), 2));
}

/// Waiters wait for a set.
pub fn event<P: Platform>(event: &Event<'_, P>, role: &Role<'_>) {
    in_time(event, role, || assert_eq!(event.wait_timeout(SHORT), Err(WaitTimeoutError::Timeout)));
    let set = |_| {
        assert_eq!(event.set(), Ok(true));
        while event.is_set() {
            std::thread::yield_now();
        }
    };
    each(event, role, set, |_| assert_eq!(event.wait(), Ok(())));
}

/// Waiters wait for flags.
pub fn group<P: Platform>(group: &EventGroup<'_, P>, role: &Role<'_>) {
    let there = |_| assert!(group.set(0b01).is_ok() && group.take_all(0b10).is_ok());
    each(group, role, there, |_| assert!(group.take_all(0b01).is_ok() && group.set(0b10).is_ok()));
}

/// Parties wait for each other.
pub fn barrier<P: Platform>(barrier: &Barrier<'_, P>, role: &Role<'_>) {
    let meet = |_| assert!(barrier.wait().is_ok());
    each(barrier, role, meet, meet);
}

/// Waiters wait for values.
pub fn atomic<P: Platform>(cell: &Atomic<'_, u64, P>, role: &Role<'_>) {
    let turn = |mine: u64| move |_| assert!(cell.wait_update(|value| (value % 2 == mine).then(|| value + 1)).is_ok());
    each(cell, role, turn(0), turn(1));
}

/// A waiter waits for the value.
pub fn once<P: Platform>(cell: &OnceCell<'_, u64, P>, role: &Role<'_>) {
    each(cell, role, |_| assert!(matches!(cell.get_or_init(|| 7), Ok(7))), |_| assert_eq!(cell.wait(), Ok(7)));
}

/// Writers of a map wait for each other.
pub fn map<P: Platform>(map: &Map<'_, u16, u64, P>, role: &Role<'_>) {
    let add = |_| assert!(map.entry(1).and_modify(|sum| *sum += 1).or_insert(1).is_ok());
    each(map, role, add, add);
}

/// Users of a vector wait for each other.
pub fn vector<P: Platform>(vector: &Vector<'_, u64, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(vector.push(0), Ok(())));
    let add = |_| assert!(vector.update(0, |sum| *sum += 1).is_ok_and(|old| old.is_some()));
    each(vector, role, add, add);
}

/// Waiters wait for versions.
pub fn watch<P: Platform>(watch: &Watch<'_, u64, P>, role: &Role<'_>) {
    let turn = |mine: u64| {
        move |number: u64| {
            let value = watch.wait_until(|value| *value == 2 * number + mine);
            assert!(value.is_ok_and(|value| watch.set(value + 1).is_ok()));
        }
    };
    each(watch, role, turn(0), turn(1));
}

/// Both actors get on on one core, although neither of them sleeps.
fn on_one_core(handle: &impl HasWaitStrategy, role: &Role<'_>, mut one: impl FnMut(u64), mut two: impl FnMut(u64)) {
    #[cfg(target_os = "linux")]
    {
        let mine = pin_to_one().expect("a thread may stay where it runs");
        let theirs = role.share(mine);
        pin_to(mine.min(theirs)).expect("the other one runs there");
    }
    handle.set_wait_strategy(WaitStrategy::BusySpin);
    role.at_once(|| (0..ROUNDS).for_each(&mut one), || (0..ROUNDS).for_each(&mut two));
}

/// A sender and a receiver that spin share a core.
pub fn queue_on_one_core<P: Platform>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    let send = |number| assert_eq!(queue.send(number), Ok(()));
    on_one_core(queue, role, send, |number| assert_eq!(queue.recv(), Ok(number)));
}

/// A locker that spins shares the core of a holder, which yields it while it holds the lock.
pub fn mutex_on_one_core<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    let add = |_| {
        let mut guard = mutex.lock().expect("nobody panics");
        std::thread::yield_now();
        *guard += 1;
    };
    on_one_core(mutex, role, add, add);
    role.one(|| assert_eq!(mutex.lock().as_deref().ok(), Some(&(2 * ROUNDS))));
}

/// A waiter that spins shares the core of the one that sets the event.
pub fn event_on_one_core<P: Platform>(event: &Event<'_, P>, role: &Role<'_>) {
    let set = |_| {
        assert_eq!(event.set(), Ok(true));
        while event.is_set() {
            std::thread::yield_now();
        }
    };
    on_one_core(event, role, set, |_| assert_eq!(event.wait(), Ok(())));
}

/// Who spins behind a holder that is killed is told.
pub fn owner_died<P: Platform>(mutex: &Mutex<'_, u64, P>, role: &Role<'_>) {
    mutex.set_wait_strategy(WaitStrategy::BusySpin);
    deaths::mutex(mutex, role);
}

/// Who spins behind a writer that is killed is told.
pub fn writer_died<P: Platform>(lock: &RwLock<'_, u64, P>, role: &Role<'_>) {
    lock.set_wait_strategy(WaitStrategy::BusySpin);
    deaths::writer(lock, role);
}

/// Who spins for permits of one that is killed gets them.
pub fn permits_of_the_dead<P: Platform>(semaphore: &Semaphore<'_, P>, role: &Role<'_>) {
    semaphore.set_wait_strategy(WaitStrategy::BusySpin);
    deaths::permits(semaphore, role);
}

/// Who spins for a message of a sender that is killed is told.
pub fn sender_died<P: Platform + Clone>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    queue.set_wait_strategy(WaitStrategy::BusySpin);
    deaths::sender(queue, role);
}

/// Who spins for room that a receiver would have made that is killed is told.
pub fn receiver_died<P: Platform + Clone>(queue: &Queue<'_, u64, P>, role: &Role<'_>) {
    queue.set_wait_strategy(WaitStrategy::BusySpin);
    deaths::receiver(queue, role);
}
