//! The keys that the load asks for: written before it begins, removed when the run ends.
//!
//! Not here: the requests of the load itself, which are never waited for.

use crate::commands::{Workload, key_name};
use crate::connection::{Reader, Stream};
use crate::error::ConnectionError;
use redis::ConnectionInfo;
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
pub fn fill(
    stream: &Stream,
    reader: &mut Reader,
    workload: &Workload,
    keys: u32,
    go_on: impl Fn() -> bool,
) -> Result<(), ConnectionError> {
    stream.limit(Some(STEP_TIMEOUT))?;
    let mut bytes = Vec::new();
    let mut waiting = 0;
    for key in 0..keys {
        workload.encode_set(key, &mut bytes);
        waiting += 1;
        let full = waiting == KEYS_A_STEP || bytes.len() >= BYTES_A_STEP || key + 1 == keys;
        if full {
            if !go_on() {
                return Err(ConnectionError::Stopped);
            }
            stream.send_all(&bytes)?;
            (0..waiting).try_for_each(|_| reader.accepted("SET"))?;
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
pub fn clear(server: &ConnectionInfo, keys: u32, go_on: impl Fn() -> bool) -> Result<(), ConnectionError> {
    let stream = Arc::new(Stream::connect(server.addr())?);
    stream.limit(Some(CLEAR_TIMEOUT))?;
    let mut reader = Reader::new(stream);
    reader.log_in(server)?;
    for first in (0..keys).step_by(KEYS_A_REMOVAL as usize) {
        if !go_on() {
            return Err(ConnectionError::Stopped);
        }
        let mut command = redis::cmd("UNLINK");
        for key in first..keys.min(first.saturating_add(KEYS_A_REMOVAL)) {
            command.arg(key_name(key));
        }
        reader.ask("UNLINK", &command)?;
    }
    Ok(())
}
