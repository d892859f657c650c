//! Subcommands that plugins bring: found by their manifests, loaded only when they are named.

use super::office::CommandOffice;
use super::{Exit, Tool};
use crate::graph::{Elements, Installed};
use crate::plugin::{Available, search_path};
use crate::run::calls::plugin_calls;
use crate::run::clock::Clock;
use crate::run::host::NodeHost;
use crate::run::journal::Journal;
use crate::run::log::{Format, Logger};
use crate::run::progress::Progress;
use crate::run::shared::Shared;
use crate::run::state_folder;
use crate::run::wake::{Bell, Wake};
use abi_stable::std_types::{RSlice, RStr, RString};
use clap::Subcommand;
use pipeline_plugin_api::abi::{Level, Stage};
use pipeline_plugin_api::config::{nearest, nearest_help};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Carries out the command whose name and arguments those are.
pub fn external(words: &[OsString], plugin_dirs: &[PathBuf]) -> Exit {
    match carry_out(words, plugin_dirs) {
        Ok(exit) => exit,
        Err((exit, why)) => {
            // Where even this cannot be written, the exit status is all that is left to say.
            let _ = writeln!(std::io::stderr(), "error: {why}");
            exit
        }
    }
}

type Refusal = (Exit, String);

fn carry_out(words: &[OsString], plugin_dirs: &[PathBuf]) -> Result<Exit, Refusal> {
    let not_text = |word: &OsString| (Exit::Usage, format!("`{}` is not UTF-8 text", word.display()));
    let words: Vec<RString> = words
        .iter()
        .map(|word| word.to_str().map(RString::from).ok_or_else(|| not_text(word)))
        .collect::<Result<_, _>>()?;
    let Some((name, arguments)) = words.split_first() else {
        return Err((Exit::Usage, "no command was named".to_owned()));
    };
    let installed = Installed::scan(search_path(plugin_dirs));
    if !commands(&installed).any(|known| known.element == name.as_str()) {
        return Err((Exit::Usage, unknown(name, &installed)));
    }
    let element = installed.open(name).map_err(|why| (Exit::Failed, why))?;
    let host = host(name, installed).map_err(|error| (Exit::Failed, format!("`{name}` cannot begin: {error}")))?;
    plugin_calls(name, || {
        let made = element.create()(RStr::from_str(""), host.handle()).into_result();
        let mut node = made.map_err(|faults| {
            let why: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
            (Exit::Failed, format!("`{name}` cannot begin: {}", why.join("; ")))
        })?;
        let ended = node.command(RSlice::from_slice(arguments)).into_result();
        host.shared().logger.flush();
        match ended {
            Ok(status) => Ok(Exit::Of(u8::try_from(status).unwrap_or(u8::MAX))),
            Err(failure) => Err((Exit::Failed, failure.message.to_string())),
        }
    })
}

/// A host without a run: a command has a name, a clock, a log and its office.
fn host(name: &str, elements: Installed) -> std::io::Result<NodeHost> {
    let clock = Clock::real();
    let logger = Logger::new(Format::Text, Level::WARN, clock.clone(), Progress::new(false).writer());
    let id = format!("{name}-{}", std::process::id());
    // A command changes nothing that would have to be put back.
    let journal = Journal::new(Path::new("/dev/null/command"), &id);
    let shared = Shared::new(clock, logger, journal, id, false, state_folder());
    shared.office.get_or_init(|| Box::new(CommandOffice::new(elements)));
    Ok(NodeHost::new(
        Arc::new(shared),
        name,
        Vec::new(),
        Wake::new(Bell::new()?),
    ))
}

fn commands(elements: &dyn Elements) -> impl Iterator<Item = &Available> {
    elements
        .available()
        .iter()
        .filter(|known| known.stage == Stage::COMMAND)
}

fn unknown(name: &str, elements: &dyn Elements) -> String {
    let built_in = Tool::augment_subcommands(clap::Command::new("pipeline"));
    let built_in = built_in.get_subcommands().filter(|command| !command.is_hide_set());
    let mut names: Vec<String> = built_in.map(|command| command.get_name().to_owned()).collect();
    names.push("run".to_owned());
    names.extend(commands(elements).map(|known| known.element.clone()));
    names.sort();
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => nearest_help(name, names.iter().map(String::as_str)),
    };
    let refused = elements.refused().len();
    let refused = match refused {
        0 => String::new(),
        _ => format!("; {refused} files that look like plugins were refused, `pipeline plugins` says why"),
    };
    format!("there is no command `{name}`; {help}{refused}")
}

/// The lines of `pipeline --help` on what plugins bring; nothing of them is loaded.
pub(super) fn help(plugin_dirs: &[PathBuf]) -> String {
    let installed = Installed::scan(search_path(plugin_dirs));
    let width = commands(&installed)
        .map(|known| known.element.len())
        .max()
        .unwrap_or_default();
    let lines: String = commands(&installed)
        .map(|known| format!("  {:width$}  {}\n", known.element, known.summary))
        .collect();
    if lines.is_empty() {
        return lines;
    }
    format!("Commands of plugins:\n{lines}\n")
}
