//! What a queue should do, told with a `VecDeque`: tickets that are messages, that somebody still writes, or that
//! were given up after their holder's death.

use std::collections::VecDeque;

/// A ticket that was taken and not consumed.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<T> {
    Message(T),
    /// Taken, not published. `marked`: a later ticket exists, so the slot says who holds this one.
    Busy {
        owner: u16,
        marked: bool,
    },
    /// Given up.
    Void,
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMessage {
    Empty,
    Closed,
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    Full,
    Closed,
}

/// How an overwriting send ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Forced<T> {
    Sent(Option<T>),
    Contended(Option<T>),
    Closed,
}

#[derive(Clone, Debug)]
pub struct Model<T> {
    pub capacity: usize,
    pub entries: VecDeque<Entry<T>>,
    /// Tickets given out, and positions passed, since the beginning.
    pub sent: u64,
    pub received: u64,
    pub given_up: u64,
    /// A closing was begun (perhaps by somebody who died), and it was completed.
    pub closing: bool,
    pub closed: bool,
}

impl<T: Clone + PartialEq> Model<T> {
    pub fn new(capacity: usize) -> Self {
        Model { capacity, entries: VecDeque::new(), sent: 0, received: 0, given_up: 0, closing: false, closed: false }
    }

    pub fn is_full(&self) -> bool {
        self.entries.len() == self.capacity
    }

    /// Somebody who wants the next ticket writes down who holds the newest.
    pub fn mark(&mut self) {
        if let Some(Entry::Busy { marked, .. }) = self.entries.back_mut() {
            *marked = true;
        }
    }

    fn ticket(&mut self, entry: Entry<T>) {
        self.mark();
        self.entries.push_back(entry);
        self.sent += 1;
    }

    /// Takes a ticket without publishing it: a producer that stops there.
    pub fn claim(&mut self, owner: u16) -> Result<(), NotSent> {
        self.room()?;
        self.ticket(Entry::Busy { owner, marked: false });
        Ok(())
    }

    fn room(&self) -> Result<(), NotSent> {
        if self.closed {
            Err(NotSent::Closed)
        } else if self.is_full() {
            Err(NotSent::Full)
        } else {
            Ok(())
        }
    }

    /// One attempt, which leaves what the dead have left.
    fn push(&mut self, value: T) -> Result<(), NotSent> {
        if !self.closed {
            self.mark();
        }
        self.room()?;
        self.ticket(Entry::Message(value));
        Ok(())
    }

    pub fn try_send(&mut self, value: T, is_dead: impl Fn(u16) -> bool) -> Result<(), NotSent> {
        match self.push(value.clone()) {
            Err(NotSent::Full) if self.make_room(is_dead) => self.push(value),
            result => result,
        }
    }

    /// Gives up the oldest ticket if its holder is dead, and passes over what was given up.
    fn make_room(&mut self, is_dead: impl Fn(u16) -> bool) -> bool {
        if let Some(&Entry::Busy { owner, .. }) = self.entries.front()
            && is_dead(owner)
        {
            self.sweep(owner);
        }
        let full = self.entries.len();
        self.pass_voids();
        self.entries.len() < full
    }

    fn pass_voids(&mut self) {
        while self.entries.front() == Some(&Entry::Void) {
            self.drop_front();
        }
    }

    fn drop_front(&mut self) -> Option<Entry<T>> {
        let entry = self.entries.pop_front()?;
        self.received += 1;
        Some(entry)
    }

    /// Gives up what the dead `owner` had not published.
    pub fn sweep(&mut self, owner: u16) {
        for entry in &mut self.entries {
            if matches!(entry, Entry::Busy { owner: holder, .. } if *holder == owner) {
                *entry = Entry::Void;
                self.given_up += 1;
            }
        }
    }

    pub fn try_recv(&mut self, is_dead: impl Fn(u16) -> bool) -> Result<T, NoMessage> {
        loop {
            self.pass_voids();
            match self.entries.front().cloned() {
                Some(Entry::Message(value)) => {
                    self.drop_front();
                    return Ok(value);
                }
                Some(Entry::Busy { owner, marked }) => {
                    if !marked && !self.closing {
                        return Err(NoMessage::Empty);
                    }
                    if !marked {
                        self.closed = true;
                    }
                    if !is_dead(owner) {
                        return Err(NoMessage::Empty);
                    }
                    self.sweep(owner);
                }
                _ if self.closing => {
                    self.closed = true;
                    return Err(NoMessage::Closed);
                }
                _ => return Err(NoMessage::Empty),
            }
        }
    }

    pub fn force_send(&mut self, value: T, is_dead: impl Fn(u16) -> bool) -> Forced<T> {
        let mut displaced = None;
        for _ in 0..8 {
            match self.push(value.clone()) {
                Ok(()) => return Forced::Sent(displaced),
                Err(NotSent::Closed) if displaced.is_none() => return Forced::Closed,
                Err(NotSent::Full) if displaced.is_none() => {
                    if !self.make_room(&is_dead) {
                        displaced = self.try_recv(&is_dead).ok();
                    }
                }
                Err(_) => break,
            }
        }
        Forced::Contended(displaced)
    }

    pub fn peek(&self) -> Option<T> {
        match self.entries.front() {
            Some(Entry::Message(value)) => Some(value.clone()),
            _ => None,
        }
    }

    pub fn is_closed(&mut self) -> bool {
        self.closed |= self.closing;
        self.closed
    }

    /// `true` if this call began the closing, whichever process completed it.
    pub fn close(&mut self) -> bool {
        self.closed = true;
        !std::mem::replace(&mut self.closing, true)
    }
}
