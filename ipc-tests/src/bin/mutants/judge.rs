//! Applies the mutants to copies of the workspace and runs the models on them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::table::{Mutant, mutants};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Far longer than any model takes: one that does not end has noticed, too (it livelocks).
const PATIENCE: Duration = Duration::from_secs(180);

pub fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let result = match &args[..] {
        [] => judge("", WHOLE, true),
        [flag] if flag == "--models-passed" => judge("", WHOLE, false),
        [flag, share] if flag == "--models-passed" => Share::parse(share).and_then(|share| judge("", share, false)),
        [verb, part] if verb == "judge" => judge(part, WHOLE, true),
        [verb, part, flag] if verb == "judge" && flag == "--models-passed" => judge(part, WHOLE, false),
        [verb, part] if verb == "find" => find(part),
        [verb] if verb == "markdown" => {
            markdown();
            Ok(true)
        }
        _ => Err("mutants [--models-passed [NTH/OF] | judge PART [--models-passed] | find PART | markdown]".into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One mutant in `of`, from the `nth` on.
#[derive(Clone, Copy)]
struct Share {
    nth: usize,
    of: usize,
}

const WHOLE: Share = Share { nth: 0, of: 1 };

impl Share {
    /// Of a text such as `3/4`, which counts from zero and wraps.
    fn parse(text: &str) -> Result<Self> {
        let (nth, of) = text.split_once('/').ok_or("a share is written as in 1/2")?;
        let (nth, of): (usize, usize) = (nth.parse()?, of.parse()?);
        Ok(Share { nth: nth.checked_rem(of).ok_or("a share of none")?, of })
    }
}

/// Every mutant of a share whose name contains this against its own model. A model that fails by itself notices nothing, so `models_first` those
/// have to pass.
fn judge(part: &str, share: Share, models_first: bool) -> Result<bool> {
    let chosen: Vec<&Mutant> =
        mutants().filter(|mutant| mutant.name.contains(part)).skip(share.nth).step_by(share.of).collect();
    let tests: BTreeSet<&str> = chosen.iter().map(|mutant| mutant.caught_by.0).collect();
    let tests: Vec<&str> = tests.into_iter().collect();
    let copies = (0..workers()).map(Copy::new).collect::<Result<Vec<_>>>()?;
    if models_first {
        in_parallel(&copies, &tests, |copy, test| match copy.run(test, None)? {
            Verdict::Passed => Ok(true),
            Verdict::Failed => Err(format!("{test} does not pass as it is").into()),
        })?;
    }
    let caught = in_parallel(&copies, &chosen, |copy, mutant| {
        let (test, model) = mutant.caught_by;
        let noticed = copy.with(mutant, || copy.run(test, Some(model)))? == Verdict::Failed;
        println!("mutant {}: {} {test}::{model}", mutant.name, if noticed { "caught by" } else { "SURVIVED" });
        Ok(noticed)
    })?;
    println!("{} mutants, {caught} caught", chosen.len());
    Ok(caught == chosen.len() && caught > 0)
}

/// A build of a mutant keeps one processor busy, and little more.
fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// Does `act` with each of the items, each copy one after the other; how many were `true`.
fn in_parallel<T: std::marker::Copy + Sync>(
    copies: &[Copy],
    items: &[T],
    act: impl Fn(&Copy, T) -> Result<bool> + Sync,
) -> Result<usize> {
    let next = AtomicUsize::new(0);
    let (next, act) = (&next, &act);
    let work = |copy| {
        let mut good = 0;
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Errors of this kind do not go from thread to thread.
            good += usize::from(act(copy, *item).map_err(|error| error.to_string())?);
        }
        Ok::<_, String>(good)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = copies.iter().map(|copy| scope.spawn(move || work(copy))).collect();
        workers.into_iter().try_fold(0, |sum, worker| {
            let good = worker.join().map_err(|_| "a worker panicked")??;
            Ok(sum + good)
        })
    })
}

/// Which models notice the mutants whose names contain `part`.
fn find(part: &str) -> Result<bool> {
    let copy = Copy::new(0)?;
    for mutant in mutants().filter(|mutant| mutant.name.contains(part)) {
        let failed = copy.with(mutant, || copy.failing())?;
        println!("mutant {}: {}", mutant.name, if failed.is_empty() { "SURVIVED".into() } else { failed.join(", ") });
    }
    Ok(true)
}

