//! `docker.watch` against a fake engine, with real processes as first processes of containers, in groups of plain files.

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
        self.told()
            .into_iter()
            .map(|change| (change.change, change.target.name.to_string()))
            .collect()
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

#[test]
fn a_container_that_runs_is_told_with_its_groups_processes_cpus_and_labels() {
    let mut bed = Bed::new(
        "rules: [(names: [\"db\"], class: BestEffort), (images: [\"redis:*\"], labelled: [\"tier=web\"], class: Latency,
            priority: 3, labels: {\"team\": \"x\"}, goals: [(metric: \"psi.cpu.some\", at_most: 1e8)])]",
    );
    let mut web = bed.run('a', "web");
    let labels = [
        ("com.docker.compose.project", "shop"),
        ("com.docker.compose.service", "front"),
        ("tier", "web"),
    ];
    web.labels = labels.map(|(key, value)| (key.into(), value.into())).into();
    web.cpus = "0-1,4".into();
    bed.fake.have(&id('a'), web.clone());
    let told = bed.told();
    let target = &told[0].target;
    assert_eq!(
        (told.len(), told[0].change, target.name.as_str()),
        (1, Change::APPEARED, "box/web")
    );
    assert_eq!((target.generation, target.provider.as_str()), (1, "box"));
    assert_eq!(
        (target.class, target.priority, target.goals.len()),
        (Class::LATENCY, 3, 1)
    );
    for (name, value) in [
        ("team", "x"),
        ("image", "redis:7"),
        ("id", id('a').as_str()),
        ("state", "running"),
        ("compose_project", "shop"),
        ("compose_service", "front"),
    ] {
        assert_eq!(label(target, name), Some(value), "{name}");
    }
    assert_eq!(target.cpus[..], [0, 1, 4]);
    let mut controllers: Vec<&str> = target.cgroups.iter().map(|dir| dir.controller.as_str()).collect();
    controllers.sort_unstable();
    assert_eq!(controllers, ["cpu", "cpuacct", "memory"]);
    assert!(
        target
            .cgroups
            .iter()
            .all(|dir| dir.inode > 0 && dir.path.ends_with(&id('a')))
    );
    assert_eq!(target.processes.len(), 1);
    assert_eq!(target.processes[0].pid, web.pid);
    assert!(target.processes[0].start_time > 0);
    assert_eq!(bed.status(), "1 containers; engine 20.10.24, API 1.41");
}

#[test]
fn containers_are_told_as_they_start_pause_change_and_die() {
    let mut bed = Bed::new("");
    bed.quiet_until("follow events", |bed| bed.fake.followers() == 1);
    let web = bed.run('a', "web");
    bed.fake.tell("start", &id('a'));
    assert_eq!(bed.names(), [appeared("box/web")]);
    let paused = Container {
        paused: true,
        ..web.clone()
    };
    bed.fake.have(&id('a'), paused);
    bed.fake.tell("pause", &id('a'));
    let told = bed.told();
    assert_eq!(
        (told[0].change, label(&told[0].target, "state")),
        (Change::CHANGED, Some("paused"))
    );
    assert_eq!(told[0].target.processes.len(), 1, "what was known stays");
    bed.fake.have(
        &id('a'),
        Container {
            cpus: "1".into(),
            ..web.clone()
        },
    );
    bed.fake.tell("unpause", &id('a'));
    let told = bed.told();
    assert_eq!(
        (told[0].target.cpus[..].to_vec(), label(&told[0].target, "state")),
        (vec![1], Some("running"))
    );
    bed.fake.lack(&id('a'));
    bed.fake.tell("die", &id('a'));
    assert_eq!(bed.names(), [gone("box/web")]);
    assert!(bed.node.raw().descriptors().is_empty());
}

#[test]
fn the_end_of_the_first_process_is_the_end_whatever_the_engine_says() {
    let mut bed = Bed::new("");
    let web = bed.run('a', "web");
    let before = bed.told().remove(0).target;
    assert_eq!(bed.node.raw().descriptors().len(), 1);
    bed.kill(web.pid);
    assert_eq!(bed.names(), [gone("box/web")]);
    // What the engine still tells of that life brings nothing.
    bed.fake.tell("pause", &id('a'));
    bed.settle();
    let again = bed.process(&id('a'));
    bed.fake.have(&id('a'), Container { pid: again, ..web });
    bed.fake.tell("start", &id('a'));
    let after = bed.told().remove(0);
    assert_eq!((after.change, after.target.generation), (Change::APPEARED, 2));
    assert_ne!(after.target.id, before.id);
}

#[test]
fn a_container_started_again_before_its_end_was_seen_is_the_next_generation() {
    let mut bed = Bed::new("processes: false");
    let web = bed.run('a', "web");
    let first = bed.told().remove(0).target;
    let again = bed.process(&id('a'));
    bed.fake.have(&id('a'), Container { pid: again, ..web });
    bed.fake.tell("start", &id('a'));
    let told = bed.told();
    assert_eq!((told[0].change, told[0].target.id), (Change::GONE, first.id));
    assert_eq!((told[1].change, told[1].target.generation), (Change::APPEARED, 2));
    bed.kill(again);
    assert_eq!(
        bed.names(),
        [gone("box/web")],
        "the second process is the one that counts"
    );
}

#[test]
fn a_renamed_container_is_another_target_and_may_be_meant_no_more() {
    let mut bed = Bed::new("names: [\"web*\"]");
    let web = bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    bed.fake.have(
        &id('a'),
        Container {
            name: "web-old".into(),
            ..web.clone()
        },
    );
    bed.fake.tell("rename", &id('a'));
    assert_eq!(bed.names(), [gone("box/web"), appeared("box/web-old")]);
    bed.fake.have(
        &id('a'),
        Container {
            name: "other".into(),
            ..web.clone()
        },
    );
    bed.fake.tell("rename", &id('a'));
    assert_eq!(bed.names(), [gone("box/web-old")]);
    bed.fake.have(&id('a'), web);
    bed.fake.tell("rename", &id('a'));
    let back = bed.told().remove(0).target;
    assert_eq!((back.name.as_str(), back.generation), ("box/web", 2));
}

#[test]
fn those_that_are_not_meant_are_not_brought_and_not_even_asked_about() {
    let mut bed = Bed::new("images: [\"postgres:*\"], except: [\"*-test\"]");
    bed.run('a', "web");
    let mut db = bed.run('b', "db");
    db.image = "postgres:16".into();
    bed.fake.have(&id('b'), db.clone());
    let test = bed.run('c', "db-test");
    bed.fake.have(
        &id('c'),
        Container {
            image: "postgres:16".into(),
            ..test
        },
    );
    assert_eq!(bed.names(), [appeared("box/db")]);
    bed.settle();
    assert_eq!(bed.fake.asked(&id('a')) + bed.fake.asked(&id('c')), 0);
    assert_eq!(bed.fake.asked(&id('b')), 1, "what is known is not asked about again");
}

#[test]
fn an_image_that_the_list_hides_is_asked_for() {
    let mut bed = Bed::new("images: [\"redis:*\"]");
    let web = bed.run('a', "web");
    let listed = format!(
        r#"[{{"Id":"{}","Names":["/web"],"Image":"sha256:0a","State":"running"}}]"#,
        id('a')
    );
    bed.fake.answer(
        "/containers/json",
        Some(&crate::testing::response(200, listed.as_bytes())),
    );
    let told = bed.told().remove(0).target;
    assert_eq!(
        (label(&told, "image"), told.processes[0].pid),
        (Some("redis:7"), web.pid)
    );
}

#[test]
fn what_the_engine_failed_to_tell_is_found_by_the_next_list() {
    let mut bed = Bed::new("rescan: \"5s\"");
    let web = bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    bed.run('b', "db");
    bed.fake.have(&id('a'), Container { paused: true, ..web });
    bed.quiet_until("ask once", |bed| bed.fake.asked("/containers/json") == 1);
    bed.tick(5000);
    let mut told = bed.names();
    while told.len() < 2 {
        told.extend(bed.names());
    }
    told.sort();
    assert_eq!(told, [appeared("box/db"), changed("box/web")]);
    bed.fake.lack(&id('a'));
    bed.tick(5000);
    assert_eq!(bed.names(), [gone("box/web")]);
}

#[test]
fn without_an_engine_that_is_told_once_and_it_is_found_when_it_comes() {
    let mut fake = FakeEngine::start();
    fake.shut_down();
    let mut bed = Bed::with("", fake);
    bed.quiet_until("miss it", |bed| bed.lines(Level::WARN, "there is no engine at") == 1);
    assert!(
        bed.status().starts_with("0 containers; there is no engine at `"),
        "{}",
        bed.status()
    );
    for _ in 0..10 {
        let before = bed.lines(Level::DEBUG, "there is no engine at");
        assert_eq!(bed.tick(30_000), []);
        bed.quiet_until("try again", |bed| {
            bed.lines(Level::DEBUG, "there is no engine at") > before
        });
    }
    assert_eq!(bed.lines(Level::WARN, ""), 1);
    bed.run('a', "web");
    bed.fake.listen();
    bed.tick(30_000);
    assert_eq!(bed.names(), [appeared("box/web")]);
    assert_eq!(bed.lines(Level::INFO, "the engine is there"), 1);
}

#[test]
fn while_an_engine_is_away_its_containers_live_on_and_their_ends_are_seen() {
    let mut bed = Bed::new("");
    let web = bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    let db = bed.run('b', "db");
    bed.fake.tell("start", &id('b'));
    assert_eq!(bed.names(), [appeared("box/db")]);
    bed.fake.shut_down();
    bed.quiet_until("miss it", |bed| bed.lines(Level::WARN, "growing pauses") >= 1);
    bed.kill(db.pid);
    assert_eq!(bed.names(), [gone("box/db")]);
    bed.fake.lack(&id('b'));
    bed.fake.listen();
    bed.tick(60_000);
    bed.quiet_until("be there again", |bed| {
        bed.status() == "1 containers; engine 20.10.24, API 1.41"
    });
    bed.settle();
    bed.kill(web.pid);
    assert_eq!(bed.names(), [gone("box/web")]);
}

#[test]
fn a_restarted_engine_that_ended_its_containers_has_them_told_gone() {
    let mut bed = Bed::new("");
    let web = bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    bed.fake.shut_down();
    bed.fake.lack(&id('a'));
    bed.fake.listen();
    // Its process is still about to end, and only the engine knows.
    bed.quiet_until("miss it", |bed| bed.lines(Level::WARN, "growing pauses") >= 1);
    bed.tick(60_000);
    assert_eq!(bed.names(), [gone("box/web")]);
    assert!(web.pid > 0);
}

#[test]
fn processes_are_looked_for_and_told_when_they_are_others() {
    let mut bed = Bed::new("");
    let web = bed.run('a', "web");
    bed.told();
    let second = bed.process(&id('b'));
    let list = format!("sys/fs/cgroup/cpu,cpuacct/docker/{}/cgroup.procs", id('a'));
    let other = list.replace("cpu,cpuacct", "memory");
    for list in [&list, &other] {
        bed.tree.write(list, &format!("{second}\n{}\n", web.pid));
    }
    let told = bed.told().remove(0);
    assert_eq!(told.change, Change::CHANGED);
    let pids: Vec<u32> = told.target.processes.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [web.pid, second]);
    assert_eq!(bed.tick(1000), []);
}

