//! The plain data that moves along the graph: [`Reading`], [`Finding`], [`Control`], [`Action`],
//! [`Outcome`], [`Target`], and the [`Batch`] that carries them.
//!
//! Constructors and views are here, but for those of [`Part`], which are in `part`; arithmetic on series is in
//! [`crate::frame`].

use super::integers::{Change, Class, Comparison, Fate, Phase, Quality, Reason, Resource, UndoKind};
use abi_stable::StableAbi;
use abi_stable::std_types::{RString, RVec};

/// Nanoseconds: an instant on the run's clock, which stands at 0 when the run begins, or a span.
#[repr(transparent)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Nanos(pub u64);

/// A metric that the host interned: a name, a unit and a kind.
#[repr(transparent)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct MetricId(pub u32);

/// A knob that the host interned: a name and a unit.
#[repr(transparent)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct KnobId(pub u32);

/// Something watched. Ids start at 1 and are never used again.
#[repr(transparent)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TargetId(pub u32);

impl TargetId {
    /// No target: a reading of a node of the graph itself.
    pub const NONE: Self = Self(0);
}

/// Which part of a target a reading is about: the whole, `cpu/3`, `l3/0`, `bucket/1234`, or a
/// named one (`dev/8:0`) that the host interned.
///
/// The upper 8 bits say what kind of part, the lower 24 which one.
#[repr(transparent)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Part(pub u32);

/// Something for a later version: an id that says what, and bytes.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Spare {
    pub id: u32,
    pub bytes: RVec<u8>,
}

/// One number of one target.
///
/// `at` is the end of the span that the value covers; `span` is 0 for a gauge read at an instant.
/// `detail` belongs to `quality`: for [`Quality::SCALED`] the share of the span in which the counter
/// ran, in 1/65535; for [`Quality::UNAVAILABLE`] a [`Reason`].
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Default)]
pub struct Reading {
    pub at: Nanos,
    pub span: Nanos,
    pub value: f64,
    pub metric: MetricId,
    pub target: TargetId,
    pub part: Part,
    pub quality: Quality,
    pub detail: u16,
}

impl Reading {
    /// An exact gauge of the whole target.
    pub fn gauge(at: Nanos, target: TargetId, metric: MetricId, value: f64) -> Self {
        Self {
            at,
            value,
            metric,
            target,
            ..Self::default()
        }
    }

    /// What was exactly added during `span`, which ended at `at`.
    pub fn delta(at: Nanos, span: Nanos, target: TargetId, metric: MetricId, value: f64) -> Self {
        Self {
            at,
            span,
            value,
            metric,
            target,
            ..Self::default()
        }
    }

    /// No value, and why. The number is NaN, so that arithmetic on it shows.
    pub fn unavailable(at: Nanos, target: TargetId, metric: MetricId, reason: Reason) -> Self {
        Self {
            at,
            value: f64::NAN,
            metric,
            target,
            quality: Quality::UNAVAILABLE,
            detail: reason.0,
            ..Self::default()
        }
    }

    /// The same reading of a part of the target.
    pub fn of_part(self, part: Part) -> Self {
        Self { part, ..self }
    }

    /// The same reading, computed and not read.
    pub fn estimated(self) -> Self {
        Self {
            quality: Quality::ESTIMATED,
            ..self
        }
    }

    /// The same reading, scaled from a counter that ran for that share (0..=1) of the span.
    pub fn scaled(self, share: f64) -> Self {
        Self {
            quality: Quality::SCALED,
            detail: (share.clamp(0.0, 1.0) * 65535.0).round() as u16,
            ..self
        }
    }

    /// The value, unless there is none.
    pub fn number(&self) -> Option<f64> {
        (self.quality != Quality::UNAVAILABLE && self.value.is_finite()).then_some(self.value)
    }

