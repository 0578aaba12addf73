//! The state and the seats, how they change, and where they lie.

use core::mem::MaybeUninit;

use crate::error::{BarrierTimeoutError, Fault};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::object::{Fact, Field, HEADER_BYTES, Object, Shape, ShapeError, layout};
use crate::participant::{Dead, Findings, OwnerBits, ParticipantId, Seized};
use crate::platform::Platform;
use crate::sync::{AtomicU64, Ordering};
use crate::time::Limit;
use crate::wait::{Attempt, Gate, SpinBudget, block_until};

/// The most parties of a barrier.
pub(super) const MOST_PARTIES: u32 = 1 << 16;

const BROKEN: u64 = 0b01;
/// A phase was broken that the history does not reach back to.
const FORGOTTEN: u64 = 0b10;
const OWNER: OwnerBits = OwnerBits::LOW;
const PHASE_SHIFT: u32 = 24;
const PHASES: u64 = 1 << 40;
const HISTORY_SHIFT: u32 = 8;
const HISTORY: u64 = 0xffff;
const REMEMBERED: u64 = 16;
/// Owners that one look of a waiter asks about: it goes on with the next ones at its next look.
const ASKED_AT_ONCE: usize = 16;
/// Compare-exchanges of one call that peers may spoil in a row before the words are declared corrupted.
const ATTEMPTS: u32 = 1 << 20;

/// Phases that may begin, one after the other, while a sweep searches for the seats of a dead member: it has come to one of them at most,
/// and each reset empties its seats.
const SWEEP_ATTEMPTS: u32 = 64;

/// The words besides the seats.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Words {
    state: AtomicU64,
    sleepers: Gate,
    _reserved: MaybeUninit<[u32; 11]>,
}

/// A party's seat.
#[repr(transparent)]
#[derive(Debug)]
pub struct Seat(AtomicU64);

/// Bytes from the start of the object to its first seat.
const SEATS_OFFSET: usize = HEADER_BYTES + size_of::<Words>();
crate::sync::assert_layout!(SEATS_OFFSET == 192 && size_of::<Seat>() == 8);

/// Bytes of a barrier for *n* parties.
pub(super) const fn bytes(parties: u32) -> u64 {
    let bytes = SEATS_OFFSET as u64 + parties as u64 * size_of::<Seat>() as u64;
    bytes.next_multiple_of(OBJECT_ALIGN as u64)
}

/// The parties, if there can be as many.
pub(super) fn possible(parties: u64) -> Result<u32, ShapeError> {
    let fits = u32::try_from(parties).ok().filter(|parties| (1..=MOST_PARTIES).contains(parties));
    fits.ok_or(ShapeError::Impossible { field: Field::Parties, wanted: parties, most: MOST_PARTIES.into() })
}

/// A barrier in place.
#[derive(Clone, Copy, Debug)]
pub struct View<'m> {
    words: &'m Words,
    seats: &'m [Seat],
}

// SAFETY: atomics behind the header of every barrier.
unsafe impl Object for Words {
    const LAYOUT: &'static [Fact] = &[layout!(Words { state, sleepers, _reserved }), layout!(Seat)];
    const CAPACITY: Field = Field::Parties;
    /// The number of parties.
    type Geometry = u32;
    type View<'m> = View<'m>;

    unsafe fn geometry(_: Memory<'_>, shape: &Shape, _: u64) -> Result<u32, ShapeError> {
        possible(shape.capacity)
    }

    fn bytes(parties: &u32) -> u64 {
        bytes(*parties)
    }

    unsafe fn view<'m>(memory: Memory<'m>, parties: &u32) -> Result<View<'m>, ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: bytes(*parties), found: memory.len() as u64 };
        // SAFETY: the caller vouches for the object, whose words are atomics here.
        let words: &[Words] = unsafe { memory.atomics(HEADER_BYTES, 1) }.ok_or(too_small)?;
        // SAFETY: as above, for the seats.
        let seats = unsafe { memory.atomics(SEATS_OFFSET, *parties as usize) }.ok_or(too_small)?;
        Ok(View { words: &words[0], seats })
    }

    fn sweep<P: Platform + ?Sized>(view: View<'_>, dead: &Dead, platform: &P) {
        view.sweep(dead, platform);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u64);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Running,
    Completed,
    Broken,
}

