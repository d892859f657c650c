//! `perf.counters`: events of every target, on descriptors that stay open, read at each tick.
//!
//! A tick opens nothing, walks no path and allocates nothing for targets that are counted already.

use super::emit::{Emitter, Stamp, ports};
use super::sockets::Sockets;
use super::subject::{Subject, Ways};
use super::turns::Turns;
use crate::config::{By, CountersConfig};
use crate::place::{Counting, Plan, Refused, refused};
use crate::probe;
use crate::scale::Sum;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

mod prepare;

/// The `perf.counters` element.
pub struct Counters {
    config: CountersConfig,
    host: Host,
    running: Option<Running>,
    targets: BTreeMap<TargetId, Watched>,
    turns: Turns,
    /// That targets take turns was told.
    told: bool,
    /// Ticks in a row at which a group did not run though what it counts did.
    idle: u32,
}

/// What is known once it was started.
struct Running {
    system: System,
    plan: Plan,
    ways: Ways,
    emitter: Emitter,
    /// The most descriptors.
    bound: usize,
    whole: Vec<Sum>,
    part: Vec<Sum>,
    sockets: Sockets,
    /// A group did not run in this tick's samples though what it counts did.
    is_idle: bool,
}

/// Samples in a row in which a group did not run, before groups are made smaller.
const PATIENCE: u32 = 3;

struct Watched {
    subject: Subject,
    name: String,
    cost: usize,
    sight: Sight,
}

enum Sight {
    /// To be opened when it is its turn.
    New,
    Open {
        counting: Counting,
        since: Nanos,
    },
    /// It cannot be counted, which is to be told at the next sample.
    Failed(Reason),
    /// It cannot be counted, which was told.
    Lost,
    /// Not its turn, which was told.
    Waits,
}

impl Element for Counters {
    const NAME: &'static str = "perf.counters";
    const SUMMARY: &'static str =
        "hardware and software events by control group, process, CPU or machine, with their ratios";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = CountersConfig;

    fn ports(config: &CountersConfig) -> Ports {
        ports(&config.list(), config.derived)
    }

    fn create(config: CountersConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            config,
            host: host.clone(),
            running: None,
            targets: BTreeMap::new(),
            turns: Turns::default(),
            told: false,
            idle: 0,
        })
    }

    fn probe() -> Vec<Probe> {
        probe::of_both()
    }

    fn status(&self) -> String {
        let counted = self.targets.values().filter_map(Watched::counting);
        let descriptors: usize = counted.clone().map(Counting::descriptors).sum();
        let groups = self
            .running
            .as_ref()
            .map_or(0, |running| running.plan.layout.groups.len());
        format!(
            "counts {} of {} targets in {groups} groups on {descriptors} descriptors",
            counted.count(),
            self.targets.len()
        )
    }
}

impl Collector for Counters {
    fn start(&mut self, system: &System) -> Result<()> {
        self.running = Some(prepare::running(&self.config, &self.host, system)?);
        if self.config.by == By::System {
            self.watch(TargetId::NONE, Subject::default(), String::new());
        }
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        let target = &change.target;
        if self.config.by == By::System {
            return Ok(());
        }
        if change.change == Change::GONE {
            self.targets.remove(&target.id);
            return Ok(());
        }
        let subject = Subject::of(target);
        if self.adopted(target.id, &subject)? {
            return Ok(());
        }
        self.watch(target.id, subject, target.name.to_string());
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let Some(running) = &mut self.running else {
            return Err(Failure::fatal("read before it was started"));
        };
        take_turns(&mut self.targets, &mut self.turns, &self.config, running, tick.at, out);
        let rotates = self
            .targets
            .values()
            .any(|watched| matches!(watched.sight, Sight::Waits));
        if rotates && !std::mem::replace(&mut self.told, true) {
            self.host
                .log(Level::WARN, &running.too_many(&self.targets, self.config.turn), &[]);
        }
        for (id, watched) in &mut self.targets {
            watched.sample(*id, tick.at, running, &self.config, &self.host, out);
        }
        let is_idle = std::mem::take(&mut running.is_idle);
        self.idle = if is_idle { self.idle + 1 } else { 0 };
        if self.idle == PATIENCE {
            self.make_smaller()?;
        }
        Ok(Wish::Nothing)
    }

    fn stop(&mut self) -> Result<()> {
        self.targets.clear();
        Ok(())
    }
}

impl Counters {
    fn watch(&mut self, id: TargetId, subject: Subject, name: String) {
        let Some(running) = &mut self.running else { return };
        self.targets.insert(id, Watched::new(subject, name, running));
        let all: usize = self.targets.values().map(|watched| watched.cost).sum();
        if all > running.bound {
            return;
        }
        // Counted from now on, and not from the next tick.
        if let Some(watched) = self.targets.get_mut(&id) {
            watched.open(running, &self.host);
        }
    }

    /// A group as large as the CPU allows never runs while somebody holds one counter: groups half as large do.
    #[cold]
    fn make_smaller(&mut self) -> Result<()> {
        let Some(running) = &self.running else { return Ok(()) };
        let largest = running.plan.layout.largest_of_the_cpu();
        self.host.log(Level::WARN, &running.idle_group(largest), &[]);
        if largest < 2 || self.config.pinned {
            return Ok(());
        }
        self.config.group = largest as u32 / 2;
        let system = running.system.clone();
        self.targets
            .values_mut()
            .filter(|watched| watched.counting().is_some())
            .for_each(|watched| {
                watched.sight = Sight::New;
            });
        self.running = Some(prepare::running(&self.config, &self.host, &system)?);
        self.idle = 0;
        Ok(())
    }