#[test]
fn processes_are_left_out_where_they_are_not_wanted() {
    let mut bed = Bed::new("processes: false");
    bed.run('a', "web");
    let target = bed.told().remove(0).target;
    assert_eq!((target.processes.len(), target.cgroups.len()), (0, 3));
    assert_eq!(bed.tick(1000), []);
}

#[test]
fn a_first_process_that_is_not_the_containers_is_not_taken_for_it_and_that_is_told_once() {
    let mut bed = Bed::new("rescan: \"5s\"");
    let web = bed.run('a', "web");
    // As in another pid namespace than the engine's: the id is somebody else's here.
    bed.tree
        .write(&format!("proc/{}/cgroup", web.pid), "4:memory:/docker/abc\n");
    bed.quiet_until("look", |bed| bed.fake.asked(&id('a')) == 1);
    assert_eq!(bed.lines(Level::WARN, "--pid=host"), 0, "it may have ended meanwhile");
    for _ in 0..3 {
        let before = bed.fake.asked(&id('a'));
        assert_eq!(bed.tick(5000), []);
        bed.quiet_until("look again", |bed| bed.fake.asked(&id('a')) > before);
    }
    bed.quiet_until("tell it", |bed| bed.lines(Level::WARN, "--pid=host") == 1);
    assert_eq!(bed.lines(Level::WARN, ""), 1);
}

