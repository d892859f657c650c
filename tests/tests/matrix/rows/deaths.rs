//! What ends the whole process: the guardian puts the host back.

use super::Row;

/// The rows of this kind, in the order of the page.
pub const ROWS: &[Row] = &[
    Row {
        name: "a_stack_overflow",
        what: "A stack overflow in a plugin",
        then: "the guardian puts the host back within a second",
        status: None,
        says: &["WARN  guardian: id=… the run died (process …); what it changed is put back"],
    },
    Row {
        name: "an_abort",
        what: "A plugin that aborts",
        then: "the guardian puts the host back within a second",
        status: None,
        says: &["WARN  guardian: id=… the run died (process …); what it changed is put back"],
    },
    Row {
        name: "an_exit",
        what: "A plugin that ends the process as if all were well",
        then: "the run aborts instead, and the guardian puts the host back within a second",
        status: None,
        says: &[
            "error: a plugin ended the process (`exit`) in a call of `control`; mend the plugin, or take it out of the graph",
            "WARN  guardian: id=… the run died (process …); what it changed is put back",
        ],
    },
];
