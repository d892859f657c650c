//! Who this process is, as `/proc` tells. No arithmetic.

use crate::parse;
use pipeline_plugin_api::prelude::*;

/// This process with its start time, which tells it from a later one with its id.
///
/// # Errors
/// `/proc/self/stat` cannot be read or is not as proc(5) says.
pub fn own() -> Result<Process> {
    const STAT: &str = "/proc/self/stat";
    let text = std::fs::read_to_string(STAT)
        .map_err(|error| Failure::fatal(format!("cannot read `{STAT}`: {error}; is `/proc` mounted?")))?;
    let start_time = parse::start_time(&text)
        .ok_or_else(|| Failure::fatal(format!("`{STAT}` has no start time; it reads `{}`", text.trim_end())))?;
    Ok(Process {
        pid: std::process::id(),
        start_time,
    })
}
