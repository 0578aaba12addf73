//! How a mutant changes a file.

use std::ops::Range;

use crate::table::Edit;

impl Edit {
    /// The file that is changed.
    pub fn file(&self) -> &'static str {
        match self {
            Edit::Text { file, .. } | Edit::Silence { file, .. } => file,
        }
    }

    /// The changed text, or why the lines are not found.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        match *self {
            Edit::Text { file, from, to, times } => match text.matches(from).count() {
                found if found == times => Ok(text.replace(from, to)),
                found => Err(format!("{found} places in {file}, not {times}: {from:?}")),
            },
            Edit::Silence { file, function, nth } => {
                let site = wake_ups(text).into_iter().find(|site| site.function == function && site.nth == nth);
                let site = site.ok_or_else(|| format!("no wake-up number {nth} in {file}, fn {function}"))?;
                let mut changed = text.to_owned();
                changed.replace_range(site.call, site.nothing);
                Ok(changed)
            }
        }
    }
}

/// A place that wakes somebody.
pub struct WakeUp {
    pub function: String,
    /// Which one of this function's, from 1.
    pub nth: usize,
    call: Range<usize>,
    /// An expression of the same type that does nothing.
    nothing: &'static str,
}

/// The places in this source text that wake somebody.
pub fn wake_ups(text: &str) -> Vec<WakeUp> {
    let mut found: Vec<WakeUp> = Vec::new();
    let mut function = String::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.find("//").map_or(line, |comment| &line[..comment]);
        if let Some(name) = code.split_once("fn ").map(|(_, name)| name) {
            let end = name.find(['(', '<']).unwrap_or(0);
            function = name[..end].to_owned();
        }
        for verb in
            [".notify(", ".notify_all(", ".notify_one(", ".wake(", ".wake_in(", ".wake_all(", ".wake_both(", ".rouse("]
        {
            for (at, _) in code.match_indices(verb) {
                let receiver = |c: char| c.is_ascii_alphanumeric() || "_.()&".contains(c);
                let first = code[..at].rfind(|c: char| !receiver(c)).map_or(0, |before| before + 1);
                let Some(length) = arguments(&text[start + at + verb.len()..]) else { continue };
                let nth = found.iter().filter(|site| site.function == function).count() + 1;
                let is_platform = code[..at].ends_with("platform");
                found.push(WakeUp {
                    function: function.clone(),
                    nth,
                    call: start + first..start + at + verb.len() + length,
                    nothing: if is_platform { "0_u32" } else { "()" },
                });
            }
        }
        start += line.len();
    }
    found
}

/// The length of what comes up to the parenthesis that ends a call.
fn arguments(rest: &str) -> Option<usize> {
    let mut depth = 1;
    rest.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at + 1)
    })
}
