//! Which groups hold one of a target that answers somebody who waits: what holds back a group holds back all below it.

use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// The directories of the targets of class `Latency`.
#[derive(Debug, Default)]
pub struct Waiting {
    targets: BTreeMap<TargetId, Vec<PathBuf>>,
    /// In the order of paths, in which what is below a directory follows it.
    all: BTreeSet<(PathBuf, TargetId)>,
}

impl Waiting {
    /// Takes over what a target says now.
    pub fn update(&mut self, target: &Target) {
        self.forget(target.id);
        if target.class != Class::LATENCY {
            return;
        }
        let dirs: Vec<PathBuf> = target
            .cgroups
            .iter()
            .map(|dir| PathBuf::from(dir.path.as_str()))
            .collect();
        self.all.extend(dirs.iter().map(|dir| (dir.clone(), target.id)));
        self.targets.insert(target.id, dirs);
    }

    /// A target went.
    pub fn forget(&mut self, target: TargetId) {
        for dir in self.targets.remove(&target).into_iter().flatten() {
            self.all.remove(&(dir, target));
        }
    }

    /// One whose group lies below any of these directories.
    pub fn below(&self, dirs: &[CgroupDir]) -> Option<TargetId> {
        dirs.iter().find_map(|dir| {
            let dir = Path::new(dir.path.as_str());
            let behind = (
                Bound::Excluded((dir.to_path_buf(), TargetId(u32::MAX))),
                Bound::Unbounded,
            );
            let (path, target) = self.all.range(behind).next()?;
            path.starts_with(dir).then_some(*target)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: u32, class: Class, path: &str) -> Target {
        let dir = CgroupDir {
            path: path.into(),
            ..CgroupDir::default()
        };
        Target {
            id: TargetId(id),
            class,
            cgroups: vec![dir].into(),
            ..Target::default()
        }
    }

    #[test]
    fn what_lies_below_is_found_and_neither_the_group_itself_nor_one_whose_name_begins_alike() {
        let mut waiting = Waiting::default();
        waiting.update(&target(1, Class::LATENCY, "/cpu/a/b/web"));
        waiting.update(&target(2, Class::LATENCY, "/cpu/c"));
        waiting.update(&target(3, Class::BATCH, "/cpu/d/e"));
        waiting.update(&target(4, Class::LATENCY, "/cpu/f-g/h"));
        let below =
            |waiting: &Waiting, path: &str| waiting.below(&target(9, Class::BATCH, path).cgroups).map(|id| id.0);
        let found = [
            "/cpu/a",
            "/cpu/a/b",
            "/cpu/a/b/web",
            "/cpu/c",
            "/cpu/d",
            "/cpu/f",
            "/cpu/f-g",
        ];
        let found = found.map(|path| below(&waiting, path));
        assert_eq!(found, [Some(1), Some(1), None, None, None, None, Some(4)]);
        waiting.update(&target(1, Class::BATCH, "/cpu/a/b/web"));
        assert_eq!(below(&waiting, "/cpu/a"), None);
        waiting.forget(TargetId(4));
        waiting.forget(TargetId(2));
        assert!(waiting.all.is_empty() && waiting.targets.is_empty());
    }
}
