//! Calls that do not come back: which thread it costs, and what of the lane runs on.

use super::Row;

/// The rows of this kind, in the order of the page.
pub const ROWS: &[Row] = &[
    Row {
        name: "a_hang_in_a_tick",
        what: "A tick that does not come back",
        then: "its thread is abandoned with that node, and the rest of the lane runs on in another; what the lane said at that instant is lost, and counted",
        status: Some(0),
        says: &[
            "ERROR shaky: a call (`tick`) has not come back for 1s; its thread is abandoned; the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "a_hang_on_a_change_of_targets",
        what: "The same where a node is told of a target",
        then: "the same",
        status: Some(0),
        says: &[
            "ERROR shaky: a call (`input`) has not come back for 1s; its thread is abandoned; the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "a_hang_in_an_input",
        what: "The same where a node is given readings",
        then: "the same",
        status: Some(0),
        says: &[
            "ERROR shaky: a call (`input`) has not come back for 1s; its thread is abandoned; the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "a_hang_in_an_actuator_with_a_knob_turned",
        what: "The same in an actuator that holds a knob",
        then: "the knob goes back from the journal while the call still hangs",
        status: Some(0),
        says: &[
            "ERROR limit: a call (`input`) has not come back for 1s; its thread is abandoned; the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "a_hang_in_create",
        what: "`create` does not come back",
        then: "after 30 s the run ends before it began; what had begun is undone",
        status: Some(1),
        says: &[
            "error: `graph.ron` did not run: `shaky` cannot start: `create` or `start` has not come back for 30s; what had begun was undone",
        ],
    },
    Row {
        name: "a_hang_in_start",
        what: "`start` does not come back",
        then: "the same",
        status: Some(1),
        says: &[
            "error: `graph.ron` did not run: `shaky` cannot start: `create` or `start` has not come back for 30s; what had begun was undone",
        ],
    },
    Row {
        name: "a_hang_in_stop",
        what: "A collector's last call does not come back",
        then: "the others end in order and their data is whole",
        status: Some(1),
        says: &[
            "ERROR shaky: a call (`stop`) has not come back for …; the node is given up and its changes are undone",
        ],
    },
    Row {
        name: "a_hang_in_flush",
        what: "A sink's last call does not come back",
        then: "the same",
        status: Some(1),
        says: &[
            "ERROR shaky: a call (`drain`) has not come back for …; the node is given up and its changes are undone",
        ],
    },
    Row {
        name: "a_hang_in_drop",
        what: "A node that is thrown away does not come back",
        then: "the others end in order",
        status: Some(1),
        says: &[
            "ERROR shaky: a call (`drop`) has not come back for …; the node is given up and its changes are undone",
        ],
    },
];
