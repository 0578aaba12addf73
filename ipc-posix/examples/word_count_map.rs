//! Counts the words of many files with four worker processes, and shows a bar: the tutorials' word count.
//!
//! ```sh
//! cargo run --release -p ipc-posix --features progress --example word_count_map docs ipc-posix/src
//! ```
//!
//! It prints the workers' process ids. Kill one of them with `kill -9`: another one counts its file, and the sums are those of one process
//! all the same.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipc_posix::{pool, process, task};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Counts = BTreeMap<String, u64>;

const WORKERS: usize = 4;

/// How often each word is in a text.
fn count(text: &str) -> Counts {
    let mut counts = Counts::new();
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

/// In a worker: counts the words of one file. A file that cannot be read fails alone.
fn count_file(path: PathBuf) -> Counts {
    // So that there is time to kill somebody.
    std::thread::sleep(Duration::from_millis(20));
    match std::fs::read_to_string(&path) {
        Ok(text) => count(&text),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
task!(count_file);

fn main() -> Result<()> {
    process::init();
    let mut files = Vec::new();
    for path in std::env::args_os().skip(1) {
        collect(Path::new(&path), &mut files)?;
    }
    if files.is_empty() {
        return Err("name some files, or directories with pages and sources".into());
    }

    let pool = pool::options().workers(WORKERS).max_result(1 << 20).start()?;
    for worker in pool.stats().workers {
        let pid = worker.pid.ok_or("a worker has ended")?;
        println!("a worker is process {pid}: kill -9 {pid}");
    }
    let (mut sums, mut failed) = (Counts::new(), Vec::new());
    for result in pool.stream(count_file, files.iter().cloned()).bar(pool::progress_bar()) {
        match result {
            Ok(counts) => add(&mut sums, counts),
            Err(error) => failed.push(error),
        }
    }
    for error in &failed {
        println!("not counted: {error}");
    }
    let replaced: u64 = pool.stats().workers.iter().map(|worker| worker.replaced).sum();
    pool.join()?;

    let mut alone = Counts::new();
    for text in files.iter().filter_map(|file| std::fs::read_to_string(file).ok()) {
        add(&mut alone, count(&text));
    }
    let mut most: Vec<_> = sums.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (word, count) in most.into_iter().take(5) {
        println!("{count:>8} {word}");
    }
    println!("workers that were replaced: {replaced}");
    let words: u64 = sums.values().sum();
    println!("{words} words in {} files, and {} files that cannot be read", files.len() - failed.len(), failed.len());
    if sums != alone {
        return Err("one process counts something else".into());
    }
    println!("one process counts the same");
    Ok(())
}

fn add(sums: &mut Counts, counts: Counts) {
    for (word, count) in counts {
        *sums.entry(word).or_default() += count;
    }
}

/// A file, or all pages and sources in a directory and below.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() || path.extension().is_some_and(|end| end == "md" || end == "rs") {
            collect(&path, files)?;
        }
    }
    Ok(())
}
