//! A running pipeline is asked and set: `pipeline status` and `pipeline control` against real runs, clients that mean
//! no good, and what a run tells of itself as readings.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use rustix::process::Signal;
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use system_tests::bed::Bed;
use system_tests::child::{Child, Ended};
use system_tests::need::{Need, have};

const SOON: Duration = Duration::from_secs(10);
const NOBODY: u32 = 65534;

/// The run as a target with its nodes' figures, a mock with a setting, one that hangs when it is set, and the processes
/// of the machine that are older than a thousand hours.
const GRAPH: &str = r#"(
    version: 1,
    targets: {
        "self": (plugin: "telemetry.self"),
        "long": (plugin: "process.watch", config: (older_than: "1000h")),
    },
    collectors: {
        "cost": (plugin: "process.stats", of: ["self"], every: "100ms", config: (steal: false)),
        "nodes": (plugin: "telemetry.nodes", of: ["self"], every: "100ms"),
        "fast": (plugin: "fault.collect", every: "50ms"),
        "stuck": (plugin: "fault.collect", every: "50ms", lane: "aside", config: (trouble: (what: Hang, call: Control))),
        "mute": (plugin: "fault.collect", every: "50ms", lane: "beside", config: (trouble: (what: Hang, call: Status, lives: 1))),
    },
    sinks: {
        "out": (plugin: "file.jsonl", from: ["cost", "nodes", "fast"], config: (path: "out.jsonl", flush: "0s")),
    },
)"#;

/// A run that has begun, and its socket.
struct Running {
    bed: Bed,
    child: Child,
    socket: PathBuf,
}

impl Running {
    fn start(graph: &str) -> Self {
        let bed = Bed::with(graph);
        let mut child = bed.start(&[]);
        child.says(" nodes in ", SOON);
        let socket = sockets(&bed).remove(0);
        Self { bed, child, socket }
    }

    fn control(&self, arguments: &[&str]) -> Ended {
        self.bed.tool([&["control"], arguments].concat())
    }

    /// What `control` says when it refuses.
    fn refused(&self, arguments: &[&str]) -> String {
        let said = self.control(arguments).with(1);
        assert_eq!(said.stdout, "");
        said.stderr
    }

    /// The one run that `status` knows.
    fn status(&self) -> Value {
        let said = self.bed.tool(["status", "--format", "json"]).with(0);
        let told: Value = serde_json::from_str(&said.stdout).unwrap();
        let runs = told["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 1, "{told}");
        runs[0].clone()
    }

    /// All that a client is told that sends those bytes.
    fn told(&self, bytes: &[u8]) -> String {
        let mut client = UnixStream::connect(&self.socket).unwrap();
        // Of what is too long not all may be taken.
        let _ = client.write_all(bytes);
        told(client)
    }

    fn stop(self) -> (Bed, Ended) {
        self.child.signal(Signal::TERM);
        (self.bed, self.child.end(Duration::from_secs(15)))
    }
}

fn told(mut client: UnixStream) -> String {
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = Vec::new();
    // What was not read of its own words ends in a reset, behind the reply.
    let _ = client.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn sockets(bed: &Bed) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(bed.path("runtime")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "sock"))
        .collect()
}

fn node<'a>(status: &'a Value, name: &str) -> &'a Value {
    let nodes = status["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["node"] == name).unwrap()
}

