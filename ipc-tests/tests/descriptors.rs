//! Regions that come as a descriptor: inherited, passed on over Unix sockets, kept across `exec`; one descriptor goes to several
//! processes, its giver dies, and strangers get it.

#![cfg(not(loom))]

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use ipc_posix::{Participant, Queue, Region, RegionErrorKind, TryRecvError};
use ipc_tests::children::{self, Args, Child, ROLE_VARIABLE, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[
    ("inherits", inherits),
    ("is_sent", is_sent),
    ("founds", founds),
    ("passes_on", passes_on),
    ("execs", execs),
    ("executed", executed),
    ("stranger", stranger),
    ("truncates", truncates),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn others(region: &Region) -> Vec<Participant> {
    region.participants().into_iter().filter(|participant| !participant.is_me).collect()
}

/// The living and the dead among the others, by process id.
fn by_pid(region: &Region) -> (Vec<u32>, Vec<u32>) {
    let (living, dead): (Vec<_>, Vec<_>) = others(region).into_iter().partition(|participant| participant.alive);
    let pids = |participants: Vec<Participant>| participants.iter().map(|participant| participant.pid).collect();
    (pids(living), pids(dead))
}

fn make_queues(region: &Region) -> (Queue<u64>, Queue<u64>) {
    (region.queue("there").capacity(4).create().unwrap(), region.queue("back").capacity(4).create().unwrap())
}

fn queues(region: &Region) -> (Queue<u64>, Queue<u64>) {
    (region.queue("there").open().unwrap(), region.queue("back").open().unwrap())
}

/// Sends back each number plus one.
fn echo(region: &Region) {
    let (there, back) = queues(region);
    children::say("attached");
    while let Ok(number) = there.recv() {
        back.send(number + 1).unwrap();
    }
}

/// Messages go both ways: more than fit at once.
fn converse((there, back): &(Queue<u64>, Queue<u64>)) {
    for number in 0..50 {
        there.send(number).unwrap();
        assert_eq!(back.recv(), Ok(number + 1));
    }
}

/// A descriptor that children inherit.
fn inheritable(region: &Region) -> OwnedFd {
    let fd = region.try_clone_fd().unwrap();
    // SAFETY: an open descriptor, whose only flag is close-on-exec.
    assert_eq!(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) }, 0);
    fd
}

fn own(args: &Args) -> OwnedFd {
    // SAFETY: our parent left this descriptor open for us, and nobody else here owns it.
    unsafe { OwnedFd::from_raw_fd(args.number("fd") as RawFd) }
}

fn inherits(args: &Args) {
    echo(&Region::from_fd(own(args)).unwrap());
}

/// One open file description, inherited by three at once: if a lock lay on it, all would live as long as one. Each has a life of
/// its own, and the place of each that is killed is given to the next.
#[test]
fn heirs_of_one_descriptor_die_one_by_one() {
    let _watchdog = Watchdog::new(LIMIT, "heirs_of_one_descriptor_die_one_by_one");
    let region = Region::options().participants(4).anonymous().unwrap();
    let queues = make_queues(&region);
    let fd = inheritable(&region);
    let spawn = || {
        let mut heir = children::spawn("inherits", &[("fd", &fd.as_raw_fd().to_string())]);
        heir.expect("attached");
        heir
    };
    let mut heirs: Vec<Child> = (0..3).map(|_| spawn()).collect();
    assert_eq!(by_pid(&region), (heirs.iter().map(Child::pid).collect(), vec![]));
    for _ in 0..8 {
        let mut victim = heirs.remove(0);
        let place = others(&region).into_iter().find(|heir| heir.pid == victim.pid()).unwrap();
        victim.sigkill();
        let (living, dead) = by_pid(&region);
        assert!(heirs.iter().all(|heir| living.contains(&heir.pid())) && living.len() == 2, "{living:?}");
        assert_eq!(dead, [victim.pid()]);
        converse(&queues);
        heirs.push(spawn());
        // The table is full: there was no other place for it.
        let next = others(&region).into_iter().find(|heir| heir.pid == heirs[2].pid()).unwrap();
        assert_eq!((next.number, next.epoch), (place.number, place.epoch + 1));
        converse(&queues);
    }
    queues.0.close().unwrap();
    assert!(heirs.iter_mut().all(|heir| heir.wait().success()));
    assert!(others(&region).is_empty(), "those who left in peace left nothing");
}

