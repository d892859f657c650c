//! `file.csv`: readings as rows, for spreadsheets and data frames. Other kinds of values have no place
//! in rows and are left out; `file.jsonl` has them.
//!
//! Like `file.jsonl` it asks for no thread of its own, for the same reason.

use crate::config::{CsvConfig, file};
use crate::fs::{Head, Output};
use crate::line::{share_and_reason, word};
use crate::names::Names;
use crate::pattern::Wanted;
use pipeline_plugin_api::prelude::*;

/// The columns; a unit stands at the end of its column's name.
const COLUMNS: [&str; 10] = [
    "at_ns", "span_ns", "node", "target", "metric", "part", "value", "unit", "quality", "detail",
];

/// Writes readings as rows of CSV (RFC 4180, with plain line feeds).
pub struct Csv {
    wanted: Wanted,
    names: Names,
    output: Output,
}

impl Element for Csv {
    const NAME: &'static str = "file.csv";
    const SUMMARY: &'static str = "writes readings as rows of CSV";
    type Config = CsvConfig;

    fn ports(_: &CsvConfig) -> Ports {
        Ports::new().takes_any_reading("written as rows")
    }

    fn create(config: CsvConfig, host: &Host) -> Result<Self> {
        let place = file(&config.path, &host.run_id());
        Ok(Self {
            wanted: Wanted::new(config.metrics),
            names: Names::new(host),
            output: Output::new(place, config.existing, config.flush.nanos(), host),
        })
    }

    fn status(&self) -> String {
        self.output.status()
    }
}

impl Sink for Csv {
    fn start(&mut self, _: &System) -> Result<()> {
        let text = row(&COLUMNS)?;
        self.output.begin(Head { text, only_first: true })
    }

    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        for (port, batch) in input.batches() {
            let node = self.names.node(port);
            for reading in &batch.readings {
                self.reading(&node, reading)?;
            }
        }
        self.names.forget_gone(input);
        self.output.settle(input.at)
    }

    fn flush(&mut self, _: Nanos) -> Result<()> {
        self.output.finish()
    }
}

impl Csv {
    fn reading(&mut self, node: &str, reading: &Reading) -> Result<()> {
        let metric = self.names.metric(reading.metric);
        if self.wanted.place(reading.metric, || metric.name.to_string()).is_none() {
            return Ok(());
        }
        let (share, reason) = share_and_reason(reading);
        let share = share.map(|share| share.to_string());
        let text = row(&[
            &reading.at.0.to_string(),
            &reading.span.0.to_string(),
            node,
            &self.names.target(reading.target),
            &metric.name,
            &self.names.part(reading.part),
            &reading.number().map(|value| value.to_string()).unwrap_or_default(),
            &metric.unit,
            &word(reading.quality.name(), reading.quality),
            &reason.or(share.map(Into::into)).unwrap_or_default(),
        ])?;
        self.output.push(&text);
        Ok(())
    }
}

fn row(fields: &[&str; COLUMNS.len()]) -> Result<Vec<u8>> {
    let mut writer = ::csv::WriterBuilder::new().buffer_capacity(256).from_writer(Vec::new());
    let broken = |error: String| Failure::retry(format!("a row cannot be written as CSV: {error}"));
    writer.write_record(fields).map_err(|error| broken(error.to_string()))?;
    writer.into_inner().map_err(|error| broken(error.to_string()))
}

#[cfg(test)]
mod tests;
