//! `file.jsonl`: every value as a JSON object on a line of its own.
//!
//! The node does not ask for a thread of its own: values gather in memory, and once an interval they
//! are handed to the kernel's page cache, which costs less than moving every batch to another thread.
//! Where the disk itself is what suffers, `lane: "files"` in the graph gives it one.

use crate::config::{JsonlConfig, ValueKind, file};
use crate::fs::{Head, Output};
use crate::line;
use crate::names::Names;
use crate::pattern::Wanted;
use pipeline_plugin_api::prelude::*;

/// Writes values as JSON lines.
pub struct Jsonl {
    host: Host,
    kinds: Vec<ValueKind>,
    wanted: Wanted,
    names: Names,
    output: Output,
}

impl Element for Jsonl {
    const NAME: &'static str = "file.jsonl";
    const SUMMARY: &'static str = "writes every value as one JSON object a line";
    type Config = JsonlConfig;

    fn ports(_: &JsonlConfig) -> Ports {
        Ports::new().takes_all("written as one JSON object a line")
    }

    fn create(config: JsonlConfig, host: &Host) -> Result<Self> {
        let place = file(&config.path, &host.run_id());
        Ok(Self {
            host: host.clone(),
            kinds: config.kinds,
            wanted: Wanted::new(config.metrics),
            names: Names::new(host),
            output: Output::new(place, config.existing, config.flush.nanos(), host),
        })
    }

    fn status(&self) -> String {
        self.output.status()
    }
}

impl Sink for Jsonl {
    fn start(&mut self, system: &System) -> Result<()> {
        let wall = system.wall() - system.now();
        let text = line::run(&self.host.run_id(), wall, &self.host.sources());
        self.output.begin(Head {
            text,
            only_first: false,
        })
    }

    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        if self.kinds.contains(&ValueKind::Target) {
            for change in input.changes() {
                self.output.push(&line::target::line(&mut self.names, change));
            }
        }
        for (port, batch) in input.batches() {
            self.batch(&self.names.node(port), batch);
        }
        self.names.forget_gone(input);
        self.output.settle(input.at)
    }

    fn flush(&mut self, _: Nanos) -> Result<()> {
        self.output.finish()
    }
}

impl Jsonl {
    fn batch(&mut self, node: &str, batch: &Batch) {
        self.each(ValueKind::Reading, &batch.readings, |this, reading| {
            let names = &mut this.names;
            let wanted = this
                .wanted
                .place(reading.metric, || names.metric(reading.metric).name.to_string());
            wanted.map(|_| line::reading(names, node, reading))
        });
        self.each(ValueKind::Finding, &batch.findings, |this, it| {
            Some(line::finding::line(&mut this.names, node, it))
        });
        self.each(ValueKind::Control, &batch.controls, |this, it| {
            Some(line::knob::control(&mut this.names, node, it))
        });
        self.each(ValueKind::Action, &batch.actions, |this, it| {
            Some(line::knob::action(&mut this.names, node, it))
        });
        self.each(ValueKind::Outcome, &batch.outcomes, |this, it| {
            Some(line::knob::outcome(&mut this.names, node, it))
        });
    }

    /// Writes what `line` makes of each value, if values of that kind are written.
    fn each<T>(&mut self, kind: ValueKind, values: &[T], line: impl Fn(&mut Self, &T) -> Option<Vec<u8>>) {
        if !self.kinds.contains(&kind) {
            return;
        }
        for value in values {
            if let Some(text) = line(self, value) {
                self.output.push(&text);
            }
        }
    }
}

#[cfg(test)]
mod tests;
