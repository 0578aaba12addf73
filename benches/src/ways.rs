//! The ways of this repository from one process to another, for messages of `W` words, and the floor under them: the same code for all
//! questions.
//!
//! `P` says how a side waits: [`BLOCK`], [`LOOK`], or the pauses between two looks of a side that polls.

use std::cell::UnsafeCell;
use std::hint;
use std::io::{Read, Write};
use std::slice::{from_mut, from_ref};
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use ipc_posix::{
    ByteQueue, LevelQueue, LoanQueue, Pipe, PriorityQueue, Queue, Region, Spsc, Stack, WorkLease, WorkQueue,
};

use crate::floor::{Shared, Zeroed};
use crate::link::{Link, Result};
use crate::message::{BLOCKS, held, key, receiver, sender, unordered};
use crate::ours::fresh_name;

/// Both sides block in the library's calls.
pub const BLOCK: usize = 0;

/// Both sides look once, and back off as all contenders do.
pub const LOOK: usize = usize::MAX;

fn name<const P: usize>(object: &str) -> &'static str {
    match P {
        BLOCK => format!("{object}, blocking").leak(),
        LOOK => format!("ours, {object}").leak(),
        pauses => format!("{object}, {pauses} pauses").leak(),
    }
}

/// Looks until there is something, unless it is somebody else's business to check again.
#[inline(always)]
fn poll<const P: usize>(mut look: impl FnMut() -> bool) -> bool {
    loop {
        let found = look();
        if found || P == LOOK {
            return found;
        }
        for _ in 0..P {
            hint::spin_loop();
        }
    }
}

fn region(footprint: ipc_posix::Footprint) -> Result<(String, Region)> {
    let name = fresh_name("ways");
    let region = Region::options().fit(&[footprint]).remove_with_last(true).create(&name)?;
    Ok((name, region))
}

/// The queue, by value.
#[must_use]
pub fn queue<const W: usize, const P: usize>() -> Link {
    Link {
        name: name::<P>("queue"),
        create: || {
            let capacity = held(W);
            let (name, region) = region(Queue::<[u64; W]>::footprint(capacity))?;
            let queue = region.queue::<[u64; W]>("messages").capacity(capacity).create()?;
            let receive = move |out: &mut [u64; W]| {
                if P == BLOCK {
                    queue.recv().map(|message| *out = message).is_ok()
                } else {
                    poll::<P>(|| queue.try_recv().map(|message| *out = message).is_ok())
                }
            };
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let queue = Region::open(name)?.queue::<[u64; W]>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                if P == BLOCK { queue.send(*message).is_ok() } else { poll::<P>(|| queue.try_send(*message).is_ok()) }
            }))
        },
    }
}

/// The pipe, by `read_exact` and `write_all`, as the kernel's. Blocks on both sides.
#[must_use]
pub fn pipe<const W: usize>() -> Link {
    Link {
        name: "ours, pipe",
        create: || {
            // As large as the kernel's.
            let (name, region) = region(Pipe::footprint(1 << 20))?;
            let pipe = region.pipe("messages").capacity(1 << 20).create()?;
            let mut server = pipe.server()?;
            let receive = move |out: &mut [u64; W]| server.read_exact(bytemuck::cast_slice_mut(out)).is_ok();
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let mut client = Region::open(name)?.pipe("messages").open()?.client()?;
            Ok(sender(move |message: &[u64; W]| client.write_all(bytemuck::cast_slice(message)).is_ok()))
        },
    }
}

/// The stack. What is received is whole and comes once; in which order says who was faster.
#[must_use]
pub fn stack<const W: usize, const P: usize>() -> Link {
    Link {
        name: name::<P>("stack"),
        create: || {
            let capacity = held(W);
            let (name, region) = region(Stack::<[u64; W]>::footprint(capacity))?;
            let stack = region.stack::<[u64; W]>("messages").capacity(capacity).create()?;
            let receive = move |out: &mut [u64; W]| {
                if P == BLOCK {
                    stack.recv().map(|message| *out = message).is_ok()
                } else {
                    poll::<P>(|| stack.try_recv().map(|message| *out = message).is_ok())
                }
            };
            Ok((name, unordered(receive)))
        },
        attach: |name| {
            let stack = Region::open(name)?.stack::<[u64; W]>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                if P == BLOCK { stack.send(*message).is_ok() } else { poll::<P>(|| stack.try_send(*message).is_ok()) }
            }))
        },
    }
}

