//! `file.table`: what is going on, for people: a table of the latest values now and then, and in
//! between what happens, in sentences.
//!
//! The node asks for a thread of its own: a terminal can be stopped with Ctrl-S and a pipe's reader can
//! stall, and neither may stop the pipeline.

use crate::config::{TableConfig, place};
use crate::fs::{Head, Output};
use crate::grid::Grid;
use crate::humane::{cell, instant, plain};
use crate::names::Names;
use crate::pattern::Wanted;
use crate::sentence;
use pipeline_plugin_api::abi::MetricName;
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The name of the row for readings that belong to no target.
const NO_TARGET: &str = "(run)";

/// Writes tables and sentences.
pub struct Table {
    config: TableConfig,
    wanted: Wanted,
    names: Names,
    output: Output,
    frame: Frame,
    /// The metrics that came, each with the place of the pattern that means it.
    columns: BTreeMap<MetricId, (usize, Arc<MetricName>)>,
    /// What was last said of each knob, so that a lease that is renewed is said once.
    said: BTreeMap<(Subject, TargetId, KnobId), String>,
    next: Nanos,
    last: Nanos,
    news: bool,
}

/// What a sentence about a knob is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Action,
    Outcome,
}

impl Element for Table {
    const NAME: &'static str = "file.table";
    const SUMMARY: &'static str = "shows the latest values as a table, and what happens in sentences";
    const BLOCKING: bool = true;
    type Config = TableConfig;

    fn ports(_: &TableConfig) -> Ports {
        Ports::new().takes_all("shown to people")
    }

    fn create(config: TableConfig, host: &Host) -> Result<Self> {
        let place = place(&config.path, &host.run_id());
        Ok(Self {
            wanted: Wanted::new(config.columns.clone()),
            names: Names::new(host),
            output: Output::new(place, config.existing, Nanos::ZERO, host),
            frame: Frame::new(1),
            columns: BTreeMap::new(),
            said: BTreeMap::new(),
            next: config.every.nanos(),
            last: Nanos::ZERO,
            news: false,
            config,
        })
    }

    fn status(&self) -> String {
        self.output.status()
    }
}

impl Sink for Table {
    fn start(&mut self, system: &System) -> Result<()> {
        self.next = system.now() + self.config.every.nanos();
        self.output.begin(Head::default())
    }

    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        self.last = input.at;
        for reading in input.readings() {
            self.take(reading);
        }
        self.tell(input);
        self.forget_gone(input);
        if input.at >= self.next {
            self.show(input.at);
            self.next = input.at + self.config.every.nanos();
        }
        self.output.settle(input.at)?;
        Ok(Wish::At(self.next))
    }

    fn flush(&mut self, _: Nanos) -> Result<()> {
        self.show(self.last);
        self.output.finish()
    }
}

impl Table {
    fn take(&mut self, reading: &Reading) {
        let bucket = reading.part.bucket_index().is_some();
        if bucket || (reading.part != Part::WHOLE && !self.config.parts) {
            return;
        }
        let name = self.names.metric(reading.metric);
        if let Some(place) = self.wanted.place(reading.metric, || name.name.to_string()) {
            self.columns.entry(reading.metric).or_insert((place, name));
            self.frame.push(*reading);
            self.news = true;
        }
    }

    fn tell(&mut self, input: &Input<'_>) {
        for change in input.changes() {
            if let Some(said) = sentence::target(change) {
                self.say(change.at, &said);
            }
        }
        for finding in input.findings() {
            if let Some(said) = sentence::finding(&mut self.names, finding) {
                self.say(finding.at, &said);
            }
        }
        for action in input.actions() {
            let said = sentence::action(&mut self.names, action);
            self.say_once(action.at, (Subject::Action, action.target, action.knob), said);
        }
        for outcome in input.outcomes() {
            let said = sentence::outcome(&mut self.names, outcome);
            if [Fate::LAPSED, Fate::TAKEN, Fate::UNDONE].contains(&outcome.fate) {
                self.said.remove(&(Subject::Action, outcome.target, outcome.knob));
            }
            self.say_once(outcome.at, (Subject::Outcome, outcome.target, outcome.knob), said);
        }
    }

    fn say_once(&mut self, at: Nanos, about: (Subject, TargetId, KnobId), said: String) {
        if self.said.get(&about) != Some(&said) {
            self.say(at, &said);
            self.said.insert(about, said);
        }
    }

    fn say(&mut self, at: Nanos, said: &str) {
        self.output.push((plain(&sentence::at(at, said)) + "\n").as_bytes());
    }

    fn forget_gone(&mut self, input: &Input<'_>) {
        let gone = input.changes().filter(|change| change.change == Change::GONE);
        let gone: BTreeSet<TargetId> = gone.map(|change| change.target.id).collect();
        gone.iter().for_each(|target| self.frame.forget(*target));
        if !gone.is_empty() {
            self.said.retain(|(_, target, _), _| !gone.contains(target));
        }
        self.names.forget_gone(input);
    }

    /// Writes the table, unless nothing came since the last one.
    fn show(&mut self, at: Nanos) {
        if !self.news {
            return;
        }
        self.news = false;
        let columns = self.columns();
        let grid = Grid {
            corner: instant(at),
            heads: columns.iter().map(|(_, metric)| plain(&metric.name)).collect(),
            rows: self.rows(at, &columns),
        };
        self.output.push(grid.text(usize::from(self.config.width)).as_bytes());
    }

    /// The metrics from left to right: as they are listed in the config, and by name.
    fn columns(&self) -> Vec<(MetricId, Arc<MetricName>)> {
        let mut columns: Vec<_> = self.columns.iter().collect();
        columns.sort_by(|(_, (place, metric)), (_, (other, than))| (place, &metric.name).cmp(&(other, &than.name)));
        columns
            .into_iter()
            .map(|(id, (_, metric))| (*id, metric.clone()))
            .collect()
    }

    /// The rows by name, each with a cell for each column that has a value young enough.
    fn rows(&mut self, at: Nanos, columns: &[(MetricId, Arc<MetricName>)]) -> Vec<(String, Vec<Option<String>>)> {
        let mut rows: BTreeMap<(String, Part, TargetId), Vec<Option<String>>> = BTreeMap::new();
        let targets: Vec<TargetId> = self.frame.targets().collect();
        for target in targets {
            let name = plain(&self.names.target(target));
            for (column, (id, metric)) in columns.iter().enumerate() {
                for reading in self.frame.parts(target, *id) {
                    let row = rows.entry((name.clone(), reading.part, target));
                    let young = at.since(reading.at) <= self.config.age.nanos();
                    let shown = young.then(|| cell(reading, &metric.unit, metric.kind));
                    row.or_insert_with(|| vec![None; columns.len()])[column] = shown;
                }
            }
        }
        let named = rows.into_iter().map(|((name, part, target), cells)| {
            let name = if target == TargetId::NONE {
                NO_TARGET.to_owned()
            } else {
                name
            };
            let part = plain(&self.names.part(part));
            (format!("{name} {part}").trim_end().to_owned(), cells)
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests;