    /// Whether the target is counted already and only its processes are others.
    fn adopted(&mut self, id: TargetId, subject: &Subject) -> Result<bool> {
        let (Some(running), Some(watched)) = (&self.running, self.targets.get_mut(&id)) else {
            return Ok(false);
        };
        let Sight::Open { counting, .. } = &mut watched.sight else {
            return Ok(false);
        };
        if !watched.subject.has_same_place(subject, &running.ways) {
            return Ok(false);
        }
        watched.subject = subject.clone();
        if !counting.is_by_process() {
            return Ok(true);
        }
        let pids = subject.pids(&running.ways.machine);
        let adopted = counting.adopt(&pids, &running.ways.machine, &running.plan);
        adopted.map(|()| true).map_err(|refused| Failure {
            target: id,
            ..Failure::retry(refused.why)
        })
    }
}

/// Closes whose turn is over, and lets those begin whose turn it is.
fn take_turns(
    targets: &mut BTreeMap<TargetId, Watched>,
    turns: &mut Turns,
    config: &CountersConfig,
    running: &Running,
    at: Nanos,
    out: &mut Batch,
) {
    let cost = |watched: &Watched| {
        if matches!(watched.sight, Sight::Failed(_) | Sight::Lost) {
            0
        } else {
            watched.cost
        }
    };
    let all: usize = targets.values().map(cost).sum();
    if all <= running.bound {
        let waiting = targets
            .values_mut()
            .filter(|watched| matches!(watched.sight, Sight::Waits));
        waiting.for_each(|watched| watched.sight = Sight::New);
        return;
    }
    let costs = targets.iter().map(|(id, watched)| (*id, cost(watched))).collect();
    let chosen = turns.now(&costs, running.bound, at, config.turn.nanos());
    for (id, watched) in targets {
        let is_chosen = chosen.contains(id);
        match watched.sight {
            Sight::Waits if is_chosen => watched.sight = Sight::New,
            Sight::New | Sight::Open { .. } if !is_chosen => {
                watched.sight = Sight::Waits;
                running.emitter.absent(*id, at, Reason::UNKNOWN, out);
            }
            _ => {}
        }
    }
}

impl Watched {
    fn new(subject: Subject, name: String, running: &Running) -> Self {
        Self {
            cost: subject.cost(&running.ways, &running.plan),
            subject,
            name,
            sight: Sight::New,
        }
    }

    fn counting(&self) -> Option<&Counting> {
        match &self.sight {
            Sight::Open { counting, .. } => Some(counting),
            _ => None,
        }
    }

    /// What was counted while the places were opened one after the other is left out: it belongs to no one span.
    fn open(&mut self, running: &mut Running, host: &Host) {
        let opened = self
            .subject
            .open(&running.ways, &running.plan)
            .and_then(|mut counting| {
                let Running { plan, whole, part, .. } = running;
                let primed = counting.read(whole, part, plan, |_, _| {});
                primed.map(|()| counting).map_err(|error| refused(&error))
            });
        match opened {
            Ok(counting) => {
                let since = running.system.now();
                self.sight = Sight::Open { counting, since };
            }
            Err(refused) => self.lose(&refused, host),
        }
    }

    fn lose(&mut self, refused: &Refused, host: &Host) {
        let level = if refused.reason == Reason::VANISHED {
            Level::DEBUG
        } else {
            Level::WARN
        };
        host.log(level, &refused.why, &[("target", &self.name)]);
        self.sight = Sight::Failed(refused.reason);
    }

    fn sample(
        &mut self,
        target: TargetId,
        at: Nanos,
        running: &mut Running,
        config: &CountersConfig,
        host: &Host,
        out: &mut Batch,
    ) {
        if matches!(self.sight, Sight::New) {
            self.open(running, host);
        } else {
            self.read(target, at, running, config, host, out);
        }
        if let Sight::Failed(reason) = self.sight {
            running.emitter.absent(target, at, reason, out);
            self.sight = Sight::Lost;
        }
    }

    fn read(
        &mut self,
        target: TargetId,
        at: Nanos,
        running: &mut Running,
        config: &CountersConfig,
        host: &Host,
        out: &mut Batch,
    ) {
        let now = running.system.now();
        let Sight::Open { counting, since } = &mut self.sight else {
            return;
        };
        let span = now.since(*since);
        // Called twice at one instant: nothing can have been added.
        if span == Nanos::ZERO {
            return;
        }
        let stamp = Stamp {
            target,
            at,
            span,
            part: Part::WHOLE,
        };
        *since = now;
        let Running {
            plan,
            emitter,
            whole,
            part,
            sockets,
            ..
        } = running;
        whole.fill(Sum::default());
        sockets.clear();
        let by_cpu = config.per_cpu || config.by == By::Cpu;
        let read = counting.read(whole, part, plan, |cpu, sums| {
            sockets.add(cpu, sums);
            if by_cpu {
                emitter.emit(
                    sums,
                    Stamp {
                        part: Part::cpu(cpu),
                        ..stamp
                    },
                    out,
                );
            }
        });
        match read {
            Ok(()) => {
                for (part, sums) in sockets.read() {
                    emitter.emit(sums, Stamp { part, ..stamp }, out);
                }
                emitter.emit(whole, stamp, out);
                running.is_idle |= emitter.has_idle_group();
            }
            Err(error) => self.lose(&refused(&error), host),
        }
    }
}

#[cfg(test)]
mod tests;
