//! What the benchmarks leave behind: a file each, of which `cargo run -p benches --bin report` makes tables and pictures.
//!
//! A line of a file is a question, a contender and figures, separated by tabs. The files lie in `target/bench-report`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs, io};

use crate::ratios::Bar;

/// Where the files lie.
#[must_use]
pub fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("bench-report")
}

/// Writes a file of lines.
///
/// # Errors
///
/// If it cannot be written.
pub fn write(name: &str, lines: &str) -> io::Result<()> {
    fs::create_dir_all(folder())?;
    fs::write(folder().join(format!("{name}.tsv")), lines)
}

/// Times of many single operations by contender, in nanoseconds.
pub struct Percentiles {
    what: &'static str,
    times: BTreeMap<String, Vec<u64>>,
}

impl Percentiles {
    /// The parts that are told of.
    const PARTS: [f64; 3] = [0.5, 0.99, 0.999];

    /// None yet, of this operation.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self { what, times: BTreeMap::new() }
    }

    /// Notes these times of a contender.
    pub fn add(&mut self, name: &str, times: &[u64]) {
        self.times.entry(name.to_owned()).or_default().extend(times);
    }

    /// The time below which this part of them lies.
    #[must_use]
    pub fn at(&self, name: &str, part: f64) -> u64 {
        let Some(times) = self.times.get(name) else { return 0 };
        let mut times = times.clone();
        times.sort_unstable();
        times.get((times.len() as f64 * part) as usize).copied().unwrap_or(0)
    }

    /// A table of all.
    #[must_use]
    pub fn table(&self) -> String {
        let what = format!("{}, ns", self.what);
        let mut table = format!("\n{what:<32}{:>12}{:>12}{:>12}\n", "p50", "p99", "p99.9");
        for name in self.times.keys() {
            let [middle, high, highest] = Self::PARTS.map(|part| self.at(name, part));
            table += &format!("{name:<32}{middle:>12}{high:>12}{highest:>12}\n");
        }
        table + "\n"
    }

    /// A line: ours against another at this part of the times.
    #[must_use]
    pub fn ratio(&self, name: &str, ours: &str, other: &str, part: f64, bar: Bar) -> String {
        let ratio = self.at(ours, part) as f64 / self.at(other, part) as f64;
        let missed = if bar.is_met(ratio) { "" } else { " MISSED" };
        format!("ratio {name} at p{}: {ratio:.2} ({bar}){missed}\n", part * 100.0)
    }

    /// Writes them down.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    pub fn save(&self, file: &str) -> io::Result<()> {
        write(file, &self.lines())
    }

    /// The lines of a file, see [`write()`].
    #[must_use]
    pub fn lines(&self) -> String {
        let line = |name: &String| {
            let [middle, high, highest] = Self::PARTS.map(|part| self.at(name, part));
            format!("{}\t{name}\t{middle}\t{high}\t{highest}\n", self.what)
        };
        self.times.keys().map(line).collect()
    }
}
