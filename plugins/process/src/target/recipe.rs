//! From a config to what is needed to start a command: a type that cannot be wrong. Nothing is started here.

use super::error::Error;
use crate::config::{Output, RunConfig};
use crate::fs;
use nix::unistd::User;
use pipeline_cgroup_fs::CpuSet;
use rustix::fs::Access;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where commands are looked for if there is no `PATH`, as execvp(3) does.
const USUAL_PATH: &str = "/bin:/usr/bin";

/// How to start a command, and what asks it to end.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The command and its arguments; at least one word.
    pub argv: Vec<String>,
    /// Variables to set.
    pub env: BTreeMap<String, String>,
    /// Variables of ours that it does not inherit.
    pub withheld: Vec<String>,
    /// The soft limit of descriptors that it has, where that is not ours: a number, or `unlimited`.
    pub descriptors: Option<String>,
    /// Where to run.
    pub folder: Option<PathBuf>,
    /// As whom.
    pub identity: Option<Identity>,
    /// On which CPUs.
    pub cpus: Option<CpuSet>,
    /// Where standard output goes.
    pub stdout: Output,
    /// Where standard error goes.
    pub stderr: Output,
    /// What asks it to end.
    pub stop_signal: Signal,
    /// Where the command was found when it was last looked for.
    path: Option<String>,
}

/// A user and its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub uid: u32,
    /// Its first group; it gets no other.
    pub gid: u32,
}

impl Recipe {
    /// What a config says.
    ///
    /// # Errors
    /// The first fault, where [`check`](pipeline_plugin_api::config::Configure::check) finds all.
    pub fn of(config: &RunConfig) -> Result<Self, Error> {
        Ok(Self {
            argv: argv(config)?,
            env: config.env.clone(),
            withheld: Vec::new(),
            descriptors: None,
            folder: config.folder.clone(),
            identity: identity(config)?,
            cpus: cpus(config)?,
            stdout: config.stdout.clone(),
            stderr: config.stderr.clone(),
            stop_signal: config.stop_signal.into(),
            path: config.env.get("PATH").cloned(),
        })
    }

