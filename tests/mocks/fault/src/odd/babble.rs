//! `fault.babble`: a collector that gives one running number, and something odd beside it.

use pipeline_plugin_api::abi::Spare;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::File;

/// What is odd.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Says {
    /// Nothing is.
    #[default]
    Nothing,
    /// A metric that its ports do not name.
    Undeclared,
    /// A metric that nobody ever named.
    NoSuchMetric,
    /// Qualities, parts and details that nobody knows.
    UnknownIntegers,
    /// NaN, infinities, the largest and the smallest numbers, each as if it were exact.
    NotNumbers,
    /// Many readings at once, `many` of them.
    Many,
    /// Instants and spans at the end of time.
    Future,
    /// Instants before the run began to be told.
    Past,
    /// Targets that nobody brought.
    Strangers,
    /// Values of kinds that collectors do not give, with integers that nobody knows.
    OtherKinds,
    /// Things for a later version, `many` bytes each.
    Spare,
    /// Nothing; but it keeps `many` bytes more at each tick.
    LeakMemory,
    /// Nothing; but it keeps `many` descriptors more at each tick, and fails when there are no more.
    LeakDescriptors,
}

/// Config of `fault.babble`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BabbleConfig {
    /// What it says beside its number; nothing by default.
    pub says: Says,
    /// How many, where `says` has it. 1 to 10000000; default 1000.
    pub many: u32,
}

impl Default for BabbleConfig {
    fn default() -> Self {
        Self {
            says: Says::Nothing,
            many: 1000,
        }
    }
}

impl Configure for BabbleConfig {
    fn check(&self, faults: &mut Faults) {
        let good = (1..=10_000_000).contains(&self.many);
        faults.require(good, "many", "must be 1 to 10000000", "give 1 to 10000000");
    }
}

/// Says odd things.
pub struct Babble {
    config: BabbleConfig,
    number: MetricId,
    undeclared: MetricId,
    given: u64,
    memory: Vec<Vec<u8>>,
    files: Vec<File>,
}

impl Element for Babble {
    const NAME: &'static str = "fault.babble";
    const SUMMARY: &'static str = "a running number, and something odd";
    const EVERY: Nanos = Nanos::from_millis(50);
    type Config = BabbleConfig;

    fn ports(_: &BabbleConfig) -> Ports {
        Ports::new().gives_named("fault.number", "1", "a number that grows by 1 from reading to reading")
    }

    fn create(config: BabbleConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            config,
            number: host.metric_named("fault.number", "1", Kind::GAUGE)?,
            undeclared: host.metric_named("fault.undeclared", "1", Kind::GAUGE)?,
            given: 0,
            memory: Vec::new(),
            files: Vec::new(),
        })
    }
}

impl Collector for Babble {
    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.given += 1;
        let good = Reading::gauge(tick.at, TargetId::NONE, self.number, self.given as f64);
        out.readings.push(good);
        self.say(good, out)?;
        Ok(Wish::Nothing)
    }
}

impl Babble {
    fn say(&mut self, good: Reading, out: &mut Batch) -> Result<()> {
        let many = self.config.many as usize;
        let say = |out: &mut Batch, readings: &[Reading]| out.readings.extend_from_slice(readings);
        match self.config.says {
            Says::Nothing => {}
            Says::Undeclared => say(
                out,
                &[Reading {
                    metric: self.undeclared,
                    ..good
                }],
            ),
            Says::NoSuchMetric => say(
                out,
                &[Reading {
                    metric: MetricId(u32::MAX),
                    ..good
                }],
            ),
            Says::UnknownIntegers => say(out, &unknown(good)),
            Says::NotNumbers => say(out, &NOT_NUMBERS.map(|value| Reading { value, ..good })),
            Says::Many => out.readings.extend(std::iter::repeat_n(good, many)),
            Says::Future => say(
                out,
                &[
                    at(good, u64::MAX, 0),
                    at(good, u64::MAX, u64::MAX),
                    at(good, good.at.0, u64::MAX),
                ],
            ),
            Says::Past => say(out, &[at(good, 0, 0), at(good, 1, u64::MAX)]),
            Says::Strangers => say(
                out,
                &[1 << 20, u32::MAX].map(|id| Reading {
                    target: TargetId(id),
                    ..good
                }),
            ),
            Says::OtherKinds => other_kinds(good.at, out),
            Says::Spare => out.spare.push(Spare {
                id: u32::MAX,
                bytes: vec![0x5a; many].into(),
            }),
            Says::LeakMemory => self.memory.push(vec![0x5a; many]),
            Says::LeakDescriptors => self.leak_descriptors(many)?,
        }
        Ok(())
    }

    fn leak_descriptors(&mut self, many: usize) -> Result<()> {
        for _ in 0..many {
            let file = File::open("/dev/null");
            let file = file.map_err(|error| Failure::retry(format!("this mock has no descriptor left: {error}")))?;
            self.files.push(file);
        }
        Ok(())
    }
}

const NOT_NUMBERS: [f64; 7] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    -0.0,
];

fn unknown(good: Reading) -> [Reading; 4] {
    [
        Reading {
            quality: Quality(77),
            detail: 77,
            ..good
        },
        Reading {
            quality: Quality::UNAVAILABLE,
            detail: u16::MAX,
            ..good
        },
        Reading {
            quality: Quality::SCALED,
            detail: 0,
            ..good
        },
        Reading {
            part: Part(u32::MAX),
            ..good
        },
    ]
}

fn at(good: Reading, at: u64, span: u64) -> Reading {
    Reading {
        at: Nanos(at),
        span: Nanos(span),
        ..good
    }
}

fn other_kinds(at: Nanos, out: &mut Batch) {
    out.changes.push(TargetChange {
        at,
        change: Change(77),
        ..TargetChange::default()
    });
    out.findings.push(Finding {
        at,
        phase: Phase(77),
        resource: Resource(77),
        severity: f64::NAN,
        ..Finding::default()
    });
    out.controls.push(Control {
        at,
        knob: KnobId(u32::MAX),
        stricter: 77,
        least: f64::NAN,
        ..Control::default()
    });
    out.actions.push(Action {
        at,
        knob: KnobId(u32::MAX),
        value: f64::NAN,
        ..Action::default()
    });
    out.outcomes.push(Outcome {
        at,
        fate: Fate(77),
        knob: KnobId(u32::MAX),
        ..Outcome::default()
    });
}
