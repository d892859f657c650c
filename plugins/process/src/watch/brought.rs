//! A target that was brought: its processes, the descriptor that tells when one of them ends, and what is told of it.

use super::facts::Facts;
use super::herd::Herd;
use crate::config::WatchConfig;
use crate::fs;
use crate::parse::ProcStat;
use crate::target::affinity;
use nix::unistd::User;
use pipeline_plugin_api::pattern::fits_any;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::purpose::{GoalConfig, goals, labels};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Most processes told of one target.
const MOST: usize = 256;

/// A target.
#[derive(Debug)]
pub struct Brought {
    /// As it was last told.
    pub target: Target,
    /// The process that stands for it, told from later ones of its id.
    pub first: Process,
    /// Readable when the process ended whose descriptor it is.
    pidfd: Option<OwnedFd>,
}

impl Brought {
    /// A target with the ids and what the config says of it.
    ///
    /// # Errors
    /// A goal's metric means something else to another node.
    pub fn new(config: &WatchConfig, facts: &Facts, host: &Host, key: &str, first: &ProcStat) -> Result<Self> {
        let command = facts.command(first.pid);
        let fits = |names: &[String], commands: &[String]| {
            fits_any(names, first.comm.as_bytes()) && fits_any(commands, command.as_bytes())
        };
        let rule = config.rules.iter().find(|rule| fits(&rule.names, &rule.commands));
        let all: Vec<GoalConfig> = config
            .goals
            .iter()
            .chain(rule.iter().flat_map(|rule| &rule.goals))
            .cloned()
            .collect();
        let mut named = config.labels.clone();
        named.extend(rule.iter().flat_map(|rule| rule.labels.clone()));
        let mut told = labels(&named);
        told.push(Label::new("name", &first.comm.to_string()));
        told.push(Label::new("command", &facts.label(first.pid)));
        told.extend(facts.user(first.pid).map(|user| Label::new("user", &user_name(user))));
        let class = rule.and_then(|rule| rule.class).or(config.class);
        Ok(Self {
            target: Target {
                provider: host.name().into(),
                name: format!("{}/{key}", host.name()).into(),
                class: class.map_or(Class::UNSET, Into::into),
                priority: rule.and_then(|rule| rule.priority).unwrap_or(config.priority),
                goals: goals(&all, host)?.into(),
                labels: told.into(),
                ..Target::default()
            },
            first: process(first),
            pidfd: None,
        })
    }

    /// Takes over what a sweep found of it; whether that is something else than before.
    pub fn update(&mut self, herd: &Herd, all: &[ProcStat], is_real: bool) -> bool {
        let first = all[herd.first];
        let mut processes = vec![process(&first)];
        let others = herd.members.iter().filter(|place| **place != herd.first);
        processes.extend(others.map(|place| process(&all[*place])).take(MOST - 1));
        self.first = processes[0];
        let cpus = match pid_of(first.pid).filter(|_| is_real) {
            Some(pid) => affinity::restricted(pid),
            None => Vec::new(),
        };
        let is_same = self.target.processes[..] == processes[..] && self.target.cpus[..] == cpus[..];
        self.target.processes = processes.into();
        self.target.cpus = cpus.into();
        if is_real && self.pidfd.is_none() {
            self.listen();
        }
        !is_same
    }

    /// Whether one of its processes is among those that a sweep found for its key.
    pub fn is_among(&self, herd: &Herd, all: &[ProcStat]) -> bool {
        let mut found = herd.members.iter().map(|place| process(&all[*place]));
        found.any(|process| self.target.processes.contains(&process))
    }

    /// The descriptor to wait for.
    pub fn descriptor(&self) -> Option<i32> {
        self.pidfd.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The process whose end was waited for ended: whether another one of it lives, which is waited for now.
    pub fn goes_on(&mut self) -> bool {
        self.pidfd = None;
        let still: Vec<Process> = self.target.processes.iter().copied().filter(is_alive).collect();
        self.listen();
        !still.is_empty()
    }

    /// Waits for the end of the first process of it that can be waited for. Without that, sweeps notice its end.
    fn listen(&mut self) {
        let open = |process: &Process| {
            let pidfd = pidfd_open(pid_of(process.pid)?, PidfdFlags::empty()).ok()?;
            // The id may have been used again until the descriptor was there.
            is_alive(process).then_some(pidfd)
        };
        self.pidfd = self.target.processes.iter().find_map(open);
    }
}

/// Whether it is the same process and lives.
fn is_alive(process: &Process) -> bool {
    let stat = fs::proc_stat(Path::new("/proc"), process.pid);
    stat.is_ok_and(|stat| stat.start_time == process.start_time && stat.is_alive())
}

fn process(stat: &ProcStat) -> Process {
    Process {
        pid: stat.pid,
        start_time: stat.start_time,
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

fn user_name(user: u32) -> String {
    match User::from_uid(user.into()) {
        Ok(Some(found)) => found.name,
        _ => user.to_string(),
    }
}
