//! A run from its begin to its end: how long, what it says, and how it ends when it is asked to, when
//! it is hurried, and when a node hangs.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use rustix::process::Signal;
use std::time::{Duration, Instant};
use system_tests::bed::Bed;
use system_tests::child::Ended;
use system_tests::record::{Record, lines};

const SOON: Duration = Duration::from_secs(20);

/// A run that does everything a run does, without needing anything of the machine: a target, two
/// collectors, a policy that holds a knob (the file `knob`), and a record of it all.
const WHOLE: &str = r#"(
    version: 1,
    targets: { "web": (plugin: "fault.target") },
    collectors: {
        "fast": (plugin: "fault.collect", of: ["web"], every: "10ms"),
        "slow": (plugin: "fault.collect", of: ["web"], every: "100ms"),
    },
    schedulers: { "guard": (plugin: "policy.fixed", config: (actions: [(target: "web", knob: "cpu.idle", value: 1.0)])) },
    actuators: { "limit": (plugin: "fault.actuate", from: ["guard"], config: (path: "knob")) },
    sinks: { "out": (plugin: "file.jsonl", from: ["fast", "slow", "guard", "limit"], config: (path: "out.jsonl", flush: "10s")) },
)"#;

fn whole() -> Bed {
    let bed = Bed::with(WHOLE);
    bed.write("knob", "0");
    bed
}

/// A graph with a node that hangs in a call, in a lane of its own, beside a steady one with a record and
/// a workload that takes half a second to end.
fn hanging(call: &str) -> Bed {
    Bed::with(&format!(
        r#"(
    version: 1,
    targets: {{ "tardy": (plugin: "process.run", config: (command: "sh -c 'trap \"sleep 0.5; exit\" TERM; while :; do sleep 0.05; done'")) }},
    collectors: {{
        "stuck": (plugin: "fault.collect", every: "20ms", lane: "aside", config: (trouble: (what: Hang, call: {call}, after: 3))),
        "steady": (plugin: "fault.collect", every: "20ms"),
    }},
    sinks: {{ "out": (plugin: "file.jsonl", from: ["steady"], config: (path: "out.jsonl", flush: "10s")) }},
)"#
    ))
}

/// The digits that follow a text.
fn number_after(text: &str, head: &str) -> String {
    let (_, rest) = text.split_once(head).unwrap();
    rest.chars().take_while(char::is_ascii_digit).collect()
}

/// Whether a process is there and no mere entry that waits to be reaped.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Starts the whole run, ends it with that signal in its midst, and gives how it ended and its record.
fn ended_by(signal: Signal) -> (Ended, Record, Bed) {
    let bed = whole();
    let mut run = bed.start(&["-v"]);
    run.until(SOON, "turn the knob", |_| bed.read("knob") == "1");
    std::thread::sleep(Duration::from_millis(500));
    run.signal(signal);
    let ended = run.end(SOON);
    let record = Record::read(&bed.path("out.jsonl"));
    (ended, record, bed)
}

/// `--for` ends the run by itself after that span and no later than the drain needs, with status 0.
#[test]
fn a_run_for_a_second_ends_after_a_second() {
    let bed = whole();
    let said = bed.run(&["--for", "1s"]).with(0);
    let took = said.took.as_secs_f64();
    assert!((1.0..4.0).contains(&took), "it took {took} s");
    assert!(said.line("the host is as it was found").contains("INFO"));
    let record = Record::read(&bed.path("out.jsonl"));
    let first = record.values("", "fault.number").next().unwrap().0;
    let last = record.values("", "fault.number").last().unwrap().0;
    // On a busy machine nodes take a while to begin.
    assert!(first < 0.6 && last > 0.8, "{first} to {last}");
    assert_eq!(bed.read("knob"), "0");
}

/// SIGINT ends a run in order: knobs go back, targets end, and sinks are flushed last, so that the record
/// is whole: every line parses, a reading of each call and the outcome that undoes the action are there.
#[test]
fn an_interrupted_run_ends_in_order_with_a_whole_record() {
    for (signal, name) in [
        (Signal::INT, "SIGINT"),
        (Signal::TERM, "SIGTERM"),
        (Signal::HUP, "SIGHUP"),
    ] {
        let (ended, record, bed) = ended_by(signal);
        let ended = ended.with(0);
        assert!(
            ended
                .line(&format!("stopping on {name}; again to hurry"))
                .contains("INFO")
        );
        assert_eq!(record.fates("web", "cpu.idle"), ["applied", "undone"], "{name}");
        assert_eq!(bed.read("knob"), "0", "{name}");
        let told: Vec<&str> = record
            .of_kind("target")
            .filter_map(|line| line["change"].as_str())
            .collect();
        assert_eq!(told, ["appeared", "gone"], "{name}");
        for node in ["fast", "slow"] {
            let of_it = |line: &&serde_json::Value| line["node"] == node && line["metric"] == "fault.number";
            let readings = record.of_kind("reading").filter(of_it).count();
            let calls = number_after(&ended.stderr, &format!("{node}: calls="));
            // The other call told it of its target.
            assert_eq!(calls, (readings + 1).to_string(), "{name}: readings of {node} are lost");
        }
    }
}

