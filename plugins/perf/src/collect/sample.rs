//! `perf.sample`: what targets did up to the moment at which one of them came to a period of an event.
//!
//! The kernel wakes the node's lane then, ahead of the next tick, so that a change shows after a fraction of a
//! millisecond of the target's own work. Where the event is not there, time on the CPU takes its place.

use super::bell::Bell;
use super::emit::{Emitter, Stamp, ports};
use super::subject::{Subject, Ways};
use crate::code::Code;
use crate::config::SampleConfig;
use crate::event::{self, Event};
use crate::group::{Counts, Place, Rules};
use crate::place::{Refused, refused};
use crate::probe;
use crate::ring::Ring;
use crate::scale::Sum;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

mod prepare;

/// The `perf.sample` element.
pub struct Sample {
    config: SampleConfig,
    host: Host,
    running: Option<Running>,
    targets: BTreeMap<TargetId, Watched>,
}

/// What is known once it was started.
struct Running {
    system: System,
    bell: Bell,
    ways: Ways,
    plan: Sampling,
    emitter: Emitter,
    overflows: MetricId,
    sums: Vec<Sum>,
    /// The number that the next ring has.
    next: u64,
    /// Descriptors that are open.
    open: usize,
    /// What the first event counted without a single interruption.
    silent: u64,
}

/// What each ring has.
#[derive(Clone, Debug)]
struct Sampling {
    codes: Vec<Code>,
    /// By code: the place of its event in the list.
    events: Vec<usize>,
    period: u64,
    rules: Rules,
    /// Time on the CPU has taken the place of the event.
    is_fallback: bool,
}

struct Watched {
    subject: Subject,
    name: String,
    rings: Vec<Numbered>,
    since: Nanos,
    /// To be told at the next sample.
    failed: Option<Reason>,
}

struct Numbered {
    number: u64,
    ring: Ring,
    before: Counts,
}

impl Element for Sample {
    const NAME: &'static str = "perf.sample";
    const SUMMARY: &'static str = "events of a target up to the moment at which one of them came to its period";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = SampleConfig;

    fn ports(config: &SampleConfig) -> Ports {
        ports(&all_events(config), true).gives(&vocabulary::PERF_OVERFLOWS)
    }

    fn create(config: SampleConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            config,
            host: host.clone(),
            running: None,
            targets: BTreeMap::new(),
        })
    }

    fn probe() -> Vec<Probe> {
        probe::of_both()
    }

    fn status(&self) -> String {
        let rings: usize = self.targets.values().map(|watched| watched.rings.len()).sum();
        let fallback = self.running.as_ref().is_some_and(|running| running.plan.is_fallback);
        let by = if fallback {
            "time on the CPU"
        } else {
            self.config.event.as_str()
        };
        format!("samples {} targets at {rings} places by {by}", self.targets.len())
    }
}

/// Time on the CPU, as the kernel counts it.
const CLOCK: &str = "cpu-clock";

/// The events of the config, and the time that may take the place of the first.
fn all_events(config: &SampleConfig) -> Vec<Event> {
    let mut events = config.list();
    let clock = event::of(CLOCK)
        .ok()
        .filter(|clock| events.iter().all(|event| event.name != clock.name));
    events.extend(clock);
    events
}

impl Collector for Sample {
    fn start(&mut self, system: &System) -> Result<()> {
        self.running = Some(prepare::running(&self.config, &self.host, system, true)?);
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        let target = &change.target;
        let subject = Subject::of(target);
        if let Some(known) = self.targets.get(&target.id)
            && known.subject == subject
            && change.change != Change::GONE
        {
            return Ok(());
        }
        if let Some(mut known) = self.targets.remove(&target.id) {
            running.close(&mut known);
        }
        if change.change == Change::GONE {
            return Ok(());
        }
        let mut watched = Watched {
            subject,
            name: target.name.to_string(),
            rings: Vec::new(),
            since: Nanos::ZERO,
            failed: None,
        };
        running.open(&mut watched, &self.config, &self.host);
        self.targets.insert(target.id, watched);
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let Some(running) = &mut self.running else {
            return Err(Failure::fatal("read before it was started"));
        };
        let was_woken = !tick.ready.is_empty();
        for (target, watched) in &mut self.targets {
            running.sample(watched, *target, tick.at, was_woken, &self.host, out);
        }
        running.forget_ended(&mut self.targets);
        if running.is_never_interrupted() {
            self.host.log(
                Level::WARN,
                prepare::NEVER_INTERRUPTED,
                &[("event", &self.config.event)],
            );
            let mut fresh = prepare::running(&self.config, &self.host, &running.system, false)?;
            for watched in self.targets.values_mut() {
                running.close(watched);
                fresh.open(watched, &self.config, &self.host);
            }
            *running = fresh;
        }
        Ok(Wish::Nothing)
    }

