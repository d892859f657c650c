//! Runs made of what other tools wrote: one target, one node that says its numbers. They can be looked at, compared, and
//! played back into a graph with `record.replay`; there is no graph of theirs to replay.

mod pcm;
mod perf;

use crate::folder;
use pipeline_plugin_api::abi::{KnobName, MetricName};
use pipeline_plugin_api::names::Names;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::tap::{NodeFacts, RunFacts};
use pipeline_record_store::{End, FORMAT, Keeper, Limits, Lookup, Origin, Page, Said, Writer, utc};
use std::path::{Path, PathBuf};

/// Numbers of another tool.
#[derive(Debug, Default)]
pub struct Numbers {
    /// When its time began, as nanoseconds since 1970; 0 where it does not say.
    pub wall_ns: u64,
    /// Names of metrics and parts.
    pub names: Names,
    /// Names of targets, the first with id 1.
    pub targets: Vec<String>,
    /// In the order of time.
    pub readings: Vec<Reading>,
}

impl Numbers {
    /// The id of a target.
    pub fn target(&mut self, name: &str) -> TargetId {
        let place = self.targets.iter().position(|known| known == name).unwrap_or_else(|| {
            self.targets.push(name.to_owned());
            self.targets.len() - 1
        });
        TargetId(place as u32 + 1)
    }

    /// The id of a metric; the first to name it decides its unit.
    pub fn metric(&mut self, name: &str, unit: &str, kind: Kind) -> MetricId {
        self.names.metric(name, unit, kind).unwrap_or_default()
    }
}

impl Lookup for Numbers {
    fn metric(&self, id: MetricId) -> Option<MetricName> {
        self.names.metric_name(id).cloned()
    }
    fn knob(&self, _: KnobId) -> Option<KnobName> {
        None
    }
    fn part(&self, part: Part) -> Option<String> {
        Some(self.names.part_name(part)).filter(|name| !name.starts_with("unknown("))
    }
    fn target(&self, id: TargetId) -> Option<String> {
        self.targets.get((id.0 as usize).checked_sub(1)?).cloned()
    }
}

/// Makes a run of a file; gives its folder.
///
/// # Errors
/// The file cannot be read or is not of that format, or the run cannot be written.
pub fn import(file: &Path, format: &str, name: Option<&str>, dir: &str) -> Result<PathBuf> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| {
        Failure::fatal(format!(
            "`{}` cannot be read: {error}; look whether the path is right",
            file.display()
        ))
    })?;
    let numbers = match format {
        "perf" => perf::numbers(&text),
        "pcm" => pcm::numbers(&text),
        other => {
            let help = pipeline_plugin_api::config::nearest_help(other, ["perf", "pcm"].into_iter());
            return Err(Failure::fatal(format!("`{other}` is no format; {help}")));
        }
    };
    let numbers =
        numbers.map_err(|why| Failure::fatal(format!("`{}` is not what `{format}` writes: {why}", file.display())))?;
    let own = file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let folder = folder::fresh(Path::new(dir), name.unwrap_or(&own));
    write(&folder, &numbers, format, file).map_err(|error| Failure::fatal(error.to_string()))?;
    Ok(folder)
}

/// The node that brings the targets, and the one that says the numbers.
const NODES: [&str; 2] = ["machine", "numbers"];

fn write(folder: &Path, numbers: &Numbers, format: &str, file: &Path) -> pipeline_record_store::Result<()> {
    let page = page(folder, numbers, format, file);
    let mut writer = Writer::create(folder, page.clone(), Limits::default())?;
    let mut keeper = Keeper::default();
    let said = |sequence: u64, at: Nanos, node| Said {
        sequence,
        instant: sequence,
        at,
        batch_at: at,
        node,
    };
    keeper.keep(
        &mut writer,
        said(1, Nanos::ZERO, NODES[0]),
        &[],
        Some(&appearances(numbers)),
        numbers,
    );
    let batches = numbers.readings.chunk_by(|one, next| one.at == next.at);
    for (place, readings) in batches.enumerate() {
        keeper.keep(
            &mut writer,
            said(place as u64 + 2, readings[0].at, NODES[1]),
            readings,
            None,
            numbers,
        );
        if writer.is_full() {
            keeper.tell_names(&mut writer, numbers);
            writer.flush()?;
        }
    }
    keeper.tell_names(&mut writer, numbers);
    writer.flush()?;
    let end = End {
        at_ns: numbers.readings.last().map_or(0, |reading| reading.at.0),
        rows: writer.counts(),
        why_not: vec!["it was imported, so no node of a graph was called in it".to_owned()],
        ..End::default()
    };
    Page { end: Some(end), ..page }.write(folder)
}

fn appearances(numbers: &Numbers) -> Batch {
    let change = |(place, name): (usize, &String)| TargetChange {
        at: Nanos::ZERO,
        change: Change::APPEARED,
        target: Target {
            id: TargetId(place as u32 + 1),
            generation: 1,
            provider: NODES[0].into(),
            name: name.as_str().into(),
            ..Target::default()
        },
    };
    Batch {
        changes: numbers.targets.iter().enumerate().map(change).collect(),
        ..Batch::default()
    }
}

fn page(folder: &Path, numbers: &Numbers, format: &str, file: &Path) -> Page {
    let node = |(name, stage): (&str, &str)| NodeFacts {
        name: name.to_owned(),
        stage: stage.to_owned(),
        element: format!("import.{format}"),
        ..NodeFacts::default()
    };
    let run = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Page {
        format: FORMAT,
        origin: Origin {
            kind: "import".to_owned(),
            of: file.display().to_string(),
        },
        started: utc(numbers.wall_ns),
        facts: RunFacts {
            run_id: run.clone(),
            wall_ns: numbers.wall_ns,
            nodes: [(NODES[0], "targets"), (NODES[1], "collectors")].map(node).into(),
            ..RunFacts::default()
        },
        run,
        ..Page::default()
    }
}
