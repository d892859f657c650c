//! The keys that the load asks for: written before it begins, removed when the run ends.
//!
//! Not here: the requests of the load itself, which are never waited for.

use crate::commands::{Workload, key_name};
use crate::connection::{Reader, Stream};
use crate::error::ConnectionError;
use crate::protocol::Protocol;
use crate::server::Server;
use std::sync::Arc;
use std::time::Duration;

/// How long the server may take for one step of these.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// The same at the end of a run, which must not wait long.
const CLEAR_TIMEOUT: Duration = Duration::from_millis(250);
const KEYS_A_STEP: u32 = 128;
const BYTES_A_STEP: usize = 64 << 10;
const KEYS_A_REMOVAL: u32 = 1000;

/// Writes all keys. `go_on` is asked between steps.
///
/// # Errors
/// The connection broke, the server refused, or it was not to go on.
pub fn fill<P: Protocol>(
    stream: &Stream,
    reader: &mut Reader<P>,
    workload: &Workload,
    keys: u32,
    go_on: impl Fn() -> bool,
) -> Result<(), ConnectionError> {
    stream.limit(Some(STEP_TIMEOUT))?;
    let mut bytes = Vec::new();
    let mut waiting = 0;
    for key in 0..keys {
        workload.encode_set::<P>(key, &mut bytes);
        waiting += 1;
        let full = waiting == KEYS_A_STEP || bytes.len() >= BYTES_A_STEP || key + 1 == keys;
        if full {
            if !go_on() {
                return Err(ConnectionError::Stopped);
            }
            stream.send_all(&bytes)?;
            (0..waiting).try_for_each(|_| reader.accepted(P::SET))?;
            bytes.clear();
            waiting = 0;
        }
    }
    Ok(stream.limit(None)?)
}

/// Removes all keys. `go_on` is asked between steps.
///
/// # Errors
/// The server went, it refused, or it took too long: keys are left.
pub fn clear<P: Protocol>(server: &Server, keys: u32, go_on: impl Fn() -> bool) -> Result<(), ConnectionError> {
    let stream = Arc::new(Stream::connect(&server.place)?);
    stream.limit(Some(CLEAR_TIMEOUT))?;
    let mut reader = Reader::<P>::new(Arc::clone(&stream));
    P::greet(server, &mut reader)?;
    let mut bytes = Vec::new();
    for first in (0..keys).step_by(KEYS_A_REMOVAL as usize) {
        if !go_on() {
            return Err(ConnectionError::Stopped);
        }
        let step = first..keys.min(first.saturating_add(KEYS_A_REMOVAL));
        let names: Vec<String> = step.map(key_name).collect();
        bytes.clear();
        let answers = P::remove(&names, &mut bytes);
        stream.send_all(&bytes)?;
        (0..answers).try_for_each(|_| reader.accepted(P::REMOVE))?;
    }
    Ok(())
}
