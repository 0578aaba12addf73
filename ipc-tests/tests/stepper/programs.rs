//! Programs that a test starts, and the names that they leave behind.

use std::fs::File;

use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::stepper::Victim;

use crate::guard;

pub const ROLES: &[Role] = &[("echo", echo), ("silent", |_| ()), ("broken", broken), ("forever", forever)];

fn broken(args: &Args) {
    assert_eq!(args.try_get("name"), None);
    // Not through the panic hook: its output is no part of this test.
    std::panic::resume_unwind(Box::new("broken"));
}

fn echo(args: &Args) {
    children::say(&format!("hello {}", args.get("name")));
    assert_eq!(children::hear(), "go");
    children::say(&(args.number("number") + 1).to_string());
}

fn forever(_: &Args) {
    children::say("ready");
    loop {
        let said = children::hear();
        children::say(&said);
    }
}

#[test]
fn children_talk_stop_and_die() {
    let _guard = guard("children");
    let mut child = children::spawn("echo", &[("name", "you"), ("number", "41")]);
    assert_eq!(child.hear(), "hello you");
    child.say("go");
    child.expect("42");
    assert!(child.wait().success());

    let mut silent = children::spawn("silent", &[]);
    assert_eq!(silent.try_hear(), None);
    assert!(silent.wait().success());

    let mut broken = children::spawn("broken", &[]);
    assert_eq!(broken.try_hear(), None);
    assert_eq!(broken.wait().code(), Some(101));

    let mut forever = children::spawn("forever", &[]);
    forever.expect("ready");
    for _ in 0..2 {
        forever.sigstop();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", forever.pid())).unwrap();
        assert!(stat.contains(") T "), "{stat}");
        forever.say("still there?");
        forever.sigcont();
        forever.expect("still there?");
    }
    forever.sigkill_unreaped();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", forever.pid())).unwrap();
    assert!(stat.contains(") Z "), "{stat}");
    forever.sigkill();
    assert!(!std::path::Path::new(&format!("/proc/{}", forever.pid())).exists());

    let dropped = children::spawn("forever", &[]);
    let pid = dropped.pid();
    drop(dropped);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_temporary_name_cleans_up() {
    let name = TempName::new("temp-name");
    assert_ne!(name.as_str(), TempName::new("temp-name").as_str());
    File::create_new(name.path()).unwrap();
    File::create_new(name.path().with_extension("lock")).unwrap();
    assert_eq!(name.files().len(), 2);
    // A victim that unwinds over the name leaves the files alone.
    let copy = std::panic::AssertUnwindSafe(&name);
    let mut victim = Victim::fork(move |gate| {
        gate.begin();
        // SAFETY: the victim's own copy of the name, read once more only to drop it here.
        drop(unsafe { std::ptr::read(*copy) });
        gate.end();
        // The copy is dropped, so end before anything checks it again.
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) };
    });
    victim.run_to_begin().unwrap();
    victim.finish().unwrap();
    assert_eq!(name.files().len(), 2);
    let path = name.path();
    drop(name);
    assert!(!path.exists() && !path.with_extension("lock").exists());
}
