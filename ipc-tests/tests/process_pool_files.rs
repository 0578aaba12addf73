//! Open files, connections, and regions without a name as arguments of a pool's calls.

#![cfg(all(not(loom), target_os = "linux"))]

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipc_posix::pool::{self, CallError, PoolOptions};
use ipc_posix::process::{self, Descriptor};
use ipc_posix::{Queue, Region, task};
use ipc_tests::watchdog::Watchdog;

/// Generous: a busy machine is no failure.
const LIMIT: Duration = Duration::from_secs(300);

ipc_posix::task_entry!();

fn two() -> PoolOptions {
    pool::options().workers(2)
}

/// A file with this number in it.
fn file(number: usize) -> Descriptor {
    let (reader, mut writer) = std::io::pipe().unwrap();
    write!(writer, "{number}").unwrap();
    reader.into()
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn upper_case(connection: Descriptor, times: usize) {
    let mut connection = TcpStream::from(connection.into_inner());
    for _ in 0..times {
        let mut text = [0; 5];
        connection.read_exact(&mut text).unwrap();
        connection.write_all(&text.to_ascii_uppercase()).unwrap();
    }
}
task!(upper_case);

/// In a process of its own, which has no files of other tests.
fn serve_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let pool = two().start().unwrap();
    let before = open_files();
    for times in 1..20 {
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let served = pool.submit(upper_case, (listener.accept().unwrap().0.into(), times)).unwrap();
        client.write_all(&b"hello".repeat(times)).unwrap();
        let mut text = String::new();
        // The end of the file comes when neither the worker nor the pool has it any more.
        client.read_to_string(&mut text).unwrap();
        served.get().unwrap();
        assert_eq!(text, "HELLO".repeat(times));
    }
    assert_eq!(open_files(), before);
}
task!(serve_connections);

#[test]
fn connections_go_to_workers() {
    let _watchdog = Watchdog::new(LIMIT, "connections_go_to_workers");
    process::spawn(serve_connections, ()).unwrap().join().unwrap();
}

fn read(file: Descriptor, repeat: usize) -> String {
    std::io::read_to_string(File::from(file.into_inner())).unwrap().repeat(repeat)
}
task!(read);

fn count_files(_: Vec<Descriptor>) -> usize {
    open_files()
}
task!(count_files);

/// In a process of its own.
fn map_files() {
    let pool = two().start().unwrap();
    let before = open_files();
    // More than go with one message; and results of which two are longer than a message.
    for (chunk, repeat) in [(1, 1), (300, 1), (7, 4000)] {
        let results = pool.map_with(chunk, read, (0..400).map(|number| (file(number), repeat))).unwrap();
        let wanted: Vec<_> = (0..400).map(|number| number.to_string().repeat(repeat)).collect();
        assert!(results == wanted, "chunks of {chunk}");
    }
    assert_eq!(open_files(), before);
    // Whatever came has been closed: the first of a worker's calls has as many open as the last.
    let pool = pool::options().workers(1).start().unwrap();
    let counts = pool.map_with(1, count_files, (0..50).map(|number| vec![file(number)])).unwrap();
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}
task!(map_files);

#[test]
fn files_keep_the_order_of_a_map() {
    let _watchdog = Watchdog::new(LIMIT, "files_keep_the_order_of_a_map");
    process::spawn(map_files, ()).unwrap().join().unwrap();
}

/// Ends its process if the file says so. What it has read is read.
fn read_or_leave(file: Descriptor) -> String {
    let (mut file, mut first) = (File::from(file.into_inner()), [0]);
    file.read_exact(&mut first).unwrap();
    if first == *b"x" {
        std::process::exit(1);
    }
    let mut text = String::from_utf8(first.to_vec()).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}
task!(read_or_leave);

#[test]
fn the_next_worker_gets_the_file_of_one_that_died() {
    let _watchdog = Watchdog::new(LIMIT, "the_next_worker_gets_the_file_of_one_that_died");
    let pool = two().start().unwrap();
    let file = || {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"xxrest").unwrap();
        Descriptor::from(reader)
    };
    let texts = pool.map_with(1, read_or_leave, (0..10).map(|_| file())).unwrap();
    assert!(texts.iter().all(|text| text == "rest"), "{texts:?}");
}

