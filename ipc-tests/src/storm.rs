//! Worker processes that are killed and stopped at random.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::children::Child;
use crate::dice::Dice;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Longer than any operation takes in a storm, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a storm has done.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Processes that were killed, all of them at the end included.
    pub kills: u64,
    /// Processes that were stopped for a moment.
    pub stops: u64,
    /// Steps that the workers have counted.
    pub steps: u64,
}

/// The seconds of a storm: those of `IPC_TESTS_SOAK`, or few.
///
/// # Panics
///
/// If that is no number.
#[must_use]
pub fn seconds() -> u64 {
    std::env::var("IPC_TESTS_SOAK").map_or(5, |seconds| seconds.parse().expect("seconds"))
}

/// Runs `workers` processes that `spawn` starts by their number, and kills or stops one of them after the other. `look` is called in
/// between: it says how many steps were made. In the end everybody is dead.
///
/// # Errors
///
/// Those of `look`; a worker that has ended on its own; workers that do not get on any more.
pub fn storm(
    seconds: u64,
    workers: usize,
    mut spawn: impl FnMut(usize, &mut Dice) -> Child,
    mut look: impl FnMut() -> Result<u64>,
) -> Result<Storm> {
    let mut dice = Dice::new(seconds);
    let mut children: Vec<Child> = (0..workers).map(|number| spawn(number, &mut dice)).collect();
    let mut storm = Storm { kills: 0, stops: 0, steps: 0 };
    let (begun, mut told, mut seen_at) = (Instant::now(), Instant::now(), Instant::now());
    while begun.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_micros(dice.below(4000)));
        for child in &mut children {
            if let Some(status) = child.try_wait() {
                return Err(format!("a worker has ended on its own: {status}").into());
            }
        }
        let number = dice.below(workers as u64) as usize;
        if dice.below(8) == 0 {
            // Stopped for a moment: alive, and nobody may take anything from it.
            children[number].sigstop();
            std::thread::sleep(Duration::from_micros(dice.below(3000)));
            children[number].sigcont();
            storm.stops += 1;
        } else {
            children[number].sigkill();
            storm.kills += 1;
            children[number] = spawn(number, &mut dice);
        }
        let steps = look()?;
        if steps != storm.steps {
            (storm.steps, seen_at) = (steps, Instant::now());
        } else if seen_at.elapsed() > PATIENCE {
            return Err("nobody gets on any more".into());
        }
        if told.elapsed() > Duration::from_secs(10) {
            println!("{:>4} s: {storm:?}", begun.elapsed().as_secs());
            told = Instant::now();
        }
    }
    for mut child in children {
        child.sigkill();
        storm.kills += 1;
    }
    storm.steps = look()?;
    Ok(storm)
}

/// Tokens that went round: how many of the expected ones are missing. None is there twice, and no more are missing than `most`.
///
/// # Errors
///
/// If that is not so.
pub fn missing(mut found: Vec<u64>, made: u64, most: u64) -> Result<u64> {
    found.sort_unstable();
    let lost = made.checked_sub(found.len() as u64);
    match lost {
        Some(lost) if lost <= most && found.windows(2).all(|pair| pair[0] < pair[1]) => Ok(lost),
        _ => Err(format!("tokens: {found:?} of {made}, at most {most} may be missing").into()),
    }
}
