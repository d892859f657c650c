//! `pipeline runs`: which runs there are, and what other tools wrote as runs.

use crate::arguments::{Arguments, Options};
use crate::folder::RUNS;
use crate::import;
use crate::table::{bytes, table};
use pipeline_plugin_api::command::Console;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Command;
use pipeline_record_store::schema::{READINGS, TARGETS};
use pipeline_record_store::{Run, list};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

const HELP: &str = "\
Lists recorded runs, or makes one of what another tool wrote.

  pipeline runs [FOLDER] [-o text|json]
  pipeline runs import FILE --format perf|pcm [--name NAME] [--dir FOLDER]

  FOLDER                 where the runs are; `runs` by default
  -o, --output FORMAT    `text` (the default) or `json`
  --format perf          what `perf stat -I 1000 -x, -o FILE` wrote
  --format pcm           what `pcm 1 -csv=FILE` wrote
  --name NAME            what the run is called; the file's name by default
  --dir FOLDER           where it goes; `runs` by default
";

const OPTIONS: Options = &[
    ("--output", "-o", true),
    ("--format", "", true),
    ("--name", "", true),
    ("--dir", "", true),
    ("--help", "-h", false),
];

/// Lists and imports runs.
pub struct Runs;

impl Element for Runs {
    const NAME: &'static str = "runs";
    const SUMMARY: &'static str = "lists recorded runs, and imports what other tools wrote";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }

    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self)
    }
}

impl Command for Runs {
    fn run(&mut self, arguments: &[String], console: &Console) -> Result<u8> {
        let asked = Arguments::parse(OPTIONS, arguments)?;
        let words: Vec<&str> = asked.rest.iter().map(String::as_str).collect();
        match words[..] {
            _ if asked.has("--help") => {
                console.print(HELP);
                Ok(0)
            }
            ["import", file] => {
                let format = asked
                    .value("--format")
                    .ok_or_else(|| Failure::fatal("`--format perf` or `--format pcm` is missing"))?;
                let folder = import::import(
                    Path::new(file),
                    format,
                    asked.value("--name"),
                    asked.value("--dir").unwrap_or(RUNS),
                )?;
                console.print(&format!("{}\n", folder.display()));
                Ok(0)
            }
            [] => show(Path::new(RUNS), &asked, console),
            [folder] => show(Path::new(folder), &asked, console),
            _ => {
                console.warn(HELP);
                Ok(64)
            }
        }
    }
}

/// A run in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Line {
    run: String,
    started: String,
    span_ns: u64,
    graph: String,
    /// `run`, `virtual`, `replay of X`, `import`.
    origin: String,
    targets: usize,
    readings: u64,
    bytes: u64,
    /// Whether it was ended in order and all its segments can be read.
    whole: bool,
    replayable: bool,
    /// What is wrong with it, where something is.
    trouble: Vec<String>,
}

fn show(folder: &Path, asked: &Arguments, console: &Console) -> Result<u8> {
    let (mut lines, mut unread) = (Vec::new(), Vec::new());
    if folder.exists() {
        for (path, run) in list(folder).map_err(|error| Failure::fatal(error.to_string()))? {
            match run {
                Ok(run) => lines.push(Line::of(&run)),
                Err(error) => unread.push(format!("{}: {error}", path.display())),
            }
        }
    } else if folder != Path::new(RUNS) {
        return Err(Failure::fatal(format!("there is no folder `{}`", folder.display())));
    }
    if asked.value("--output") == Some("json") {
        console.print(&(serde_json::to_string_pretty(&lines).unwrap_or_default() + "\n"));
    } else if lines.is_empty() {
        console.print("no runs; record one with a `record.write` sink\n");
    } else {
        console.print(&text(&lines));
    }
    for trouble in &unread {
        console.warn(&format!("runs: {trouble}\n"));
    }
    Ok(0)
}

impl Line {
    fn of(run: &Run) -> Self {
        let page = run.page();
        let torn = run.torn();
        let mut trouble: Vec<String> = torn.iter().map(|torn| torn.why.clone()).collect();
        let (readings, _) = run.count(&READINGS);
        match &page.end {
            Some(end) => trouble.extend(end.why_not.iter().cloned()),
            None => trouble.push("it runs still, or was killed: it goes as far as its last flush".to_owned()),
        }
        let origin = match (page.origin.kind.as_str(), page.origin.of.as_str()) {
            (kind, "") => kind.to_owned(),
            (kind, of) => format!("{kind} of {of}"),
        };
        Self {
            run: run.name(),
            started: page.started.clone(),
            span_ns: run.end_ns(),
            graph: page.facts.graph_file.clone(),
            targets: target_names(run),
            readings,
            bytes: run.bytes(),
            whole: page.end.is_some() && torn.is_empty(),
            replayable: torn.is_empty() && page.end.as_ref().is_none_or(|end| end.replayable),
            origin,
            trouble,
        }
    }
}

fn target_names(run: &Run) -> usize {
    let mut names = BTreeSet::new();
    for block in run.read(&TARGETS, Some(&["target"])) {
        names.extend(block.words("target").texts().iter().cloned());
    }
    names.len()
}

fn text(lines: &[Line]) -> String {
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let row = |line: &Line| {
        vec![
            line.run.clone(),
            line.started.clone(),
            Nanos(line.span_ns).to_string(),
            line.origin.clone(),
            line.graph.clone(),
            line.targets.to_string(),
            line.readings.to_string(),
            bytes(line.bytes),
            yes(line.whole),
            yes(line.replayable),
        ]
    };
    let heads = [
        "run",
        "started",
        "lasted",
        "origin",
        "graph",
        "targets",
        "readings",
        "size",
        "whole",
        "replayable",
    ];
    let mut text = table(&heads, &lines.iter().map(row).collect::<Vec<_>>());
    for line in lines.iter().filter(|line| !line.trouble.is_empty()) {
        text += &format!("{}: {}\n", line.run, line.trouble.join("; "));
    }
    text
}
