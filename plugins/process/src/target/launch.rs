//! Making a process that stands still before its first instruction, so that it can be placed before it begins.
//!
//! A shell in a process group of its own stops itself and, once continued, becomes the command. That needs no code
//! between fork and exec, and so no `unsafe`. Where it is placed is `life`'s business.

use super::error::Error;
use super::recipe::Recipe;
use crate::config::Output;
use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The shell's whole program. `"$@"` is the command, so nothing of it is interpreted.
const GATE: &str = r#"kill -STOP $$; exec "$@""#;

/// A process that stands still.
#[derive(Debug)]
pub struct Stopped {
    /// Its id, which is also that of its process group.
    pub pid: Pid,
    /// Where its standard error comes out, if that is to be kept.
    pub stderr: Option<OwnedFd>,
}

/// Starts a process for the command and returns when it stands still.
///
/// # Errors
/// [`Error::Output`], [`Error::Spawn`], [`Error::Stillborn`].
pub fn stopped(recipe: &Recipe) -> Result<Stopped, Error> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GATE, "sh"]).args(&recipe.argv).envs(&recipe.env);
    command
        .stdin(Stdio::null())
        .stdout(output(&recipe.stdout)?)
        .process_group(0);
    match &recipe.stderr {
        Output::Discard => command.stderr(Stdio::piped()),
        Output::File(_) => command.stderr(output(&recipe.stderr)?),
    };
    if let Some(folder) = &recipe.folder {
        command.current_dir(folder);
    }
    if let Some(identity) = recipe.identity {
        // For root the standard library also drops the supplementary groups.
        command.uid(identity.uid).gid(identity.gid);
    }
    let spawn = |source| Error::Spawn {
        command: recipe.name().to_owned(),
        source,
    };
    let mut child = command.spawn().map_err(spawn)?;
    let stderr = child.stderr.take().map(OwnedFd::from);
    let pid = Pid::from_child(&child);
    await_stop(pid)
        .map_err(|error| spawn(error.into()))?
        .then_some(Stopped { pid, stderr })
        .ok_or_else(|| {
            reap(pid);
            Error::Stillborn {
                command: recipe.name().to_owned(),
            }
        })
}

/// Forgets a process that ended. Until then its id is not used again.
pub fn reap(pid: Pid) {
    // One that is not ours any more needs no reaping.
    let _ = retry_on_intr(|| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG));
}

/// Waits until the process stands still; `false` if it ended instead.
fn await_stop(pid: Pid) -> rustix::io::Result<bool> {
    let either = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let status = retry_on_intr(|| waitid(WaitId::Pid(pid), either))?;
    Ok(status.is_some_and(|status| status.stopped()))
}

fn output(output: &Output) -> Result<Stdio, Error> {
    let Output::File(path) = output else {
        return Ok(Stdio::null());
    };
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.map(Stdio::from).map_err(|source| Error::Output {
        path: path.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;
    use rustix::process::{Signal, kill_process};

    fn recipe(command: &str) -> Recipe {
        Recipe::of(&RunConfig {
            command: command.to_owned(),
            ..RunConfig::default()
        })
        .unwrap()
    }

    fn exit_code(pid: Pid) -> Option<i32> {
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED)
            .unwrap()
            .unwrap()
            .exit_status()
    }

    #[test]
    fn nothing_of_the_command_runs_before_it_is_continued() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ran");
        let made = stopped(&recipe(&format!("touch {}", file.display()))).unwrap();
        assert!(!file.exists());
        let stat = crate::fs::task_stat(std::path::Path::new("/proc"), made.pid.as_raw_pid() as u32).unwrap();
        assert_eq!((stat.state, stat.group), (b'T', stat.pid));
        kill_process(made.pid, Signal::CONT).unwrap();
        assert_eq!(exit_code(made.pid), Some(0));
        assert!(file.exists());
    }

    #[test]
    fn no_shell_touches_the_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        let mut recipe = recipe("printf '%s\\n' '$HOME' '*' \"a'b\" ';' -n");
        recipe.stdout = Output::File(file.clone());
        let made = stopped(&recipe).unwrap();
        kill_process(made.pid, Signal::CONT).unwrap();
        assert_eq!(exit_code(made.pid), Some(0));
        assert_eq!(std::fs::read_to_string(file).unwrap(), "$HOME\n*\na'b\n;\n-n\n");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_the_command() {
        let mut recipe = recipe("sleep 1");
        recipe.folder = Some("/nowhere".into());
        let error = stopped(&recipe).unwrap_err();
        assert!(error.to_string().starts_with("cannot start `sleep`"), "{error}");
    }
}