#[test]
fn more_containers_than_targets_are_told_once_and_one_that_goes_makes_room() {
    let mut bed = Bed::new("most: 1, rescan: \"5s\"");
    let web = bed.run('a', "web");
    bed.run('b', "db");
    assert_eq!(bed.names(), [appeared("box/web")]);
    bed.quiet_until("tell it", |bed| bed.lines(Level::WARN, "raise `most`") == 1);
    bed.tick(5000);
    bed.quiet_until("look again", |bed| bed.fake.asked(&id('b')) == 2);
    bed.fake.lack(&id('a'));
    bed.kill(web.pid);
    assert_eq!(bed.names(), [gone("box/web")]);
    bed.tick(5000);
    assert_eq!(bed.names(), [appeared("box/db")]);
    assert_eq!(bed.lines(Level::WARN, "raise `most`"), 1);
}

#[test]
fn a_container_that_cannot_be_asked_about_stays_as_it_was() {
    let mut bed = Bed::new("");
    bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    let locked = crate::testing::response(500, b"{\"message\":\"locked\"}");
    bed.fake.answer(&format!("{}/json", id('a')), Some(&locked));
    bed.fake.tell("die", &id('a'));
    bed.quiet_until("tell it", |bed| {
        bed.lines(Level::WARN, "does not tell what became") == 1
    });
    assert!(bed.status().starts_with("1 containers; engine"), "{}", bed.status());
    for _ in 0..3 {
        let before = bed.lines(Level::DEBUG, "does not tell what became");
        bed.tick(30_000);
        bed.quiet_until("ask again", |bed| {
            bed.lines(Level::DEBUG, "does not tell what became") > before
        });
    }
    assert_eq!(bed.lines(Level::WARN, "does not tell what became"), 1);
}

#[test]
fn the_end_of_a_run_waits_for_nobody_and_tells_nobody_gone() {
    let fake = FakeEngine::start();
    fake.answer("/version", None);
    let mut bed = Bed::with("", fake);
    bed.quiet_until("ask", |bed| bed.fake.asked("/version") == 1);
    let begun = std::time::Instant::now();
    assert_eq!(bed.node.finish().unwrap().changes.len(), 0);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    let mut watched = Bed::new("");
    watched.run('a', "web");
    watched.told();
    assert_eq!(watched.node.finish().unwrap().changes.len(), 0);
}

#[test]
fn an_engine_elsewhere_is_refused() {
    let refused = TestHost::new().node::<Provides<DockerWatch>>("(socket: \"tcp://10.0.0.1:2375\")");
    assert!(refused.err().unwrap().contains("is no unix socket"));
}
