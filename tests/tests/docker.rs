//! Containers of a real engine, started for each scenario in a folder of its own: they are found, followed and let go,
//! also while the engine is away. Without an engine a run goes on, and ends when it is told to.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child as Process, Command, Stdio};
use std::time::{Duration, Instant};
use system_tests::bed::Bed;
use system_tests::need::{Need, have, lack};

/// Generous, for what would otherwise hang on a machine that is shared.
const SOON: Duration = Duration::from_secs(60);
const IMAGE: &str = "pipeline-tests:busybox";

/// An engine without a network, whose files lie in one folder and whose groups lie in one group.
struct Dockerd {
    bed: Bed,
    process: Process,
    group: String,
}

impl Dockerd {
    /// Starts one; `None`, and a line that says why, where none can be started.
    fn start() -> Option<Self> {
        if !have(&[Need::Docker]) {
            return None;
        }
        let bed = Bed::new();
        let group = format!(
            "docker-tests-{}",
            bed.folder().file_name()?.to_string_lossy().replace('.', "")
        );
        let process = Self::launch(&bed, &group);
        let mut engine = Self { bed, process, group };
        if !engine.comes_up() {
            let log = engine.bed.read("log");
            let last: Vec<&str> = log.lines().rev().take(3).collect();
            lack(
                Need::Docker,
                &format!("`dockerd` does not come up: {}", last.join(" | ")),
            );
            return None;
        }
        engine.make_image();
        Some(engine)
    }

