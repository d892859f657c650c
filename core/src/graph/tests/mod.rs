//! Graphs that fit and graphs that do not, with all that is said of them.

mod actions;
pub(crate) mod fake;
mod lanes;
mod ports;

use super::{Checked, check};
use crate::cli::render;
use crate::spec::GraphSpec;
use fake::Fake;
use pipeline_plugin_api::abi::Nanos;
use std::path::Path;

/// A graph that fits.
pub(crate) const GOOD: &str = include_str!("good.ron");

/// A graph of those sections, and what is said of it.
pub(crate) fn told(text: &str) -> String {
    told_with(text, &Fake::new())
}

fn told_with(text: &str, elements: &Fake) -> String {
    let spec = GraphSpec::parse(Path::new("graph.ron"), text);
    match check(&spec, elements) {
        Ok(checked) => format!("fine\n{}", render(&spec, &checked.warnings, false)),
        Err(faults) => render(&spec, &faults, false),
    }
}

pub(crate) fn good(text: &str) -> Checked {
    let spec = GraphSpec::parse(Path::new("graph.ron"), text);
    check(&spec, &Fake::new()).unwrap_or_else(|faults| panic!("{}", render(&spec, &faults, false)))
}

macro_rules! snapshot {
    ($name:ident, $text:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!($crate::graph::tests::told($text));
        }
    };
}
pub(crate) use snapshot;

#[test]
fn a_good_graph_has_no_faults_and_no_warnings() {
    let checked = good(GOOD);
    assert_eq!(checked.nodes.len(), 9);
    assert!(checked.warnings.is_empty());
}

#[test]
fn links_are_places_among_the_nodes() {
    let checked = good(GOOD);
    let place = |name: &str| checked.nodes.iter().position(|node| node.name() == name).unwrap();
    let slow = &checked.nodes[place("slow")];
    assert_eq!(slow.spec.from[0].node, place("ratio"));
    assert_eq!(slow.spec.last[0].node, place("idle"));
    let cpu = &checked.nodes[place("cpu")];
    assert_eq!(
        (cpu.spec.of[1].node, cpu.spec.of[1].part.as_deref()),
        (place("pods"), Some("x"))
    );
}

#[test]
fn every_is_the_files_or_else_the_elements() {
    let checked = good(GOOD);
    let every = |name: &str| checked.nodes.iter().find(|node| node.name() == name).unwrap().every;
    assert_eq!(every("cpu"), Nanos::from_millis(20));
    assert_eq!(every("memory"), Nanos::from_secs(1));
    assert_eq!(every("slow"), Nanos::ZERO);
}

snapshot!(
    three_faults_are_told_at_once,
    r#"(
    version: 1,
    targets: { "web": (plugin: "mock.run") },
    collectors: { "cpu": (plugin: "mock.cpuu", of: ["wbe"]) },
    sinks: { "out": (plugin: "mock.file", from: ["cpu"], config: (pth: "x")) },
)"#
);

snapshot!(
    faults_of_a_config_stand_where_they_are_in_the_file,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu") },
    transforms: {
        "ratio": (plugin: "mock.ratio", from: ["cpu"], config: (
            signl: "cpu.time",
            window: 5,
            share: "much",
        )),
        "other": (plugin: "mock.ratio", from: ["cpu"], config: (
            share: 3.0, // too much
        )),
    },
    sinks: { "out": (plugin: "mock.file", from: ["ratio", "other"]) },
)"#
);

snapshot!(
    an_element_in_the_wrong_section_is_told_its_own,
    r#"(
    version: 1,
    collectors: { "ratio": (plugin: "mock.ratio") },
    sinks: { "out": (plugin: "mock.cpu", from: ["ratio"]) },
)"#
);

snapshot!(
    an_element_of_a_plugin_that_is_not_there_lists_the_folders,
    r#"(
    version: 1,
    collectors: { "cpi": (plugin: "counters.read"), "cpu": (plugin: "mock.bandwidth") },
    sinks: { "out": (plugin: "mock.file", from: ["cpi", "cpu"]) },
)"#
);

snapshot!(
    a_plugin_that_cannot_be_loaded_says_why,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu") },
    sinks: { "out": (plugin: "other.broken", from: ["cpu"]) },
)"#
);

snapshot!(
    secrets_written_out_are_refused,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu") },
    sinks: {
        "out": (plugin: "mock.file", from: ["cpu"], config: (
            password: "hunter2",
            url: "redis://me:hunter2@localhost:6379",
        )),
    },
)"#
);

#[test]
fn without_plugins_every_element_is_unknown() {
    let text = "(version: 1, targets: { \"web\": (plugin: \"mock.run\") })";
    insta::assert_snapshot!(told_with(text, &Fake::empty()));
}

#[test]
fn what_nobody_reads_is_a_warning() {
    let said = told("(version: 1, collectors: { \"cpu\": (plugin: \"mock.cpu\") })");
    insta::assert_snapshot!(said);
}
