//! Time that is computed: an hour in moments, the same output every time, nothing real touched; and what may not be seen by
//! who decides.

use rustix::process::Signal;
use std::time::Duration;
use system_tests::bed::Bed;

fn graph(collector: &str, more: &str) -> String {
    format!(
        r#"(
    version: 1,
    collectors: {{ "feed": (plugin: "{collector}", every: "100ms"){more} }},
    transforms: {{ "double": (plugin: "mimic.double", from: ["feed"]) }},
    sinks: {{ "out": (plugin: "file.csv", from: ["feed", "double"], config: (path: "out.csv")) }},
)"#
    )
}

const HOUR: [&str; 4] = ["--virtual", "--for", "1h", "-q"];

fn an_hour() -> String {
    let bed = Bed::with(&graph("mimic.feed", ""));
    let ended = bed.start(&HOUR).end(Duration::from_secs(120)).with(0);
    assert_eq!(ended.stderr, "");
    assert!(!bed.path("runtime").exists(), "no journal, no lock, no socket");
    bed.read("out.csv")
}

#[test]
fn an_hour_has_all_its_instants_and_is_the_same_twice() {
    let first = an_hour();
    assert_eq!(first.lines().count(), 1 + 36_000 * 6);
    assert!(first == an_hour(), "two runs of one graph differ");
    let last = first.lines().last().unwrap_or_default();
    assert!(last.starts_with("3599900000000,"), "{last}");
}

#[test]
fn virtual_time_needs_an_end_and_refuses_what_works_on_the_real_machine() {
    let bed = Bed::with(&graph("mimic.real", ""));
    let endless = bed.run(&["--virtual"]).with(2);
    assert!(endless.stderr.contains("--for <SPAN>"), "{}", endless.stderr);
    let refused = bed.run(&HOUR).with(78);
    assert!(refused.stderr.contains("graph.ron:3"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("`mimic.real` works on the real machine"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_virtual_run_is_ended_by_a_signal() {
    let bed = Bed::with(&graph("mimic.feed", "").replace("100ms", "10us"));
    let mut child = bed.start(&["--virtual", "--for", "1000h"]);
    child.until(Duration::from_secs(60), "write", |_| {
        std::fs::metadata(bed.path("out.csv")).is_ok_and(|file| file.len() > 0)
    });
    child.signal(Signal::INT);
    let ended = child.end(Duration::from_secs(60)).with(0);
    assert!(ended.stderr.contains("stopping on SIGINT"), "{}", ended.stderr);
}

#[test]
fn the_truth_is_for_sinks_and_refused_to_who_decides() {
    let more = r#", "truth": (plugin: "mimic.truth")"#;
    let seen = graph("mimic.feed", more).replace(r#"from: ["feed"])"#, r#"from: ["feed", "truth"])"#);
    let told = Bed::with(&seen).tool(["check", "graph.ron"]).with(78).stderr;
    assert!(
        told.contains("`truth` gives `truth.slowdown`, the truth by which"),
        "{told}"
    );
    assert!(told.contains("`double` must not see it"), "{told}");
    let recorded = graph("mimic.feed", more).replace(r#"from: ["feed", "double"]"#, r#"from: ["truth", "double"]"#);
    let bed = Bed::with(&recorded);
    bed.run(&["--virtual", "--for", "1s", "-q"]).with(0);
    assert_eq!(bed.read("out.csv").matches("truth.slowdown").count(), 10);
}
