//! What workers print, line by line: a pipe from each worker for each of its two streams, and a thread that passes whole lines on.

use std::io::{self, PipeReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::supervisor::poll_of;
use crate::sys::SignalsBlocked;

/// How many bytes of a line wait for its end. A longer one is passed on in pieces.
const LINE: usize = 64 << 10;

/// The thread that passes lines on. It ends when this is dropped, and what has come by then is passed on.
#[derive(Debug)]
pub(super) struct Output {
    pipes: Sender<[PipeReader; 2]>,
    bell: UnixStream,
}

impl Output {
    pub(super) fn start() -> io::Result<(Self, JoinHandle<()>)> {
        let (bell, heard) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        let (pipes, new) = mpsc::channel();
        let _blocked = SignalsBlocked::new();
        let thread = thread::Builder::new().name("ipc-pool-output".to_owned()).spawn(move || pass_on(&new, &heard))?;
        Ok((Output { pipes, bell }, thread))
    }

    /// The standard output and the standard error of a new worker.
    pub(super) fn pipes(&self) -> io::Result<[OwnedFd; 2]> {
        let (output, to_output) = io::pipe()?;
        let (errors, to_errors) = io::pipe()?;
        // The thread ends behind this.
        let _ = self.pipes.send([output, errors]);
        let _ = (&self.bell).write(&[1]);
        Ok([to_output.into(), to_errors.into()])
    }
}

/// One stream of a worker.
struct Stream {
    pipe: PipeReader,
    errors: bool,
    /// The beginning of a line.
    begun: Vec<u8>,
}

impl Stream {
    /// Reads what is there, and passes whole lines on. Returns whether there may be more.
    fn read(&mut self) -> bool {
        let before = self.begun.len();
        self.begun.resize(before + LINE, 0);
        let read = self.pipe.read(&mut self.begun[before..]);
        self.begun.truncate(before + read.as_ref().map_or(0, |read| *read));
        match read {
            Ok(0) => {
                self.end();
                false
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => false,
            _ => {
                let whole = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
                let whole = if whole == 0 && self.begun.len() > LINE { self.begun.len() } else { whole };
                self.write(&self.begun[..whole]);
                self.begun.drain(..whole);
                true
            }
        }
    }

    /// Passes on the last line, which has no end.
    fn end(&mut self) {
        if !self.begun.is_empty() {
            self.begun.push(b'\n');
            self.write(&self.begun);
            self.begun.clear();
        }
    }

    /// The streams of this program may be closed: then nobody wants this.
    fn write(&self, lines: &[u8]) {
        let _ = if self.errors { io::stderr().lock().write_all(lines) } else { io::stdout().lock().write_all(lines) };
    }
}

fn pass_on(new: &Receiver<[PipeReader; 2]>, bell: &UnixStream) {
    let mut streams: Vec<Stream> = Vec::new();
    let mut over = false;
    loop {
        let mut wanted = vec![poll_of(bell)];
        wanted.extend(streams.iter().map(|stream| poll_of(&stream.pipe)));
        // At the end only what is there: a program that a task has started may have a pipe open for ever.
        // SAFETY: the length is that of the entries, which live until the call is over.
        let ready = unsafe { libc::poll(wanted.as_mut_ptr(), wanted.len() as libc::nfds_t, if over { 0 } else { -1 }) };
        let mut some = false;
        let mut index = 0;
        streams.retain_mut(|stream| {
            index += 1;
            let ready = ready > 0 && wanted[index].revents != 0;
            some |= ready;
            !ready || stream.read()
        });
        if over && !some {
            streams.iter_mut().for_each(Stream::end);
            return;
        }
        let mut bytes = [0; 64];
        let heard = (&*bell).read(&mut bytes);
        over |= heard.is_ok_and(|read| read == 0);
        for [output, errors] in new.try_iter() {
            let stream = |pipe, errors| Stream { pipe, errors, begun: Vec::new() };
            streams.extend([stream(output, false), stream(errors, true)]);
        }
    }
}
