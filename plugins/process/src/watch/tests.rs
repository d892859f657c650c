//! Real processes of this machine, and trees that stand for one, as targets.

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

#[test]
fn a_real_process_is_brought_by_its_command_line_and_goes_at_once_when_it_ends() {
    let mut sleeper = Sleeper::new("3601.17");
    let pid = sleeper.0.id();
    let config = "(older_than: \"0s\", own: true, group_by: Process, commands: [\"sleep 3601.17\"], class: Batch)";
    let mut watching = Watching::new(config);
    let mut found = Vec::new();
    for _ in 0..200 {
        // Until it has become `sleep`.
        found = watching.targets(0);
        if !found.is_empty() {
            break;
        }
        await_ready([].into_iter(), 10);
    }
    let target = &found[0];
    assert_eq!(target.name, format!("watch/{pid}"));
    assert_eq!((target.class, target.provider.as_str()), (Class::BATCH, "watch"));
    assert_eq!(target.processes[0].pid, pid);
    let label = |name: &str| {
        target
            .labels
            .iter()
            .find(|label| label.name == name)
            .unwrap()
            .value
            .to_string()
    };
    assert_eq!(
        (label("name"), label("command")),
        ("sleep".to_owned(), "sleep 3601.17".to_owned())
    );
    let descriptors = watching.node.raw().descriptors();
    assert_eq!(descriptors.len(), 1);
    sleeper.end();
    let ready = pipeline_plugin_api::abi::borrow_descriptor(descriptors[0]);
    let mut polled = [rustix::event::PollFd::from_borrowed_fd(
        ready,
        rustix::event::PollFlags::IN,
    )];
    assert_eq!(
        rustix::event::poll(&mut polled, None).unwrap(),
        1,
        "the descriptor tells its end"
    );
    let mut out = Batch::default();
    let tick = Tick {
        at: Nanos::from_millis(1),
        missed: 0,
        ready: descriptors.as_slice().into(),
    };
    watching.node.raw().tick(&tick, &mut out).into_result().unwrap();
    assert_eq!(told(&out), [format!("gone watch/{pid}")]);
    assert!(watching.node.raw().descriptors().is_empty());
}

#[test]
fn a_group_goes_on_with_a_child_that_was_made_since_the_last_look() {
    // The leader waits for a line, makes a child in its group and ends.
    let mut command = Command::new("sh");
    command.args(["-c", "read go; sleep 3601.19 & exit 0; echo group-3601.19"]);
    command.stdin(std::process::Stdio::piped());
    let mut leader = std::os::unix::process::CommandExt::process_group(&mut command, 0)
        .spawn()
        .unwrap();
    let pid = leader.id();
    let config = "(older_than: \"0s\", own: true, commands: [\"*echo group-3601.19\"])";
    let mut watching = Watching::new(config);
    let mut found = Vec::new();
    for _ in 0..200 {
        found = watching.look(0);
        if !found.is_empty() {
            break;
        }
        await_ready([].into_iter(), 10);
    }
    assert_eq!(found, [format!("appeared watch/{pid} [{pid}]")]);
    let descriptors = watching.node.raw().descriptors();
    std::io::Write::write_all(&mut leader.stdin.take().unwrap(), b"go\n").unwrap();
    leader.wait().unwrap();
    let mut tick = |millis: u64, ready: &[i32]| {
        let mut out = Batch::default();
        let tick = Tick {
            at: Nanos::from_millis(millis),
            missed: 0,
            ready: ready.into(),
        };
        watching.node.raw().tick(&tick, &mut out).into_result().unwrap();
        (told(&out), watching.node.raw().descriptors())
    };
    let (said, descriptors) = tick(60_000, &descriptors);
    assert!(
        said.len() == 1 && said[0].starts_with(&format!("changed watch/{pid} [")),
        "{said:?}"
    );
    assert_eq!(descriptors.len(), 1, "the end of the child is waited for");
    let child: i32 = said[0].split(['[', ']']).nth(1).unwrap().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
    for millis in 0..500 {
        let (said, _) = tick(120_000 + millis, &descriptors);
        if !said.is_empty() {
            assert_eq!(said, [format!("gone watch/{pid}")]);
            return;
        }
        await_ready([].into_iter(), 10);
    }
    panic!("it did not go within 5 s");
}

#[test]
fn what_this_run_started_is_left_out_unless_asked_for() {
    let _sleeper = Sleeper::new("3601.23");
    let mut watching = Watching::new("(older_than: \"0s\", group_by: Process, commands: [\"sleep 3601.23\"])");
    await_ready([].into_iter(), 100);
    assert_eq!(watching.look(0), [""; 0]);
}