    /// The command for messages.
    pub fn name(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Whether the command can still be executed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotExecutable`].
    pub fn check(&self) -> Result<(), Error> {
        look_for(self.name(), self.path.as_deref(), self.folder.as_deref()).map(|_| ())
    }
}

/// The words of a command and its further arguments.
///
/// # Errors
/// [`Error::Quotes`], [`Error::Empty`], [`Error::Dash`].
pub fn argv(config: &RunConfig) -> Result<Vec<String>, Error> {
    let command = &config.command;
    let mut words = shell_words::split(command).map_err(|_| Error::Quotes {
        command: command.clone(),
    })?;
    words.extend(config.args.iter().cloned());
    match words.first() {
        None => Err(Error::Empty),
        Some(first) if first.is_empty() => Err(Error::Empty),
        Some(first) if first.starts_with('-') => Err(Error::Dash { command: first.clone() }),
        Some(_) => Ok(words),
    }
}

/// Where a command is, as the config's `PATH` and folder find it.
///
/// # Errors
/// [`Error::NotFound`], [`Error::NotExecutable`].
pub fn find(config: &RunConfig, command: &str) -> Result<PathBuf, Error> {
    look_for(
        command,
        config.env.get("PATH").map(String::as_str),
        config.folder.as_deref(),
    )
}

/// The user to run as.
///
/// # Errors
/// [`Error::User`].
pub fn identity(config: &RunConfig) -> Result<Option<Identity>, Error> {
    let Some(name) = &config.user else { return Ok(None) };
    let unknown = || Error::User { user: name.clone() };
    if let Some(user) = User::from_name(name).map_err(|_| unknown())? {
        return Ok(Some(identity_of(&user)));
    }
    let uid: u32 = name.parse().map_err(|_| unknown())?;
    let user = User::from_uid(uid.into()).map_err(|_| unknown())?;
    // A number needs no entry in the user database; its group is then taken to have the same number.
    Ok(Some(user.as_ref().map_or(Identity { uid, gid: uid }, identity_of)))
}

/// The CPUs to run on, all of them online.
///
/// # Errors
/// [`Error::CpuList`], [`Error::CpusOffline`].
pub fn cpus(config: &RunConfig) -> Result<Option<CpuSet>, Error> {
    let Some(list) = &config.cpus else { return Ok(None) };
    let wanted: CpuSet = list.parse().map_err(|source| Error::CpuList {
        list: list.clone(),
        source,
    })?;
    // Where the kernel does not say which are online, it will say so when the command is placed.
    let Ok(online) = fs::online_cpus() else {
        return Ok(Some(wanted));
    };
    let missing = wanted.difference(&online);
    if wanted.is_empty() || !missing.is_empty() {
        return Err(Error::CpusOffline {
            missing: missing.to_string(),
            online: online.to_string(),
        });
    }
    Ok(Some(wanted))
}

fn identity_of(user: &User) -> Identity {
    Identity {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
    }
}

/// As execvp(3): a name with a slash is a path, from the folder of the command; any other is looked for in `PATH`.
fn look_for(command: &str, path: Option<&str>, folder: Option<&Path>) -> Result<PathBuf, Error> {
    let folder = folder.unwrap_or(Path::new("."));
    let from_run = || std::env::var("PATH").unwrap_or_else(|_| USUAL_PATH.to_owned());
    let places: Vec<PathBuf> = match command.contains('/') {
        true => vec![folder.join(command)],
        false => std::env::split_paths(&path.map_or_else(from_run, str::to_owned))
            .map(|place| folder.join(place).join(command))
            .collect(),
    };
    let files: Vec<&PathBuf> = places.iter().filter(|file| file.is_file()).collect();
    match files
        .iter()
        .find(|file| rustix::fs::access(file.as_path(), Access::EXEC_OK).is_ok())
    {
        Some(file) => Ok(file.to_path_buf()),
        None => Err(files.first().map_or_else(
            || Error::NotFound {
                command: command.to_owned(),
            },
            |file| Error::NotExecutable {
                path: file.to_path_buf(),
            },
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(command: &str) -> RunConfig {
        RunConfig {
            command: command.to_owned(),
            ..RunConfig::default()
        }
    }

    #[test]
    fn words_are_split_as_a_shell_does_and_arguments_are_not() {
        let config = RunConfig {
            args: vec!["a b".to_owned()],
            ..config("sh -c 'echo \"x y\"' \"\"")
        };
        assert_eq!(argv(&config).unwrap(), ["sh", "-c", "echo \"x y\"", "", "a b"]);
    }

    #[test]
    fn the_path_of_its_own_env_decides_where_a_command_is() {
        let mut config = config("sh");
        assert!(find(&config, "sh").unwrap().ends_with("sh"));
        config.env.insert("PATH".to_owned(), "/nowhere".to_owned());
        assert!(matches!(find(&config, "sh"), Err(Error::NotFound { .. })));
    }

    #[test]
    fn a_relative_path_begins_at_the_folder() {
        let config = RunConfig {
            folder: Some("/bin".into()),
            ..config("./sh")
        };
        assert_eq!(find(&config, "./sh").unwrap(), Path::new("/bin/./sh"));
    }

    #[test]
    fn users_are_known_by_name_and_by_number() {
        let of = |user: &str| {
            identity(&RunConfig {
                user: Some(user.to_owned()),
                ..config("sh")
            })
        };
        assert_eq!(of("root").unwrap(), Some(Identity { uid: 0, gid: 0 }));
        assert_eq!(of("0").unwrap(), of("root").unwrap());
        assert_eq!(
            of("4294967").unwrap(),
            Some(Identity {
                uid: 4_294_967,
                gid: 4_294_967
            })
        );
        assert!(of("no-such-user").is_err());
    }

    #[test]
    fn cpus_must_be_some_and_online() {
        let of = |cpus: &str| cpus_of(cpus).map(|found| found.map(|set| set.to_string()));
        assert_eq!(of("0").unwrap(), Some("0".to_owned()));
        assert!(matches!(of(""), Err(Error::CpusOffline { .. })));
        assert!(matches!(of("0,8000"), Err(Error::CpusOffline { missing, .. }) if missing == "8000"));
        assert!(matches!(of("x"), Err(Error::CpuList { .. })));
    }

    fn cpus_of(list: &str) -> Result<Option<CpuSet>, Error> {
        cpus(&RunConfig {
            cpus: Some(list.to_owned()),
            ..config("sh")
        })
    }
}
