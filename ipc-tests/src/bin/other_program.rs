//! A program that knows one task, for tests that start another program than their own. With a pool's name it is a worker of that.

fn twice(number: u64) -> u64 {
    2 * number
}

#[cfg(not(loom))]
ipc_posix::task!(twice, name = "twice", schema = 2);

fn main() {
    #[cfg(not(loom))]
    {
        ipc_posix::process::init();
        if let Some(pool) = std::env::args().nth(1) {
            let served = ipc_posix::pool::worker(&pool).run();
            return println!("{served:?}");
        }
    }
    println!("{} is not started for a task", twice(21));
}
