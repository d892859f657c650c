//! From what a node said to rows.

mod readings;

use crate::cells::Cell;
use crate::lists;
use crate::parts::WHOLE;
use crate::schema::{ACTIONS, CONTROLS, CULPRITS, EMISSIONS, EVIDENCE, FINDINGS, NAMES, OUTCOMES, READINGS, TARGETS};
use crate::writer::Writer;
use pipeline_plugin_api::abi::{
    Action, Batch, Control, Finding, KnobId, KnobName, MetricId, MetricName, Nanos, Outcome, Part, Reading,
    TargetChange, TargetId,
};
use readings::Keys;
use std::collections::BTreeMap;

/// What the ids of a run stand for.
pub trait Lookup {
    /// The name of a metric.
    fn metric(&self, id: MetricId) -> Option<MetricName>;
    /// The name of a knob.
    fn knob(&self, id: KnobId) -> Option<KnobName>;
    /// The text of a part that has a name of its own.
    fn part(&self, part: Part) -> Option<String>;
    /// The name of a target.
    fn target(&self, id: TargetId) -> Option<String>;
}

/// Who said something, and when.
#[derive(Copy, Clone, Debug)]
pub struct Said<'a> {
    /// Its place among all that happened.
    pub sequence: u64,
    /// The number of the instant.
    pub instant: u64,
    /// The instant.
    pub at: Nanos,
    /// The instant of which the node spoke.
    pub batch_at: Nanos,
    /// The node.
    pub node: &'a str,
}

/// Turns batches into rows. Names are looked up once.
#[derive(Debug, Default)]
pub struct Keeper {
    told: Told,
    keys: Keys,
    metrics: BTreeMap<MetricId, MetricName>,
    knobs: BTreeMap<KnobId, KnobName>,
    targets: BTreeMap<TargetId, String>,
    parts: BTreeMap<Part, String>,
}

/// How many names were told.
#[derive(Debug, Default)]
struct Told {
    metrics: u32,
    knobs: u32,
    parts: u32,
}

/// Past this many, names of targets that are looked up are forgotten.
const MOST_TARGETS: usize = 1 << 16;

impl Keeper {
    /// Adds the names that are new. To be called ahead of each flush, so that no row has a name that is not there.
    pub fn tell_names(&mut self, writer: &mut Writer, lookup: &dyn Lookup) {
        let told = &mut self.told;
        while let Some(name) = lookup.metric(MetricId(told.metrics + 1)) {
            told.metrics += 1;
            tell_name(
                writer,
                ["metric", &name.name, &name.unit, &name.kind.to_string()],
                told.metrics,
            );
        }
        while let Some(name) = lookup.knob(KnobId(told.knobs + 1)) {
            told.knobs += 1;
            tell_name(writer, ["knob", &name.name, &name.unit, ""], told.knobs);
        }
        while let Some(name) = lookup.part(Part::named(told.parts)) {
            tell_name(writer, ["part", &name, "", ""], told.parts);
            told.parts += 1;
        }
    }

    /// Adds all that a node said: readings apart, since a tap gives them so; those of `other` are none.
    pub fn keep(
        &mut self,
        writer: &mut Writer,
        said: Said<'_>,
        readings: &[Reading],
        other: Option<&Batch>,
        lookup: &dyn Lookup,
    ) {
        if let Some(other) = other {
            self.other(writer, said, other, lookup);
        }
        self.readings(writer, said, readings, lookup);
        let none = Batch::default();
        let other = other.unwrap_or(&none);
        writer.rows(&EMISSIONS).push(&[
            Cell::Unsigned(said.sequence),
            Cell::Unsigned(said.instant),
            at(said.at),
            Cell::Derived,
            Cell::Text(said.node),
            at(said.batch_at),
            count(other.changes.len()),
            count(readings.len()),
            count(other.findings.len()),
            count(other.controls.len()),
            count(other.actions.len()),
            count(other.outcomes.len()),
            Cell::Bytes(&lists::spare(&other.spare)),
        ]);
    }

    fn readings(&mut self, writer: &mut Writer, said: Said<'_>, readings: &[Reading], lookup: &dyn Lookup) {
        if readings.is_empty() {
            return;
        }
        let mut keys = std::mem::take(&mut self.keys);
        for reading in readings {
            if keys.lacks(reading) {
                let metric = self.metric(reading.metric, lookup);
                let target = self.target(reading.target, lookup);
                let part = self.part(reading.part, lookup);
                keys.learn(writer.rows(&READINGS), reading, &metric, &target, &part);
            }
        }
        keys.push(writer.rows(&READINGS), said, readings);
        self.keys = keys;
    }

