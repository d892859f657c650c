//! Threads: who shares one, and what may not wait.

use super::{GOOD, good, snapshot};

#[test]
fn nodes_that_block_or_have_a_queue_leave_the_control_lane() {
    let checked = good(GOOD);
    let lanes: Vec<(&str, usize, Option<u32>)> = checked
        .lanes
        .iter()
        .map(|lane| (lane.name.as_str(), lane.nodes.len(), lane.cpu))
        .collect();
    assert_eq!(lanes, [("control", 7, None), ("memory", 1, None), ("disk", 1, Some(1))]);
    for (i, node) in checked.nodes.iter().enumerate() {
        assert!(checked.lanes[node.lane].nodes.contains(&i));
    }
}

snapshot!(
    a_full_queue_may_not_hold_up_an_actuator,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu") },
    transforms: { "ratio": (plugin: "mock.ratio", from: ["cpu"]), "slow": (plugin: "mock.baseline", from: ["ratio"]) },
    schedulers: { "guard": (plugin: "mock.guard", from: ["slow"]) },
    actuators: { "idle": (plugin: "mock.idle", from: ["guard"]) },
    sinks: { "out": (plugin: "mock.file", from: ["cpu"], queue: (capacity: 8, overflow: Block)) },
)"#
);

snapshot!(
    lanes_that_would_wait_for_themselves_are_refused,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu", lane: "a") },
    transforms: {
        "ratio": (plugin: "mock.ratio", from: ["cpu"], lane: "b", queue: (overflow: Block)),
        "slow": (plugin: "mock.baseline", from: ["ratio"], lane: "a", queue: (overflow: Block)),
    },
    sinks: { "out": (plugin: "mock.file", from: ["slow"], lane: "a", queue: (overflow: Block)) },
)"#
);

snapshot!(
    a_lane_is_pinned_to_one_cpu,
    r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu", lane: "a", cpu: 0), "memory": (plugin: "mock.memory", lane: "a", cpu: 1) },
    sinks: { "out": (plugin: "mock.file", from: ["cpu", "memory"]) },
)"#
);

#[test]
fn a_node_that_blocks_in_the_control_lane_is_a_warning() {
    let checked = good(
        r#"(version: 1, collectors: { "memory": (plugin: "mock.memory", lane: "control") }, sinks: { "out": (plugin: "mock.file", from: ["memory"]) })"#,
    );
    assert_eq!(checked.warnings.len(), 1);
    assert_eq!(
        checked.warnings[0].message,
        "`memory` may block, and the control lane waits for it"
    );
}
