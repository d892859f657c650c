//! A run that is made by hand: two workloads, every metric of the vocabulary, three disturbances, and an actuator that
//! offers the knobs of the vocabulary. What a policy makes of it depends on nothing but its numbers.

use pipeline_plugin_api::abi::{
    Batch, Change, Class, Control, Goal, Kind, KnobId, KnobName, MetricId, MetricName, Nanos, Part, Reading, Resource,
    Target, TargetChange, TargetId,
};
use pipeline_plugin_api::names::Names;
use pipeline_plugin_api::tap::{NodeFacts, RunFacts};
use pipeline_plugin_api::vocabulary;
use pipeline_record_store::{End, FORMAT, Keeper, Limits, Lookup, Origin, Page, Said, Writer};
use std::path::Path;

const EVERY: Nanos = Nanos::from_millis(200);
const INSTANTS: u64 = 600;
const WEB: TargetId = TargetId(1);
const BATCH: TargetId = TargetId(2);

/// What plays it, in the folder `made`, to a detector and a policy: findings, actions, and their outcomes.
pub const GRAPH: &str = r#"(
    version: 1,
    targets: { "jobs": (plugin: "record.targets", config: (run: "made")) },
    collectors: { "all": (plugin: "record.source", of: ["jobs"], config: (run: "made")) },
    transforms: { "slow": (plugin: "detect.baseline", from: ["all"], config: (signal: "kpi.latency.p99", learn: "6s")) },
    schedulers: { "guard": (plugin: "policy.throttle", from: ["slow"]) },
    actuators: { "limit": (plugin: "record.note", from: ["guard"], config: (run: "made")) },
)"#;

/// The knobs of the vocabulary that the actuator offers.
pub const KNOBS: &[&str] = &["cpu.idle", "cpu.weight", "cpu.quota", "freeze"];

struct Known(Names);

impl Lookup for Known {
    fn metric(&self, id: MetricId) -> Option<MetricName> {
        self.0.metric_name(id).cloned()
    }
    fn knob(&self, id: KnobId) -> Option<KnobName> {
        self.0.knob_name(id).cloned()
    }
    fn part(&self, part: Part) -> Option<String> {
        Some(self.0.part_name(part)).filter(|name| !name.starts_with("unknown("))
    }
    fn target(&self, _: TargetId) -> Option<String> {
        None
    }
}

/// Writes it.
pub fn run(folder: &Path) {
    let page = page();
    let mut writer = Writer::create(folder, page.clone(), Limits::default()).unwrap();
    let mut keeper = Keeper::default();
    let mut known = Known(Names::default());
    let metrics = metrics(&mut known.0);
    let said = |sequence: u64, at: Nanos, node| Said {
        sequence,
        instant: sequence,
        at,
        batch_at: at,
        node,
    };
    let changes = targets(&mut known.0);
    keeper.keep(&mut writer, said(1, Nanos(1), "jobs"), &[], Some(&changes), &known);
    let controls = controls(&mut known.0);
    keeper.keep(&mut writer, said(2, Nanos(2), "limit"), &[], Some(&controls), &known);
    for instant in 1..=INSTANTS {
        let at = Nanos(EVERY.0 * instant);
        let readings = readings(&metrics, instant, at);
        keeper.keep(&mut writer, said(instant + 2, at, "all"), &readings, None, &known);
    }
    keeper.tell_names(&mut writer, &known);
    writer.flush().unwrap();
    let end = End {
        at_ns: EVERY.0 * INSTANTS,
        rows: writer.counts(),
        replayable: true,
        ..End::default()
    };
    Page { end: Some(end), ..page }.write(folder).unwrap();
}

fn page() -> Page {
    let node = |(name, stage, element): (&str, &str, &str)| NodeFacts {
        name: name.to_owned(),
        stage: stage.to_owned(),
        element: element.to_owned(),
        lane: "control".to_owned(),
        ..NodeFacts::default()
    };
    let nodes = [
        ("jobs", "targets", "record.targets"),
        ("all", "collectors", "record.source"),
        ("limit", "actuators", "record.note"),
    ];
    Page {
        format: FORMAT,
        run: "made".to_owned(),
        origin: Origin {
            kind: "run".to_owned(),
            of: String::new(),
        },
        facts: RunFacts {
            run_id: "made".to_owned(),
            wall_ns: 1_700_000_000_000_000_000,
            nodes: nodes.map(node).into(),
            ..RunFacts::default()
        },
        ..Page::default()
    }
}

