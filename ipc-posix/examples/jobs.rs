//! `cargo run send` sends three jobs, `cargo run work` does them: in any order, as often as you like.

use std::error::Error;

use ipc_posix::bytemuck::{Pod, Zeroable};
use ipc_posix::{Queue, Region};

#[derive(Clone, Copy, Pod, Zeroable)]
#[bytemuck(crate = "ipc_posix::bytemuck")]
#[repr(C)]
struct Job {
    number: u64,
    width: u32,
    height: u32,
}

/// The first process creates the region and the queue in it; the others open them.
fn jobs() -> Result<Queue<Job>, ipc_posix::Error> {
    let region = Region::options().size(1 << 20).open_or_create("orders")?;
    Ok(region.queue("jobs").capacity(1024).open_or_create()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("send") => {
            let jobs = jobs()?;
            for number in 1..=3 {
                jobs.send(Job { number, width: 640, height: 480 })?;
            }
        }
        Some("work") => {
            // Blocks while the queue is empty. It would end if somebody closed the queue.
            for job in &jobs()? {
                println!("job {}: {} x {}", job.number, job.width, job.height);
            }
        }
        _ => return Err("say `send` or `work`".into()),
    }
    Ok(())
}
