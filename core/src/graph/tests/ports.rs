//! Edges that carry nothing, and needs that nobody meets.

use super::{good, snapshot};

snapshot!(
    an_edge_that_carries_nothing_names_both_ends,
    r#"(
    version: 1,
    targets: { "web": (plugin: "mock.run") },
    collectors: { "cpu": (plugin: "mock.cpu"), "memory": (plugin: "mock.memory") },
    transforms: {
        "ratio": (plugin: "mock.ratio", from: ["cpu"]),
        "slow": (plugin: "mock.baseline", from: ["ratio", "memory"]),
    },
    sinks: { "table": (plugin: "mock.table", from: ["slow", "web"]) },
)"#
);

snapshot!(
    a_need_is_met_by_a_node_that_is_named_in_the_help,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu"), "memory": (plugin: "mock.memory") },
    transforms: { "ratio": (plugin: "mock.ratio", from: ["cpu"], config: (signal: "memory.current")) },
    sinks: { "out": (plugin: "mock.file", from: ["ratio", "memory"]) },
)"#
);

snapshot!(
    a_misspelt_metric_gets_the_nearest_that_is_given,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu") },
    transforms: { "ratio": (plugin: "mock.ratio", from: ["cpu"], config: (signal: "cpu.tme")) },
    sinks: { "out": (plugin: "mock.file", from: ["ratio"]) },
)"#
);

snapshot!(
    a_scheduler_without_what_it_needs_is_refused,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu") },
    schedulers: { "guard": (plugin: "mock.guard") },
    actuators: { "idle": (plugin: "mock.idle", from: ["guard"]) },
    sinks: { "out": (plugin: "mock.file", from: ["cpu"]) },
)"#
);

#[test]
fn a_fault_above_does_not_make_faults_below() {
    let said = super::told(
        r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpuu") },
    transforms: { "ratio": (plugin: "mock.ratio", from: ["cpu"]), "slow": (plugin: "mock.baseline", from: ["rtio"]) },
    schedulers: { "guard": (plugin: "mock.guard", from: ["slow"]) },
    actuators: { "idle": (plugin: "mock.idle", from: ["gaurd"]) },
)"#,
    );
    assert_eq!(said.matches("error:").count(), 3, "{said}");
    assert!(!said.contains("warning:"), "{said}");
}

#[test]
fn an_actuator_gives_outcomes_and_a_scheduler_takes_them() {
    let checked = good(super::GOOD);
    let guard = checked.nodes.iter().find(|node| node.name() == "guard").unwrap();
    assert_eq!(super::super::ports::describe(&guard.ports.takes), "findings, outcomes");
}
