//! What does a task in a process of its own cost, beside the same program started by hand?
//!
//! Both start this program anew, give it a number, and wait for its square: as a task, and by `std::process::Command` with the number as
//! an argument and the square on its standard output. They take turns. It is the start of a program, of which there are few in a
//! second, so criterion has no part in it.

#![allow(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use benches::ratios::Bar;
use ipc_posix::process;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Starts a process for the square of a number.
type Way = fn(u64) -> Result<u64>;

const STARTS: u64 = 400;
const QUICK: u64 = 40;
/// The argument of the program that is started by hand.
const BY_HAND: &str = "square-by-hand";
const BAR: Bar = Bar::AtMost(1.5);

fn square(number: u64) -> u64 {
    number * number
}
ipc_posix::task!(square);

fn main() -> Result<()> {
    process::init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, number] = &args[..]
        && first == BY_HAND
    {
        println!("{}", square(number.parse()?));
        return Ok(());
    }
    // `cargo bench -- throughput` is not for us.
    if args.iter().any(|arg| !arg.starts_with('-') && !"processes".contains(arg.as_str())) {
        return Ok(());
    }
    let starts = if args.iter().any(|arg| arg == "--quick") { QUICK } else { STARTS };
    let ways: [(&str, Way); 3] = [("a task", task), ("a task that ends with its parent", daemon), ("by hand", by_hand)];
    let mut times = ways.map(|_| Vec::new());
    for number in 0..starts {
        for ((_, way), times) in ways.iter().zip(&mut times) {
            let begun = Instant::now();
            let result = way(number)?;
            times.push(begun.elapsed());
            assert_eq!(result, number * number);
        }
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    println!("{:<44}{:>10}{:>10}{:>10}", "from the start to the result, ms", "p10", "p50", "p90");
    for ((name, _), times) in ways.iter().zip(&times) {
        let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e3;
        println!("{name:<44}{:>10.3}{:>10.3}{:>10.3}", at(10), at(50), at(90));
    }
    let median = |times: &Vec<Duration>| times[times.len() / 2].as_secs_f64();
    let ratio = median(&times[0]) / median(&times[2]);
    let missed = if BAR.is_met(ratio) { "" } else { " MISSED" };
    println!("ratio a task to a program by hand: {ratio:.2} ({BAR}){missed}");
    Ok(())
}

fn task(number: u64) -> Result<u64> {
    Ok(process::spawn(square, number)?.join()?)
}

fn daemon(number: u64) -> Result<u64> {
    Ok(process::options().daemon().spawn(square, number)?.join()?)
}

fn by_hand(number: u64) -> Result<u64> {
    let mut command = Command::new("/proc/self/exe");
    command.args([BY_HAND, &number.to_string()]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
