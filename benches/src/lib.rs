//! What the benchmarks share. One question a file in `benches/`; rivals live there, or in `peers` if their file would be too long.
//!
//! ```text
//! pin      which core a thread runs on
//! second   a real second process, started from the benchmark's own executable
//! start    both sides leave at the same moment, and the clock starts there
//! clock    times that two processes can compare
//! floor    what the machine itself takes: cache lines, bare futexes, the mapping they live in
//! spin     the back-off of every spinning side, the same code for all contenders
//! stream   the producer and the consumer of a throughput run, the same code for all contenders
//! link     a way from one side to the other, between threads or processes
//! rounds   round trips over each object, and over bare words
//! message  messages of a number of words over such a way, the same code for all contenders
//! ways     what moves messages between processes here, and the floor under it
//! peers    the rivals of messages by size, a file each
//! contest  contenders measured by criterion, then against each other in turns
//! ratios   medians of those turns, and the closing table
//! report   what the benchmarks leave behind for tables and pictures
//! robust   the POSIX mutex that is process-shared and robust
//! ours     the contenders of this repository (feature `ours`): all calls of ipc-posix
//! ```
//!
//! The machine's speed drifts by up to a factor of two between runs, so only ratios inside one run mean
//! anything. That is why contenders are taken in turns and why a ratio is formed within each turn first.
//!
//! `cargo bench -p benches` runs everything, `cargo bench -p benches -- --quick` does so in a hurry.
//! `BENCH_CPUS=2,3` chooses the two cores. The closing table says how long tasks waited for a core meanwhile:
//! more than a few percent on two cores means that other work was in the way.
//!
//! `benches/scripts/optional-peers.sh` runs rivals of other languages, if they are installed.

pub mod clock;
pub mod contest;
pub mod floor;
pub mod link;
pub mod message;
pub mod ours;
pub mod peers;
pub mod pin;
pub mod ratios;
pub mod report;
pub mod robust;
pub mod rounds;
pub mod second;
pub mod spin;
pub mod start;
pub mod stream;
pub mod ways;