/// The priority queue, with a [key] for each message. What is received is whole and comes once.
#[must_use]
pub fn priority<const W: usize, const P: usize>() -> Link {
    Link {
        name: name::<P>("priority"),
        create: || {
            let capacity = held(W);
            let (name, region) = region(PriorityQueue::<i64, [u64; W]>::footprint(capacity))?;
            let queue = region.priority_queue::<i64, [u64; W]>("messages").capacity(capacity).create()?;
            let receive = move |out: &mut [u64; W]| {
                if P == BLOCK {
                    queue.recv().map(|(_, message)| *out = message).is_ok()
                } else {
                    poll::<P>(|| queue.try_recv().map(|(_, message)| *out = message).is_ok())
                }
            };
            Ok((name, unordered(receive)))
        },
        attach: |name| {
            let queue = Region::open(name)?.priority_queue::<i64, [u64; W]>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                let key = key(message[0]);
                if P == BLOCK {
                    queue.send(key, *message).is_ok()
                } else {
                    poll::<P>(|| queue.try_send(key, *message).is_ok())
                }
            }))
        },
    }
}

/// The queue with three levels, one for each [key]. What is received is whole and comes once.
#[must_use]
pub fn levels<const W: usize, const P: usize>() -> Link {
    const LEVELS: usize = 3;
    Link {
        name: name::<P>("levels"),
        create: || {
            let capacity = held(W);
            let (name, region) = region(LevelQueue::<[u64; W]>::footprint(LEVELS, capacity))?;
            let queue = region.level_queue::<[u64; W]>("messages").levels(LEVELS).capacity(capacity).create()?;
            let receive = move |out: &mut [u64; W]| {
                if P == BLOCK {
                    queue.recv().map(|message| *out = message).is_ok()
                } else {
                    poll::<P>(|| queue.try_recv().map(|message| *out = message).is_ok())
                }
            };
            Ok((name, unordered(receive)))
        },
        attach: |name| {
            let queue = Region::open(name)?.level_queue::<[u64; W]>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                let level = key(message[0]) as usize / 10 - 1;
                if P == BLOCK {
                    queue.send(level, *message).is_ok()
                } else {
                    poll::<P>(|| queue.try_send(level, *message).is_ok())
                }
            }))
        },
    }
}

/// The work queue: each job is received and done.
#[must_use]
pub fn work<const W: usize, const P: usize>() -> Link {
    Link {
        name: name::<P>("work queue"),
        create: || {
            let capacity = held(W);
            let (name, region) = region(WorkQueue::<[u64; W]>::footprint(capacity, 64))?;
            let queue = region.work_queue::<[u64; W]>("messages").capacity(capacity).create()?;
            let receive = move |out: &mut [u64; W]| {
                let done = |job: WorkLease<'_, [u64; W]>| {
                    *out = *job;
                    job.done().is_ok()
                };
                if P == BLOCK { queue.recv().is_ok_and(done) } else { work_polled::<W, P>(&queue, done) }
            };
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let queue = Region::open(name)?.work_queue::<[u64; W]>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                if P == BLOCK { queue.send(*message).is_ok() } else { poll::<P>(|| queue.try_send(*message).is_ok()) }
            }))
        },
    }
}

/// Does a job as soon as one is there.
fn work_polled<const W: usize, const P: usize>(
    queue: &WorkQueue<[u64; W]>,
    mut done: impl FnMut(WorkLease<'_, [u64; W]>) -> bool,
) -> bool {
    poll::<P>(|| queue.try_recv().is_ok_and(&mut done))
}

/// The one-to-one queue.
#[must_use]
pub fn spsc<const W: usize, const P: usize>() -> Link {
    Link {
        name: name::<P>("one to one"),
        create: || {
            let capacity = held(W);
            let (name, region) = region(Spsc::<[u64; W]>::footprint(capacity))?;
            let mut consumer = region.spsc::<[u64; W]>("messages").capacity(capacity).create()?.consumer()?;
            let receive = move |out: &mut [u64; W]| {
                let out = from_mut(out);
                if P == BLOCK {
                    consumer.recv_slice(out).is_ok()
                } else {
                    poll::<P>(|| consumer.try_recv_slice(out).is_ok())
                }
            };
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let mut producer = Region::open(name)?.spsc::<[u64; W]>("messages").open()?.producer()?;
            Ok(sender(move |message: &[u64; W]| {
                let message = from_ref(message);
                if P == BLOCK {
                    producer.send_slice(message).is_ok()
                } else {
                    poll::<P>(|| producer.try_send_slice(message).is_ok())
                }
            }))
        },
    }
}

/// The byte queue.
#[must_use]
pub fn bytes<const W: usize, const P: usize>() -> Link {
    Link {
        name: name::<P>("bytes"),
        create: || {
            let capacity = held(W) * W * 8;
            let (name, region) = region(ByteQueue::footprint(capacity))?;
            let queue = region.byte_queue("messages").capacity(capacity).create()?;
            let receive = move |out: &mut [u64; W]| {
                let out = bytemuck::cast_slice_mut(out);
                if P == BLOCK { queue.recv(out).is_ok() } else { poll::<P>(|| queue.try_recv(out).is_ok()) }
            };
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let queue = Region::open(name)?.byte_queue("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                let message = bytemuck::cast_slice(message);
                if P == BLOCK { queue.send(message).is_ok() } else { poll::<P>(|| queue.try_send(message).is_ok()) }
            }))
        },
    }
}

