//! Closures that call `fork`, and return in the child, too.
//!
//! The child gets `Fault::Forked`, or a panic with that text, from the method that it came back to, and has changed nothing. Its parent goes
//! on. Each call is made twice: with a child that opens the region again in the closure, which may then lie where its parent's does, and
//! with one that does not, for which there is no memory.

#![cfg(all(not(loom), unix))]

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipc_posix::{Fault, Region, TryWriteError, WaitStrategy, WriteError, WriteTimeoutError};
use ipc_tests::children::TempName;
use ipc_tests::watchdog::Watchdog;

/// A child that takes longer hangs, and is killed.
const HUNG: u32 = 20;
const LIMIT: Duration = Duration::from_secs(120);
/// Of waits that end before.
const LONG: Duration = Duration::from_secs(60);

fn later() -> Instant {
    Instant::now() + LONG
}

/// A region whose objects are used with closures that fork.
struct Forks {
    name: TempName,
    region: Region,
    /// Whether the children open the region again.
    opens: bool,
}

/// The `fork` of one call.
struct Fork<'a> {
    forks: &'a Forks,
    /// -1 before it.
    child: Cell<i32>,
}

impl Fork<'_> {
    /// Makes the child, once.
    fn now(&self) {
        if self.child.get() != -1 {
            return;
        }
        // SAFETY: the child is a copy of this thread alone; it calls the library, and ends with _exit.
        self.child.set(unsafe { libc::fork() });
        assert!(self.child.get() >= 0, "fork: {}", std::io::Error::last_os_error());
        if self.is_child() {
            // SAFETY: a child that hangs is ended by a signal.
            unsafe { libc::alarm(HUNG) };
            std::panic::set_hook(Box::new(|_| {}));
            if self.forks.opens {
                // Kept until the child ends.
                std::mem::forget(Region::open(self.forks.name.as_str()).expect("the region is there"));
            }
        }
    }

    /// What the closure returns, after the fork.
    fn and<T>(&self, value: T) -> T {
        self.now();
        value
    }

    /// Does this after the fork.
    fn run(&self, what: impl FnOnce()) {
        self.now();
        what();
    }

    fn is_child(&self) -> bool {
        self.child.get() == 0
    }

    /// Ends the child, and says whether it came to what it should. In the parent, checks that.
    fn ends(&self, name: &str, well: bool) {
        if self.is_child() {
            // SAFETY: no memory is passed; nothing of the parent's is dropped.
            unsafe { libc::_exit(i32::from(!well)) };
        }
        assert!(self.child.get() > 0, "{name}: did not call its closure");
        let mut status = 0;
        // SAFETY: room for the status; our own child.
        assert_eq!(unsafe { libc::waitpid(self.child.get(), &mut status, 0) }, self.child.get());
        assert!(!libc::WIFSIGNALED(status), "{name}: the child was killed by signal {}", libc::WTERMSIG(status));
        assert_eq!(libc::WEXITSTATUS(status), 0, "{name}: the child was not told what it is");
        assert!(well, "{name}: the parent's call failed");
    }
}

fn tells(text: &str) -> bool {
    text.contains(&Fault::Forked.to_string())
}