    fn other(&mut self, writer: &mut Writer, said: Said<'_>, batch: &Batch, lookup: &dyn Lookup) {
        for change in &batch.changes {
            self.change(writer, said, change, lookup);
        }
        for finding in &batch.findings {
            self.finding(writer, said, finding, lookup);
        }
        for control in &batch.controls {
            self.control(writer, said, control, lookup);
        }
        for action in &batch.actions {
            self.action(writer, said, action, lookup);
        }
        for outcome in &batch.outcomes {
            self.outcome(writer, said, outcome, lookup);
        }
    }

    fn change(&mut self, writer: &mut Writer, said: Said<'_>, change: &TargetChange, lookup: &dyn Lookup) {
        let target = &change.target;
        self.know(target.id, &target.name);
        let goals = lists::goals(&target.goals, |id| self.metric(id, lookup).name.into());
        writer.rows(&TARGETS).push(&[
            Cell::Unsigned(said.sequence),
            at(change.at),
            Cell::Derived,
            Cell::Text(said.node),
            Cell::Text(&change.change.to_string()),
            Cell::Text(&target.name),
            Cell::Small(target.id.0),
            Cell::Small(target.generation),
            Cell::Text(&target.provider),
            Cell::Small(target.parent.0),
            Cell::Text(&target.class.to_string()),
            Cell::Integer(target.priority.into()),
            Cell::Text(&goals),
            Cell::Text(&lists::labels(&target.labels)),
            Cell::Text(&lists::cgroups(&target.cgroups)),
            Cell::Text(&lists::processes(&target.processes)),
            Cell::Text(&lists::cpus(&target.cpus)),
            Cell::Bytes(&lists::spare(&target.spare)),
        ]);
    }

    fn finding(&mut self, writer: &mut Writer, said: Said<'_>, finding: &Finding, lookup: &dyn Lookup) {
        let victim = self.target(finding.victim, lookup);
        let culprit = match finding.culprits.first() {
            Some(culprit) => self.target(culprit.target, lookup),
            None => String::new(),
        };
        writer.rows(&FINDINGS).push(&[
            Cell::Unsigned(said.sequence),
            at(finding.at),
            Cell::Derived,
            Cell::Text(said.node),
            Cell::Unsigned(finding.id),
            Cell::Text(&finding.phase.to_string()),
            Cell::Text(&victim),
            Cell::Small(finding.victim.0),
            Cell::Text(&finding.resource.to_string()),
            Cell::Number(finding.severity),
            Cell::Number(finding.confidence),
            Cell::Text(&culprit),
            count(finding.culprits.len()),
            count(finding.evidence.len()),
            Cell::Text(&finding.why),
            Cell::Bytes(&lists::spare(&finding.spare)),
        ]);
        for culprit in &finding.culprits {
            let name = self.target(culprit.target, lookup);
            writer.rows(&CULPRITS).push(&[
                Cell::Unsigned(said.sequence),
                at(finding.at),
                Cell::Derived,
                Cell::Text(said.node),
                Cell::Unsigned(finding.id),
                Cell::Text(&name),
                Cell::Small(culprit.target.0),
                Cell::Number(culprit.score),
            ]);
        }
        for reading in &finding.evidence {
            self.evidence(writer, said, finding.id, reading, lookup);
        }
    }

    fn evidence(&mut self, writer: &mut Writer, said: Said<'_>, id: u64, reading: &Reading, lookup: &dyn Lookup) {
        let metric = self.metric(reading.metric, lookup);
        let target = self.target(reading.target, lookup);
        let part = self.part(reading.part, lookup);
        writer.rows(&EVIDENCE).push(&[
            Cell::Unsigned(said.sequence),
            at(reading.at),
            Cell::Derived,
            at(reading.span),
            Cell::Text(said.node),
            Cell::Unsigned(id),
            Cell::Text(&target),
            Cell::Small(reading.target.0),
            Cell::Text(&metric.name),
            Cell::Text(&metric.unit),
            Cell::Text(&part),
            Cell::Number(reading.value),
            Cell::Text(&reading.quality.to_string()),
            Cell::Small(reading.detail.into()),
            Cell::Text(&readings::reason(reading)),
        ]);
    }

