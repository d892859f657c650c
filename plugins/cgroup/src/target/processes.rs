//! The processes of a group, each with its start time, so that a later one of the same id is not taken for it.

use pipeline_cgroup_fs::Group;
use pipeline_plugin_api::prelude::*;
use std::path::Path;

/// The processes of the group with these directories; none of those that left meanwhile.
pub fn of(dirs: &[CgroupDir]) -> Vec<Process> {
    let told = dirs
        .iter()
        .map(|dir| (dir.controller.as_str(), Path::new(dir.path.as_str()), dir.inode));
    let listed = Group::of_directories(told).and_then(|group| group.processes());
    // A threaded group lists none, and one that is gone is told soon.
    let pids = listed.unwrap_or_default();
    pids.into_iter().filter_map(process).collect()
}

fn process(pid: u32) -> Option<Process> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(Process {
        pid,
        start_time: start_time(&text)?,
    })
}

/// Field 22 of `/proc/PID/stat` (proc_pid_stat(5)); the second is in parentheses and may hold anything.
fn start_time(text: &str) -> Option<u64> {
    text.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_whatever_the_command_is_called() {
        let text = "77 (a) b 1 (c) S 1 77 77 0 -1 4194560 116 0 0 0 0 0 0 0 20 0 1 0 252048 2744320 0";
        assert_eq!(start_time(text), Some(252_048));
        assert_eq!(start_time("77 (sh) S 1"), None);
        assert_eq!(start_time(""), None);
    }

    #[test]
    fn a_process_that_left_is_not_listed() {
        let own = process(std::process::id()).unwrap();
        assert!(own.start_time > 0);
        assert_eq!(process(u32::MAX), None);
    }
}