impl Forks {
    fn fork(&self) -> Fork<'_> {
        Fork { forks: self, child: Cell::new(-1) }
    }

    /// A call whose closure forks. It returns `Fault::Forked` in the child.
    fn refuses<T, E: Display>(&self, name: &str, call: impl FnOnce(&Fork<'_>) -> Result<T, E>) -> T {
        let fork = self.fork();
        let result = catch_unwind(AssertUnwindSafe(|| call(&fork)));
        let well = match &result {
            Ok(Err(error)) => fork.is_child() && tells(&error.to_string()),
            Ok(Ok(_)) => !fork.is_child(),
            Err(_) => false,
        };
        fork.ends(name, well);
        result.ok().and_then(Result::ok).expect("the parent's call has succeeded")
    }

    /// A call whose closure forks. It panics with the text of that error in the child.
    fn panics<T>(&self, name: &str, call: impl FnOnce(&Fork<'_>) -> T) -> T {
        let fork = self.fork();
        let result = catch_unwind(AssertUnwindSafe(|| call(&fork)));
        let well = match &result {
            Ok(_) => !fork.is_child(),
            Err(payload) => fork.is_child() && payload.downcast_ref::<String>().is_some_and(|text| tells(text)),
        };
        fork.ends(name, well);
        result.expect("the parent's call has succeeded")
    }
}

/// Calls `test` with children that open the region again, and with children that do not.
fn with_forks(test: impl Fn(&Forks)) {
    // One at a time: a child is a copy of one thread, and what another one has locked, as to panic, stays locked in it.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _watchdog = Watchdog::new(LIMIT, "closures that fork");
    for opens in [false, true] {
        let name = TempName::new("forked-closures");
        let region = Region::options().size(1 << 20).create(name.as_str()).unwrap();
        test(&Forks { name, region, opens });
    }
}

/// Calls `wait` with conditions that fork at their first call, the second one, and so on: while the wait polls, before it sleeps, and after
/// a sleep. The condition holds in the parent, and `in_child` in the child.
fn at_each_step<T, E: Display>(forks: &Forks, name: &str, wait: impl Fn(&dyn Fn() -> bool) -> Result<T, E>) {
    for step in 1..5 {
        for in_child in [false, true] {
            forks.refuses(&format!("{name}, step {step}, {in_child}"), |fork| {
                let calls = Cell::new(0);
                wait(&|| {
                    calls.set(calls.get() + 1);
                    if calls.get() < step {
                        return false;
                    }
                    fork.now();
                    !fork.is_child() || in_child
                })
            });
        }
    }
}

#[test]
fn atomics_and_arrays() {
    with_forks(|forks| {
        let atomic = forks.region.atomic::<u64>("atomic").create().unwrap();
        forks.refuses("fetch_update", |fork| atomic.fetch_update(|old| fork.and(Some(old + 1)))).unwrap();
        forks.refuses("fetch_update, left alone", |fork| atomic.fetch_update(|_| fork.and(None))).unwrap_err();
        forks.refuses("update", |fork| atomic.update(|old| fork.and(old + 1)));
        forks.refuses("wait_update", |fork| atomic.wait_update(|old| fork.and(Some(old + 1))));
        forks.refuses("wait_until", |fork| atomic.wait_until(|_| fork.and(true)));
        assert_eq!(atomic.load().unwrap(), 3);
        atomic.set_wait_strategy(WaitStrategy::Block);
        at_each_step(forks, "wait_until_timeout", |holds| atomic.wait_until_timeout(LONG, |_| holds()));
        at_each_step(forks, "wait_update_deadline", |holds| {
            atomic.wait_update_deadline(later(), |old| holds().then_some(old + 1))
        });
        assert_eq!(atomic.load().unwrap(), 3 + 8);

        let array = forks.region.array::<i16>("array").len(2).create().unwrap();
        let element = array.at(1);
        forks.refuses("Element::fetch_update", |fork| element.fetch_update(|old| fork.and(Some(old + 1)))).unwrap();
        forks.refuses("Element::fetch_update", |fork| element.fetch_update(|_| fork.and(None))).unwrap_err();
        forks.refuses("Element::update", |fork| element.update(|old| fork.and(old + 1)));
        assert_eq!(array.to_vec(), [0, 2]);
    });
}

#[test]
fn cells() {
    with_forks(|forks| {
        let watch = forks.region.watch("watch").initial(0_u64).create().unwrap();
        forks.refuses("Watch::update", |fork| watch.update(|old| fork.and(old + 1)));
        forks.refuses("Watch::wait_until", |fork| watch.wait_until(|_| fork.and(true)));
        watch.set_wait_strategy(WaitStrategy::Block);
        at_each_step(forks, "Watch::wait_until_timeout", |holds| watch.wait_until_timeout(LONG, |_| holds()));
        assert_eq!((watch.get().unwrap(), watch.version().unwrap()), (1, 1));
        watch.set(5).unwrap();

        let text = forks.region.value_watch("text").initial(&String::new()).create().unwrap();
        forks.refuses("ValueWatch::update", |fork| text.update(|text| fork.run(|| text.push('a'))));
        text.set_wait_strategy(WaitStrategy::Block);
        at_each_step(forks, "ValueWatch::wait_until_timeout", |holds| text.wait_until_timeout(LONG, |_| holds()));
        assert_eq!((text.get().unwrap().as_str(), text.version().unwrap()), ("a", 1));
        text.set(&String::new()).unwrap();

        let once = |name: &str| forks.region.once_cell::<u64>(name).create().unwrap();
        let first = once("1");
        forks.refuses("get_or_init", |fork| first.get_or_init(|| fork.and(7)));
        forks.refuses("try_get_or_init", |fork| once("2").try_get_or_init(|| fork.and(7)));
        forks.refuses("get_or_init_timeout", |fork| once("3").get_or_init_timeout(LONG, || fork.and(7)));
        forks.refuses("get_or_init_deadline", |fork| once("4").get_or_init_deadline(later(), || fork.and(7)));
        forks.refuses("get_or_try_init", |fork| once("5").get_or_try_init(|| fork.and(Ok::<_, WriteError>(7))));
        forks.refuses("try_get_or_try_init", |fork| {
            once("6").try_get_or_try_init(|| fork.and(Ok::<_, TryWriteError>(7)))
        });
        forks.refuses("get_or_try_init_timeout", |fork| {
            once("7").get_or_try_init_timeout(LONG, || fork.and(Ok::<_, WriteTimeoutError>(7)))
        });
        assert_eq!(first.get().unwrap(), Some(7));
        // The child leaves the cell to its parent.
        let cell = once("8");
        forks.refuses("get_or_init, of a child's value", |fork| {
            cell.get_or_init(|| {
                fork.now();
                if fork.is_child() { 1 } else { 2 }
            })
        });
        assert_eq!(cell.get().unwrap(), Some(2));
    });
}

/// Bytes that call `fork` when they are asked for.
struct Bytes<'a>(&'a Fork<'a>, &'a [u8]);

