//! The policies that are compared. Each is a graph in `configs/`, complete and to be run by hand too; between them nothing
//! differs but transforms and schedulers. A suite puts its own scenario and its own record into it.

/// A policy.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Its name in tables and lines.
    pub name: &'static str,
    /// What it is, for the table.
    pub about: &'static str,
    /// Whether it has detectors, so that there is something to be judged.
    pub detects: bool,
}

/// All of them. The first is what the others are compared with: the same detectors as ours, and nothing is done.
pub const ARMS: [Arm; 7] = [
    Arm {
        name: "none",
        about: "our detectors, no policy",
        detects: true,
    },
    Arm {
        name: "ours",
        about: "detect.triage, policy.adaptive",
        detects: true,
    },
    Arm {
        name: "throttle",
        about: "detect.triage, policy.throttle",
        detects: true,
    },
    Arm {
        name: "static",
        about: "policy.priority: partitions by class",
        detects: false,
    },
    Arm {
        name: "cpi2",
        about: "CPI² with its published constants",
        detects: true,
    },
    Arm {
        name: "cpi2-fast",
        about: "CPI², its times divided by twenty",
        detects: true,
    },
    Arm {
        name: "micro-container",
        about: "Micro-Container: 60 % of the solo IPC, all others paused",
        detects: true,
    },
];

impl Arm {
    /// The file of its graph.
    pub fn file(self) -> String {
        format!("configs/efficacy-{}.ron", self.name)
    }
}
