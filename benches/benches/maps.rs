//! What does a map between processes cost, and what a vector?
//!
//! A read of a random key beside a read of as many cache lines, each found through the one before: a bucket's and an entry's. The bar is
//! for reads of which each waits for the value before, as where the value decides what is read next. Where they are independent, the
//! processor fetches the lines of many at once, and the instructions between them show; that has no bar.
//!
//! And two processes that add 1 to the value of one key, in ours and in Python's `Manager().dict()` under a lock, without which it loses
//! some. The same with an element of a vector and of `Manager().list()`.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::error::Error;
use std::hint::black_box;
use std::process::{self, Command};
use std::time::{Duration, Instant};

use benches::contest::{self, Contender};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::second::{self, Role, Second};
use benches::start::Start;
use benches::{floor, pin};
use ipc_posix::{Map, Region, Vector};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Keys in the map that is read: far more than fit a core's own caches.
const KEYS: u64 = 1 << 19;
/// Reads, and additions, that take some ten milliseconds.
const READS: u64 = 1 << 18;
const ADDITIONS: u64 = 1 << 17;
const PYTHON: u64 = 1 << 9;

/// Two processes, each with its half of the additions. Prints the seconds.
const SCRIPT: &str = "
import sys, time
from multiprocessing import Barrier, Lock, Manager, Process
def add(shared, key, lock, gate, n):
    gate.wait()
    for _ in range(n):
        with lock:
            shared[key] += 1
    gate.wait()
if __name__ == '__main__':
    n = int(sys.argv[1]) // 2
    with Manager() as manager:
        shared, key = (manager.dict(count=0), 'count') if sys.argv[2] == 'dict' else (manager.list([0]), 0)
        lock, gate = Lock(), Barrier(3)
        workers = [Process(target=add, args=(shared, key, lock, gate, n)) for _ in range(2)]
        [worker.start() for worker in workers]
        gate.wait()
        begun = time.perf_counter()
        gate.wait()
        print(time.perf_counter() - begun)
        [worker.join() for worker in workers]
        assert shared[key] == 2 * n
";

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    contest::contest(
        &mut criterion,
        &mut samples,
        "map get",
        &mut [
            Contender::new("ours", READS, reads(cpus[0], Next::AfterValue)?),
            Contender::new("two lines", READS, lines(cpus[0], Next::AfterValue)),
        ],
    );
    contest::contest(
        &mut criterion,
        &mut samples,
        "map get, independent",
        &mut [
            Contender::new("ours", READS, reads(cpus[0], Next::Independent)?),
            Contender::new("two lines", READS, lines(cpus[0], Next::Independent)),
        ],
    );
    let name = format!("bench-map-{}", process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let map = region.map("map").capacity(16).create()?;
    map.insert(7, 0)?;
    let vector = region.vector("vector").capacity(16).create()?;
    vector.push(0)?;
    contest::contest(
        &mut criterion,
        &mut samples,
        "map += 1, two processes",
        &mut [
            Contender::new("ours", ADDITIONS, between_processes(cpus, &name, "map", move |n| add_to_entry(n, &map))?),
            Contender::new("Manager().dict()", PYTHON, |n| python(n, "dict")),
        ],
    );
    contest::contest(
        &mut criterion,
        &mut samples,
        "vector += 1, two processes",
        &mut [
            Contender::new(
                "ours",
                ADDITIONS,
                between_processes(cpus, &name, "vector", move |n| add_to_element(n, &vector))?,
            ),
            Contender::new("Manager().list()", PYTHON, |n| python(n, "list")),
        ],
    );
    criterion.final_summary();
    samples.save("maps")?;
    print!(
        "{}",
        samples.table(&[
            Ratio {
                name: "map get ours/two lines",
                of: Of::Time,
                ours: "map get/ours",
                others: &["map get/two lines"],
                bar: Bar::AtMost(3.0),
            },
            Ratio {
                name: "map get, independent, ours/two lines",
                of: Of::Time,
                ours: "map get, independent/ours",
                others: &["map get, independent/two lines"],
                bar: Bar::None,
            },
            Ratio {
                name: "map += 1, two processes, ours/Manager().dict()",
                of: Of::Speed,
                ours: "map += 1, two processes/ours",
                others: &["map += 1, two processes/Manager().dict()"],
                bar: Bar::AtLeast(1000.0),
            },
            Ratio {
                name: "vector += 1, two processes, ours/Manager().list()",
                of: Of::Speed,
                ours: "vector += 1, two processes/ours",
                others: &["vector += 1, two processes/Manager().list()"],
                bar: Bar::None,
            },
        ])
    );
    Ok(())
}