fn loans_of<const W: usize>() -> Result<(String, LoanQueue<u64>)> {
    let (name, region) = region(LoanQueue::<u64>::footprint(BLOCKS, W))?;
    Ok((name, region.loan_queue("messages").blocks(BLOCKS).block_len(W).create()?))
}

/// The loan queue, every byte copied in and out.
#[must_use]
pub fn loans<const W: usize, const P: usize>() -> Link {
    Link {
        name: name::<P>("loans"),
        create: || {
            let (name, queue) = loans_of::<W>()?;
            let receive = move |out: &mut [u64; W]| {
                if P == BLOCK {
                    queue.recv().map(|got| got.copy_to_slice(out)).is_ok()
                } else {
                    poll::<P>(|| queue.try_recv().map(|got| got.copy_to_slice(out)).is_ok())
                }
            };
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let queue = Region::open(name)?.loan_queue::<u64>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                if P == BLOCK {
                    queue.send_copy(message).is_ok()
                } else {
                    poll::<P>(|| queue.try_send_copy(message).is_ok())
                }
            }))
        },
    }
}

/// The loan queue, written and read in place at the first and the last word.
#[must_use]
pub fn loans_ends<const W: usize>() -> Link {
    Link {
        name: "ours, loans, ends",
        create: || {
            let (name, queue) = loans_of::<W>()?;
            let receive = move |out: &mut [u64; W]| {
                let Ok(got) = queue.try_recv() else { return false };
                out[0] = got.get(0).unwrap_or(u64::MAX);
                out[W - 1] = got.get(W - 1).unwrap_or(u64::MAX);
                true
            };
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let queue = Region::open(name)?.loan_queue::<u64>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                let Ok(mut loan) = queue.try_loan_uninit(W) else { return false };
                loan.set(0, message[0]);
                loan.set(W - 1, message[W - 1]);
                loan.send().is_ok()
            }))
        },
    }
}

/// Shared memory with two counters.
#[repr(C)]
struct Pass<const W: usize> {
    sent: CachePadded<AtomicU64>,
    received: CachePadded<AtomicU64>,
    blocks: [UnsafeCell<[u64; W]>; BLOCKS],
}

// SAFETY: integers; a block is written before its number is sent and read before it is received, each by one side.
unsafe impl<const W: usize> Sync for Pass<W> {}
// SAFETY: all zeroes is a value, there are no pointers, and nothing needs a drop.
unsafe impl<const W: usize> Zeroed for Pass<W> {}

/// A pass of the same bytes through shared memory with two counters: no library is faster.
#[must_use]
pub fn pass<const W: usize>() -> Link {
    Link {
        name: "floor",
        create: || {
            let shared = Shared::<Pass<W>>::create()?;
            let mut next = 0;
            let address = shared.fd().to_string();
            let receive = move |out: &mut [u64; W]| {
                if shared.sent.load(Ordering::Acquire) == next {
                    return false;
                }
                // SAFETY: sent, and not received yet.
                out.copy_from_slice(unsafe { &*shared.blocks[next as usize % BLOCKS].get() });
                next += 1;
                shared.received.store(next, Ordering::Release);
                true
            };
            Ok((address, receiver(receive)))
        },
        attach: |fd| {
            let shared = Shared::<Pass<W>>::inherit(fd.parse()?)?;
            let mut next = 0;
            Ok(sender(move |message: &[u64; W]| {
                if next - shared.received.load(Ordering::Acquire) == BLOCKS as u64 {
                    return false;
                }
                // SAFETY: received, and not sent again yet.
                unsafe { (*shared.blocks[next as usize % BLOCKS].get()).copy_from_slice(message) };
                next += 1;
                shared.sent.store(next, Ordering::Release);
                true
            }))
        },
    }
}
