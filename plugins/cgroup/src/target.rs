//! The target provider: `cgroup.watch`. It reads and is told; it makes, changes and removes no group.

mod chosen;
mod described;
mod places;
mod processes;
mod sight;
mod watch;

pub use watch::CgroupWatch;
