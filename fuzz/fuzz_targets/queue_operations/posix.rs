//! Through files and system calls: several attachments of one process, clones, and counted halves. Nobody dies here.

use std::time::Duration;

use ipc_fuzz::element::Element;
use ipc_fuzz::input::Input;
use ipc_fuzz::model::{Model, NoMessage, NotSent};
use ipc_fuzz::stopwatch::timed;
use ipc_posix::{Queue, Receiver, RecvTimeoutError, Region, SendTimeoutError, Sender, TryRecvError, TrySendError};

use crate::{forced, received, sent};

const MOST_STEPS: usize = 200;
const MOST_HALVES: usize = 6;

pub fn run<T: Element>(input: &mut Input<'_>) {
    let capacity = input.pick(&[1usize, 2, 3, 4, 8]);
    let options = Region::options().size(16 * 1024).participants(4).objects(4);
    let region = options.anonymous().expect("a region in memory");
    let fd = region.try_clone_fd().expect("a descriptor");
    let other = Region::from_fd(&fd).expect("the same region");
    assert_eq!(region.identity(), other.identity());
    assert_ne!(region.participant_number(), other.participant_number());
    let first = region.queue::<T>("q").capacity(capacity).create().expect("room");
    let second = other.queue::<T>("q").open().expect("there");
    let mut queues: Vec<Queue<T>> = vec![first.clone(), first, second];
    let mut senders: Vec<Sender<T>> = Vec::new();
    let mut receivers: Vec<Receiver<T>> = Vec::new();
    let (mut seen_sender, mut seen_receiver) = (false, false);
    let mut model = Model::<T>::new(capacity);
    let nobody = |_: u16| false;
    let mut next = 0;
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let which = input.below(queues.len());
        let queue = &queues[which];
        next += 1;
        let value = T::number(next);
        match input.below(16) {
            0 | 1 => assert_eq!(sent(value, queue.try_send(value)), model.try_send(value, nobody)),
            2 | 3 => assert_eq!(received(queue.try_recv()), model.try_recv(nobody)),
            4 => assert_eq!(forced(value, queue.force_send(value)), model.force_send(value, nobody)),
            5 => assert_eq!(queue.peek(), model.peek()),
            6 => {
                assert_eq!(queue.len(), model.entries.len());
                assert_eq!(queue.is_empty(), model.entries.is_empty());
                assert_eq!(queue.is_full(), model.is_full());
                assert_eq!(queue.is_closed(), model.is_closed());
                let stats = queue.stats();
                assert_eq!((stats.sent, stats.received, stats.given_up), (model.sent, model.received, 0));
            }
            7 => {
                let result = timed("recv_timeout", || queue.recv_timeout(Duration::ZERO));
                assert_eq!(result.map_err(late), model.try_recv(nobody));
            }
            8 => {
                let result = timed("send_timeout", || queue.send_timeout(value, Duration::ZERO));
                assert_eq!(result.map_err(unsent), model.try_send(value, nobody));
            }
            9 => {
                if input.below(8) == 0 {
                    assert_eq!(queue.close().unwrap(), model.close());
                    // Does not wait, for it is closed.
                    let rest: Vec<T> = queue.iter().collect();
                    let expected: Vec<T> = std::iter::from_fn(|| model.try_recv(nobody).ok()).collect();
                    assert_eq!(rest, expected);
                }
            }
            10 => {
                let rest: Vec<T> = queue.try_iter().take(2).collect();
                let expected: Vec<T> = std::iter::from_fn(|| model.try_recv(nobody).ok()).take(2).collect();
                assert_eq!(rest, expected);
            }
            11 if senders.len() < MOST_HALVES => {
                seen_sender = true;
                let half = match senders.last() {
                    Some(half) if input.bit() => half.clone(),
                    _ => queue.sender().expect("no fork"),
                };
                senders.push(half);
            }
            12 if receivers.len() < MOST_HALVES => {
                seen_receiver = true;
                let half = match receivers.last() {
                    Some(half) if input.bit() => half.clone(),
                    _ => queue.receiver().expect("no fork"),
                };
                receivers.push(half);
            }
            13 => {
                if input.bit() {
                    senders.truncate(input.below(3));
                } else {
                    receivers.truncate(input.below(3));
                }
            }
            14 => {
                let Some(half) = senders.get(which % senders.len().max(1)) else { continue };
                let gone = seen_receiver && receivers.is_empty();
                assert_eq!(half.is_disconnected(), gone);
                let disconnected = if input.bit() {
                    match half.try_send(value) {
                        Err(TrySendError::Disconnected(back)) => {
                            assert_eq!(back, value);
                            true
                        }
                        result => {
                            assert_eq!(sent(value, result), model.try_send(value, nobody));
                            false
                        }
                    }
                } else {
                    match half.send_timeout(value, Duration::ZERO) {
                        Err(SendTimeoutError::Disconnected(back)) => {
                            assert_eq!(back, value);
                            true
                        }
                        result => {
                            assert_eq!(result.map_err(unsent), model.try_send(value, nobody));
                            false
                        }
                    }
                };
                // Nobody would receive it: refused, room or not.
                assert_eq!(disconnected, gone);
            }
            15 => {
                let Some(half) = receivers.get(which % receivers.len().max(1)) else { continue };
                let gone = seen_sender && senders.is_empty();
                assert_eq!(half.is_disconnected(), gone);
                let expected = model.try_recv(nobody);
                let disconnected = if input.bit() {
                    match half.try_recv() {
                        Err(TryRecvError::Disconnected) => true,
                        result => {
                            assert_eq!(received(result), expected);
                            false
                        }
                    }
                } else {
                    match half.recv_timeout(Duration::ZERO) {
                        Err(RecvTimeoutError::Disconnected) => true,
                        result => {
                            assert_eq!(result.map_err(late), expected);
                            gone && expected == Err(NoMessage::Empty)
                        }
                    }
                };
                assert_eq!(disconnected, gone && expected == Err(NoMessage::Empty));
            }
            _ => {
                // Another clone, or another attachment's handle, in its place.
                queues[which] = match input.below(3) {
                    0 => queues[which].clone(),
                    1 => region.queue::<T>("q").open().expect("there"),
                    _ => other.queue::<T>("q").open_or_create().expect("there"),
                };
            }
        }
    }
    let mut last = queues.pop().expect("three");
    drop((queues, region, other, senders, receivers));
    // The mapping lives as long as the last handle.
    last = last.clone();
    assert_eq!(received(last.try_recv()), model.try_recv(nobody));
    assert_eq!(last.region().participants().len(), 1);
}

fn late(error: RecvTimeoutError) -> NoMessage {
    match error {
        RecvTimeoutError::Timeout => NoMessage::Empty,
        RecvTimeoutError::Closed => NoMessage::Closed,
        other => panic!("{other:?}"),
    }
}

fn unsent<T>(error: SendTimeoutError<T>) -> NotSent {
    match error {
        SendTimeoutError::Timeout(_) => NotSent::Full,
        SendTimeoutError::Closed(_) => NotSent::Closed,
        other => panic!("{other:?}"),
    }
}
