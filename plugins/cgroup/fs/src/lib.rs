//! Control groups as the kernel shows them: version 1, version 2, and both at once (hybrid).
//!
//! This crate is the one place that knows where a controller is mounted and how each version
//! spells a number. It finds groups, makes leaves, reads statistics and pressure on kept
//! descriptors, and reads and writes single knobs. Deliberately not here: policy, undo, clocks
//! and schedules, and anything that decides for whom a knob is turned.
//!
//! | question | answer |
//! |---|---|
//! | where is each controller? | [`Hierarchies::discover`] |
//! | which group is this process in? | [`Group::of_pid`], [`Group::at`], [`Group::glob`] |
//! | somebody told me its directories | [`Group::of_directories`] |
//! | is it still the same group? | [`Group::check`] |
//! | which groups are below, and who tells when that changes? | [`Hierarchy::children`], [`GroupPattern`], [`Watcher`] |
//! | a leaf of my own | [`Leaf::plan`], [`Leaf::make`], [`Group::attach`], [`Group::remove`] |
//! | what does it use? | [`StatFiles`] |
//! | how long did it wait? | [`PressureFiles`], [`Trigger`] |
//! | turn a knob | [`Knob`] |
//! | many cpusets in a safe order | [`plan_cpuset`] |
//!
//! A [`Group`] is a set of directories: on version 1 each controller has a tree of its own, so
//! one group has several, each with its inode; on version 2 it has one.
//!
//! # Journal first
//! Nothing here is undone by itself. What a call will write can be asked beforehand
//! ([`Leaf::subtree_changes`], [`Knob::prepare`]), so that a caller writes its journal first; the way back is
//! [`SubtreeChange::undo`] and [`FileWrite::undo`].
//!
//! # Example
//! ```no_run
//! use pipeline_cgroup_fs::{ControllerSet, Families, Group, Hierarchies, Leaf, StatFiles};
//!
//! # fn main() -> Result<(), pipeline_cgroup_fs::Error> {
//! let hierarchies = Hierarchies::discover("/")?;
//! let root = Group::at(&hierarchies, "")?;
//! let made = Leaf::plan(&root, "batch", ControllerSet::ALL)?.make()?;
//! made.group.attach(std::process::id())?;
//! let mut files = StatFiles::open(&made.group, Families::CPU)?;
//! let usage_ns = files.read()?.cpu.usage_ns;
//! # let _ = usage_ns;
//! # Ok(())
//! # }
//! ```
//!
//! Kernel facts are those of `Documentation/admin-guide/cgroup-v2.rst`,
//! `Documentation/admin-guide/cgroup-v1/` and `Documentation/accounting/psi.rst`.
#![forbid(unsafe_code)]

mod attach;
mod controller;
mod cpuset;
mod error;
mod fs;
mod group;
mod hierarchy;
mod kept;
mod knob;
mod leaf;
// Beyond this crate only for the fuzzer, which gives the readers any bytes.
#[doc(hidden)]
pub mod parse;
mod pattern;
mod pressure;
mod remove;
mod stats;
#[cfg(feature = "testing")]
pub mod testing;
mod told;
mod tree;
mod trigger;
mod watch;

pub use controller::{Controller, ControllerSet, Version};
pub use cpuset::{CpuSet, CpuSetError, CpusetChange, CpusetWrite, plan_cpuset};
pub use error::Error;
pub use group::{Directory, Group};
pub use hierarchy::{Hierarchies, Hierarchy, Mode};
pub use knob::{
    Bounds, FileWrite, Knob, KnobKind, Quota, Setting, Undone, Written, shares_of_weight, weight_of_shares,
};
pub use leaf::{Leaf, Made, SubtreeChange};
pub use parse::{CpuStats, DeviceIo, Limit, MemoryStats, PidsStats, Pressure, Stall};
pub use pattern::GroupPattern;
pub use pressure::{PressureFiles, Pressures, Resource};
pub use stats::{Families, StatFiles, Stats};
pub use tree::Child;
pub use trigger::{StallKind, Trigger};
pub use watch::{Interest, Notice, Watch, Watcher};
