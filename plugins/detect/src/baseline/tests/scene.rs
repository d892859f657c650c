//! A machine with one victim, `web` on CPU 0, and neighbours: readings every 100 ms, its p99 every
//! 200 ms.

use crate::baseline::Baseline;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

pub const WEB: u32 = 1;
/// The first neighbour.
pub const BATCH: u32 = 2;
const SAMPLE: u64 = 200_000_000;
const HALF: u64 = SAMPLE / 2;

pub fn ms(count: u64) -> f64 {
    Nanos::from_millis(count).0 as f64
}

/// What happens during a sample. Times are seconds a second.
#[derive(Clone, Debug)]
pub struct Moment {
    pub p99: f64,
    pub offered: f64,
    pub rate: Option<f64>,
    pub cpu: f64,
    pub delay: f64,
    pub throttled: f64,
    pub steal: f64,
    pub rivals: Vec<(u32, f64)>,
}

impl Default for Moment {
    fn default() -> Self {
        Self {
            p99: ms(1) / 10.0,
            offered: 6000.0,
            rate: None,
            cpu: 0.25,
            delay: 0.005,
            throttled: 0.0,
            steal: 0.0,
            rivals: Vec::new(),
        }
    }
}

pub struct Scene {
    pub host: TestHost,
    pub node: TestNode,
    pub at: u64,
    readings: Vec<Reading>,
    targets: Vec<Target>,
}

impl Scene {
    pub fn new(config: &str, neighbours: &[(&str, &[u32])]) -> Self {
        Self::within(TestHost::new(), config, neighbours)
    }

    pub fn within(host: TestHost, config: &str, neighbours: &[(&str, &[u32])]) -> Self {
        let node = host.node::<Transforms<Baseline>>(config).unwrap();
        let mut scene = Self {
            host,
            node,
            at: 0,
            readings: Vec::new(),
            targets: Vec::new(),
        };
        scene.appear("web", Class::LATENCY, &[0]);
        for (name, cpus) in neighbours {
            scene.appear(name, Class::BEST_EFFORT, cpus);
        }
        scene
    }

    fn appear(&mut self, name: &str, class: Class, cpus: &[u32]) {
        let target = self.host.target(Target {
            name: name.into(),
            class,
            cpus: cpus.to_vec().into(),
            ..Target::default()
        });
        self.node.change(Nanos(self.at), Change::APPEARED, &target).unwrap();
        self.targets.push(target);
    }

    /// A successor that took over the state, in the same world.
    pub fn succeed(&mut self, config: &str) {
        let state = self.node.raw().save().into_result().unwrap();
        let mut node = self.host.node::<Transforms<Baseline>>(config).unwrap();
        node.raw().load(1, state.as_slice().into()).into_result().unwrap();
        self.node = node;
    }

    /// That many samples of it; gives what was found.
    pub fn run(&mut self, samples: usize, moment: &Moment) -> Vec<Finding> {
        (0..samples).flat_map(|_| self.step(moment)).collect()
    }

    pub fn step(&mut self, moment: &Moment) -> Vec<Finding> {
        self.at += HALF;
        let half = self.stats(moment);
        let mut findings = self.feed(&half);
        self.at += HALF;
        let mut full = self.stats(moment);
        let gauge = |metric, value| Reading {
            span: Nanos(SAMPLE),
            ..Reading::gauge(Nanos(self.at), TargetId(WEB), self.host.metric(metric), value)
        };
        full.readings.push(gauge(&vocabulary::KPI_LATENCY_P99, moment.p99));
        full.readings.push(gauge(&vocabulary::KPI_OFFERED, moment.offered));
        full.readings
            .push(gauge(&vocabulary::KPI_RATE, moment.rate.unwrap_or(moment.offered)));
        findings.extend(self.feed(&full));
        findings
    }

    /// That many samples in which the client says nothing.
    pub fn silence(&mut self, samples: usize) -> Vec<Finding> {
        let mut findings = Vec::new();
        for _ in 0..samples {
            self.at += SAMPLE;
            let stats = self.stats(&Moment::default());
            findings.extend(self.feed(&stats));
        }
        findings
    }

    /// What an actuator said of `cpu.idle` on the first neighbour.
    pub fn cap(&mut self, fate: Fate) {
        self.outcome(BATCH, &vocabulary::CPU_IDLE, fate, "");
    }

    pub fn moved(&mut self, target: u32, knob: &Knob, cpus: &str) {
        self.outcome(target, knob, Fate::APPLIED, cpus);
    }

    pub fn outcome(&mut self, target: u32, knob: &Knob, fate: Fate, text: &str) {
        let mut batch = Batch::default();
        batch.outcomes.push(Outcome {
            target: TargetId(target),
            knob: self.host.knob(knob),
            fate,
            text: text.into(),
            ..Outcome::default()
        });
        self.node.feed_ports(Nanos(self.at), &[(0x1_0000, &batch)]).unwrap();
    }

    pub fn gone(&mut self, target: u32) -> Vec<Finding> {
        let target = self.targets[target as usize - 1].clone();
        let said = self.node.change(Nanos(self.at), Change::GONE, &target).unwrap();
        said.findings.into()
    }

    /// A target that was gone is there again.
    pub fn back(&mut self, target: u32) {
        let target = self.targets[target as usize - 1].clone();
        self.node.change(Nanos(self.at), Change::APPEARED, &target).unwrap();
    }

    /// What was said of the baseline: values, or that there is none yet.
    pub fn baselines(&self) -> Vec<Option<f64>> {
        let metric = self.host.metric(&vocabulary::DETECT_BASELINE);
        let told = self.readings.iter().filter(|reading| reading.metric == metric);
        told.map(Reading::number).collect()
    }

    pub fn ratios(&self) -> Vec<f64> {
        let metric = self.host.metric(&vocabulary::DETECT_RATIO);
        let told = self.readings.iter().filter(|reading| reading.metric == metric);
        told.filter_map(Reading::number).collect()
    }

    pub fn warnings(&self) -> usize {
        self.host
            .world()
            .logs
            .iter()
            .filter(|(level, _)| *level == Level::WARN)
            .count()
    }

    pub fn status(&mut self) -> String {
        self.node.raw().status().into()
    }

    fn feed(&mut self, batch: &Batch) -> Vec<Finding> {
        let said = self.node.feed(Nanos(self.at), batch).unwrap();
        self.readings.extend(said.readings.iter().copied());
        said.findings.into()
    }

    fn stats(&self, moment: &Moment) -> Batch {
        let mut batch = Batch::default();
        let mut push = |target: u32, metric: &Metric, share: f64, part: Part| {
            let value = share * HALF as f64;
            let metric = self.host.metric(metric);
            let reading = Reading::delta(Nanos(self.at), Nanos(HALF), TargetId(target), metric, value);
            batch.readings.push(reading.of_part(part));
        };
        push(WEB, &vocabulary::CPU_TIME, moment.cpu, Part::WHOLE);
        push(WEB, &vocabulary::CPU_RUN_DELAY, moment.delay, Part::WHOLE);
        push(WEB, &vocabulary::CPU_THROTTLED, moment.throttled, Part::WHOLE);
        push(WEB, &vocabulary::CPU_STEAL, moment.steal, Part::cpu(0));
        push(WEB, &vocabulary::CPU_STEAL, 0.0, Part::cpu(1));
        push(WEB, &vocabulary::CPU_STEAL, moment.steal, Part::WHOLE);
        for (target, cpu) in &moment.rivals {
            push(*target, &vocabulary::CPU_TIME, *cpu, Part::WHOLE);
        }
        batch
    }
}
