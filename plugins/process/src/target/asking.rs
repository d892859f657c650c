//! Asking commands to end, each once: alone when its course says so, or all of a run together when the run ends, so
//! that it waits for the slowest and not for each in turn.
//!
//! One table for the process, since the nodes of a run know nothing of each other. What does not end is killed in
//! `life`.

use super::leaf;
use super::members::Members;
use pipeline_cgroup_fs::Group;
use pipeline_plugin_api::prelude::*;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The commands that live, by the run's name.
static COMMANDS: Mutex<BTreeMap<String, Vec<Weak<Command>>>> = Mutex::new(BTreeMap::new());

/// The processes of one life of a command, and whether they were asked to end.
#[derive(Debug)]
pub struct Command {
    pid: Pid,
    group: Option<Group>,
    signal: Signal,
    members: Mutex<Members>,
    asked: Mutex<Option<Nanos>>,
}

impl Command {
    /// The command whose own process is `pid`, that is asked with `signal`.
    pub fn new(pid: Pid, group: Option<Group>, signal: Signal, members: Members) -> Self {
        Self {
            pid,
            group,
            signal,
            members: Mutex::new(members),
            asked: Mutex::default(),
        }
    }

    /// Its processes.
    pub fn members(&self) -> MutexGuard<'_, Members> {
        held(&self.members)
    }

    /// Lets its processes run if an actuator stopped them.
    pub fn thaw(&self) {
        self.group.iter().for_each(leaf::thaw);
    }

    /// Asks all its processes to end, unless that was done; gives when it was. A second signal would be taken by many
    /// programs for a wish to end without care.
    pub fn ask(&self, at: Nanos) -> Nanos {
        *held(&self.asked).get_or_insert_with(|| {
            self.thaw();
            self.members().signal(self.signal);
            // One that stands still hears nothing else. That it ended meanwhile is what was wanted.
            let _ = kill_process_group(self.pid, Signal::CONT);
            at
        })
    }

    /// Its process ended, and its id may soon be another's: it is not asked any more.
    pub fn close(&self) {
        held(&self.asked).get_or_insert(Nanos::ZERO);
    }
}

/// Has the command asked together with the others of its run.
pub fn enter(run: &str, command: &Arc<Command>) {
    let mut runs = held(&COMMANDS);
    let commands = runs.entry(run.to_owned()).or_default();
    commands.retain(|other| other.strong_count() > 0);
    commands.push(Arc::downgrade(command));
}

/// Asks all commands of the run to end. Its table goes too, so that nothing of this outlives the run.
pub fn ask_all(run: &str, at: Nanos) {
    let commands = held(&COMMANDS).remove(run).unwrap_or_default();
    commands.iter().filter_map(Weak::upgrade).for_each(|command| {
        command.ask(at);
    });
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
