//! The thread of one connection: makes it, makes it again when it ends, and reads the answers.

use super::shared::{Line, Shared, locked};
use crate::answers::Answered;
use crate::commands::Workload;
use crate::connection::{Reader, Stream};
use crate::error::ConnectionError;
use crate::keyspace;
use crate::protocol::{Answer, Protocol};
use pipeline_plugin_api::prelude::Nanos;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LEAST_PAUSE: Nanos = Nanos::from_millis(10);
const MOST_PAUSE: Nanos = Nanos::from_secs(1);
/// How long the server may take to log us in.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Keeps a connection until the load ends.
pub fn run<P: Protocol>(shared: &Shared<P>, line: &Line) {
    let mut pause = LEAST_PAUSE;
    while !shared.stopping() {
        let (answers, why) = live(shared, line);
        down(shared, line);
        shared.troubled(&why.to_string());
        pause = if answers > 0 {
            LEAST_PAUSE
        } else {
            (pause + pause).min(MOST_PAUSE)
        };
        if !shared.wait_until(shared.system.now() + pause) {
            return;
        }
    }
}

/// One life of the connection: how many answers came, and why it ended.
fn live<P: Protocol>(shared: &Shared<P>, line: &Line) -> (u64, ConnectionError) {
    let mut answers = 0;
    let ended = open(shared, line).and_then(|mut reader| {
        loop {
            receive(shared, line, &mut reader)?;
            answers += 1;
        }
    });
    match ended {
        Ok(never) => never,
        Err(why) => (answers, why),
    }
}

fn open<P: Protocol>(shared: &Shared<P>, line: &Line) -> Result<Reader<P>, ConnectionError> {
    let stream = Arc::new(Stream::connect(&shared.server.place)?);
    line.lock().stream = Some(Arc::clone(&stream));
    // Whoever stops the load ends the streams that it sees; one that came later is ended here.
    if shared.stopping() {
        return Err(ConnectionError::Stopped);
    }
    let mut reader = Reader::new(Arc::clone(&stream));
    stream.limit(Some(LOGIN_TIMEOUT))?;
    P::greet(&shared.server, &mut reader)?;
    stream.limit(None)?;
    fill_once(shared, &stream, &mut reader)?;
    let mut state = line.lock();
    state.up = true;
    state.life += 1;
    drop(state);
    shared.untroubled();
    Ok(reader)
}

/// The first connection writes the keys while the others wait.
fn fill_once<P: Protocol>(shared: &Shared<P>, stream: &Stream, reader: &mut Reader<P>) -> Result<(), ConnectionError> {
    if !shared.config.fill {
        return Ok(());
    }
    let mut filled = locked(&shared.filled);
    if !*filled {
        shared.wrote.store(true, Ordering::Release);
        let workload = Workload::new(&shared.config);
        keyspace::fill(stream, reader, &workload, shared.config.keys, || !shared.stopping())?;
        *filled = true;
    }
    Ok(())
}

fn receive<P: Protocol>(shared: &Shared<P>, line: &Line, reader: &mut Reader<P>) -> Result<(), ConnectionError> {
    let answer = reader.answer()?;
    let now = shared.system.now();
    let answered = line.lock().unanswered.answer();
    let due = match answered {
        Answered::Nothing => return Err(ConnectionError::Unasked),
        Answered::GivenUp => {
            shared.settled(1);
            return Ok(());
        }
        Answered::Question(due) => due,
    };
    shared.settled(1);
    let failed = answer != Answer::Good || now - due > shared.config.timeout.nanos();
    let mut tally = shared.tally();
    if failed {
        tally.fail(due);
    } else {
        tally.answer(due, now);
    }
    Ok(())
}

/// What was sent and not answered has failed. A server that all connections lost may have lost its keys.
fn down<P: Protocol>(shared: &Shared<P>, line: &Line) {
    let mut state = line.lock();
    let was_up = std::mem::take(&mut state.up);
    state.stream = None;
    let count = state.unanswered.len();
    let failed = state.unanswered.abandon();
    drop(state);
    shared.settled(count);
    let mut tally = shared.tally();
    failed.for_each(|due| tally.fail(due));
    drop(tally);
    if was_up && shared.up() == 0 {
        *locked(&shared.filled) = false;
    }
}