impl State {
    const FIRST: State = State(1 << PHASE_SHIFT);

    fn phase(self) -> u64 {
        self.0 >> PHASE_SHIFT
    }

    fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    /// Which of the last phases were broken, the last one in bit 0.
    fn history(self) -> u64 {
        (self.0 >> HISTORY_SHIFT) & HISTORY
    }

    fn broken(self) -> Self {
        State(self.0 | BROKEN)
    }

    /// The state after this phase.
    fn next(self, broken: bool) -> Self {
        let history = self.history() << 1 | u64::from(broken);
        let forgotten = if history > HISTORY { FORGOTTEN } else { self.0 & FORGOTTEN };
        State(((self.phase() + 1) % PHASES) << PHASE_SHIFT | (history & HISTORY) << HISTORY_SHIFT | forgotten)
    }

    /// What became of a phase that is this one or an earlier one. What is not known any more counts as broken.
    fn outcome(self, phase: u64) -> Outcome {
        let history = self.history();
        let broken = match self.phase().wrapping_sub(phase) % PHASES {
            0 if !self.is_broken() => return Outcome::Running,
            0 => true,
            back @ 1..=REMEMBERED => (history >> (back - 1)) & 1 != 0,
            _ => (history | self.0 & FORGOTTEN) != 0,
        };
        if broken { Outcome::Broken } else { Outcome::Completed }
    }
}

fn taken(phase: u64, owner: ParticipantId) -> u64 {
    phase << PHASE_SHIFT | OWNER.name(owner)
}

fn owner(seat: u64) -> Option<ParticipantId> {
    OWNER.owner(seat)
}

fn has_arrived(seat: u64, phase: u64) -> bool {
    seat >> PHASE_SHIFT == phase
}

/// Whether a seat was last taken before this phase. One of a later phase tells the caller that its own has ended.
fn is_older(seat: u64, phase: u64) -> bool {
    (1..PHASES / 2).contains(&(phase.wrapping_sub(seat >> PHASE_SHIFT) % PHASES))
}

impl Seat {
    fn look(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn change(&self, from: u64, to: u64) -> bool {
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }
}

impl Words {
    /// A barrier whose first phase begins.
    fn new() -> Self {
        // In a model, the announcement of its first sleeper outlives the first phase.
        #[cfg(loom)]
        let sleepers = Gate::with(crate::wait::EventCount::with_epoch(1));
        #[cfg(not(loom))]
        let sleepers = Gate::new();
        Words { state: AtomicU64::new(State::FIRST.0), sleepers, _reserved: MaybeUninit::zeroed() }
    }
}

impl View<'_> {
    /// Writes a barrier with empty self.seats.
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    pub(super) unsafe fn lay(memory: Memory<'_>, parties: u32) -> Result<(), ShapeError> {
        let too_small = ShapeError::TooSmall { wanted: bytes(parties), found: memory.len() as u64 };
        // SAFETY: the caller has the memory to itself; atomics, and viewed as such only.
        unsafe {
            memory.place(HEADER_BYTES, 1, |_| Words::new()).ok_or(too_small)?;
            memory.place(SEATS_OFFSET, parties as usize, |_| Seat(AtomicU64::new(0))).ok_or(too_small)?;
        }
        Ok(())
    }

    /// How many parties there are.
    pub(super) fn parties(&self) -> u32 {
        self.seats.len() as u32
    }

    fn state(&self) -> State {
        State(self.words.state.load(Ordering::Acquire))
    }

    fn advance<P: Platform + ?Sized>(&self, from: State, to: State, platform: &P) -> bool {
        let advanced = self.words.state.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if advanced {
            self.words.sleepers.notify_all(platform);
        }
        advanced
    }

    /// Whether the barrier is broken. A snapshot.
    pub(super) fn is_broken(&self) -> bool {
        self.state().is_broken()
    }

