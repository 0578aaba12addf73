//! A queue without an operating system: a static region, two threads, a platform that spins.
//!
//! On bare metal the two threads are two cores (or a core and its interrupt handlers), and the platform sleeps with
//! whatever the hardware has.

use ipc_core::memory::StaticMemory;
use ipc_core::object::Blueprint;
use ipc_core::platform::SpinPlatform;
use ipc_core::queue::{Options, Queue};

/// Bytes of a queue of eight numbers.
const BYTES: usize = Queue::<u32, SpinPlatform>::footprint(8).bytes() as usize;

static SHARED: StaticMemory<BYTES> = StaticMemory::new();

const MESSAGES: u32 = 100_000;

fn main() {
    // SAFETY: nobody else uses this memory yet.
    let queue = unsafe { Options::<u32>::new(8).create(SHARED.memory(), SpinPlatform::new(1)) };
    let queue = queue.expect("the memory is large enough");

    let producer = std::thread::spawn(|| {
        // The other side knows nothing but the memory: it attaches, and is told what differs if anything does.
        let queue =
            Options::<u32>::new(0).attach(SHARED.memory(), SpinPlatform::new(2)).expect("it was created before");
        for number in 0..MESSAGES {
            queue.send(number).expect("nobody closes before the end");
        }
        queue.close().expect("the memory is here");
    });

    let mut received = 0;
    while let Ok(number) = queue.recv() {
        assert_eq!(number, received, "in order, none lost, none doubled");
        received += 1;
    }
    producer.join().expect("the producer ends");
    assert_eq!(received, MESSAGES);
    println!("{received} numbers through {BYTES} bytes, all received in order");
}