    /// The value per second of its span, where it has one.
    pub fn per_second(&self) -> Option<f64> {
        (self.span.0 > 0).then_some(())?;
        Some(self.number()? / self.span.seconds())
    }
}

/// A directory of a target under one cgroup controller.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct CgroupDir {
    /// `cpu`, `cpuset`, `memory`, …, or `unified` for the cgroup v2 tree.
    pub controller: RString,
    /// Absolute path of the directory.
    pub path: RString,
    /// Its inode, so that a directory that was removed and made again is not taken for it.
    pub inode: u64,
}

/// A process, told from a later one with the same pid by its start time.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct Process {
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat`: clock ticks after boot (proc(5)).
    pub start_time: u64,
}

/// What a target's user wants of a metric.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Default)]
pub struct Goal {
    pub metric: MetricId,
    pub comparison: Comparison,
    /// In the metric's unit.
    pub value: f64,
}

/// A name and a text.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Label {
    pub name: RString,
    pub value: RString,
}

impl Label {
    /// A label of those texts.
    pub fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// Something watched: a command, a container, a process group, a cgroup.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Target {
    pub id: TargetId,
    /// Counts the lives of this name, from 1: a restarted command has the next one.
    pub generation: u32,
    /// The node of the graph that brought it.
    pub provider: RString,
    /// The target that holds it, or [`TargetId::NONE`].
    pub parent: TargetId,
    /// `web`, or `pods/x` where one provider brings several.
    pub name: RString,
    pub class: Class,
    /// Among targets of a class, higher goes first. 0 where not said.
    pub priority: i32,
    pub goals: RVec<Goal>,
    pub labels: RVec<Label>,
    pub cgroups: RVec<CgroupDir>,
    pub processes: RVec<Process>,
    /// The CPUs that it may use; empty where not restricted.
    pub cpus: RVec<u32>,
    pub spare: RVec<Spare>,
}

/// What happened to a target. The whole target is told each time.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct TargetChange {
    pub at: Nanos,
    pub change: Change,
    pub target: Target,
}

/// A neighbour and how likely it is to be the cause.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Default)]
pub struct Culprit {
    pub target: TargetId,
    /// 0..=1; what it is a share of is the detector's to say.
    pub score: f64,
}

/// A judgement: somebody suffers, from whom, through what, how sure, and the readings that say so.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Finding {
    pub at: Nanos,
    /// The same for all phases of one finding; unique among those of its node.
    pub id: u64,
    pub phase: Phase,
    pub victim: TargetId,
    pub resource: Resource,
    /// How many times worse than its baseline the victim's signal is; 1 is undisturbed.
    pub severity: f64,
    /// 0..=1.
    pub confidence: f64,
    /// Most likely first; empty where none of the neighbours is to blame.
    pub culprits: RVec<Culprit>,
    pub evidence: RVec<Reading>,
    /// One sentence for people.
    pub why: RString,
    pub spare: RVec<Spare>,
}

/// A knob that can be turned, as its actuator offers it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Control {
    pub at: Nanos,
    pub target: TargetId,
    pub knob: KnobId,
    /// The resource whose use the knob restrains.
    pub resource: Resource,
    pub least: f64,
    pub most: f64,
    /// 0 where any value between is possible.
    pub step: f64,
    /// Where it stands; NaN where that is not known.
    pub value: f64,
    /// -1 if lower values restrain the target more, 1 if higher do.
    pub stricter: i32,
    /// The share of its work (0..=1) that the target is expected to lose at the strictest value.
    pub cost: f64,
    pub spare: RVec<Spare>,
}

/// An end state wanted for a knob of a target, as a lease.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Action {
    pub at: Nanos,
    /// Unique among those of its scheduler.
    pub id: u64,
    pub target: TargetId,
    pub knob: KnobId,
    /// In the knob's unit; meaningless where `text` says it.
    pub value: f64,
    /// The value of knobs that are not numbers, such as a CPU list; empty for numbers.
    pub text: RString,
    /// The lease's end. At or before `at` it asks for the knob to be put back now.
    pub until: Nanos,
    /// Actions of one batch with the same non-zero `set` hold all or none.
    pub set: u64,
    /// One sentence for people.
    pub why: RString,
    pub spare: RVec<Spare>,
}

impl Action {
    /// Whether this asks for the knob to be put back as it was found.
    pub fn is_release(&self) -> bool {
        self.until <= self.at
    }
}

/// What became of an action.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Outcome {
    pub at: Nanos,
    /// The action's id; 0 where the outcome answers none.
    pub action: u64,
    pub target: TargetId,
    pub knob: KnobId,
    pub fate: Fate,
    /// What is in force now, in the knob's unit.
    pub value: f64,
    /// What is in force now, for knobs that are not numbers.
    pub text: RString,
    pub why: RString,
    pub spare: RVec<Spare>,
}

/// How to put something back, as data, so that it can be done without the plugin that wrote it.
/// [`UndoKind`] says which fields matter.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Undo {
    pub kind: UndoKind,
    pub path: RString,
    pub inode: u64,
    /// What was found; what to write.
    pub before: RString,
    /// What we wrote, as read back; something else means that the knob is someone else's now.
    pub after: RString,
    pub pid: u32,
    pub start_time: u64,
    pub spare: RVec<Spare>,
}

/// What one node says at one instant. Buffers are the host's and are used again.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Batch {
    pub at: Nanos,
    pub changes: RVec<TargetChange>,
    pub readings: RVec<Reading>,
    pub findings: RVec<Finding>,
    pub controls: RVec<Control>,
    pub actions: RVec<Action>,
    pub outcomes: RVec<Outcome>,
    pub spare: RVec<Spare>,
}

impl Batch {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values it holds.
    pub fn len(&self) -> usize {
        self.changes.len()
            + self.readings.len()
            + self.findings.len()
            + self.controls.len()
            + self.actions.len()
            + self.outcomes.len()
            + self.spare.len()
    }

    /// Forgets the values and keeps the room they took.
    pub fn clear(&mut self) {
        self.readings.clear();
        if !self.is_empty() {
            self.changes.clear();
            self.findings.clear();
            self.controls.clear();
            self.actions.clear();
            self.outcomes.clear();
            self.spare.clear();
        }
    }

    /// Adds all that another batch holds behind what is here.
    pub fn append(&mut self, other: &Self) {
        self.changes.extend(other.changes.iter().cloned());
        self.readings.extend_from_slice(&other.readings);
        self.findings.extend(other.findings.iter().cloned());
        self.controls.extend(other.controls.iter().cloned());
        self.actions.extend(other.actions.iter().cloned());
        self.outcomes.extend(other.outcomes.iter().cloned());
        self.spare.extend(other.spare.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_takes_forty_bytes() {
        assert_eq!(size_of::<Reading>(), 40);
    }

    #[test]
    fn an_unavailable_reading_has_no_number() {
        let reading = Reading::unavailable(Nanos(5), TargetId(1), MetricId(2), Reason::NEVER_RAN);
        assert_eq!(reading.number(), None);
        assert_eq!(Reason(reading.detail), Reason::NEVER_RAN);
    }

    #[test]
    fn a_gauge_has_no_rate() {
        assert_eq!(
            Reading::gauge(Nanos(5), TargetId(1), MetricId(2), 3.0).per_second(),
            None
        );
        let delta = Reading::delta(Nanos(5), Nanos(500_000_000), TargetId(1), MetricId(2), 3.0);
        assert_eq!(delta.per_second(), Some(6.0));
    }

    #[test]
    fn clearing_a_batch_empties_every_list() {
        let mut batch = Batch::default();
        batch.readings.push(Reading::default());
        batch.actions.push(Action::default());
        batch.clear();
        assert!(batch.is_empty());
    }
}
