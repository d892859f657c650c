//! What the host says of its nodes, read from its JSON. Fields that are not known here are ignored; one that is missing
//! is not told.

use serde::Deserialize;

/// The name under which the host is asked.
pub const EXTENSION: &str = "pipeline.telemetry";

/// The host's answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// In file order.
    pub nodes: Vec<Node>,
}

/// The figures of one node, over all its lives. `None` is a figure that this host does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Node {
    /// Its name.
    pub node: String,
    /// Nanoseconds in calls.
    #[serde(default)]
    pub busy_ns: Option<u64>,
    /// Calls with input, and ticks.
    #[serde(default)]
    pub calls: Option<u64>,
    /// Instants that began late.
    #[serde(default)]
    pub late: Option<u64>,
    /// By how many nanoseconds the latest was late.
    #[serde(default)]
    pub worst_late_ns: Option<u64>,
    /// Instants that were skipped.
    #[serde(default)]
    pub missed: Option<u64>,
    /// Values that were lost on their way to it.
    #[serde(default)]
    pub dropped: Option<u64>,
    /// Calls that failed.
    #[serde(default)]
    pub failures: Option<u64>,
    /// Times that it was made anew.
    #[serde(default)]
    pub restarts: Option<u64>,
    /// Calls that did not come back.
    #[serde(default)]
    pub abandoned: Option<u64>,
}

/// Reads an answer.
///
/// # Errors
/// What about it is not as expected.
pub fn read(bytes: &[u8]) -> Result<Answer, serde_json::Error> {
    serde_json::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_are_read_and_what_is_not_known_or_missing_does_no_harm() {
        let text = r#"{"uptime_ns":5,"pid":1,"guardian_pid":null,"nodes":[
            {"node":"slow","element":"detect.baseline","stage":"transform","lane":"control","state":"runs",
             "calls":1,"busy_ns":2,"late":0,"worst_late_ns":3,"missed":0,"dropped":0,"failures":0,"restarts":0,
             "abandoned":0,"mailbox":4,"moons":2},
            {"node":"old"}]}"#;
        let nodes = read(text.as_bytes()).unwrap().nodes;
        assert_eq!(
            (nodes[0].calls, nodes[0].busy_ns, nodes[0].worst_late_ns),
            (Some(1), Some(2), Some(3))
        );
        assert_eq!((nodes[1].node.as_str(), nodes[1].calls), ("old", None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
