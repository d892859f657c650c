//! Nodes that say more than others take: what each kind of queue does at its bound.

use super::Row;

/// The rows of this kind, in the order of the page.
pub const ROWS: &[Row] = &[
    Row {
        name: "a_flood_into_a_queue_that_drops_the_oldest",
        what: "A node that says more than a queue with `DropOldest` takes",
        then: "the oldest is dropped; taken and dropped are together what was said",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_flood_into_a_queue_that_drops_the_newest",
        what: "The same with `DropNewest`",
        then: "the newest is dropped; taken and dropped are together what was said",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_flood_into_a_queue_that_blocks",
        what: "The same with `Block`",
        then: "the producer waits",
        status: Some(0),
        says: &[],
    },
];
