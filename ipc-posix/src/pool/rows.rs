//! What a pool with a name has in its region for the workers that join it: their places, and what they have to know.
//!
//! ```text
//! guests:  phase | for each guest: its holder, its process id
//! about:   bytes, see [`About`]
//! ```
//!
//! The array comes first, so a region whose first object it is belongs to a pool. The pool's process has made the region, so it is its first
//! participant, of epoch 1: what becomes of that one is what becomes of the pool. A holder is a participant's number and epoch. Who takes the
//! number of a dead one has another epoch.
//!
//! | a holder's word | meaning | who may change it |
//! |---|---|---|
//! | 0 | nobody's | a guest: to its own |
//! | a holder | its place, and its row of the board | the guest, when it leaves: 0; the pool, if the guest is dead: `BURIED` |
//! | `BURIED` | the pool clears the row | the pool: 0 |

use std::time::{Duration, Instant};

use ipc_core::ParticipantId;
use ipc_core::bytes::{append, read_first};
use ipc_core::object::Footprint;

use super::error::PoolError;
use super::worker::{Initializer, WORDS, board_words};
use crate::error::{ObjectError, RegionErrorKind};
use crate::objects::{Array, Vector};
use crate::process::task::{self, TASKS};
use crate::region::{Region, RegionOptions};

const GUESTS: &str = "ipc_posix::pool::guests";
const ABOUT: &str = "ipc_posix::pool::about";
/// How many objects these are.
pub(super) const OBJECTS: u32 = 2;

const PHASE: usize = 0;
const PLACE: usize = 2;
const BURIED: u64 = u64::MAX;
/// The participant that has made the region: the first one, of epoch 1.
const PARENT: u64 = holder(1, 1);

/// How long a pool tries to get its name. A process that is killed while it starts another one counts as alive until that has begun.
const PATIENCE: Duration = Duration::from_secs(1);
const SHORT_PAUSE: Duration = Duration::from_millis(1);

const fn holder(number: u16, epoch: u32) -> u64 {
    number as u64 | (epoch as u64) << 16
}

/// What a worker has to know: the most bytes of a result, and of what failed; whether a panic is told with its backtrace; the initializer; the
/// names and schemas of the tasks that the pool's program has.
pub(super) type About = (u64, u64, bool, Option<Initializer>, Vec<(String, u64)>);

/// The tasks of this program.
pub(super) fn tasks() -> Vec<(String, u64)> {
    let users = TASKS.iter().filter(|entry| task::is_users(entry));
    users.map(|entry| (entry.name.to_owned(), entry.schema)).collect()
}

/// How far a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its objects are being made.
    Beginning = 0,
    Open = 1,
    Over = 2,
}

/// The places of guests.
pub(super) struct Guests {
    words: Array<u64>,
    region: Region,
}

impl Guests {
    pub(super) fn footprints(count: usize, about: &[u8]) -> [Footprint; 2] {
        [Array::<u64>::footprint(1 + PLACE * count), Vector::<u8>::footprint(about.len())]
    }

    /// Makes them, as the first objects of the region.
    pub(super) fn create(region: &Region, count: usize, about: &[u8]) -> Result<Self, PoolError> {
        let words = region.array(GUESTS).len(1 + PLACE * count).create().map_err(PoolError::Object)?;
        let bytes = region.vector::<u8>(ABOUT).capacity(about.len()).create().map_err(PoolError::Object)?;
        let written = bytes.extend_from_slice(about);
        written.map_err(|_| PoolError::Option { option: "initializer", reason: "finds its memory damaged" })?;
        Ok(Guests { words, region: region.clone() })
    }

    pub(super) fn open(region: &Region) -> Result<Self, ObjectError> {
        Ok(Guests { words: region.array(GUESTS).open()?, region: region.clone() })
    }

    /// What a worker has to know; `None` if it is damaged.
    pub(super) fn about(&self) -> Result<Option<About>, ObjectError> {
        let bytes = self.region.vector::<u8>(ABOUT).open()?.to_vec().unwrap_or_default();
        Ok(read_first(&bytes).ok().map(|(about, _)| about))
    }

    pub(super) fn len(&self) -> usize {
        self.words.len() / PLACE
    }

    /// The row of a guest's place on this board; `None` if the two do not belong together.
    pub(super) fn row(&self, board: &Array<u64>, guest: usize) -> Option<usize> {
        let rows = board.len() / WORDS;
        let own = rows.checked_sub(self.len())?;
        (board.len() == board_words(rows)).then_some(own + guest)
    }

    pub(super) fn stage(&self) -> Stage {
        match self.words.at(PHASE).load() {
            Ok(0) => Stage::Beginning,
            Ok(1) => Stage::Open,
            _ => Stage::Over,
        }
    }

    /// By the pool: from now on, or no more.
    pub(super) fn set_stage(&self, stage: Stage) {
        let _ = self.words.at(PHASE).store(stage as u64);
    }

    /// The guest that has this place.
    pub(super) fn holder(&self, guest: usize) -> Option<u64> {
        let word = self.words.at(1 + PLACE * guest).load().unwrap_or(0);
        (word != 0 && word != BURIED).then_some(word)
    }

