//! A program that wants another type than the one that an object holds is told so when it opens the object.

#![cfg(not(loom))]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use ipc_posix::{ObjectError, Queue, Region, TypeName};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("opener", opener)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// Another program: it opens the queue as one of floats.
fn opener(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    children::say(&said(region.queue::<f64>("prices").open()));
    children::say(&said(region.queue::<f64>("prices").open_or_create()));
    children::say(&said(region.queue::<u64>("prices").open()));
}

fn said<T>(result: Result<T, ObjectError>) -> String {
    match result {
        Ok(_) => "opened".into(),
        Err(error) => error.to_string(),
    }
}

/// A queue of `u64` does not open as one of `f64`, which is as large.
#[test]
fn another_program_wants_another_type() {
    let _watchdog = Watchdog::new(LIMIT, "another_program_wants_another_type");
    let name = TempName::new("types");
    let region = Region::create(name.as_str()).unwrap();
    region.queue::<u64>("prices").create().unwrap().send(250).unwrap();
    let mut child = children::spawn("opener", &[("name", name.as_str())]);
    child.expect("queue \"prices\": type f64 here, u64 in the region");
    child.expect("queue \"prices\": type f64 here, u64 in the region");
    child.expect("opened");
    assert!(child.wait().success());
    assert_eq!(region.queue::<u64>("prices").open().unwrap().recv(), Ok(250));
}

/// Creates an object with these numbers and opens it with those.
macro_rules! refused {
    ($region:ident: $($method:ident::<$made:ty, or $wanted:ty> $(.$option:ident($value:expr))*;)+) => {$(
        let name = stringify!($method);
        $region.$method::<$made>(name)$(.$option($value))*.create().unwrap();
        let error = said($region.$method::<$wanted>(name).open());
        let (wanted, found) = (TypeName::of::<$wanted>(), TypeName::of::<$made>());
        assert!(error.ends_with(&format!("\"{name}\": type {wanted} here, {found} in the region")), "{error}");
        assert_eq!(said($region.$method::<$made>(name).open()), "opened");
        assert_eq!(said($region.$method::<$wanted>(name).any_type().open()), "opened");
    )+};
}

#[test]
fn each_kind_compares_its_type() {
    let region = Region::options().size(16 << 20).objects(64).anonymous().unwrap();
    refused!(region:
        queue::<u64, or f64>;
        spsc::<u64, or f64>;
        stack::<u64, or f64>;
        level_queue::<u64, or f64>.levels(2);
        work_queue::<u64, or f64>;
        broadcast::<u64, or f64>;
        loan_queue::<u64, or f64>.blocks(4).block_len(4);
        vector::<u64, or f64>.capacity(4);
        mutex::<u64, or f64>;
        mutex_array::<u64, or f64>.len(4);
        reentrant_mutex::<u64, or f64>;
        rwlock::<u64, or f64>;
        rwlock_array::<u64, or f64>.len(4);
        once_cell::<u64, or f64>;
        watch::<u64, or f64>.initial(0);
        value_mutex::<String, or Vec<u8>>;
        value_queue::<String, or Vec<u8>>;
        value_work_queue::<String, or Vec<u8>>;
    );
    // Two types each.
    region.map::<u64, u32>("map").capacity(4).create().unwrap();
    assert_eq!(
        said(region.map::<u64, f32>("map").open()),
        "map \"map\": type (u64, f32) here, (u64, u32) in the region"
    );
    assert_eq!(
        said(region.map::<f64, u32>("map").open()),
        "map \"map\": type (f64, u32) here, (u64, u32) in the region"
    );
    region.priority_queue::<i64, u32>("keys").create().unwrap();
    let error = said(region.priority_queue::<u64, u32>("keys").open());
    assert_eq!(error, "priority queue \"keys\": type (u64, u32) here, (i64, u32) in the region");
    region.duplex::<u64, i64>("duplex").create().unwrap();
    let error = said(region.duplex::<i64, u64>("duplex").open());
    assert_eq!(error, "duplex \"duplex\": type (i64, u64) here, (u64, i64) in the region");
    region.value_duplex::<String, u8>("values").create().unwrap();
    let error = said(region.value_duplex::<u8, String>("values").open());
    assert_eq!(error, "duplex \"values\": type (u8, String) here, (String, u8) in the region");
    // Bytes are of no type, and numbers have another check.
    region.byte_queue("bytes").create().unwrap();
    region.byte_queue("bytes").open().unwrap();
    region.atomic::<u64>("number").create().unwrap();
    assert_eq!(said(region.atomic::<f64>("number").open()), "atomic cell \"number\": type f64 here, u64 in the region");
}

mod shop {
    use super::{Pod, Zeroable};

