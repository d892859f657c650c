//! A secret that a graph uses is nowhere to be seen: not in a log, an error, a record, a drawing, the journal or a file
//! of the run, whether it is right, wrong, missing, or stands in the graph where it must not.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::child::{Child, Ended};
use system_tests::need::{Need, have};

const RIGHT: &str = "correct-horse-battery-staple";
const WRONG: &str = "tr0ub4dor-and-3";
const LONG: Duration = Duration::from_secs(20);

/// A redis server with a password, and a user of its access list with the same.
struct Server {
    _process: Child,
    port: u16,
}

impl Server {
    fn start(bed: &Bed) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let password = format!(">{RIGHT}");
        let mut command = Command::new("redis-server");
        command
            .args(["--save", "", "--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--requirepass", RIGHT, "--user", "me", "on", &password, "~*", "+@all"])
            .current_dir(bed.folder());
        let mut process = Child::start(&mut command);
        process.until(Duration::from_secs(10), "listen", |_| answers(port));
        Self {
            _process: process,
            port,
        }
    }
}

/// Whether a server there answers at all; without a password it only says that it wants one.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut answer = [0; 7];
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"-NOAUTH"
}

/// A load for a server, with those fields, everything of it recorded; a command stands for the server.
fn graph(port: u16, fields: &str) -> String {
    format!(
        r#"(
    version: 1,
    targets: {{ "web": (plugin: "process.run", config: (command: "sleep 60")) }},
    collectors: {{
        "users": (plugin: "kpi.redis", of: ["web"], config: (
            address: "redis://127.0.0.1:{port}", rate: 200, keys: 50, warm_up: "0s", {fields}
        )),
    }},
    sinks: {{ "out": (plugin: "file.jsonl", from: ["users"], config: (path: "out.jsonl", flush: "0s")) }},
)"#
    )
}

const LOGS_IN: &str = "password: Env(\"PIPELINE_TEST_PASSWORD\")";

/// The command line with the variable set, and all the files of the run in the scenario's folder.
fn command(bed: &Bed, arguments: &[&str], password: Option<&OsStr>) -> Command {
    let mut command = bed.command(arguments);
    command
        .env("PIPELINE_RUNTIME_DIR", bed.path("runtime"))
        .env_remove("PIPELINE_TEST_PASSWORD");
    if let Some(password) = password {
        command.env("PIPELINE_TEST_PASSWORD", password);
    }
    command
}

fn run(bed: &Bed, password: Option<&OsStr>) -> Ended {
    Child::start(&mut command(
        bed,
        &["run", "graph.ron", "-vv", "--for", "1500ms"],
        password,
    ))
    .end(LONG)
}

/// Files below a folder in which one of the values stands.
fn files_with(folder: &Path, values: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, values));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes);
            found.extend(values.iter().any(|value| text.contains(value)).then_some(path));
        }
    }
    found
}

/// Asserts that neither what was said nor any file of the scenario or of the machine's runs holds a value.
#[track_caller]
fn nothing_leaks(bed: &Bed, said: &Ended) {
    let values = [RIGHT, WRONG];
    for (name, text) in [("stdout", &said.stdout), ("stderr", &said.stderr)] {
        let shown = values.iter().any(|value| text.contains(value));
        assert!(!shown, "{name} has the secret:\n{text}");
    }
    let files = files_of_runs_with(bed, &values);
    assert!(files.is_empty(), "the secret stands in {files:?}");
}

/// The same for all that runs write: in the scenario's folder, and where the machine's runs keep their files.
fn files_of_runs_with(bed: &Bed, values: &[&str]) -> Vec<PathBuf> {
    let folders = [bed.folder(), Path::new("/run/pipeline"), Path::new("/var/lib/pipeline")];
    folders.iter().flat_map(|folder| files_with(folder, values)).collect()
}

fn number(bed: &Bed, metric: &str) -> f64 {
    let text = bed.read("out.jsonl");
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let of = |line: serde_json::Value| (line["metric"] == metric).then(|| line["value"].as_f64()).flatten();
    lines.filter_map(of).sum()
}

/// With the right password, of the default user and of another, requests are answered; nothing that the run says at
/// its loudest, writes or leaves holds the password.
#[test]
fn the_right_password_logs_in_and_is_nowhere_to_be_seen() {
    if !have(&[Need::Redis]) {
        return;
    }
    for user in ["", "user: \"me\", "] {
        let bed = Bed::new();
        let server = Server::start(&bed);
        bed.write("graph.ron", graph(server.port, &format!("{user}{LOGS_IN}")));
        let arguments = ["run", "graph.ron", "-vv", "--for", "2s"];
        let mut run = Child::start(&mut command(&bed, &arguments, Some(RIGHT.as_ref())));
        let is_answered =
            |_: &Child| std::fs::read_to_string(bed.path("out.jsonl")).is_ok_and(|text| text.contains("kpi.rate"));
        run.until(Duration::from_secs(10), "measure", is_answered);
        let journals = files_with(&bed.path("runtime"), &["sleep", "pipeline", "{"]);
        assert!(
            !journals.is_empty(),
            "a run that started a command has a journal while it runs"
        );
        let files = files_of_runs_with(&bed, &[RIGHT]);
        assert!(files.is_empty(), "the secret stands in {files:?}");
        let said = run.end(LONG).with(0);
        assert!(number(&bed, "kpi.rate") > 0.0, "nothing was answered:\n{}", said.stderr);
        nothing_leaks(&bed, &said);
    }
}

