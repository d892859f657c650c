//! Reading `/proc` and `/sys` about processes and CPUs. No arithmetic, and nothing is written here.

use crate::parse::{self, ProcStat, TaskStat};
use pipeline_cgroup_fs::CpuSet;
use std::io;
use std::path::Path;

/// What `/proc/PID/stat` says now.
///
/// # Errors
/// The process is not there, or `proc` is no `/proc`.
pub fn task_stat(proc: &Path, pid: u32) -> io::Result<TaskStat> {
    let text = std::fs::read(proc.join(format!("{pid}/stat")))?;
    parse::task_stat(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// What `/proc/PID/stat` says now of what a process is chosen by.
///
/// # Errors
/// The process is not there, or `proc` is no `/proc`.
pub fn proc_stat(proc: &Path, pid: u32) -> io::Result<ProcStat> {
    let text = std::fs::read(proc.join(format!("{pid}/stat")))?;
    parse::proc_stat(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// What all processes say now; those that end meanwhile are left out.
pub fn processes(proc: &Path) -> Vec<TaskStat> {
    let entries = std::fs::read_dir(proc).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| task_stat(proc, pid).ok())
        .collect()
}

/// The CPUs that are online (`Documentation/ABI/testing/sysfs-devices-system-cpu`).
///
/// # Errors
/// The file cannot be read or understood.
pub fn online_cpus() -> io::Result<CpuSet> {
    let text = std::fs::read("/sys/devices/system/cpu/online")?;
    CpuSet::try_from(text.as_slice()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_among_all() {
        let own = task_stat(Path::new("/proc"), std::process::id()).unwrap();
        assert!(
            processes(Path::new("/proc"))
                .iter()
                .any(|found| found.start_time == own.start_time && found.pid == own.pid)
        );
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        let tree = tempfile::tempdir().unwrap();
        assert_eq!(task_stat(tree.path(), 7).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn some_cpu_is_online() {
        assert!(!online_cpus().unwrap().is_empty());
    }
}
