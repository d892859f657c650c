//! The config of `perf.counters`.

use crate::event::{self, Event};
use crate::group::{MOST, Rules};
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The way of counting.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum By {
    /// By control group where a target has one that the kernel takes, else by process.
    Auto,
    /// All that runs in the target's control group and those below, on each CPU.
    Cgroup,
    /// All threads of the target's processes, and those that they will make.
    Process,
    /// Each CPU that the target may use, whoever runs there.
    Cpu,
    /// All CPUs as one, whoever runs there, and each with `per_cpu`; belongs to no target and needs no `of`.
    System,
}

/// On which CPUs a control group is counted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Cpus {
    /// On all that are on.
    Online,
    /// On those that the target may use when it is told.
    Allowed,
}

/// What `perf.counters` counts of each target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CountersConfig {
    /// Events and sets of events. Names as of perf(1): `cycles`, `LLC-load-misses`, `context-switches`; raw codes
    /// `r01a8`; events of a PMU `cpu/event=0xa8,umask=0x1,name=lsd/`; tracepoints `sched:sched_switch`. Sets: `ipc`,
    /// `cache`, `llc`, `branch`, `stalls` (Intel), `software`, `rdt4nn`, `pcm` (Intel; for `by: System`). Default `["ipc", "cache", "software"]`. Name no
    /// more than you use: a CPU has some 4 to 8 counters, and beyond them each event runs only part of the time.
    pub events: Vec<String>,
    /// The way of counting: `Auto` (default), `Cgroup`, `Process`, `Cpu` or `System`.
    pub by: By,
    /// On which CPUs control groups are counted: `Online` (default), or `Allowed`, which takes fewer descriptors and
    /// misses what a target does on CPUs that it is given later without being told anew.
    pub cpus: Cpus,
    /// Whether counts by CPU are given too, as parts `cpu/0`. Default false; `by: Cpu` always does.
    pub per_cpu: bool,
    /// Whether counts by socket are given too, as parts `socket/0`. Default false; not where processes are counted.
    pub per_socket: bool,
    /// Whether ratios of the counts are given: `perf.ipc`, `perf.cpi`, miss rates, stalled shares. Default true.
    pub derived: bool,
    /// Whether only user mode is counted. Default false. Set it where the kernel is not to be counted, or for a user
    /// without CAP_PERFMON at `kernel.perf_event_paranoid` 2.
    pub user_only: bool,
    /// Whether the counters are held always, ahead of everyone else's. Default false. A group that does not get them is
    /// unavailable; useful for a few events that must not be scaled.
    pub pinned: bool,
    /// The most events in a group, 1 to 32, default 32: as many as the CPU takes at once. Lower it where a group never
    /// runs because somebody else holds a counter.
    pub group: u32,
    /// The most descriptors that this node opens, 1 to 1000000, default 20000, and never more than `ulimit -n` leaves.
    /// It needs targets × CPUs × events of them; beyond the bound, targets take turns.
    pub descriptors: u32,
    /// How long a target's turn is where there are more targets than descriptors. 1s to 1h, default 10s.
    pub turn: Span,
    /// Whether the CPU's counters are used only if they count a known loop plausibly. Default true. Unset it to have
    /// the numbers of a machine that does not count, as for a test.
    pub believable_only: bool,
}

impl Default for CountersConfig {
    fn default() -> Self {
        Self {
            events: ["ipc", "cache", "software"].map(str::to_owned).to_vec(),
            by: By::Auto,
            cpus: Cpus::Online,
            per_cpu: false,
            per_socket: false,
            derived: true,
            user_only: false,
            pinned: false,
            group: MOST as u32,
            descriptors: 20_000,
            turn: Span::secs(10),
            believable_only: true,
        }
    }
}

impl Configure for CountersConfig {
    fn check(&self, faults: &mut Faults) {
        let some = !self.events.is_empty();
        faults.require(
            some,
            "events",
            "nothing is counted",
            "name events or sets, as `[\"ipc\"]`",
        );
        for unknown in event::of_list(&self.events).err().into_iter().flatten() {
            faults.add("events", unknown.message, unknown.help);
        }
        let group = (1..=MOST as u32).contains(&self.group);
        faults.require(group, "group", "`group` is out of range", "give 1 to 32");
        let descriptors = (1..=1_000_000).contains(&self.descriptors);
        faults.require(
            descriptors,
            "descriptors",
            "`descriptors` is out of range",
            "give 1 to 1000000",
        );
        let turn = (Span::secs(1)..=Span::secs(3600)).contains(&self.turn);
        faults.require(turn, "turn", "`turn` is out of range", "give \"1s\" to \"1h\"");
        let has_targets = self.by != By::System;
        let allowed = has_targets || self.cpus == Cpus::Online;
        faults.require(
            allowed,
            "cpus",
            "`Allowed` needs targets, and `by: System` has none",
            "leave `cpus` out",
        );
    }
}

impl CountersConfig {
    /// The events, sets spelled out; empty where a name is unknown, which the check has told.
    pub fn list(&self) -> Vec<Event> {
        event::of_list(&self.events).unwrap_or_default()
    }

    /// What holds for all groups.
    pub fn rules(&self) -> Rules {
        Rules {
            user_only: self.user_only,
            pinned: self.pinned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::{parse, sample};

    #[test]
    fn the_sample_is_the_default() {
        let read = parse::<CountersConfig>(&sample::<CountersConfig>()).unwrap();
        assert_eq!(read, CountersConfig::default());
    }

    #[test]
    fn all_faults_are_told_at_once_with_the_nearest_names() {
        let text = "(events: [\"cycels\", \"ipcc\"], group: 0, descriptors: 0, turn: \"1ms\")";
        let faults = parse::<CountersConfig>(text).unwrap_err();
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert!(faults.iter().any(|fault| fault.help.contains("`cycles`")));
        assert!(faults.iter().any(|fault| fault.help.contains("`ipc`")));
    }

    #[test]
    fn nothing_to_count_is_a_fault() {
        assert!(parse::<CountersConfig>("(events: [])").is_err());
    }
}
