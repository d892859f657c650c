//! `process.affinity` and `process.control`: on which CPUs the processes of a target run, and whether they do. The only
//! room here that changes how workloads run that this run did not start.
//!
//! Leases, sets and dry runs are dealt with by the host; which value is wise is a policy's business.

mod affinity;
mod control;
mod cpusets;
mod crowd;
mod ending;
mod hold;
mod pause;
#[cfg(test)]
mod tests;

pub use affinity::Affinity;
pub use control::ControlProcesses;

use crowd::Crowd;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;

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
fn others(crowd: &mut Crowd) -> Result<Vec<Process>> {
    let all = crowd.processes();
    let own = std::process::id();
    match all.iter().find(|process| process.pid == own || process.pid == 1) {
        Some(Process { pid: 1, .. }) => Err(Failure::retry("the machine's first process is among the target's")),
        Some(_) => Err(Failure::retry(
            "this program itself is among the target's processes; name others",
        )),
        None => Ok(all),
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
