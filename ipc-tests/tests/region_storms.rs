//! Many processes create and open the same things at once, and some are killed in it.

#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use ipc_posix::{Region, RegionOptions};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(240);

const ROLES: &[Role] = &[("create_region", create_region), ("create_objects", create_objects)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn options(args: &Args) -> RegionOptions {
    Region::options().dir(args.get("dir")).size(1 << 18).without_tmpfile(args.get("tmpfile") == "no")
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Anything from nothing to what a creation takes.
    fn dawdle(&mut self) {
        for _ in 0..self.roll(60_000) {
            std::hint::spin_loop();
        }
    }
}

fn create_region(args: &Args) {
    children::say("ready");
    assert_eq!(children::hear(), "go");
    let region = options(args).open_or_create("storm").unwrap();
    let queue = region.queue::<u64>("tokens").capacity(64).open_or_create().unwrap();
    queue.try_send(args.number("number")).unwrap();
    children::say(&region.identity().to_string());
}

/// Starts all at the same time, and kills the first few at any moment. What the others said.
fn race(children: &mut [Child], killed: usize, dice: &mut Dice) -> Vec<String> {
    children.iter_mut().for_each(|child| child.expect("ready"));
    children.iter_mut().for_each(|child| child.say("go"));
    for child in &mut children[..killed] {
        dice.dawdle();
        child.sigkill();
    }
    children[killed..].iter_mut().map(|child| child.hear()).collect()
}

/// Survivors have the same region, whole; and once somebody has created it, no litter is left.
#[test]
fn creators_of_a_region_are_killed() {
    let _watchdog = Watchdog::new(LIMIT, "creators_of_a_region_are_killed");
    let dir = TempName::new("storm-dir");
    fs::create_dir(dir.path()).unwrap();
    let mut dice = Dice(0x5eed);
    for round in 0..24 {
        let tmpfile = if round % 2 == 0 { "yes" } else { "no" };
        let path = dir.path();
        let spawn = |number: u64| {
            let number = number.to_string();
            let args = [("dir", path.to_str().unwrap()), ("tmpfile", tmpfile), ("number", &number)];
            children::spawn("create_region", &args)
        };
        let mut children: Vec<Child> = (0..5).map(spawn).collect();
        let said = race(&mut children, 3, &mut dice);
        assert_eq!(said[0], said[1], "one region");
        let options = Region::options().dir(&path).without_tmpfile(tmpfile == "no");
        let region = options.open("storm").unwrap();
        assert_eq!(region.identity().to_string(), said[0]);
        let queue = region.queue::<u64>("tokens").open().unwrap();
        let tokens: Vec<u64> = queue.try_iter().collect();
        assert!(tokens.contains(&3) && tokens.contains(&4), "{tokens:?}");
        assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len(), "{tokens:?}");
        options.unlink("storm").unwrap();
        // The next creation removes what killed ones have left.
        drop(options.create("storm").unwrap());
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["storm"], "round {round}");
        options.unlink("storm").unwrap();
    }
    fs::remove_dir(dir.path()).unwrap();
}

fn create_objects(args: &Args) {
    let region = options(args).open("storm").unwrap();
    children::say("ready");
    assert_eq!(children::hear(), "go");
    let number = args.number("number");
    for object in 0..6 {
        // The same names, in another order each.
        let name = format!("object-{}", (object + number) % 6);
        let queue = region.queue::<u64>(&name).capacity(8).open_or_create().unwrap();
        queue.try_send(number).unwrap();
    }
    children::say("done");
}

/// Objects are created by many at once, and some creators are killed: each name is one whole object, which everybody has.
#[test]
fn creators_of_objects_are_killed() {
    let _watchdog = Watchdog::new(LIMIT, "creators_of_objects_are_killed");
    let dir = TempName::new("storm-dir");
    fs::create_dir(dir.path()).unwrap();
    let mut dice = Dice(0xd1ce);
    for round in 0..12 {
        let path = dir.path();
        let options = Region::options().dir(&path).size(1 << 18);
        let region = options.create("storm").unwrap();
        let spawn = |number: u64| {
            let number = number.to_string();
            let args = [("dir", path.to_str().unwrap()), ("tmpfile", "yes"), ("number", &number)];
            children::spawn("create_objects", &args)
        };
        let mut children: Vec<Child> = (0..5).map(spawn).collect();
        assert_eq!(race(&mut children, 3, &mut dice), ["done", "done"]);
        let mut names: Vec<String> = region.list().iter().map(|object| object.name.to_string()).collect();
        assert!(region.list().iter().all(|object| object.shape.is_ok()));
        names.sort();
        assert_eq!(names, (0..6).map(|object| format!("object-{object}")).collect::<Vec<_>>(), "round {round}");
        for name in names {
            let tokens: Vec<u64> = region.queue::<u64>(&name).open().unwrap().try_iter().collect();
            assert!(tokens.contains(&3) && tokens.contains(&4), "{name}: {tokens:?}");
        }
        options.unlink("storm").unwrap();
    }
    fs::remove_dir(dir.path()).unwrap();
}