    /// How many parties have arrived and wait for the others. A snapshot.
    pub(super) fn waiting(&self) -> usize {
        let state = self.state();
        if state.is_broken() {
            0
        } else {
            self.seats.iter().filter(|seat| has_arrived(seat.look(), state.phase())).count()
        }
    }

    /// Takes a seat ahead of the first arrival, so that a death before that is noticed, too. `false`: there is none.
    pub(super) fn join<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        for seat in self.seats {
            let seen = seat.look();
            if owner(seen).is_none() && seat.change(seen, seen & !OWNER.mask() | OWNER.name(platform.me())) {
                return true;
            }
        }
        false
    }

    /// Gives up the caller's seats, but for those in which it waits.
    pub(super) fn leave<P: Platform + ?Sized>(&self, platform: &P) {
        let state = self.state();
        for seat in self.seats {
            let seen = seat.look();
            let waits = has_arrived(seen, state.phase()) && !state.is_broken();
            if owner(seen) == Some(platform.me()) && !waits {
                seat.change(seen, seen & !OWNER.mask());
            }
        }
    }

    /// Arrives, and waits for the others as long as `limit` says. `true` for the leader, of whom there is one in each phase. If
    /// the time is over, the barrier breaks.
    pub(super) fn wait<P: Platform + ?Sized>(
        &self,
        platform: &P,
        budget: &SpinBudget,
        limit: &Limit<P::Deadline>,
    ) -> Result<bool, BarrierTimeoutError> {
        let (phase, at) = self.arrive(platform)?;
        if self.complete(phase, platform) {
            return Ok(true);
        }
        let outcome = || match self.state().outcome(phase) {
            Outcome::Running => None,
            Outcome::Completed => Some(Ok(false)),
            Outcome::Broken => Some(Err(BarrierTimeoutError::Broken)),
        };
        if let Some(result) = outcome() {
            return result;
        }
        let deadline = limit.deadline(platform);
        let mut next = at + 1;
        let result = block_until(platform, &self.words.sleepers, budget, deadline, |announced| {
            if let Some(result) = outcome() {
                return Attempt::Done(result);
            }
            if announced {
                if self.complete(phase, platform) {
                    return Attempt::Done(Ok(true));
                }
                match any_dead(platform, self.seats, &mut next) {
                    Ok(true) => {
                        self.break_phase(phase, platform);
                        return Attempt::Again;
                    }
                    Ok(false) => {}
                    Err(_) => return Attempt::Unknown,
                }
            }
            Attempt::Suspect
        });
        match result {
            Ok(result) => result,
            Err(unmet) if self.break_phase(phase, platform) => Err(unmet.or_fault(BarrierTimeoutError::Timeout)),
            Err(_) => outcome().unwrap_or(Err(Fault::Corrupted.into())),
        }
    }

    /// Takes a seat for the current phase: the phase, and which seat.
    fn arrive<P: Platform + ?Sized>(&self, platform: &P) -> Result<(u64, usize), BarrierTimeoutError> {
        for _ in 0..ATTEMPTS {
            let state = self.state();
            if state.is_broken() {
                return Err(BarrierTimeoutError::Broken);
            }
            let phase = state.phase();
            match self.choose(phase, platform) {
                Some((at, seen)) => {
                    if let Some(other) = owner(seen)
                        && let Ok(_dead) = Seized::try_new(platform, other)
                    {
                        self.break_phase(phase, platform);
                        continue;
                    }
                    if self.seats[at].change(seen, taken(phase, platform.me())) {
                        return Ok((phase, at));
                    }
                }
                // More parties than seats, or a phase that nobody has ended yet: the next one is ours.
                None => {
                    if !self.complete(phase, platform) && self.state() == state {
                        return Err(Fault::Corrupted.into());
                    }
                }
            }
        }
        Err(Fault::Corrupted.into())
    }

    /// A seat that can be had for this phase, and what is in it: the caller's own, else nobody's, else somebody's.
    fn choose<P: Platform + ?Sized>(&self, phase: u64, platform: &P) -> Option<(usize, u64)> {
        let rank = |seen: u64| match owner(seen) {
            Some(owner) if owner == platform.me() => 0,
            None => 1,
            Some(_) => 2,
        };
        let mut best: Option<(usize, u64)> = None;
        for (at, seat) in self.seats.iter().enumerate() {
            let seen = seat.look();
            if is_older(seen, phase) && best.is_none_or(|(_, other)| rank(seen) < rank(other)) {
                best = Some((at, seen));
                if rank(seen) == 0 {
                    break;
                }
            }
        }
        best
    }

    /// Ends the phase if all have arrived. `true` if this call did it.
    fn complete<P: Platform + ?Sized>(&self, phase: u64, platform: &P) -> bool {
        if !self.seats.iter().all(|seat| has_arrived(seat.look(), phase)) {
            return false;
        }
        let state = self.state();
        state.outcome(phase) == Outcome::Running && self.advance(state, state.next(false), platform)
    }

    /// Breaks the phase if it is still running. `true` if this call did it.
    fn break_phase<P: Platform + ?Sized>(&self, phase: u64, platform: &P) -> bool {
        let state = self.state();
        state.outcome(phase) == Outcome::Running && self.advance(state, state.broken(), platform)
    }

    /// Breaks the barrier: everybody who waits, or comes before a [reset](Self::reset), is told. `true` if this call did it.
    pub(super) fn abort<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        for _ in 0..ATTEMPTS {
            let state = self.state();
            if state.is_broken() {
                return false;
            }
            if self.advance(state, state.broken(), platform) {
                return true;
            }
        }
        false
    }

    /// Begins a new phase, without members that are dead. Everybody who waits is told that the barrier is broken.
    pub(super) fn reset<P: Platform + ?Sized>(&self, platform: &P) -> Result<(), Fault> {
        for seat in self.seats {
            if let Some(who) = owner(seat.look())
                && let Ok(seized) = Seized::try_new(platform, who)
            {
                self.sweep(seized.dead(), platform);
            }
        }
        for _ in 0..ATTEMPTS {
            let state = self.state();
            if self.advance(state, state.next(true), platform) {
                return Ok(());
            }
        }
        Err(Fault::Corrupted)
    }

    /// Breaks the barrier if the dead participant was a member, takes its seats, and wakes whom it may have owed that.
    ///
    /// A second sweeper is harmless, however late it goes on: it breaks no phase but the one that was current when it found a seat of
    /// the dead participant, and it empties only seats that name it. A [reset](Self::reset) that has emptied them begins a phase that
    /// no sweeper of this death breaks.
    pub(super) fn sweep<P: Platform + ?Sized>(&self, dead: &Dead, platform: &P) {
        let mine = |seen: u64| owner(seen) == Some(dead.who());
        for _ in 0..SWEEP_ATTEMPTS {
            // Before the seats (Acquire): one that is found now was a seat of this phase.
            let state = self.state();
            if !self.seats.iter().any(|seat| mine(seat.look())) {
                break;
            }
            // If it was the last to come, its phase is over, and it is the next one that it does not come to.
            if self.complete(state.phase(), platform) {
                continue;
            }
            // Before its seats are empty: else nobody would know that it had been a member.
            if state.is_broken() || self.advance(state, state.broken(), platform) {
                break;
            }
        }
        for seat in self.seats {
            let seen = seat.look();
            if mine(seen) {
                seat.change(seen, seen & !OWNER.mask());
            }
        }
        self.words.sleepers.rouse(platform);
    }
}

/// Whether one of the next owners is dead. A system call or two for each.
fn any_dead<P: Platform + ?Sized>(platform: &P, seats: &[Seat], next: &mut usize) -> Result<bool, Fault> {
    let mut found = Findings::default();
    let mut last = None;
    for _ in 0..seats.len().min(ASKED_AT_ONCE) {
        let seat = &seats[*next % seats.len()];
        *next = (*next + 1) % seats.len();
        let who = owner(seat.look());
        if let Some(who) = who.filter(|_| last != who) {
            last = Some(who);
            found.ask(platform, who, |_| ());
            if found.dead {
                break;
            }
        }
    }
    found.found()
}
