//! What a queue looks like when the operation begins, and how survivors make it.

use std::ptr::NonNull;
use std::time::Duration;

use ipc_core::memory::Memory;
use ipc_core::platform::SpinPlatform;
use ipc_posix::{Queue, Region};

use crate::stepper::Victim;
use crate::sweeps::books::{CLAIMANT, Message, WARM, message};
use crate::sweeps::stage::{self, Deathbed, Folder, QUEUE, queue_of};

/// The first position of a queue whose positions are about to wrap.
const NEAR_THE_WRAP: u64 = (1 << 52) - 2;

/// A process that died with an unpublished ticket at the head of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sweeps) enum Claimant {
    None,
    /// Its place in the region stays free.
    Elsewhere,
    /// The victim gets its place.
    SamePlace,
}

/// What the queue looks like when the operation begins.
#[derive(Debug, Clone, Copy)]
pub(in crate::sweeps) struct Start {
    pub(in crate::sweeps) capacity: usize,
    /// Messages that the survivor has sent, behind the ticket of a claimant.
    pub(in crate::sweeps) filled: usize,
    pub(super) first: u64,
    pub(super) claimant: Claimant,
    /// Somebody who slept in `recv` (or, with a full queue, in `send`) has left its mark.
    waiters: bool,
    pub(super) closed: bool,
    /// The victim has sent a message through its handle before.
    pub(super) warm: bool,
}

impl Start {
    pub(in crate::sweeps) const fn of(capacity: usize, filled: usize) -> Self {
        Self { capacity, filled, first: 0, claimant: Claimant::None, waiters: false, closed: false, warm: false }
    }

    pub(super) const fn wrapping(self) -> Self {
        Self { first: NEAR_THE_WRAP, ..self }
    }

    pub(super) const fn claimed(self, claimant: Claimant) -> Self {
        Self { claimant, ..self }
    }

    pub(super) const fn with_waiters(self) -> Self {
        Self { waiters: true, ..self }
    }

    pub(super) const fn closed(self) -> Self {
        Self { closed: true, ..self }
    }

    pub(super) const fn warm(self) -> Self {
        Self { warm: true, ..self }
    }

    pub(super) fn tickets(&self) -> usize {
        self.filled + usize::from(self.warm) + usize::from(self.claimant != Claimant::None)
    }

    /// The messages that are there when the operation begins.
    pub(in crate::sweeps) fn messages(&self) -> Vec<u64> {
        (1..=self.filled as u64).chain(self.warm.then_some(WARM)).collect()
    }

    /// The queue as survivors have made it, in a new region.
    pub(in crate::sweeps) fn make(&self, folder: &Folder, deathbed: &mut Deathbed) -> (Region, Queue<Message>) {
        let region = folder.create();
        let mut queue = region.queue::<Message>(QUEUE).capacity(self.capacity).create().expect("the queue is created");
        if self.first != 0 {
            drop(queue);
            lay_again(folder, &region, self.capacity, self.first);
            queue = queue_of(&region);
        }
        if self.waiters && self.filled < self.capacity {
            queue.recv_timeout(Duration::ZERO).expect_err("nothing is there yet");
        }
        if self.claimant != Claimant::None {
            // A place before the claimant's, which the victim gets.
            let filler = (self.claimant == Claimant::Elsewhere).then(|| folder.open());
            let claimant = || {
                Victim::fork(|gate| {
                    let queue = queue_of(&folder.open());
                    gate.begin();
                    let sent = queue.try_send(message(CLAIMANT));
                    gate.end();
                    sent.expect("there is room");
                })
            };
            stage::kill_when(claimant, deathbed, || queue.len() == 1);
            drop(filler);
        }
        for serial in 1..=self.filled as u64 {
            queue.try_send(message(serial)).expect("there is room");
        }
        if self.waiters && self.filled == self.capacity {
            queue.send_timeout(message(0), Duration::ZERO).expect_err("no room is there");
        }
        if self.closed {
            queue.close().unwrap();
        }
        (region, queue)
    }
}

/// Lays the queue anew into its memory, so that its first position is another.
fn lay_again(folder: &Folder, region: &Region, capacity: usize, first: u64) {
    let info = region.list().remove(0);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(folder.file()).expect("the region's file");
    let len = usize::try_from(region.size()).expect("a small region");
    // SAFETY: a new mapping of an open file, at an address of the kernel's choice.
    let map = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            std::os::fd::AsRawFd::as_raw_fd(&file),
            0,
        )
    };
    assert_ne!(map, libc::MAP_FAILED);
    // SAFETY: mapped just now, for reading and writing, and unmapped only below.
    let memory = unsafe { Memory::from_raw(NonNull::new(map.cast()).expect("not null"), len) };
    // SAFETY: the directory says that the queue begins there.
    let memory = unsafe { memory.part(info.offset, info.length) }.expect("the queue lies in the region");
    {
        let mut wanted = ipc_core::queue::Options::<Message>::new(capacity as u64);
        wanted.start = first;
        // SAFETY: new memory.
        unsafe { ipc_core::object::Blueprint::create(&wanted, memory, SpinPlatform::new(1)) }
    }
    .expect("the same queue");
    // SAFETY: the mapping from above; the queue handle is gone.
    unsafe { libc::munmap(map, len) };
}
