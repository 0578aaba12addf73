//! The karaoke room as users run it: what it prints, its exit code, and that nothing of it is left.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// An example's program, which Cargo puts beside this test's.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("the profile's directory");
    let program = profile.join("examples").join(name);
    // `cargo test` has built the examples; `cargo test --test karaoke` has not.
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--example", name, "--manifest-path"]);
        cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        cargo.arg("--target-dir").arg(profile.parent().expect("the target directory"));
        cargo.args(profile.ends_with("release").then_some("--release"));
        assert!(cargo.status().expect("cargo starts").success(), "the example is built");
    }
    program
}

#[test]
fn the_karaoke_room() {
    let child = Command::new(example("karaoke")).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let region = format!("karaoke-{}", child.id());
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}\n{text}", output.status);
    let mut inside = 0u32;
    let mut killed = false;
    for line in text.lines().filter(|line| line.starts_with("singer ")) {
        let change: i32 = match line {
            _ if line.contains("comes in") => 1,
            _ if line.contains("leaves") || line.contains("is killed") => -1,
            _ => 0,
        };
        killed |= line.contains("singer 3 is killed");
        inside = inside.checked_add_signed(change).expect("nobody leaves who was not inside");
        assert!(inside <= 4 && line.contains(&format!("inside: {inside} of 4")), "{line}");
    }
    assert!(killed && inside == 0);
    assert_eq!(text.matches("leaves").count(), 10);
    let last = text.lines().last().expect("a last line");
    assert!(last.starts_with("10 songs, never more than ") && last.ends_with("all 4 places free again"), "{last}");
    assert!(!Path::new("/dev/shm").join(region).exists(), "no file is left");
}
