//! A karaoke room with four places and six singers: each singer is a process, and a semaphore in shared memory counts the
//! places. One of the singers is killed inside; its place is free again, and the others go on.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example karaoke
//! ```
//!
//! A singer waits at the door for a place, sings, and leaves: dropping the permit is all there is to it. The door is a
//! queue that tells the host who comes and goes, and the host prints it. Every singer sings twice.

use std::collections::BTreeSet;
use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use ipc_posix::{Queue, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PLACES: u32 = 4;
const SINGERS: u32 = 6;
const SONGS: u32 = 2;
/// The singer that is killed in its first song.
const VICTIM: u32 = 3;

/// What a singer tells the host.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct News {
    singer: u32,
    what: u32,
}

const WAITS: u32 = 0;
const COMES: u32 = 1;
const GOES: u32 = 2;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => host(),
        [_, region, singer] => sing(region, singer.parse()?),
        _ => Err("this program takes no arguments".into()),
    }
}

/// A singer, a process of its own, who knows only names.
fn sing(region: &str, singer: u32) -> Result<()> {
    let region = Region::open(region)?;
    let places = region.semaphore("places").open()?;
    let door = region.queue::<News>("door").open()?;
    for _ in 0..SONGS {
        door.send(News { singer, what: WAITS })?;
        let _place = places.acquire()?;
        door.send(News { singer, what: COMES })?;
        if singer == VICTIM {
            // The host kills it here.
            loop {
                std::thread::park();
            }
        }
        std::thread::sleep(Duration::from_millis(50 + 10 * u64::from(singer)));
        // While it still has its place, so that the host never counts too many.
        door.send(News { singer, what: GOES })?;
    }
    Ok(())
}

struct Room {
    region: Region,
    door: Queue<News>,
    inside: BTreeSet<u32>,
    fullest: usize,
}

impl Room {
    fn print(&self, singer: u32, what: &str) {
        println!("singer {singer} {what:<28} inside: {} of {PLACES} {:?}", self.inside.len(), self.inside);
    }

    /// Lets them sing until all are done, and returns how many songs there were.
    fn evening(&mut self, victim: &mut Child) -> Result<u32> {
        let mut songs = 0;
        while songs < (SINGERS - 1) * SONGS {
            let News { singer, what } = self.door.recv_timeout(Duration::from_secs(30))?;
            match what {
                WAITS => self.print(singer, "is at the door"),
                COMES => {
                    self.inside.insert(singer);
                    self.fullest = self.fullest.max(self.inside.len());
                    self.print(singer, "comes in and sings");
                    if self.inside.len() > PLACES as usize {
                        return Err("too many inside".into());
                    }
                }
                _ => {
                    self.inside.remove(&singer);
                    songs += 1;
                    self.print(singer, "leaves");
                }
            }
            // In the middle of the evening.
            if songs == 3 && self.inside.contains(&VICTIM) {
                victim.kill()?;
                victim.wait()?;
                self.inside.remove(&VICTIM);
                self.print(VICTIM, "is killed, with its place");
            }
        }
        Ok(songs)
    }
}

fn host() -> Result<()> {
    let name = format!("karaoke-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let places = region.semaphore("places").permits(PLACES).bounded().create()?;
    let door = region.queue("door").capacity(64).create()?;
    let start = |singer: u32| Command::new(std::env::current_exe()?).arg(&name).arg(singer.to_string()).spawn();

    let mut room = Room { region, door, inside: BTreeSet::new(), fullest: 0 };
    let mut victim = start(VICTIM)?;
    // It is inside before the others come.
    while room.inside.is_empty() {
        let News { singer, what } = room.door.recv_timeout(Duration::from_secs(30))?;
        if what == COMES {
            room.inside.insert(singer);
        }
        room.print(singer, if what == COMES { "comes in and sings" } else { "is at the door" });
    }
    let others = (1..=SINGERS).filter(|singer| *singer != VICTIM);
    let mut others = others.map(start).collect::<std::io::Result<Vec<Child>>>()?;
    let evening = room.evening(&mut victim);
    if evening.is_err() {
        victim.kill()?;
        others.iter_mut().try_for_each(Child::kill)?;
    }
    let songs = evening?;
    for singer in &mut others {
        singer.wait()?;
    }
    // A process that searches for a place takes back what the dead had; here it may be the host.
    let all = places.acquire_many_timeout(PLACES, Duration::from_secs(1))?;
    println!("{songs} songs, never more than {} inside, all {} places free again", room.fullest, all.count());
    drop((all, room.region));
    Ok(())
}