impl AsRef<[u8]> for Bytes<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0.and(self.1)
    }
}

#[test]
fn maps() {
    with_forks(|forks| {
        let map = forks.region.map::<u32, u64>("map").capacity(10).create().unwrap();
        map.insert(1, 1).unwrap();
        forks.refuses("Map::update", |fork| map.update(&1, |value| fork.run(|| *value += 1)));
        forks.refuses("and_modify", |fork| map.entry(1).and_modify(|value| fork.run(|| *value += 1)).or_insert(0));
        forks.refuses("or_insert_with", |fork| map.entry(2).or_insert_with(|| fork.and(20)));
        forks.refuses("or_insert_with_key", |fork| map.entry(3).or_insert_with_key(|_| fork.and(30)));
        forks.refuses("MapGuard::update", |fork| map.lock().unwrap().update(&1, |value| fork.run(|| *value += 1)));
        forks.refuses("MapGuard::entry", |fork| {
            map.lock().unwrap().entry(4).or_insert_with(|| fork.and(40)).map_err(|error| error.to_string())
        });
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_unstable();
        assert_eq!(entries, [(1, 4), (2, 20), (3, 30), (4, 40)]);

        let map = forks.region.byte_map("bytes").capacity(10).create().unwrap();
        map.insert("a", "1").unwrap();
        forks.refuses("ByteMap::update", |fork| map.update("a", |value| fork.run(|| value.push(b'2'))));
        forks.refuses("get_or_insert_with", |fork| map.get_or_insert_with("b", || fork.and(b"3".to_vec())));
        forks.refuses("alter", |fork| map.alter("c", |_| fork.and(Some(b"4".to_vec()))));
        forks.refuses("alter, out", |fork| map.alter("c", |_| fork.and(None)));
        forks.refuses("alter, of nothing", |fork| map.alter("c", |_| fork.and(None)));
        forks.refuses("insert, key", |fork| map.insert(Bytes(fork, b"d"), "5"));
        forks.refuses("insert, value", |fork| map.insert("e", Bytes(fork, b"6")));
        forks.refuses("remove, key", |fork| map.remove(Bytes(fork, b"e")));
        forks.refuses("get, key", |fork| map.get_vec(Bytes(fork, b"d")));
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_unstable();
        assert_eq!(entries, [("a", "12"), ("b", "3"), ("d", "5")].map(|(key, value)| (key.into(), value.into())));
    });
}

