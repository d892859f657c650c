//! A new version 1 cpuset is empty and lets no process in (`ENOSPC`), so it starts as a copy of its parent.

use crate::{Error, fs};
use std::path::Path;

/// Copies `cpuset.cpus` and `cpuset.mems` from the parent's directory (cgroup-v1/cpusets.rst, 2.1).
pub(super) fn inherit(parent: &Path, leaf: &Path) -> Result<(), Error> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let from = parent.join(file);
        let value = fs::text(&fs::read(&from)?);
        if value.is_empty() {
            return Err(Error::Malformed {
                path: from,
                found: value,
                expected: "a set that is not empty; write it first",
            });
        }
        fs::write(&leaf.join(file), &value, |_| "; the parent's set must hold it")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(cpus: &str) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("cpuset.cpus"), cpus).unwrap();
        fs::write(tree.path().join("cpuset.mems"), "0\n").unwrap();
        fs::create_dir(tree.path().join("leaf")).unwrap();
        for file in ["leaf/cpuset.cpus", "leaf/cpuset.mems"] {
            fs::write(tree.path().join(file), "\n").unwrap();
        }
        tree
    }

    #[test]
    fn a_new_version_1_cpuset_gets_its_parents_cpus_and_nodes() {
        let tree = tree("0-3\n");
        inherit(tree.path(), &tree.path().join("leaf")).unwrap();
        assert_eq!(
            fs::read_to_string(tree.path().join("leaf/cpuset.cpus")).unwrap(),
            "0-3\n"
        );
        assert_eq!(fs::read_to_string(tree.path().join("leaf/cpuset.mems")).unwrap(), "0\n");
    }

    #[test]
    fn an_empty_parent_is_told_before_a_process_fails_to_enter() {
        let tree = tree("\n");
        let error = inherit(tree.path(), &tree.path().join("leaf")).unwrap_err();
        assert!(error.to_string().contains("write it first"), "{error}");
    }
}