fn is_sent(args: &Args) {
    let stream = UnixStream::connect(args.get("socket")).unwrap();
    // Sealed, as the library makes them: whichever process sent it, nobody can take the memory away.
    echo(&Region::options().require_seals(true).from_fd(receive_fd(&stream)).unwrap());
}

/// Makes an anonymous region, sends two copies of its descriptor over one socket, and waits for its end.
fn founds(args: &Args) {
    let region = Region::options().anonymous().unwrap();
    let (there, _) = make_queues(&region);
    // Left behind in the region.
    there.send(41).unwrap();
    let stream = UnixStream::connect(args.get("socket")).unwrap();
    for _ in 0..2 {
        send_fd(&stream, region.try_clone_fd().unwrap().as_fd());
    }
    drop(stream);
    children::say("sent");
    let _ = children::hear();
}

/// Hands a descriptor on that it got, without ever opening the region.
fn passes_on(args: &Args) {
    let from = UnixStream::connect(args.get("socket")).unwrap();
    let fd = receive_fd(&from);
    let to = UnixListener::bind(args.get("next")).unwrap();
    children::say("listening");
    send_fd(&to.accept().unwrap().0, fd.as_fd());
    children::say("passed on");
    let _ = children::hear();
}

/// The founder dies before anybody has opened the region: two descriptors on their way in a socket are all that is left of it.
/// One of them comes over a third process. The first to open it takes the founder's place and finds what was there; then one of
/// the finders is killed as well.
#[test]
fn an_anonymous_region_outlives_its_founder() {
    let _watchdog = Watchdog::new(LIMIT, "an_anonymous_region_outlives_its_founder");
    let [name, middle, next] = ["socket", "middle", "next"].map(TempName::new);
    let listen = |name: &TempName| UnixListener::bind(name.path()).unwrap();
    let listener = listen(&name);
    let mut founder = children::spawn("founds", &[("socket", name.path().to_str().unwrap())]);
    let (stream, _) = listener.accept().unwrap();
    founder.expect("sent");
    founder.sigkill();

    let region = Region::from_fd(receive_fd(&stream)).unwrap();
    let everybody = region.participants();
    assert!(everybody.len() == 1 && everybody[0].is_me, "{everybody:?}");
    assert_eq!((everybody[0].number, everybody[0].epoch), (1, 2), "the dead founder's place");
    assert!(region.path().is_none() && !region.is_orphaned());
    let queues = queues(&region);
    assert_eq!(queues.0.recv(), Ok(41));

    let relay = listen(&middle);
    let args =
        [("socket", middle.path().to_str().unwrap().to_owned()), ("next", next.path().to_str().unwrap().to_owned())];
    let mut messenger = children::spawn("passes_on", &args.each_ref().map(|(key, value)| (*key, value.as_str())));
    send_fd(&relay.accept().unwrap().0, receive_fd(&stream).as_fd());
    messenger.expect("listening");
    let mut finder = children::spawn("is_sent", &[("socket", next.path().to_str().unwrap())]);
    messenger.expect("passed on");
    finder.expect("attached");
    assert_eq!(by_pid(&region), (vec![finder.pid()], vec![]), "the messenger is none of them");
    converse(&queues);
    finder.sigkill();
    assert_eq!(by_pid(&region), (vec![], vec![finder.pid()]));
    assert_eq!(region.recover().unwrap(), 1);
    queues.0.try_send(1).unwrap();
    assert_eq!(queues.0.try_recv(), Ok(1));
    assert_eq!(queues.1.try_recv(), Err(TryRecvError::Empty));
}

