//! The command line's entry: parses, hands on, and ends with the status that was told.

use anyhow::Context;
use pipeline::cli::{self, Command, Exit, GuardArgs, LogFormat, RunArgs};
use pipeline::graph::Casting;
use pipeline::guardian::{Order, guard};
use pipeline::run::begin::Begun;
use pipeline::run::calls::plugin_calls;
use pipeline::run::simulated::{Simulation, simulate};
use pipeline::run::{Options, Report, RunError, acting::Refused, log::Format, run};
use pipeline_plugin_api::abi::{Level, Nanos};
use pipeline_plugin_api::tap::NameTable;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::parse();
    let exit = match &cli.command {
        Command::Run(args) if args.virtual_time => simulate_graph(args, &cli.plugin_dir),
        Command::Run(args) => run_graph(args, &cli.plugin_dir),
        Command::Guard(args) => guard_run(args),
        Command::Plugin(words) => cli::external(words, &cli.plugin_dir),
        Command::Tool(tool) => plugin_calls("this command", || cli::main(tool, &cli.plugin_dir)),
    };
    ExitCode::from(exit.status())
}

fn run_graph(args: &RunArgs, plugin_dirs: &[PathBuf]) -> Exit {
    let options = options(args);
    // Before any code of a plugin is in this process.
    let begun = Begun::new(&options);
    let checked = match plugin_calls("the check of the graph", || {
        cli::graph(&args.graph, plugin_dirs, &Casting::default())
    }) {
        Ok(checked) => checked,
        Err(exit) => return exit,
    };
    match run(&checked.plan(), &options, begun) {
        Ok(report) => ended(&report),
        Err(error) => {
            let exit = match error {
                RunError::Locked(Refused::Busy(_)) => Exit::Busy,
                _ => Exit::Failed,
            };
            tell(&anyhow::Error::new(error).context(format!("`{}` did not run", args.graph.display())));
            exit
        }
    }
}

fn ended(report: &Report) -> Exit {
    if report.restored && report.complete && !report.aborted {
        Exit::Fine
    } else {
        Exit::Failed
    }
}

fn simulate_graph(args: &RunArgs, plugin_dirs: &[PathBuf]) -> Exit {
    let options = options(args);
    let simulation = Simulation {
        span: args.length.unwrap_or(Nanos::ZERO),
        wall: Nanos::ZERO,
        timetable: None,
        names: NameTable::default(),
        listens: true,
        dry_run: args.dry_run,
        format: options.format,
        level: options.level,
    };
    let casting = Casting {
        virtual_time: true,
        ..Casting::default()
    };
    plugin_calls("a run in virtual time", || {
        let checked = match cli::graph(&args.graph, plugin_dirs, &casting) {
            Ok(checked) => checked,
            Err(exit) => return exit,
        };
        match simulate(&checked.plan(), &simulation) {
            Ok(simulated) => ended(&simulated.report),
            Err(error) => {
                tell(&anyhow::Error::new(error).context(format!("`{}` did not run", args.graph.display())));
                Exit::Failed
            }
        }
    })
}

fn guard_run(args: &GuardArgs) -> Exit {
    let order = Order {
        run: args.run.clone(),
        folder: args.folder.clone(),
        format: format(args.log_format),
        level: Level(args.level),
    };
    match guard(&order, args.parent).context("the guardian cannot do its work") {
        Ok(true) => Exit::Fine,
        Ok(false) => Exit::Failed,
        Err(error) => {
            tell(&error);
            Exit::Failed
        }
    }
}

fn tell(error: &anyhow::Error) {
    // Where even this cannot be written, the exit status is all that is left to say.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
}

fn format(format: LogFormat) -> Format {
    match format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    }
}

fn options(args: &RunArgs) -> Options {
    let level = match (args.quiet, args.verbose) {
        (true, _) => Level::WARN,
        (false, 0) => Level::INFO,
        (false, 1) => Level::DEBUG,
        (false, _) => Level::TRACE,
    };
    Options {
        duration: args.length,
        once: args.once,
        dry_run: args.dry_run,
        drain: args.drain,
        format: format(args.log_format),
        level,
        progress: !args.quiet && args.log_format == LogFormat::Text,
        graph: args.graph.display().to_string(),
        guardian: None,
    }
}
