//! Open descriptors as arguments: they go to the process over a socket, and the argument's bytes say which one.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::socket;
use crate::region::Region;

/// The most descriptors that go with arguments, besides the two that each new process gets.
const MOST: usize = socket::MOST - 2;

thread_local! {
    /// What this thread writes, or reads, as arguments just now.
    static TRAVELLING: RefCell<Option<Travelling>> = const { RefCell::new(None) };
    /// Whether something was written that wants to go beside the bytes.
    static WANTED: Cell<bool> = const { Cell::new(false) };
}

enum Travelling {
    Out(Luggage),
    In(Vec<Option<OwnedFd>>, Option<String>),
}

/// What goes beside the bytes of arguments.
#[derive(Default)]
pub(crate) struct Luggage {
    /// Regions without a name, each once, and descriptors of them.
    regions: Vec<(u128, OwnedFd)>,
    /// Other descriptors.
    open: Vec<OwnedFd>,
    /// Why one could not be taken.
    pub(crate) trouble: Option<io::Error>,
}

impl Luggage {
    /// How many regions there are, and how many other descriptors.
    pub(crate) fn counts(&self) -> [u16; 2] {
        [self.regions.len(), self.open.len()].map(|count| u16::try_from(count).unwrap_or(u16::MAX))
    }

    /// Whether nothing goes beside the bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.counts() == [0; 2]
    }

    /// Keeps these many only: those of before.
    pub(crate) fn cut_to(&mut self, [regions, open]: [u16; 2]) {
        self.regions.truncate(regions.into());
        self.open.truncate(open.into());
    }

    /// All of them, the regions first.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.regions.iter().map(|(_, fd)| fd.as_fd()).chain(self.open.iter().map(AsFd::as_fd))
    }

    /// Notes one more of these; if there is none, why.
    fn take<T>(&mut self, copy: io::Result<T>) -> Result<T, &'static str> {
        let room = self.regions.len() + self.open.len() < MOST;
        let copy = if room { copy } else { Err(io::Error::other(format!("at most {MOST} go with arguments"))) };
        copy.map_err(|error| {
            self.trouble = Some(error);
            "a descriptor cannot be passed on"
        })
    }
}

/// An open descriptor as an argument of a task: a connection, a file, a pipe. The process gets a copy of it. The one here is closed
/// when the arguments are dropped, which [`spawn`](super::spawn) does; a call of a [`Pool`](crate::pool::Pool) keeps a copy until it has its outcome.
///
/// It is made from whatever owns a descriptor, and becomes that again:
///
/// ```no_run
/// use std::io::Write;
/// use std::net::{TcpListener, TcpStream};
///
/// use ipc_posix::process::{self, Descriptor};
///
/// fn greet(connection: Descriptor) {
///     let _ = TcpStream::from(connection.into_inner()).write_all(b"hello\n");
/// }
/// ipc_posix::task!(greet);
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     process::init();
///     let listener = TcpListener::bind("127.0.0.1:7000")?;
///     loop {
///         let (connection, _) = listener.accept()?;
///         process::spawn(greet, connection.into())?;
///     }
/// }
/// ```
///
/// Outside of the arguments of a task it can be neither written nor read: a queue refuses it, and so does a task's result.
/// Up to 251 descriptors go with the arguments of one process, or of one call of a pool, those of regions without a name included.
#[derive(Debug)]
pub struct Descriptor {
    open: OwnedFd,
    /// Which one of those that are being written it is: of a copy that was read back from what was written.
    number: Option<u32>,
}

impl Descriptor {
    /// Returns the descriptor itself.
    pub fn into_inner(self) -> OwnedFd {
        self.open
    }
}

impl<F: Into<OwnedFd>> From<F> for Descriptor {
    fn from(open: F) -> Self {
        Descriptor { open: open.into(), number: None }
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.open.as_fd()
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WANTED.set(true);
        let number = TRAVELLING.with_borrow_mut(|travelling| match (travelling, self.number) {
            (Some(Travelling::Out(_)), Some(number)) => Ok(number),
            (Some(Travelling::Out(luggage)), None) => {
                let copy = luggage.take(self.open.try_clone())?;
                luggage.open.push(copy);
                Ok(luggage.open.len() as u32 - 1)
            }
            _ => Err("a descriptor is written as an argument of a task only"),
        });
        serializer.serialize_u32(number.map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        let index = number as usize;
        let none = "no such descriptor has arrived";
        let found = TRAVELLING.with_borrow_mut(|travelling| match travelling {
            Some(Travelling::In(list, _)) => {
                let open = list.get_mut(index).and_then(Option::take).ok_or(none)?;
                Ok(Descriptor { open, number: None })
            }
            // The sender reads back what it has written, in debug builds.
            Some(Travelling::Out(luggage)) => {
                let copy = luggage.open.get(index).ok_or(none)?.try_clone();
                Ok(Descriptor { open: luggage.take(copy)?, number: Some(number) })
            }
            None => Err("a descriptor is read as an argument of a task only"),
        });
        found.map_err(|why| {
            keep_reason(&why);
            D::Error::custom(why)
        })
    }
}

/// Takes a region without a name along, if arguments are being written.
pub(crate) fn carry(region: &Region) -> Result<(), &'static str> {
    WANTED.set(true);
    TRAVELLING.with_borrow_mut(|travelling| match travelling {
        Some(Travelling::Out(luggage)) if luggage.regions.iter().all(|(known, _)| *known != region.identity()) => {
            let copy = luggage.take(region.try_clone_fd().map_err(io::Error::other))?;
            luggage.regions.push((region.identity(), copy));
            Ok(())
        }
        _ => Ok(()),
    })
}

/// Keeps what a part of the arguments could not be read for, since the format's own errors have no room for a text.
pub(crate) fn keep_reason(why: &dyn Display) {
    TRAVELLING.with_borrow_mut(|travelling| {
        if let Some(Travelling::In(_, reason)) = travelling {
            reason.get_or_insert_with(|| why.to_string());
        }
    });
}

/// Puts back what the thread did before, also if it panics.
struct Before(Option<Travelling>);

impl Before {
    fn begin(travelling: Travelling) -> Self {
        Before(TRAVELLING.replace(Some(travelling)))
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        TRAVELLING.set(self.0.take());
    }
}

/// Writes what has nothing beside its bytes, as a rule. Returns whether it has something all the same: then it has to be [`written`].
pub(crate) fn written_alone<R>(write: impl FnOnce() -> R) -> (R, bool) {
    WANTED.set(false);
    let result = write();
    (result, WANTED.get())
}

/// Lets this thread write arguments. What is to go with them is added to this.
pub(crate) fn written<R>(luggage: &mut Luggage, write: impl FnOnce() -> R) -> R {
    let _before = Before::begin(Travelling::Out(std::mem::take(luggage)));
    let result = write();
    if let Some(Travelling::Out(more)) = TRAVELLING.take() {
        *luggage = more;
    }
    result
}

/// Lets this thread read arguments, to which these descriptors belong. It takes those that are read. Returns why a part of them could not be
/// read, too.
pub(crate) fn read<R>(open: &mut Vec<Option<OwnedFd>>, read: impl FnOnce() -> R) -> (R, Option<String>) {
    let _before = Before::begin(Travelling::In(std::mem::take(open), None));
    let result = read();
    match TRAVELLING.take() {
        Some(Travelling::In(left, reason)) => {
            *open = left;
            (result, reason)
        }
        _ => (result, None),
    }
}
