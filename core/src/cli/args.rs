//! What the command line takes, and its help.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use pipeline_plugin_api::abi::{ABI_VERSION, Nanos};
use pipeline_plugin_api::units::Span;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (plugin ABI {ABI_VERSION})", env!("CARGO_PKG_VERSION")));

const ABOUT: &str = "Watches workloads that share a machine, finds who slows whom, acts, and puts everything back";

pub(super) const EXAMPLES: &str = "\
Examples:
  pipeline plugins                      what elements there are
  pipeline config signal.rate           a node to paste into a graph
  pipeline check graph.ron              every fault of a graph, with its place and its remedy
  pipeline doctor graph.ron             what a graph needs of this machine, and what is missing
  pipeline run graph.ron --for 60s      run it for a minute
  pipeline run graph.ron --dry-run      decide, and change nothing
  pipeline restore                      put back what a run left that was killed
  pipeline status                       what runs here, and how its nodes fare

Plugins are looked for in the folders given with --plugin-dir, then in those of
PIPELINE_PLUGIN_PATH, beside this binary, in ../lib/pipeline/plugins from there,
and in the system's folder.";

const RUN_HELP: &str = "\
Ctrl-C (SIGINT), SIGTERM and, without `nohup`, SIGHUP end a run in order: what is under way is
finished and every knob goes back as it was found, within `--drain` (10s). A second one hurries.

A call of a node may take 1 s, and 30 s where its element says that it blocks (`pipeline inspect`).
One that takes longer is given up with its thread and its node, what the node changed is undone, and
`on_error` says what becomes of the node; the rest runs on. So it is with a lease that ended more
than 1 s ago while its actuator is in a call.

A run that is killed is put back by its guardian, a second process that it starts; what that one
could not do the next run does, or `pipeline restore`. Runs with actuators act one at a time.

With `--virtual` one instant follows the other as fast as they can be computed. Elements that work on the
real machine are refused then; those of a simulated node and of records are not. No guardian, no lock
and no socket are needed, and the same graph gives the same output every time.

Exit status: 0 the run ended well, 1 it failed or something was lost or cut short, 66 the file cannot be read, 75
another run is acting on this host, 78 the graph has faults and nothing was started.

Examples:
  pipeline run graph.ron
  pipeline run graph.ron --for 5m --log-format json
  pipeline run graph.ron --once -q
  pipeline run graph.ron --virtual --for 1h    of elements that work in virtual time";

const CHECK_HELP: &str = "\
Exit status: 0 no faults (warnings are none), 66 a file cannot be read, 78 a graph
has faults.

