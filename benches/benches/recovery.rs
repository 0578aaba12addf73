//! How soon does a sleeper notice that the process it waits for is dead?
//!
//! A second process takes the lock (or the only permit); a thread of the first one sleeps for it; the second is killed. What
//! is counted is the time from before the kill to the moment when the sleeper has the lock. With sliced sleeps alone, and
//! with a recovery thread in the first process. It is a distribution, not a contest, so criterion has no part in it.

#![allow(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::error::Error;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use benches::pin;
use benches::second::{self, Second};
use ipc_posix::{Mutex, RecoveryThread, Region, Semaphore};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The 99th percentile is the last but one.
const KILLS: usize = 200;
/// The holder dies up to this time after the sleeper has fallen asleep.
const LONGEST_SLEEP: Duration = Duration::from_millis(60);
/// What the 99th percentile may take without a recovery thread, and with it.
const BARS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(1)];

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        let region = Region::open(&role.arg::<String>(0)?)?;
        let objects = Objects::open(&region)?;
        let mutex = role.name() == "holder of the lock";
        return Ok(role.play(|_| objects.hold_for_ever(mutex))?);
    }
    // `cargo bench -- throughput` is not for us.
    if std::env::args().skip(1).any(|arg| !arg.starts_with('-') && !"recovery".contains(&arg)) {
        return Ok(());
    }
    let cpus = pin::pair()?;
    let name = format!("bench-recovery-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let objects = Objects::open(&region)?;
    println!("{:<44}{:>10}{:>10}{:>10}{:>10}", "from the kill to the next holder, ms", "p50", "p90", "p99", "max");
    for (with, bar) in ["", ", recovery thread"].into_iter().zip(BARS) {
        let recovery = if with.is_empty() { None } else { Some(RecoveryThread::spawn(&region)?) };
        for role in ["holder of the lock", "holder of the permit"] {
            let kills =
                (0..KILLS).map(|kill| objects.kill(role, &name, cpus[1], LONGEST_SLEEP * kill as u32 / KILLS as u32));
            let mut times = kills.collect::<Result<Vec<_>>>()?;
            times.sort_unstable();
            let at = |part: usize| times[(KILLS * part / 100).min(KILLS - 1)];
            let line = format!("{role}{with}");
            let missed = if at(99) <= bar { "" } else { " MISSED" };
            println!(
                "{line:<44}{:>10.3}{:>10.3}{:>10.3}{:>10.3}   bar for p99: {}{missed}",
                millis(at(50)),
                millis(at(90)),
                millis(at(99)),
                millis(times[KILLS - 1]),
                millis(bar)
            );
        }
        drop(recovery);
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

struct Objects {
    mutex: Mutex<u64>,
    permits: Semaphore,
}

impl Objects {
    fn open(region: &Region) -> Result<Self> {
        let mutex = region.mutex("lock").open_or_create()?;
        Ok(Objects { mutex, permits: region.semaphore("permits").permits(1).bounded().open_or_create()? })
    }

    fn hold_for_ever(&self, mutex: bool) {
        let _lock = mutex.then(|| self.mutex.lock().expect("a free lock"));
        let _permit = (!mutex).then(|| self.permits.acquire().expect("a free permit"));
        loop {
            std::thread::park();
        }
    }

    fn is_held(&self) -> bool {
        self.mutex.is_locked() || self.permits.available() == 0
    }

    /// Starts a holder, and a sleeper behind it; kills the holder `after` some time. How long until the sleeper is the next holder?
    fn kill(&self, role: &str, region: &str, cpu: usize, after: Duration) -> Result<Duration> {
        let mut holder = Second::start(role, cpu, &[&region])?;
        holder.run(1)?;
        while !self.is_held() {
            std::thread::yield_now();
        }
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            let (noticed, notice) = mpsc::channel();
            scope.spawn(move || {
                // SAFETY: takes nothing.
                let thread = unsafe { libc::gettid() };
                sender.send(thread).expect("the receiver waits");
                if role == "holder of the lock" {
                    let error = self.mutex.lock().expect_err("the holder died");
                    noticed.send(Instant::now()).expect("the receiver waits");
                    error.into_guard().expect("the lock").mark_consistent().unwrap();
                } else {
                    drop(self.permits.acquire().expect("the permit comes back"));
                    noticed.send(Instant::now()).expect("the receiver waits");
                }
            });
            let thread = receiver.recv()?;
            while !sleeps(thread) {
                std::thread::yield_now();
            }
            // The slices grow while nothing happens: meet them anywhere.
            std::thread::sleep(after);
            let begun = Instant::now();
            drop(holder);
            Ok(notice.recv()? - begun)
        })
    }
}

/// Whether this thread of ours sleeps.
fn sleeps(thread: libc::pid_t) -> bool {
    std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" S")))
}
