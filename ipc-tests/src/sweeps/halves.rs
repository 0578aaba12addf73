//! Sender and receiver halves: the other end has to notice when the only process that held one is dead.

use ipc_posix::{Queue, Receiver, RecvTimeoutError, Region, SendTimeoutError, Sender, TryRecvError, TrySendError};

use super::books::{Message, VICTIM, message};
use super::stage::{Folder, QUEUE, queue_of};
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

/// A `try_` operation notices a killed peer within this many tries.
const TRIES: usize = 1100;

/// The half that the survivor holds.
enum Mine {
    Receiver(Receiver<Message>),
    Sender(Sender<Message>),
}

struct HalfScene {
    /// Whether the victim holds the sender half.
    sends: bool,
    /// Whether the operation is the creation, else it is the drop.
    creates: bool,
    /// Whether the victim has sent something before.
    used: bool,
    folder: Folder,
    stage: Option<(Region, Mine)>,
}

fn scenes(creates: bool, kinds: &[(&str, bool, bool)]) -> Scenes {
    let scene = |sends, used| HalfScene { sends, creates, used, folder: Folder::new(), stage: None };
    let kinds = kinds.iter();
    kinds.map(|(label, sends, used)| ((*label).to_owned(), Box::new(scene(*sends, *used)) as Box<dyn Scene>)).collect()
}

pub(super) fn create() -> Scenes {
    scenes(true, &[("sender", true, false), ("receiver", false, false)])
}

pub(super) fn drop_half() -> Scenes {
    scenes(false, &[("sender", true, false), ("sender of one message", true, true), ("receiver", false, false)])
}

fn victim_of<H>(
    queue: &Queue<Message>,
    gate: &crate::stepper::Gate,
    creates: bool,
    half: impl Fn(&Queue<Message>) -> H,
    before: impl Fn(&H),
) {
    if creates {
        gate.begin();
        let half = half(queue);
        gate.end();
        drop(half);
    } else {
        let half = half(queue);
        before(&half);
        gate.begin();
        drop(half);
        gate.end();
    }
}

impl Scene for HalfScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        let region = self.folder.create();
        let queue = region.queue::<Message>(QUEUE).capacity(2).create().expect("the queue is created");
        let mine = if self.sends {
            Mine::Receiver(queue.receiver().expect("a receiver"))
        } else {
            for serial in [1, 2] {
                queue.try_send(message(serial)).expect("there is room");
            }
            Mine::Sender(queue.sender().expect("a sender"))
        };
        self.stage = Some((region, mine));
        let (folder, sends, creates, used) = (&self.folder, self.sends, self.creates, self.used);
        Victim::fork(|gate| {
            let queue = queue_of(&folder.open());
            if sends {
                let before = |sender: &Sender<Message>| {
                    if used {
                        sender.send(message(VICTIM)).expect("there is room");
                    }
                };
                victim_of(&queue, gate, creates, |queue| queue.sender().expect("a sender"), before);
            } else {
                victim_of(&queue, gate, creates, |queue| queue.receiver().expect("a receiver"), |_| ());
            }
        })
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, mine)) = self.stage.take() else { return Verdict::CLEAN };
        // The one that had finished its creation was there, and is dead now.
        let certain = finished || !self.creates;
        let result = match mine {
            Mine::Receiver(receiver) => self.without_sender(&receiver, certain),
            Mine::Sender(sender) => self.without_receiver(&sender, certain),
        };
        result.err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}

type Failure = (Verdict, String);

fn wedged(what: impl std::fmt::Debug) -> Failure {
    (Verdict::WEDGED, format!("not disconnected: {what:?}"))
}

impl HalfScene {
    fn without_sender(&self, receiver: &Receiver<Message>, certain: bool) -> Result<(), Failure> {
        if self.used {
            match receiver.recv_timeout(patience()) {
                Ok(got) if got == message(VICTIM) => {}
                Ok(got) => return Err((Verdict::TORN, format!("got {got:?}"))),
                Err(error) => return Err((Verdict::LOST, format!("recv: {error:?}"))),
            }
        }
        let disconnected = || match receiver.recv_timeout(patience()) {
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            other => Err(wedged(other)),
        };
        if certain {
            let tries = (0..TRIES).map(|_| receiver.try_recv()).find(|got| *got != Err(TryRecvError::Empty));
            if tries != Some(Err(TryRecvError::Disconnected)) {
                return Err(wedged(tries));
            }
        }
        if receiver.is_disconnected() {
            disconnected()?;
        } else if certain {
            return Err(wedged("is_disconnected"));
        }
        // Somebody else takes the place of the dead, and sends.
        let region = self.folder.open();
        let sender = queue_of(&region).sender().expect("a sender");
        sender.try_send(message(1)).map_err(|error| (Verdict::WEDGED, format!("try_send: {error:?}")))?;
        match receiver.recv_timeout(patience()) {
            Ok(got) if got == message(1) => {}
            other => return Err((Verdict::WEDGED, format!("recv: {other:?}"))),
        }
        if receiver.is_disconnected() {
            return Err((Verdict::TORN, "disconnected from a living sender".to_owned()));
        }
        drop(sender);
        disconnected()
    }

    fn without_receiver(&self, sender: &Sender<Message>, certain: bool) -> Result<(), Failure> {
        let disconnected = || match sender.send_timeout(message(3), patience()) {
            Err(SendTimeoutError::Disconnected(_)) => Ok(()),
            other => Err(wedged(other)),
        };
        if certain {
            let tries = (0..TRIES).map(|_| sender.try_send(message(3)));
            match tries.into_iter().find(|sent| !matches!(sent, Err(TrySendError::Full(_)))) {
                Some(Err(TrySendError::Disconnected(_))) => {}
                other => return Err(wedged(other)),
            }
        }
        if sender.is_disconnected() {
            disconnected()?;
        } else if certain {
            return Err(wedged("is_disconnected"));
        }
        let region = self.folder.open();
        let receiver = queue_of(&region).receiver().expect("a receiver");
        for serial in [1, 2] {
            match receiver.try_recv() {
                Ok(got) if got == message(serial) => {}
                other => return Err((Verdict::LOST, format!("recv: {other:?}"))),
            }
            sender.try_send(message(serial)).map_err(|error| (Verdict::WEDGED, format!("try_send: {error:?}")))?;
        }
        if sender.is_disconnected() {
            return Err((Verdict::TORN, "disconnected from a living receiver".to_owned()));
        }
        drop(receiver);
        disconnected()
    }
}