/// A node that hangs at the end is waited for; a second signal does not wait, and the knobs go back and
/// the workloads end all the same, from the host's records.
#[test]
fn a_second_signal_hurries_a_node_that_hangs_at_the_end() {
    let bed = Bed::with(&WHOLE.replace(
        "\"slow\": (plugin: \"fault.collect\", of: [\"web\"], every: \"100ms\")",
        "\"slow\": (plugin: \"fault.collect\", of: [\"web\"], config: (trouble: (what: Hang, call: End)))",
    ));
    let graph = bed.read("graph.ron");
    let work = "targets: { \"work\": (plugin: \"process.run\", config: (command: \"sleep 60\")),";
    bed.write("graph.ron", graph.replace("targets: {", work));
    bed.write("knob", "0");
    // Unhurried, a call that hangs at the end is waited for half of that.
    let mut run = bed.start(&["--drain", "60s"]);
    run.until(SOON, "turn the knob", |_| bed.read("knob") == "1");
    run.says("work: pid=", SOON);
    let pid = number_after(&run.stderr(), "work: pid=");
    run.signal(Signal::INT);
    run.says("stopping on SIGINT", SOON);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(bed.read("knob"), "1", "the node did not hang");
    run.signal(Signal::INT);
    let ended = run.end(SOON);
    assert!(ended.line("what is left is undone from the journal").contains("ERROR"));
    assert_eq!(bed.read("knob"), "0");
    assert_eq!(ended.count(&format!("undone: process {pid}")), 1, "{}", ended.stderr);
    let asked = Instant::now();
    while is_alive(&pid) {
        assert!(asked.elapsed() < SOON, "the workload runs on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A node that hangs in a tick cannot keep the run from ending: when the call has had its second the node is named
/// and given up, and the others end in order, with a whole record.
#[test]
fn a_node_that_hangs_in_a_tick_is_named_and_given_up() {
    let bed = hanging("Work");
    let said = bed.run(&["--for", "1s"]);
    let sentence = "stuck: a call (`tick`) has not come back for 1s; its thread is abandoned; the run ends";
    assert!(said.line(sentence).contains("ERROR"));
    let took = said.took.as_secs_f64();
    assert!((1.0..9.0).contains(&took), "it took {took} s");
    let record = Record::read(&bed.path("out.jsonl"));
    let last = record.values("", "fault.number").last().unwrap().0;
    assert!(last > 0.9, "the others' last readings are lost ({last})");
    assert_eq!(said.count("data may be lost"), 0, "{}", said.stderr);
    let told: Vec<&str> = record
        .of_kind("target")
        .filter_map(|line| line["change"].as_str())
        .collect();
    assert_eq!(
        told.last(),
        Some(&"gone"),
        "the workload was not ended in order: {told:?}"
    );
}

/// `--once` ends when every collector has said something.
#[test]
fn once_ends_when_all_have_spoken() {
    let bed = whole();
    let said = bed.run(&["--once"]).with(0);
    assert!(said.took < Duration::from_secs(3), "{:?}", said.took);
    let record = Record::read(&bed.path("out.jsonl"));
    for node in ["fast", "slow"] {
        let spoke = record.of_kind("reading").any(|line| line["node"] == node);
        assert!(spoke, "`{node}` said nothing");
    }
}

/// `--dry-run` decides as a run does, writes nothing, and tells what it would have done.
#[test]
fn a_dry_run_plans_and_writes_nothing() {
    let bed = whole();
    let mut run = bed.start(&["--for", "1s", "--dry-run"]);
    run.says("a dry run: nothing is written", SOON);
    let mut written = false;
    run.until(SOON, "end", |_| {
        written |= bed.read("knob") != "0";
        bed.path("out.jsonl").exists() && std::fs::metadata(bed.path("out.jsonl")).unwrap().len() > 0
    });
    run.end(SOON).with(0);
    assert!(!written && bed.read("knob") == "0");
    let fates = Record::read(&bed.path("out.jsonl")).fates("web", "cpu.idle");
    assert!(
        !fates.is_empty() && fates.iter().all(|fate| fate == "planned"),
        "{fates:?}"
    );
}

/// `-q` says nothing at all where all is well.
#[test]
fn a_quiet_run_that_is_well_says_nothing() {
    let said = whole().run(&["--for", "500ms", "-q"]).with(0);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
}

/// `--log-format json` makes every line an object with the instant, the level, the node and the sentence.
#[test]
fn json_logs_are_json_to_the_last_line() {
    let said = whole().run(&["--for", "500ms", "-v", "--log-format", "json"]).with(0);
    let told = lines(&said.stderr);
    assert!(told.len() > 5, "{}", said.stderr);
    for line in &told {
        let whole = ["level", "node", "message"].iter().all(|field| line[field].is_string());
        assert!(whole && line["at"].is_u64() && line["wall_ns"].is_u64(), "{line}");
    }
    let levels: Vec<&str> = told.iter().filter_map(|line| line["level"].as_str()).collect();
    assert!(levels.contains(&"INFO") && levels.contains(&"DEBUG"), "{levels:?}");
}

/// Without `-v` there are a few lines; with it each node has its own.
#[test]
fn verbose_says_more() {
    let few = whole().run(&["--for", "300ms"]).with(0);
    let more = whole().run(&["--for", "300ms", "-v"]).with(0);
    assert_eq!(few.count("DEBUG"), 0);
    for node in ["web", "fast", "slow", "guard", "limit", "out"] {
        assert!(
            more.count(&format!(" {node}: calls=")) > 0,
            "nothing of `{node}` in:\n{}",
            more.stderr
        );
    }
    assert!(few.stderr.lines().count() <= 10, "{}", few.stderr);
}

/// A run writes nothing to standard output by itself: that belongs to the sinks.
#[test]
fn standard_output_belongs_to_the_sinks() {
    let bed = Bed::with(&WHOLE.replace(
        "config: (path: \"out.jsonl\", flush: \"10s\")",
        "config: (path: \"/dev/stdout\")",
    ));
    bed.write("knob", "0");
    let said = bed.run(&["--for", "500ms", "-vv"]).with(0);
    assert!(lines(&said.stdout).len() > 10, "{}", said.stdout);
}
