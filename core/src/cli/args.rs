//! What the command line takes, and its help.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use pipeline_plugin_api::abi::{ABI_VERSION, Nanos};
use pipeline_plugin_api::units::Span;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use std::path::PathBuf;
use std::sync::LazyLock;

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (plugin ABI {ABI_VERSION})", env!("CARGO_PKG_VERSION")));

const ABOUT: &str = "Watches workloads that share a machine, finds who slows whom, acts, and puts everything back";

const EXAMPLES: &str = "\
Examples:
  pipeline plugins                      what elements there are
  pipeline config signal.rate           a node to paste into a graph
  pipeline check graph.ron              every fault of a graph, with its place and its remedy
  pipeline run graph.ron --for 60s      run it for a minute
  pipeline run graph.ron --dry-run      decide, and change nothing

Plugins are looked for in the folders given with --plugin-dir, then in those of
PIPELINE_PLUGIN_PATH, beside this binary, in ../lib/pipeline/plugins from there,
and in the system's folder.";

const RUN_HELP: &str = "\
Ctrl-C (SIGINT) and SIGTERM end a run in order: what is under way is finished and
every knob goes back as it was found, within `--drain` (10s). A second one hurries.

Exit status: 0 the run ended well, 1 it failed or something was lost or cut short, 66 the file cannot be read, 78 the
graph has faults and nothing was started.

Examples:
  pipeline run graph.ron
  pipeline run graph.ron --for 5m --log-format json
  pipeline run graph.ron --once -q";

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

const GRAPH_HELP: &str = "\
Solid arrows are `of` and `from`, dashed ones `last`, dotted ones the outcomes that
come back to a scheduler. Mermaid has one kind of broken line; there the words tell.

Examples:
  pipeline graph graph.ron --mermaid
  pipeline graph graph.ron --dot | dot -Tsvg > graph.svg";

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
    /// All that starts nothing.
    #[command(flatten)]
    Tool(Tool),
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
    /// Draw a graph as text for Mermaid or Graphviz
    #[command(after_help = GRAPH_HELP)]
    Graph(DrawArgs),
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
