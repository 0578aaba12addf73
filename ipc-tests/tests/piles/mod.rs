//! What passes tokens through a stack, a priority queue or a queue with levels in the soak of streams.

use std::time::Duration;

use ipc_posix::{LevelQueue, PriorityQueue, RecvTimeoutError, Stack};
use ipc_tests::dice::Dice;
use ipc_tests::storm::PATIENCE;

use super::{HANDFUL, Result, Token, one_number};

/// Takes some tokens off the stack, and puts them back.
pub fn pass_tokens(stack: &Stack<Token>, dice: &mut Dice, soon: Duration) -> Result<()> {
    let mut hand = [[0; 3]; HANDFUL];
    let most = 1 + dice.below(HANDFUL as u64) as usize;
    let count = match stack.recv_slice_timeout(&mut hand[..most], soon) {
        Ok(count) => count,
        Err(RecvTimeoutError::Timeout) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for token in &hand[..count] {
        one_number(token)?;
    }
    dice.dawdle();
    Ok(stack.send_slice_timeout(&hand[..count], PATIENCE)?)
}

/// Takes the lowest tokens out of the priority queue, and puts them back.
pub fn pass_keyed_tokens(keyed: &PriorityQueue<u64, Token>, dice: &mut Dice, soon: Duration) -> Result<()> {
    let mut hand = [(0, [0; 3]); HANDFUL];
    let most = 1 + dice.below(HANDFUL as u64) as usize;
    let count = match keyed.recv_slice_timeout(&mut hand[..most], soon) {
        Ok(count) => count,
        Err(RecvTimeoutError::Timeout) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let hand = &hand[..count];
    if !hand.is_sorted_by_key(|(key, _)| *key) {
        return Err(format!("not in order: {hand:?}").into());
    }
    for (_, token) in hand {
        one_number(token)?;
    }
    dice.dawdle();
    Ok(keyed.send_slice_timeout(hand, PATIENCE)?)
}

/// Takes some tokens of a level, and puts them back there.
pub fn pass_tokens_of_a_level(levels: &LevelQueue<Token>, dice: &mut Dice, soon: Duration) -> Result<()> {
    let mut hand = [[0; 3]; HANDFUL];
    let most = 1 + dice.below(HANDFUL as u64) as usize;
    let count = match levels.recv_slice_timeout(&mut hand[..most], soon) {
        Ok(count) => count,
        Err(RecvTimeoutError::Timeout) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let level = one_number(&hand[0])? as usize % 3;
    for token in &hand[..count] {
        if one_number(token)? as usize % 3 != level {
            return Err(format!("not of one level: {hand:?}").into());
        }
    }
    dice.dawdle();
    Ok(levels.send_slice_timeout(level, &hand[..count], PATIENCE)?)
}
