//! What is found out once, at start: whether the event can be sampled, and what can be counted with it.

use super::{Running, Sampling, all_events};
use crate::believable::{self, Verdict};
use crate::code::{Code, Pmu};
use crate::collect::bell::Bell;
use crate::collect::emit::Emitter;
use crate::collect::subject::Ways;
use crate::config::{By, Cpus, SampleConfig};
use crate::event::Event;
use crate::fs::{Machine, Missing};
use crate::group::{MOST, Place, Rules};
use crate::layout::{self, Layout, Plan};
use crate::ring::Ring;
use crate::scale::Sum;
use pipeline_plugin_api::prelude::*;

/// Told when the event is counted and never interrupts.
pub const NEVER_INTERRUPTED: &str = "the event is counted, but the CPU's counters never interrupt when it comes to its period, as in some virtual \
     machines; time on the CPU is waited for instead";

/// Told when the event cannot be sampled at all.
const NOT_SAMPLED: &str = "the event cannot be sampled here; time on the CPU is waited for instead, see `fallback`";

/// All that a node knows when it begins; without `interrupts`, time on the CPU takes the place of the event.
pub fn running(config: &SampleConfig, host: &Host, system: &System, interrupts: bool) -> Result<Running> {
    let machine = Machine::here();
    let mut scout = Scout::new(config, &machine);
    let mut first = None;
    if interrupts && scout.join(0).is_ok() {
        first = Some(0);
    }
    let is_fallback = first.is_none();
    let first = first.unwrap_or_else(|| scout.clock());
    if is_fallback {
        scout.plan.period = config.fallback.nanos().0;
        scout.plan.is_fallback = true;
        scout
            .join(first)
            .map_err(|missing| Failure::fatal(format!("nothing can be sampled: {}", missing.why)))?;
    }
    if is_fallback && interrupts {
        host.log(Level::WARN, NOT_SAMPLED, &[("event", &scout.events[0].name)]);
    }
    let others = (0..scout.events.len()).filter(|event| *event != first);
    let missing: Vec<(usize, Missing)> = others
        .filter_map(|event| Some((event, scout.join(event).err()?)))
        .collect();
    for (event, missing) in &missing {
        let sentence = format!("not counted and unavailable: {}", missing.why);
        host.log(Level::WARN, &sentence, &[("event", &scout.events[*event].name)]);
    }
    let Scout { events, plan, .. } = scout;
    let of = |event: usize| {
        missing
            .iter()
            .find(|(missing, _)| *missing == event)
            .map(|(_, why)| why.clone())
    };
    let layout = Layout {
        groups: vec![Plan {
            events: plan.events.clone(),
            codes: plan.codes.clone(),
            cpus: None,
        }],
        missing: (0..events.len()).map(of).collect(),
    };
    let online = machine.online();
    Ok(Running {
        system: system.clone(),
        bell: Bell::new().map_err(|error| Failure::retry(format!("cannot wait for samples: {error}")))?,
        ways: Ways {
            by: By::Auto,
            cpus: Cpus::Online,
            online,
            machine,
        },
        emitter: Emitter::new(&events, &layout, true, host)?,
        overflows: host.metric(&vocabulary::PERF_OVERFLOWS)?,
        sums: vec![Sum::default(); events.len()],
        plan,
        next: 0,
        open: 0,
        silent: 0,
    })
}

/// Tries on the calling thread what can be in one group.
struct Scout<'a> {
    machine: &'a Machine,
    events: Vec<Event>,
    plan: Sampling,
    /// Why the CPU's counters are not to be used.
    nonsense: Option<Missing>,
}

impl<'a> Scout<'a> {
    fn new(config: &SampleConfig, machine: &'a Machine) -> Self {
        let nonsense = match believable::tried() {
            Ok(Verdict::Nonsense(why)) => Some(Missing::unsupported(format!(
                "the counters of PMU `cpu` cannot be believed: {why}"
            ))),
            _ => None,
        };
        Self {
            machine,
            events: config.list(),
            plan: Sampling {
                codes: Vec::new(),
                events: Vec::new(),
                period: config.period,
                rules: Rules {
                    user_only: config.user_only,
                    pinned: false,
                },
                is_fallback: false,
            },
            nonsense,
        }
    }

    /// The place of the time on the CPU in the list.
    fn clock(&mut self) -> usize {
        let is_clock = |event: &Event| event.name == super::CLOCK;
        let known = self.events.iter().position(is_clock);
        known.unwrap_or_else(|| {
            self.events
                .extend(all_events(&SampleConfig::default()).into_iter().filter(is_clock));
            self.events.len() - 1
        })
    }

    /// Puts an event into the group.
    fn join(&mut self, event: usize) -> std::result::Result<(), Missing> {
        let found = self.machine.find(&self.events[event])?.code;
        if let Some(nonsense) = self.nonsense.as_ref().filter(|_| found.pmu() == Pmu::Cpu) {
            return Err(nonsense.clone());
        }
        let codes: Vec<Code> = self.plan.codes.iter().copied().chain([found]).collect();
        if codes.len() > MOST {
            return Err(Missing::unsupported("there are too many events for one group"));
        }
        let tried = Ring::open(&codes, self.plan.period, Place::Own, self.plan.rules);
        tried.map_err(|error| layout::missing(&self.events[event], found, &error))?;
        self.plan.codes = codes;
        self.plan.events.push(event);
        Ok(())
    }
}
