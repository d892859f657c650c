//! The command line: what can be asked, and every answer but that of `run`.
//!
//! Commands write to `Streams`, never to the process's own output, so that a reader who leaves
//! early (`pipeline plugins | head -1`) ends them quietly and tests can read what they say.

mod args;
mod check;
mod command;
mod config;
mod control;
mod doctor;
mod draw;
mod element;
mod inspect;
mod json;
mod office;
mod plugins;
mod report;
mod restore;
mod schema;
mod status;

#[cfg(test)]
mod tests;

pub use args::{
    CheckArgs, Cli, Command, ConfigArgs, ControlArgs, DoctorArgs, DrawArgs, Format, GuardArgs, InspectArgs, LogFormat,
    PluginsArgs, RestoreArgs, RunArgs, StatusArgs, Tool,
};
pub use command::external;
// Beyond this crate only for the fuzzer, which looks at how any fault is shown.
#[doc(hidden)]
pub use report::{json as faults_json, render};

use crate::graph::{Casting, Checked, Elements, Installed};
use crate::plugin::search_path;
use crate::run::journal::runtime_folder;
use crate::spec::ReadError;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// How a command ended, as the process tells it. The numbers are those of sysexits.h.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well: 0.
    Fine,
    /// It could not be done: 1.
    Failed,
    /// What was typed is no command: 64 (EX_USAGE).
    Usage,
    /// A file cannot be read: 66 (EX_NOINPUT).
    NoInput,
    /// Something that is required is missing: 69 (EX_UNAVAILABLE).
    Unavailable,
    /// Another run is acting on this host: 75 (EX_TEMPFAIL).
    Busy,
    /// A graph has faults: 78 (EX_CONFIG).
    Faults,
    /// As a command of a plugin says.
    Of(u8),
}

impl Exit {
    /// The process's exit status.
    pub fn status(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Usage => 64,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Busy => 75,
            Self::Faults => 78,
            Self::Of(status) => status,
        }
    }
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What it says cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// A graph file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No plugin has that element.
    #[error("there is no element `{name}`; {help}")]
    UnknownElement {
        /// What was asked for.
        name: String,
        /// What was likely meant, or where was looked.
        help: String,
    },
    /// A file is no plugin that can be used.
    #[error("`{}` is no plugin that can be used: {why}", .path.display())]
    NoPlugin {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A plugin cannot be loaded.
    #[error("{0}")]
    Open(String),
    /// The folder of the journals cannot be trusted or looked at.
    #[error("{0}")]
    Folder(String),
    /// No run is meant, or more than one.
    #[error("{0}")]
    NoRun(String),
    /// A setting was not changed.
    #[error("{0}")]
    NotSet(String),
    /// It stands in no graph.
    #[error("`{0}` is a command and stands in no graph; run `pipeline {0} --help`")]
    IsCommand(String),
}

impl CliError {
    /// How a command that failed with this ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
            Self::Read(_) => Exit::NoInput,
            _ => Exit::Failed,
        }
    }
}

/// Where a command writes.
struct Streams<'a> {
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// Faults, and all that was not asked for.
    pub err: &'a mut dyn Write,
    /// Whether `err` shows colours.
    pub colour: bool,
}

/// Carries out a command with the process's own output, and tells what went wrong.
pub fn main(tool: &Tool, plugin_dirs: &[PathBuf]) -> Exit {
    with_process_output(|streams| execute(tool, plugin_dirs, streams)).unwrap_or_else(|exit| exit)
}

/// Reads the command line. Help tells of the commands that plugins bring as well; wrong usage ends the process.
pub fn parse() -> Cli {
    let words: Vec<OsString> = std::env::args_os().collect();
    Cli::try_parse_from(&words).unwrap_or_else(|error| {
        if !matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        ) {
            error.exit()
        }
        let more = format!("{}{}", command::help(&named_folders(&words)), args::EXAMPLES);
        let told = Cli::command().after_help(more).try_get_matches_from(&words);
        told.err().unwrap_or(error).exit()
    })
}

/// The folders that `--plugin-dir` names, on a command line that asks for help and so is not read to its end.
fn named_folders(words: &[OsString]) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let Some(word) = word.to_str() else { continue };
        if word == "--plugin-dir" {
            folders.extend(words.get(i + 1).map(PathBuf::from));
        } else if let Some(folder) = word.strip_prefix("--plugin-dir=") {
            folders.push(PathBuf::from(folder));
        }
    }
    folders
}

/// Reads and checks the graph that is to be run; faults and warnings go to standard error.
///
/// # Errors
/// There is no graph to run; why was told, and this is how the process ends.
pub fn graph(path: &Path, plugin_dirs: &[PathBuf], casting: &Casting) -> Result<Checked, Exit> {
    let installed = Installed::scan(search_path(plugin_dirs));
    with_process_output(|streams| check::load_as(path, &installed, casting, streams))?.ok_or(Exit::Faults)
}

fn with_process_output<T>(body: impl FnOnce(&mut Streams<'_>) -> Result<T, CliError>) -> Result<T, Exit> {
    let (mut out, mut err) = (io::stdout().lock(), Heedless(io::stderr().lock()));
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        colour: colour_wanted(),
    };
    let ended = body(&mut streams).and_then(|value| {
        streams.out.flush()?;
        Ok(value)
    });
    ended.map_err(|error| {
        if error.exit() != Exit::Fine {
            // Where even this cannot be written, the exit status is all that is left to say.
            let _ = writeln!(streams.err, "error: {error}");
        }
        error.exit()
    })
}

/// Standard error: what nobody takes there is lost, and the exit status says it all the same.
struct Heedless<W>(W);

impl<W: Write> Write for Heedless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.0.write(bytes).unwrap_or(bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        // As above.
        let _ = self.0.flush();
        Ok(())
    }
}

/// Whether standard error is a terminal whose user wants colours (<https://no-color.org>).
fn colour_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !set("NO_COLOR") && !dumb
}

fn execute(tool: &Tool, plugin_dirs: &[PathBuf], streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let installed = || Installed::scan(search_path(plugin_dirs));
    match tool {
        Tool::Check(args) => check::run(args, &installed(), streams),
        Tool::Plugins(args) => plugins::run(args, &installed(), streams),
        Tool::Inspect(args) => match file_named(&args.what) {
            Some(file) => inspect::file(file, args.format, &beside(file), streams),
            None => inspect::element(&args.what, args.format, &installed(), streams),
        },
        Tool::Config(args) => config::run(args, &installed(), streams),
        Tool::Doctor(args) => doctor::run(args, &installed(), streams),
        Tool::AskPlugin { file } => doctor::answer::run(file, streams),
        Tool::Graph(args) => draw::run(args, streams),
        Tool::Restore(args) => restore::run(args, &runtime_folder(), streams),
        Tool::Status(args) => status::run(args, &runtime_folder(), streams),
        Tool::Control(args) => control::run(args, &runtime_folder(), streams),
    }
}

/// The file that is meant, where the text is no element's name.
fn file_named(text: &str) -> Option<&Path> {
    (text.contains('/') || text.ends_with(".so")).then(|| Path::new(text))
}

/// The plugins in a file's own folder.
fn beside(file: &Path) -> impl Elements + use<> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    Installed::scan(vec![folder.unwrap_or(Path::new(".")).to_owned()])
}
