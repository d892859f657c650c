//! What is found out once, at start: which events this machine has, whether its counters are to be believed, how events
//! are grouped, and how many descriptors there may be. What is missing is told here, each once.

use super::{Running, Watched};
use crate::believable::{self, Verdict};
use crate::code::Pmu;
use crate::collect::emit::Emitter;
use crate::collect::sockets::Sockets;
use crate::collect::subject::Ways;
use crate::config::{By, CountersConfig};
use crate::derive::Derived;
use crate::event::Event;
use crate::fs::{Found, Machine, Missing};
use crate::group::{Group, Place, Rules};
use crate::layout::{self, Layout};
use crate::place::Plan;
use crate::scale::Sum;
use pipeline_plugin_api::prelude::*;
use rustix::process::{Resource, getrlimit};
use std::collections::BTreeMap;

/// Descriptors that are left for everyone else in this process.
const SPARE: usize = 128;

/// All that a node knows when it begins.
pub fn running(config: &CountersConfig, host: &Host, system: &System) -> Result<Running> {
    let machine = Machine::here();
    let online = machine.online();
    let events = config.list();
    let plan = Plan {
        layout: layout(config, &events, &machine, &online, host),
        rules: config.rules(),
        events: events.len(),
    };
    tell(&events, &plan.layout, host);
    let sockets = match config.per_socket {
        true => Sockets::of(&machine, &online, plan.events, host),
        false => Sockets::default(),
    };
    Ok(Running {
        system: system.clone(),
        emitter: Emitter::new(&events, &plan.layout, config.derived, host)?,
        ways: Ways {
            by: config.by,
            cpus: config.cpus,
            online,
            machine,
        },
        bound: bound(config),
        whole: vec![Sum::default(); plan.events],
        part: vec![Sum::default(); plan.events],
        sockets,
        is_idle: false,
        plan,
    })
}

fn layout(config: &CountersConfig, events: &[Event], machine: &Machine, online: &[u32], host: &Host) -> Layout {
    let nonsense = if config.believable_only {
        nonsense(events, machine, host)
    } else {
        None
    };
    let find = |event: &Event| -> std::result::Result<Found, Missing> {
        let found = machine.find(event)?;
        match &nonsense {
            Some(missing) if found.code.pmu() == Pmu::Cpu => Err(missing.clone()),
            _ => Ok(found),
        }
    };
    let found = events.iter().map(find).collect();
    let together: Vec<Vec<usize>> = Derived::all(events)
        .iter()
        .map(|ratio| ratio.inputs().to_vec())
        .collect();
    // A group that is pinned while it is tried would take the counters from others.
    let rules = Rules {
        pinned: false,
        ..config.rules()
    };
    let first = online.first().copied().unwrap_or_default();
    let place = |plan: &layout::Plan| match config.by {
        By::Cpu | By::System => Place::Cpu(
            plan.cpus
                .as_ref()
                .and_then(|cpus| cpus.first().copied())
                .unwrap_or(first),
        ),
        _ => Place::Own,
    };
    layout::lay(events, found, &together, config.group as usize, |plan| {
        Group::open(&plan.codes, place(plan), rules).map(drop)
    })
}

/// Why the CPU's counters are not to be used, where they are there and count nonsense.
fn nonsense(events: &[Event], machine: &Machine, host: &Host) -> Option<Missing> {
    let is_hard = |event: &Event| machine.find(event).is_ok_and(|found| found.code.pmu() == Pmu::Cpu);
    if !events.iter().any(is_hard) {
        return None;
    }
    match believable::tried().ok()? {
        Verdict::Nonsense(why) => Some(Missing::unsupported(format!(
            "the counters of PMU `cpu` cannot be believed: {why}; a hypervisor that counts is needed, or \
             `believable_only: false` to have the numbers all the same"
        ))),
        Verdict::Busy => {
            host.log(
                Level::INFO,
                "the CPU's counters were taken by others and could not be tried",
                &[],
            );
            None
        }
        Verdict::Believable(spin) => {
            let ipc = spin.instructions as f64 / spin.cycles as f64;
            host.log(
                Level::DEBUG,
                "the CPU's counters count a known loop plausibly",
                &[("ipc", &ipc)],
            );
            None
        }
    }
}

/// Each reason with all the events that it keeps from being counted, and a split of what does not fit at once.
fn tell(events: &[Event], layout: &Layout, host: &Host) {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (event, missing) in events.iter().zip(&layout.missing) {
        if let Some(missing) = missing {
            reasons.entry(&missing.why).or_default().push(&event.name);
        }
    }
    for (why, names) in reasons {
        let sentence = format!("not counted and unavailable: {why}");
        host.log(Level::WARN, &sentence, &[("events", &names.join(","))]);
    }
    let groups = layout.of_the_cpu();
    if groups > 1 {
        let sentence = format!(
            "the events need more counters than the CPU has at once and are counted in {groups} groups that take turns; \
             their numbers are scaled, and ratios between groups are estimates"
        );
        host.log(Level::INFO, &sentence, &[]);
    }
}

fn bound(config: &CountersConfig) -> usize {
    let limit = getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |limit| limit as usize);
    (config.descriptors as usize).min(limit.saturating_sub(SPARE)).max(1)
}

impl Running {
    /// Why targets take turns, and what ends it.
    pub fn too_many(&self, targets: &BTreeMap<TargetId, Watched>, turn: Span) -> String {
        let needed: usize = targets.values().map(|watched| watched.cost).sum();
        let (count, bound) = (targets.len(), self.bound);
        format!(
            "{count} targets need {needed} descriptors and {bound} may be opened, so that they take turns of {turn}, and \
             are unavailable between; raise `descriptors` and `ulimit -n`, count fewer events, or set `cpus: Allowed`"
        )
    }

    /// Why a group may not run, and what is done about it.
    pub fn idle_group(&self, largest: usize) -> String {
        let held = if self.ways.machine.has_nmi_watchdog() {
            "; the NMI watchdog holds one counter of each CPU, `sysctl kernel.nmi_watchdog=0` gives it back"
        } else {
            ""
        };
        let done = if largest < 2 || self.plan.rules.pinned {
            "it stays unavailable; count fewer events".to_owned()
        } else {
            format!(
                "groups have {} events at most from now on; count fewer to have more of the time",
                largest / 2
            )
        };
        format!("a group of events does not get the CPU's counters, which others hold{held}: {done}")
    }
}
