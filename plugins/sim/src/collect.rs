//! `sim.metrics`: reads a simulated node with the metrics of the real plugins. What a metric is made of is in the files
//! below, by family; what it is worth is the model's.

mod cache;
mod counters;
mod ids;
mod requests;
mod time;

use crate::config::{Family, MetricsConfig};
use crate::registry::{Ground, Known, Shared};
use ids::Ids;
use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::{Levels, Totals};
use std::collections::BTreeMap;

/// How often what does not change is told again.
const TOPOLOGY_AGAIN: Nanos = Nanos::from_secs(60);
/// The one block device of a node.
const DEVICE: &str = "dev/8:0";

/// Where readings are gathered.
type Out = Vec<Reading>;

/// The `sim.metrics` element.
pub struct Metrics {
    config: MetricsConfig,
    ids: Ids,
    host: Host,
    known: Known,
    watched: BTreeMap<TargetId, Watched>,
    topology_told: Option<Nanos>,
    device: Part,
    /// Used again and again.
    gathered: Out,
}

/// A target that is read.
struct Watched {
    shared: Shared,
    place: usize,
    /// When it was read last, and what it had used by then.
    last_at: Nanos,
    last: Totals,
    /// What the hypervisor had taken of its CPUs by then.
    taken: Vec<f64>,
}

/// What readings of one target are made of.
pub struct View<'a> {
    /// The node.
    pub ground: &'a Ground,
    /// The target.
    pub target: TargetId,
    /// Which workload it is.
    pub place: usize,
    /// The block device.
    pub device: Part,
    /// How it stands.
    pub levels: Levels,
    /// Now.
    pub at: Nanos,
    /// Since it was read last.
    pub span: Nanos,
    /// What it has used.
    pub now: &'a Totals,
    /// What it had used when it was read last.
    pub last: &'a Totals,
}

impl Element for Metrics {
    const NAME: &'static str = "sim.metrics";
    const SUMMARY: &'static str = "reads workloads of a simulated node, with the metrics of the real plugins";
    const EVERY: Nanos = Nanos::from_millis(100);
    const VIRTUAL_TIME: bool = true;
    type Config = MetricsConfig;

    fn ports(config: &MetricsConfig) -> Ports {
        Ids::metrics(config)
            .into_iter()
            .fold(Ports::new(), |ports, metric| ports.gives(&metric))
    }

    fn create(config: MetricsConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            ids: Ids::new(host)?,
            config,
            host: host.clone(),
            known: Known::default(),
            watched: BTreeMap::new(),
            topology_told: None,
            device: host.part(DEVICE),
            gathered: Out::new(),
        })
    }

    fn status(&self) -> String {
        format!("reads {} workloads", self.watched.len())
    }
}

impl Collector for Metrics {
    fn target(&mut self, change: &TargetChange) -> Result<()> {
        let target = &change.target;
        if change.change == Change::GONE {
            self.watched.remove(&target.id);
            return Ok(());
        }
        if self.watched.contains_key(&target.id) {
            return Ok(());
        }
        let shared = self.known.of(&self.host, target)?;
        let ground = shared.lock();
        let place = ground
            .places
            .get(&target.id)
            .copied()
            .ok_or_else(|| Failure::gone(target.id, "it left the node"))?;
        let cpus = ground.simulation.scenario().cpus();
        let watched = Watched {
            place,
            last_at: ground.simulation.now(),
            last: ground.simulation.totals(place).clone(),
            taken: (0..cpus).map(|cpu| ground.simulation.taken(cpu)).collect(),
            shared: shared.clone(),
        };
        drop(ground);
        self.watched.insert(target.id, watched);
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        for shared in self.known.all() {
            shared.lock().simulation.advance(tick.at);
        }
        self.tell_topology(tick.at, out);
        let Self {
            config,
            ids,
            watched,
            device,
            gathered,
            ..
        } = self;
        gathered.clear();
        for (target, watched) in watched {
            let ground = watched.shared.lock();
            let span = tick.at - watched.last_at;
            if span == Nanos::ZERO || !ground.simulation.is_present(watched.place) {
                continue;
            }
            let view = View {
                ground: &ground,
                target: *target,
                place: watched.place,
                device: *device,
                levels: ground.simulation.levels(watched.place),
                at: tick.at,
                span,
                now: ground.simulation.totals(watched.place),
                last: &watched.last,
            };
            view.tell(config, ids, &mut watched.taken, gathered);
            watched.last_at = tick.at;
            watched.last.clone_from(ground.simulation.totals(watched.place));
        }
        out.readings.extend_from_slice(gathered);
        Ok(Wish::Nothing)
    }
}

