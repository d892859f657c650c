//! Real commands under a virtual clock: where they run, when they run, and that nothing of them is left. A file of
//! this folder is a part of that.

mod course;
mod ends;
mod family;
mod launch;

use super::*;
use crate::target::members::await_ready;
use pipeline_plugin_api::stage::Provides;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::path::{Path, PathBuf};

/// A node that is ended however its test ends.
struct Running {
    host: TestHost,
    node: TestNode,
    done: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.node.finish();
        }
    }
}

impl Running {
    fn new(name: &str, config: &str) -> Self {
        let host = TestHost::new();
        host.world().node_names = vec![name.to_owned()];
        let mut node = host.node::<Provides<Run>>(config).unwrap();
        node.start().unwrap();
        Self {
            host,
            node,
            done: false,
        }
    }

    fn tick(&mut self, millis: u64) -> Vec<(Change, Target)> {
        changes(self.node.tick(Nanos::from_millis(millis)).unwrap())
    }

    /// Ticks at that instant until something is told: commands do not heed the virtual clock.
    fn tick_until(&mut self, millis: u64, change: Change) -> Target {
        for _ in 0..6000 {
            let told = self.tick(millis);
            if let Some((_, target)) = told.into_iter().find(|(this, _)| *this == change) {
                return target;
            }
            pause();
        }
        panic!("nothing {change} at {millis} ms: {:?}", self.host.world().logs);
    }

    /// Ticks on until three processes of it were told, be it when it appeared.
    fn tick_until_three(&mut self, mut target: Target) -> Target {
        until(|| {
            let now = self.host.world().now.0 / 1_000_000;
            let three = target.processes.len() == 3;
            if !three && let Some((_, told)) = self.tick(now + 500).pop() {
                target = told;
            }
            three.then(|| target.clone())
        })
    }

    fn finish(&mut self) -> Vec<(Change, Target)> {
        self.done = true;
        changes(self.node.finish().unwrap())
    }

    fn logged(&self, level: Level, text: &str) -> bool {
        self.host
            .world()
            .logs
            .iter()
            .any(|(this, line)| *this == level && line.contains(text))
    }

    fn journalled(&self, kind: UndoKind) -> Vec<Undo> {
        self.host
            .world()
            .journal
            .values()
            .filter(|undo| undo.kind == kind)
            .cloned()
            .collect()
    }
}

fn changes(batch: Batch) -> Vec<(Change, Target)> {
    batch
        .changes
        .into_iter()
        .map(|told| (told.change, told.target))
        .collect()
}

fn kinds(told: &[(Change, Target)]) -> Vec<Change> {
    told.iter().map(|(change, _)| *change).collect()
}

fn pause() {
    await_ready([].into_iter(), 10);
}

/// Waits for something that a command does.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..6000 {
        if let Some(found) = look() {
            return found;
        }
        pause();
    }
    panic!("it did not happen within a minute");
}

fn lives(process: &Process) -> bool {
    let stat = crate::fs::task_stat(Path::new("/proc"), process.pid);
    stat.is_ok_and(|stat| stat.start_time == process.start_time && stat.state != b'Z')
}

/// Whether groups can be made here; where they cannot, the tests about them say so.
fn groups_or_skip() -> bool {
    let there = probe::probe()
        .iter()
        .any(|probe| probe.what == "a group of its own" && probe.present == 1);
    let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
    assert!(
        there || !required.split(',').any(|what| what == "cgroup"),
        "control groups are required and cannot be made"
    );
    if !there {
        println!("SKIP: no control group can be made here");
    }
    there
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
