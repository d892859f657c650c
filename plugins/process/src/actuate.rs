//! `process.affinity` and `process.control`: on which CPUs the processes of a target run, and whether they do. The only
//! room here that changes how workloads run that this run did not start.
//!
//! Leases, sets and dry runs are dealt with by the host; which value is wise is a policy's business.

mod affinity;
mod control;
mod cpusets;
mod crowd;
mod ending;
mod family;
mod hold;
mod pause;
mod strangers;
#[cfg(test)]
mod tests;

pub use affinity::Affinity;
pub use control::ControlProcesses;

use crate::parse::ProcStat;
use crowd::Crowd;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;
use std::os::unix::fs::MetadataExt;
use strangers::Kin;

fn unknown(target: TargetId) -> Failure {
    Failure {
        target,
        ..Failure::retry("the target has no processes that are known here")
    }
}

fn not_held(target: TargetId) -> Failure {
    Failure::gone(target, "nothing is held of it")
}

fn not_started() -> Failure {
    Failure::fatal("asked to act before it was started")
}

/// The processes of a target, none of which is this program or the machine's first.
///
/// # Errors
/// One of them is; then none is touched.
fn others(crowd: &mut Crowd, kin: &Kin<'_>) -> Result<Vec<Process>> {
    let all = crowd.processes(kin);
    let own = std::process::id();
    match all.iter().find(|process| process.pid == own || process.pid == 1) {
        Some(Process { pid: 1, .. }) => Err(Failure::retry("the machine's first process is among the target's")),
        Some(_) => Err(Failure::retry(
            "this program itself is among the target's processes; name others",
        )),
        None => Ok(all),
    }
}

/// The guardian puts back what this program left if it is killed; it is a child of this program and runs the same one.
///
/// # Errors
/// It is that process.
fn not_the_guardian(stat: &ProcStat) -> Result<()> {
    let program = |of: &str| {
        let meta = std::fs::metadata(format!("/proc/{of}/exe")).ok()?;
        Some((meta.dev(), meta.ino()))
    };
    let is_guardian = stat.parent == std::process::id()
        && program("self").is_some_and(|own| program(&stat.pid.to_string()) == Some(own));
    match is_guardian {
        true => Err(Failure::retry(
            "the guardian of this run is among the target's processes; name others",
        )),
        false => Ok(()),
    }
}

/// What the kernel said of a process or thread, and how to mend it.
fn refused(what: &str, id: u32, error: &std::io::Error) -> Failure {
    let mend = match Errno::from_io_error(error) {
        Some(Errno::PERM) => "; it is another user's, so run as that user or as root",
        _ => "",
    };
    Failure::retry(format!("cannot {what} {id}: {error}{mend}"))
}