fn metrics(names: &mut Names) -> Vec<(String, Kind, MetricId)> {
    let own = ["detect.", "policy.", "pipeline.", "truth."];
    let read = vocabulary::METRICS
        .iter()
        .filter(|metric| !own.iter().any(|head| metric.name.starts_with(head)));
    read.map(|metric| {
        let id = names.metric(metric.name, metric.unit, metric.kind).unwrap();
        (metric.name.to_owned(), metric.kind, id)
    })
    .collect()
}

fn targets(names: &mut Names) -> Batch {
    let latency = names.metric("kpi.latency.p99", "ns", Kind::GAUGE).unwrap();
    let target = |id: TargetId, name: &str, class: Class, cpus: Vec<u32>| TargetChange {
        at: Nanos(1),
        change: Change::APPEARED,
        target: Target {
            id,
            generation: 1,
            provider: "jobs".into(),
            name: name.into(),
            class,
            cpus: cpus.into(),
            goals: match class {
                Class::LATENCY => vec![Goal {
                    metric: latency,
                    value: 2e6,
                    ..Goal::default()
                }],
                _ => Vec::new(),
            }
            .into(),
            ..Target::default()
        },
    };
    Batch {
        at: Nanos(1),
        changes: vec![
            target(WEB, "web", Class::LATENCY, vec![0]),
            target(BATCH, "batch", Class::BEST_EFFORT, vec![0]),
        ]
        .into(),
        ..Batch::default()
    }
}

fn controls(names: &mut Names) -> Batch {
    let mut control = |name: &str| {
        let knob = vocabulary::knob(name).unwrap();
        let (most, value, stricter) = match name {
            "cpu.idle" | "freeze" => (1.0, 0.0, 1),
            "cpu.weight" => (10_000.0, 100.0, -1),
            _ => (1.0, 1.0, -1),
        };
        Control {
            at: Nanos(2),
            target: BATCH,
            knob: names.knob(knob.name, knob.unit).unwrap(),
            resource: Resource::CPU_TIME,
            least: if stricter == 1 { 0.0 } else { most / 100.0 },
            most,
            value,
            stricter,
            cost: 0.5,
            ..Control::default()
        }
    };
    Batch {
        at: Nanos(2),
        controls: KNOBS.iter().map(|name| control(name)).collect(),
        ..Batch::default()
    }
}

/// `batch` works, and `web` suffers, from the 200th instant for a sixth of the time, and again, and again.
fn readings(metrics: &[(String, Kind, MetricId)], instant: u64, at: Nanos) -> Vec<Reading> {
    let busy = instant >= 200 && (instant / 60).is_multiple_of(2);
    let mut all = Vec::new();
    for target in [WEB, BATCH] {
        for (place, (name, kind, metric)) in metrics.iter().enumerate() {
            let noise = noise(instant * 1000 + place as u64 * 2 + u64::from(target.0));
            let value = value(name, target, busy) * (1.0 + noise / 20.0);
            let reading = match *kind {
                Kind::DELTA => Reading::delta(at, EVERY, target, *metric, value.round()),
                _ => Reading::gauge(at, target, *metric, value),
            };
            if *name == "kpi.latency.bucket" {
                all.push(reading.of_part(Part::bucket(1000 + (instant % 50) as u32)));
            } else if target == BATCH && name.starts_with("kpi.") {
                continue;
            } else {
                all.push(reading);
            }
        }
    }
    all
}

fn value(name: &str, target: TargetId, busy: bool) -> f64 {
    let span = EVERY.0 as f64;
    let loud = if busy { 8.0 } else { 1.0 };
    match (name, target) {
        ("cpu.time", WEB) => span * 0.3,
        ("cpu.time", _) => span * if busy { 0.6 } else { 0.01 },
        ("cpu.run_delay", WEB) => span * 0.01 * loud,
        ("cpu.steal" | "hiccup.time" | "cpu.throttled", _) => 0.0,
        (name, WEB) if name.starts_with("kpi.latency") => 3e5 * loud,
        (name, BATCH) if name.starts_with("memory.bandwidth") => 1e8 * loud,
        ("perf.instructions", WEB) => 1e6,
        ("perf.cpi", WEB) => 1.0 * loud.sqrt(),
        ("perf.ipc", WEB) => 1.0 / loud.sqrt(),
        (name, _) if name.ends_with("rate") => 0.1,
        (name, _) if name.starts_with("psi.") => span * 0.02 * loud,
        _ => 1e6 * loud.sqrt(),
    }
}

/// -1..=1, the same for the same seed (splitmix64, G. Steele and others, 2014).
fn noise(seed: u64) -> f64 {
    let mut mixed = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}