/// Opens a region by name, and replaces its program while it holds a descriptor that stays open.
fn execs(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let (_, back) = queues(&region);
    let fd = inheritable(&region);
    // A second attachment of the same process, through a descriptor: it ends as well.
    let _second = Region::from_fd(&fd).unwrap();
    back.send(1).unwrap();
    children::say("attached");
    assert_eq!(children::hear(), "exec");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(std::env::args().skip(1)).env(ROLE_VARIABLE, "executed");
    command.env("IPC_TESTS_ARG_fd", fd.as_raw_fd().to_string());
    panic!("{}", command.exec());
}

/// Has nothing of its predecessor's but the descriptor.
fn executed(args: &Args) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains(&args.get("name")), "no mapping survives: {maps}");
    let fd = own(args);
    children::say("executed");
    assert_eq!(children::hear(), "open");
    let (by_name, by_fd) = (Region::open(&args.get("name")).unwrap(), Region::from_fd(&fd).unwrap());
    assert_eq!(by_name.identity(), by_fd.identity());
    echo(&by_fd);
}

/// `exec` ends all attachments of a process, though its id lives on and though a descriptor of the region stays open. Those that have
/// the region notice nothing else, and the new program is two newcomers: by name, and by what it inherited.
#[test]
fn a_descriptor_kept_across_exec_is_no_life() {
    let _watchdog = Watchdog::new(LIMIT, "a_descriptor_kept_across_exec_is_no_life");
    let name = TempName::new("exec");
    let region = Region::create(name.as_str()).unwrap();
    let queues = make_queues(&region);
    let mut child = children::spawn("execs", &[("name", name.as_str())]);
    child.expect("attached");
    let pid = child.pid();
    assert_eq!(by_pid(&region), (vec![pid, pid], vec![]));
    child.say("exec");
    child.expect("executed");
    assert_eq!(by_pid(&region), (vec![], vec![pid, pid]));
    assert_eq!(queues.1.recv(), Ok(1), "what it had sent is there");
    assert_eq!(region.recover().unwrap(), 2);
    assert!(others(&region).is_empty());
    child.say("open");
    child.expect("attached");
    assert_eq!(by_pid(&region), (vec![pid, pid], vec![]));
    converse(&queues);
    queues.0.close().unwrap();
    assert!(child.wait().success());
    assert!(others(&region).is_empty() && region.is_usable() && !region.is_orphaned());
}

/// The region's name is removed before the descriptor is opened: it means the old region, and a name the new one.
#[test]
fn a_descriptor_means_the_region_that_it_was_made_of() {
    let _watchdog = Watchdog::new(LIMIT, "a_descriptor_means_the_region_that_it_was_made_of");
    let name = TempName::new("removed");
    let region = Region::create(name.as_str()).unwrap();
    let queues = make_queues(&region);
    let fd = inheritable(&region);
    Region::unlink(name.as_str()).unwrap();
    let new = Region::create(name.as_str()).unwrap();
    let mut heir = children::spawn("inherits", &[("fd", &fd.as_raw_fd().to_string())]);
    heir.expect("attached");
    assert!(region.is_orphaned() && others(&new).is_empty());
    assert_eq!(by_pid(&region), (vec![heir.pid()], vec![]));
    converse(&queues);
    heir.sigkill();
    assert_eq!(by_pid(&region), (vec![], vec![heir.pid()]));
}

const NOBODY: u32 = 65534;

/// Another user, with a descriptor in hand: says what becomes of it.
fn stranger(args: &Args) {
    // SAFETY: no memory is passed.
    assert_eq!(unsafe { libc::setgid(NOBODY) | libc::setuid(NOBODY) }, 0);
    match Region::from_fd(own(args)) {
        Ok(region) => echo(&region),
        Err(error) => children::say(&error.to_string()),
    }
}

