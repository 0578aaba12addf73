//! A directory in shared memory for this process's files, removed at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const PARENT: &str = "/dev/shm";
const PREFIX: &str = "ipc-fuzz-";

static PATH: OnceLock<PathBuf> = OnceLock::new();

/// The directory, empty when it is asked for the first time.
pub fn ground() -> &'static Path {
    PATH.get_or_init(|| {
        remove_left_ones();
        let path = Path::new(PARENT).join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&path).expect("a directory");
        // SAFETY: a function that lives as long as the program.
        unsafe { libc::atexit(clean_up) };
        path
    })
}

extern "C" fn clean_up() {
    if let Some(path) = PATH.get() {
        let _ = fs::remove_dir_all(path);
    }
}

/// After a finding libFuzzer ends without `exit`, so the next run removes what it left.
fn remove_left_ones() {
    let Ok(entries) = fs::read_dir(PARENT) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.parse::<u32>().ok());
        let Some(number) = number else { continue };
        if number == std::process::id() || !Path::new("/proc").join(number.to_string()).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
