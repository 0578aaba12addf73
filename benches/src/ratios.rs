//! Medians of the turns, and the closing table.
//!
//! A ratio is formed in each turn from that turn's samples; what is printed is the median of those and the
//! range of the middle half. The range says how much to believe.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// The samples of all contenders so far, as nanoseconds per operation, by name and turn.
#[derive(Default)]
pub struct Samples {
    turns: BTreeMap<String, Vec<f64>>,
    waiting: BTreeMap<String, f64>,
}

impl Samples {
    /// Nothing measured yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes what `name` took in its next turn.
    pub fn note(&mut self, name: &str, nanos: f64) {
        self.turns.entry(name.to_owned()).or_default().push(nanos);
    }

    /// Notes for which part of the time of `question` some task of the machine waited for a core.
    pub fn note_waiting(&mut self, question: &str, part: f64) {
        self.waiting.insert(question.to_owned(), part);
    }

    /// Writes the medians down, see [`report`](crate::report).
    ///
    /// # Errors
    ///
    /// If that is not possible.
    pub fn save(&self, file: &str) -> std::io::Result<()> {
        let lines = self.turns.iter().map(|(name, turns)| {
            let (question, contender) = name.split_once('/').unwrap_or(("", name));
            let [low, middle, high] = [0.1, 0.5, 0.9].map(|part| quantile(turns, part));
            format!("{question}\t{contender}\t{middle}\t{low}\t{high}\n")
        });
        crate::report::write(file, &lines.collect::<String>())
    }

    /// The median time of one operation, if it was measured.
    #[must_use]
    pub fn median(&self, name: &str) -> Option<f64> {
        Some(quantile(self.turns.get(name)?, 0.5))
    }

    /// The best of the others by its median, and the ratio to it in each turn.
    fn ratios<'a>(&self, ratio: &Ratio<'a>) -> Option<(&'a str, Vec<f64>)> {
        let medians = ratio.others.iter().map(|other| Some((self.median(other)?, *other)));
        let medians = medians.collect::<Option<Vec<_>>>()?;
        // Not the best of each turn: that would be the luck of several against the luck of one.
        let (_, best) = medians.into_iter().min_by(|one, other| one.0.total_cmp(&other.0))?;
        let pairs = self.turns.get(ratio.ours)?.iter().zip(self.turns.get(best)?);
        let ratios = pairs.map(|(ours, other)| match ratio.of {
            Of::Speed => other / ours,
            Of::Time => ours / other,
        });
        Some((best, ratios.collect()))
    }

    /// The closing table: each contender's median and spread, then the ratios. Empty if nothing was measured.
    #[must_use]
    pub fn table(&self, ratios: &[Ratio<'_>]) -> String {
        let mut table = String::new();
        if self.turns.is_empty() {
            return table;
        }
        table += &format!("\n{:<44}{:>12}{:>12}{:>24}\n", "median", "ns/op", "M op/s", "10 % .. 90 % ns/op");
        for (name, turns) in &self.turns {
            let [low, middle, high] = [0.1, 0.5, 0.9].map(|part| quantile(turns, part));
            let spread = format!("{low:.1} .. {high:.1}");
            table += &format!("{name:<44}{middle:>12.1}{:>12.3}{spread:>24}\n", 1e3 / middle);
        }
        table += "\n";
        for (question, part) in &self.waiting {
            table += &format!("{question}: for {:.0} % of the time some task waited for a core\n", part * 100.0);
        }
        ratios.iter().for_each(|ratio| table += &self.line(ratio));
        table
    }

    /// The line of one ratio.
    #[must_use]
    pub fn line(&self, ratio: &Ratio<'_>) -> String {
        let Some((best, turns)) = self.ratios(ratio) else {
            return format!("ratio {}: not measured ({})\n", ratio.name, ratio.bar);
        };
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|part| quantile(&turns, part));
        let missed = if ratio.bar.is_met(middle) { "" } else { " MISSED" };
        format!(
            "ratio {}: {middle:.2} ({}){missed}, half of the turns {low:.2} .. {high:.2}, to {best}\n",
            ratio.name, ratio.bar
        )
    }
}

/// One line at the end: ours against the best of others.
pub struct Ratio<'a> {
    /// How the line is called.
    pub name: &'a str,
    /// Speeds or times.
    pub of: Of,
    /// The name of the contender above the line.
    pub ours: &'a str,
    /// The names of those below it: the one with the best median counts.
    pub others: &'a [&'a str],
    /// What the ratio shall be.
    pub bar: Bar,
}

/// What is divided.
#[derive(Clone, Copy)]
pub enum Of {
    /// Operations per second: more than one means ours does more.
    Speed,
    /// Time per operation: more than one means ours takes longer.
    Time,
}

/// What a ratio shall be.
#[derive(Clone, Copy)]
pub enum Bar {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
    /// Only to be read.
    None,
}

impl Bar {
    /// Whether a ratio is what it shall be.
    #[must_use]
    pub fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bar) => ratio >= bar,
            Self::AtMost(bar) => ratio <= bar,
            Self::None => true,
        }
    }
}

impl Display for Bar {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bar) => write!(f, "bar >= {bar:?}"),
            Self::AtMost(bar) => write!(f, "bar <= {bar:?}"),
            Self::None => write!(f, "no bar"),
        }
    }
}

/// The value below which `part` of the values lie; of an even number's two middle ones the upper.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * part) as usize;
    values[index.min(values.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Samples {
        let mut samples = Samples::new();
        for (ours, one, other) in [(10.0, 20.0, 30.0), (20.0, 50.0, 40.0), (10.0, 30.0, 60.0)] {
            for (name, nanos) in [("ours", ours), ("one", one), ("other", other)] {
                samples.note(name, nanos);
            }
        }
        samples
    }

    #[test]
    fn a_ratio_is_the_median_over_the_turns_against_the_best_by_median() {
        let ratio = Ratio { name: "r", of: Of::Speed, ours: "ours", others: &["other", "one"], bar: Bar::AtLeast(3.0) };
        let table = samples().table(&[ratio]);
        assert!(
            table.contains("ratio r: 2.50 (bar >= 3.0) MISSED, half of the turns 2.00 .. 3.00, to one\n"),
            "{table}"
        );
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let ratio = Ratio { name: "r", of: Of::Time, ours: "ours", others: &["none"], bar: Bar::None };
        let table = samples().table(&[ratio]);
        assert!(table.contains("ratio r: not measured (no bar)\n"), "{table}");
    }

    #[test]
    fn nothing_measured_prints_nothing() {
        assert_eq!(Samples::new().table(&[]), "");
    }
}