#[test]
fn vectors() {
    with_forks(|forks| {
        let vector = forks.region.vector::<u64>("vector").capacity(100).create().unwrap();
        vector.extend_from_slice(&[5, 3, 8, 1, 9, 2]).unwrap();
        forks.refuses("Vector::update", |fork| vector.update(0, |value| fork.run(|| *value += 1)));
        assert_eq!(vector.to_vec().unwrap(), [6, 3, 8, 1, 9, 2]);
        // In the middle: the elements are still there for the closure, which goes on in the child.
        let middle = |fork: &Fork<'_>, element: u64| {
            if element == 8 {
                fork.now()
            }
        };
        forks.refuses("Vector::retain", |fork| {
            vector.retain(|element| {
                middle(fork, *element);
                element % 2 == 0
            })
        });
        assert_eq!(vector.to_vec().unwrap(), [6, 8, 2]);
        vector.extend_from_slice(&[7; 40]).unwrap();
        vector.extend_from_slice(&[4; 40]).unwrap();
        let mut sorted = vector.to_vec().unwrap();
        sorted.sort_unstable();
        forks.refuses("sort_unstable_by", |fork| {
            vector.sort_unstable_by(|a, b| {
                middle(fork, *a);
                a.cmp(b)
            })
        });
        assert_eq!(vector.to_vec().unwrap(), sorted);
        sorted.reverse();
        forks.refuses("sort_unstable_by_key", |fork| {
            vector.sort_unstable_by_key(|element| {
                middle(fork, *element);
                std::cmp::Reverse(*element)
            })
        });
        assert_eq!(vector.to_vec().unwrap(), sorted);
        forks.panics("VectorGuard::retain", |fork| {
            vector.lock().unwrap().retain(|element| {
                middle(fork, *element);
                element % 2 == 0
            });
        });
        sorted.retain(|element| element % 2 == 0);
        assert_eq!(vector.to_vec().unwrap(), sorted);
        assert_eq!(vector.lock().unwrap().first().map(|first| first.cmp(&8)), Some(Ordering::Equal));
    });
}

#[test]
fn locks() {
    with_forks(|forks| {
        let (mutex, changed) =
            (forks.region.mutex::<u64>("mutex").create().unwrap(), forks.region.condvar("condvar").create().unwrap());
        for holds in [true, false] {
            let lock = || mutex.lock().unwrap();
            // It holds in the child, or in neither.
            let condition = |fork: &Fork<'_>, data: &mut u64| {
                *data += 1;
                fork.now();
                holds && fork.is_child()
            };
            forks.refuses("wait_while", |fork| {
                let waited = changed.wait_while(lock(), |data| condition(fork, data));
                waited.map(drop).map_err(|error| error.to_string())
            });
            forks.refuses("wait_timeout_while", |fork| {
                let waited = changed.wait_timeout_while(lock(), LONG, |data| condition(fork, data));
                waited.map(|(_, result)| assert!(!result.timed_out())).map_err(|error| error.to_string())
            });
            // The time is over, and it still holds: in the child, too.
            forks.refuses("wait_deadline_while", |fork| {
                let mut calls = 0;
                let waited = changed.wait_deadline_while(lock(), Instant::now(), |_| {
                    calls += 1;
                    calls < 2 || fork.and(true)
                });
                waited.map(|(_, result)| assert!(result.timed_out())).map_err(|error| error.to_string())
            });
        }
        assert_eq!(*mutex.lock().unwrap(), 4);

        let reentrant = forks.region.reentrant_mutex::<u64>("reentrant").create().unwrap();
        forks.refuses("ReentrantMutexGuard::update", |fork| reentrant.lock().unwrap().update(|old| fork.and(old + 1)));
        assert_eq!(reentrant.lock().unwrap().get().unwrap(), 1);

        let value = forks.region.value_mutex::<String>("value").create().unwrap();
        forks.refuses("ValueMutex::update", |fork| value.update(|text| fork.run(|| text.push('a'))));
        assert_eq!(value.get().unwrap(), "a");
    });
}

