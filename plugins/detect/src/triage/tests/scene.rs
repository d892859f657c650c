//! A machine of four cores with two threads each (CPU n and n + 4 are one core), a victim `web` on CPU 0, another service
//! `api` on CPU 2, and a rival: readings every half second.

use crate::triage::Triage;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

pub const WEB: u32 = 1;
pub const API: u32 = 2;
pub const RIVAL: u32 = 3;
const SPAN: Nanos = Nanos::from_millis(500);
const HERTZ: f64 = 2.4e9;
const RATE: f64 = 3000.0;

/// What the rival does.
#[derive(Copy, Clone, Debug)]
pub struct Rival {
    /// CPUs that it uses.
    pub cpu: f64,
    /// Its CPU.
    pub on: u32,
    /// Whether it may run on all CPUs instead.
    pub everywhere: bool,
    pub occupancy: f64,
    pub traffic: f64,
    pub io: f64,
}

/// What happens during a span. Times are seconds a second.
#[derive(Copy, Clone, Debug)]
pub struct Moment {
    /// Times the usual requests.
    pub load: f64,
    pub wait: f64,
    pub api_wait: f64,
    pub throttled: f64,
    pub steal: f64,
    pub io_some: f64,
    /// Cycles per instruction without memory.
    pub core_cost: f64,
    /// References and misses of the last-level cache per instruction.
    pub references: f64,
    pub misses: f64,
    /// Cycles that each costs.
    pub miss_cycles: f64,
    pub occupancy: f64,
    /// Times the usual tail.
    pub tail: f64,
    pub rival: Rival,
}

impl Default for Moment {
    fn default() -> Self {
        Self {
            load: 1.0,
            wait: 0.002,
            api_wait: 0.002,
            throttled: 0.0,
            steal: 0.0,
            io_some: 0.01,
            core_cost: 0.8,
            references: 0.02,
            misses: 0.004,
            miss_cycles: 50.0,
            occupancy: 8e6,
            tail: 1.0,
            rival: Rival {
                cpu: 0.1,
                on: 3,
                everywhere: false,
                occupancy: 1e6,
                traffic: 1e8,
                io: 1e6,
            },
        }
    }
}

pub struct Scene {
    pub has_counters: bool,
    pub has_stalls: bool,
    pub has_caches: bool,
    host: TestHost,
    node: TestNode,
    at: Nanos,
    spans: u64,
    targets: Vec<Target>,
    gone: Vec<u32>,
}

impl Scene {
    pub fn new(config: &str) -> Self {
        let host = TestHost::new();
        let node = host.node::<Transforms<Triage>>(config).unwrap();
        let mut scene = Self {
            has_counters: true,
            has_stalls: true,
            has_caches: true,
            host,
            node,
            at: Nanos::ZERO,
            spans: 0,
            targets: Vec::new(),
            gone: Vec::new(),
        };
        for (name, class, cpu) in [
            ("web", Class::LATENCY, 0),
            ("api", Class::LATENCY, 2),
            ("rival", Class::BEST_EFFORT, 3),
        ] {
            let target = scene.host.target(Target {
                name: name.into(),
                class,
                cpus: vec![cpu].into(),
                ..Target::default()
            });
            scene.node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
            scene.targets.push(target);
        }
        scene
    }

    /// That many spans of it; gives what was found.
    pub fn run(&mut self, spans: usize, moment: &Moment) -> Vec<Finding> {
        (0..spans).flat_map(|_| self.step(moment)).collect()
    }

    /// A span in which nothing is read.
    pub fn silence(&mut self) -> Vec<Finding> {
        self.at = self.at + SPAN;
        self.feed(&Batch::default())
    }

    pub fn gone(&mut self, id: u32) -> Vec<Finding> {
        self.gone.push(id);
        let target = self.targets[id as usize - 1].clone();
        self.node
            .change(self.at, Change::GONE, &target)
            .unwrap()
            .findings
            .into()
    }

    /// A target of that name again, with a new id, which takes the place of the old one.
    pub fn back(&mut self, id: u32) {
        let target = self.host.target(self.targets[id as usize - 1].clone());
        self.node.change(self.at, Change::APPEARED, &target).unwrap();
        self.targets[id as usize - 1] = target;
        self.gone.retain(|gone| *gone != id);
    }

    pub fn moved(&mut self, id: u32, cpus: &str) {
        self.place(id, &[7]);
        let mut batch = Batch::default();
        batch.outcomes.push(Outcome {
            target: TargetId(id),
            knob: self.host.knob(&vocabulary::CPU_SET),
            fate: Fate::APPLIED,
            text: cpus.into(),
            ..Outcome::default()
        });
        self.node.feed_ports(self.at, &[(0x1_0000, &batch)]).unwrap();
    }

    pub fn succeed(&mut self) {
        let state = self.node.raw().save().into_result().unwrap();
        let mut node = self.host.node::<Transforms<Triage>>("").unwrap();
        node.raw().load(1, state.as_slice().into()).into_result().unwrap();
        self.node = node;
    }

    pub fn status(&mut self) -> String {
        self.node.raw().status().into()
    }