    fn descriptors(&self) -> Vec<i32> {
        self.running.iter().map(|running| running.bell.descriptor()).collect()
    }

    fn stop(&mut self) -> Result<()> {
        self.targets.clear();
        self.running = None;
        Ok(())
    }
}

impl Running {
    fn open(&mut self, watched: &mut Watched, config: &SampleConfig, host: &Host) {
        watched.since = self.system.now();
        let bound = config.descriptors as usize;
        let ways = self.ways.clone();
        let Watched { subject, rings, .. } = watched;
        let opened = subject.places(&ways, |place| {
            if self.open + self.plan.codes.len() >= bound {
                return Err(Refused {
                    reason: Reason::UNKNOWN,
                    why: format!("it needs more than the {bound} descriptors that may be opened; raise `descriptors`"),
                });
            }
            rings.push(self.ring(place).map_err(|error| refused(&error))?);
            Ok(())
        });
        if let Err(refused) = opened {
            self.close(watched);
            let level = if refused.reason == Reason::VANISHED {
                Level::DEBUG
            } else {
                Level::WARN
            };
            host.log(level, &refused.why, &[("target", &watched.name)]);
            watched.failed = Some(refused.reason);
        }
    }

    fn ring(&mut self, place: Place<'_>) -> std::io::Result<Numbered> {
        let ring = Ring::open(&self.plan.codes, self.plan.period, place, self.plan.rules)?;
        let number = self.next;
        self.bell.listen(ring.descriptor(), number)?;
        self.next += 1;
        self.open += ring.len();
        Ok(Numbered {
            number,
            ring,
            before: Counts::zero(self.plan.codes.len()),
        })
    }

    fn close(&mut self, watched: &mut Watched) {
        for numbered in watched.rings.drain(..) {
            self.bell.silence(numbered.ring.descriptor());
            self.open = self.open.saturating_sub(numbered.ring.len());
        }
    }

    /// A thread that has ended would ring for ever.
    fn forget_ended(&mut self, targets: &mut BTreeMap<TargetId, Watched>) {
        let ended = self.bell.hung_up();
        if ended.is_empty() {
            return;
        }
        for watched in targets.values_mut() {
            watched.rings.retain(|numbered| {
                let stays = !ended.contains(&numbered.number);
                if !stays {
                    self.bell.silence(numbered.ring.descriptor());
                    self.open = self.open.saturating_sub(numbered.ring.len());
                }
                stays
            });
        }
    }

    /// Tells what a target did, if it came to its period or `was_woken` is not why it is looked at.
    fn sample(
        &mut self,
        watched: &mut Watched,
        target: TargetId,
        at: Nanos,
        was_woken: bool,
        host: &Host,
        out: &mut Batch,
    ) {
        if let Some(reason) = watched.failed.take() {
            self.emitter.absent(target, at, reason, out);
        }
        let overflows: u64 = watched.rings.iter_mut().map(|numbered| numbered.ring.overflows()).sum();
        let now = self.system.now();
        let span = now.since(watched.since);
        if watched.rings.is_empty() || was_woken && overflows == 0 || span == Nanos::ZERO {
            return;
        }
        self.sums.fill(Sum::default());
        if let Err(error) = self.add(watched) {
            let refused = refused(&error);
            host.log(Level::WARN, &refused.why, &[("target", &watched.name)]);
            self.close(watched);
            return self.emitter.absent(target, at, refused.reason, out);
        }
        watched.since = now;
        if overflows > 0 {
            self.silent = 0;
        }
        let part = Part::WHOLE;
        self.emitter.emit(&self.sums, Stamp { target, at, span, part }, out);
        out.readings
            .push(Reading::delta(at, span, target, self.overflows, overflows as f64));
    }

    fn add(&mut self, watched: &mut Watched) -> std::io::Result<()> {
        for numbered in &mut watched.rings {
            let Some(after) = numbered.ring.read()? else { continue };
            let before = &numbered.before;
            for (slot, event) in self.plan.events.iter().enumerate() {
                self.sums[*event].add((before, before.values()[slot]), (&after, after.values()[slot]));
            }
            self.silent = self
                .silent
                .saturating_add(after.values()[0].saturating_sub(before.values()[0]));
            numbered.before = after;
        }
        Ok(())
    }

    /// Whether the event was counted far beyond its period on every CPU and interrupted nobody.
    fn is_never_interrupted(&self) -> bool {
        let enough = 16 * self.plan.period.saturating_mul(self.ways.online.len() as u64);
        !self.plan.is_fallback && self.silent > enough
    }
}

#[cfg(test)]
mod tests;
