//! A recorded run, played into a gatherer.

use pipeline_plugin_api::abi::{Batch, Change, Finding, Nanos, Outcome, Reading, TargetId};
use pipeline_plugin_api::names::Names;
use pipeline_plugin_api::tap::{NodeFacts, RunFacts};
use pipeline_record_store::{Emission, Player, Run, Wanted};
use pipeline_score_measure::{Gatherer, Statement, Turn};
use std::collections::BTreeMap;
use std::path::Path;

/// Plays a run. Gives the transforms that a scheduler reads, and what could not be read.
///
/// # Errors
/// It is no run, as a sentence.
pub fn gather(folder: &Path, gatherer: &mut Gatherer) -> Result<(Vec<String>, Vec<String>), String> {
    let run = Run::open(folder).map_err(|error| error.to_string())?;
    let mut names = Names::default();
    let mut player = Player::new(&run, Wanted::All, &mut names);
    let mut taker = Taker {
        gatherer,
        targets: BTreeMap::new(),
    };
    let mut emission = Emission::default();
    while player.next_into(&mut emission, &mut names) {
        let node = player.nodes()[emission.node].clone();
        taker.take(&node, emission.at, &emission.batch, &names);
    }
    gatherer.instant(Nanos(run.end_ns()));
    let torn = player.torn();
    let missing = torn
        .iter()
        .map(|torn| format!("`{}` cannot be read: {}", torn.path.display(), torn.why));
    Ok((heard(&run.page().facts), missing.collect()))
}

/// The transforms that schedulers read.
fn heard(facts: &RunFacts) -> Vec<String> {
    let read = |node: &NodeFacts| node.from.iter().chain(&node.last).copied().collect::<Vec<u32>>();
    let schedulers = facts.nodes.iter().filter(|node| node.stage == "schedulers");
    let mut heard: Vec<String> = schedulers
        .flat_map(read)
        .filter_map(|place| facts.nodes.get(place as usize))
        .filter(|node| node.stage == "transforms")
        .map(|node| node.name.clone())
        .collect();
    heard.sort();
    heard.dedup();
    heard
}

/// Turns ids back into names.
struct Taker<'a> {
    gatherer: &'a mut Gatherer,
    targets: BTreeMap<TargetId, String>,
}

impl Taker<'_> {
    fn take(&mut self, node: &str, at: Nanos, batch: &Batch, names: &Names) {
        self.gatherer.instant(at);
        for change in &batch.changes {
            let target = &change.target;
            self.targets.insert(target.id, target.name.to_string());
            match change.change {
                Change::GONE => self.gatherer.gone(change.at, &target.name),
                _ => self.gatherer.target(&target.name, target.class),
            }
        }
        batch.readings.iter().for_each(|reading| self.reading(reading, names));
        batch.findings.iter().for_each(|finding| self.finding(node, finding));
        batch.outcomes.iter().for_each(|outcome| self.outcome(outcome, names));
    }

    fn reading(&mut self, reading: &Reading, names: &Names) {
        let Some(metric) = names
            .metric_name(reading.metric)
            .filter(|metric| Gatherer::wants(&metric.name))
        else {
            return;
        };
        if let (Some(value), Some(target)) = (reading.number(), self.targets.get(&reading.target)) {
            let part = names.part_name(reading.part);
            self.gatherer.reading(reading.at, target, &metric.name, &part, value);
        }
    }

    fn finding(&mut self, node: &str, finding: &Finding) {
        let culprits = finding.culprits.iter().map(|culprit| self.name(culprit.target));
        let statement = Statement {
            at: finding.at,
            node: node.to_owned(),
            id: finding.id,
            phase: finding.phase,
            victim: self.name(finding.victim),
            resource: finding.resource,
            culprits: culprits.collect(),
        };
        self.gatherer.statement(statement);
    }

    fn outcome(&mut self, outcome: &Outcome, names: &Names) {
        let knob = names
            .knob_name(outcome.knob)
            .map_or_else(String::new, |knob| knob.name.to_string());
        self.gatherer.turn(Turn {
            at: outcome.at,
            target: self.name(outcome.target),
            knob,
            fate: outcome.fate,
            value: outcome.value,
            text: outcome.text.to_string(),
        });
    }

    /// One that never appeared is called by its number, which is nobody's name.
    fn name(&self, target: TargetId) -> String {
        let known = self.targets.get(&target).cloned();
        known.unwrap_or_else(|| format!("#{}", target.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, stage: &str, from: &[u32]) -> NodeFacts {
        NodeFacts {
            name: name.to_owned(),
            stage: stage.to_owned(),
            from: from.to_vec(),
            ..NodeFacts::default()
        }
    }

    #[test]
    fn what_a_scheduler_reads_is_judged() {
        let facts = RunFacts {
            nodes: vec![
                node("cpu", "collectors", &[]),
                node("triage", "transforms", &[0]),
                node("culprit", "transforms", &[1]),
                node("guard", "schedulers", &[2, 0, 77]),
                node("show", "sinks", &[1]),
            ],
            ..RunFacts::default()
        };
        assert_eq!(heard(&facts), ["culprit"]);
        assert_eq!(heard(&RunFacts::default()), [""; 0]);
    }
}
