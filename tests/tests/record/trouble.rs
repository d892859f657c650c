//! A recorder that cannot write does not end the run.

use serde_json::Value;
use std::time::Duration;
use system_tests::bed::Bed;

const GRAPH: &str = r#"(
    version: 1,
    targets: { "web": (plugin: "fault.target") },
    collectors: { "fast": (plugin: "fault.collect", of: ["web"], every: "10ms") },
    sinks: { "record": (plugin: "record.write", from: ["fast"], config: (flush: "100ms", path: "there/run")) },
)"#;

#[test]
fn a_folder_that_cannot_be_made_is_told_and_written_once_it_can() {
    let bed = Bed::with(GRAPH);
    let way = bed.write("there", "a file in the way");
    let mut run = bed.start(&["--for", "8s"]);
    run.says("cannot be written", Duration::from_secs(30));
    std::fs::remove_file(way).unwrap();
    let page = bed.path("there/run/run.json");
    run.until(Duration::from_secs(30), "write the record", |_| page.exists());
    run.end(Duration::from_secs(60)).with(0);
    let page: Value = serde_json::from_str(&bed.read("there/run/run.json")).unwrap();
    assert_eq!(
        page["end"]["replayable"], true,
        "what waited was not lost: {}",
        page["end"]
    );
}

#[test]
fn a_folder_that_holds_a_run_is_left_alone() {
    let bed = Bed::with(GRAPH);
    bed.write("there/run/run.json", r#"{"format": 1, "run": "mine"}"#);
    let said = bed.run(&["--for", "1s"]);
    assert!(said.stderr.contains("holds a run already"), "{}", said.stderr);
    assert!(bed.read("there/run/run.json").contains("mine"));
}

#[test]
fn what_finds_no_room_makes_the_run_one_that_cannot_be_replayed() {
    let graph = GRAPH
        .replace("flush: \"100ms\"", "flush: \"100ms\", buffer: 1024")
        .replace(
            "(plugin: \"fault.collect\", of: [\"web\"], every: \"10ms\")",
            "(plugin: \"mock.feed\", every: \"1ms\", config: (readings: 5000))",
        );
    let bed = Bed::with(&graph);
    bed.run(&["--for", "2s"]);
    let page: Value = serde_json::from_str(&bed.read("there/run/run.json")).unwrap();
    assert_eq!(page["end"]["replayable"], false, "{}", page["end"]);
    let why = page["end"]["why_not"][0].as_str().unwrap();
    assert!(why.contains("found no room") && why.contains("buffer"), "{why}");
    assert!(
        bed.tool(["replay", "there/run"])
            .with(1)
            .stderr
            .contains("found no room")
    );
}