#[test]
fn groups_come_with_their_children_and_change_with_them() {
    let machine = Machine::new(&[
        fake(1, "init"),
        fake(50, "nginx"),
        Fake {
            parent: 50,
            group: 50,
            ..fake(51, "nginx")
        },
    ]);
    let mut watching = machine.watch("names: [\"nginx\"]");
    assert_eq!(watching.look(0), ["appeared watch/50 [50, 51]"]);
    assert_eq!(watching.look(1), [""; 0], "nothing changed");
    machine.add(Fake {
        parent: 51,
        group: 90,
        start: 9_999,
        ..fake(90, "cgi")
    });
    assert_eq!(watching.look(2), ["changed watch/50 [50, 51, 90]"]);
    machine.end(50);
    assert_eq!(watching.look(3), ["changed watch/50 [51, 90]"]);
    let late = Fake {
        parent: 1,
        group: 50,
        ..fake(52, "nginx")
    };
    machine.end(51);
    machine.end(90);
    machine.add(late);
    assert_eq!(watching.look(4), ["changed watch/50 [52]"], "the group lives on");
    machine.add(Fake {
        start: 9_999,
        ..fake(50, "other")
    });
    machine.end(52);
    assert_eq!(watching.look(5), ["gone watch/50"], "its id is another's now");
}

