//! The command line's entry: parses, hands on, and ends with the status that was told.

use anyhow::Context;
use clap::Parser;
use pipeline::cli::{self, Cli, Command, Exit, LogFormat, RunArgs};
use pipeline::run::{Options, log::Format, run};
use pipeline_plugin_api::abi::Level;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = match &cli.command {
        Command::Run(args) => run_graph(args, &cli.plugin_dir),
        Command::Tool(tool) => cli::main(tool, &cli.plugin_dir),
    };
    ExitCode::from(exit.status())
}

fn run_graph(args: &RunArgs, plugin_dirs: &[PathBuf]) -> Exit {
    let checked = match cli::graph(&args.graph, plugin_dirs) {
        Ok(checked) => checked,
        Err(exit) => return exit,
    };
    let ended = run(&checked.plan(), &options(args));
    match ended.with_context(|| format!("`{}` did not run", args.graph.display())) {
        Ok(report) if report.restored && report.complete && !report.aborted => Exit::Fine,
        Ok(_) => Exit::Failed,
        Err(error) => {
            // Where even this cannot be written, the exit status is all that is left to say.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            Exit::Failed
        }
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
        format: if args.log_format == LogFormat::Json {
            Format::Json
        } else {
            Format::Text
        },
        level,
        progress: !args.quiet && args.log_format == LogFormat::Text,
    }
}
