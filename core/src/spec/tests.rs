//! Texts that are graphs and texts that are not, with all that is said of them without plugins.

use super::{GraphSpec, OnError, Overflow, Queue, Section};
use crate::cli::render;
use crate::graph::tests::GOOD;
use pipeline_plugin_api::abi::Nanos;
use proptest::prelude::*;
use std::path::Path;

fn parse(text: &str) -> GraphSpec {
    GraphSpec::parse(Path::new("graph.ron"), text)
}

fn told(text: &str) -> String {
    let spec = parse(text);
    render(&spec, &spec.faults, false)
}

macro_rules! snapshot {
    ($name:ident, $text:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(told($text));
        }
    };
}

#[test]
fn every_field_is_read() {
    let spec = parse(GOOD);
    assert_eq!(spec.faults, []);
    let out = &spec.nodes[spec.find("out").unwrap()];
    assert_eq!(out.section, Section::Sinks);
    assert_eq!(out.lane.as_ref().unwrap().value.as_str(), "disk");
    assert_eq!(out.cpu.as_ref().unwrap().value, 1);
    let queue = out.queue.as_ref().unwrap().value;
    assert_eq!(
        queue,
        Queue {
            capacity: 128,
            overflow: Overflow::DropNewest
        }
    );
    assert_eq!(
        spec.nodes[spec.find("cpu").unwrap()].every.as_ref().unwrap().value,
        Nanos::from_millis(20)
    );
    assert_eq!(spec.nodes[spec.find("pods").unwrap()].on_error, OnError::Abort);
    let config = spec.nodes[spec.find("ratio").unwrap()].config.as_ref().unwrap();
    assert_eq!(config.value, "(window: \"5s\", gap: Hold)");
    assert_eq!(&spec.text[config.at.clone()], config.value);
}

#[test]
fn a_queue_holds_one_batch_to_the_most() {
    let with = |capacity: u32| {
        parse(&format!("(version: 1, collectors: {{\"c\": (plugin: \"a.b\")}}, sinks: {{\"s\": (plugin: \"a.b\", from: [\"c\"], queue: (capacity: {capacity}))}})")).faults.len()
    };
    assert_eq!(
        [with(0), with(1), with(Queue::MOST), with(Queue::MOST + 1)],
        [1, 0, 0, 1]
    );
}

snapshot!(an_empty_file_has_no_version, "");
snapshot!(a_graph_without_nodes_is_none, "(version: 1)");
snapshot!(
    a_syntax_error_is_told_alone,
    "(\n    version: 1,\n    targets: {\n        \"web\": (plugin: \"a.b\"\n        \"batch\": (plugin: \"a.b\"),\n    },\n)\n"
);
snapshot!(
    another_version_is_refused,
    "(version: 2, targets: { \"web\": (plugin: \"a.b\") })"
);
snapshot!(
    an_unclosed_file_is_told_at_its_end,
    "(\n    version: 1,\n    targets: {"
);

snapshot!(
    sections_stand_in_order_and_once,
    r#"(
    version: 1,
    sinks: { "out": (plugin: "a.b", from: ["cpu"]) },
    collectors: { "cpu": (plugin: "a.b") },
    colectors: {},
    collectors: { "two": (plugin: "a.b") },
    frobs: {},
    transforms: [],
)"#
);

snapshot!(
    names_are_unique_and_plain,
    r#"(
    version: 1,
    targets: { "web": (plugin: "a.b"), "we b": (plugin: "a.b"), "web": (plugin: "a.b") },
    collectors: { "web": (plugin: "a.b", of: ["we b", "web"]), "": (plugin: "a.b") },
)"#
);

snapshot!(
    fields_are_known_and_have_their_types,
    r#"(
    version: 1,
    targets: { "web": (plugn: "a.b", evry: "1s", from: ["x"], threshold: 3) },
    collectors: { "cpu": (plugin: 5, of: "web", every: "10", cpu: "0", lane: "a/b", queue: ()) },
    transforms: {
        "t": (
            plugin: "a.b",
            plugin: "a.c",
            from: ["cpu", cpu, "cpu"],
            every: 100,
            queue: (capacity: 0, overflow: DropOldst, size: 4),
            on_error: "Stop",
        ),
        "u": "a.b",
    },
    sinks: { "s": (plugin: "", from: ["t"], last: ["t"], of: [], every: "0s", on_error: Restrt, queue: 64) },
)"#
);

snapshot!(
    names_refer_to_what_stands_above,
    r#"(
    version: 1,
    targets: { "web": (plugin: "a.b"), "pods": (plugin: "a.b") },
    collectors: { "cpu": (plugin: "a.b", of: ["wbe", "cpu", "pods/x", "pods/"]) },
    transforms: {
        "first": (plugin: "a.b", from: ["second", "first", "guard"], last: ["cpu", "first", "guard"]),
        "second": (plugin: "a.b", from: ["cpi"]),
    },
    schedulers: { "guard": (plugin: "a.b", from: ["first"], last: ["l4", "out"]) },
    actuators: { "l3": (plugin: "a.b") },
    sinks: { "out": (plugin: "a.b", from: ["file"]), "file": (plugin: "a.b", from: ["out", "nothing_like_it"]) },
)"#
);

snapshot!(
    letters_of_other_scripts_keep_their_columns,
    "(\n    version: 1,\n    targets: { \"wéb\": (plugin: \"größe\", föö: 1) }, // ünïcode\n)"
);

/// Texts near a graph: the good one with a piece cut out and another put in.
fn near_a_graph() -> impl Strategy<Value = String> {
    (0..GOOD.len(), 0..40usize, "[\\PC\n]{0,12}").prop_map(|(at, length, put)| {
        let end = (at + length).min(GOOD.len());
        format!("{}{put}{}", &GOOD[..at], &GOOD[end..])
    })
}

proptest! {
    #[test]
    fn any_text_is_read_and_told_without_a_panic(text in "\\PC{0,200}") {
        let _ = told(&text);
    }

    #[test]
    fn any_text_near_a_graph_is_read_and_told_without_a_panic(text in near_a_graph()) {
        let _ = crate::graph::tests::told(&text);
    }

    #[test]
    fn every_place_lies_in_the_file(text in near_a_graph()) {
        for fault in parse(&text).faults {
            prop_assert!(text.get(fault.at.clone()).is_some(), "{fault:?}");
        }
    }
}

#[test]
fn a_text_of_a_thousand_brackets_is_refused() {
    let deep = format!(
        "(version: 1, targets: {{\"x\": (plugin: \"a.b\", config: {})}})",
        "[".repeat(10_000)
    );
    assert_eq!(parse(&deep).faults.len(), 1);
}