#[test]
fn the_kernel_and_the_first_process_are_left_out_unless_asked_for() {
    let kthread = Fake {
        parent: 2,
        flags: 0x0020_0000,
        ..fake(30, "kworker")
    };
    let machine = Machine::new(&[fake(1, "init"), kthread, fake(50, "x")]);
    assert_eq!(machine.watch("").look(0), ["appeared watch/50 [50]"]);
    let all = machine.watch("kernel: true, init: true, group_by: Process").look(0);
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn an_id_that_was_used_again_is_another_target() {
    let machine = Machine::new(&[fake(50, "a")]);
    let mut watching = machine.watch("group_by: Process");
    let first = watching.targets(0).remove(0);
    machine.add(Fake {
        start: 600,
        ..fake(50, "b")
    });
    let now = watching.targets(1);
    assert_eq!(now.len(), 2);
    assert_eq!(now[0].id, first.id, "the first one is gone");
    assert!(now[1].id != first.id && now[1].generation == 2);
}

#[test]
fn the_threshold_can_be_set_while_it_runs_and_what_was_brought_stays() {
    let machine = Machine::new(&[Fake {
        start: 9_000,
        ..fake(50, "young")
    }]);
    let mut watching = machine.watch("");
    assert_eq!(watching.look(0), [""; 0], "it has run for 1000 s and not for an hour");
    watching.set("older_than", "1000.5").unwrap();
    assert_eq!(watching.look(1), [""; 0]);
    watching.set("older_than", "\"16m\"").unwrap();
    assert_eq!(watching.look(2), ["appeared watch/50 [50]"]);
    watching.set("older_than", "\"2h\"").unwrap();
    assert_eq!(watching.look(3), [""; 0]);
    assert!(watching.status().contains("older than 2h"), "{}", watching.status());
    let wrong = watching.set("older_than", "\"soon\"").unwrap_err();
    assert!(wrong.contains("write `\"30m\"`"), "{wrong}");
    assert!(watching.set("younger", "1").unwrap_err().contains("`older_than`"));
    assert_eq!(watching.host.world().wakes, 3, "each setting has it look soon");
}

#[test]
fn only_what_is_busy_over_a_window_is_brought() {
    let machine = Machine::new(&[fake(50, "busy"), fake(60, "idle")]);
    let mut watching = machine.watch("busier_than: 0.5, window: \"10s\"");
    assert_eq!(watching.look(0), [""; 0]);
    let hz = clock_ticks_per_second();
    machine.add(Fake {
        ticks: 6 * hz,
        ..fake(50, "busy")
    });
    machine.add(Fake {
        ticks: 4 * hz,
        ..fake(60, "idle")
    });
    assert_eq!(watching.look(5), [""; 0]);
    assert_eq!(watching.look(10), ["appeared watch/50 [50]"]);
    assert_eq!(watching.look(20), [""; 0], "what was brought stays");
}

#[test]
fn one_that_must_be_acknowledged_is_announced_once_and_comes_when_somebody_says_so() {
    let machine = Machine::new(&[fake(50, "a"), fake(60, "b"), fake(70, "c")]);
    let mut watching = machine.watch("acknowledge: true, acknowledge_timeout: \"100s\"");
    assert_eq!(watching.look(0), [""; 0]);
    assert_eq!(watching.look(1), [""; 0]);
    assert_eq!(watching.logged("waits to be acknowledged"), 3);
    assert!(
        watching.status().ends_with("acknowledged: 50, 60, 70"),
        "{}",
        watching.status()
    );
    watching.set("acknowledge", "\"watch/50\"").unwrap();
    watching.set("refuse", "60").unwrap();
    assert_eq!(watching.look(2), ["appeared watch/50 [50]"]);
    assert!(watching.set("acknowledge", "99").unwrap_err().contains("`99`"));
    watching.look(101);
    assert_eq!(watching.logged("not acknowledged in time"), 1);
    watching.set("acknowledge", "70").unwrap();
    assert_eq!(watching.look(102), ["appeared watch/70 [70]"]);
    machine.end(60);
    watching.look(103);
    machine.add(fake(60, "b"));
    watching.look(104);
    assert_eq!(
        watching.logged("waits to be acknowledged"),
        4,
        "one that comes again is asked for again"
    );
}

#[test]
fn a_target_is_added_and_refused_by_hand() {
    let machine = Machine::new(&[Fake {
        start: 9_999,
        ..fake(50, "young")
    }]);
    let mut watching = machine.watch("names: [\"other\"], acknowledge: true");
    assert_eq!(watching.look(0), [""; 0]);
    watching.set("add", "50").unwrap();
    assert_eq!(watching.look(1), ["appeared watch/50 [50]"]);
    watching.set("refuse", "50").unwrap();
    assert_eq!(watching.look(2), ["gone watch/50"]);
    assert_eq!(watching.look(3), [""; 0], "it stays away");
    assert!(watching.set("add", "51").unwrap_err().contains("no process `51`"));
}

#[test]
fn a_group_that_was_refused_stays_away_when_its_leader_ends() {
    let worker = Fake {
        parent: 50,
        group: 50,
        ..fake(51, "worker")
    };
    let machine = Machine::new(&[fake(50, "leader"), worker]);
    let mut watching = machine.watch("");
    assert_eq!(watching.look(0), ["appeared watch/50 [50, 51]"]);
    watching.set("refuse", "50").unwrap();
    assert_eq!(watching.look(1), ["gone watch/50"]);
    machine.end(50);
    machine.add(Fake {
        start: 20,
        parent: 1,
        ..worker
    });
    assert_eq!(watching.look(2), [""; 0]);
    machine.end(51);
    assert_eq!(watching.look(3), [""; 0]);
    machine.add(fake(50, "leader"));
    assert_eq!(watching.look(4), ["appeared watch/50 [50]"], "another one of that id");
}

#[test]
fn no_more_are_brought_than_allowed_and_that_is_told_once() {
    let many: Vec<Fake> = (50..60).map(|pid| fake(pid, "x")).collect();
    let machine = Machine::new(&many);
    let mut watching = machine.watch("most: 3");
    assert_eq!(watching.look(0).len(), 3);
    watching.look(1);
    assert_eq!(watching.logged("more processes to bring"), 1);
    machine.end(50);
    assert_eq!(watching.look(2), ["gone watch/50", "appeared watch/53 [53]"]);
}

#[test]
fn the_first_rule_that_fits_says_what_a_target_is_for() {
    let machine = Machine::new(&[fake(50, "redis-server"), fake(60, "stress-ng")]);
    let mut watching = machine.watch(
        "class: BestEffort, priority: 1, labels: {\"a\": \"1\"}, rules: [\
         (names: [\"redis*\"], commands: [\"*7777*\"], class: Latency, labels: {\"b\": \"2\"}, \
          goals: [(metric: \"kpi.latency.p99\", at_most: 1e6)]), (priority: 9)]",
    );
    let found = watching.targets(0);
    assert_eq!(
        (found[0].class, found[0].priority, found[0].goals.len()),
        (Class::LATENCY, 1, 1)
    );
    let labels: Vec<&str> = found[0].labels.iter().map(|label| label.name.as_str()).collect();
    assert_eq!(labels, ["a", "b", "name", "command", "user"]);
    assert_eq!(
        (found[1].class, found[1].priority, found[1].goals.len()),
        (Class::BEST_EFFORT, 9, 0)
    );
}

#[test]
fn users_and_groups_choose_too() {
    let machine = Machine::new(&[fake(50, "x")]);
    assert_eq!(
        machine
            .watch("users: [\"33\"], cgroups: [\"/system.slice/*\"]")
            .look(0)
            .len(),
        1
    );
    assert_eq!(machine.watch("users: [\"root\"]").look(0).len(), 0, "it acts as 33");
    assert_eq!(machine.watch("cgroups: [\"/user.slice/*\"]").look(0).len(), 0);
}

#[test]
fn all_targets_go_when_the_node_stops() {
    let machine = Machine::new(&[fake(50, "x"), fake(60, "y")]);
    let mut watching = machine.watch("");
    watching.look(0);
    assert_eq!(
        told(&watching.node.finish().unwrap()),
        ["gone watch/50", "gone watch/60"]
    );
}
