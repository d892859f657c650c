//! What the kernel means when it refuses a knob.

use super::KnobKind;
use crate::fs::Hint;
use rustix::io::Errno;

/// The explanations for one knob.
pub(super) fn of(kind: KnobKind) -> Hint {
    match kind {
        KnobKind::Weight => |errno| match errno {
            Errno::INVAL => "; an idle group has no weight: write `0` to its `cpu.idle` first",
            _ => for_all(errno),
        },
        KnobKind::Quota => |errno| match errno {
            Errno::INVAL => {
                "; a child's quota must not exceed its parent's on version 1, and real-time budgets must fit: \
                 widen the parent first"
            }
            _ => for_all(errno),
        },
        KnobKind::Cpus => |errno| match errno {
            Errno::ACCESS | Errno::PERM => "; the parent's `cpuset.cpus` must hold it, and the process be root",
            Errno::BUSY => "; a child's `cpuset.cpus` needs what would be taken away: narrow the child first",
            Errno::NOSPC => "; a group with processes cannot have an empty set on version 1",
            Errno::INVAL => "; all CPUs must exist, and an exclusive set must not overlap with its siblings",
            Errno::RANGE => "; a CPU is beyond what this kernel was built for",
            _ => for_all(errno),
        },
        KnobKind::Idle | KnobKind::Freeze => for_all,
    }
}

fn for_all(errno: Errno) -> &'static str {
    match errno {
        Errno::ACCESS | Errno::PERM => "; run as root, or have the group delegated to this user",
        Errno::ROFS => "; the tree is mounted read-only here",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_means_different_things() {
        assert!(of(KnobKind::Weight)(Errno::INVAL).contains("cpu.idle"));
        assert!(of(KnobKind::Quota)(Errno::INVAL).contains("parent"));
        assert!(of(KnobKind::Cpus)(Errno::BUSY).contains("child"));
        assert!(of(KnobKind::Idle)(Errno::ROFS).contains("read-only"));
    }
}
