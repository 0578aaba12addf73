//! A script for the handles of one object, whose words change between (not during) operations.

use std::time::Duration;

use ipc_core::memory::Memory;
use ipc_core::object::{self, Blueprint};
use ipc_core::participant::{Dead, ParticipantId};
use ipc_core::time::Instant;

use crate::input::Input;
use crate::memory::OwnMemory;
use crate::stopwatch::timed;
use crate::world::{Seat, World};

const MOST_STEPS: usize = 200;
/// Bytes of the header that every object begins with.
const HEADER: usize = 128;

fn id(number: u16) -> ParticipantId {
    ParticipantId::new(number).expect("a participant's number")
}

/// One kind of object, in memory.
pub trait Kind {
    type Handle<'w>;

    fn bytes() -> u64;
    fn create<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Self::Handle<'w>;
    fn attach<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Option<Self::Handle<'w>>;
    /// One operation, which may wait until then.
    fn step(input: &mut Input<'_>, handle: &Self::Handle<'_>, deadline: Instant);
    fn sweep(memory: Memory<'_>, dead: &Dead, seat: &Seat<'_>);
}

/// One kind of object, as its options know it.
pub trait Script {
    type Wanted: Blueprint;

    fn wanted() -> Self::Wanted;
    /// One operation, which may wait until then.
    fn step(input: &mut Input<'_>, handle: &HandleOf<'_, Self::Wanted>, deadline: Instant);
}

/// A handle for a seat.
pub type HandleOf<'w, B> = <B as Blueprint>::Handle<'w, Seat<'w>>;

impl<S: Script> Kind for S {
    type Handle<'w> = HandleOf<'w, S::Wanted>;

    fn bytes() -> u64 {
        S::wanted().bytes().expect("a possible object")
    }
    fn create<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Self::Handle<'w> {
        // SAFETY: new memory.
        unsafe { S::wanted().create(memory, seat) }.expect("it fits")
    }
    fn attach<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Option<Self::Handle<'w>> {
        S::wanted().attach(memory, seat).ok()
    }
    fn step(input: &mut Input<'_>, handle: &Self::Handle<'_>, deadline: Instant) {
        S::step(input, handle, deadline);
    }
    fn sweep(memory: Memory<'_>, dead: &Dead, seat: &Seat<'_>) {
        let _ = object::sweep(memory, dead, seat);
    }
}

/// Three handles of it, whose words and header a faulty peer changes between operations.
pub fn play<K: Kind>(input: &mut Input<'_>) {
    let memory = OwnMemory::new(K::bytes());
    let world = World::default();
    world.spins.set(input.bit());
    world.wakes.set(input.bit());
    let seat = |number| Seat { world: &world, me: id(number) };
    let first = K::create(memory.memory(), seat(1));
    let second = K::attach(memory.memory(), seat(2)).expect("just made");
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        world.begin();
        let deadline = if input.bit() { world.now() } else { world.after(Duration::from_micros(300)) };
        match input.below(8) {
            0 | 1 => {
                let words = (memory.len() - HEADER) / 8;
                // The first words are the ones that everything depends on.
                let word = if input.bit() { input.below(4) } else { usize::from(input.u16()) };
                memory.change(HEADER + 8 * (word % words), |old| input.corrupt(old));
            }
            2 | 3 => timed("an operation", || K::step(input, &first, deadline)),
            4 | 5 => timed("an operation", || K::step(input, &second, deadline)),
            6 => {
                let who = id(input.pick(&[1, 2, 3, 4, 8, 9, 1022]));
                world.set_dead(who, input.bit());
                if who.get() > 2 {
                    // SAFETY: nobody makes a step as this participant any more.
                    timed("sweep", || K::sweep(memory.memory(), &unsafe { Dead::on_evidence(who) }, &seat(1)));
                }
            }
            _ => {
                if input.below(4) == 0 {
                    memory.change(8 * input.below(HEADER / 8), |old| input.corrupt(old));
                }
                if let Some(third) = K::attach(memory.memory(), seat(3)) {
                    timed("an operation", || K::step(input, &third, deadline));
                }
            }
        }
        world.begin();
    }
}
