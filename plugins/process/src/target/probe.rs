//! What this machine offers to commands: which controllers a leaf group gets. Nothing is made or written.

use super::parent;
use pipeline_cgroup_fs::{Controller, Hierarchies};
use pipeline_plugin_api::prelude::*;
use std::path::Path;

/// One line a controller, and one for the shell that starts commands.
pub fn probe() -> Vec<Probe> {
    let mut found = vec![shell()];
    match Hierarchies::discover("/").and_then(|trees| Ok((parent::plan(&trees, "pipeline-probe")?, trees))) {
        Ok((plans, trees)) => {
            let refused = plans.first().map(|plan| plan.refused().to_vec()).unwrap_or_default();
            found.extend(Controller::ALL.into_iter().map(|controller| {
                let refusal = refused
                    .iter()
                    .find(|(other, _)| *other == controller)
                    .map(|(_, why)| why.as_str());
                of_controller(&trees, controller, refusal)
            }));
            found.push(writable(&plans));
        }
        Err(error) => found.push(Probe::optional("control groups", false, &error.to_string(), MOUNT)),
    }
    found
}

const MOUNT: &str = "mount -t cgroup2 none /sys/fs/cgroup";

fn shell() -> Probe {
    let present = Path::new("/bin/sh").exists();
    Probe::required(
        "/bin/sh",
        present,
        "holds each command until it is in its place",
        "apt-get install dash",
    )
}

fn of_controller(trees: &Hierarchies, controller: Controller, refusal: Option<&str>) -> Probe {
    let what = format!("cgroup controller {controller}");
    match (trees.tree(controller), refusal) {
        (Some(tree), None) => Probe::optional(
            &what,
            true,
            &format!("{:?} at `{}`", tree.version, tree.point.display()),
            "",
        ),
        (Some(_), Some(why)) => Probe::optional(
            &what,
            false,
            why,
            "systemd-run --scope -p Delegate=yes pipeline run GRAPH",
        ),
        (None, _) => Probe::optional(&what, false, "no tree that is mounted has it", MOUNT),
    }
}

/// Whether the folders in which a leaf would be made can be written.
fn writable(plans: &[pipeline_cgroup_fs::Leaf]) -> Probe {
    let may = |folder: &Path| rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
    let folders: Vec<_> = plans
        .first()
        .into_iter()
        .flat_map(pipeline_cgroup_fs::Leaf::directories)
        .collect();
    let closed = folders
        .iter()
        .filter_map(|folder| folder.parent())
        .find(|folder| !may(folder));
    match closed {
        Some(folder) => Probe::optional(
            "a group of its own",
            false,
            &format!("`{}` cannot be written", folder.display()),
            "sudo pipeline run GRAPH",
        ),
        None => Probe::optional(
            "a group of its own",
            !folders.is_empty(),
            &format!("in {} trees", folders.len()),
            MOUNT,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_how_to_mend_it_and_what_is_there_does_not() {
        let found = probe();
        assert!(found.len() > 1);
        assert!(
            found.iter().all(|probe| (probe.present == 1) == probe.mend.is_empty()),
            "{found:#?}"
        );
    }
}
