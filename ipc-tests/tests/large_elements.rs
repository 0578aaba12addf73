//! Objects with large elements, used from a thread with a small stack: no value of the library's own lies on it.
//!
//! An overflow ends the process, so each use is a process of its own.

#![cfg(not(loom))]

use std::mem::MaybeUninit;
use std::time::Duration;

use bytemuck::Pod;
use ipc_posix::Region;
use ipc_tests::children::{self, Args, Role};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(300);
const STACK: usize = 256 << 10;

type Large = [u8; 8 << 20];
type Huge = [u8; 64 << 20];

const ROLES: &[Role] = &[("use", play)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// What is done with a region that has room for it.
type Use = (&'static str, u64, fn(&Region));

macro_rules! uses {
    ($($name:ident($mib:literal) $do:expr;)*) => {
        const USES: &[Use] = &[$((stringify!($name), $mib << 20, $do)),*];
    };
}

uses! {
    mutex_huge(160) |region| {
        region.mutex::<Huge>("m").create().unwrap();
        let mutex = region.mutex::<Huge>("m").open().unwrap();
        let mut guard = mutex.lock().unwrap();
        guard[63 << 20] = 7;
        assert_eq!((guard[0], guard[63 << 20]), (0, 7));
    };
    mutex(40) |region| {
        let mutex = region.mutex::<Large>("m").open_or_create().unwrap();
        mutex.try_lock().unwrap().fill(5);
        assert_eq!(region.mutex::<Large>("m").wait_open().unwrap().lock().unwrap()[8 << 19], 5);
    };
    reentrant_mutex(40) |region| {
        region.reentrant_mutex::<Large>("m").create().unwrap();
        let mutex = region.reentrant_mutex::<Large>("m").open().unwrap();
        let guard = mutex.lock().unwrap();
        let mut copy = Box::new_uninit();
        let value = guard.get_uninit(&mut copy).unwrap();
        value[3] += 1;
        guard.set_from(value).unwrap();
        assert_eq!(mutex.lock().unwrap().get_uninit(&mut Box::new_uninit()).unwrap()[3], 1);
    };
    mutex_array(80) |region| {
        region.mutex_array::<Large>("m").len(2).create().unwrap();
        let mutex = region.mutex_array::<Large>("m").open().unwrap();
        mutex.lock().unwrap()[1][9] = 3;
        let mut change = mutex.lock_transaction().unwrap();
        change[0][9] = change[1][9];
        change.commit().unwrap();
        assert_eq!(mutex.lock().unwrap()[0][9], 3);
    };
    rwlock(40) |region| {
        region.rwlock::<Large>("l").create().unwrap();
        let lock = region.rwlock::<Large>("l").open().unwrap();
        lock.write().unwrap()[9] = 3;
        assert_eq!(lock.read().unwrap()[9], 3);
    };
    rwlock_array(80) |region| {
        region.rwlock_array::<Large>("l").len(2).create().unwrap();
        let lock = region.rwlock_array::<Large>("l").open().unwrap();
        lock.write().unwrap()[1][9] = 3;
        assert_eq!(lock.read().unwrap()[1][9], 3);
    };
    watch_huge(300) |region| {
        assert!(region.watch::<Huge>("w").open_or_create().unwrap_err().to_string().contains("initial value was not said"));
        region.watch::<Huge>("w").zeroed().create().unwrap();
        let watch = region.watch::<Huge>("w").open().unwrap();
        let mut reader = watch.subscribe().unwrap();
        assert!(reader.try_changed_uninit(&mut Box::new_uninit()).unwrap_err().is_unchanged());
        let mut copy = Box::new_uninit();
        let value = watch.get_uninit(&mut copy).unwrap();
        value[1 << 20] += 1;
        assert_eq!(watch.set_from(value), Ok(1));
        assert_eq!(watch.try_set_from(value), Ok(2));
        assert_eq!(watch.set_from_timeout(value, LIMIT), Ok(3));
        assert_eq!(reader.changed_uninit(&mut copy).unwrap()[1 << 20], 1);
        assert_eq!(reader.seen(), 3);
        assert!(reader.changed_uninit_timeout(&mut copy, Duration::ZERO).unwrap_err().is_timeout());
        assert_eq!(reader.get_uninit(&mut copy).unwrap()[0], 0);
        assert_eq!(reader.from(0).try_changed_uninit(&mut copy).unwrap()[1 << 20], 1);
    };
    once_cell_huge(80) |region| {
        region.once_cell::<Huge>("o").create().unwrap();
        let cell = region.once_cell::<Huge>("o").open().unwrap();
        let mut copy = Box::new_uninit();
        assert_eq!(cell.get_uninit(&mut copy).map(|value| value.is_none()), Ok(true));
        assert!(cell.wait_uninit_timeout(&mut copy, Duration::ZERO).unwrap_err().is_timeout());
        cell.set_from(&*filled(7)).unwrap();
        assert!(cell.set_from(&*filled(8)).unwrap_err().is_already_set());
        assert!(cell.try_set_from(&*filled(9)).unwrap_err().is_already_set());
        assert_eq!(cell.wait_uninit(&mut copy).unwrap()[5], 7);
        assert_eq!(cell.get_uninit(&mut copy).unwrap().unwrap()[6], 7);
    };
    broadcast_huge(150) |region| {
        region.broadcast::<Huge>("b").capacity(2).create().unwrap();
        let news = region.broadcast::<Huge>("b").open().unwrap();
        let (mut subscriber, mut copy) = (news.subscribe().unwrap(), Box::new_uninit());
        assert!(subscriber.try_recv_uninit(&mut copy).unwrap_err().is_empty());
        let message = filled(4);
        assert_eq!(news.publish_from(&*message), Ok(0));
        assert_eq!(news.try_publish_from(&*message), Ok(1));
        assert_eq!(subscriber.recv_uninit(&mut copy).unwrap()[9], 4);
        assert_eq!(subscriber.try_recv_uninit(&mut copy).unwrap()[9], 4);
        assert!(subscriber.recv_uninit_timeout(&mut copy, Duration::ZERO).unwrap_err().is_timeout());
        assert_eq!(news.close(), Ok(true));
        assert!(news.publish_from_timeout(&*message, LIMIT).unwrap_err().is_closed());
        assert!(subscriber.recv_uninit(&mut copy).unwrap_err().is_closed());
    };
    broadcast_that_waits(40) |region| {
        let news = region.broadcast::<Large>("b").capacity(2).wait_for_subscribers(1).open_or_create().unwrap();
        let _subscriber = news.subscribe().unwrap();
        let message = filled(4);
        assert_eq!([news.publish_from(&*message), news.publish_from(&*message)], [Ok(0), Ok(1)]);
        assert!(news.try_publish_from(&*message).unwrap_err().is_full());
        assert!(news.publish_from_timeout(&*message, Duration::ZERO).unwrap_err().is_timeout());
    };
    queue(40) |region| {
        region.queue::<Large>("q").capacity(2).create().unwrap();
        let queue = region.queue::<Large>("q").open().unwrap();
        moves(&|values| queue.send_slice(values).unwrap(), &mut |places| queue.recv_uninit(places).unwrap().len());
    };
    stack(40) |region| {
        region.stack::<Large>("q").capacity(2).create().unwrap();
        let queue = region.stack::<Large>("q").open().unwrap();
        moves(&|values| queue.send_slice(values).unwrap(), &mut |places| queue.recv_uninit(places).unwrap().len());
    };
    level_queue(40) |region| {
        region.level_queue::<Large>("q").levels(2).capacity(1).create().unwrap();
        let queue = region.level_queue::<Large>("q").open().unwrap();
        moves(&|values| queue.send_slice(1, values).unwrap(), &mut |places| queue.recv_uninit(places).unwrap().len());
    };
    priority_queue(80) |region| {
        region.priority_queue::<u8, Large>("q").capacity(2).create().unwrap();
        let queue = region.priority_queue::<u8, Large>("q").open().unwrap();
        assert!(queue.is_empty());
    };
    spsc(40) |region| {
        region.spsc::<Large>("q").capacity(2).create().unwrap();
        let queue = region.spsc::<Large>("q").open().unwrap();
        let (mut producer, mut consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
        producer.send_slice(std::slice::from_ref(&*filled::<Large>(6))).unwrap();
        let mut place = Box::new_uninit();
        assert_eq!(consumer.recv_uninit(std::slice::from_mut(&mut place)).unwrap()[0][5], 6);
    };
    duplex(80) |region| {
        region.duplex::<Large, Large>("d").capacity(2).create().unwrap();
        let duplex = region.duplex::<Large, Large>("d").open().unwrap();
        let (mut server, mut client) = (duplex.server().unwrap(), duplex.client().unwrap());
        client.sender_mut().send_slice(std::slice::from_ref(&*filled::<Large>(6))).unwrap();
        let mut place = Box::new_uninit();
        assert_eq!(server.receiver_mut().recv_uninit(std::slice::from_mut(&mut place)).unwrap()[0][5], 6);
    };
    loan_queue(80) |region| {
        region.loan_queue::<Large>("l").blocks(2).block_len(1).create().unwrap();
        let queue = region.loan_queue::<Large>("l").open().unwrap();
        queue.send_copy(std::slice::from_ref(&*filled::<Large>(6))).unwrap();
        let mut place = Box::new_uninit();
        let message = queue.recv().unwrap();
        assert_eq!(message.elements().copy_to_uninit(std::slice::from_mut(&mut place))[0][5], 6);
    };
    work_queue(80) |region| {
        region.work_queue::<Large>("w").capacity(2).leases(1).create().unwrap();
        assert!(region.work_queue::<Large>("w").open().unwrap().is_empty());
    };
    map(80) |region| {
        region.map::<u8, Large>("m").capacity(2).create().unwrap();
        assert!(region.map::<u8, Large>("m").open().unwrap().is_empty());
    };
    vector(80) |region| {
        region.vector::<Large>("v").capacity(2).create().unwrap();
        let vector = region.vector::<Large>("v").open().unwrap();
        vector.extend_from_slice(std::slice::from_ref(&*filled::<Large>(6))).unwrap();
        vector.lock().unwrap()[0][3] += 1;
        assert_eq!(vector.lock().unwrap()[0][3], 7);
        let mut copy = filled::<Large>(0);
        assert_eq!(vector.read(0, std::slice::from_mut(&mut *copy)), Ok(1));
        assert_eq!(copy[3], 7);
    };
}

/// A value on the heap whose bytes are all this one.
fn filled<T: Pod>(byte: u8) -> Box<T> {
    let mut value = Box::<T>::new_uninit();
    // SAFETY: all bytes are written, and any bits are a `T`.
    unsafe {
        value.as_mut_ptr().write_bytes(byte, 1);
        value.assume_init()
    }
}

/// A message goes through a queue, from the heap to the heap.
fn moves(send: &dyn Fn(&[Large]), recv: &mut dyn FnMut(&mut [MaybeUninit<Large>]) -> usize) {
    send(std::slice::from_ref(&*filled(6)));
    let mut place = Box::<Large>::new_uninit();
    assert_eq!(recv(std::slice::from_mut(&mut place)), 1);
    // SAFETY: received.
    assert_eq!(unsafe { place.assume_init() }[5], 6);
}

fn play(args: &Args) {
    let (_, bytes, what) = USES.iter().find(|(name, ..)| *name == args.get("what")).unwrap();
    let region = Region::options().size(*bytes).anonymous().unwrap();
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || what(&region));
    thread.unwrap().join().unwrap();
}

#[test]
fn nothing_of_an_elements_size_lies_on_the_stack() {
    let _watchdog = Watchdog::new(LIMIT, "nothing_of_an_elements_size_lies_on_the_stack");
    let fails = |what: &&str| !children::spawn("use", &[("what", what)]).wait().success();
    let failed: Vec<&str> = USES.iter().map(|(name, ..)| *name).filter(fails).collect();
    assert!(failed.is_empty(), "these overflow a stack of {STACK} bytes: {failed:?}");
}
