//! What a decision costs with 200 targets: prints `name value unit ratio`, a line for each policy; the ratio is to the
//! 200 µs that it may cost. A decision is a call with what one instant brings: readings of every target, the ratio of each
//! who is protected, and open findings that blame four neighbours each.
//!
//! Run it with `cargo bench -p pipeline-plugin-policy`.

use pipeline_plugin_api::abi::{OUTCOMES_PORT, PortBatch};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Schedules;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use pipeline_policy::{Adaptive, Budget, Dynamic, Fixed, Priority, Throttle};
use std::time::Instant;

const TARGETS: u32 = 200;
/// Every tenth target is protected.
const VICTIMS: u32 = TARGETS / 10;
const WARM: u64 = 200;
const ROUNDS: u64 = 2000;
const STEP_NS: u64 = 100_000_000;
const MOST_NS: f64 = 200_000.0;

fn main() {
    measure::<Throttle>(
        "throttle",
        "(ladder: [Idle, Weight, CpuSet, Quota, Ways, Bandwidth], most_taken: 0.6)",
    );
    measure::<Adaptive>("adaptive", "");
    measure::<Priority>("priority", "");
    measure::<Dynamic>("dynamic", "(sockets: [(cpus: \"0-31\"), (cpus: \"32-63\", l3: 1)])");
    measure::<Budget>("budget", "");
    measure::<Fixed>(
        "fixed",
        "(actions: [(target: \"t*\", knob: \"cpu.weight\", value: 10.0)])",
    );
}

#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
fn measure<E: Scheduler>(name: &str, config: &str) {
    let host = TestHost::new();
    let mut node = match host.node::<Schedules<E>>(config) {
        Ok(node) => node,
        Err(faults) => return println!("decide_200_{name} failed {faults}"),
    };
    appear(&host, &mut node);
    let mut took: Vec<u64> = Vec::new();
    let mut answers = Batch::default();
    let mut last = 0;
    for round in 0..WARM + ROUNDS {
        let at = Nanos((round + 1) * STEP_NS);
        let batch = instant(&host, at, name == "budget", &mut last);
        let ports = [(0, &batch), (OUTCOMES_PORT, &answers)].map(|(port, batch)| PortBatch { port, batch });
        let mut out = Batch::default();
        let began = Instant::now();
        let done = node.raw().input(at, ports.as_slice().into(), &mut out).into_result();
        let span = began.elapsed().as_nanos() as u64;
        if let Err(failure) = done {
            return println!("decide_200_{name} failed {failure}");
        }
        answers = outcomes(&out);
        if round >= WARM {
            took.push(span);
        }
    }
    took.sort_unstable();
    let share = |share: f64| took[((took.len() - 1) as f64 * share) as usize] as f64;
    for (which, value) in [("p50", share(0.5)), ("p99", share(0.99)), ("max", share(1.0))] {
        println!("decide_200_{name}_{which} {:.1} us {:.3}", value / 1e3, value / MOST_NS);
    }
}

fn appear(host: &TestHost, node: &mut TestNode) {
    for i in 0..TARGETS {
        let latency = i % 10 == 0;
        let target = host.target(Target {
            name: format!("t{i}").as_str().into(),
            class: if latency { Class::LATENCY } else { Class::BEST_EFFORT },
            priority: i32::from(i % 25 == 1),
            cpus: vec![i % 64].into(),
            ..Target::default()
        });
        let _ = node.change(Nanos::ZERO, Change::APPEARED, &target);
        let mut batch = Batch::default();
        for (knob, least, most, step, value, stricter, resource, cost) in [
            (vocabulary::CPU_IDLE, 0.0, 1.0, 1.0, 0.0, 1, Resource::CPU_TIME, 0.1),
            (
                vocabulary::CPU_WEIGHT,
                1.0,
                1e4,
                1.0,
                100.0,
                -1,
                Resource::CPU_TIME,
                0.15,
            ),
            (vocabulary::CPU_SET, 1.0, 64.0, 1.0, 64.0, -1, Resource::CPU_TIME, 0.5),
            (
                vocabulary::CPU_QUOTA,
                0.01,
                64.0,
                0.0,
                f64::INFINITY,
                -1,
                Resource::CPU_TIME,
                0.95,
            ),
            (vocabulary::L3_WAYS, 1.0, 20.0, 1.0, 20.0, -1, Resource::L3, 0.5),
            (vocabulary::L3_PART, 1.0, 20.0, 1.0, 20.0, -1, Resource::L3, 0.5),
            (
                vocabulary::MEMORY_BANDWIDTH_SHARE,
                0.1,
                1.0,
                0.1,
                1.0,
                -1,
                Resource::MEMORY_BANDWIDTH,
                0.5,
            ),
        ] {
            batch.controls.push(Control {
                target: target.id,
                knob: host.knob(&knob),
                resource,
                least,
                most,
                step,
                value,
                stricter,
                cost,
                ..Control::default()
            });
        }
        let _ = node.feed_ports(Nanos::ZERO, &[(OUTCOMES_PORT, &batch)]);
    }
}

