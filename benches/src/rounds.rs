//! Round trips between two processes over each object that blocks, and over nothing but words: the same code for all questions.
//!
//! Both processes call the step of their side again and again. A step of the first side ends when the second one has answered.

use std::rc::Rc;
use std::time::Duration;
use std::{hint, mem, thread};

use ipc_posix::{MutexGuard, Region};

use crate::floor::{Court, Shared};
use crate::ours::{Result, fresh_name};
use crate::second::{Role, Second};

/// One step of a side.
pub type Step = Box<dyn FnMut()>;

/// Messages that a queue holds. One is under way at a time.
const CAPACITY: usize = 16;
/// The first rounds, in which one side after the other is late, so that both have slept.
pub const WARM: u64 = 10;
const LATE: Duration = Duration::from_millis(3);

/// What the two sides share.
pub struct Place {
    region: Region,
    court: Rc<Shared<Court>>,
}

/// One of the two sides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Begins.
    First,
    /// Answers.
    Second,
}

impl Side {
    /// Names of what this side receives from, and of what it sends to.
    fn names(self) -> [&'static str; 2] {
        if self == Side::First { ["back", "forth"] } else { ["forth", "back"] }
    }
}

/// A way to go there and back.
pub struct Way {
    /// What moves.
    pub name: &'static str,
    /// The step of a side.
    open: fn(Place, Side) -> Result<Step>,
}

/// Poll for as long as it takes: no way that sleeps is faster.
pub const SPIN: &str = "spin";
/// A system call to sleep, and one to wake.
pub const FUTEX: &str = "futex";

/// All ways: two floors, then ours.
pub const WAYS: [Way; 13] = [
    Way {
        name: SPIN,
        open: |place, side| {
            court(
                place,
                side,
                |court, ball| court.serve_spinning(Court::LINE_EACH_WAY, ball),
                |court, ball| {
                    court.answer_spinning(Court::LINE_EACH_WAY, ball);
                },
            )
        },
    },
    Way { name: FUTEX, open: |place, side| court(place, side, Court::serve_sleeping, Court::answer_sleeping) },
    Way {
        name: "queue",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.queue::<u64>(name).capacity(CAPACITY).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            ball(side, move |number| to.send(number).is_ok(), move || from.recv().ok())
        },
    },
    Way {
        name: "one to one",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.spsc::<u64>(name).capacity(CAPACITY).open_or_create();
            let (mut from, mut to) = (open(from)?.consumer()?, open(to)?.producer()?);
            ball(side, move |number| to.send(number).is_ok(), move || from.recv().ok())
        },
    },
    Way {
        name: "bytes",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.byte_queue(name).capacity(256).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            let receive = move || {
                let mut message = [0; 8];
                from.recv(&mut message).ok().map(|_| u64::from_ne_bytes(message))
            };
            ball(side, move |number| to.send(&number.to_ne_bytes()).is_ok(), receive)
        },
    },
    Way {
        name: "loans",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.loan_queue::<u64>(name).blocks(4).block_len(1).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            let receive = move || from.recv().ok().and_then(|message| message.get(0));
            ball(side, move |number| to.send_copy(&[number]).is_ok(), receive)
        },
    },
    Way {
        name: "calls",
        open: |place, side| {
            let calls = place.region.byte_work_queue("calls").capacity(CAPACITY).max_len(8).max_reply(8);
            let (calls, mut number) = (calls.open_or_create()?, 0_u64);
            Ok(Box::new(move || {
                number += 1;
                let ball = number.to_ne_bytes();
                if side == Side::First {
                    let ticket = calls.call(&ball).expect("the other side is alive");
                    assert_eq!(ticket.wait(), Ok(&ball[..]), "the ball that was sent comes back");
                } else {
                    let job = calls.recv().expect("our own queue");
                    assert_eq!(*job, ball, "the ball that was sent");
                    job.reply(&ball).expect("our own queue");
                }
            }))
        },
    },
    Way {
        name: "broadcast",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.broadcast::<u64>(name).capacity(CAPACITY).open_or_create();
            let (mut from, to) = (open(from)?.subscribe()?, open(to)?);
            ball(side, move |number| to.publish(number).is_ok(), move || from.recv().ok())
        },
    },
    Way {
        name: "watch",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.watch::<u64>(name).initial(0).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            let mut last = 0;
            let receive = move || {
                last = from.wait_until(|value| *value != last).ok()?;
                Some(last)
            };
            ball(side, move |number| to.set(number).is_ok(), receive)
        },
    },
    Way {
        name: "event",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.event(name).auto_reset().open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            token(side, move || to.set().is_ok(), move || from.wait().is_ok())
        },
    },
    Way {
        name: "semaphore",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.semaphore(name).permits(0).max(2).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            token(side, move || to.release(1).is_ok(), move || from.acquire().map(|permit| permit.forget()).is_ok())
        },
    },
    Way { name: "mutex, handed over", open: handed_over },
    Way {
        name: "condition variable",
        open: |place, side| {
            let (mutex, turn) = (place.region.mutex::<u64>("mutex").open_or_create()?, side == Side::First);
            let [from, to] = side.names();
            let open = |name| place.region.condvar(name).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            let mine = u64::from(!turn);
            // Even: the first side's turn.
            Ok(Box::new(move || {
                let mut guard = mutex.lock().expect("our own mutex");
                if turn {
                    *guard += 1;
                    to.notify_one().expect("our own condition variable");
                }
                while *guard % 2 != mine {
                    guard = from.wait(guard).expect("our own condition variable");
                }
                if !turn {
                    *guard += 1;
                    to.notify_one().expect("our own condition variable");
                }
            }))
        },
    },
];

