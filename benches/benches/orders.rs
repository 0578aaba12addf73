//! What does another order than that of sending cost, and what a lease of each message?
//!
//! Messages of 8 bytes from one process to another, one by one and with the library's waiting: through the queue, and through what
//! gives them out in another order, or until they are done. With priorities there are three, in turn. Beside work queues there is
//! Python's `JoinableQueue`, without a bound: one process puts, another one gets and calls `task_done`.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::process::Command;
use std::time::Duration;

use benches::contest::{self, Contender};
use benches::link::{self, Link, Result};
use benches::peers::{posix_mq, posix_mq_with_priorities};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::ways::{self, BLOCK, LOOK};
use benches::{pin, second};

const QUESTION: &str = "orders";

/// Jobs of Python's that take some tens of milliseconds.
const PYTHON: u64 = 1 << 12;

/// Jobs from one process to another, until all are done. Prints the seconds.
const SCRIPT: &str = "
import sys, time
from multiprocessing import Barrier, JoinableQueue, Process
def send(jobs, gate, n):
    gate.wait()
    for job in range(n):
        jobs.put(job)
    jobs.join()
if __name__ == '__main__':
    n = int(sys.argv[1])
    jobs, gate = JoinableQueue(), Barrier(2)
    sender = Process(target=send, args=(jobs, gate, n))
    sender.start()
    gate.wait()
    begun = time.perf_counter()
    for _ in range(n):
        jobs.get()
        jobs.task_done()
    print(time.perf_counter() - begun)
    sender.join()
";

fn links() -> Vec<Link> {
    vec![
        ways::queue::<1, LOOK>(),
        ways::stack::<1, LOOK>(),
        ways::priority::<1, LOOK>(),
        ways::levels::<1, LOOK>(),
        ways::work::<1, LOOK>(),
        ways::queue::<1, BLOCK>(),
        ways::stack::<1, BLOCK>(),
        ways::priority::<1, BLOCK>(),
        ways::levels::<1, BLOCK>(),
        ways::work::<1, BLOCK>(),
        posix_mq_with_priorities::<1>(),
    ]
}

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return link::play(role, &links());
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    let mut contenders = Vec::new();
    let mut links = links();
    if let Err(error) = posix_mq::create(1, 8) {
        println!("no POSIX message queues here: {error}");
        links.pop();
    }
    for link in links {
        contenders.push(Contender::new(link.name, 1 << 18, link::between_processes(cpus, &link)?));
    }
    contenders.push(Contender::new("JoinableQueue", PYTHON, joinable_queue));
    contest::contest(&mut criterion, &mut samples, QUESTION, &mut contenders);
    criterion.final_summary();
    samples.save("orders")?;
    let speed = |name, ours, others, bar| Ratio { name, of: Of::Speed, ours, others, bar };
    print!(
        "{}",
        samples.table(&[
            speed("stack/queue", "orders/ours, stack", &["orders/ours, queue"], Bar::AtLeast(0.5)),
            speed("stack/queue, blocking", "orders/stack, blocking", &["orders/queue, blocking"], Bar::AtLeast(0.5)),
            speed("priority/queue", "orders/ours, priority", &["orders/ours, queue"], Bar::AtLeast(0.4)),
            speed(
                "priority/queue, blocking",
                "orders/priority, blocking",
                &["orders/queue, blocking"],
                Bar::AtLeast(0.4)
            ),
            speed(
                "priority/POSIX mq, blocking",
                "orders/priority, blocking",
                &["orders/POSIX mq, priorities"],
                Bar::AtLeast(5.0)
            ),
            speed("levels/queue", "orders/ours, levels", &["orders/ours, queue"], Bar::AtLeast(0.4)),
            speed("levels/queue, blocking", "orders/levels, blocking", &["orders/queue, blocking"], Bar::AtLeast(0.4)),
            speed(
                "levels/POSIX mq, blocking",
                "orders/levels, blocking",
                &["orders/POSIX mq, priorities"],
                Bar::AtLeast(5.0)
            ),
            speed("work queue/queue", "orders/ours, work queue", &["orders/ours, queue"], Bar::AtLeast(0.5)),
            speed(
                "work queue/queue, blocking",
                "orders/work queue, blocking",
                &["orders/queue, blocking"],
                Bar::AtLeast(0.5),
            ),
            speed(
                "work queue/JoinableQueue",
                "orders/ours, work queue",
                &["orders/JoinableQueue"],
                Bar::AtLeast(100.0)
            ),
            speed(
                "work queue/JoinableQueue, blocking",
                "orders/work queue, blocking",
                &["orders/JoinableQueue"],
                Bar::AtLeast(100.0),
            ),
        ])
    );
    Ok(())
}

fn joinable_queue(n: u64) -> Duration {
    let output = Command::new("python3").args(["-c", SCRIPT, &n.to_string()]).output().expect("python3 starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let seconds = text.trim().parse().unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    Duration::from_secs_f64(seconds)
}