    /// Its process id, as it knows itself; 0 while it has just come.
    pub(super) fn pid(&self, guest: usize) -> u32 {
        self.words.at(2 + PLACE * guest).load().unwrap_or(0) as u32
    }

    /// How many guests there are.
    pub(super) fn count(&self) -> usize {
        (0..self.len()).filter(|guest| self.holder(*guest).is_some()).count()
    }

    fn change(&self, guest: usize, from: u64, to: u64) -> bool {
        matches!(self.words.at(1 + PLACE * guest).compare_exchange(from, to), Ok(Ok(_)))
    }

    /// By a guest: takes a place. `None`: there is none.
    pub(super) fn join(&self) -> Option<usize> {
        let me = self.me();
        let guest = (0..self.len()).find(|guest| self.change(*guest, 0, me))?;
        let _ = self.words.at(2 + PLACE * guest).store(std::process::id().into());
        Some(guest)
    }

    /// By a guest that has cleared its row.
    pub(super) fn leave(&self, guest: usize) {
        self.forget_pid(guest);
        self.change(guest, self.me(), 0);
    }

    /// By the pool: clears the row of a dead guest by `clear`, unless that has left before.
    pub(super) fn bury(&self, guest: usize, holder: u64, clear: impl FnOnce()) -> bool {
        // First: from here on the row is nobody's. Another guest may have had the place before.
        let buried = self.change(guest, holder, BURIED);
        if buried {
            clear();
            self.forget_pid(guest);
            self.change(guest, BURIED, 0);
        }
        buried
    }

    /// While the place is not free: the next one must not be taken for this one.
    fn forget_pid(&self, guest: usize) {
        let _ = self.words.at(2 + PLACE * guest).store(0);
    }

    fn me(&self) -> u64 {
        let number = self.region.participant_number();
        holder(number, epoch(&self.region, number).unwrap_or(0))
    }

    /// Whether a guest lives. In doubt, it does.
    pub(super) fn is_alive(&self, holder: u64) -> bool {
        is_alive(&self.region, holder)
    }

    /// Whether the pool's process lives.
    pub(super) fn has_parent(&self) -> bool {
        has_parent(&self.region)
    }

    /// By the pool, or behind its death: nobody comes any more, and the name is free.
    pub(super) fn end(&self) {
        if self.region.is_usable() {
            self.set_stage(Stage::Over);
            // Without the right to remove it, the next pool of that name has to.
            let _ = self.region.membership().remove_name();
        }
    }
}

/// The epoch of a participant that has not left.
fn epoch(region: &Region, number: u16) -> Option<u32> {
    let who = ParticipantId::new(number)?;
    let info = region.membership().view().records().get(who.index())?.info();
    info.joined.then_some(info.epoch)
}

fn is_alive(region: &Region, word: u64) -> bool {
    let number = word as u16;
    let same = || epoch(region, number).is_some_and(|epoch| holder(number, epoch) == word);
    same() && ParticipantId::new(number).is_some_and(|who| region.membership().is_alive(who))
}

/// Whether the process that has made the region lives, and has it open.
pub(super) fn has_parent(region: &Region) -> bool {
    is_alive(region, PARENT)
}

/// Whether a region belongs to a pool; `None`: it has no objects yet.
pub(super) fn is_pools(region: &Region) -> Option<bool> {
    region.list().first().map(|first| first.name.as_str() == GUESTS)
}

/// Makes the region of a pool, whose name may be a dead pool's.
pub(super) fn region(options: &RegionOptions, name: &str) -> Result<Region, PoolError> {
    let begun = Instant::now();
    loop {
        let exists = match options.create(name) {
            Err(error) if error.is_already_exists() => error,
            made => return made.map_err(PoolError::Region),
        };
        let old = match options.open(name) {
            Err(error) if error.is_not_found() && begun.elapsed() < PATIENCE => continue,
            old => old.map_err(PoolError::Region)?,
        };
        let pid = || old.participants().iter().find(|other| other.number == 1).map(|parent| parent.pid);
        let over = || Guests::open(&old).is_ok_and(|guests| guests.stage() == Stage::Over);
        let result = match is_pools(&old) {
            Some(false) => return Err(PoolError::Region(exists)),
            None if !has_parent(&old) => old.membership().remove_if_last(),
            Some(true) if !has_parent(&old) || over() => old.membership().remove_name(),
            _ => Ok(false),
        };
        match result {
            Err(error) if !matches!(error.kind(), RegionErrorKind::Busy { .. }) => {
                return Err(PoolError::Region(error));
            }
            Ok(true) => {}
            _ if begun.elapsed() >= PATIENCE => return Err(PoolError::InUse { name: name.to_owned(), pid: pid() }),
            _ => std::thread::sleep(SHORT_PAUSE),
        }
    }
}

/// What a worker has to know, as bytes.
pub(super) fn written(about: &About) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Numbers, texts and bytes can always be written.
    let _ = append(&mut bytes, about);
    bytes
}