/// A wrong password is told once with what the server says and which fields to look at, and not shown.
#[test]
fn a_wrong_password_is_told_and_not_shown() {
    if !have(&[Need::Redis]) {
        return;
    }
    let bed = Bed::new();
    let server = Server::start(&bed);
    bed.write("graph.ron", graph(server.port, LOGS_IN));
    let said = run(&bed, Some(WRONG.as_ref()));
    let line = said.line("the server refused `AUTH`");
    assert!(line.contains("WRONGPASS") && line.contains("`password`"), "{line}");
    assert!(number(&bed, "kpi.errors") > 0.0);
    nothing_leaks(&bed, &said);
}

/// A variable that is not set, empty or no UTF-8 ends the node before it sends anything: the sentence names the
/// variable and the field, and never the value.
#[test]
fn a_variable_without_a_value_is_named_with_its_field() {
    let mut bytes = WRONG.as_bytes().to_vec();
    bytes.push(0xff);
    let garbled = OsString::from_vec(bytes);
    for (value, why) in [
        (None, "is not set"),
        (Some(OsStr::new("")), "is empty"),
        (Some(garbled.as_os_str()), "is no UTF-8"),
    ] {
        let bed = Bed::with(&graph(1, LOGS_IN));
        let said = run(&bed, value);
        let told = format!("the environment variable `PIPELINE_TEST_PASSWORD`, which `password` names, {why}");
        assert!(said.count(&told) > 0, "{}", said.stderr);
        assert_ne!(said.code, Some(0), "{}", said.stderr);
        nothing_leaks(&bed, &said);
    }
}

/// Neither check, nor the drawing, nor doctor shows more than the name; doctor tells whether it is set.
#[test]
fn tools_show_the_name_alone() {
    let bed = Bed::with(&graph(1, LOGS_IN));
    for arguments in [
        &["check", "graph.ron"][..],
        &["check", "graph.ron", "--format", "json"],
        &["graph", "graph.ron"],
        &["graph", "graph.ron", "--dot"],
        &["inspect", "kpi.redis"],
        &["config", "kpi.redis"],
    ] {
        let said = Child::start(&mut command(&bed, arguments, Some(RIGHT.as_ref())))
            .end(LONG)
            .with(0);
        nothing_leaks(&bed, &said);
    }
    for (value, exit, told) in [(Some(OsStr::new(RIGHT)), 0, "there  "), (None, 69, "missing")] {
        let said = Child::start(&mut command(&bed, &["doctor", "graph.ron"], value))
            .end(LONG)
            .with(exit);
        let line = said
            .stdout
            .lines()
            .find(|line| line.contains("environment variable"))
            .unwrap();
        assert!(
            line.contains(told) && line.contains("`PIPELINE_TEST_PASSWORD`"),
            "{line}"
        );
        nothing_leaks(&bed, &said);
    }
}

/// A secret that stands in the graph, in whatever way, is refused with what to write instead. It is shown by no fault,
/// not even by one of the syntax of its own line.
#[test]
fn a_secret_in_the_graph_is_refused_and_hidden() {
    for written in [
        format!("password: \"{WRONG}\""),
        format!("password: Some(\"{WRONG}\")"),
        format!("password: Plain(\"{WRONG}\")"),
        format!("password: Env(\"{WRONG}\")"),
    ] {
        let bed = Bed::new();
        let shown = refusal(&bed, &graph(1, &written));
        assert!(
            shown.contains("`password` is a secret and stands in the file")
                && shown.contains("write `Env(\"PASSWORD\")`"),
            "{shown}"
        );
        assert_eq!(shown.matches("error:").count(), 1, "{shown}");
    }
    let bed = Bed::new();
    let url = graph(1, "").replace("redis://127", &format!("redis://me:{WRONG}@127"));
    let shown = refusal(&bed, &url);
    assert!(shown.contains("the URL in `address` has a password in it"), "{shown}");
    assert_eq!(shown.matches("error:").count(), 1, "{shown}");
    for broken in [
        graph(1, &format!("password: \"{WRONG}\" user: 5")),
        graph(1, &format!("password: \"{WRONG}")),
        url.replace("rate: 200,", "rate: 200 200"),
    ] {
        refusal(&Bed::new(), &broken);
    }
}

/// What `check` and `run` say of a faulty graph; neither shows the secret.
#[track_caller]
fn refusal(bed: &Bed, graph: &str) -> String {
    bed.write("graph.ron", graph);
    let mut said = String::new();
    for arguments in [
        &["check", "graph.ron", "--format", "json"][..],
        &["run", "graph.ron", "-vv"],
        &["graph", "graph.ron"],
        &["doctor", "graph.ron"],
        &["check", "graph.ron"],
    ] {
        let ended = Child::start(&mut command(bed, arguments, None)).end(LONG);
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains(WRONG), "{arguments:?}:\n{text}");
        }
        said = ended.stderr;
    }
    said
}
