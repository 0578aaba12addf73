//! A traffic light and cars: the light is an event in shared memory, each car is a process that waits for green.
//!
//! ```sh
//! cargo run --release -p ipc-posix --example traffic_light
//! ```
//!
//! Green lets everybody go who waits; red holds up those who come later. Then the light is replaced by a gate that lets one car
//! through at a time (an event that resets itself), and a car that breaks down before the gate holds up nobody.

use std::error::Error;
use std::process::{Child, Command};

use bytemuck::{Pod, Zeroable};
use ipc_posix::{Event, Queue, Region};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What a car tells the junction, which prints it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Report {
    car: u32,
    what: u32,
}

const ARRIVES: u32 = 0;
const DRIVES: u32 = 1;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match &args[..] {
        [_] => junction(),
        [_, region, car, place] => drive(region, car.parse()?, place),
        _ => Err("this program takes no arguments".into()),
    }
}

struct Junction {
    name: String,
    reports: Queue<Report>,
}

impl Junction {
    fn car(&self, number: u32, place: &str) -> Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        Ok(command.arg(&self.name).arg(number.to_string()).arg(place).spawn()?)
    }

    /// Prints the next `count` reports, which have to be of this kind.
    fn watch(&self, count: usize, what: u32) -> Result<()> {
        for _ in 0..count {
            let report = self.reports.recv()?;
            println!("  car {} {}", report.car, if report.what == ARRIVES { "arrives" } else { "drives" });
            if report.what != what {
                return Err("a car has run a red light".into());
            }
        }
        Ok(())
    }
}

fn set(light: &Event, colour: &str, green: bool) -> Result<()> {
    println!("  the light is {colour}");
    if green {
        light.set()?
    } else {
        light.clear()?
    };
    Ok(())
}

fn junction() -> Result<()> {
    let name = format!("traffic-{}", std::process::id());
    let region = Region::options().remove_with_last(true).create(&name)?;
    let light = region.event("light").create()?;
    let gate = region.event("gate").auto_reset().create()?;
    let junction = Junction { reports: region.queue("reports").capacity(64).create()?, name };

    println!("a light:");
    set(&light, "red", false)?;
    let mut cars = (1..=3).map(|car| junction.car(car, "light")).collect::<Result<Vec<_>>>()?;
    junction.watch(3, ARRIVES)?;
    set(&light, "green", true)?;
    junction.watch(3, DRIVES)?;
    set(&light, "red", false)?;
    cars.push(junction.car(4, "light")?);
    junction.watch(1, ARRIVES)?;
    if junction.reports.recv_timeout(std::time::Duration::from_millis(50)).is_ok() {
        return Err("a car has run a red light".into());
    }
    println!("  car 4 waits");
    set(&light, "green", true)?;
    junction.watch(1, DRIVES)?;

    println!("a gate that lets one through at a time:");
    let mut waiting = (5..=7).map(|car| junction.car(car, "gate")).collect::<Result<Vec<_>>>()?;
    junction.watch(3, ARRIVES)?;
    waiting[0].kill()?;
    waiting[0].wait()?;
    println!("  car 5 breaks down");
    for _ in 0..2 {
        println!("  the gate opens once");
        gate.set()?;
        junction.watch(1, DRIVES)?;
    }
    for mut car in cars.into_iter().chain(waiting) {
        car.wait()?;
    }
    println!("everybody has passed who could");
    Ok(())
}

/// A car, a process of its own, which knows only names.
fn drive(region: &str, car: u32, place: &str) -> Result<()> {
    let region = Region::open(region)?;
    let reports = region.queue::<Report>("reports").open()?;
    let event = match place {
        "light" => region.event("light").open()?,
        _ => region.event("gate").auto_reset().open()?,
    };
    reports.send(Report { car, what: ARRIVES })?;
    event.wait()?;
    reports.send(Report { car, what: DRIVES })?;
    Ok(())
}