impl Metrics {
    /// Which core each CPU is a thread of: with no target, once a minute.
    fn tell_topology(&mut self, at: Nanos, out: &mut Batch) {
        let is_due = self.topology_told.is_none_or(|told| at >= told + TOPOLOGY_AGAIN);
        if !self.config.has(Family::Topology) || !is_due || self.watched.is_empty() {
            return;
        }
        self.topology_told = Some(at);
        for shared in self.known.all() {
            let ground = shared.lock();
            let cpus = ground.simulation.scenario().cpus();
            let pairs = ground.simulation.siblings();
            for cpu in 0..cpus {
                let core = pairs
                    .iter()
                    .find(|(_, sibling)| *sibling == cpu)
                    .map_or(cpu, |(first, _)| *first);
                let reading = Reading::gauge(at, TargetId::NONE, self.ids.core, f64::from(core));
                out.readings.push(reading.of_part(Part::cpu(cpu)));
            }
        }
    }
}

impl View<'_> {
    fn tell(&self, config: &MetricsConfig, ids: &Ids, taken: &mut [f64], out: &mut Out) {
        if config.has(Family::Cpu) {
            time::cpu(self, ids, out);
        }
        if config.has(Family::Quota) {
            time::quota(self, ids, out);
        }
        if config.has(Family::Steal) {
            time::steal(self, ids, taken, out);
        }
        if config.has(Family::Pressure) {
            time::pressure(self, ids, out);
        }
        if config.has(Family::Perf) {
            counters::tell(self, ids, config.counted, out);
        }
        if config.has(Family::Cache) {
            cache::tell(self, ids, out);
        }
        if config.has(Family::Memory) {
            cache::memory(self, ids, out);
        }
        if config.has(Family::Io) {
            cache::io(self, ids, out);
        }
        if config.has(Family::Kpi) {
            requests::tell(self, ids, config.histogram, out);
        }
    }

    /// What was added since the last reading.
    pub fn delta(&self, metric: MetricId, of: impl Fn(&Totals) -> f64) -> Reading {
        let added = (of(self.now) - of(self.last)).max(0.0);
        Reading::delta(self.at, self.span, self.target, metric, added)
    }

    /// What was added since the last reading, where it is counted in whole ones: no count is lost or added by rounding.
    pub fn count(&self, metric: MetricId, of: impl Fn(&Totals) -> f64) -> Reading {
        let added = (of(self.now).floor() - of(self.last).floor()).max(0.0);
        Reading::delta(self.at, self.span, self.target, metric, added)
    }

    /// A level.
    pub fn gauge(&self, metric: MetricId, value: f64) -> Reading {
        Reading::gauge(self.at, self.target, metric, value)
    }

    /// No value, and why.
    pub fn unavailable(&self, metric: MetricId, reason: Reason) -> Reading {
        Reading::unavailable(self.at, self.target, metric, reason)
    }

    /// A ratio; unavailable where there is nothing to divide by.
    pub fn ratio(&self, metric: MetricId, of: f64, by: f64) -> Reading {
        match by > 0.0 {
            true => Reading {
                span: self.span,
                ..self.gauge(metric, of / by)
            },
            false => self.unavailable(metric, Reason::EMPTY),
        }
    }

    /// Noise of a measurement, normal enough: the same for the same reading, whoever else reads what.
    pub fn noise(&self, stream: u64) -> f64 {
        let seed = self.ground.simulation.scenario().seed;
        pipeline_sim_model::noise(seed, ((self.place as u64) << 32) | 0x100 | stream, self.at.0)
    }
}

#[cfg(test)]
mod tests;
