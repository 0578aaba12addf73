//! The calls of a duplex.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use ipc_posix::{DuplexSide, Region, WaitStrategy};

use super::{Calls, answers, panics, refuses, theirs};
use crate::forked;

const SHORT: Duration = Duration::from_millis(1);

fn soon() -> Instant {
    Instant::now() + SHORT
}

/// Calls every method.
pub fn duplexes(calls: &mut Calls) {
    let region = Region::options().anonymous().expect("a region");
    let duplex = region.duplex::<u64, u8>("duplex").capacity(8).create().expect("new");
    let (mut client, server) = (duplex.client().expect("free"), duplex.server().expect("free"));
    client.send(1).expect("room");
    refuses!(calls, "duplex::Duplex", duplex: server() client() accept() accept_timeout(SHORT) accept_deadline(soon()) connect()
        connect_timeout(SHORT) connect_deadline(soon()));
    panics!(calls, "duplex::Duplex", duplex: holder_pid(DuplexSide::Client));
    answers!(calls, "duplex::Duplex", duplex: clone() capacity());
    refuses!(calls, "duplex::DuplexEnd", client: send(1) try_send(1) send_timeout(1, SHORT) send_deadline(1, soon())
        wait_for_peer() wait_for_peer_timeout(SHORT) wait_for_peer_deadline(soon()));
    refuses!(calls, "duplex::DuplexEnd", server: recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()) wait_readable()
        wait_readable_timeout(SHORT) wait_readable_deadline(soon()));
    panics!(calls, "duplex::DuplexEnd", client: is_disconnected() peer_pid() peer_died());
    answers!(calls, "duplex::DuplexEnd", client: capacity() name() region() side() sender_mut() receiver_mut() set_nonblocking(true)
        wait_strategy() set_wait_strategy(WaitStrategy::Block));
    let side = DuplexSide::Client;
    answers!(calls, "duplex::Side", side: other());
    calls.answers("duplex::DuplexEnd::split", || drop(client.split()));
    let pipe = region.pipe("stream").capacity(8).create().expect("new");
    let (client, server) = (pipe.client().expect("free"), pipe.server().expect("free"));
    refuses!(calls, "io::Write", client: write(b"a"));
    refuses!(calls, "io::Read", server: read(&mut [0; 2]));
}

/// And of values.
pub fn duplexes_of_values(calls: &mut Calls) {
    let region = Region::options().anonymous().expect("a region");
    let duplex = region.value_duplex::<u64, u8>("values").create().expect("new");
    let (mut client, server) = (duplex.client().expect("free"), duplex.server().expect("free"));
    client.send(&1).expect("room");
    refuses!(calls, "duplex::ValueDuplex", duplex: server() client() accept() accept_timeout(SHORT) accept_deadline(soon()) connect()
        connect_timeout(SHORT) connect_deadline(soon()));
    panics!(calls, "duplex::ValueDuplex", duplex: holder_pid(DuplexSide::Client));
    answers!(calls, "duplex::ValueDuplex", duplex: clone() capacity() max_len() bytes() name() region());
    refuses!(calls, "duplex::ValueEnd", client: send(&1) try_send(&1) send_timeout(&1, SHORT) send_deadline(&1, soon())
        wait_for_peer() wait_for_peer_timeout(SHORT) wait_for_peer_deadline(soon()));
    refuses!(calls, "duplex::ValueEnd", server: recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()) wait_readable()
        wait_readable_timeout(SHORT) wait_readable_deadline(soon()));
    panics!(calls, "duplex::ValueEnd", client: is_disconnected() peer_pid() peer_died());
    answers!(calls, "duplex::ValueEnd", client: capacity() max_len() name() region() side() sender_mut() receiver_mut() wait_strategy()
        set_wait_strategy(WaitStrategy::Block));
    calls.answers("duplex::ValueEnd::split", || drop(theirs(&client).split()));
    let ((tx, _rx), (_tx, rx)) = (client.split(), server.split());
    refuses!(calls, "duplex::ValueSender", tx: send(&1) try_send(&1) send_timeout(&1, SHORT) send_deadline(&1, soon()));
    panics!(calls, "duplex::ValueSender", tx: is_disconnected());
    answers!(calls, "duplex::ValueSender", tx: capacity() max_len() name() region() wait_strategy() set_wait_strategy(WaitStrategy::Block));
    refuses!(calls, "duplex::ValueReceiver", rx: recv() try_recv() recv_timeout(SHORT) recv_deadline(soon()) wait_readable()
        wait_readable_timeout(SHORT) wait_readable_deadline(soon()));
    panics!(calls, "duplex::ValueReceiver", rx: is_disconnected());
    answers!(calls, "duplex::ValueReceiver", rx: capacity() max_len() name() region() iter() try_iter() wait_strategy()
        set_wait_strategy(WaitStrategy::Block));
    panics!(calls, "ends of a duplex of values", rx: iter().next() try_iter().next() into_iter().next());
}
