//! Sessions of the soak: pairs of processes that talk, of which either may be killed or stopped.

use std::time::Duration;

use ipc_posix::{Duplex, ValueDuplex};
use ipc_tests::dice::Dice;

use super::{Result, Token};

/// Has a session with the client that comes. All tokens of one are of the same client, whole and in order; they come back.
pub fn talk(talk: &Duplex<Token, Token>, me: u64, dice: &mut Dice, soon: Duration) -> Result<()> {
    const TOKENS: u64 = 6;
    let token = |who: u64, number: u64| [who, number, who ^ number];
    let server = dice.below(2) == 0;
    let met = if server { talk.accept_timeout(soon) } else { talk.connect_timeout(soon) };
    let Ok(mut end) = met else { return Ok(()) };
    let session = dice.roll() ^ me;
    let mut client = session;
    if !server {
        let _ = end.try_send(token(session, 0));
    }
    for number in 0..TOKENS {
        // The other one is dead, or has had enough, or is stopped.
        let Ok(got) = end.recv_timeout(Duration::from_millis(5)) else { return Ok(()) };
        if server && number == 0 {
            client = got[0];
        }
        if got != token(client, number) {
            return Err(format!("{got:?} is not number {number} of the session of {client}").into());
        }
        dice.dawdle();
        let next = if server { number } else { number + 1 };
        if end.try_send(token(client, next)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Whose, its number, and words that follow from both.
pub type Value = (u64, u64, Vec<u64>);

/// Of a few bytes, or longer than the ring.
fn value(who: u64, number: u64) -> Value {
    (who, number, vec![who ^ number; if number % 3 == 2 { 40 } else { number as usize }])
}

/// As `talk`, with values. One that is too long for the ring may be cut off by the death of its sender.
pub fn talk_of_values(talk: &ValueDuplex<Value, Value>, me: u64, dice: &mut Dice, soon: Duration) -> Result<()> {
    const VALUES: u64 = 6;
    let server = dice.below(2) == 0;
    let met = if server { talk.accept_timeout(soon) } else { talk.connect_timeout(soon) };
    let Ok(mut end) = met else { return Ok(()) };
    let session = dice.roll() ^ me;
    let mut client = session;
    if !server {
        let _ = end.try_send(&value(session, 0));
    }
    for number in 0..VALUES {
        let got = match end.recv_timeout(Duration::from_millis(5)) {
            Ok(got) => got,
            // The other one is dead, or has had enough, or is stopped.
            Err(error) if error.is_timeout() || error.is_disconnected() || error.is_cut_off() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if server && number == 0 {
            client = got.0;
        }
        if got != value(client, number) {
            return Err(format!("{got:?} is not number {number} of the session of {client}").into());
        }
        dice.dawdle();
        let next = if server { number } else { number + 1 };
        if end.send(&value(client, next)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
