//! A script for cells that hold the latest value of serde's types.

use std::hint::black_box;

use ipc_core::time::Instant;
use ipc_core::watch;

use crate::input::Input;
use crate::play::{HandleOf, Script};

/// A cell of a value.
pub struct TheValueWatch;

impl Script for TheValueWatch {
    type Wanted = watch::ValueOptions<Vec<Option<u8>>>;

    fn wanted() -> Self::Wanted {
        watch::ValueOptions::new(&vec![Some(1), None], 24)
    }
    fn step(input: &mut Input<'_>, watch: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        match input.below(7) {
            0 => _ = black_box(watch.get_versioned().map(|now| now.age)),
            4 => {
                if let Ok(mut reader) = watch.subscribe() {
                    black_box((reader.changed_deadline(deadline).is_ok(), reader.try_changed().is_ok()));
                }
            }
            5 => {
                let writer = watch.writer().expect("no fork");
                black_box(writer.set_deadline(&vec![None], deadline).is_ok());
            }
            1 => _ = black_box(watch.set_deadline(&vec![Some(1); input.below(16)], deadline).is_ok()),
            2 => _ = black_box(watch.wait_for_change_deadline(input.below(3) as u64, deadline).is_ok()),
            3 => _ = black_box(watch.update_deadline(deadline, |value| value.push(None)).is_ok()),
            _ => _ = black_box(watch.get()),
        }
    }
}
