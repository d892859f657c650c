//! What a run comes to, in memory: findings and actions as they were told, and what the KPIs were. For commands.

use pipeline_plugin_api::names::Names;
use pipeline_plugin_api::prelude::*;
use pipeline_record_store::schema::{READINGS, TARGETS};
use pipeline_record_store::{Emission, Player, Run, WHOLE, Wanted};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a transform or scheduler told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Findings with their nodes, in order.
    pub findings: Vec<(String, Finding)>,
    /// Actions with their nodes, in order.
    pub actions: Vec<(String, Action)>,
    /// What ids stand for.
    pub names: Known,
}

/// Names of a run.
#[derive(Clone, Debug, Default)]
pub struct Known {
    targets: BTreeMap<TargetId, String>,
    metrics: BTreeMap<MetricId, String>,
    knobs: BTreeMap<KnobId, (String, String)>,
}

impl Known {
    /// A target's name.
    pub fn target(&self, id: TargetId) -> String {
        match self.targets.get(&id) {
            Some(name) => name.clone(),
            None if id == TargetId::NONE => "nobody".to_owned(),
            None => format!("target {}", id.0),
        }
    }

    /// A metric's name.
    pub fn metric(&self, id: MetricId) -> String {
        self.metrics
            .get(&id)
            .cloned()
            .unwrap_or_else(|| format!("metric {}", id.0))
    }

    /// A knob's name.
    pub fn knob(&self, id: KnobId) -> String {
        self.knobs
            .get(&id)
            .map_or_else(|| format!("knob {}", id.0), |(name, _)| name.clone())
    }
}

impl Told {
    /// Of that run.
    pub fn read(run: &Run) -> Self {
        let pure = |stage: &str| matches!(stage, "transforms" | "schedulers" | "targets");
        let nodes = run.page().facts.nodes.iter().filter(|node| pure(&node.stage));
        let wanted = Wanted::Nodes(nodes.map(|node| node.name.clone()).collect());
        let mut names = Names::default();
        let mut player = Player::new(run, wanted, &mut names);
        let mut told = Self::default();
        let mut emission = Emission::default();
        while player.next_into(&mut emission, &mut names) {
            let node = &player.nodes()[emission.node];
            let batch = &mut emission.batch;
            for change in &batch.changes {
                told.names
                    .targets
                    .insert(change.target.id, change.target.name.to_string());
            }
            told.findings.extend(
                std::mem::take(&mut batch.findings)
                    .into_iter()
                    .map(|one| (node.clone(), one)),
            );
            told.actions.extend(
                std::mem::take(&mut batch.actions)
                    .into_iter()
                    .map(|one| (node.clone(), one)),
            );
        }
        for id in (1..).map(MetricId).take_while(|id| names.metric_name(*id).is_some()) {
            let name = names.metric_name(id).map(|name| name.name.to_string());
            told.names.metrics.insert(id, name.unwrap_or_default());
        }
        for id in (1..).map(KnobId).take_while(|id| names.knob_name(*id).is_some()) {
            let name = names
                .knob_name(id)
                .map(|knob| (knob.name.to_string(), knob.unit.to_string()));
            told.names.knobs.insert(id, name.unwrap_or_default());
        }
        told
    }
}

/// A metric of a target over the run: without what is no number, and without parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many readings.
    pub readings: u64,
    /// Their mean.
    pub mean: f64,
    /// At or below which half of them are.
    pub median: f64,
    /// At or below which 95 of 100 are.
    pub p95: f64,
    /// The greatest.
    pub most: f64,
    /// The metric's unit.
    pub unit: String,
}

/// KPIs by target and metric.
pub type Kpis = BTreeMap<(String, String), Summary>;

/// What the KPIs were: metrics whose names begin with `kpi.`.
pub fn kpis(run: &Run) -> Kpis {
    let columns = ["target", "metric", "unit", "part", "value"];
    let mut values: BTreeMap<(String, String), (String, Vec<f64>)> = BTreeMap::new();
    for block in run.read(&READINGS, Some(&columns)) {
        let (target, metric, unit) = (block.words("target"), block.words("metric"), block.words("unit"));
        let (part, value) = (block.words("part"), block.numbers("value"));
        let wanted: Vec<bool> = metric.texts().iter().map(|name| name.starts_with("kpi.")).collect();
        for row in 0..block.len() {
            let is_kpi = metric.key(row).is_some_and(|key| wanted[key]) && part.text(row) == WHOLE;
            if is_kpi && value[row].is_finite() {
                let key = (target.text(row).to_owned(), metric.text(row).to_owned());
                values
                    .entry(key)
                    .or_insert_with(|| (unit.text(row).to_owned(), Vec::new()))
                    .1
                    .push(value[row]);
            }
        }
    }
    values
        .into_iter()
        .map(|(key, (unit, values))| (key, summary(unit, values)))
        .collect()
}

fn summary(unit: String, mut values: Vec<f64>) -> Summary {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    Summary {
        readings: values.len() as u64,
        mean: values.iter().sum::<f64>() / values.len() as f64,
        median: at(0.5),
        p95: at(0.95),
        most: at(1.0),
        unit,
    }
}

/// How often each target appeared, by name.
pub fn targets(run: &Run) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for block in run.read(&TARGETS, Some(&["target", "change"])) {
        let (target, change) = (block.words("target"), block.words("change"));
        for row in (0..block.len()).filter(|row| change.text(*row) == "appeared") {
            *all.entry(target.text(row).to_owned()).or_default() += 1;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_by_rank() {
        let summary = summary("ns".to_owned(), (1..=101).rev().map(f64::from).collect());
        assert_eq!(
            (summary.median, summary.p95, summary.most, summary.mean),
            (51.0, 96.0, 101.0, 51.0)
        );
    }
}
