//! Making a process that waits before its first instruction, so that it can be placed before it begins.
//!
//! A shell in a process group of its own reads one line from a pipe and then becomes the command. Only this process holds
//! the other end: if it is killed, the shell reads the end of the pipe and ends by itself, at whatever moment that is. A
//! shell that stopped itself would depend on the kernel's rule for orphaned process groups (setpgid(2)), which does not
//! hold where a process of the same session takes it over. This needs no code between fork and exec, and so no `unsafe`.
//! Where the process is placed is `life`'s business.

use super::error::Error;
use super::recipe::Recipe;
use crate::config::Output;
use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};

/// The shell's whole program. `"$@"` is the command, so nothing of it is interpreted; it has nothing to read. The line
/// is the limit of descriptors that it is to have, if that is not ours: the shell may lower its own whoever it is,
/// which prlimit(2) may not for a process of another user.
const GATE: &str =
    r#"read -r PIPELINE_GATE && { [ -z "$PIPELINE_GATE" ] || ulimit -S -n "$PIPELINE_GATE"; } && exec "$@" </dev/null"#;

/// A process that waits to be let go. Dropped, it ends.
#[derive(Debug)]
pub struct Waiting {
    /// Its id, which is also that of its process group.
    pub pid: Pid,
    /// Where its standard error comes out, if that is to be kept.
    pub stderr: Option<OwnedFd>,
    /// What it waits for.
    pub gate: Gate,
}

/// What a process waits for.
#[derive(Debug)]
pub struct Gate {
    pipe: ChildStdin,
    line: String,
}

impl Gate {
    /// Lets the process become its command; `false` if it ended before.
    ///
    /// # Errors
    /// The pipe cannot be written.
    pub fn open(mut self) -> io::Result<bool> {
        match self.pipe.write_all(self.line.as_bytes()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Starts a process for the command, which waits.
///
/// # Errors
/// [`Error::Output`], [`Error::Spawn`].
pub fn waiting(recipe: &Recipe) -> Result<Waiting, Error> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GATE, "sh"]).args(&recipe.argv);
    for name in &recipe.withheld {
        command.env_remove(name);
    }
    command
        .envs(&recipe.env)
        .stdin(Stdio::piped())
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
    let pid = Pid::from_child(&child);
    let stderr = child.stderr.take().map(OwnedFd::from);
    match child.stdin.take() {
        Some(gate) => Ok(Waiting {
            pid,
            stderr,
            gate: Gate {
                pipe: gate,
                line: format!("{}\n", recipe.descriptors.as_deref().unwrap_or_default()),
            },
        }),
        None => Err(spawn(ErrorKind::BrokenPipe.into())),
    }
}

/// Forgets a process that ended. Until then its id is not used again.
pub fn reap(pid: Pid) {
    // One that is not ours any more needs no reaping.
    let _ = retry_on_intr(|| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG));
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
    fn nothing_of_the_command_runs_before_it_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ran");
        let made = waiting(&recipe(&format!("touch {}", file.display()))).unwrap();
        let stat = crate::fs::task_stat(std::path::Path::new("/proc"), made.pid.as_raw_pid() as u32).unwrap();
        assert_eq!(stat.group, stat.pid);
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!file.exists());
        assert!(made.gate.open().unwrap());
        assert_eq!(exit_code(made.pid), Some(0));
        assert!(file.exists());
    }

    /// The kernel closes the other end of the pipe when it kills who holds it, as dropping it does here.
    #[test]
    fn one_whose_maker_dies_ends_and_nothing_of_the_command_ran() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ran");
        let Waiting { pid, gate, .. } = waiting(&recipe(&format!("touch {}", file.display()))).unwrap();
        drop(gate);
        assert_eq!(exit_code(pid), Some(1));
        assert!(!file.exists());
    }

    #[test]
    fn one_that_was_killed_before_it_could_begin_is_told_apart() {
        let made = waiting(&recipe("sleep 60")).unwrap();
        kill_process(made.pid, Signal::KILL).unwrap();
        assert_eq!(exit_code(made.pid), None);
        assert!(!made.gate.open().unwrap());
    }

    #[test]
    fn no_shell_touches_the_arguments_or_leaves_them_something_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        let output = Output::File(file.clone());
        for (command, said) in [
            (r#"printf '%s\n' '$HOME' '*' "a'b" ';' -n"#, "$HOME\n*\na'b\n;\n-n\n"),
            ("readlink /proc/self/fd/0", "/dev/null\n"),
        ] {
            let mut recipe = recipe(command);
            recipe.stdout = output.clone();
            let made = waiting(&recipe).unwrap();
            assert!(made.gate.open().unwrap());
            assert_eq!(exit_code(made.pid), Some(0));
            assert_eq!(std::fs::read_to_string(&file).unwrap(), said);
            std::fs::remove_file(&file).unwrap();
        }
    }

    #[test]
    fn what_is_withheld_is_not_inherited_unless_it_is_given() {
        const SET_BY_CARGO: &str = "CARGO_MANIFEST_DIR";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        let mut recipe = recipe("/usr/bin/env");
        recipe.stdout = Output::File(file.clone());
        let environment = |recipe: &Recipe| {
            let made = waiting(recipe).unwrap();
            assert!(made.gate.open().unwrap());
            assert_eq!(exit_code(made.pid), Some(0));
            let said = std::fs::read_to_string(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            let own = said.lines().find(|line| line.starts_with(SET_BY_CARGO));
            own.map(|line| line[SET_BY_CARGO.len()..].to_owned())
        };
        assert!(environment(&recipe).is_some());
        recipe.withheld = vec![SET_BY_CARGO.to_owned()];
        assert_eq!(environment(&recipe), None);
        recipe.env.insert(SET_BY_CARGO.to_owned(), "given".to_owned());
        assert_eq!(environment(&recipe).as_deref(), Some("=given"));
    }

    #[test]
    fn a_command_has_the_limit_of_descriptors_that_it_would_have_without_us() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        let mut recipe = recipe("sh -c 'ulimit -S -n; ulimit -H -n'");
        recipe.stdout = Output::File(file.clone());
        let limits = |recipe: &Recipe| {
            let made = waiting(recipe).unwrap();
            assert!(made.gate.open().unwrap());
            assert_eq!(exit_code(made.pid), Some(0));
            let said = std::fs::read_to_string(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            said.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let ours = limits(&recipe);
        recipe.descriptors = Some("77".to_owned());
        assert_eq!(limits(&recipe), ["77", &ours[1]]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_the_command() {
        let mut recipe = recipe("sleep 1");
        recipe.folder = Some("/nowhere".into());
        let error = waiting(&recipe).unwrap_err();
        assert!(error.to_string().starts_with("cannot start `sleep`"), "{error}");
    }
}
