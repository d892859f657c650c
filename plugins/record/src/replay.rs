//! `pipeline replay`: what another graph, or the same, makes of what was recorded.
//!
//! Targets and collectors are played back, actuators are notes of what they would do, transforms and schedulers are the
//! real ones. The new run is recorded as any other, so that all commands work on it, `replay` included.

mod cast;

use crate::arguments::{Arguments, Options};
use crate::compare::{self, Difference};
use crate::folder;
use crate::graph::{self, NodeText};
use crate::timetable;
use cast::Cast;
use pipeline_plugin_api::abi::{GraphRequest, Timetable};
use pipeline_plugin_api::command::Console;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Command;
use pipeline_record_store::{Run, names};
use std::path::{Path, PathBuf};

const HELP: &str = "\
Feeds a recorded run to a graph's transforms and schedulers, and records what they make of it as a new run.

  pipeline replay RUN [--graph FILE] [--set NODE.FIELD=VALUE]... [-o FOLDER] [--force]

  RUN                    the folder of a run, the name of one in `runs`, or `last`
  --graph FILE           another graph; without it the run's own
  --set NODE.FIELD=VALUE another value, as RON, for a field of a node's config
  -o, --output FOLDER    the new run's folder; without it one in `runs`
  --force                also a run that is not whole: what is there is replayed

Nothing real is touched: nodes of `targets` and `collectors` say what they said, actuators say what they would do. As long
as they are asked for what they were asked for then, they answer as then; after that, outcomes are assumed.
";

const OPTIONS: Options = &[
    ("--graph", "-g", true),
    ("--set", "", true),
    ("--output", "-o", true),
    ("--force", "", false),
    ("--help", "-h", false),
];

/// Replays runs.
pub struct ReplayRun;

impl Element for ReplayRun {
    const NAME: &'static str = "replay";
    const SUMMARY: &'static str = "feeds a recorded run to its own or another graph and records what that decides";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }

    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self)
    }
}

impl Command for ReplayRun {
    fn run(&mut self, arguments: &[String], console: &Console) -> Result<u8> {
        let asked = Arguments::parse(OPTIONS, arguments)?;
        if asked.has("--help") {
            console.print(HELP);
            return Ok(0);
        }
        let [name] = &asked.rest[..] else {
            console.warn(HELP);
            return Ok(64);
        };
        let run = folder::open(name)?;
        if !asked.has("--force") {
            replayable(&run)?;
        }
        let plan = Plan::new(run, &asked)?;
        plan.carry_out(console)
    }
}

/// # Errors
/// Something of it is missing; the sentence says what.
fn replayable(run: &Run) -> Result<()> {
    let page = run.page();
    let name = run.name();
    let why = match &page.end {
        Some(end) if !end.replayable => end.why_not.join("; "),
        _ => run.torn().first().map(|torn| torn.why.clone()).unwrap_or_default(),
    };
    // A run that was killed ends early and is otherwise whole.
    if why.is_empty() {
        return Ok(());
    }
    Err(Failure::fatal(format!(
        "`{name}` cannot be replayed: {why}; `--force` replays what is there"
    )))
}

/// What is to be run.
struct Plan {
    run: Run,
    file: String,
    text: String,
    nodes: Vec<NodeText>,
    settings: Vec<(String, String, String)>,
    output: PathBuf,
    same: bool,
}

