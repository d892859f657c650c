//! One life of a command: placed before its first instruction, watched, and ended with all that it started.

use super::affinity;
use super::asking;
use super::error::Error;
use super::exit::Exit;
use super::launch::{self, Gate, Waiting};
use super::leaf::Leaf;
use super::members::{self, Family, Members, await_ready};
use super::recipe::Recipe;
use super::tail::Tail;
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::result::Result;
use std::sync::Arc;

/// How long one wait for processes to end takes at most, in milliseconds.
const SLICE_MS: u32 = 50;
/// Most waits for processes that were killed: 5 s in all, or as many generations of a program that forks for ever.
const ROUNDS: u32 = 100;

/// A command that was started.
#[derive(Debug)]
pub struct Life {
    command: String,
    pid: Pid,
    /// Readable when the process ended; none before Linux 5.3, where ticks notice it.
    pidfd: Option<OwnedFd>,
    tail: Tail,
    asking: Arc<asking::Command>,
    leaf: Option<Leaf>,
    kill: Option<UndoRecord>,
    system: System,
}

impl Life {
    /// Starts a command in `leaf`, or without a group. `inherited` are the CPUs it gets if the recipe names none.
    ///
    /// # Errors
    /// All of [`Error`]; then nothing of it is left, or a second error in the log says what is.
    pub fn begin(
        recipe: &Recipe,
        leaf: Option<Leaf>,
        inherited: &affinity::Mask,
        system: &System,
    ) -> Result<Self, Error> {
        // Until how to kill it is recorded it ends with us, as only we hold its gate.
        let Waiting { pid, stderr, gate } = match launch::waiting(recipe) {
            Ok(waiting) => waiting,
            Err(error) => return leaf.map_or(Ok(()), Leaf::remove).and(Err(error)),
        };
        let mut life = Self::of(pid, stderr, recipe, leaf, system);
        match life.place(recipe, inherited).and_then(|()| life.go(gate)) {
            Ok(()) => Ok(life),
            Err(error) => life.end().1.and(Err(error)),
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_pid().cast_unsigned()
    }

    /// Descriptors that are ready when it ended or said something.
    pub fn descriptors(&self) -> Vec<i32> {
        let pidfd = self.pidfd.as_ref().map(AsRawFd::as_raw_fd);
        pidfd.into_iter().chain(self.tail.descriptor()).collect()
    }

    /// Takes what it wrote to its standard error.
    pub fn listen(&mut self) {
        self.tail.drain();
    }

    /// The last lines that it wrote to its standard error.
    pub fn last_words(&self) -> String {
        self.tail.text()
    }

    /// How its own process ended, if it did. Its id stays taken until [`Life::end`].
    pub fn exited(&self) -> Option<Exit> {
        Exit::of(self.pid)
    }

    /// Its directories by controller; none without a group.
    pub fn cgroups(&self) -> Vec<CgroupDir> {
        self.leaf.as_ref().map(Leaf::directories).unwrap_or_default()
    }

    /// Its processes, its own first.
    pub fn processes(&self) -> Vec<Process> {
        let own = self.pid();
        let mut processes = self.asking.members().processes();
        processes.sort_by_key(|process| (process.pid != own, process.pid));
        processes
    }

    /// The CPUs it may use; none where it may use all that are online.
    pub fn cpus(&self) -> Vec<u32> {
        affinity::restricted(self.pid)
    }

    /// What asks it to end; see [`asking`].
    pub fn asking(&self) -> &Arc<asking::Command> {
        &self.asking
    }

    /// Waits for its own process to end, at most that long.
    pub fn await_exit(&self, most: Nanos) {
        let slices = most.0 / (u64::from(SLICE_MS) * 1_000_000);
        for _ in 0..slices {
            if self.exited().is_some() {
                return;
            }
            await_ready(self.pidfd.iter(), SLICE_MS);
        }
    }

    /// Kills what is left of it, removes its group, and settles what was journalled. Tells how its own process ended.
    pub fn end(mut self) -> (Option<Exit>, Result<(), Error>) {
        let left = self.kill_all();
        let exit = self.exited();
        if !left.is_empty() {
            let command = self.command;
            return (exit, Err(Error::Undead { command, pids: left }));
        }
        self.asking.close();
        launch::reap(self.pid);
        if let Some(record) = self.kill.take() {
            self.system.settle(record);
        }
        (exit, self.leaf.take().map_or(Ok(()), Leaf::remove))
    }

    fn of(pid: Pid, stderr: Option<OwnedFd>, recipe: &Recipe, leaf: Option<Leaf>, system: &System) -> Self {
        let leader = pid.as_raw_pid().cast_unsigned();
        let family = || {
            Members::Family(Family {
                leader,
                seen: BTreeMap::new(),
            })
        };
        let members = leaf.as_ref().map_or_else(family, |leaf| Members::Group(leaf.lists()));
        let group = leaf.as_ref().map(|leaf| leaf.group().clone());
        let asking = asking::Command::new(pid, group, recipe.stop_signal, members);
        Self {
            command: recipe.name().to_owned(),
            pid,
            pidfd: pidfd_open(pid, PidfdFlags::empty()).ok(),
            tail: Tail::new(stderr),
            asking: Arc::new(asking),
            leaf,
            kill: None,
            system: system.clone(),
        }
    }

    /// Records how to kill it, and puts it into its group and onto its CPUs.
    fn place(&mut self, recipe: &Recipe, inherited: &affinity::Mask) -> Result<(), Error> {
        let Process { pid, start_time } =
            members::process(self.pid()).map_err(|source| self.failed("read the start time", source))?;
        let undo = Undo {
            kind: UndoKind::KILL,
            pid,
            start_time,
            ..Undo::default()
        };
        self.kill = Some(self.system.journal(&undo)?);
        let confined = match (&self.leaf, &recipe.cpus) {
            (Some(leaf), Some(cpus)) => leaf.restrict(cpus)?,
            _ => false,
        };
        if let Some(leaf) = &self.leaf {
            // The cpuset is set before: entering it changes the affinity (cgroup-v1/cpusets.rst, 1.2).
            leaf.attach(pid)?;
        }
        let mask = match &recipe.cpus {
            // A mask of its own would keep it from CPUs that an actuator gives to its cpuset later.
            Some(_) if confined => affinity::Mask::all(),
            Some(cpus) => affinity::Mask::of(cpus),
            None => *inherited,
        };
        mask.apply(self.pid)
            .map_err(|source| self.failed("set the CPUs", source))?;
        match &recipe.cpus {
            Some(wanted) => self.verify(wanted),
            None => Ok(()),
        }
    }

    fn verify(&self, wanted: &pipeline_cgroup_fs::CpuSet) -> Result<(), Error> {
        let given = affinity::given(self.pid).map_err(|source| self.failed("read the CPUs", source))?;
        if given == *wanted {
            return Ok(());
        }
        Err(Error::CpusWithheld {
            command: self.command.clone(),
            wanted: wanted.to_string(),
            given: given.to_string(),
        })
    }

    /// Lets it begin.
    fn go(&self, gate: Gate) -> Result<(), Error> {
        let went = gate
            .open()
            .map_err(|source| self.failed("let go the process", source))?;
        went.then_some(()).ok_or_else(|| Error::Stillborn {
            command: self.command.clone(),
        })
    }

    /// Kills until nothing is left; gives the ids of what does not end.
    ///
    /// Its own process is not reaped before, so that the id of its process group cannot be another's.
    fn kill_all(&self) -> Vec<u32> {
        self.asking.thaw();
        if let Some(leaf) = &self.leaf {
            // Where the kernel cannot kill a group at once, its processes are killed one by one below.
            let _ = leaf.kill();
        }
        let _ = kill_process_group(self.pid, Signal::KILL);
        for _ in 0..ROUNDS {
            let dying = self.asking.members().signal(Signal::KILL);
            let own = if self.exited().is_none() {
                self.pidfd.as_ref()
            } else {
                None
            };
            if dying.is_empty() && self.exited().is_some() {
                return Vec::new();
            }
            await_ready(dying.iter().chain(own), SLICE_MS);
        }
        let mut left = self.asking.members().ids();
        left.extend(self.exited().is_none().then(|| self.pid()));
        left
    }

    fn failed(&self, what: &'static str, source: std::io::Error) -> Error {
        Error::Prepare {
            what,
            command: self.command.clone(),
            source,
        }
    }
}