/// `status` names the run, its graph and its process, and each node with what it is and what it says; a node that hangs
/// when it is asked costs its own line only. When the run ends the socket is gone, and then nothing runs here.
#[test]
fn status_shows_the_run_and_every_node_until_it_ends() {
    let running = Running::start(GRAPH);
    assert_eq!(std::fs::metadata(&running.socket).unwrap().mode() & 0o777, 0o600);
    let status = running.status();
    assert_eq!(
        (&status["graph"], &status["pid"]),
        (&"graph.ron".into(), &running.child.id().into())
    );
    assert!(status["guardian_pid"].is_number(), "{status}");
    let names: Vec<&str> = status["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["node"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["self", "long", "cost", "nodes", "fast", "stuck", "mute", "out"]);
    let fast = node(&status, "fast");
    assert_eq!(
        [
            &fast["element"],
            &fast["stage"],
            &fast["lane"],
            &fast["state"],
            &fast["status"]
        ],
        ["fault.collect", "collector", "control", "runs", "life 1"]
    );
    assert!(node(&status, "mute")["silent"].is_string(), "{status}");
    let text = running.bed.tool(["status"]).with(0).stdout;
    assert!(
        text.starts_with(&format!(
            "run {} (process {}, `graph.ron`), up ",
            status["run"].as_str().unwrap(),
            running.child.id()
        )),
        "{text}"
    );
    let own = text.lines().find(|line| line.starts_with("self ")).unwrap();
    assert!(
        own.contains("telemetry.self") && own.ends_with(&format!("pid {}", running.child.id())),
        "{text}"
    );
    let (bed, said) = running.stop();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(sockets(&bed), [""; 0].map(PathBuf::from));
    let none = bed.tool(["status"]).with(0).stdout;
    assert!(none.starts_with("no pipeline runs here"), "{none}");
    assert!(
        bed.tool(["control", "fast", "echo", "1"])
            .with(1)
            .stderr
            .contains("no pipeline runs here")
    );
}

/// A setting is changed in the node, which says so itself, and the log tells it.
#[test]
fn a_setting_is_changed_while_it_runs() {
    let running = Running::start(GRAPH);
    let said = running.control(&["long", "older_than", "\"2000h\""]).with(0);
    assert_eq!(said.stdout, "`older_than` of `long` is \"2000h\" now\n");
    let status = node(&running.status(), "long")["status"].as_str().unwrap().to_owned();
    assert!(
        status.contains("older than 2months") || status.contains("older than 83days"),
        "{status}"
    );
    let (_, said) = running.stop();
    assert!(
        said.line("`older_than` was set to `\"2000h\"`")
            .contains("INFO  long: "),
        "{}",
        said.stderr
    );
}

/// A node that is not there, a setting that its element does not have, a value that does not fit: each is refused with
/// what there is instead, and the run goes on.
#[test]
fn what_cannot_be_set_is_refused_with_what_can() {
    let running = Running::start(GRAPH);
    let why = running.refused(&["lnog", "older_than", "\"2h\""]);
    assert_eq!(why, "error: there is no node `lnog`; did you mean `long`?\n");
    let why = running.refused(&["long", "older", "\"2h\""]);
    assert!(
        why.contains("`process.watch` has no setting `older`; it has `older_than`,"),
        "{why}"
    );
    let why = running.refused(&["long", "older_than", "2h"]);
    assert!(
        why.contains("a text needs quotes that the shell leaves: `'\"2h\"'`"),
        "{why}"
    );
    let why = running.refused(&["long", "older_than", "\"soon\""]);
    assert!(why.contains("soon") && !why.contains("quotes"), "{why}");
    let why = running.refused(&["self", "class", "Batch"]);
    assert!(why.contains("`telemetry.self` has no setting `class`"), "{why}");
    let why = running.refused(&["fast", "echo", "1", "--run", "nosuch"]);
    assert!(why.contains("no run `nosuch` listens in"), "{why}");
    running.control(&["fast", "echo", "1"]).with(0);
    assert_eq!(running.stop().1.code, Some(0));
}

/// A node that hangs in being set loses its thread and its life, and whoever asked is told within seconds; the others
/// are set as before.
#[test]
fn a_node_that_hangs_when_it_is_set_costs_nobody_else() {
    let running = Running::start(GRAPH);
    let begun = Instant::now();
    let why = running.refused(&["stuck", "echo", "1"]);
    assert!(
        why.contains("`stuck` ended before it answered") || why.contains("`stuck` is busy"),
        "{why}"
    );
    assert!(begun.elapsed() < SOON);
    running.control(&["fast", "echo", "1"]).with(0);
    let stuck = node(&running.status(), "stuck").clone();
    assert_eq!(stuck["abandoned"], 1, "{stuck}");
    running.stop();
}

/// Clients that say nothing, garbage, or far too much get a sentence or lose their connection; meanwhile and afterwards
/// others are answered and no instant is missed for it.
#[test]
fn bad_clients_hold_up_nobody() {
    let running = Running::start(GRAPH);
    let silent: Vec<UnixStream> = (0..7).map(|_| UnixStream::connect(&running.socket).unwrap()).collect();
    running.control(&["fast", "echo", "1"]).with(0);
    for garbage in [
        &b"\x00\xff\xfe\n"[..],
        b"hello\n",
        b"{\"request\":\"control\"}\n",
        b"\n",
    ] {
        let told = running.told(garbage);
        assert!(told.starts_with("{\"error\":\"this is no request ("), "{told}");
    }
    let told = running.told(&[b'a'; 100_000]);
    assert_eq!(told, "{\"error\":\"the request is longer than 65536 bytes\"}\n");
    // One who asks and leaves.
    let mut gone = UnixStream::connect(&running.socket).unwrap();
    gone.write_all(b"{\"request\":\"status\"}\n").unwrap();
    drop(gone);
    for client in silent {
        assert_eq!(self::told(client), "{\"error\":\"no request within 5s\"}\n");
    }
    running.control(&["fast", "echo", "1"]).with(0);
    let status = running.status();
    assert_eq!(
        (&node(&status, "fast")["failures"], &node(&status, "fast")["restarts"]),
        (&0.into(), &0.into())
    );
    assert_eq!(running.stop().1.code, Some(0));
}

/// The ninth client is told that it is one too many, and is answered when there is room.
#[test]
fn more_than_eight_clients_are_told_to_come_back() {
    let running = Running::start(GRAPH);
    let mut silent: Vec<UnixStream> = (0..8).map(|_| UnixStream::connect(&running.socket).unwrap()).collect();
    let why = running.refused(&["fast", "echo", "1"]);
    assert_eq!(why, "error: 8 others are being answered; try again\n");
    silent.pop();
    let mut running = running;
    let (bed, child) = (&running.bed, &mut running.child);
    child.until(SOON, "take another client", |_| {
        bed.tool(["control", "fast", "echo", "1"]).code == Some(0)
    });
}

/// Another user is refused even where the modes of folder and socket let them connect; root may ask what another user
/// runs.
#[test]
fn another_user_is_refused_and_root_is_not() {
    if !have(&[Need::Root]) {
        return;
    }
    let running = Running::start(GRAPH);
    let as_nobody = |bed: &Bed| {
        let mut command = bed.command(["status"]);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        Child::start(&mut command).end(SOON)
    };
    let open = |path: &Path, mode: u32| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    open(running.bed.folder(), 0o755);
    let said = as_nobody(&running.bed).with(1);
    assert!(said.stderr.contains("cannot list"), "{}", said.stderr);
    open(&running.bed.path("runtime"), 0o755);
    let said = as_nobody(&running.bed).with(1);
    assert!(said.stderr.contains("Permission denied"), "{}", said.stderr);
    open(&running.socket, 0o666);
    let said = as_nobody(&running.bed).with(1);
    assert_eq!(
        said.stderr,
        "error: only the user who runs this pipeline, and root, may ask it\n"
    );
    let (_, said) = running.stop();
    assert!(
        said.line("user 65534 was refused at the control socket")
            .contains("WARN")
    );

    let bed = Bed::with(r#"(version: 1, targets: { "self": (plugin: "telemetry.self") })"#);
    chown(bed.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = bed.command(["run", "graph.ron"]);
    let mut child = Child::start(command.uid(NOBODY).gid(NOBODY).env("HOME", bed.folder()));
    child.says(" nodes in ", SOON);
    let said = bed.tool(["status"]).with(0);
    assert!(
        said.stdout.contains(&format!("(process {},", child.id())),
        "{}",
        said.stdout
    );
}

/// Several runs are listed, and one is meant only when it is said which; a run that was killed leaves a socket that
/// nobody takes for a run, and that the next run removes.
#[test]
fn several_runs_are_told_apart_and_a_dead_one_is_none() {
    let running = Running::start(GRAPH);
    let other = "(version: 1, collectors: { \"slow\": (plugin: \"fault.collect\", every: \"1s\") })";
    running.bed.write("other.ron", other);
    let mut second = Child::start(&mut running.bed.command(["run", "other.ron"]));
    second.says(" nodes in ", SOON);
    let listed = running.bed.tool(["status"]).with(0).stdout;
    assert!(listed.contains("graph.ron") && listed.contains("other.ron"), "{listed}");
    let why = running.refused(&["slow", "echo", "1"]);
    assert!(
        why.contains("several pipelines run here") && why.contains("--run"),
        "{why}"
    );
    let pid = second.id().to_string();
    running.control(&["slow", "echo", "1", "--run", &pid]).with(0);
    let shown = running.bed.tool(["status", &pid]).with(0).stdout;
    assert!(shown.contains("other.ron") && shown.contains("\nslow "), "{shown}");

    second.signal(Signal::KILL);
    second.end(SOON);
    assert_eq!(sockets(&running.bed).len(), 2);
    assert_eq!(running.status()["graph"], "graph.ron");
    running.bed.tool(["run", "other.ron", "--once"]).with(0);
    assert_eq!(sockets(&running.bed), std::slice::from_ref(&running.socket));
}

/// A run tells of itself: the CPU time of its own process, and for each node the calls and the time that they took.
#[test]
fn a_run_can_be_watched_by_itself() {
    let mut running = Running::start(GRAPH);
    let enough = |bed: &Bed| bed.read("out.jsonl").matches("pipeline.node.busy").count() > 100;
    let bed = &running.bed;
    running.child.until(SOON, "tell of its nodes", |_| enough(bed));
    let (bed, _) = running.stop();
    let text = bed.read("out.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sum = |metric: &str, part: &str| {
        let of = lines
            .iter()
            .filter(|line| line["metric"] == metric && line["part"] == part);
        let of: Vec<&Value> = of.collect();
        assert!(of.iter().all(|line| line["target"] == "self"), "{of:?}");
        of.iter().filter_map(|line| line["value"].as_f64()).sum::<f64>()
    };
    assert!(sum("cpu.time", "") > 0.0);
    assert!(sum("pipeline.node.calls", "node/fast") > 1.0);
    assert!(sum("pipeline.node.busy", "node/nodes") > 0.0);
    assert_eq!(sum("pipeline.node.failures", "node/fast"), 0.0);
    let own = lines
        .iter()
        .find(|line| line["kind"] == "target" && line["name"] == "self")
        .unwrap();
    assert_eq!(
        (&own["class"], own["processes"].as_array().unwrap().len()),
        (&"BestEffort".into(), 1)
    );
}
