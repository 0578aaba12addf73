//! Two processes admit patients, a third one treats the most urgent first: Python's `PriorityQueue`.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example patients
//! ```
//!
//! It prints the process ids of the two. Kill one of them with `kill -9`: the other one goes on, the patients that the dead one has
//! admitted are treated in their order, and the end comes when no process is left that admits.

use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;

use ipc_posix::Region;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Patients that each of the two admits.
const PATIENTS: u64 = 100;

/// How urgent they are, in turn: lower is sooner.
const URGENCIES: [i64; 3] = [10, 30, 20];

/// Who has admitted the patient, and how many it had admitted before.
type Patient = [u64; 2];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => hospital(),
        [_, region, desk] => admit(region, desk.parse()?),
        _ => Err("this program takes no arguments".into()),
    }
}

fn hospital() -> Result<()> {
    let name = format!("patients-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let waiting = region.priority_queue::<i64, Patient>("waiting").capacity(8).create()?;
    let mut desks = (0..2)
        .map(|desk| Ok(Command::new(std::env::current_exe()?).arg(&name).arg(desk.to_string()).spawn()?))
        .collect::<Result<Vec<Child>>>()?;
    for (desk, child) in desks.iter().enumerate() {
        println!("desk {desk} is process {0}: kill -9 {0}", child.id());
    }

    // The tutorial's three.
    let three = region.priority_queue::<i64, char>("three").capacity(3).create()?;
    for (urgency, patient) in URGENCIES.into_iter().zip(['Q', 'Z', 'A']) {
        three.send(urgency, patient)?;
    }
    println!("three in a row: {:?}, {:?}, {:?}", three.recv()?, three.recv()?, three.recv()?);

    // The end of both, however they end, is the end of the queue.
    let closing = waiting.clone();
    let ends = std::thread::spawn(move || {
        let ends: Vec<_> = desks.iter_mut().map(|child| child.wait().is_ok_and(|status| status.success())).collect();
        closing.close().map(|_| ends)
    });
    let mut treated = [vec![], vec![]];
    for (urgency, [desk, number]) in &waiting {
        treated[desk as usize].push((urgency, number));
    }
    let ends = ends.join().map_err(|_| "the thread has failed")??;
    for (desk, (finished, mut treated)) in ends.into_iter().zip(treated).enumerate() {
        // Of equal urgency, the one that came first is treated first: this keeps such in their order.
        treated.sort_by_key(|(urgency, _)| *urgency);
        if !treated.is_sorted() {
            return Err(format!("the patients of desk {desk} were not treated in their order: {treated:?}").into());
        }
        treated.sort_by_key(|(_, number)| *number);
        if !treated.iter().copied().eq(URGENCIES.into_iter().cycle().zip(0..treated.len() as u64)) {
            return Err(format!("the patients of desk {desk} are not right: {treated:?}").into());
        }
        let end = if finished { "has closed" } else { "was killed" };
        println!("desk {desk} {end}: {} patients treated, each once", treated.len());
    }
    Ok(())
}

/// One of the two, which knows only names.
fn admit(region: &str, desk: u64) -> Result<()> {
    let waiting = Region::open(region)?.priority_queue::<i64, Patient>("waiting").open()?;
    for (urgency, number) in URGENCIES.into_iter().cycle().zip(0..PATIENTS) {
        std::thread::sleep(Duration::from_millis(3));
        // Blocks while eight are waiting.
        waiting.send(urgency, [desk, number]).map_err(|error| error.without_value())?;
    }
    Ok(())
}
