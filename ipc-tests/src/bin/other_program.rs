//! A program that knows one task, for tests that start another program than their own.

fn twice(number: u64) -> u64 {
    2 * number
}

#[cfg(not(loom))]
ipc_posix::task!(twice, name = "twice", schema = 2);

fn main() {
    #[cfg(not(loom))]
    ipc_posix::process::init();
    println!("{} is not started for a task", twice(21));
}
