//! Processes in other places: after `exec`, in another PID namespace, and as another user.

#![cfg(not(loom))]

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use ipc_posix::{Participant, Queue, Region, RegionErrorKind};
use ipc_tests::children::{self, Args, ROLE_VARIABLE, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[
    ("execs", execs),
    ("executed", executed),
    ("another_namespace", another_namespace),
    ("first_process", first_process),
    ("nobody", nobody),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn others(region: &Region) -> Vec<Participant> {
    region.participants().into_iter().filter(|participant| !participant.is_me).collect()
}

fn queue(region: &Region) -> Queue<u64> {
    region.queue("q").capacity(8).open_or_create().unwrap()
}

/// This program once more, in this process or another one, with another role.
fn again(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(std::env::args().skip(1)).env(ROLE_VARIABLE, role);
    command
}

fn execs(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    queue(&region).send(1).unwrap();
    children::say("attached");
    assert_eq!(children::hear(), "exec");
    panic!("{}", again("executed").exec());
}

fn executed(args: &Args) {
    children::say("executed");
    assert_eq!(children::hear(), "open");
    let region = Region::open(&args.get("name")).unwrap();
    queue(&region).send(2).unwrap();
    children::say("attached");
    let _ = children::hear();
}

/// `exec` ends an attachment as death does, though the process id lives on; the new program is a new participant.
#[test]
fn exec_ends_an_attachment() {
    let _watchdog = Watchdog::new(LIMIT, "exec_ends_an_attachment");
    let name = TempName::new("exec");
    let region = Region::create(name.as_str()).unwrap();
    let mut child = children::spawn("execs", &[("name", name.as_str())]);
    child.expect("attached");
    let before = others(&region);
    assert!(before.len() == 1 && before[0].alive && before[0].pid == child.pid() as u32, "{before:?}");
    child.say("exec");
    child.expect("executed");
    let after = others(&region);
    assert!(after.len() == 1 && !after[0].alive, "{after:?}");
    assert_eq!(region.recover().unwrap(), 1);
    child.say("open");
    child.expect("attached");
    assert!(others(&region).iter().all(|participant| participant.alive));
    let queue = queue(&region);
    assert_eq!([queue.try_recv(), queue.try_recv()], [Ok(1), Ok(2)]);
    child.sigkill();
}

fn another_namespace(_: &Args) {
    // SAFETY: no memory is passed. Root needs no user namespace; others do.
    let unshared = unsafe {
        libc::unshare(libc::CLONE_NEWPID) == 0 || libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWPID) == 0
    };
    assert!(unshared, "this test needs a PID namespace: {}", std::io::Error::last_os_error());
    let mut first = again("first_process").spawn().unwrap();
    assert!(!first.wait().unwrap().success());
    children::say("killed");
    let _ = children::hear();
}

fn first_process(args: &Args) {
    assert_eq!(std::process::id(), 1, "the first of its namespace");
    let region = Region::open(&args.get("name")).unwrap();
    let (there, back) = (queue(&region), region.queue::<u64>("back").open().unwrap());
    there.send(u64::from(std::process::id())).unwrap();
    children::say("attached");
    assert_eq!(back.recv().unwrap(), 7);
    there.send(8).unwrap();
    // Its end comes as an error of its own: as good as a kill, and nobody outside has to know its number.
    assert_eq!(back.recv().unwrap(), 9);
    // SAFETY: no memory is passed.
    unsafe { libc::_exit(9) };
}

/// Process ids of another namespace mean nothing here, and nothing depends on them.
#[test]
fn another_pid_namespace() {
    let _watchdog = Watchdog::new(LIMIT, "another_pid_namespace");
    let name = TempName::new("pidns");
    let region = Region::create(name.as_str()).unwrap();
    let (there, back) = (queue(&region), region.queue::<u64>("back").capacity(8).create().unwrap());
    let mut child = children::spawn("another_namespace", &[("name", name.as_str())]);
    child.expect("attached");
    assert_eq!(there.recv().unwrap(), 1, "its number, which is somebody else's here");
    let guests = others(&region);
    assert!(guests.len() == 1 && guests[0].alive && guests[0].pid == 1, "{guests:?}");
    assert_eq!(region.recover().unwrap(), 0, "process 1 is alive there");
    back.send(7).unwrap();
    assert_eq!(there.recv().unwrap(), 8);
    back.send(9).unwrap();
    child.expect("killed");
    // Process 1 of this namespace is alive and well.
    let guests = others(&region);
    assert!(guests.len() == 1 && !guests[0].alive, "{guests:?}");
    assert_eq!(region.recover().unwrap(), 1);
    assert!(others(&region).is_empty());
    child.sigkill();
}

const NOBODY: u32 = 65534;

/// Another user: is kept out of what is not its own, and leaves a region that is its own.
fn nobody(args: &Args) {
    // SAFETY: no memory is passed.
    assert_eq!(unsafe { libc::setgid(NOBODY) | libc::setuid(NOBODY) }, 0);
    let error = Region::open(&args.get("name")).unwrap_err();
    let RegionErrorKind::PermissionDenied { owner, mode } = error.kind() else { panic!("{error}") };
    assert_eq!((*owner, *mode), (Some(0), Some(0o600)), "{error}");
    Region::create(&args.get("mine")).unwrap();
    children::say("created");
}

/// A region of root's keeps others out; one of theirs is not trusted by root unless it says so. Only root can be two users.
#[test]
fn other_users() {
    // SAFETY: takes nothing.
    if unsafe { libc::geteuid() } != 0 {
        return;
    }
    let _watchdog = Watchdog::new(LIMIT, "other_users");
    let (name, mine) = (TempName::new("owner"), TempName::new("owned"));
    let _region = Region::create(name.as_str()).unwrap();
    let mut child = children::spawn("nobody", &[("name", name.as_str()), ("mine", mine.as_str())]);
    child.expect("created");
    let error = Region::open(mine.as_str()).unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::Owner { found: NOBODY, expected: 0 }), "{error}");
    assert!(Region::options().trust_user(NOBODY).open(mine.as_str()).is_ok());
    assert!(child.wait().success());
}
