//! Ghosts: they do what a producer does that is stopped or killed half-way.

use ipc_core::object;
use ipc_core::participant::Dead;
use ipc_core::ring::stride;
use ipc_fuzz::element::Element;
use ipc_fuzz::input::Input;
use ipc_fuzz::model::Entry;

use crate::id;
use crate::script::{BUSY, FULL, Script, TAIL, VOID};

/// The participants that only leave things behind.
pub const GHOSTS: [u16; 4] = [2, 63, 64, 1022];

impl<T: Element> Script<'_, T> {
    /// A ghost takes a ticket, step by step as the ring's essay tells, and stops there.
    pub fn claim(&mut self, input: &mut Input<'_>) {
        let ghost = input.pick(&GHOSTS);
        let stop = input.below(4);
        if self.world.is_dead(id(ghost)) {
            return;
        }
        let mut model = self.model.clone();
        if model.claim(ghost).is_err() {
            return;
        }
        let number = self.model.sent;
        let (tail, before) = (self.load(TAIL), self.slot(number.wrapping_sub(1)));
        let previous = self.position(number.wrapping_sub(1));
        if self.load(before) >> 12 != previous >> 12 {
            self.store(before, previous | tail & 0xffc | BUSY);
        }
        if stop == 0 {
            // Killed between the mark and the ticket.
            self.model.mark();
            return;
        }
        self.store(TAIL, self.position(number + 1) | u64::from(ghost) << 2);
        if stop > 1 {
            for cell in 1..stride::<T>() {
                if stop == 3 || cell % 2 == 0 {
                    self.store(self.slot(number) + 8 * cell, u64::MAX);
                }
            }
        }
        self.model = model;
    }

    /// A ghost that was only stopped goes on.
    pub fn publish_late(&mut self, input: &mut Input<'_>) {
        let skip = input.below(4);
        let first = self.model.received;
        let waiting: Vec<(usize, u16)> = self
            .model
            .entries
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| match entry {
                Entry::Busy { owner, .. } if !self.world.is_dead(id(*owner)) => Some((index, *owner)),
                _ => None,
            })
            .collect();
        let Some(&(index, owner)) = waiting.get(skip % waiting.len().max(1)) else { return };
        let value = self.value();
        let slot = self.slot(first + index as u64);
        for (cell, bytes) in bytemuck::bytes_of(&value).chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.store(slot + 8 + 8 * cell, u64::from_ne_bytes(word));
        }
        self.store(slot, self.position(first + index as u64) | u64::from(owner) << 2 | FULL);
        self.model.entries[index] = Entry::Message(value);
    }

    /// Somebody joins in the place of a dead ghost: sweeps, and lives.
    pub fn take_over(&mut self, input: &mut Input<'_>, which: usize) {
        let ghost = input.pick(&GHOSTS);
        if !self.world.is_dead(id(ghost)) {
            return;
        }
        // SAFETY: nobody makes a step as this participant any more.
        object::sweep(self.memory.memory(), &unsafe { Dead::on_evidence(id(ghost)) }, &self.seats[which])
            .expect("complete");
        self.model.sweep(ghost);
        self.compare();
        for (index, entry) in self.model.entries.iter().enumerate() {
            if entry == &Entry::Void {
                assert_eq!(self.load(self.slot(self.model.received + index as u64)) & 3, VOID);
            }
        }
        for set in &self.halves {
            assert!(!set.contains(&ghost), "a swept participant still holds a half");
        }
        self.world.set_dead(id(ghost), false);
    }
}