/// What a read waits for.
#[derive(Clone, Copy)]
enum Next {
    AfterValue,
    Independent,
}

impl Next {
    /// Of the value that was read: nothing, on which the next key depends.
    fn link(self, value: u64) -> u64 {
        match self {
            // The values are small.
            Next::AfterValue => value >> 40,
            Next::Independent => 0,
        }
    }
}

/// The keys in a random order, the same each time. Each depends on the link.
fn random() -> impl FnMut(u64) -> u64 {
    let mut state = 1_u64;
    move |link| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) ^ link) % KEYS
    }
}

fn timed(cpu: usize, n: u64, mut once: impl FnMut()) -> Duration {
    let _pinned = pin::here(cpu).expect("the core was allowed when the benchmark began");
    let begun = Instant::now();
    (0..n).for_each(|_| once());
    begun.elapsed()
}

fn reads(cpu: usize, after: Next) -> Result<impl FnMut(u64) -> Duration> {
    let capacity = 2 * KEYS as usize;
    let map = Region::options()
        .fit(&[Map::<u64, u64>::footprint(capacity)])
        .anonymous()?
        .map("map")
        .capacity(capacity)
        .create()?;
    for key in 0..KEYS {
        map.insert(key, key)?;
    }
    let (mut next, mut link) = (random(), 0);
    Ok(move |n| timed(cpu, n, || link = after.link(black_box(map.get(&next(link))).expect("no fault").unwrap_or(0))))
}

/// A table of numbers of as many lines, whose places are random, too.
fn lines(cpu: usize, after: Next) -> impl FnMut(u64) -> Duration {
    let scatter = |key: u64| (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % (2 * KEYS);
    let buckets: Vec<[u64; 2]> = (0..2 * KEYS).map(|place| [0, place % KEYS]).collect();
    let entries: Vec<[u64; 8]> = (0..KEYS).map(|number| [number; 8]).collect();
    let (mut next, mut link) = (random(), 0);
    move |n| {
        timed(cpu, n, || {
            let bucket = buckets[scatter(next(link)) as usize];
            link = after.link(black_box(entries[bucket[1] as usize][0]));
        })
    }
}

/// Half of the additions.
fn add_to_entry(n: u64, map: &Map<u64, u64>) {
    (0..n / 2).for_each(|_| _ = black_box(map.update(&7, |value| *value += 1)));
}

fn add_to_element(n: u64, vector: &Vector<u64>) {
    (0..n / 2).for_each(|_| _ = black_box(vector.update(0, |value| *value += 1)));
}

/// Each process does its half, the second one with the object of this name.
fn between_processes(
    [here, there]: [usize; 2],
    name: &str,
    object: &str,
    half: impl Fn(u64),
) -> Result<impl FnMut(u64) -> Duration> {
    let (start, end) = (floor::Shared::<Start>::create()?, floor::Shared::<Start>::create()?);
    let mut second = Second::start("ours", there, &[&start.fd() as &dyn ToString, &end.fd(), &name, &object])?;
    Ok(move |n| {
        let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
        second.run(n).expect("the second process is alive");
        let begun = start.release();
        half(n);
        end.release() - begun
    })
}

fn python(n: u64, kind: &str) -> Duration {
    let output = Command::new("python3").args(["-c", SCRIPT, &n.to_string(), kind]).output().expect("python3 starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let seconds = text.trim().parse().unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    Duration::from_secs_f64(seconds)
}

/// The second process.
fn play(role: Role) -> Result<()> {
    let start = floor::Shared::<Start>::inherit(role.arg(0)?)?;
    let end = floor::Shared::<Start>::inherit(role.arg(1)?)?;
    let (region, object) = (Region::open(&role.arg::<String>(2)?)?, role.arg::<String>(3)?);
    let half: Box<dyn Fn(u64)> = if object == "map" {
        let map = region.map("map").open()?;
        Box::new(move |n| add_to_entry(n, &map))
    } else {
        let vector = region.vector("vector").open()?;
        Box::new(move |n| add_to_element(n, &vector))
    };
    role.play(|n| {
        start.arrive();
        half(n);
        end.arrive();
    })?;
    Ok(())
}
