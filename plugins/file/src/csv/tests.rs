//! The rows that `file.csv` writes.

use super::*;
use pipeline_plugin_api::stage::Sinks;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use pipeline_plugin_api::vocabulary::{CPU_TIME, KPI_RATE};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const AT: Nanos = Nanos::from_secs(3);

fn node(folder: &TempDir, more: &str) -> (TestHost, TestNode, PathBuf) {
    let (host, path) = (TestHost::new(), folder.path().join("out.csv"));
    host.world().node_names = ["rows", "lat"].map(str::to_owned).to_vec();
    let mut node = host.node::<Sinks<Csv>>(&format!("(path: {path:?}, {more})")).unwrap();
    node.start().unwrap();
    (host, node, path)
}

fn written(mut node: TestNode, path: &PathBuf, readings: &[Reading]) -> String {
    let mut batch = Batch::default();
    batch.readings.extend_from_slice(readings);
    node.feed(AT, &batch).unwrap();
    node.finish().unwrap();
    fs::read_to_string(path).unwrap()
}

#[test]
fn readings_of_every_quality() {
    let folder = TempDir::new().unwrap();
    let (host, node, path) = node(&folder, "");
    let target = host
        .target(Target {
            name: "a, \"b\"".into(),
            ..Target::default()
        })
        .id;
    let delta = Reading::delta(AT, Nanos::from_secs(1), target, host.metric(&CPU_TIME), 2.5e6);
    let readings = [
        delta,
        delta.of_part(Part::cpu(3)).scaled(0.4),
        Reading::unavailable(AT, target, delta.metric, Reason::NEVER_RAN),
        Reading {
            value: f64::INFINITY,
            ..delta
        },
    ];
    insta::assert_snapshot!(written(node, &path, &readings), @r#"
    at_ns,span_ns,node,target,metric,part,value,unit,quality,detail
    3000000000,1000000000,lat,"a, ""b""",cpu.time,,2500000,ns,exact,
    3000000000,1000000000,lat,"a, ""b""",cpu.time,cpu/3,2500000,ns,scaled,0.4
    3000000000,0,lat,"a, ""b""",cpu.time,,,ns,unavailable,never ran
    3000000000,1000000000,lat,"a, ""b""",cpu.time,,,ns,exact,infinite
    "#);
}

#[test]
fn rows_that_are_appended_stand_under_one_head() {
    let folder = TempDir::new().unwrap();
    for rows in 1..3 {
        let (host, node, path) = node(&folder, "existing: Append, metrics: [\"cpu.*\"]");
        let reading = |metric| Reading::gauge(AT, TargetId::NONE, host.metric(metric), 1.0);
        let text = written(node, &path, &[reading(&CPU_TIME), reading(&KPI_RATE)]);
        assert_eq!(text.lines().count(), 1 + rows, "{text}");
        assert_eq!(text.matches("at_ns").count(), 1, "{text}");
    }
}

#[test]
fn a_full_disk_is_a_failure_to_be_tried_again() {
    let host = TestHost::new();
    let mut node = host.node::<Sinks<Csv>>("(path: \"/dev/full\")").unwrap();
    let failure = node.start().unwrap_err();
    assert_eq!(failure.kind, FailureKind::RETRY);
    assert!(
        failure.message.contains("/dev/full") && failure.message.contains("No space left"),
        "{failure}"
    );
    let mut batch = Batch::default();
    batch.readings.push(Reading::default());
    assert!(node.feed(AT, &batch).is_ok(), "it goes on");
    assert!(node.finish().is_err());
    assert_eq!(host.world().counts["lost"], 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_read_back_as_it_was(name in "\\PC*|[\r\n\",]{0,9}", value in proptest::num::f64::NORMAL) {
        let folder = TempDir::new().unwrap();
        let (host, node, path) = node(&folder, "");
        let target = host.target(Target { name: name.as_str().into(), ..Target::default() }).id;
        let text = written(node, &path, &[Reading::gauge(AT, target, host.metric(&CPU_TIME), value)]);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<::csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        prop_assert_eq!(rows.len(), 1);
        prop_assert_eq!(&rows[0][3], name.as_str());
        prop_assert_eq!(rows[0][6].parse::<f64>().unwrap(), value);
    }
}
