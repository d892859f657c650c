//! Which controllers matter here, and sets of them. Where they are mounted is `hierarchy`'s business.

use std::fmt;

/// The two interfaces of control groups; a machine may run both at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// A tree for each controller (`Documentation/admin-guide/cgroup-v1/`).
    V1,
    /// One tree for all (`Documentation/admin-guide/cgroup-v2.rst`).
    V2,
}

/// A kernel controller that this crate reads or turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Controller {
    /// CPU shares, quota, idle and throttling.
    Cpu,
    /// CPU time; on version 2 part of the core (`cpu.stat` is always there).
    Cpuacct,
    /// Which CPUs and memory nodes.
    Cpuset,
    /// Memory use and limits.
    Memory,
    /// Block devices: `io` on version 2, `blkio` on version 1.
    Io,
    /// Number of tasks.
    Pids,
    /// Stop and go; on version 2 part of the core (`cgroup.freeze`).
    Freezer,
    /// perf events by group; on version 2 always on and listed nowhere.
    PerfEvent,
}

impl Controller {
    /// Every controller, in declaration order.
    pub const ALL: [Self; 8] = [
        Self::Cpu,
        Self::Cpuacct,
        Self::Cpuset,
        Self::Memory,
        Self::Io,
        Self::Pids,
        Self::Freezer,
        Self::PerfEvent,
    ];

    /// The name the kernel gives it in `version`.
    pub fn name(self, version: Version) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Cpuset => "cpuset",
            Self::Memory => "memory",
            Self::Io => match version {
                Version::V1 => "blkio",
                Version::V2 => "io",
            },
            Self::Pids => "pids",
            Self::Freezer => "freezer",
            Self::PerfEvent => "perf_event",
        }
    }

    /// The controller of that kernel name; either version's name is known.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|controller| {
            [Version::V1, Version::V2]
                .iter()
                .any(|&version| controller.name(version).as_bytes() == name)
        })
    }

    /// Whether version 2 offers it in every group without a word in `cgroup.subtree_control`.
    pub fn always_on_v2(self) -> bool {
        matches!(self, Self::Cpuacct | Self::Freezer | Self::PerfEvent)
    }
}

impl fmt::Display for Controller {
    /// Prints the version 2 name.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name(Version::V2))
    }
}

/// A set of controllers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ControllerSet(u8);

impl ControllerSet {
    /// No controller.
    pub const EMPTY: Self = Self(0);
    /// Every controller.
    pub const ALL: Self = Self(u8::MAX);

    /// Whether `controller` is in the set.
    pub fn contains(self, controller: Controller) -> bool {
        self.0 & bit(controller) != 0
    }

    /// Whether the set has no controller.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds `controller`.
    pub fn insert(&mut self, controller: Controller) {
        self.0 |= bit(controller);
    }

    /// Takes `controller` out.
    pub fn remove(&mut self, controller: Controller) {
        self.0 &= !bit(controller);
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The controllers, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = Controller> {
        Controller::ALL
            .into_iter()
            .filter(move |&controller| self.contains(controller))
    }
}

impl FromIterator<Controller> for ControllerSet {
    fn from_iter<I: IntoIterator<Item = Controller>>(controllers: I) -> Self {
        let mut set = Self::EMPTY;
        controllers.into_iter().for_each(|controller| set.insert(controller));
        set
    }
}

impl fmt::Debug for ControllerSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter()).finish()
    }
}

fn bit(controller: Controller) -> u8 {
    1 << controller as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_is_known_by_both_names() {
        assert_eq!(Controller::from_name(b"blkio"), Some(Controller::Io));
        assert_eq!(Controller::from_name(b"io"), Some(Controller::Io));
        assert_eq!(Controller::from_name(b"devices"), None);
    }

    #[test]
    fn all_holds_each_controller_and_nothing_more() {
        assert_eq!(
            Controller::ALL.into_iter().collect::<ControllerSet>(),
            ControllerSet::ALL
        );
    }

    #[test]
    fn sets_subtract() {
        let mut set = ControllerSet::ALL;
        set.remove(Controller::Io);
        assert!(!set.contains(Controller::Io));
        assert_eq!(
            ControllerSet::ALL.difference(set).iter().collect::<Vec<_>>(),
            [Controller::Io]
        );
    }
}