    fn control(&mut self, writer: &mut Writer, said: Said<'_>, control: &Control, lookup: &dyn Lookup) {
        let target = self.target(control.target, lookup);
        let knob = self.knob(control.knob, lookup);
        writer.rows(&CONTROLS).push(&[
            Cell::Unsigned(said.sequence),
            at(control.at),
            Cell::Derived,
            Cell::Text(said.node),
            Cell::Text(&target),
            Cell::Small(control.target.0),
            Cell::Text(&knob.name),
            Cell::Text(&knob.unit),
            Cell::Text(&control.resource.to_string()),
            Cell::Number(control.least),
            Cell::Number(control.most),
            Cell::Number(control.step),
            Cell::Number(control.value),
            Cell::Integer(control.stricter.into()),
            Cell::Number(control.cost),
            Cell::Bytes(&lists::spare(&control.spare)),
        ]);
    }

    fn action(&mut self, writer: &mut Writer, said: Said<'_>, action: &Action, lookup: &dyn Lookup) {
        let target = self.target(action.target, lookup);
        let knob = self.knob(action.knob, lookup);
        writer.rows(&ACTIONS).push(&[
            Cell::Unsigned(said.sequence),
            at(action.at),
            Cell::Derived,
            Cell::Text(said.node),
            Cell::Unsigned(action.id),
            Cell::Text(&target),
            Cell::Small(action.target.0),
            Cell::Text(&knob.name),
            Cell::Text(&knob.unit),
            Cell::Number(action.value),
            Cell::Text(&action.text),
            at(action.until),
            Cell::Unsigned(action.set),
            Cell::Text(&action.why),
            Cell::Bytes(&lists::spare(&action.spare)),
        ]);
    }

    fn outcome(&mut self, writer: &mut Writer, said: Said<'_>, outcome: &Outcome, lookup: &dyn Lookup) {
        let target = self.target(outcome.target, lookup);
        let knob = self.knob(outcome.knob, lookup);
        writer.rows(&OUTCOMES).push(&[
            Cell::Unsigned(said.sequence),
            at(outcome.at),
            Cell::Derived,
            Cell::Text(said.node),
            Cell::Unsigned(outcome.action),
            Cell::Text(&target),
            Cell::Small(outcome.target.0),
            Cell::Text(&knob.name),
            Cell::Text(&knob.unit),
            Cell::Text(&outcome.fate.to_string()),
            Cell::Number(outcome.value),
            Cell::Text(&outcome.text),
            Cell::Text(&outcome.why),
            Cell::Bytes(&lists::spare(&outcome.spare)),
        ]);
    }

    fn know(&mut self, id: TargetId, name: &str) {
        if self.targets.len() >= MOST_TARGETS {
            self.targets.clear();
        }
        self.targets.insert(id, name.to_owned());
    }

    fn target(&mut self, id: TargetId, lookup: &dyn Lookup) -> String {
        if id == TargetId::NONE {
            return String::new();
        }
        if let Some(name) = self.targets.get(&id) {
            return name.clone();
        }
        let name = lookup.target(id).unwrap_or_default();
        self.know(id, &name);
        name
    }

    fn metric(&mut self, id: MetricId, lookup: &dyn Lookup) -> MetricName {
        let found = || lookup.metric(id).unwrap_or_default();
        self.metrics.entry(id).or_insert_with(found).clone()
    }

    fn knob(&mut self, id: KnobId, lookup: &dyn Lookup) -> KnobName {
        let found = || lookup.knob(id).unwrap_or_default();
        self.knobs.entry(id).or_insert_with(found).clone()
    }

    fn part(&mut self, part: Part, lookup: &dyn Lookup) -> String {
        if part == Part::WHOLE {
            return WHOLE.to_owned();
        }
        if let Some(text) = part.text() {
            return text;
        }
        let found = || lookup.part(part).unwrap_or_default();
        self.parts.entry(part).or_insert_with(found).clone()
    }
}

fn tell_name(writer: &mut Writer, [what, name, unit, kind]: [&str; 4], id: u32) {
    writer.rows(&NAMES).push(&[
        Cell::Text(what),
        Cell::Small(id),
        Cell::Text(name),
        Cell::Text(unit),
        Cell::Text(kind),
    ]);
}

/// Instants and spans keep their bits; one past 292 years reads as negative.
fn at(at: Nanos) -> Cell<'static> {
    Cell::Integer(at.0.cast_signed())
}

fn count(count: usize) -> Cell<'static> {
    Cell::Small(u32::try_from(count).unwrap_or(u32::MAX))
}