    #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
    #[repr(C)]
    pub struct Order {
        pub id: u64,
        pub cents: u64,
    }
    pub const ORDER: u64 = ipc_posix::schema!(Order { id: u64, cents: u64 });
}

mod till {
    use super::{Pod, Zeroable};

    #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
    #[repr(C)]
    pub struct Order {
        pub cents: u64,
        pub id: u64,
    }
    pub const ORDER: u64 = ipc_posix::schema!(Order { cents: u64, id: u64 });
}

/// The path to a type is not compared: the swapped fields are told by the number that is made from them.
#[test]
fn swapped_fields() {
    let region = Region::options().anonymous().unwrap();
    region.queue::<shop::Order>("orders").schema(shop::ORDER).create().unwrap();
    let error = said(region.queue::<till::Order>("orders").schema(till::ORDER).open());
    let wanted = format!("queue \"orders\": schema {} here, {} in the region", till::ORDER, shop::ORDER);
    assert_eq!(error, wanted);
    region.queue::<shop::Order>("old").create().unwrap();
    assert_eq!(said(region.queue::<till::Order>("old").open()), "opened");
    let error = said(region.queue::<shop::Order>("old").schema(2).open());
    assert_eq!(error, "queue \"old\": schema 2 here, 0 in the region");
}

#[test]
fn a_chosen_name() {
    let region = Region::options().anonymous().unwrap();
    region.queue::<u64>("prices").type_name("Cents").create().unwrap();
    assert_eq!(said(region.queue::<u64>("prices").open()), "queue \"prices\": type u64 here, Cents in the region");
    assert_eq!(said(region.queue::<i64>("prices").type_name("shop::Cents").open()), "opened");
    let list = region.list().remove(0);
    assert!(list.to_string().contains(", type Cents, "), "{list}");
    assert_eq!(list.shape.unwrap().type_name, TypeName::chosen("Cents"));
    // A creator without a name: nobody compares one.
    region.queue::<u64>("any").any_type().create().unwrap();
    assert_eq!(said(region.queue::<f64>("any").open()), "opened");
    assert!(!region.list()[1].to_string().contains("type"));
    // Bytes can have a name, too.
    region.byte_queue("frames").type_name("protobuf").create().unwrap();
    assert_eq!(said(region.byte_queue("frames").open()), "opened");
    let error = said(region.byte_queue("frames").type_name("json").open());
    assert_eq!(error, "byte queue \"frames\": type json here, protobuf in the region");
}

/// A handle that travels does not know which name its object has: the type is compared, but not a chosen name.
#[test]
fn handles_travel_to_chosen_names() {
    let region = Region::options().anonymous().unwrap();
    let travel = |queue: &Queue<u64>| serde_json::to_string(queue).unwrap();
    let chosen = travel(&region.queue("chosen").type_name("Cents").create().unwrap());
    assert!(serde_json::from_str::<Queue<u64>>(&chosen).is_ok());
    let plain = travel(&region.queue("plain").create().unwrap());
    let error = serde_json::from_str::<Queue<f64>>(&plain).unwrap_err().to_string();
    assert_eq!(error, "queue \"plain\": type f64 here, u64 in the region");
    let any = travel(&region.queue("any").any_type().create().unwrap());
    assert!(serde_json::from_str::<Queue<u64>>(&any).is_ok());
}

#[test]
fn a_read_only_region_compares_and_shows_it() {
    let name = TempName::new("read-only");
    let region = Region::create(name.as_str()).unwrap();
    region.watch::<u64>("level").initial(7).create().unwrap();
    let looking = Region::open_read_only(name.as_str()).unwrap();
    let error = looking.watch::<f64>("level").open().unwrap_err();
    assert_eq!(error.to_string(), "watch \"level\": type f64 here, u64 in the region");
    assert_eq!(looking.watch::<u64>("level").open().unwrap().get(), Ok(7));
    assert!(looking.watch::<f64>("level").any_type().open().is_ok());
    assert!(looking.watch::<f64>("level").type_name("u64").open().is_ok());
    assert!(looking.list()[0].to_string().contains(", type u64, "));
}

/// What another process writes over the name is an error, whatever the bytes are.
#[test]
fn a_spoilt_name() {
    let region = Region::options().anonymous().unwrap();
    region.queue::<u64>("prices").create().unwrap();
    let place = region.list()[0].offset + 48;
    for (bytes, shown) in [(*b"\xff\xfe\x80\x80", "without a name"), (*b"a\n\x1b\0", "a\\n\\u{1b}")] {
        let file = File::from(region.try_clone_fd().unwrap());
        file.write_all_at(&bytes, place).unwrap();
        let error = said(region.queue::<u64>("prices").open());
        assert_eq!(error, format!("queue \"prices\": type u64 here, {shown} in the region"));
        assert_eq!(region.list().len(), 1);
    }
}
