//! The tutorials' programs as users run them: they say what they should, and succeed.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

/// What the example prints. It has to succeed.
fn run(name: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "-q", "--example", name, "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("the profile's directory");
    cargo.arg("--target-dir").arg(profile.parent().expect("the target directory"));
    cargo.args(profile.ends_with("release").then_some("--release"));
    let output = cargo.output().expect("cargo starts");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The lines of a part of the output, which begins with this heading.
fn part<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect()
}

#[test]
fn ticket_clerks() {
    let text = run("ticket_clerks");
    let sales = |lines: &[&str]| lines.iter().filter(|line| line.ends_with(": sold it")).count();
    assert_eq!(sales(&part(&text, "with the lock:")), 1, "{text}");
    assert_eq!(sales(&part(&text, "without the lock:")), 5, "{text}");
    let after = part(&text, "with the lock, and a clerk that is killed at the counter:");
    assert_eq!(sales(&after), 1, "{text}");
    assert_eq!(after.iter().filter(|line| line.contains("somebody died")).count(), 1, "{text}");
}

#[test]
fn traffic_light() {
    let text = run("traffic_light");
    let light = part(&text, "a light:");
    let at = |line: &str| light.iter().rposition(|other| *other == line).expect(line);
    assert!(at("car 4 waits") < at("the light is green") && at("the light is green") < at("car 4 drives"), "{text}");
    let gate = part(&text, "a gate that lets one through at a time:");
    assert_eq!(gate.iter().filter(|line| line.ends_with("drives")).count(), 2, "{text}");
    assert!(text.ends_with("everybody has passed who could\n"), "{text}");
}
