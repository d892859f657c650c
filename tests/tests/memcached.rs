//! `kpi.memcached` as an operator has it: a graph that starts a real memcached beside real batch work, run by the real
//! binary.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use rustix::process::Signal;
use serde_json::Value;
use std::net::TcpListener;
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::child::Child;
use system_tests::need::{Need, have};
use system_tests::record::Record;

/// A graph in which `web` is that command, asked at that port 2,000 times a second.
fn graph(command: &str, port: u16) -> String {
    format!(
        r#"(
    version: 1,
    targets: {{
        "web": (plugin: "process.run", config: (command: "{command}", class: Latency, cgroup: Never)),
        "batch": (plugin: "process.run", config: (command: "stress-ng --cache 1 --quiet", cgroup: Never)),
    }},
    collectors: {{
        "users": (plugin: "kpi.memcached", of: ["web"], every: "200ms", config: (
            address: "memcached://127.0.0.1:{port}", rate: 2000, keys: 1000, histogram: true,
        )),
    }},
    sinks: {{ "out": (plugin: "file.jsonl", from: ["users"], config: (path: "out.jsonl", flush: "0s")) }},
)"#
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// How long a busy machine may take until the server has answered.
const LONG: Duration = Duration::from_secs(45);

/// A memcached of the graph is filled and asked beside batch work. Every answer that is counted is in a bucket of the
/// histogram, so that tails can be pooled.
#[test]
fn a_memcached_beside_batch_work_is_measured() {
    if !have(&[Need::Memcached, Need::Stress]) {
        return;
    }
    let port = free_port();
    let command = format!("memcached -u root -t 1 -U 0 -l 127.0.0.1 -p {port}");
    let bed = Bed::with(&graph(&command, port));
    let mut run = bed.start(&["--for", "60s"]);
    let is_answered = |_: &Child| {
        let text = std::fs::read_to_string(bed.path("out.jsonl")).unwrap_or_default();
        text.matches("kpi.latency.bucket").count() > 5
    };
    run.until(LONG, "measure", is_answered);
    run.signal(Signal::INT);
    run.end(LONG).with(0);
    let record = Record::read(&bed.path("out.jsonl"));
    let of = |metric: &'static str| record.of_kind("reading").filter(move |line| line["metric"] == metric);
    let count = |line: &Value| Some(line["value"].as_f64()? * line["span"].as_f64()? / 1e9);
    let answered: f64 = of("kpi.rate").filter_map(count).sum();
    let offered: f64 = of("kpi.offered").filter_map(count).sum();
    let in_buckets: f64 = of("kpi.latency.bucket").filter_map(|line| line["value"].as_f64()).sum();
    assert!(answered > 10.0 && answered <= offered + 1.0, "{answered} of {offered}");
    assert!((answered - in_buckets).abs() < 1.0, "{in_buckets} of {answered}");
}

/// Where nobody listens, the run goes on, each request is an error, and one sentence says why.
#[test]
fn a_memcached_that_does_not_listen_is_told_once() {
    if !have(&[Need::Stress]) {
        return;
    }
    let port = free_port();
    let bed = Bed::with(&graph("sleep 60", port));
    let sentence =
        format!("cannot connect to `127.0.0.1:{port}`: Connection refused (os error 111); is the server up?");
    let mut run = bed.start(&["--for", "60s"]);
    run.says(&sentence, LONG);
    let errors = |bed: &Bed| {
        let text = std::fs::read_to_string(bed.path("out.jsonl")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let errors = lines.filter(|line| line["metric"] == "kpi.errors");
        errors.filter_map(|line| line["value"].as_f64()).sum::<f64>()
    };
    run.until(LONG, "count errors", |_: &Child| errors(&bed) > 1000.0);
    run.signal(Signal::INT);
    let said = run.end(LONG).with(0);
    assert_eq!(said.count(&sentence), 1, "{}", said.stderr);
    let record = Record::read(&bed.path("out.jsonl"));
    assert_eq!(
        record.values("web", "kpi.rate").map(|(_, value)| value).sum::<f64>(),
        0.0
    );
}

/// What the element takes and gives and can be told, as `inspect` says it: the same as `kpi.redis`, but for where a
/// server listens.
#[test]
fn what_it_takes_and_gives_is_told() {
    let inspect = |element: &str| Bed::new().tool(["inspect", element]).with(0).stdout;
    // What follows the config tells of this machine.
    let from_ports = |text: &str| {
        let (about, _) = text.split_once("\n\nneeds").unwrap();
        about[about.find("\ntakes").unwrap() + 1..].to_owned()
    };
    let memcached = inspect("kpi.memcached");
    assert!(
        memcached.starts_with("kpi.memcached (collector): what users of a memcached server feel"),
        "{memcached}"
    );
    insta::assert_snapshot!("kpi_memcached", from_ports(&memcached));
    let redis = from_ports(&inspect("kpi.redis")).replace("redis://127.0.0.1:6379", "memcached://127.0.0.1:11211");
    assert_eq!(from_ports(&memcached), redis);
}
