//! One client of the control socket: what it sent so far, what it waits for, what it has not read yet.
//!
//! Nothing here blocks, and each step has its time: one who is slow, silent or talks nonsense loses its connection.

use super::pending::{PATIENCE, Pending};
use super::talk::{Reply, request};
use crate::run::shared::Shared;
use pipeline_plugin_api::abi::Nanos;
use rustix::event::PollFlags;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// The longest request, in bytes.
pub const MOST_REQUEST: usize = 64 << 10;
/// How long a client may take to send its request, and to take its reply.
pub const SLOWEST: Nanos = Nanos::from_secs(5);

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    stage: Stage,
    /// When its step is over.
    until: Nanos,
}

#[derive(Debug)]
enum Stage {
    Asks(Vec<u8>),
    Waits(Pending),
    Takes(Vec<u8>),
    Done,
}

impl Client {
    /// One that has just come and may ask; the stream does not block.
    pub fn new(stream: UnixStream, now: Nanos) -> Self {
        Self {
            stream,
            stage: Stage::Asks(Vec::new()),
            until: now + SLOWEST,
        }
    }

    /// One that is refused.
    pub fn refused(stream: UnixStream, now: Nanos, why: &str) -> Self {
        let mut client = Self::new(stream, now);
        client.reply(now, &Reply::Error(why.to_owned()));
        client
    }

    /// What it is polled for.
    pub fn wants(&self) -> PollFlags {
        match self.stage {
            Stage::Asks(_) => PollFlags::IN,
            Stage::Takes(_) => PollFlags::OUT,
            Stage::Waits(_) | Stage::Done => PollFlags::empty(),
        }
    }

    /// When its step is over.
    pub fn until(&self) -> Nanos {
        self.until
    }

    /// Whether it waits for nodes, which ring no bell.
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waits(_))
    }

    /// Whether nothing is left to be done for it.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// It left.
    pub fn leave(&mut self) {
        self.stage = Stage::Done;
    }

    /// Does what can be done now.
    pub fn step(&mut self, now: Nanos, shared: &Shared, graph: &str) {
        let is_over = now >= self.until;
        match &mut self.stage {
            Stage::Asks(_) => {
                self.listen(now, shared, graph);
                if is_over && matches!(self.stage, Stage::Asks(_)) {
                    self.reply(now, &Reply::Error(format!("no request within {SLOWEST}")));
                }
            }
            Stage::Takes(_) if is_over => self.stage = Stage::Done,
            Stage::Takes(_) => self.write(),
            Stage::Waits(_) | Stage::Done => {}
        }
        if let Stage::Waits(pending) = &mut self.stage
            && let Some(reply) = pending.look(shared, now >= self.until)
        {
            self.reply(now, &reply);
        }
    }

    fn listen(&mut self, now: Nanos, shared: &Shared, graph: &str) {
        let Stage::Asks(heard) = &mut self.stage else { return };
        let mut bytes = [0; 4096];
        let has_ended = loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => break true,
                Ok(read) => {
                    heard.extend_from_slice(&bytes[..read]);
                    if heard.len() > MOST_REQUEST || bytes[..read].contains(&b'\n') {
                        break false;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break true,
            }
        };
        let line = heard.iter().position(|byte| *byte == b'\n');
        let line = line.or(has_ended.then_some(heard.len()));
        match line {
            Some(0) if has_ended => self.stage = Stage::Done,
            Some(end) if end <= MOST_REQUEST => {
                let heard = std::mem::take(heard);
                self.ask(now, &heard[..end], shared, graph);
            }
            None if heard.len() <= MOST_REQUEST => {}
            _ => {
                let why = format!("the request is longer than {MOST_REQUEST} bytes");
                self.reply(now, &Reply::Error(why));
            }
        }
    }

    fn ask(&mut self, now: Nanos, line: &[u8], shared: &Shared, graph: &str) {
        match request(line).and_then(|request| Pending::begin(request, shared, graph)) {
            Ok(pending) => {
                self.stage = Stage::Waits(pending);
                self.until = now + PATIENCE;
            }
            Err(why) => self.reply(now, &Reply::Error(why)),
        }
    }

    fn reply(&mut self, now: Nanos, reply: &Reply) {
        self.stage = Stage::Takes(reply.line());
        self.until = now + SLOWEST;
        self.write();
    }

    fn write(&mut self) {
        let Stage::Takes(left) = &mut self.stage else { return };
        while !left.is_empty() {
            match self.stream.write(left) {
                Ok(written @ 1..) => drop(left.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => break,
            }
        }
        self.stage = Stage::Done;
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