/// Numbers from 0 on, five of them. The call for this one forks, or the call that finds the end.
fn numbers<'a>(fork: &'a Fork<'a>, at: u64) -> impl Iterator<Item = u64> + 'a {
    let mut next = 0;
    std::iter::from_fn(move || {
        let number = next;
        next += 1;
        if number == at {
            fork.now();
        }
        (number < 5).then_some(number)
    })
}

#[test]
fn iterators_of_messages() {
    with_forks(|forks| {
        let queue = forks.region.spsc::<u64>("spsc").capacity(16).create().unwrap();
        let (mut producer, mut consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
        let all = [0, 1, 2, 3, 4, 0, 1, 2, 3, 4];
        for at in [2, 5] {
            forks.refuses("Producer::send_iter", |fork| {
                let sent = producer.send_iter(numbers(fork, at));
                // What the child has taken and not sent comes back.
                let unsent = if at == 2 { &[2][..] } else { &[] };
                let before =
                    sent.as_ref().err().is_none_or(|error| (error.sent, &error.unsent[..]) == (at as usize, unsent));
                assert!(before);
                sent
            });
            forks.refuses("Producer::try_send_iter", |fork| producer.try_send_iter(numbers(fork, at)));
            let mut found = Vec::new();
            consumer.try_recv_many(&mut found, 100).unwrap();
            assert_eq!(found, all);
        }

        let queue = forks.region.queue::<u64>("queue").capacity(16).create().unwrap();
        let sender = queue.sender().unwrap();
        for at in [2, 5] {
            forks.refuses("Queue::send_iter", |fork| queue.send_iter(numbers(fork, at)));
            forks.refuses("Sender::try_send_iter", |fork| sender.try_send_iter(numbers(fork, at)));
            let mut found = Vec::new();
            queue.try_recv_many(&mut found, 100).unwrap();
            assert_eq!(found, all);
        }
        let stack = forks.region.stack::<u64>("stack").capacity(16).create().unwrap();
        forks.refuses("Stack::send_iter", |fork| stack.send_iter(numbers(fork, 5)));
        forks.refuses("Stack::try_send_iter", |fork| stack.try_send_iter(numbers(fork, 5)));
        assert_eq!(stack.len(), 10);
    });
}

/// In the child, a failure of the closure's or of its value's is no answer.
#[test]
fn closures_that_fail_in_the_child() {
    with_forks(|forks| {
        let cell = forks.region.once_cell::<u64>("cell").create().unwrap();
        forks.refuses("get_or_try_init", |fork| {
            cell.get_or_try_init(|| {
                fork.now();
                if fork.is_child() { Err(WriteError::Fault(Fault::Corrupted)) } else { Ok(7) }
            })
        });
        let long = |fork: &Fork<'_>, text: &mut String| {
            fork.now();
            *text = "a".repeat(if fork.is_child() { 10_000 } else { 1 });
        };
        let value = forks.region.value_mutex::<String>("value").max_len(100).create().unwrap();
        forks.refuses("ValueMutex::update", |fork| value.update(|text| long(fork, text)));
        forks.refuses("ValueMutex::try_update", |fork| value.try_update(|text| long(fork, text)));
        assert_eq!(value.get().unwrap(), "a");
        let watch = forks.region.value_watch("watch").max_len(100).initial(&String::new()).create().unwrap();
        forks.refuses("ValueWatch::update", |fork| watch.update(|text| long(fork, text)));
        assert_eq!(watch.get().unwrap(), "a");
    });
}