#[test]
fn files_come_while_workers_are_killed() {
    let _watchdog = Watchdog::new(LIMIT, "files_come_while_workers_are_killed");
    let pool = two().attempts(63).start().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(pid) = pool.stats().workers[round % 2].pid {
                    // SAFETY: no memory is passed. It is a child of this process, or has been one a moment ago.
                    unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
                }
                std::thread::sleep(Duration::from_millis(round as u64 * 7 % 20));
            }
        });
        // A worker may be killed when it has read a pipe, so these are files that have an address.
        let root = || vec![Descriptor::from(File::open("/proc/self/status").unwrap())];
        for result in pool.stream(count_files, (0..300).map(|_| root())) {
            assert!(result.unwrap() > 3);
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn tell(queue: Queue<u64>, number: u64) {
    queue.send(number).unwrap();
}
task!(tell);

thread_local! {
    static PREPARED: RefCell<Option<(Queue<u64>, String)>> = const { RefCell::new(None) };
}

fn prepare(queue: Queue<u64>, file: Descriptor) {
    PREPARED.set(Some((queue, read(file, 1))));
}
task!(prepare);

fn tell_prepared() -> String {
    PREPARED.with_borrow(|prepared| {
        let (queue, text) = prepared.as_ref().unwrap();
        queue.send(7).unwrap();
        text.clone()
    })
}
task!(tell_prepared);

#[test]
fn handles_of_regions_without_a_name_are_arguments() {
    let _watchdog = Watchdog::new(LIMIT, "handles_of_regions_without_a_name_are_arguments");
    let region = Region::options().anonymous().unwrap();
    let queue = region.queue::<u64>("told").capacity(64).create().unwrap();
    let prepared = std::env::temp_dir().join(format!("ipc-tests-prepared-{}", std::process::id()));
    std::fs::write(&prepared, "prepared").unwrap();
    // One that can be read again by the next worker, and by each.
    let status = Descriptor::from(File::open(&prepared).unwrap());
    std::fs::remove_file(&prepared).unwrap();
    let pool = pool::options().workers(1).initializer(prepare, (queue.clone(), status)).start().unwrap();
    for chunk in [1, 5] {
        pool.map_with(chunk, tell, (0..10).map(|number| (queue.clone(), number))).unwrap();
        let told: u64 = (0..10).map(|_| queue.try_recv().unwrap()).sum();
        assert_eq!(told, 45);
    }
    assert_eq!(pool.apply(tell_prepared, ()).unwrap(), "prepared");
    assert_eq!(queue.try_recv().unwrap(), 7);
}

fn give_back(file: Descriptor) -> Descriptor {
    file
}
task!(give_back);

/// From now on this process can open nothing more.
fn open_no_more() {
    let next = File::open("/dev/null").unwrap().as_raw_fd();
    let limit = libc::rlimit { rlim_cur: next as u64, rlim_max: 512 };
    // SAFETY: the value lives until the call is over.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}
task!(open_no_more);

#[test]
fn what_cannot_go_along_is_an_error() {
    let _watchdog = Watchdog::new(LIMIT, "what_cannot_go_along_is_an_error");
    let pool = pool::options().workers(1).start().unwrap();
    let back = pool.apply(give_back, file(1)).unwrap_err();
    assert!(matches!(back, CallError::Result { .. }), "{back}");
    let many = pool.apply(count_files, (0..252).map(file).collect()).unwrap_err();
    assert!(many.to_string().ends_with("at most 251 go with arguments"), "{many}");
    assert!(pool.apply(count_files, (0..251).map(file).collect()).unwrap() > 251);
    pool.apply(open_no_more, ()).unwrap();
    let none = pool.apply(count_files, vec![file(1)]).unwrap_err();
    assert!(none.to_string().contains("0 of 1 open files have arrived"), "{none}");
}
