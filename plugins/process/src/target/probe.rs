//! What this machine offers to commands: which controllers a leaf group gets. Nothing is made or written.

use super::parent;
use pipeline_cgroup_fs::{Controller, Hierarchies, Mode, Version};
use pipeline_plugin_api::prelude::*;
use rustix::thread::{CapabilitySet, capabilities};
use std::path::Path;

/// One line a controller, one for the shell that starts commands, one for commands of other users.
pub fn probe() -> Vec<Probe> {
    let capable = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let mut found = vec![shell(), users(capable)];
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
            found.push(writable(&plans, trees.mode()));
        }
        Err(error) => found.push(Probe::optional("control groups", false, &error.to_string(), MOUNT)),
    }
    found
}

const MOUNT: &str = "mount -t cgroup2 none /sys/fs/cgroup";
const ROOT: &str = "sudo pipeline run GRAPH";
const DELEGATE: &str = "systemd-run --user --scope -p Delegate=yes pipeline run GRAPH";

fn shell() -> Probe {
    let present = Path::new("/bin/sh").exists();
    Probe::required(
        "/bin/sh",
        present,
        "holds each command until it is in its place",
        "apt-get install dash",
    )
}

/// For `user`: setuid(2) and setgroups(2) ask for these, and signals to what was started so for the third (kill(2)).
fn users(capable: CapabilitySet) -> Probe {
    let wanted = [
        (CapabilitySet::SETUID, "CAP_SETUID"),
        (CapabilitySet::SETGID, "CAP_SETGID"),
        (CapabilitySet::KILL, "CAP_KILL"),
    ];
    let (held, lacking): (Vec<_>, Vec<_>) = wanted.iter().partition(|(one, _)| capable.contains(*one));
    let names = |list: Vec<&(CapabilitySet, &str)>| list.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    let seen = if lacking.is_empty() {
        format!("{} are in effect", names(held))
    } else {
        format!("no {}: `user` is refused", names(lacking.clone()))
    };
    Probe::optional("commands of other users", lacking.is_empty(), &seen, ROOT)
}

fn of_controller(trees: &Hierarchies, controller: Controller, refusal: Option<&str>) -> Probe {
    let what = format!("cgroup controller {controller}");
    match (trees.tree(controller), refusal) {
        (Some(tree), None) => {
            let version = match tree.version {
                Version::V1 => 1,
                Version::V2 => 2,
            };
            let seen = format!("version {version} at `{}`", tree.point.display());
            Probe::optional(&what, true, &seen, "")
        }
        (Some(_), Some(why)) => Probe::optional(&what, false, why, DELEGATE),
        (None, _) => Probe::optional(&what, false, "no tree that is mounted has it", MOUNT),
    }
}

/// Whether the folders in which a leaf would be made can be written.
fn writable(plans: &[pipeline_cgroup_fs::Leaf], mode: Mode) -> Probe {
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
            &format!(
                "`{}` cannot be written: commands run by process group alone, without the numbers and knobs of a group",
                folder.display()
            ),
            if mode == Mode::V2 { DELEGATE } else { ROOT },
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
    fn commands_of_other_users_need_three_capabilities() {
        assert_eq!(users(CapabilitySet::all()).present, 1);
        let found = users(CapabilitySet::all() - CapabilitySet::SETGID);
        assert_eq!((found.present, found.required), (0, 0));
        assert!(found.detail.contains("no CAP_SETGID:"), "{found:?}");
    }

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
