//! `sim.truth`: who really suffers how much, from whom and through what. Names of its metrics begin with `truth.`, and so
//! only sinks may take them: it is for scoring detectors and policies, which must not see it.

use crate::config::TruthConfig;
use crate::registry::{Ground, Known, Shared};
use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::{Harm, Truth};
use std::collections::BTreeMap;

/// A metric of the truth.
struct Told {
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    doc: &'static str,
}

const SLOWDOWN: Told = Told {
    name: "truth.slowdown",
    unit: "1",
    kind: Kind::GAUGE,
    doc: "how many times slower than alone and undisturbed; 1 is none",
};
const CAUSE: Told = Told {
    name: "truth.cause",
    unit: "1",
    kind: Kind::GAUGE,
    doc: "how much of the slowdown goes away without it; by culprit and resource",
};
const RESOURCE: Told = Told {
    name: "truth.resource",
    unit: "1",
    kind: Kind::GAUGE,
    doc: "how many times slower through it; by resource",
};
const WORK: Told = Told {
    name: "truth.work",
    unit: "1",
    kind: Kind::DELTA,
    doc: "useful work done, in seconds of undisturbed work",
};

/// The `sim.truth` element.
pub struct TruthTeller {
    config: TruthConfig,
    host: Host,
    known: Known,
    watched: BTreeMap<TargetId, Watched>,
    slowdown: MetricId,
    cause: MetricId,
    resource: MetricId,
    work: MetricId,
}

/// A target about which the truth is told.
struct Watched {
    shared: Shared,
    place: usize,
    last_at: Nanos,
    work: f64,
}

impl Element for TruthTeller {
    const NAME: &'static str = "sim.truth";
    const SUMMARY: &'static str = "tells who really slows whom on a simulated node, for sinks only";
    const EVERY: Nanos = Nanos::from_secs(1);
    const VIRTUAL_TIME: bool = true;
    type Config = TruthConfig;

    fn ports(_: &TruthConfig) -> Ports {
        [SLOWDOWN, CAUSE, RESOURCE, WORK]
            .into_iter()
            .fold(Ports::new(), |ports, told| {
                ports.gives_named(told.name, told.unit, told.doc)
            })
    }

    fn create(config: TruthConfig, host: &Host) -> Result<Self> {
        let id = |told: Told| host.metric_named(told.name, told.unit, told.kind);
        Ok(Self {
            config,
            host: host.clone(),
            known: Known::default(),
            watched: BTreeMap::new(),
            slowdown: id(SLOWDOWN)?,
            cause: id(CAUSE)?,
            resource: id(RESOURCE)?,
            work: id(WORK)?,
        })
    }

    fn status(&self) -> String {
        format!("knows the truth about {} workloads", self.watched.len())
    }
}

impl Collector for TruthTeller {
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
        let watched = Watched {
            place,
            last_at: ground.simulation.now(),
            work: ground.simulation.work(place),
            shared: shared.clone(),
        };
        drop(ground);
        self.watched.insert(target.id, watched);
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let shared: Vec<Shared> = self.known.all().cloned().collect();
        for shared in shared {
            let mut ground = shared.lock();
            ground.simulation.advance(tick.at);
            let targets: BTreeMap<usize, TargetId> = ground.places.iter().map(|(id, place)| (*place, *id)).collect();
            for truth in ground.simulation.truth() {
                if let Some(target) = targets
                    .get(&truth.workload)
                    .filter(|target| self.watched.contains_key(target))
                {
                    self.tell(tick.at, *target, &truth, &targets, out);
                }
            }
            drop(ground);
        }
        self.tell_work(tick.at, out);
        Ok(Wish::Nothing)
    }
}

impl TruthTeller {
    fn tell(&self, at: Nanos, target: TargetId, truth: &Truth, targets: &BTreeMap<usize, TargetId>, out: &mut Batch) {
        out.readings
            .push(Reading::gauge(at, target, self.slowdown, truth.slowdown));
        for (harm, times) in &truth.through {
            let part = self.host.part(harm.name());
            out.readings
                .push(Reading::gauge(at, target, self.resource, *times).of_part(part));
            if matches!(harm, Harm::Hypervisor | Harm::Own | Harm::Remedy) {
                self.tell_cause(at, target, harm.name(), truth.slowdown, *times, out);
            }
        }
        for cause in &truth.causes {
            let Some(culprit) = targets
                .get(&cause.culprit)
                .and_then(|culprit| self.host.target(*culprit))
            else {
                continue;
            };
            for (harm, times) in &cause.through {
                let name = format!("{}/{}", culprit.name, harm.name());
                self.tell_cause(at, target, &name, truth.slowdown, *times, out);
            }
        }
    }

    fn tell_cause(&self, at: Nanos, target: TargetId, name: &str, slowdown: f64, times: f64, out: &mut Batch) {
        let marginal = slowdown * (1.0 - 1.0 / times.max(1.0));
        if marginal >= self.config.least {
            let reading = Reading::gauge(at, target, self.cause, marginal);
            out.readings.push(reading.of_part(self.host.part(name)));
        }
    }

    fn tell_work(&mut self, at: Nanos, out: &mut Batch) {
        for (target, watched) in &mut self.watched {
            let ground: &Ground = &watched.shared.lock();
            let (now, span) = (ground.simulation.work(watched.place), at - watched.last_at);
            if span == Nanos::ZERO || !ground.simulation.is_present(watched.place) {
                continue;
            }
            let done = (now - watched.work).max(0.0);
            out.readings.push(Reading::delta(at, span, *target, self.work, done));
            (watched.work, watched.last_at) = (now, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bed, named};
    use pipeline_plugin_api::stage::Collects;

    #[test]
    fn the_culprit_and_the_resource_are_told_and_the_work_that_was_done() {
        let mut bed = Bed::new("truth", "(scenario: Generated(kind: \"cpu-time\", seed: 3))");
        let mut truth = bed.node::<Collects<TruthTeller>>("truth-1", "");
        let web = bed.target_named("web");
        bed.tell_targets(&mut truth, Nanos::ZERO);
        let before = truth.tick(Nanos::from_secs(40)).unwrap();
        let host = bed.host.clone();
        let slowdown = |batch: &Batch| named(&host, batch, web, "truth.slowdown")[0].1.value;
        assert!((0.9..1.15).contains(&slowdown(&before)), "{}", slowdown(&before));
        let at = Nanos::from_secs(80);
        bed.advance(at);
        bed.tell_targets(&mut truth, at);
        let during = truth.tick(at).unwrap();
        assert!(slowdown(&during) > 1.5);
        let causes = named(&bed.host, &during, web, "truth.cause");
        assert_eq!(causes[0].0, "cpu-time-web/cpu time", "{causes:?}");
        assert!(causes[0].1.value > 0.5 && causes[0].1.value < slowdown(&during));
        let work: f64 = named(&bed.host, &before, web, "truth.work")
            .iter()
            .map(|(_, reading)| reading.value)
            .sum();
        assert!((work / 40.0 - 1.0).abs() < 0.05, "{work} s of work in 40 s");
    }
}
