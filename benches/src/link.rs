//! A way from one side to the other, in a form that fits every contender: one side that sends a number of messages, one that receives
//! them, between two threads or between two processes.
//!
//! The loop over the messages is each side's own, so that the call through the box is paid once a run.

use std::error::Error;
use std::thread;
use std::time::Duration;

use crate::floor::Shared;
use crate::pin;
use crate::second::{Role, Second};
use crate::start::Start;

/// What went wrong, of whichever library.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One side: does what it does for this many messages.
pub type Side = Box<dyn FnMut(u64)>;

/// A way between processes. The first process creates it and receives; the second attaches by the address and sends.
pub struct Link {
    /// Its name in the tables, by which the second process finds it, too.
    pub name: &'static str,
    /// Creates what is needed: the address for the second process (anything but a space) and the receiving side.
    pub create: fn() -> Result<(String, Side)>,
    /// The sending side.
    pub attach: fn(&str) -> Result<Side>,
}

/// The name of the second process's role.
pub const ROLE: &str = "link";

/// A contender between two processes: this many messages from the second process to this one.
///
/// # Errors
///
/// Those of the library, or if there is no second process.
pub fn between_processes(cpus: [usize; 2], link: &Link) -> Result<impl FnMut(u64) -> Duration + use<>> {
    between_processes_as(cpus, ROLE, link)
}

/// [`between_processes`] with another role for the second process, which plays that with [`play`].
///
/// # Errors
///
/// As there.
pub fn between_processes_as(
    [here, there]: [usize; 2],
    role: &str,
    link: &Link,
) -> Result<impl FnMut(u64) -> Duration + use<>> {
    let (address, mut receive) = (link.create)()?;
    let start = Shared::<Start>::create()?;
    let mut second = Second::start(role, there, &[&start.fd(), &link.name, &address])?;
    Ok(move |n| {
        let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
        second.run(n).expect("the second process is alive");
        let begun = start.release();
        receive(n);
        begun.elapsed()
    })
}

/// The second process of [`between_processes`], for one of these links.
///
/// # Errors
///
/// Those of the library, or if there is no such link.
pub fn play(role: Role, links: &[Link]) -> Result<()> {
    let start = Shared::<Start>::inherit(role.arg(0)?)?;
    let (name, address) = (role.arg::<String>(1)?, role.arg::<String>(2)?);
    let link = links.iter().find(|link| link.name == name).ok_or_else(|| format!("no such link: {name}"))?;
    let mut send = (link.attach)(&address)?;
    role.play(|n| {
        start.arrive();
        send(n);
    })?;
    Ok(())
}

/// A contender between two threads of this process. `make` makes the sending and the receiving side anew for each run.
pub fn between_threads<S: FnMut(u64) + Send, R: FnMut(u64)>(
    [here, there]: [usize; 2],
    mut make: impl FnMut() -> (S, R),
) -> impl FnMut(u64) -> Duration {
    move |n| {
        let (mut send, mut receive) = make();
        let start = Start::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                pin::to(there).expect("the cores were allowed when the benchmark began");
                start.arrive();
                send(n);
            });
            let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
            let begun = start.release();
            receive(n);
            begun.elapsed()
        })
    }
}
