//! `docker.watch` against a fake engine, with real processes as first processes of containers, in groups of plain files.
//! A file of this folder is what can become of containers and of the engine.

mod chosen;
mod engine;
mod lives;
mod processes;

use super::*;
use crate::testing::{Container, FakeEngine, id, until};
use pipeline_cgroup_fs::testing::Tree;
use pipeline_plugin_api::stage::Provides;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::cell::RefCell;
use std::process::{Child, Command};

thread_local! {
    static ROOT: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// The folder that stands for `/` in the test of this thread.
pub fn root() -> Option<PathBuf> {
    ROOT.with_borrow(Clone::clone)
}

/// A machine with an engine, and a node that watches it.
struct Bed {
    tree: Tree,
    fake: FakeEngine,
    host: TestHost,
    node: TestNode,
    at: Nanos,
    children: Vec<Child>,
}

impl Bed {
    fn new(config: &str) -> Self {
        Self::with(config, FakeEngine::start())
    }

    fn with(config: &str, fake: FakeEngine) -> Self {
        let tree = Tree::v1();
        ROOT.with_borrow_mut(|root| *root = Some(tree.path().into()));
        let host = TestHost::new();
        host.world().node_names = vec!["box".into()];
        let mut node = host.node::<Provides<DockerWatch>>(&fake.config(config)).unwrap();
        node.start().unwrap();
        Self {
            tree,
            fake,
            host,
            node,
            at: Nanos::from_secs(1),
            children: Vec::new(),
        }
    }

    /// A process as the first one of the container with that id.
    fn process(&mut self, id: &str) -> u32 {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id();
        self.children.push(child);
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        self.tree.write(&format!("proc/{pid}/stat"), &stat);
        self.tree.write(
            &format!("proc/{pid}/cgroup"),
            &format!("4:memory:/docker/{id}\n3:cpu,cpuacct:/docker/{id}\n2:blkio:/\n"),
        );
        for tree in ["memory", "cpu,cpuacct"] {
            self.tree.write(
                &format!("sys/fs/cgroup/{tree}/docker/{id}/cgroup.procs"),
                &format!("{pid}\n"),
            );
        }
        pid
    }

    /// A container that runs, without an event.
    fn run(&mut self, digit: char, name: &str) -> Container {
        let pid = self.process(&id(digit));
        let container = Container {
            name: name.into(),
            image: "redis:7".into(),
            pid,
            ..Container::default()
        };
        self.fake.have(&id(digit), container.clone());
        container
    }

    fn kill(&mut self, pid: u32) {
        let child = self.children.iter_mut().find(|child| child.id() == pid).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ticks until something is told, and gives it.
    fn told(&mut self) -> Vec<TargetChange> {
        let mut told = Vec::new();
        until("tell anything", || {
            told = self.tick(1);
            !told.is_empty()
        });
        told
    }

    /// As [`Bed::told`], as kinds and names.
    fn names(&mut self) -> Vec<(Change, String)> {
        named(self.told())
    }

    fn tick(&mut self, millis: u64) -> Vec<TargetChange> {
        self.at = self.at + Nanos::from_millis(millis);
        self.node.tick(self.at).unwrap().changes.to_vec()
    }

    /// Ticks until something is so; nothing may be told meanwhile.
    fn quiet_until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        until(what, || {
            let told = self.tick(1);
            assert_eq!(told, []);
            so(self)
        });
    }

    /// Ticks until everything was asked for and heard that a list can tell.
    fn settle(&mut self) {
        let lists = self.fake.asked("/containers/json");
        self.tick(30_000);
        self.quiet_until("ask for a list", |bed| bed.fake.asked("/containers/json") > lists);
        for _ in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(2));
            assert_eq!(self.tick(1), []);
        }
    }

    fn lines(&self, level: Level, text: &str) -> usize {
        let world = self.host.world();
        world
            .logs
            .iter()
            .filter(|(at, line)| *at == level && line.contains(text))
            .count()
    }

    fn status(&mut self) -> String {
        self.node.raw().status().into()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn named(changes: Vec<TargetChange>) -> Vec<(Change, String)> {
    let name = |change: TargetChange| (change.change, change.target.name.to_string());
    changes.into_iter().map(name).collect()
}

fn appeared(name: &str) -> (Change, String) {
    (Change::APPEARED, name.into())
}

fn changed(name: &str) -> (Change, String) {
    (Change::CHANGED, name.into())
}

fn gone(name: &str) -> (Change, String) {
    (Change::GONE, name.into())
}

fn label<'a>(target: &'a Target, name: &str) -> Option<&'a str> {
    let found = target.labels.iter().find(|label| label.name == name);
    found.map(|label| label.value.as_str())
}
