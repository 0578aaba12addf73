//! Contenders measured by criterion, then against each other in turns.
//!
//! Criterion measures one contender after the other, seconds apart, and this machine changes its speed
//! within seconds; it hands back no medians either. So once it is done, the contenders take turns of some ten
//! milliseconds each, and a ratio is formed within each turn: what slows the machine slows both of its sides.

use std::time::{Duration, Instant};
use std::{env, fs};

use criterion::{Criterion, SamplingMode, Throughput};

use crate::ratios::Samples;

/// Turns, and turns in a hurry.
const TURNS: usize = 100;
const QUICK_TURNS: usize = 30;

/// One contender: its name and how to time it.
pub struct Contender<'a> {
    name: &'static str,
    at_least: u64,
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// `run` does as many operations as it is told and says how long they took, without what was needed to
    /// get ready. It is never told less than `at_least`: choose that so that it takes some ten milliseconds.
    pub fn new(name: &'static str, at_least: u64, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { name, at_least, run: Box::new(run) }
    }

    /// The nanoseconds of one operation, measured over `count` of them.
    fn sample(&mut self, count: u64) -> f64 {
        (self.run)(count).as_secs_f64() * 1e9 / count as f64
    }

    /// The time of `asked` operations, measured over at least `at_least`.
    ///
    /// Criterion begins with one operation, which no clock can measure; the time of many is scaled down.
    fn scaled(&mut self, asked: u64) -> Duration {
        let nanos = self.sample(asked.max(self.at_least)) * asked as f64;
        Duration::from_nanos(nanos as u64)
    }
}

/// Criterion as these benchmarks want it: short and often instead of long and once.
#[must_use]
pub fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args()
}

/// Lets criterion measure the contenders of one `question`, then lets them take turns and notes those samples
/// under `question/name`. Contenders that criterion left out, as filtered or only tested, get no turns.
pub fn contest(criterion: &mut Criterion, samples: &mut Samples, question: &str, contenders: &mut [Contender<'_>]) {
    let mut group = criterion.benchmark_group(question);
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(1));
    let mut measured = Vec::new();
    for contender in contenders {
        let mut calls = 0;
        group.bench_function(contender.name, |bencher| {
            bencher.iter_custom(|asked| {
                calls += 1;
                contender.scaled(asked)
            });
        });
        // A test run calls it once.
        if calls > 1 {
            measured.push((format!("{question}/{}", contender.name), contender));
        }
    }
    group.finish();

    if measured.is_empty() {
        return;
    }
    let (begun, waited) = (Instant::now(), waited());
    let quick = env::args().any(|arg| arg == "--quick");
    for _ in 0..if quick { QUICK_TURNS } else { TURNS } {
        for (key, contender) in &mut measured {
            samples.note(key, contender.sample(contender.at_least));
        }
        // Every second turn the other way round: nobody always goes first.
        measured.reverse();
    }
    if let (Some(before), Some(after)) = (waited, self::waited()) {
        let part = after.saturating_sub(before).as_secs_f64() / begun.elapsed().as_secs_f64();
        samples.note_waiting(question, part);
    }
}

/// How long some task of the whole machine had to wait for a core since it was started: a contest on two
/// cores is to be believed only if that hardly grows meanwhile. `None` where the kernel does not tell.
fn waited() -> Option<Duration> {
    // some avg10=0.00 avg60=0.00 avg300=0.00 total=0
    let pressure = fs::read_to_string("/proc/pressure/cpu").ok()?;
    let (_, micros) = pressure.lines().next()?.split_once("total=")?;
    Some(Duration::from_micros(micros.parse().ok()?))
}