    fn launch(bed: &Bed, group: &str) -> Process {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(bed.path("log"))
            .unwrap();
        let path = |name: &str| bed.path(name).display().to_string();
        Command::new("dockerd")
            .args([
                "--data-root",
                &path("data"),
                "--exec-root",
                &path("exec"),
                "--pidfile",
                &path("pid"),
            ])
            .args([
                "-H",
                &format!("unix://{}", path("docker.sock")),
                "--cgroup-parent",
                &format!("/{group}"),
            ])
            .args([
                "--exec-opt",
                "native.cgroupdriver=cgroupfs",
                "--storage-driver=vfs",
                "--live-restore",
            ])
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn comes_up(&mut self) -> bool {
        let begun = Instant::now();
        while !self.docker(&["version"]).status.success() {
            if begun.elapsed() > SOON || self.process.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// An image of one file, since there is no registry to ask.
    fn make_image(&self) {
        let search = std::env::var_os("PATH").unwrap();
        let busybox = std::env::split_paths(&search)
            .map(|folder| folder.join("busybox"))
            .find(|file| file.is_file());
        self.bed
            .write("image/bin/busybox", std::fs::read(busybox.unwrap()).unwrap());
        let script = "chmod 755 image/bin/busybox && tar -C image -cf image.tar . && docker import image.tar \"$0\"";
        let made = self.command("sh").args(["-c", script, IMAGE]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn socket(&self) -> PathBuf {
        self.bed.path("docker.sock")
    }

    fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.bed.folder()).env("DOCKER_HOST", self.host());
        command
    }

    fn docker(&self, arguments: &[&str]) -> std::process::Output {
        self.command("docker").args(arguments).output().unwrap()
    }

    /// Carries out a command of the engine's command line, and gives what it printed.
    #[track_caller]
    fn tell(&self, arguments: &[&str]) -> String {
        let said = self.docker(arguments);
        assert!(
            said.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&said.stderr)
        );
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    /// Runs a container that does that, and gives its id.
    #[track_caller]
    fn run(&self, name: &str, options: &[&str], script: &str) -> String {
        let begin = ["run", "-d", "--network", "none", "--name", name];
        self.tell(&[&begin, options, &[IMAGE, "/bin/busybox", "sh", "-c", script]].concat())
    }

    /// Ends the engine, as for an upgrade; its containers live on.
    fn end(&mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        let begun = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < SOON, "it does not end: {}", self.bed.read("log"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn start_again(&mut self) {
        self.process = Self::launch(&self.bed, &self.group);
        assert!(self.comes_up(), "{}", self.bed.read("log"));
    }

    /// A folder with a graph that watches this engine.
    fn watched(&self, config: &str) -> Bed {
        Bed::with(&format!(
            r#"(
    version: 1,
    targets: {{ "box": (plugin: "docker.watch", config: (socket: "{}", {config})) }},
    collectors: {{ "use": (plugin: "cgroup.stats", of: ["box"], every: "200ms", config: (families: [Cpu])) }},
    sinks: {{ "out": (plugin: "file.jsonl", from: ["use"], config: (path: "out.jsonl", flush: "0s")) }},
)"#,
            self.host()
        ))
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(None)) {
            self.process = Self::launch(&self.bed, &self.group);
            let _ = self.comes_up();
        }
        let all = String::from_utf8(self.docker(&["ps", "-aq"]).stdout).unwrap_or_default();
        for id in all.lines() {
            self.docker(&["rm", "-f", id]);
        }
        // Its containerd ends with it.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let begun = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && begun.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Engines mount their data onto itself, and do not always take that back.
        let _ = Command::new("umount")
            .arg(self.bed.path("data"))
            .stderr(Stdio::null())
            .status();
        let trees = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        for tree in trees.map(|tree| tree.path()).chain(["/sys/fs/cgroup".into()]) {
            let _ = std::fs::remove_dir(tree.join(&self.group));
        }
    }
}

/// What the record tells of targets so far: the change, the name, and the whole line.
fn told(bed: &Bed) -> Vec<(String, String, Value)> {
    let text = std::fs::read_to_string(bed.path("out.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let targets = lines.filter(|line| line["kind"] == "target");
    let part = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    targets
        .map(|line| (part(&line, "change"), part(&line, "name"), line))
        .collect()
}

/// The last line of that change and name.
fn line(bed: &Bed, change: &str, name: &str) -> Option<Value> {
    let found = told(bed)
        .into_iter()
        .rev()
        .find(|told| told.0 == change && told.1 == name);
    found.map(|told| told.2)
}

/// A container is told with what the engine and the kernel know of it; it is told when it is paused, renamed, started
/// again and killed, and its use is read from the groups that were told. One that is not meant is never told.
#[test]
fn a_container_is_followed_from_its_start_to_its_end() {
    let Some(engine) = Dockerd::start() else { return };
    let config = r#"except: ["*-test"], rules: [(labelled: ["tier=batch"], class: BestEffort)]"#;
    let bed = engine.watched(config);
    let early = engine.run("early", &[], "while :; do /bin/busybox sleep 1; done");
    let mut run = bed.start(&["--for", "5m"]);
    run.until(SOON, "find what runs already", |_| {
        line(&bed, "appeared", "box/early").is_some()
    });
    engine.run("web-test", &[], "/bin/busybox sleep 600");
    let options = [
        "--label",
        "tier=batch",
        "--label",
        "com.docker.compose.project=shop",
        "--cpuset-cpus",
        "0",
    ];
    let id = engine.run("busy", &options, "while :; do :; done");
    run.until(SOON, "find it", |_| line(&bed, "appeared", "box/busy").is_some());

    let busy = line(&bed, "appeared", "box/busy").unwrap();
    let labels = &busy["labels"];
    assert_eq!(
        (&busy["class"], &busy["cpus"]),
        (&"BestEffort".into(), &serde_json::json!([0]))
    );
    assert_eq!(
        (labels["id"].as_str(), labels["image"].as_str()),
        (Some(id.as_str()), Some(IMAGE))
    );
    assert_eq!(
        (labels["compose_project"].as_str(), labels["state"].as_str()),
        (Some("shop"), Some("running"))
    );
    let pid = engine.tell(&["inspect", "-f", "{{.State.Pid}}", "busy"]);
    let dirs = busy["cgroups"].as_array().unwrap();
    assert!(!dirs.is_empty(), "{busy}");
    for dir in dirs {
        let path = PathBuf::from(dir["path"].as_str().unwrap());
        assert!(path.to_string_lossy().contains(&id), "{dir}");
        assert_eq!(path.metadata().unwrap().ino(), dir["inode"].as_u64().unwrap());
        let listed = std::fs::read_to_string(path.join("cgroup.procs")).unwrap();
        assert!(listed.lines().any(|line| line == pid), "{dir}: {listed}");
    }
    run.until(SOON, "read its use", |_| {
        let text = bed.read("out.jsonl");
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let used = lines.filter(|line| line["metric"] == "cpu.time" && line["target"] == "box/busy");
        used.filter_map(|line| line["value"].as_f64()).any(|value| value > 1e6)
    });

    for (command, state) in [("pause", "paused"), ("unpause", "running")] {
        engine.tell(&[command, "busy"]);
        run.until(SOON, command, |_| {
            line(&bed, "changed", "box/busy").is_some_and(|line| line["labels"]["state"] == state)
        });
    }
    engine.tell(&["rename", "busy", "busier"]);
    run.until(SOON, "follow the name", |_| {
        line(&bed, "gone", "box/busy").is_some() && line(&bed, "appeared", "box/busier").is_some()
    });
    engine.tell(&["restart", "-t", "0", "busier"]);
    run.until(SOON, "see its next life", |_| {
        line(&bed, "appeared", "box/busier").is_some_and(|line| line["generation"] == 2)
    });
    engine.tell(&["kill", "busier"]);
    run.until(SOON, "see its end", |_| {
        line(&bed, "gone", "box/busier").is_some_and(|line| line["generation"] == 2)
    });
    assert!(told(&bed).iter().all(|told| told.1 != "box/web-test"), "it is excepted");
    assert_eq!(line(&bed, "gone", "box/early"), None);
    run.signal(Signal::INT);
    run.end(SOON).with(0).line("the host is as it was found");
    assert_eq!(
        engine.tell(&["inspect", "-f", "{{.State.Running}}", &early]),
        "true",
        "nothing was changed"
    );
}

/// An engine that ends is told once. Its containers live on and are not told gone, the end of one of them is told
/// although nobody but the kernel knows, and those that are left are the same when the engine is back.
#[test]
fn containers_outlive_their_engine_and_their_ends_are_seen_without_it() {
    let Some(mut engine) = Dockerd::start() else { return };
    let bed = engine.watched("");
    engine.run("lives", &[], "/bin/busybox sleep 600");
    engine.run("ends", &[], "/bin/busybox sleep 600");
    let pid: i32 = engine
        .tell(&["inspect", "-f", "{{.State.Pid}}", "ends"])
        .parse()
        .unwrap();
    let mut run = bed.start(&["--for", "5m"]);
    run.until(SOON, "find both", |_| {
        ["box/lives", "box/ends"]
            .into_iter()
            .all(|name| line(&bed, "appeared", name).is_some())
    });
    engine.end();
    run.says("it is tried again with growing pauses", SOON);
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    run.until(SOON, "see the end of one", |_| line(&bed, "gone", "box/ends").is_some());
    engine.start_again();
    run.says("the engine is there", SOON);
    engine.run("later", &[], "/bin/busybox sleep 600");
    run.until(SOON, "follow events again", |_| {
        line(&bed, "appeared", "box/later").is_some()
    });
    let of_it: Vec<String> = told(&bed)
        .into_iter()
        .filter(|told| told.1 == "box/lives")
        .map(|told| told.0)
        .collect();
    assert_eq!(of_it, ["appeared"], "it lives on as the same target");
    run.signal(Signal::INT);
    let ended = run.end(SOON).with(0);
    assert_eq!(ended.count("the engine is there"), 1, "{}", ended.stderr);
}

/// What an engine is like stands in the doctor's report, and what is missing with the command that mends it.
#[test]
fn the_doctor_asks_a_real_engine() {
    let Some(engine) = Dockerd::start() else { return };
    let bed = Bed::new();
    let ask = |host: &str| {
        let mut command = bed.command(["doctor", "docker.watch"]);
        system_tests::child::Child::start(command.env("DOCKER_HOST", host)).end(SOON)
    };
    let well = ask(&engine.host()).with(0);
    let version = engine.tell(&["version", "-f", "{{.Server.Version}}"]);
    for part in [
        &format!("Docker engine: version {version}, API "),
        "cgroup driver: cgroupfs, version ",
    ] {
        assert!(well.stdout.contains(part), "{part} in {}", well.stdout);
    }
    let missing = ask("unix:///nowhere/docker.sock").with(69);
    assert!(missing.stdout.contains("missing  Docker socket"), "{}", missing.stdout);
    assert!(
        missing.stdout.contains("dockerd") || missing.stdout.contains("start docker"),
        "{}",
        missing.stdout
    );
}

/// A run whose engine is not there goes on, says so once, and ends when it is told to.
#[test]
fn a_run_without_an_engine_goes_on_and_ends_when_it_is_told_to() {
    let graph = |socket: &str| {
        format!(
            r#"(version: 1, targets: {{ "box": (plugin: "docker.watch", config: (socket: "{socket}")) }},
                collectors: {{ "use": (plugin: "cgroup.stats", of: ["box"], every: "1s") }},
                sinks: {{ "out": (plugin: "file.jsonl", from: ["use"], config: (path: "out.jsonl")) }})"#
        )
    };
    let bed = Bed::with(&graph("/nowhere/docker.sock"));
    let mut run = bed.start(&["--for", "5m"]);
    run.says("there is no engine at `/nowhere/docker.sock`", SOON);
    std::thread::sleep(Duration::from_millis(1500));
    run.signal(Signal::INT);
    let ended = run.end(SOON).with(0);
    assert_eq!(ended.count("there is no engine"), 1, "{}", ended.stderr);
    let far = Bed::with(&graph("tcp://10.0.0.1:2375")).run(&[]).with(78);
    assert!(
        far.stderr.contains("`tcp://10.0.0.1:2375` is no unix socket"),
        "{}",
        far.stderr
    );
}