/// The table for people.
fn markdown() {
    println!("| mutant | what is weakened | what it protects | caught by |");
    println!("|---|---|---|---|");
    for Mutant { name, edits, protects, caught_by: (test, model) } in mutants() {
        let files: Vec<&str> = edits.iter().map(|edit| edit.file().trim_start_matches("ipc-core/src/")).collect();
        println!("| {name} | `{}` | {protects} | `{test}::{model}` |", files.join("`, `"));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
}

/// A copy of the workspace in a directory of its own.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn new(number: usize) -> Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?.to_owned();
        let root = env::temp_dir().join(format!("mutants-{}-{number}", std::process::id()));
        for part in ["Cargo.toml", "Cargo.lock", "ipc-core", "ipc-posix", "ipc-tests", "benches"] {
            copy(&source.join(part), &root.join(part))?;
        }
        Ok(Copy { root })
    }

    /// Runs `act` on the mutant.
    fn with<R>(&self, mutant: &Mutant, act: impl FnOnce() -> Result<R>) -> Result<R> {
        // As they are in the copy: the source may change meanwhile.
        let mut originals = Vec::new();
        for edit in mutant.edits {
            let path = self.root.join(edit.file());
            let text = fs::read_to_string(&path)?;
            let changed = edit.apply(&text).map_err(|error| format!("mutant {}: {error}", mutant.name))?;
            fs::write(&path, changed)?;
            originals.push((path, text));
        }
        let result = act();
        // Two edits of one file: the first original is the one. A new file with a new date: Cargo must not take the mutant's build for it.
        for (path, text) in originals.into_iter().rev() {
            fs::write(path, text)?;
        }
        result
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", self.root.join("target"));
        cargo.args(["test", "-q", "-p", "ipc-tests", "--release", "--config", "profile.release.debug=0"]);
        // A mutant differs from the one before in a line.
        cargo.args(["--config", "profile.release.incremental=true"]);
        // What is built for each mutant anew is built fast, what it is run by runs fast.
        for package in ["ipc-core", "ipc-tests"] {
            cargo.args(["--config", &format!("profile.release.package.{package}.opt-level=1")]);
        }
        cargo
    }

    fn build(&self, test: &str) -> Result<()> {
        let built = self.cargo().args(["--no-run", "--test", test]).stderr(Stdio::piped()).output()?;
        if built.status.success() {
            return Ok(());
        }
        Err(format!("{test} does not build:\n{}", String::from_utf8_lossy(&built.stderr)).into())
    }

    /// Builds, which must work, and runs one model (or all of its file).
    fn run(&self, test: &str, model: Option<&str>) -> Result<Verdict> {
        self.build(test)?;
        let mut cargo = self.cargo();
        cargo.args(["--test", test, "--"]).args(model).args(model.map(|_| "--exact"));
        let mut child = cargo.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(if status.success() { Verdict::Passed } else { Verdict::Failed });
            }
            if started.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                return Ok(Verdict::Failed);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The models that fail.
    fn failing(&self) -> Result<Vec<String>> {
        self.build("loom_*")?;
        let output = self.cargo().args(["--no-fail-fast", "--test", "loom_*"]).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        // The list at the end of each file's run.
        let lines = text.split("\nfailures:\n").skip(1).flat_map(str::lines);
        let mut failing: Vec<String> = lines
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| line.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()))
            .map(str::to_owned)
            .collect();
        failing.sort();
        failing.dedup();
        Ok(failing)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Copies a file, or a directory without what was built in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from, to)?;
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "target" {
            copy(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edits;
    use crate::table::Edit;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
    }

    /// A mutant whose line has moved is found out without a build.
    #[test]
    fn every_edit_finds_its_lines() {
        let missed: Vec<_> = mutants()
            .flat_map(|mutant| mutant.edits.iter().map(|edit| (mutant.name, edit)))
            .filter_map(|(name, edit)| {
                let text = fs::read_to_string(root().join(edit.file())).unwrap_or_default();
                edit.apply(&text).err().map(|error| format!("{name}: {error}"))
            })
            .collect();
        assert!(missed.is_empty(), "{}", missed.join("\n"));
    }

    /// A model that was renamed is found out without a build.
    #[test]
    fn every_model_exists() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        for Mutant { name, caught_by: (test, model), .. } in mutants() {
            let text = fs::read_to_string(tests.join(test).with_extension("rs")).unwrap_or_default();
            assert!(text.contains(&format!("fn {model}()")), "{name}: there is no {test}::{model}");
        }
    }

    /// Each place that wakes somebody is deleted by one of the mutants: by itself, or with another one that makes up for it.
    #[test]
    fn every_wake_up_has_a_mutant() {
        let mut files = vec![root().join("ipc-core/src")];
        let mut missed = Vec::new();
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
                continue;
            }
            let name = path.strip_prefix(root()).expect("inside").to_str().expect("a name");
            for site in edits::wake_ups(&fs::read_to_string(&path).expect("a file")) {
                let is_this = |edits: &[Edit]| {
                    edits.iter().all(|edit| matches!(edit, Edit::Silence { .. }))
                        && edits.iter().any(|edit| {
                            matches!(edit, Edit::Silence { file, function, nth }
                            if (*file, *function, *nth) == (name, &*site.function, site.nth))
                        })
                };
                if name != "ipc-core/src/platform.rs" && !mutants().any(|mutant| is_this(mutant.edits)) {
                    missed.push(format!("{name}: {} {}", site.function, site.nth));
                }
            }
        }
        missed.sort();
        assert!(missed.is_empty(), "nobody would notice if these woke nobody:\n{}", missed.join("\n"));
    }
}