impl Plan {
    fn new(run: Run, asked: &Arguments) -> Result<Self> {
        let facts = &run.page().facts;
        let (file, text) = match asked.value("--graph") {
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let failed = |error| {
                    Failure::fatal(format!(
                        "`{file}` cannot be read: {error}; look whether the path is right"
                    ))
                };
                (file.to_owned(), text.map_err(failed)?)
            }
            None => (facts.graph_file.clone(), facts.graph.clone()),
        };
        let settings = asked.all("--set").map(setting).collect::<Result<Vec<_>>>()?;
        let output = match asked.value("--output") {
            Some(folder) => PathBuf::from(folder),
            None => {
                let beside = run.folder().parent().unwrap_or(Path::new(folder::RUNS));
                folder::fresh(beside, &format!("{}-replay", run.name()))
            }
        };
        Ok(Self {
            nodes: graph::nodes(&text),
            same: text == facts.graph && settings.is_empty(),
            run,
            file,
            text,
            settings,
            output,
        })
    }

    fn carry_out(&self, console: &Console) -> Result<u8> {
        let cast = Cast::new(&self.run, &self.nodes);
        for warning in &cast.warnings {
            console.warn(&format!("replay: {warning}\n"));
        }
        let ended = console.run_graph(&self.request(&cast)?)?;
        if !ended.faults.is_empty() {
            console.warn(&ended.faults);
        }
        if ended.exit != 0 {
            if !ended.why.is_empty() {
                console.warn(&format!("replay: {}\n", ended.why));
            }
            return Ok(u8::try_from(ended.exit).unwrap_or(1));
        }
        let replayed = Run::open(&self.output).map_err(|error| Failure::fatal(error.to_string()))?;
        console.print(&format!("{}\n", self.output.display()));
        let differences = compare::differences(&self.run, &replayed);
        for difference in &differences {
            console.print(&format!("{}\n", difference.sentence()));
        }
        let parted = differences.iter().any(Difference::parts);
        if self.same && parted {
            console.warn("replay: the same graph decided otherwise; a plugin changed, or one is not deterministic\n");
            return Ok(1);
        }
        Ok(0)
    }

    fn request(&self, cast: &Cast) -> Result<GraphRequest> {
        let wall = Nanos(self.run.page().facts.wall_ns);
        let mut request =
            GraphRequest::replay(&self.file, &self.text, self.timetable(cast), wall).names(names(&self.run));
        for role in &cast.roles {
            request = request.stand_in(&role.node, role.element, &role.config(self.run.folder()));
        }
        for (node, field, value) in &self.settings {
            request = request.setting(node, field, value);
        }
        let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let config = format!(
            "(path: {}, replay_of: {})",
            text(&self.output.to_string_lossy()),
            text(&self.run.name())
        );
        Ok(request.sink("record", "record.write", &config))
    }

    /// Under the names of this graph. What is not as it was is also called when it wishes to be.
    fn timetable(&self, cast: &Cast) -> Timetable {
        let facts = &self.run.page().facts;
        let mut schedule = timetable::schedule(&self.run);
        let set: Vec<String> = self.settings.iter().map(|(node, ..)| node.clone()).collect();
        let changed = graph::changed(&graph::nodes(&facts.graph), &self.nodes, &set);
        for (place, node) in facts.nodes.iter().enumerate() {
            if changed.contains(&node.name) {
                schedule.loosen(place as u32);
            }
        }
        let mut timetable = schedule.finish();
        for name in &mut timetable.nodes {
            if let Some(role) = cast.roles.iter().find(|role| role.plays == *name.as_str()) {
                *name = role.node.as_str().into();
            }
        }
        timetable
    }
}

/// `NODE.FIELD=VALUE`.
fn setting(text: &str) -> Result<(String, String, String)> {
    let parts = text
        .split_once('=')
        .and_then(|(place, value)| Some((place.split_once('.')?, value)));
    let Some(((node, field), value)) = parts else {
        return Err(Failure::fatal(format!(
            "`{text}` sets nothing; write `NODE.FIELD=VALUE`"
        )));
    };
    Ok((node.trim().to_owned(), field.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_names_a_node_a_field_and_a_value() {
        let parsed = setting("slow.learn=\"5s\"").unwrap();
        assert_eq!(
            (parsed.0.as_str(), parsed.1.as_str(), parsed.2.as_str()),
            ("slow", "learn", "\"5s\"")
        );
        assert!(setting("slow").unwrap_err().message.contains("NODE.FIELD=VALUE"));
    }
}
