//! Discovery, groups, leaves, statistics and knobs against plain files: what is looked for where, in each version.
//!
//! No root and no kernel behaviour here; see `kernel.rs`.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests to us, but not to clippy")]

mod groups;
mod hierarchies;
mod knobs;
mod leaves;
mod statistics;

use pipeline_cgroup_fs::Hierarchies;
use pipeline_cgroup_fs::testing::Tree;

fn discover(tree: &Tree) -> Hierarchies {
    Hierarchies::discover(tree.path()).unwrap()
}
