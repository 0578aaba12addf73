//! Sequences of operations by several handles against a model. Any difference is a panic.
//!
//! Most inputs run on a queue in the harness's own memory, where every word is compared with the model after each
//! operation, and where "ghosts" do what a producer does that is stopped or killed half-way: they take a ticket, may
//! mark the slot before, may write a part of the payload, may publish late, and die when the script says so. The others
//! run through `ipc-posix`, with several attachments of one process, clones, and counted halves.
#![no_main]

use ipc_core::error::{ForceSendError, TryRecvError, TrySendError};
use ipc_core::participant::ParticipantId;
use ipc_fuzz::element::{Colour, Element};
use ipc_fuzz::input::Input;
use ipc_fuzz::model::{Forced, NoMessage, NotSent};
use ipc_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

mod ghosts;
mod posix;
mod script;

use script::Script;

fuzz_target!(
    init: seeds::plant(seeds::modes(&(0..8).chain(0xe0..0xe8).collect::<Vec<u8>>())),
    |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        let mode = input.byte();
        let posix = mode >= 0xe0;
        match (mode & 7, posix) {
            (0, false) => Script::<u64>::run(&mut input),
            (1, false) => Script::<u8>::run(&mut input),
            (2, false) => Script::<[u8; 9]>::run(&mut input),
            (3, false) => Script::<()>::run(&mut input),
            (4, false) => Script::<char>::run(&mut input),
            (5, false) => Script::<[u64; 5]>::run(&mut input),
            (6, false) => Script::<Colour>::run(&mut input),
            (7, false) => Script::<bool>::run(&mut input),
            (0..4, true) => posix::run::<u64>(&mut input),
            (_, true) => posix::run::<[u8; 9]>(&mut input),
            _ => unreachable!(),
        }
    }
);

fn id(number: u16) -> ParticipantId {
    ParticipantId::new(number).expect("a participant's number")
}

fn received<T>(result: Result<T, TryRecvError>) -> Result<T, NoMessage> {
    result.map_err(|error| match error {
        // The model does not tell them apart: nothing can be received.
        TryRecvError::Empty | TryRecvError::Busy => NoMessage::Empty,
        TryRecvError::Closed => NoMessage::Closed,
        other => panic!("{other:?}"),
    })
}

fn sent<T: Element>(value: T, result: Result<(), TrySendError<T>>) -> Result<(), NotSent> {
    result.map_err(|error| {
        let reason = match error {
            TrySendError::Full(_) => NotSent::Full,
            TrySendError::Closed(_) => NotSent::Closed,
            other => panic!("{other:?}"),
        };
        assert_eq!(error.into_inner(), value, "the value comes back");
        reason
    })
}

fn forced<T: Element>(value: T, result: Result<Option<T>, ForceSendError<T>>) -> Forced<T> {
    match result {
        Ok(displaced) => Forced::Sent(displaced),
        Err(ForceSendError::Contended { value: back, displaced }) => {
            assert_eq!(back, value);
            Forced::Contended(displaced)
        }
        Err(ForceSendError::Closed(back)) => {
            assert_eq!(back, value);
            Forced::Closed
        }
        Err(other) => panic!("{other:?}"),
    }
}
