//! Where contracts are played.

use std::cell::{RefCell, UnsafeCell};
use std::ptr::NonNull;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use ipc_core::Platform;
use ipc_core::memory::{Memory, OBJECT_ALIGN};
use ipc_core::object::{Blueprint, Host};
use ipc_core::platform::SpinPlatform;
use ipc_posix::{Posix, Region};

use super::{Line, Role, Side};
use crate::children::{self, Args, Child, TempName};
use crate::watchdog::Watchdog;

/// Far more than any contract takes.
const LIMIT: Duration = Duration::from_secs(120);

/// Ordinary memory for one object.
pub struct Block(Vec<UnsafeCell<Piece>>);

#[derive(Clone, Copy)]
#[repr(C, align(128))]
struct Piece([u8; OBJECT_ALIGN]);

// SAFETY: the bytes are reached through `memory` only, whose users access them as atomics.
unsafe impl Sync for Block {}

impl Block {
    fn new<B: Blueprint>(wanted: &B) -> Self {
        let bytes = usize::try_from(wanted.bytes().expect("a possible object")).expect("an object that fits");
        Block((0..bytes.div_ceil(OBJECT_ALIGN)).map(|_| UnsafeCell::new(Piece([0; OBJECT_ALIGN]))).collect())
    }

    fn memory(&self) -> Memory<'_> {
        let base = NonNull::new(self.0.as_ptr().cast_mut().cast()).expect("a vector has an address");
        // SAFETY: the bytes are owned by self, initialised, aligned by the type, and not accessible otherwise.
        unsafe { Memory::from_raw(base, self.0.len() * OBJECT_ALIGN) }
    }
}

/// The objects of a contract.
pub trait Objects {
    /// Their handles.
    type Handles<'m, P: Platform>;

    /// Memory for each.
    fn blocks(&self) -> Vec<Block>;

    /// Lays them out.
    ///
    /// # Safety
    ///
    /// Nobody else uses the blocks yet.
    unsafe fn lay<'m, P: Platform + Copy>(&self, blocks: &'m [Block], platform: P) -> Self::Handles<'m, P>;

    /// Finds them.
    fn attach<'m, P: Platform + Copy>(&self, blocks: &'m [Block], platform: P) -> Self::Handles<'m, P>;

    /// Creates them in a region.
    fn create(&self, region: &Region) -> Self::Handles<'static, Posix>;

    /// Opens them in a region.
    fn open(&self, region: &Region) -> Self::Handles<'static, Posix>;
}

/// One object.
pub struct One<B>(pub B);

/// Two objects.
pub struct Two<A, B>(pub A, pub B);

impl<B: Blueprint> Objects for One<B> {
    type Handles<'m, P: Platform> = B::Handle<'m, P>;

    fn blocks(&self) -> Vec<Block> {
        vec![Block::new(&self.0)]
    }

    unsafe fn lay<'m, P: Platform + Copy>(&self, blocks: &'m [Block], platform: P) -> B::Handle<'m, P> {
        // SAFETY: the caller's promise.
        unsafe { self.0.create(blocks[0].memory(), platform) }.expect("the block is large enough")
    }

    fn attach<'m, P: Platform + Copy>(&self, blocks: &'m [Block], platform: P) -> B::Handle<'m, P> {
        self.0.attach(blocks[0].memory(), platform).expect("it was laid out")
    }

    fn create(&self, region: &Region) -> B::Handle<'static, Posix> {
        Host::create(region, "object", &self.0).expect("a new object")
    }

    fn open(&self, region: &Region) -> B::Handle<'static, Posix> {
        Host::open(region, "object", &self.0).expect("it was created")
    }
}

impl<A: Blueprint, B: Blueprint> Objects for Two<A, B> {
    type Handles<'m, P: Platform> = (A::Handle<'m, P>, B::Handle<'m, P>);

    fn blocks(&self) -> Vec<Block> {
        vec![Block::new(&self.0), Block::new(&self.1)]
    }

    unsafe fn lay<'m, P: Platform + Copy>(&self, blocks: &'m [Block], platform: P) -> Self::Handles<'m, P> {
        // SAFETY: the caller's promise.
        let first = unsafe { self.0.create(blocks[0].memory(), platform) };
        // SAFETY: as above.
        let second = unsafe { self.1.create(blocks[1].memory(), platform) };
        (first.expect("the block is large enough"), second.expect("the block is large enough"))
    }

    fn attach<'m, P: Platform + Copy>(&self, blocks: &'m [Block], platform: P) -> Self::Handles<'m, P> {
        let first = self.0.attach(blocks[0].memory(), platform);
        (first.expect("it was laid out"), self.1.attach(blocks[1].memory(), platform).expect("it was laid out"))
    }

    fn create(&self, region: &Region) -> Self::Handles<'static, Posix> {
        let first = Host::create(region, "first", &self.0).expect("a new object");
        (first, Host::create(region, "second", &self.1).expect("a new object"))
    }

    fn open(&self, region: &Region) -> Self::Handles<'static, Posix> {
        let first = Host::open(region, "first", &self.0).expect("it was created");
        (first, Host::open(region, "second", &self.1).expect("it was created"))
    }
}

