//! Calls that panic or fail, from the check of a config to the last call: which node it costs, and what it says.

use super::Row;

/// The rows of this kind, in the order of the page.
pub const ROWS: &[Row] = &[
    Row {
        name: "a_panic_in_check",
        what: "A panic where the config is checked",
        then: "the graph is refused",
        status: Some(78),
        says: &["error: panic in `check`: this mock panics in Check, as it was told (at …)"],
    },
    Row {
        name: "a_panic_in_ports",
        what: "A panic in `ports`",
        then: "the graph is refused",
        status: Some(78),
        says: &["error: panic in `ports`: this mock panics in Ports, as it was told (at …)"],
    },
    Row {
        name: "a_panic_in_create",
        what: "A panic in `create`",
        then: "nothing begins; what had begun is ended",
        status: Some(1),
        says: &["`shaky` cannot start: panic in `create`: this mock panics in Create, as it was told (at …)"],
    },
    Row {
        name: "a_panic_in_start",
        what: "A panic in `start`",
        then: "nothing begins; what had begun is ended",
        status: Some(1),
        says: &["`shaky` cannot start: panic in `start`: this mock panics in Start, as it was told (at …)"],
    },
    Row {
        name: "a_panic_in_a_tick",
        what: "A panic in a tick",
        then: "that node is stopped as its `on_error: Stop` says",
        status: Some(0),
        says: &[
            "ERROR shaky: panic in `tick`: this mock panics in Work, as it was told (at …); the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "a_panic_on_a_change_of_targets",
        what: "A panic where a node is told of a target",
        then: "that node is stopped as its `on_error: Stop` says",
        status: Some(0),
        says: &[
            "ERROR shaky: panic in `input`: this mock panics in Target, as it was told (at …); the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "a_panic_in_an_input",
        what: "A panic where a node is given readings",
        then: "that node is stopped as its `on_error: Stop` says",
        status: Some(0),
        says: &[
            "ERROR shaky: panic in `input`: this mock panics in Work, as it was told (at …); the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "a_panic_whose_payload_panics_in_turn",
        what: "A panic whose payload panics when it is dropped",
        then: "that node is stopped as its `on_error: Stop` says",
        status: Some(0),
        says: &["ERROR shaky: panic in `tick`: panic without a text (at …); the node is stopped, the rest runs on"],
    },
    Row {
        name: "a_panic_in_an_actuator_with_a_knob_turned",
        what: "A panic in an actuator that holds a knob",
        then: "the knob goes back from the journal; that node is stopped as its `on_error: Stop` says",
        status: Some(0),
        says: &[
            "ERROR limit: panic in `input`: this mock panics in Work, as it was told (at …); the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "a_panic_in_an_actuators_release",
        what: "A panic where a knob is put back, at the end",
        then: "the knob goes back from the journal",
        status: Some(1),
        says: &["ERROR limit: panic in `drain`: this mock panics in Release, as it was told (at …)"],
    },
    Row {
        name: "a_panic_in_flush",
        what: "A panic in a sink's last call",
        then: "the others end in order; data may be lost",
        status: Some(1),
        says: &["ERROR shaky: panic in `drain`: this mock panics in End, as it was told (at …)"],
    },
    Row {
        name: "a_panic_in_stop",
        what: "A panic in a collector's last call",
        then: "the others end in order; nothing is lost",
        status: Some(0),
        says: &["ERROR shaky: panic in `stop`: this mock panics in End, as it was told (at …)"],
    },
    Row {
        name: "a_panic_in_drop",
        what: "A panic where a node is thrown away",
        then: "nothing: it had its end before",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_panic_in_descriptors",
        what: "A panic where a node tells what it waits for",
        then: "it waits for nothing but its interval",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_panic_in_control_status_save_or_load",
        what: "A panic in `control`, `status`, `save` or `load`",
        then: "the caller gets a failure with the text, and the node goes on",
        status: Some(0),
        says: &["panic in `control`: this mock panics in Control, as it was told (at …)"],
    },
    Row {
        name: "a_panic_in_a_thread_of_the_plugins_own",
        what: "A panic in a thread that the plugin started",
        then: "that thread ends and prints its panic; the node goes on",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_call_that_fails_for_now",
        what: "A call that fails for now, at every tick",
        then: "it is tried at each tick, and told once in 10 s",
        status: Some(0),
        says: &["WARN  shaky: this mock fails in Work, as it was told"],
    },
    Row {
        name: "a_failure_of_an_unknown_kind",
        what: "A failure of a kind that nobody knows",
        then: "the same",
        status: Some(0),
        says: &["WARN  shaky: this mock fails strangely in Work, as it was told"],
    },
    Row {
        name: "a_node_that_cannot_go_on",
        what: "A failure for good",
        then: "that node is stopped as its `on_error: Stop` says",
        status: Some(0),
        says: &["ERROR shaky: this mock cannot go on in Work, as it was told; the node is stopped, the rest runs on"],
    },
    Row {
        name: "a_node_that_panics_again_and_again",
        what: "A panic in each life of a node with `on_error: Restart`",
        then: "it is made anew three times, each told; then it is stopped",
        status: Some(0),
        says: &[
            "ERROR shaky: panic in `tick`: this mock panics in Work, as it was told (at …); it was made anew 3 times within 10s, so the node is stopped; the rest runs on",
        ],
    },
];
