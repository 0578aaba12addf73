//! Broadcasts: the victim is killed while it publishes, subscribes, receives or ends. What it published is there whole or not at all, it
//! holds up nobody, and the other subscribers see everything.

use ipc_posix::{Broadcast, BroadcastSubscriber, RecvBroadcastTimeoutError, Region, TryRecvBroadcastError};

use super::books::{Message, VICTIM, message, serial_of};
use super::play::{self, Finding, Play, demand, granted};
use super::stage::Folder;
use super::{Scenes, couple, in_short_waits, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "news";
const CAPACITY: usize = 4;
const OTHER: u64 = VICTIM + 1;

/// The survivors' own subscription begins before the victim's operation.
pub(super) struct Objects {
    broadcast: Broadcast<Message>,
    subscriber: Option<BroadcastSubscriber<Message>>,
    _region: Region,
}

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Publish,
    /// Over the oldest message.
    PublishOver,
    PublishWakes,
    Subscribe,
    Receive,
    /// Receives the message for which a publisher waits.
    ReceiveWakes,
    Unsubscribe,
    Close,
    /// The only counted publisher publishes and leaves, while a subscriber waits for the end.
    Leave,
}

pub(super) fn publish() -> Scenes {
    play::scenes(&[Deed::Publish, Deed::PublishOver, Deed::PublishWakes, Deed::Close])
}

pub(super) fn subscribe() -> Scenes {
    play::scenes(&[Deed::Subscribe, Deed::Receive, Deed::ReceiveWakes, Deed::Unsubscribe])
}

pub(super) fn leave() -> Scenes {
    play::scenes(&[Deed::Leave])
}

impl Deed {
    fn waits(self) -> bool {
        matches!(self, Deed::Publish | Deed::Subscribe | Deed::Receive | Deed::ReceiveWakes | Deed::Unsubscribe)
    }

    /// Messages that are there when the operation begins.
    fn filled(self) -> u64 {
        match self {
            Deed::PublishWakes => 0,
            Deed::PublishOver | Deed::ReceiveWakes => CAPACITY as u64,
            _ => 2,
        }
    }
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let broadcast = region.broadcast(NAME).open().expect("the broadcast opens");
    Objects { broadcast, subscriber: None, _region: region }
}

fn create(folder: &Folder, waits: bool) -> Objects {
    let region = folder.create();
    let options = region.broadcast(NAME).capacity(CAPACITY);
    let options = if waits { options.wait_for_subscribers(3) } else { options };
    let broadcast = options.create().expect("the broadcast is created");
    Objects { broadcast, subscriber: None, _region: region }
}

fn drain(subscriber: &mut BroadcastSubscriber<Message>) -> Vec<u64> {
    subscriber.try_iter().map(|message| serial_of(&message).unwrap_or(0)).collect()
}

