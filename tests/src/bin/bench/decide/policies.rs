//! What policies are told of 200 targets: what all of them use, how the twenty services among them do, and findings about
//! those that suffer, each of which blames four neighbours. Whatever a policy wants is done.

use super::{PERIOD, Story, TARGETS};
use pipeline_plugin_api::abi::{
    Action, Batch, Class, Control, Culprit, Fate, Finding, KnobId, MetricId, Nanos, Outcome, Phase, Reading, Resource,
    Target, TargetId,
};
use pipeline_plugin_api::host::Host;
use pipeline_plugin_api::vocabulary::{self, Knob, Metric};
use std::error::Error;

/// One in how many is a service.
const SERVICES: u32 = 10;
/// For how many instants a service suffers, and then does not.
const TURN: u64 = 40;
/// Metrics of every target.
const USED: [(Metric, f64); 3] = [
    (vocabulary::CPU_TIME, 2.5e8),
    (vocabulary::PERF_IPC_EFFICIENCY, 0.8),
    (vocabulary::PERF_STALLED_L3_MISS, 0.3),
];
/// What can be turned: the knob, from least to most, the step, where it stands, which way is stricter, and what that costs.
type Offer = (Knob, [f64; 4], i32, Resource, f64);
const OFFERS: [Offer; 7] = [
    (vocabulary::CPU_IDLE, [0.0, 1.0, 1.0, 0.0], 1, Resource::CPU_TIME, 0.1),
    (
        vocabulary::CPU_WEIGHT,
        [1.0, 1e4, 1.0, 100.0],
        -1,
        Resource::CPU_TIME,
        0.15,
    ),
    (vocabulary::CPU_SET, [1.0, 64.0, 1.0, 64.0], -1, Resource::CPU_TIME, 0.5),
    (
        vocabulary::CPU_QUOTA,
        [0.01, 64.0, 0.0, f64::INFINITY],
        -1,
        Resource::CPU_TIME,
        0.95,
    ),
    (vocabulary::L3_WAYS, [1.0, 20.0, 1.0, 20.0], -1, Resource::L3, 0.5),
    (vocabulary::L3_PART, [1.0, 20.0, 1.0, 20.0], -1, Resource::L3, 0.5),
    (
        vocabulary::MEMORY_BANDWIDTH_SHARE,
        [0.1, 1.0, 0.1, 1.0],
        -1,
        Resource::MEMORY_BANDWIDTH,
        0.5,
    ),
];

/// See the file.
pub struct Plagued {
    used: [MetricId; USED.len()],
    ratio: MetricId,
    knobs: [KnobId; OFFERS.len()],
    ways: KnobId,
    last_action: u64,
}

impl Story for Plagued {
    fn new(host: &Host) -> Result<Self, Box<dyn Error>> {
        let mut used = [MetricId::default(); USED.len()];
        for (id, (metric, _)) in used.iter_mut().zip(&USED) {
            *id = host.metric(metric).map_err(|failure| failure.to_string())?;
        }
        let mut knobs = [KnobId::default(); OFFERS.len()];
        for (id, (knob, ..)) in knobs.iter_mut().zip(&OFFERS) {
            *id = host.knob(knob).map_err(|failure| failure.to_string())?;
        }
        Ok(Self {
            used,
            ratio: host
                .metric(&vocabulary::DETECT_RATIO)
                .map_err(|failure| failure.to_string())?,
            knobs,
            ways: host.knob(&vocabulary::L3_WAYS).map_err(|failure| failure.to_string())?,
            last_action: 0,
        })
    }

    fn target(&self, id: TargetId) -> Target {
        Target {
            name: format!("t{}", id.0).into(),
            class: if is_service(id) {
                Class::LATENCY
            } else {
                Class::BEST_EFFORT
            },
            priority: i32::from(id.0 % 25 == 2),
            cpus: vec![id.0 % 64].into(),
            ..Target::default()
        }
    }

    fn offered(&self, target: TargetId) -> Batch {
        let offer = |((_, [least, most, step, value], stricter, resource, cost), knob): (&Offer, KnobId)| Control {
            target,
            knob,
            resource: *resource,
            least: *least,
            most: *most,
            step: *step,
            value: *value,
            stricter: *stricter,
            cost: *cost,
            ..Control::default()
        };
        Batch {
            controls: OFFERS.iter().zip(self.knobs).map(offer).collect(),
            ..Batch::default()
        }
    }

    fn comes(&mut self, at: Nanos, number: u64) -> Batch {
        let mut batch = Batch { at, ..Batch::default() };
        for id in (1..=TARGETS).map(TargetId) {
            for ((_, value), metric) in USED.iter().zip(self.used) {
                batch.readings.push(Reading::delta(at, PERIOD, id, metric, *value));
            }
        }
        for victim in (1..=TARGETS).map(TargetId).filter(|id| is_service(*id)) {
            let turn = number / TURN;
            let suffers = (u64::from(victim.0 / SERVICES) + turn).is_multiple_of(2);
            let ratio = if suffers { 3.0 } else { 1.0 };
            batch.readings.push(Reading::gauge(at, victim, self.ratio, ratio));
            let turns = number.is_multiple_of(TURN);
            if suffers || turns {
                batch.findings.push(self.found(at, victim, suffers, turns));
            }
        }
        batch.actions = (2..=8).map(|id| self.wanted(at, number, id)).collect();
        batch
    }

    /// Every action is applied.
    fn answered(&self, said: &Batch) -> Batch {
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
}

impl Plagued {
    fn found(&self, at: Nanos, victim: TargetId, suffers: bool, begins: bool) -> Finding {
        let culprits: Vec<Culprit> = (1..=4)
            .map(|nth| Culprit {
                target: TargetId((victim.0 + nth) % TARGETS + 1),
                score: 0.25,
            })
            .collect();
        let used = |culprit: &Culprit| Reading::delta(at, PERIOD, culprit.target, self.used[0], USED[0].1);
        Finding {
            at,
            id: u64::from(victim.0),
            phase: match (suffers, begins) {
                (false, _) => Phase::ENDS,
                (true, true) => Phase::BEGINS,
                (true, false) => Phase::LASTS,
            },
            victim,
            resource: [Resource::CPU_TIME, Resource::L3, Resource::MEMORY_BANDWIDTH]
                [(victim.0 / SERVICES) as usize % 3],
            severity: 3.0,
            confidence: 0.9,
            evidence: culprits.iter().map(used).collect(),
            culprits: culprits.into(),
            ..Finding::default()
        }
    }

    /// What a policy above wants, for those that stand between one and the actuators.
    fn wanted(&mut self, at: Nanos, number: u64, id: u32) -> Action {
        self.last_action += 1;
        Action {
            at,
            id: self.last_action,
            target: TargetId(id),
            knob: self.ways,
            value: f64::from(id % 5 + 1) + (number / 10 % 2) as f64,
            until: at + Nanos::from_secs(5),
            ..Action::default()
        }
    }
}

fn is_service(id: TargetId) -> bool {
    id.0 % SERVICES == 1
}