Examples:
  pipeline check graph.ron
  pipeline check configs/*.ron
  pipeline check graph.ron --format json";

const INSPECT_HELP: &str = "\
Examples:
  pipeline inspect signal.rate
  pipeline inspect ./libpipeline_signal.so
  pipeline inspect signal.rate --format json";

const CONFIG_HELP: &str = "\
Example:
  pipeline config signal.rate >> graph.ron";

const DOCTOR_HELP: &str = "\
Each plugin is asked in a process of its own, so that one that crashes or hangs is a
line of the report. `there` is there; `without` is missing, and what wants it does
without; `missing` is missing, and something cannot run.

Exit status: 0 all that is required is there, 66 a file cannot be read, 69 something that
is required is missing, 78 a graph has faults. Without arguments every element counts.

Examples:
  pipeline doctor                       this machine, and every element
  pipeline doctor signal.rate           one element
  pipeline doctor graph.ron -o json     what a graph needs, for programs";

const GRAPH_HELP: &str = "\
Solid arrows are `of` and `from`, dashed ones `last`, dotted ones the outcomes that
come back to a scheduler. Mermaid has one kind of broken line; there the words tell.

Examples:
  pipeline graph graph.ron --mermaid
  pipeline graph graph.ron --dot | dot -Tsvg > graph.svg";

const RESTORE_HELP: &str = "\
A run that was killed is put back by its guardian within a second, and by the next run. This is
for when both were killed, or could not: it reads the journals of dead runs and undoes what they
say, last change first. What somebody else changed since is left alone, unless `--force` is given.
A run that lives is left alone: stop it, and it puts everything back itself.

Journals lie in PIPELINE_RUNTIME_DIR; without it in /run/pipeline for root, and in the
folder `pipeline` of XDG_RUNTIME_DIR for others.

Exit status: 0 all is back or there was nothing to do, 1 something is left or a run lives.

Examples:
  pipeline restore --list               what dead runs left, and change nothing
  pipeline restore                      put it back
  pipeline restore --format json        the same for programs";

const STATUS_HELP: &str = "\
Asks running pipelines over their control sockets, in PIPELINE_RUNTIME_DIR; without it in
/run/pipeline for root, and in the folder `pipeline` of XDG_RUNTIME_DIR for others. Only the user
who runs a pipeline may ask it, and root. One that runs is shown with its nodes, several as a list.

BUSY is the time in calls since somebody first asked; before that it is not measured.
TROUBLE counts what went wrong: instants that began late or were missed, values dropped, calls that
failed, restarts, calls that did not come back, actions that still wait.
A node that gives no answer within 2 s is busy; it is not waited for any longer.

Exit status: 0 it was told, 1 there is no such run or one does not answer.

Examples:
  pipeline status                       what runs here
  pipeline status 4711                  one of several, by its process or its id
  pipeline status --format json         all of it, for programs
  watch pipeline status                 again and again";

const CONTROL_HELP: &str = "\
VALUE is RON, as in a graph: a text has quotes of its own, which the shell must leave. Which
settings an element has is in the README of its plugin; an unknown one is refused by the element,
which then says what it has. A setting lasts until the run ends, and a node that is made anew gets
it again; the graph file stays as it is. A node that is in a call is waited for 2 s.

Exit status: 0 it was set, 1 it was not.

Examples:
  pipeline control long older_than '\"2h\"'           a span of time
  pipeline control web run Stop                     one word of several
  pipeline control web run Start --run 4711         where several pipelines run";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "pipeline", about = ABOUT, version = VERSION.as_str(), after_help = EXAMPLES)]
#[command(arg_required_else_help = true, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Look for plugins in this folder first; may be given several times
    #[arg(long, global = true, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a graph
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Wait for a run to die, and put back what it left; started by `run`.
    #[command(hide = true)]
    Guard(GuardArgs),
    /// All that starts nothing.
    #[command(flatten)]
    Tool(Tool),
    /// A command that a plugin brings, with its arguments.
    #[command(external_subcommand)]
    Plugin(Vec<OsString>),
}

/// Commands that start nothing.
#[derive(Debug, Subcommand)]
pub enum Tool {
    /// Find every fault of graphs, without starting anything
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// List the elements that there are, and the files that were refused
    Plugins(PluginsArgs),
    /// Tell what an element takes, gives and needs, and its config
    #[command(after_help = INSPECT_HELP)]
    Inspect(InspectArgs),
    /// Print a node of an element to paste into a graph
    #[command(after_help = CONFIG_HELP)]
    Config(ConfigArgs),
    /// Tell what this machine offers to the elements, and how to mend what is missing
    #[command(after_help = DOCTOR_HELP)]
    Doctor(DoctorArgs),
    /// The other side of `doctor`, in a process for each plugin.
    #[command(hide = true)]
    AskPlugin {
        /// The plugin's file.
        file: PathBuf,
    },
    /// Draw a graph as text for Mermaid or Graphviz
    #[command(after_help = GRAPH_HELP)]
    Graph(DrawArgs),
    /// Put back what runs left that were killed
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreArgs),
    /// Tell what runs here, and how its nodes fare
    #[command(after_help = STATUS_HELP)]
    Status(StatusArgs),
    /// Change a setting of a node while it runs
    #[command(after_help = CONTROL_HELP)]
    Control(ControlArgs),
}

/// `pipeline run`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RunArgs {
    /// The graph file
    pub graph: PathBuf,
    /// End after this span, such as `90s` or `1m30s`
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    pub length: Option<Nanos>,
    /// Decide, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Let time be computed and not lived: an hour passes in moments, and nothing real is touched
    #[arg(long = "virtual", requires = "length", conflicts_with = "once")]
    pub virtual_time: bool,
    /// End when every collector has said something; after 30s at the latest, or `--for`
    #[arg(long)]
    pub once: bool,
    /// Longest that the end may take: workloads stop, knobs go back, sinks flush
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "10s")]
    pub drain: Nanos,
    /// Say only what went wrong
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice for what happens at every tick
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// `pipeline guard`, as the run starts it.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct GuardArgs {
    /// The run's id
    #[arg(long)]
    pub run: String,
    /// The folder of its journal
    #[arg(long)]
    pub folder: PathBuf,
    /// Its process
    #[arg(long)]
    pub parent: u32,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// The quietest level that is shown, as its number
    #[arg(long)]
    pub level: u32,
}

/// `pipeline restore`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct RestoreArgs {
    /// Only say what there is to put back
    #[arg(long)]
    pub list: bool,
    /// Put back also what somebody else changed since
    #[arg(long, conflicts_with = "list")]
    pub force: bool,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `pipeline status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct StatusArgs {
    /// The run, by its id or its process
    pub run: Option<String>,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `pipeline control`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ControlArgs {
    /// The node, as the graph names it
    pub node: String,
    /// The setting
    pub name: String,
    /// Its value as RON
    #[arg(allow_hyphen_values = true)]
    pub value: String,
    /// The run, by its id or its process, where several run
    #[arg(long)]
    pub run: Option<String>,
}

/// How log lines look.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How an answer looks.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// `pipeline check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The graph files
    #[arg(required = true, value_name = "GRAPH")]
    pub graphs: Vec<PathBuf>,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `pipeline plugins`.
#[derive(Clone, Debug, Args)]
pub struct PluginsArgs {
    /// How the answer looks
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `pipeline inspect`.
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    /// An element, such as `signal.rate`, or a plugin's file
    #[arg(value_name = "ELEMENT|FILE")]
    pub what: String,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `pipeline doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Elements, such as `signal.rate`, and graph files; all elements where none is named
    #[arg(value_name = "ELEMENT|GRAPH")]
    pub what: Vec<String>,
    /// How the answer looks
    #[arg(short = 'o', long, value_enum, default_value_t)]
    pub format: Format,
}

/// `pipeline config`.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// An element, such as `signal.rate`
    pub element: String,
}

/// `pipeline graph`.
#[derive(Clone, Debug, Args)]
pub struct DrawArgs {
    /// The graph file
    pub graph: PathBuf,
    /// For Mermaid, as in Markdown; the default
    #[arg(long, conflicts_with = "dot")]
    pub mermaid: bool,
    /// For Graphviz
    #[arg(long)]
    pub dot: bool,
}

fn span(text: &str) -> Result<Nanos, String> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    match Span::deserialize(text) {
        Ok(span) if span.nanos() == Nanos::ZERO => Err("the span is zero".to_owned()),
        Ok(span) => Ok(span.nanos()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_run_takes_its_flags_and_folders() {
        let line = "pipeline run g.ron --for 1m30s --dry-run -vv --log-format json --plugin-dir a --plugin-dir b";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(cli.plugin_dir, [PathBuf::from("a"), PathBuf::from("b")]);
        let Command::Run(run) = cli.command else {
            panic!("{:?}", cli.command)
        };
        assert_eq!(run.length, Some(Nanos::from_secs(90)));
        assert!(!run.virtual_time);
        assert_eq!((run.dry_run, run.once, run.quiet, run.verbose), (true, false, false, 2));
        assert_eq!(run.log_format, LogFormat::Json);
    }

    #[test]
    fn a_span_needs_a_unit_and_is_not_zero() {
        for (text, why) in [("10", "is not a span of time"), ("0s", "the span is zero")] {
            let error = Cli::try_parse_from(["pipeline", "run", "g.ron", "--for", text]).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn virtual_time_has_an_end_and_all_else_is_a_plugins_command() {
        assert!(Cli::try_parse_from(["pipeline", "run", "g.ron", "--virtual"]).is_err());
        let cli = Cli::try_parse_from(["pipeline", "run", "g.ron", "--virtual", "--for", "1h"]).unwrap();
        assert!(matches!(cli.command, Command::Run(run) if run.virtual_time));
        let cli = Cli::try_parse_from(["pipeline", "--plugin-dir", "a", "runs", "--help", "-x"]).unwrap();
        let Command::Plugin(words) = cli.command else {
            panic!("{:?}", cli.command)
        };
        assert_eq!(words, ["runs", "--help", "-x"]);
    }

    #[test]
    fn quiet_and_verbose_exclude_each_other() {
        assert!(Cli::try_parse_from(["pipeline", "run", "g.ron", "-q", "-v"]).is_err());
    }

    #[test]
    fn without_arguments_it_shows_its_help() {
        let shown = Cli::try_parse_from(["pipeline"]).unwrap_err();
        assert!(shown.to_string().contains("pipeline check graph.ron"), "{shown}");
    }

    #[test]
    fn the_version_names_the_boundary_too() {
        let shown = Cli::try_parse_from(["pipeline", "--version"]).unwrap_err().to_string();
        assert!(shown.contains("plugin ABI 0."), "{shown}");
    }
}