/// Survivors publish for more than a lap, and everybody sees all of it.
fn work(objects: &Objects) -> Result<(), Finding> {
    let mut early = granted("a survivor subscribes", objects.broadcast.subscribe())?;
    for serial in 1..=2 * CAPACITY as u64 + 1 {
        granted("a survivor publishes", objects.broadcast.publish_timeout(message(serial), patience()))?;
        let got = granted("a survivor receives", early.recv_timeout(patience()))?;
        demand(got == message(serial), Verdict::TORN, || format!("{serial}: {:?}", serial_of(&got)))?;
    }
    let mut late = granted("a survivor subscribes late", objects.broadcast.subscribe_last(2))?;
    let got = drain(&mut late);
    demand(got == [2 * CAPACITY as u64, 2 * CAPACITY as u64 + 1], Verdict::TORN, || format!("{got:?}"))
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let mut objects = create(folder, self.waits());
        if self != Deed::ReceiveWakes && self != Deed::Unsubscribe {
            objects.subscriber = Some(objects.broadcast.subscribe().expect("a place is free"));
        }
        if self != Deed::ReceiveWakes && self != Deed::Unsubscribe {
            for serial in 1..=self.filled() {
                objects.broadcast.try_publish(message(serial)).expect("there is room");
            }
        }
        objects
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, objects: &Objects, begin: &mut dyn FnMut()) {
        let broadcast = &objects.broadcast;
        match self {
            Deed::Publish | Deed::PublishOver | Deed::PublishWakes => {
                begin();
                let _ = std::hint::black_box(broadcast.try_publish(message(VICTIM)));
            }
            Deed::Leave => {
                let publisher = broadcast.publisher().expect("our own handle");
                begin();
                let _ = std::hint::black_box(publisher.try_publish(message(VICTIM)));
                drop(publisher);
            }
            Deed::Close => {
                begin();
                let _ = std::hint::black_box(broadcast.close().unwrap());
            }
            Deed::Subscribe => {
                begin();
                let mut subscriber = broadcast.subscribe_last(1).expect("a place is free");
                let _ = std::hint::black_box(subscriber.try_recv());
            }
            Deed::Receive => {
                let mut subscriber = broadcast.subscribe_last(2).expect("a place is free");
                begin();
                let _ = std::hint::black_box(subscriber.try_recv());
            }
            Deed::ReceiveWakes | Deed::Unsubscribe => {
                let mut subscriber = broadcast.subscribe().expect("a place is free");
                for serial in 1..=CAPACITY as u64 {
                    broadcast.try_publish(message(serial)).expect("there is room");
                }
                begin();
                if self == Deed::ReceiveWakes {
                    let _ = std::hint::black_box(subscriber.try_recv());
                } else {
                    drop(subscriber);
                }
            }
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        match self {
            Deed::PublishWakes => Some(|objects| {
                let mut subscriber = objects.broadcast.subscribe().expect("a place is free");
                let got = subscriber.recv_timeout(patience());
                got.map_or(u64::MAX, |message| serial_of(&message).unwrap_or(0))
            }),
            Deed::ReceiveWakes | Deed::Unsubscribe => Some(|objects| {
                objects.broadcast.publish_timeout(message(OTHER), patience()).map_or(u64::MAX, |_| OTHER)
            }),
            // What was received before the end.
            Deed::Leave => Some(|objects| {
                let mut subscriber = objects.broadcast.subscribe().expect("a place is free");
                let mut last = OTHER;
                loop {
                    let received = in_short_waits(|limit| match subscriber.recv_timeout(limit) {
                        Err(RecvBroadcastTimeoutError::Timeout) => None,
                        received => Some(received),
                    });
                    match received {
                        Some(Ok(message)) => last = serial_of(&message).unwrap_or(0),
                        Some(Err(RecvBroadcastTimeoutError::Disconnected)) => return last,
                        _ => return u64::MAX,
                    }
                }
            }),
            _ => None,
        }
    }

    fn rouse(self, objects: &Objects) -> Result<(), Finding> {
        // A dead subscriber is noticed by the publisher itself, a dead publisher by the subscribers.
        if self == Deed::PublishWakes {
            granted("a survivor publishes", objects.broadcast.publish_timeout(message(OTHER), patience()))?;
        }
        Ok(())
    }

    fn look(self, mut objects: Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let closed = objects.broadcast.is_closed();
        let before: Vec<u64> = (1..=self.filled()).collect();
        if let Some(mut subscriber) = objects.subscriber.take() {
            let told = subscriber.len() as usize;
            let first = subscriber.try_recv();
            let lagged = match first {
                Err(TryRecvBroadcastError::Lagged(missed)) => missed as usize,
                _ => 0,
            };
            let mut got: Vec<u64> = first.iter().map(|message| serial_of(message).unwrap_or(0)).collect();
            got.extend(drain(&mut subscriber));
            let with = |more: &[u64]| got == before.iter().chain(more).copied().skip(lagged).collect::<Vec<_>>();
            let right = match self {
                Deed::Publish => with(&[VICTIM]) || (with(&[]) && !finished),
                // Half overwritten is missed.
                Deed::PublishOver => lagged <= 1 && ((with(&[VICTIM]) && lagged == 1) || (with(&[]) && !finished)),
                Deed::PublishWakes => {
                    (with(&[VICTIM, OTHER]) && result == VICTIM) || (with(&[OTHER]) && result == OTHER && !finished)
                }
                Deed::Leave => (with(&[VICTIM]) && result == VICTIM) || (with(&[]) && result == OTHER && !finished),
                _ => with(&[]),
            };
            demand(right, Verdict::LOST, || format!("{got:?}, lagged {lagged}, result {result}, finished {finished}"))?;
            let left = (subscriber.len(), subscriber.is_empty());
            demand(told == got.len() + lagged && left == (0, true), Verdict::TORN, || {
                format!("{got:?} and {lagged} missed of {told}, then {left:?}")
            })?;
            demand(lagged == 0 || self == Deed::PublishOver, Verdict::LOST, || "missed".to_owned())?;
        } else {
            demand(result == OTHER, Verdict::WEDGED, || "the publisher did not get on".to_owned())?;
        }
        if closed {
            let refused = objects.broadcast.try_publish(message(1)).is_err();
            return demand(self == Deed::Close && refused, Verdict::TORN, || "closed".to_owned());
        }
        demand(self != Deed::Close || !finished, Verdict::LOST, || "not closed".to_owned())?;
        work(&open(folder))?;
        work(&objects)
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    PublishPublish,
    ReceivePublish,
    PublishReceive,
}

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if !new {
            return open(folder);
        }
        let mut objects = create(folder, true);
        objects.subscriber = Some(objects.broadcast.subscribe().expect("a place is free"));
        objects.broadcast.try_publish(message(1)).expect("there is room");
        objects
    }

    fn act(self, first: bool, objects: &Objects, begin: &mut dyn FnMut()) -> u64 {
        let publishes = match self {
            Couple::PublishPublish => true,
            Couple::ReceivePublish => !first,
            Couple::PublishReceive => first,
        };
        let mine = VICTIM + u64::from(first);
        if publishes {
            begin();
            return objects.broadcast.publish(message(mine)).map_or(2, |_| mine);
        }
        let mut subscriber = objects.broadcast.subscribe_last(1).expect("a place is free");
        begin();
        subscriber.try_recv().map_or(2, |message| serial_of(&message).unwrap_or(0))
    }

    fn meanwhile(self, objects: &Objects) -> Result<(), Finding> {
        demand(objects.broadcast.published() <= 3, Verdict::TORN, || "too many".to_owned())
    }

    fn afterwards(self, objects: &Objects, folder: &Folder, point: PairPoint, result: u64) -> Result<(), Finding> {
        let mut all = granted("a survivor subscribes", objects.broadcast.subscribe_last(CAPACITY))?;
        let got = drain(&mut all);
        let (mine, others, done) = (VICTIM + 1, VICTIM, point.killed_finished);
        let right = match self {
            Couple::PublishPublish => {
                result == mine && (got == [1, mine, others] || got == [1, others, mine] || (got == [1, mine] && !done))
            }
            Couple::ReceivePublish => (result == 1) && (got == [1, others] || (got == [1] && !done)),
            Couple::PublishReceive => result == mine && got == [1, mine],
        };
        demand(right, Verdict::LOST, || format!("result {result}, {got:?}, the second one finished: {done}"))?;
        drop(all);
        let newcomer = open(folder);
        // The survivors' own subscription has read nothing so far.
        let mut own = granted("a survivor subscribes", newcomer.broadcast.subscribe())?;
        granted("a survivor publishes", newcomer.broadcast.publish_timeout(message(7), patience()))?;
        let got = granted("a survivor receives", own.recv_timeout(patience()))?;
        demand(got == message(7), Verdict::TORN, || "another message".to_owned())
    }
}
