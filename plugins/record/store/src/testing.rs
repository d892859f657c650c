//! What tests of this crate share: names without a host, and a run that is written batch by batch.

use crate::{Emission, Keeper, Limits, Lookup, Page, Player, Run, Said, Wanted, Writer};
use pipeline_plugin_api::abi::{Batch, Kind, KnobId, KnobName, MetricId, MetricName, Nanos, Part, TargetId};
use pipeline_plugin_api::names::Names;
use std::path::Path;

/// Names of a host.
pub struct Known(pub Names);

impl Known {
    /// Three metrics, two knobs, two parts.
    pub fn some() -> Self {
        let mut names = Names::default();
        for (name, unit, kind) in [
            ("kpi.rate", "1/s", Kind::GAUGE),
            ("cpu.time", "ns", Kind::DELTA),
            ("x", "1", Kind::GAUGE),
        ] {
            names.metric(name, unit, kind).unwrap();
        }
        names.knob("cpu.idle", "1").unwrap();
        names.knob("cpu.quota", "1").unwrap();
        names.part("dev/8:0");
        names.part("dev/8:16");
        Self(names)
    }
}

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
    fn target(&self, id: TargetId) -> Option<String> {
        (id.0 < 100).then(|| format!("target-{}", id.0))
    }
}

/// A run under way.
pub struct Recorder {
    pub writer: Writer,
    pub keeper: Keeper,
    pub known: Known,
    sequence: u64,
}

impl Recorder {
    pub fn new(folder: &Path, limits: Limits) -> Self {
        let page = Page {
            format: crate::FORMAT,
            ..Page::default()
        };
        Self {
            writer: Writer::create(folder, page, limits).unwrap(),
            keeper: Keeper::default(),
            known: Known::some(),
            sequence: 0,
        }
    }

    pub fn say(&mut self, node: &str, instant: u64, batch: &Batch) {
        self.sequence += 1;
        let said = Said {
            sequence: self.sequence,
            instant,
            at: Nanos(instant * 1000),
            batch_at: batch.at,
            node,
        };
        let other = Batch {
            readings: Vec::new().into(),
            ..batch.clone()
        };
        let other = (!other.is_empty()).then_some(&other);
        self.keeper
            .keep(&mut self.writer, said, &batch.readings, other, &self.known);
    }

    pub fn flush(&mut self) -> crate::Result<crate::Flushed> {
        self.keeper.tell_names(&mut self.writer, &self.known);
        self.writer.flush()
    }
}

/// What those nodes said, with their names.
pub fn played(folder: &Path, wanted: Wanted) -> Vec<(String, Batch)> {
    let mut names = Names::default();
    let mut player = Player::new(&Run::open(folder).unwrap(), wanted, &mut names);
    let mut emission = Emission::default();
    let mut all = Vec::new();
    while player.next_into(&mut emission, &mut names) {
        all.push((player.nodes()[emission.node].clone(), emission.batch.clone()));
    }
    all
}
