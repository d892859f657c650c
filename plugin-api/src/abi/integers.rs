//! The transparent integers that stand for kinds, classes, qualities and fates.
//!
//! Each has named constants and a name for people; an unknown value prints as `unknown(N)` and is
//! passed on untouched. No behaviour lives here.

use abi_stable::StableAbi;

macro_rules! open_integer {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($(#[$item_doc:meta])* $item:ident = $value:literal => $text:literal,)+ }) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(StableAbi, Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub $repr);

        impl $name {
            $($(#[$item_doc])* pub const $item: Self = Self($value);)+
            /// The values that this version names, in order.
            pub const KNOWN: &'static [Self] = &[$(Self::$item),+];

            /// The name for people, or `None` for a value that this version does not know.
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($value => Some($text),)+ _ => None }
            }

            /// The value with that name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$item),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() { Some(name) => f.pad(name), None => write!(f, "unknown({})", self.0) }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { std::fmt::Display::fmt(self, f) }
        }
    };
}

open_integer! {
    /// The stage of the graph in which an element works.
    Stage: u32 {
        /// Brings targets: what is watched.
        TARGETS = 0 => "targets",
        /// Reads numbers of targets.
        COLLECTOR = 1 => "collectors",
        /// Turns readings into readings or findings; pure.
        TRANSFORM = 2 => "transforms",
        /// Decides on actions; pure.
        SCHEDULER = 3 => "schedulers",
        /// Carries actions out; the only stage that may change how a workload runs.
        ACTUATOR = 4 => "actuators",
        /// Takes data away.
        SINK = 5 => "sinks",
        /// A subcommand of `pipeline`; stands in no graph.
        COMMAND = 6 => "commands",
    }
}

open_integer! {
    /// How a metric's values relate to time.
    Kind: u32 {
        /// A level at an instant.
        GAUGE = 0 => "gauge",
        /// A total that only grows. Collectors send deltas; this is for what comes from outside as a total.
        COUNTER = 1 => "counter",
        /// What was added during the reading's span.
        DELTA = 2 => "delta",
    }
}

open_integer! {
    /// How far a reading can be trusted. What `detail` means depends on it, see [`super::Reading`].
    Quality: u16 {
        /// Counted or read as it is.
        EXACT = 0 => "exact",
        /// Scaled up from a counter that ran only part of the time.
        SCALED = 1 => "scaled",
        /// Computed from other signals.
        ESTIMATED = 2 => "estimated",
        /// There is no value; the reading's number means nothing. Absent is never zero.
        UNAVAILABLE = 3 => "unavailable",
    }
}

open_integer! {
    /// Why a reading is unavailable: the `detail` of [`Quality::UNAVAILABLE`].
    Reason: u16 {
        /// Not told.
        UNKNOWN = 0 => "unknown",
        /// This kernel or this hardware has no such signal.
        UNSUPPORTED = 1 => "unsupported",
        /// The signal exists, but not for this user.
        FORBIDDEN = 2 => "forbidden",
        /// The target went away while it was read.
        VANISHED = 3 => "vanished",
        /// A multiplexed counter that never ran in the span.
        NEVER_RAN = 4 => "never ran",
        /// Not enough history yet.
        WARMING_UP = 5 => "warming up",
        /// The counter went backwards or the span has a hole.
        RESET = 6 => "reset",
        /// Nothing happened in the span, so that a ratio or a percentile has no meaning.
        EMPTY = 7 => "empty",
    }
}

open_integer! {
    /// What a target is for, and so who gives way to whom.
    Class: u32 {
        /// Not said.
        UNSET = 0 => "Unset",
        /// Answers somebody who waits; protected, never throttled.
        LATENCY = 1 => "Latency",
        /// Works towards a deadline.
        BATCH = 2 => "Batch",
        /// Takes what is left over.
        BEST_EFFORT = 3 => "BestEffort",
    }
}

open_integer! {
    /// What happened to a target.
    Change: u32 {
        /// It is there now.
        APPEARED = 0 => "appeared",
        /// Its processes, groups, class or labels are others now.
        CHANGED = 1 => "changed",
        /// It went away; its id is never used again.
        GONE = 2 => "gone",
    }
}

open_integer! {
    /// The resource through which one workload slows another.
    Resource: u32 {
        /// Not known.
        UNKNOWN = 0 => "unknown",
        /// The victim itself: its load, its own limits.
        SELF = 1 => "self",
        /// Time on a CPU.
        CPU_TIME = 2 => "cpu time",
        /// Last-level cache.
        L3 = 3 => "l3",
        /// Memory bandwidth.
        MEMORY_BANDWIDTH = 4 => "memory bandwidth",
        /// The sibling thread of a core.
        SMT = 5 => "smt",
        /// Block or network devices.
        IO = 6 => "io",
        /// Another guest of the hypervisor.
        HYPERVISOR = 7 => "hypervisor",
        /// Memory capacity: reclaim and swap.
        MEMORY = 8 => "memory",
    }
}

open_integer! {
    /// Where a finding stands in its life.
    Phase: u32 {
        /// First told.
        BEGINS = 0 => "begins",
        /// Still so.
        LASTS = 1 => "lasts",
        /// No longer so.
        ENDS = 2 => "ends",
    }
}

open_integer! {
    /// How a goal compares a metric with its value.
    Comparison: u32 {
        /// The metric is to stay at or below the value.
        AT_MOST = 0 => "at most",
        /// The metric is to stay at or above the value.
        AT_LEAST = 1 => "at least",
    }
}

open_integer! {
    /// What became of an action.
    Fate: u32 {
        /// In force as asked.
        APPLIED = 0 => "applied",
        /// In force, but not quite as asked; the outcome's value says how.
        CLAMPED = 1 => "clamped",
        /// Not in force; the outcome says why.
        REFUSED = 2 => "refused",
        /// Its lease ran out, and the knob is as it was found.
        LAPSED = 3 => "lapsed",
        /// Someone else changed the knob; it is theirs now and was left alone.
        TAKEN = 4 => "taken",
        /// Put back on request or at stop; the knob is as it was found.
        UNDONE = 5 => "undone",
        /// A dry run: this would have been done.
        PLANNED = 6 => "planned",
    }
}

open_integer! {
    /// How a knob is undone; what the fields of [`super::Undo`] mean for each stands there.
    UndoKind: u32 {
        /// Write `before` to the file `path` if it still is inode `inode` and still reads `after`.
        WRITE_FILE = 0 => "write file",
        /// Remove the directory `path` if it still is inode `inode`.
        REMOVE_DIR = 1 => "remove directory",
        /// Move every task listed in file `path` to the file `before`.
        MOVE_TASKS = 2 => "move tasks",
        /// Give thread `pid` (started at `start_time`) the CPUs `before` if it still has `after`; where `path` is a folder
        /// of threads (`/proc/PID/task`), each of process `pid`, and of children born since, that has `after`.
        SET_AFFINITY = 3 => "set affinity",
        /// Write `before` to the freezer file `path`; never leave a workload frozen.
        THAW = 4 => "thaw",
        /// Kill process `pid` if it still is the one started at `start_time`.
        KILL = 5 => "kill",
        /// For engines only: the element's own `undo` is called with `before`.
        CUSTOM = 6 => "custom",
        /// Kill every process that the file `path` lists, until it lists none, if it still is inode `inode`.
        KILL_TASKS = 7 => "kill tasks",
        /// Let process `pid` run on (SIGCONT) if it still is the one started at `start_time`.
        CONTINUE = 8 => "continue",
        /// Unmount the filesystem of type `before` at `path`, unless it has folders beside those that `after` names.
        UNMOUNT = 9 => "unmount",
    }
}

open_integer! {
    /// What a failed call means for the node.
    FailureKind: u32 {
        /// This call failed; the next may do better.
        RETRY = 0 => "retry",
        /// The target left while it was dealt with; normal.
        GONE = 1 => "gone",
        /// This node cannot go on; its knobs go back.
        FATAL = 2 => "fatal",
        /// The plugin's code panicked.
        PANIC = 3 => "panic",
        /// Somebody else changed the knob, which is theirs now. Said and heard inside actuators only: the
        /// outcome [`Fate::TAKEN`] tells it, and no call of a node fails with it.
        TAKEN = 4 => "taken",
    }
}

open_integer! {
    /// How loud a log line is.
    Level: u32 {
        /// Data lost, or the host left changed.
        ERROR = 1 => "ERROR",
        /// Unexpected, recovered.
        WARN = 2 => "WARN",
        /// A few lines a run.
        INFO = 3 => "INFO",
        /// Per node.
        DEBUG = 4 => "DEBUG",
        /// Per tick.
        TRACE = 5 => "TRACE",
    }
}

open_integer! {
    /// What kind of value passes a port.
    PortKind: u32 {
        /// Readings of one metric.
        READINGS = 1 => "readings",
        /// Findings.
        FINDINGS = 2 => "findings",
        /// Actions on one knob.
        ACTIONS = 3 => "actions",
        /// Outcomes of actions, and the controls that can be turned.
        OUTCOMES = 4 => "outcomes",
    }
}

open_integer! {
    /// What happened, as a tap tells it; see [`super::TapEvent`].
    TapKind: u32 {
        /// A node said something: `readings[first..][..count]`, and the rest in `batches[other]`.
        SAID = 1 => "said",
        /// A transform or scheduler was called, with `takes[first..][..count]` in the order of its ports.
        CALLED = 2 => "called",
        /// A queue dropped `takes[first..][..count]` on their way to the node.
        DROPPED = 3 => "dropped",
        /// A setting of a transform or scheduler was changed, or refused: `notes[first]`.
        SET = 4 => "set",
        /// A life of a node begins: `notes[first]` counts those before.
        BEGAN = 5 => "began",
        /// A life of a node ended by a failure: `notes[first]` says why.
        ENDED = 6 => "ended",
        /// A transform or scheduler asked for state of an earlier run: `notes[first]` is what it got.
        FETCHED = 7 => "fetched",
        /// A transform or scheduler was given its predecessor's state: `notes[first]`. The host of ABI 0.3 hands none on, and
        /// never says it.
        LOADED = 8 => "loaded",
    }
}

open_integer! {
    /// The clock under which a graph runs for a command.
    ClockKind: u32 {
        /// One instant after the other, as fast as they can be computed.
        VIRTUAL = 0 => "virtual",
        /// The same, at the instants of a timetable and no others.
        TIMETABLE = 1 => "timetable",
    }
}

open_integer! {
    /// Where a command's text goes.
    Stream: u32 {
        /// Standard output: what was asked for.
        OUT = 1 => "out",
        /// Standard error: all else.
        ERR = 2 => "err",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_value_is_legal_and_prints_its_number() {
        assert_eq!(Class(77).to_string(), "unknown(77)");
        assert_eq!(Class(77).name(), None);
    }

    #[test]
    fn every_known_value_is_found_by_its_name() {
        for class in Class::KNOWN {
            assert_eq!(Class::named(class.name().unwrap()), Some(*class));
        }
        for fate in Fate::KNOWN {
            assert_eq!(Fate::named(fate.name().unwrap()), Some(*fate));
        }
    }
}
