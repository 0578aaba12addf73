//! A script for mutexes around values of serde's types.

use std::collections::BTreeMap;
use std::hint::black_box;

use ipc_core::mutex;
use ipc_core::time::Instant;

use crate::input::Input;
use crate::play::{HandleOf, Script};

/// A mutex around a value.
pub struct TheValueMutex;

impl Script for TheValueMutex {
    type Wanted = mutex::ValueOptions<BTreeMap<u16, String>>;

    fn wanted() -> Self::Wanted {
        mutex::ValueOptions::new(40)
    }
    fn step(input: &mut Input<'_>, mutex: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        let text = "x".repeat(input.below(50));
        match input.below(7) {
            0 => _ = black_box(mutex.try_get()),
            1 => _ = black_box(mutex.get_deadline(deadline)),
            2 => _ = black_box(mutex.try_set(&BTreeMap::from([(1, text)]))),
            3 => _ = black_box(mutex.set_deadline(&BTreeMap::new(), deadline)),
            4 => _ = black_box(mutex.try_update(|map| map.insert(2, text))),
            5 => {
                let changed = mutex.update_deadline(deadline, |map| {
                    map.pop_first();
                });
                if let Err(error) = changed {
                    drop(black_box(error.to_string()));
                }
            }
            _ => {
                if let Ok(mut bytes) = mutex.bytes().lock_deadline(deadline) {
                    bytes[input.below(44)] = input.byte();
                    if input.bit() {
                        std::mem::forget(bytes);
                    }
                }
            }
        }
    }
}
