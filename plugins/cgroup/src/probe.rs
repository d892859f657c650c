//! What this machine offers to each element, and the command that mends what is missing. Reads only.

use pipeline_cgroup_fs::{Controller, Hierarchies, Hierarchy, Mode};
use pipeline_plugin_api::prelude::*;
use rustix::fs::{Access, access};
use std::path::Path;

const MOUNT: &str = "mount -t cgroup2 none /sys/fs/cgroup";
const BOOT: &str = "add `psi=1` to the kernel's command line and boot again";
const ROOT: &str = "sudo pipeline run GRAPH";

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
            Some(tree) => Probe::optional("pressure", true, &format!("on, at `{}`", tree.point.display()), ""),
            None if trees.unified().is_none() => {
                Probe::optional("pressure", false, "no version 2 tree is mounted", MOUNT)
            }
            None => Probe::optional("pressure", false, "there is no `/proc/pressure`", BOOT),
        };
        vec![Probe { required: 1, ..found }]
    })
}

/// For `cgroup.limit`.
pub fn knobs() -> Vec<Probe> {
    const TURNED: [Controller; 3] = [Controller::Cpu, Controller::Cpuset, Controller::Freezer];
    with_trees(|trees| {
        let found = TURNED
            .into_iter()
            .map(|controller| writable(of_controller(trees, controller), trees.tree(controller)));
        found.collect()
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
    let detail = match trees.mode() {
        Mode::V1 => "version 1",
        Mode::V2 => "version 2",
        Mode::Hybrid => "hybrid: version 1 with the version 2 tree beside it",
        Mode::None => "no tree is mounted",
    };
    Probe::required("control groups", trees.mode() != Mode::None, detail, MOUNT)
}

fn of_controller(trees: &Hierarchies, controller: Controller) -> Probe {
    let what = format!("controller {controller}");
    match trees.tree(controller) {
        Some(tree) => Probe::optional(
            &what,
            true,
            &format!("{:?} at `{}`", tree.version, tree.point.display()),
            "",
        ),
        None => Probe::optional(&what, false, "no mounted tree has it", MOUNT),
    }
}

/// The same, missing where its tree cannot be written.
fn writable(found: Probe, tree: Option<&Hierarchy>) -> Probe {
    let may = |point: &Path| access(point, Access::WRITE_OK).is_ok();
    match tree {
        Some(tree) if !may(&tree.point) => {
            let detail = format!("`{}` cannot be written", tree.point.display());
            Probe::optional(&found.what, false, &detail, ROOT)
        }
        _ => found,
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
    fn a_tree_that_cannot_be_written_has_no_knobs() {
        let tree = Hierarchy {
            version: pipeline_cgroup_fs::Version::V2,
            point: "/proc/1/no-such-tree".into(),
            root: "/".into(),
            controllers: pipeline_cgroup_fs::ControllerSet::ALL,
        };
        let found = writable(Probe::optional("controller cpu", true, "there", ""), Some(&tree));
        assert_eq!((found.present, found.mend.as_str()), (0, ROOT));
    }
}
