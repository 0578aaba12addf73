//! The heap of the entries' numbers, each of whose nodes has four others below it.
//!
//! All of this is done under the lock. Nothing that is read is trusted: a number that is none is an error, and every loop ends after as
//! many steps as the heap is deep, whatever the keys' order says.

use core::cmp::Ordering::{Greater, Less};

use super::entry::Rank;
use super::words::View;
use crate::ends::Counts;
use crate::error::Refused;
use crate::object::Key;
use crate::sync::Ordering;

/// How many nodes lie below a node.
const ARITY: u64 = 4;

impl View<'_> {
    /// The number at this place.
    #[inline(always)]
    pub(super) fn number(&self, at: u64) -> Result<u32, Refused> {
        self.numbers.get(at as usize).map(|number| number.load(Ordering::Relaxed)).ok_or(Refused::CORRUPTED)
    }

    #[inline(always)]
    fn set_number(&self, at: u64, number: u32) -> Result<(), Refused> {
        self.numbers.get(at as usize).map(|place| place.store(number, Ordering::Relaxed)).ok_or(Refused::CORRUPTED)
    }

    #[inline(always)]
    fn rank_of<K: Key, T>(&self, number: u32) -> Result<Rank<K>, Refused> {
        self.entry::<K, T>(number).map(|entry| entry.rank())
    }

    /// Puts a number with this rank in at the end, which is at `at`: it rises to its place.
    #[inline]
    pub(super) fn rise<K: Key, T>(&self, mut at: u64, number: u32, rank: Rank<K>) -> Result<(), Refused> {
        while at > 0 {
            let above = (at - 1) / ARITY;
            let other = self.number(above)?;
            if self.rank_of::<K, T>(other)?.cmp(&rank) != Greater {
                break;
            }
            self.set_number(at, other)?;
            at = above;
        }
        self.set_number(at, number)
    }

    /// Puts a number in at `at`, where none is, of a heap of this length: it sinks to its place.
    #[inline]
    fn sink<K: Key, T>(&self, mut at: u64, len: u64, number: u32) -> Result<(), Refused> {
        let rank = self.rank_of::<K, T>(number)?;
        loop {
            let below = (at * ARITY + 1..len).take(ARITY as usize);
            let mut least: Option<(u64, u32, Rank<K>)> = None;
            for place in below {
                let other = self.number(place)?;
                let other_rank = self.rank_of::<K, T>(other)?;
                if least.as_ref().is_none_or(|(_, _, least)| other_rank.cmp(least) == Less) {
                    least = Some((place, other, other_rank));
                }
            }
            match least {
                Some((place, other, other_rank)) if other_rank.cmp(&rank) == Less => {
                    self.set_number(at, other)?;
                    at = place;
                }
                _ => return self.set_number(at, number),
            }
        }
    }

    /// Takes the first number out of a heap of this length. It is the first of the free ones then.
    #[inline]
    pub(super) fn remove_first<K: Key, T>(&self, len: u64, first: u32) -> Result<(), Refused> {
        let last = self.number(len - 1)?;
        self.set_number(len - 1, first)?;
        if len > 1 { self.sink::<K, T>(0, len - 1, last) } else { Ok(()) }
    }

    /// Makes the heap anew from the entries, after a change that never came to its end. The next one does it again if this one
    /// never does.
    #[cold]
    #[inline(never)]
    pub(super) fn rebuild<K: Key, T>(&self, counts: Counts) -> Result<(), Refused> {
        let (mut len, mut free) = (0, self.capacity());
        for number in 0..self.capacity() as u32 {
            let at = if self.entry::<K, T>(number)?.mend(counts) {
                len += 1;
                len - 1
            } else {
                free -= 1;
                free
            };
            self.set_number(at, number)?;
        }
        if len != counts.moved() {
            return Err(Refused::CORRUPTED);
        }
        for at in (0..len.div_ceil(ARITY)).rev() {
            self.sink::<K, T>(at, len, self.number(at)?)?;
        }
        Ok(())
    }
}
