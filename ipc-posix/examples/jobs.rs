//! The code of the README: two sides that know a name and a type. Here one process plays both.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let name = format!("jobs-{}", std::process::id());
    let result = producer(&name).and_then(|()| worker(&name));
    // Dropping handles removes nothing.
    ipc_posix::Region::unlink(&name)?;
    result
}

// In the README from here
use bytemuck::{Pod, Zeroable};
use ipc_posix::Region;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Job {
    number: u64,
    width: u32,
    height: u32,
}

/// One program. Whoever comes first creates the region, in one atomic step.
fn producer(name: &str) -> Result<(), Box<dyn Error>> {
    let region = Region::options().size(1 << 20).open_or_create(name)?;
    let jobs = region.queue::<Job>("jobs").capacity(1024).open_or_create()?;
    jobs.send(Job { number: 1, width: 640, height: 480 })?;
    jobs.send(Job { number: 2, width: 1920, height: 1080 })?;
    jobs.close();
    Ok(())
}

/// Another program, started by anybody, at any time, as often as you like.
fn worker(name: &str) -> Result<(), Box<dyn Error>> {
    let region = Region::open(name)?;
    let jobs = region.queue::<Job>("jobs").open()?;
    // Ends when the queue is closed and drained.
    for job in &jobs {
        println!("job {}: {} x {}", job.number, job.width, job.height);
    }
    Ok(())
}
// to here.