/// Between threads.
struct Thread {
    to: Sender<String>,
    from: Receiver<String>,
}

impl Thread {
    fn pair() -> (Self, Self) {
        let (to_two, from_one) = channel();
        let (to_one, from_two) = channel();
        (Thread { to: to_two, from: from_two }, Thread { to: to_one, from: from_one })
    }
}

impl Line for Thread {
    fn say(&self, step: &str) {
        self.to.send(step.to_owned()).expect("the other actor plays on");
    }

    fn hear(&self) -> String {
        self.from.recv().expect("the other actor plays on")
    }

    fn kill(&self) {
        panic!("a thread cannot be killed alone")
    }
}

/// Plays both roles, each in a thread. `enter` makes the handles in the thread that uses them, the first actor's first.
fn threads<H>(enter: impl Fn(Side) -> H + Sync, play: impl Fn(&H, &Role<'_>) + Sync) {
    let (line_one, line_two) = Thread::pair();
    let (enter, play) = (&enter, &play);
    std::thread::scope(|scope| {
        let one = enter(Side::One);
        scope.spawn(move || {
            let line = line_two;
            play(&enter(Side::Two), &Role::new(Side::Two, &line));
        });
        // Dropped when this actor fails, so that the other one does not wait for it.
        let line = line_one;
        play(&one, &Role::new(Side::One, &line));
    });
}

/// Ordinary memory, and two participants that spin.
pub struct Heap {
    blocks: Vec<Block>,
    participants: [SpinPlatform; 2],
}

impl Heap {
    /// Memory for these objects.
    #[must_use]
    pub fn new<O: Objects>(wanted: &O) -> Self {
        Heap { blocks: wanted.blocks(), participants: [SpinPlatform::new(1), SpinPlatform::new(2)] }
    }

    /// Plays a contract, once, with a thread for each participant.
    pub fn play<'m, O: Objects + Sync>(
        &'m self,
        name: &str,
        wanted: &O,
        play: impl Fn(&O::Handles<'m, &'m SpinPlatform>, &Role<'_>) + Sync,
    ) {
        let _watchdog = Watchdog::new(LIMIT, name);
        let [one, two] = &self.participants;
        let enter = |side| match side {
            // SAFETY: the second actor comes when the first has laid them out, and this is played once.
            Side::One => unsafe { wanted.lay(&self.blocks, one) },
            Side::Two => wanted.attach(&self.blocks, two),
        };
        threads(enter, play);
    }
}

/// Plays a contract with two threads that have opened the region each for itself.
pub fn in_region<O: Objects + Sync>(
    name: &str,
    wanted: &O,
    play: impl Fn(&O::Handles<'static, Posix>, &Role<'_>) + Sync,
) {
    let _watchdog = Watchdog::new(LIMIT, name);
    let file = TempName::new("contract");
    let enter = |side| match side {
        Side::One => wanted.create(&region(&file)),
        Side::Two => wanted.open(&Region::open(file.as_str()).expect("it was created")),
    };
    threads(enter, play);
}

fn region(file: &TempName) -> Region {
    Region::options().participants(64).create(file.as_str()).expect("a new region")
}

/// The second actor's process.
struct Parent(RefCell<Child>);

impl Line for Parent {
    fn say(&self, step: &str) {
        self.0.borrow_mut().say(step);
    }

    fn hear(&self) -> String {
        self.0.borrow_mut().hear()
    }

    fn kill(&self) {
        self.0.borrow_mut().sigkill();
    }
}

/// The line of the second actor's process to the first.
struct Pipe;

impl Line for Pipe {
    fn say(&self, step: &str) {
        children::say(step);
    }

    fn hear(&self) -> String {
        children::hear()
    }

    fn kill(&self) {
        panic!("the first actor is the test")
    }
}

/// Plays the first actor of a contract here, and the second one in a process of its own, which calls [`second`].
pub fn between_processes<O: Objects>(name: &str, wanted: &O, play: impl Fn(&O::Handles<'static, Posix>, &Role<'_>)) {
    let _watchdog = Watchdog::new(LIMIT, name);
    let file = TempName::new("contract");
    let objects = wanted.create(&region(&file));
    let child = Parent(RefCell::new(children::spawn(name, &[("region", file.as_str())])));
    play(&objects, &Role::new(Side::One, &child));
}

/// Plays the second actor of a contract.
pub fn second<O: Objects>(args: &Args, wanted: &O, play: impl Fn(&O::Handles<'static, Posix>, &Role<'_>)) {
    let objects = wanted.open(&Region::open(&args.get("region")).expect("it was created"));
    play(&objects, &Role::new(Side::Two, &Pipe));
}
