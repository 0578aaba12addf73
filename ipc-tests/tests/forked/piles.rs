//! The calls of stacks, priority queues and queues with levels.

use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use ipc_posix::Region;

use super::{Calls, answers, panics, refuses, theirs};
use crate::forked;

const SHORT: Duration = Duration::from_millis(1);

fn region() -> Region {
    Region::options().size(1 << 20).anonymous().expect("a region")
}

fn soon() -> Instant {
    Instant::now() + SHORT
}

/// The calls of what has the verbs of a stack.
macro_rules! pile {
    (
        $function:ident: $handle:literal, $sender:literal, $receiver:literal, $idle:literal, $ends:literal, $receiver_ends:literal;
        $made:ident::<$($T:ty),+> $(.levels($levels:expr))?, ($($part:expr),+), [$($to:expr)?], $whole:expr, $peeks:ident
    ) => {
        pub fn $function(calls: &mut Calls) {
            let region = region();
            let pile = region.$made::<$($T),+>("pile")$(.levels($levels))?.capacity(8).create().expect("new");
            pile.send_slice($($to,)? &[$whole; 3]).expect("room");
            let (sender, receiver) = (pile.sender().expect("here"), pile.receiver().expect("here"));
            let (mut out, mut room, mut vec) = ([$whole; 2], [MaybeUninit::uninit(); 2], vec![$whole]);
            refuses!(calls, $handle, pile: sender() receiver() close() send($($part),+) try_send($($part),+)
                send_timeout($($part),+, SHORT) send_deadline($($part),+, soon()) send_slice($($to,)? &[$whole]) try_send_slice($($to,)? &[$whole]) send_slice_timeout($($to,)? &[$whole], SHORT)
                send_slice_deadline($($to,)? &[$whole], soon()) send_iter($($to,)? [$whole]) try_send_iter($($to,)? [$whole]) send_iter_timeout($($to,)? [$whole], SHORT)
                send_iter_deadline($($to,)? [$whole], soon()) recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()) recv_slice(&mut out)
                try_recv_slice(&mut out) recv_slice_timeout(&mut out, SHORT) recv_slice_deadline(&mut out, soon())
                recv_uninit(&mut room) try_recv_uninit(&mut room) recv_uninit_timeout(&mut room, SHORT)
                recv_uninit_deadline(&mut room, soon()) recv_many(&mut vec, 2) try_recv_many(&mut vec, 2)
                recv_many_timeout(&mut vec, 2, SHORT) recv_many_deadline(&mut vec, 2, soon()));
            refuses!(calls, $idle, pile: send_slice($($to,)? &[]) try_send_slice($($to,)? &[]) recv_slice(&mut [])
                try_recv_slice(&mut []) recv_uninit(&mut []) try_recv_uninit(&mut []));
            refuses!(calls, $sender, sender: close() send($($part),+) try_send($($part),+) send_timeout($($part),+, SHORT) send_deadline($($part),+, soon())
                send_slice($($to,)? &[$whole]) try_send_slice($($to,)? &[$whole]) send_slice_timeout($($to,)? &[$whole], SHORT) send_slice_deadline($($to,)? &[$whole], soon()) send_iter($($to,)? [$whole])
                try_send_iter($($to,)? [$whole]) send_iter_timeout($($to,)? [$whole], SHORT) send_iter_deadline($($to,)? [$whole], soon()));
            refuses!(calls, $receiver, receiver: close() recv() try_recv() recv_timeout(SHORT) recv_deadline(soon())
                recv_slice(&mut out) try_recv_slice(&mut out) recv_slice_timeout(&mut out, SHORT) recv_slice_deadline(&mut out, soon())
                recv_uninit(&mut room) try_recv_uninit(&mut room) recv_uninit_timeout(&mut room, SHORT)
                recv_uninit_deadline(&mut room, soon()) recv_many(&mut vec, 2) try_recv_many(&mut vec, 2) recv_many_timeout(&mut vec, 2, SHORT)
                recv_many_deadline(&mut vec, 2, soon()));
            $peeks!(calls, $handle, pile: peek());
            $peeks!(calls, $receiver, receiver: peek());
            panics!(calls, $handle, pile: len() is_empty() is_full() is_closed() stats());
            panics!(calls, $sender, sender: len() is_empty() is_full() is_closed() is_disconnected() stats());
            panics!(calls, $receiver, receiver: len() is_empty() is_full() is_closed() is_disconnected() stats());
            panics!(calls, $ends, pile: iter().next() try_iter().next() into_iter().next());
            panics!(calls, $receiver_ends, receiver: iter().next() try_iter().next() into_iter().next());
            answers!(calls, $handle, pile: capacity() iter() try_iter() clone() name() region() same_object(&pile));
            answers!(calls, $sender, sender: capacity() queue() clone());
            answers!(calls, $receiver, receiver: capacity() queue() clone() iter() try_iter());
        }
    };
}
pile!(
    stacks: "stack::Stack", "stack::Sender", "stack::Receiver", "stack::Stack, nothing to do", "ends of stack",
    "ends of a stack's receiver"; stack::<u64>, (1), [], 1, refuses
);
pile!(
    priorities: "priority::PriorityQueue", "priority::Sender", "priority::Receiver", "priority::PriorityQueue, nothing to do",
    "ends of priority", "ends of a priority queue's receiver"; priority_queue::<i64, u64>, (1, 1), [], (1, 1), refuses
);
pile!(
    level_queues: "level::LevelQueue", "level::Sender", "level::Receiver", "level::LevelQueue, nothing to do", "ends of levels",
    "ends of a level queue's receiver"; level_queue::<u64>.levels(2), (1, 1), [1], 1, panics
);

/// What only a queue with levels has, and the rest.
pub fn levels(calls: &mut Calls) {
    level_queues(calls);
    let region = region();
    let queue = region.level_queue::<u64>("levels").levels(2).capacity(8).create().expect("new");
    panics!(calls, "level::LevelQueue", queue: level_len(1));
    answers!(calls, "level::LevelQueue", queue: levels());
}