    pub fn step(&mut self, moment: &Moment) -> Vec<Finding> {
        let cpus: Vec<u32> = if moment.rival.everywhere {
            (0..8).collect()
        } else {
            vec![moment.rival.on]
        };
        self.place(RIVAL, &cpus);
        self.at = self.at + SPAN;
        self.spans += 1;
        let mut batch = Batch::default();
        self.service(WEB, moment, moment.wait, &mut batch);
        let other = Moment {
            rival: moment.rival,
            ..Moment::default()
        };
        self.service(API, &other, moment.api_wait, &mut batch);
        self.rival(&moment.rival, &mut batch);
        for cpu in 0..8 {
            let core = self.host.metric(&vocabulary::CPU_CORE);
            let reading = Reading::gauge(self.at, TargetId::NONE, core, f64::from(cpu % 4));
            batch.readings.push(reading.of_part(Part::cpu(cpu)));
        }
        self.feed(&batch)
    }

    /// Tells the CPUs of a target, where they are others now.
    fn place(&mut self, id: u32, cpus: &[u32]) {
        let target = &mut self.targets[id as usize - 1];
        if target.cpus[..] != *cpus && !self.gone.contains(&id) {
            target.cpus = cpus.to_vec().into();
            let target = target.clone();
            self.node.change(self.at, Change::CHANGED, &target).unwrap();
        }
    }

    fn feed(&mut self, batch: &Batch) -> Vec<Finding> {
        self.node.feed(self.at, batch).unwrap().findings.into()
    }

    /// One in a thousand, up and down: nothing is quite as it was.
    fn stray(&self) -> f64 {
        1.0 + 0.001 * ((self.spans * 7919 % 13) as f64 - 6.0) / 6.0
    }

    fn service(&self, id: u32, moment: &Moment, wait: f64, batch: &mut Batch) {
        if self.gone.contains(&id) {
            return;
        }
        let target = self.targets[id as usize - 1].id;
        let cost = (moment.core_cost + moment.misses * moment.miss_cycles) * self.stray();
        let rate = RATE * moment.load * self.stray();
        let instructions = rate * 2e5 * SPAN.seconds();
        let cpu = instructions * cost / HERTZ / SPAN.seconds();
        let mut delta = |metric: &Metric, value: f64| {
            let reading = Reading::delta(self.at, SPAN, target, self.host.metric(metric), value);
            batch.readings.push(reading);
        };
        let ns = SPAN.0 as f64;
        delta(&vocabulary::CPU_TIME, cpu * ns);
        delta(&vocabulary::CPU_RUN_DELAY, (wait + moment.throttled) * ns);
        delta(&vocabulary::CPU_THROTTLED, moment.throttled * ns);
        delta(&vocabulary::PSI_IO_SOME, moment.io_some * ns);
        delta(&vocabulary::IO_READ, 1e6);
        if self.has_counters {
            delta(&vocabulary::PERF_INSTRUCTIONS, instructions);
            delta(&vocabulary::PERF_CYCLES, instructions * cost);
            delta(&vocabulary::PERF_LLC_LOADS, instructions * moment.references);
            delta(&vocabulary::PERF_LLC_LOAD_MISSES, instructions * moment.misses);
            if self.has_stalls {
                let stalls = instructions * moment.misses * moment.miss_cycles;
                delta(&vocabulary::PERF_STALLS_L3_MISS, stalls);
            }
        }
        let mut gauge = |metric: &Metric, value: f64, part: Part| {
            let reading = Reading::gauge(self.at, target, self.host.metric(metric), value);
            batch.readings.push(reading.of_part(part));
        };
        gauge(&vocabulary::KPI_RATE, rate, Part::WHOLE);
        gauge(&vocabulary::KPI_OFFERED, rate, Part::WHOLE);
        // What takes longer shows in the tail, and who waits for others shows most.
        let tail = moment.tail * cost * (1.0 + 5.0 * wait + 5.0 * moment.steal + moment.io_some);
        gauge(&vocabulary::KPI_LATENCY_P99, 2e5 * tail, Part::WHOLE);
        if self.has_caches {
            gauge(&vocabulary::L3_OCCUPANCY, moment.occupancy, Part::l3(0));
            gauge(&vocabulary::MEMORY_BANDWIDTH, 1e9, Part::l3(0));
        }
        let steal = Reading::delta(
            self.at,
            SPAN,
            target,
            self.host.metric(&vocabulary::CPU_STEAL),
            moment.steal * ns,
        );
        batch.readings.push(steal.of_part(Part::cpu(0)));
    }

    fn rival(&self, rival: &Rival, batch: &mut Batch) {
        if self.gone.contains(&RIVAL) {
            return;
        }
        let target = self.targets[RIVAL as usize - 1].id;
        let delta =
            |metric: &Metric, value: f64| Reading::delta(self.at, SPAN, target, self.host.metric(metric), value);
        batch
            .readings
            .push(delta(&vocabulary::CPU_TIME, rival.cpu * SPAN.0 as f64));
        batch
            .readings
            .push(delta(&vocabulary::IO_WRITTEN, rival.io * SPAN.seconds()));
        if self.has_caches {
            for (metric, value) in [
                (&vocabulary::L3_OCCUPANCY, rival.occupancy),
                (&vocabulary::MEMORY_BANDWIDTH, rival.traffic),
            ] {
                let reading = Reading::gauge(self.at, target, self.host.metric(metric), value);
                batch.readings.push(reading.of_part(Part::l3(0)));
            }
        }
    }
}
