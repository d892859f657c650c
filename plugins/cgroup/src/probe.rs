//! What this machine offers to each element, and the command that mends what is missing. Reads only.

use pipeline_cgroup_fs::{Controller, Group, Hierarchies, Mode, Version};
use pipeline_plugin_api::prelude::*;
use rustix::fs::{Access, access};
use rustix::thread::{CapabilitySet, capabilities};
use std::path::{Path, PathBuf};

const MOUNT: &str = "mount -t cgroup2 none /sys/fs/cgroup";
const BOOT: &str = "add `psi=1` to the kernel's command line and boot again";
const ROOT: &str = "sudo pipeline run GRAPH";
const DELEGATE: &str = "systemd-run --user --scope -p Delegate=yes pipeline run GRAPH";

/// For `cgroup.stats`.
pub fn statistics() -> Vec<Probe> {
    const READ: [Controller; 5] = [
        Controller::Cpuacct,
        Controller::Cpu,
        Controller::Memory,
        Controller::Io,
        Controller::Pids,
    ];
    with_trees(|trees| {
        READ.into_iter()
            .map(|controller| of_controller(trees, controller))
            .collect()
    })
}

/// For `cgroup.pressure`.
pub fn pressure() -> Vec<Probe> {
    with_trees(|trees| {
        let found = match trees.pressure() {
            Some(tree) => Probe::required(PRESSURE, true, &format!("on, at `{}`", tree.point.display()), ""),
            None if trees.unified().is_none() => {
                Probe::required(PRESSURE, false, "no version 2 tree is mounted", MOUNT)
            }
            None => Probe::required(PRESSURE, false, "there is no `/proc/pressure`", BOOT),
        };
        let any = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_RESOURCE));
        vec![found, windows(any)]
    })
}

const PRESSURE: &str = "pressure (PSI)";

/// Who lacks the capability gets windows that are multiples of 2 s (accounting/psi.rst).
fn windows(any: bool) -> Probe {
    let seen = if any {
        "CAP_SYS_RESOURCE is in effect"
    } else {
        "no CAP_SYS_RESOURCE: windows must be multiples of 2s"
    };
    Probe::optional("pressure triggers of any window", any, seen, ROOT)
}

/// For `cgroup.limit`.
pub fn knobs() -> Vec<Probe> {
    const TURNED: [Controller; 3] = [Controller::Cpu, Controller::Cpuset, Controller::Freezer];
    with_trees(|trees| {
        let mut found: Vec<Probe> = TURNED
            .into_iter()
            .map(|controller| of_controller(trees, controller))
            .collect();
        let folders = TURNED.into_iter().flat_map(|controller| folders(trees, controller));
        found.push(writable(folders, trees.mode()));
        found
    })
}

fn with_trees(more: impl FnOnce(&Hierarchies) -> Vec<Probe>) -> Vec<Probe> {
    match Hierarchies::discover("/") {
        Ok(trees) => {
            let mut found = vec![hierarchy(&trees)];
            found.extend(more(&trees));
            found
        }
        Err(error) => vec![Probe::required("control groups", false, &error.to_string(), MOUNT)],
    }
}

fn hierarchy(trees: &Hierarchies) -> Probe {
    let kind = match trees.mode() {
        Mode::V1 => "version 1",
        Mode::V2 => "version 2",
        Mode::Hybrid => "hybrid: version 1 with the version 2 tree beside it",
        Mode::None => "no tree is mounted",
    };
    let held = |controller: Controller| Some(controller.name(trees.tree(controller)?.version));
    let held: Vec<&str> = Controller::ALL.into_iter().filter_map(held).collect();
    let detail = if held.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}; controllers {}", held.join(", "))
    };
    Probe::required("control groups", trees.mode() != Mode::None, &detail, MOUNT)
}

fn of_controller(trees: &Hierarchies, controller: Controller) -> Probe {
    let what = format!("cgroup controller {controller}");
    match trees.tree(controller) {
        Some(tree) => {
            let version = match tree.version {
                Version::V1 => 1,
                Version::V2 => 2,
            };
            let seen = format!("version {version} at `{}`", tree.point.display());
            Probe::optional(&what, true, &seen, "")
        }
        None => Probe::optional(&what, false, "no mounted tree has it", MOUNT),
    }
}

/// Where groups with a controller may lie that we may change: the whole tree, or the part that was delegated to us.
fn folders(trees: &Hierarchies, controller: Controller) -> Vec<PathBuf> {
    let top = trees.tree(controller).map(|tree| tree.point.clone());
    let own = Group::of_pid(trees, std::process::id()).ok();
    let own = own.and_then(|own| Some(own.directory(controller)?.path.clone()));
    top.into_iter().chain(own).collect()
}

/// Whether a group can be changed at all.
fn writable(folders: impl Iterator<Item = PathBuf>, mode: Mode) -> Probe {
    let what = "write access to control groups";
    let may = |folder: &Path| access(folder, Access::WRITE_OK).is_ok();
    let (open, closed): (Vec<_>, Vec<_>) = folders.partition(|folder| may(folder));
    let mend = if mode == Mode::V2 { DELEGATE } else { ROOT };
    match (open.first(), closed.first()) {
        (Some(folder), _) => Probe::required(what, true, &format!("`{}` can be written", folder.display()), ""),
        (None, Some(folder)) => {
            let seen = format!("`{}` cannot be written", folder.display());
            Probe::required(what, false, &seen, mend)
        }
        (None, None) => Probe::required(what, false, "there are none", MOUNT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_how_to_mend_it_and_what_is_there_does_not() {
        let found: Vec<Probe> = [statistics(), pressure(), knobs()].concat();
        assert!(
            found.iter().all(|probe| (probe.present == 1) == probe.mend.is_empty()),
            "{found:#?}"
        );
        assert!(
            found
                .iter()
                .any(|probe| probe.what == "control groups" && probe.required == 1)
        );
    }

    #[test]
    fn without_a_tree_that_can_be_written_there_are_no_knobs() {
        let closed = || std::iter::once(PathBuf::from("/proc/1/no-such-tree"));
        for (mode, mend) in [(Mode::V1, ROOT), (Mode::V2, DELEGATE)] {
            let found = writable(closed(), mode);
            assert_eq!((found.present, found.required, found.mend.as_str()), (0, 1, mend));
        }
        let open = tempfile::tempdir().unwrap();
        let found = writable(closed().chain([open.path().to_owned()]), Mode::V2);
        assert_eq!(found.present, 1, "{found:?}");
        assert_eq!(writable(std::iter::empty(), Mode::None).present, 0);
    }

    #[test]
    fn windows_that_are_multiples_are_had_without_the_capability() {
        assert_eq!((windows(true).present, windows(false).required), (1, 0));
        assert!(windows(false).detail.contains("multiples of 2s"));
    }
}