/// A ball over the bare words.
fn court(place: Place, side: Side, serve: fn(&Court, u32), answer: fn(&Court, u32)) -> Result<Step> {
    let mut ball = 0_u32;
    Ok(Box::new(move || {
        ball = ball.wrapping_add(1);
        if side == Side::First { serve(&place.court, ball) } else { answer(&place.court, ball) }
    }))
}

/// The objects that carry data, whose sides poll them for as long as it takes: what is left then is not the waiting.
pub const POLLED: [Way; 4] = [
    Way {
        name: "queue, polled",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.queue::<u64>(name).capacity(CAPACITY).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            ball(side, move |number| to.try_send(number).is_ok(), move || Some(polled(|| from.try_recv().ok())))
        },
    },
    Way {
        name: "one to one, polled",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.spsc::<u64>(name).capacity(CAPACITY).open_or_create();
            let (mut from, mut to) = (open(from)?.consumer()?, open(to)?.producer()?);
            ball(side, move |number| to.try_send(number).is_ok(), move || Some(polled(|| from.try_recv().ok())))
        },
    },
    Way {
        name: "bytes, polled",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.byte_queue(name).capacity(256).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            let receive = move || {
                let mut message = [0; 8];
                polled(|| from.try_recv(&mut message).ok());
                Some(u64::from_ne_bytes(message))
            };
            ball(side, move |number| to.try_send(&number.to_ne_bytes()).is_ok(), receive)
        },
    },
    Way {
        name: "loans, polled",
        open: |place, side| {
            let [from, to] = side.names();
            let open = |name| place.region.loan_queue::<u64>(name).blocks(4).block_len(1).open_or_create();
            let (from, to) = (open(from)?, open(to)?);
            let receive = move || polled(|| from.try_recv().ok()).get(0);
            ball(side, move |number| to.try_send_copy(&[number]).is_ok(), receive)
        },
    },
];

/// What `look` finds at last.
fn polled<R>(mut look: impl FnMut() -> Option<R>) -> R {
    loop {
        if let Some(found) = look() {
            return found;
        }
        hint::spin_loop();
    }
}

/// A numbered ball: the second side sends back what it has received.
fn ball(
    side: Side,
    mut send: impl FnMut(u64) -> bool + 'static,
    mut receive: impl FnMut() -> Option<u64> + 'static,
) -> Result<Step> {
    let mut number = 0;
    Ok(Box::new(move || {
        number += 1;
        assert!(side == Side::Second || send(number), "the other side is alive");
        assert_eq!(receive(), Some(number), "the ball that was sent comes back");
        assert!(side == Side::First || send(number), "the other side is alive");
    }))
}

/// A ball without a number.
fn token(
    side: Side,
    mut send: impl FnMut() -> bool + 'static,
    mut receive: impl FnMut() -> bool + 'static,
) -> Result<Step> {
    Ok(Box::new(move || {
        assert!(side == Side::Second || send(), "the other side is alive");
        assert!(receive(), "the other side is alive");
        assert!(side == Side::First || send(), "the other side is alive");
    }))
}

/// Three mutexes in a ring: each side locks the next one and then unlocks the one that it has, for which the other side waits.
fn handed_over(place: Place, side: Side) -> Result<Step> {
    let lock = |name| -> Result<_> { Ok(place.region.mutex::<u64>(name).open_or_create()?) };
    // Held from one step to the next, for as long as the process lives.
    let ring: &'static _ = Box::leak(Box::new([lock("0")?, lock("1")?, lock("2")?]));
    let mut at = usize::from(side == Side::Second);
    let mut held: MutexGuard<'static, u64> = ring[at].lock().map_err(|error| error.without_guard())?;
    Ok(Box::new(move || {
        at = (at + 1) % ring.len();
        let next = ring[at].lock().expect("the other side is alive");
        drop(mem::replace(&mut held, next));
    }))
}

/// The first side of a way, with a second process on core `there` that plays [`play`].
///
/// # Errors
///
/// Those of the library.
pub fn begin(way: &Way, there: usize) -> Result<(Step, Second)> {
    let name = fresh_name("rounds");
    // Kept until the second process has inherited it, whether the way needs it or not.
    let court = Rc::new(Shared::create()?);
    let step = (way.open)(Place { region: Region::create(&name)?, court: Rc::clone(&court) }, Side::First)?;
    let second = Second::start(way.name, there, &[&name, &court.fd()])?;
    // Everybody is in.
    Region::unlink(&name)?;
    Ok((step, second))
}

/// Does the rounds in which both sides sleep. The second side has been told to run.
pub fn warm_up(step: &mut Step, side: Side) {
    for round in 0..WARM {
        if (round % 2 == 0) == (side == Side::First) {
            thread::sleep(LATE);
        }
        step();
    }
}

/// The second process: the first [`WARM`] of the rounds that it is asked for are those in which both sides sleep.
///
/// # Errors
///
/// Those of the library.
pub fn play(role: Role) -> Result<()> {
    let way = WAYS.iter().chain(&POLLED).find(|way| way.name == role.name()).ok_or("no such way")?;
    let place =
        Place { region: Region::open(&role.arg::<String>(0)?)?, court: Rc::new(Shared::inherit(role.arg(1)?)?) };
    let mut step = (way.open)(place, Side::Second)?;
    role.play(|rounds| {
        warm_up(&mut step, Side::Second);
        (WARM..rounds).for_each(|_| step());
    })?;
    Ok(())
}
