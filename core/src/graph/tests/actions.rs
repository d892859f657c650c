//! Actions that nobody takes, and knobs with two hands on them.

use super::{good, snapshot};

/// A graph that has a finding, with those schedulers and actuators.
fn acting(rest: &str) -> String {
    format!(
        r#"(
    version: 1,
    collectors: {{ "cpu": (plugin: "mock.cpu") }},
    transforms: {{
        "ratio": (plugin: "mock.ratio", from: ["cpu"]),
        "slow": (plugin: "mock.baseline", from: ["ratio"]),
    }},
{rest}
)"#
    )
}

snapshot!(
    an_action_that_no_actuator_takes_is_refused,
    &acting(
        r#"    schedulers: { "guard": (plugin: "mock.guard", from: ["slow"]) },
    actuators: { "quota": (plugin: "mock.quota", from: ["guard"]) },"#
    )
);

snapshot!(
    an_actuator_that_could_take_it_is_named,
    &acting(
        r#"    schedulers: {
        "guard": (plugin: "mock.guard", from: ["slow"]),
        "second": (plugin: "mock.guard", from: ["slow"]),
    },
    actuators: { "idle": (plugin: "mock.idle", from: ["guard"]) },"#
    )
);

snapshot!(
    an_action_that_two_actuators_take_is_refused,
    &acting(
        r#"    schedulers: { "guard": (plugin: "mock.guard", from: ["slow"]) },
    actuators: {
        "idle": (plugin: "mock.idle", from: ["guard"]),
        "weight": (plugin: "mock.weight", from: ["guard"]),
    },"#
    )
);

snapshot!(
    two_schedulers_on_one_actuator_are_refused,
    &acting(
        r#"    schedulers: {
        "guard": (plugin: "mock.guard", from: ["slow"]),
        "second": (plugin: "mock.guard", from: ["slow"]),
    },
    actuators: { "idle": (plugin: "mock.idle", from: ["guard", "second"]) },"#
    )
);

snapshot!(
    a_scheduler_of_any_knob_may_not_share_one_between_two,
    &acting(
        r#"    schedulers: {
        "guard": (plugin: "mock.guard", from: ["slow"]),
        "merge": (plugin: "mock.merge", from: ["guard"]),
    },
    actuators: {
        "idle": (plugin: "mock.idle", from: ["merge"]),
        "weight": (plugin: "mock.weight", from: ["merge"]),
        "quota": (plugin: "mock.quota", from: ["merge"]),
    },"#
    )
);

#[test]
fn a_scheduler_that_reads_schedulers_joins_them() {
    let text = acting(
        r#"    schedulers: {
        "guard": (plugin: "mock.guard", from: ["slow"]),
        "second": (plugin: "mock.guard", from: ["slow"]),
        "merge": (plugin: "mock.merge", from: ["guard", "second"]),
    },
    actuators: { "idle": (plugin: "mock.idle", from: ["merge"]), "quota": (plugin: "mock.quota", from: ["merge"]) },"#,
    );
    assert_eq!(good(&text).nodes.len(), 8);
}