/// A descriptor is no permission: the region's mode says whether another user can have it. Only root can be two users.
#[test]
fn a_stranger_needs_more_than_a_descriptor() {
    // SAFETY: takes nothing.
    if unsafe { libc::geteuid() } != 0 {
        println!("not tested: only root can play two users");
        return;
    }
    let _watchdog = Watchdog::new(LIMIT, "a_stranger_needs_more_than_a_descriptor");
    for (mode, line) in [(0o600, "region \"(descriptor)\": "), (0o666, "attached")] {
        let region = Region::options().mode(mode).anonymous().unwrap();
        let queues = make_queues(&region);
        let fd = inheritable(&region);
        let mut stranger = children::spawn("stranger", &[("fd", &fd.as_raw_fd().to_string())]);
        let said = stranger.hear();
        assert!(said.starts_with(line), "{said}");
        if mode == 0o600 {
            assert!(said.contains("ermission denied"), "{said}");
            assert!(others(&region).is_empty());
        } else {
            converse(&queues);
            stranger.sigkill();
            assert_eq!(by_pid(&region), (vec![], vec![stranger.pid()]));
        }
    }
}

/// Tries everything that would take the memory away from under the others.
fn truncates(args: &Args) {
    let fd = own(args);
    let raw = fd.as_raw_fd();
    // SAFETY: an open descriptor and plain numbers.
    let results = unsafe {
        [
            libc::ftruncate(raw, 0),
            libc::ftruncate(raw, 1 << 30),
            libc::fallocate(raw, 0, 0, 1 << 30),
            libc::fcntl(raw, libc::F_ADD_SEALS, libc::F_SEAL_WRITE),
        ]
    };
    assert_eq!(results, [-1; 4]);
    children::say("tried");
}

/// A guest with a descriptor of an anonymous region cannot resize it. One of a file can: openers who care ask for seals.
#[test]
fn guests_cannot_take_an_anonymous_region_away() {
    let _watchdog = Watchdog::new(LIMIT, "guests_cannot_take_an_anonymous_region_away");
    let region = Region::options().anonymous().unwrap();
    let (there, _) = make_queues(&region);
    there.send(5).unwrap();
    let fd = inheritable(&region);
    let mut guest = children::spawn("truncates", &[("fd", &fd.as_raw_fd().to_string())]);
    guest.expect("tried");
    assert!(guest.wait().success());
    assert_eq!(there.recv(), Ok(5));

    let name = TempName::new("unsealed");
    let file = Region::create(name.as_str()).unwrap().try_clone_fd().unwrap();
    let error = Region::options().require_seals(true).from_fd(&file).unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::NotSealed), "{error}");
    assert!(Region::from_fd(&file).is_ok());
}

/// Room for one descriptor, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

fn send_fd(stream: &UnixStream, fd: std::os::fd::BorrowedFd<'_>) {
    let byte = [0_u8];
    let mut data = IoSlice::new(&byte);
    let mut control = Control([0; 64]);
    // SAFETY: the message points to one buffer of data and one of control, which outlive the call; the macros stay inside
    // the control buffer, which is larger than they say.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = std::ptr::from_mut(&mut data).cast();
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(size_of::<RawFd>() as u32) as usize;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as usize;
        libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(fd.as_raw_fd());
        libc::sendmsg(stream.as_raw_fd(), &message, 0)
    };
    assert_eq!(sent, 1, "sendmsg: {}", std::io::Error::last_os_error());
}

fn receive_fd(stream: &UnixStream) -> OwnedFd {
    let mut byte = [0_u8];
    let mut data = IoSliceMut::new(&mut byte);
    let mut control = Control([0; 64]);
    // SAFETY: as above; the descriptor that came is new and ours.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = std::ptr::from_mut(&mut data).cast();
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = control.0.len();
        assert_eq!(libc::recvmsg(stream.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC), 1);
        let header = libc::CMSG_FIRSTHDR(&message);
        assert!(!header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS);
        OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned())
    }
}
