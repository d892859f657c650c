//! Real processes of this machine, and trees that stand for one, as targets.

mod chosen;
mod lives;

use super::*;
use crate::target::members::await_ready;
use pipeline_plugin_api::stage::Provides;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::fmt::Write;
use std::process::{Child, Command};

/// A machine of plain files.
struct Machine(tempfile::TempDir);

/// A process of such a machine. It started `start` seconds after boot.
#[derive(Clone, Copy)]
struct Fake {
    pid: u32,
    parent: u32,
    group: u32,
    name: &'static str,
    start: u64,
    ticks: u64,
    flags: u64,
}

const fn fake(pid: u32, name: &'static str) -> Fake {
    Fake {
        pid,
        parent: 1,
        group: pid,
        name,
        start: 10,
        ticks: 0,
        flags: 0,
    }
}

impl Machine {
    fn new(processes: &[Fake]) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        machine.uptime(10_000);
        processes.iter().for_each(|one| machine.add(*one));
        machine
    }

    fn uptime(&self, seconds: u64) {
        std::fs::write(self.0.path().join("uptime"), format!("{seconds}.00 1.00\n")).unwrap();
    }

    fn add(&self, one: Fake) {
        let Fake {
            pid,
            parent,
            group,
            name,
            start,
            ticks,
            flags,
        } = one;
        let folder = self.0.path().join(pid.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let start = start * clock_ticks_per_second();
        let stat = format!(
            "{pid} ({name}) S {parent} {group} {group} 0 -1 {flags} 0 0 0 0 {ticks} 0 0 0 20 0 1 0 {start} 0\n"
        );
        std::fs::write(folder.join("stat"), stat).unwrap();
        std::fs::write(folder.join("cmdline"), format!("{name}\x00--port\x007777\x00")).unwrap();
        std::fs::write(folder.join("status"), "Name:\tx\nUid:\t0\t33\t0\t0\n").unwrap();
        std::fs::write(folder.join("cgroup"), "0::/system.slice/web.service\n").unwrap();
    }

    fn end(&self, pid: u32) {
        std::fs::remove_dir_all(self.0.path().join(pid.to_string())).unwrap();
    }

    fn watch(&self, config: &str) -> Watching {
        Watching::new(&format!("(proc: \"{}\", {config})", self.0.path().display()))
    }
}

struct Watching {
    host: TestHost,
    node: TestNode,
}

impl Watching {
    fn new(config: &str) -> Self {
        let host = TestHost::new();
        host.world().node_names = vec!["watch".to_owned()];
        let mut node = host.node::<Provides<Watch>>(config).unwrap();
        node.start().unwrap();
        Self { host, node }
    }

    /// What a sweep at that second tells: `appeared watch/7 [7, 8]`.
    fn look(&mut self, second: u64) -> Vec<String> {
        let batch = self.node.tick(Nanos::from_secs(second)).unwrap();
        told(&batch)
    }

    fn targets(&mut self, second: u64) -> Vec<Target> {
        let batch = self.node.tick(Nanos::from_secs(second)).unwrap();
        batch.changes.into_iter().map(|change| change.target).collect()
    }

    fn set(&mut self, name: &str, value: &str) -> std::result::Result<(), String> {
        let called = self.node.raw().control(name.into(), value.into()).into_result();
        called.map(drop).map_err(|failure| failure.message.into())
    }

    fn status(&mut self) -> String {
        self.node.raw().status().into()
    }

    fn logged(&self, text: &str) -> usize {
        self.host
            .world()
            .logs
            .iter()
            .filter(|(_, line)| line.contains(text))
            .count()
    }
}

fn told(batch: &Batch) -> Vec<String> {
    let mut lines = Vec::new();
    for TargetChange { change, target, .. } in &batch.changes {
        let mut line = format!("{change} {}", target.name);
        if *change != Change::GONE {
            let pids: Vec<u32> = target.processes.iter().map(|process| process.pid).collect();
            write!(line, " {pids:?}").unwrap();
        }
        lines.push(line);
    }
    lines
}

/// Looks until something is told: processes begin and end when they like, but within a minute.
fn until_some<T>(mut look: impl FnMut() -> Vec<T>) -> Vec<T> {
    for _ in 0..6000 {
        let found = look();
        if !found.is_empty() {
            return found;
        }
        await_ready([].into_iter(), 10);
    }
    panic!("nothing was told within a minute");
}

struct Sleeper(Child);

impl Sleeper {
    /// A process that nothing else has the command line of.
    fn new(seconds: &str) -> Self {
        Self(Command::new("sleep").arg(seconds).spawn().unwrap())
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.end();
    }
}