/// What one instant brings. Half of those who are protected suffer, in turns of 20 s.
fn instant(host: &TestHost, at: Nanos, acts: bool, last: &mut u64) -> Batch {
    let mut batch = Batch::default();
    let metrics = [
        vocabulary::CPU_TIME,
        vocabulary::PERF_IPC_EFFICIENCY,
        vocabulary::PERF_STALLED_L3_MISS,
    ]
    .map(|metric| host.metric(&metric));
    for id in 1..=TARGETS {
        for (metric, value) in metrics.iter().zip([5e7, 0.8, f64::from(id % 7) / 7.0]) {
            batch
                .readings
                .push(Reading::delta(at, Nanos(STEP_NS), TargetId(id), *metric, value));
        }
    }
    let ratio = host.metric(&vocabulary::DETECT_RATIO);
    let turn = at.0 / 20_000_000_000;
    for victim in 0..VICTIMS {
        let id = TargetId(victim * 10 + 1);
        let suffers = (u64::from(victim) + turn).is_multiple_of(2);
        batch
            .readings
            .push(Reading::gauge(at, id, ratio, if suffers { 3.0 } else { 1.0 }));
        let begins = at.0.is_multiple_of(20_000_000_000);
        if suffers || begins {
            batch.findings.push(found(host, at, id, victim, suffers, begins));
        }
    }
    if acts {
        for id in 2..=8 {
            *last += 1;
            batch.actions.push(Action {
                at,
                id: *last,
                target: TargetId(id),
                knob: host.knob(&vocabulary::L3_WAYS),
                value: f64::from(id % 5 + 1) + (at.0 / 5_000_000_000 % 2) as f64,
                until: at + Nanos::from_secs(5),
                ..Action::default()
            });
        }
    }
    batch
}

fn found(host: &TestHost, at: Nanos, id: TargetId, victim: u32, suffers: bool, begins: bool) -> Finding {
    let culprit = |i: u32| Culprit {
        target: TargetId((victim * 10 + 1 + i) % TARGETS + 1),
        score: 0.25,
    };
    let used = |i: u32| {
        let metric = host.metric(&vocabulary::CPU_TIME);
        Reading::delta(at, Nanos(STEP_NS), culprit(i).target, metric, 5e7)
    };
    Finding {
        at,
        id: u64::from(victim) + 1,
        phase: match (suffers, begins) {
            (false, _) => Phase::ENDS,
            (true, true) => Phase::BEGINS,
            (true, false) => Phase::LASTS,
        },
        victim: id,
        resource: [Resource::CPU_TIME, Resource::L3, Resource::MEMORY_BANDWIDTH][victim as usize % 3],
        severity: 3.0,
        confidence: 0.9,
        culprits: (0..4).map(culprit).collect(),
        evidence: (0..4).map(used).collect(),
        ..Finding::default()
    }
}

/// Every action is applied.
fn outcomes(said: &Batch) -> Batch {
    let outcome = |action: &Action| Outcome {
        action: action.id,
        target: action.target,
        knob: action.knob,
        fate: if action.is_release() {
            Fate::UNDONE
        } else {
            Fate::APPLIED
        },
        value: action.value,
        ..Outcome::default()
    };
    Batch {
        outcomes: said.actions.iter().map(outcome).collect(),
        ..Batch::default()
    }
}
