//! One life of a container, from its start to its end, as it was last told.

use crate::fs::{self, Init};
use pipeline_plugin_api::prelude::*;
use std::path::Path;

/// A container that runs, and its target.
#[derive(Debug)]
pub struct Life {
    /// Its first process.
    pub init: Init,
    /// Its name, without the node's.
    pub name: String,
    /// Whether it is paused.
    pub paused: bool,
    /// As it was last told.
    pub target: Target,
    /// The ids of its processes, as they were listed last.
    ids: Vec<u32>,
}

impl Life {
    /// A life that begins.
    pub fn new(init: Init, name: &str, paused: bool, target: Target) -> Self {
        Self {
            init,
            name: name.into(),
            paused,
            target,
            ids: Vec::new(),
        }
    }

    /// Takes over what is known of it now, its id, groups and processes kept; whether that is something else.
    pub fn describe(&mut self, paused: bool, target: Target) -> bool {
        self.paused = paused;
        let now = Target {
            id: self.target.id,
            generation: self.target.generation,
            cgroups: self.target.cgroups.clone(),
            processes: self.target.processes.clone(),
            ..target
        };
        let is_other = now != self.target;
        self.target = now;
        is_other
    }

    /// Looks for its processes; whether they are others than before.
    pub fn list_processes(&mut self, root: &Path) -> bool {
        let ids = fs::ids(&self.target.cgroups);
        // While the ids are the same nothing more is read: who acts on a process looks at its start time.
        if ids == self.ids && !self.target.processes.is_empty() {
            return false;
        }
        let others = ids.iter().filter(|id| **id != self.init.process.pid);
        let others = others
            .take(fs::MOST_PROCESSES - 1)
            .filter_map(|id| fs::process(root, *id));
        let processes: Vec<Process> = std::iter::once(self.init.process).chain(others).collect();
        self.ids = ids;
        let is_other = self.target.processes[..] != processes[..];
        self.target.processes = processes.into();
        is_other
    }
}
