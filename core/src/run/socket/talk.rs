//! What is said over the control socket: one request and one reply, each a line of JSON.
//!
//! Fields may be added to replies; a request with a field that is not known is refused.

use crate::run::telemetry::{LaneFigures, NodeFigures};
use serde::{Deserialize, Serialize};

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How the run and each of its nodes fare.
    Status {},
    /// A setting of a node is to be changed.
    Control {
        /// The node.
        node: String,
        /// The setting.
        name: String,
        /// Its value as RON.
        value: String,
    },
}

/// What it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// How the run fares.
    Status(Box<RunStatus>),
    /// The value that a setting has now, as RON.
    Set(String),
    /// Why not, as a sentence.
    Error(String),
}

/// How a run fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunStatus {
    /// Its id.
    pub run: String,
    /// The file of its graph, as it was named where the run was started.
    pub graph: String,
    /// Its process.
    pub pid: u32,
    /// The process that puts everything back if it dies.
    pub guardian_pid: Option<u32>,
    /// How long it has been running, in nanoseconds.
    pub uptime_ns: u64,
    /// It decides and changes nothing.
    pub dry_run: bool,
    /// It is being stopped.
    pub stopping: bool,
    /// In file order.
    pub nodes: Vec<NodeStatus>,
    /// In the order in which the file first names them.
    pub lanes: Vec<LaneStatus>,
}

/// How a node fares. Its numbers are over all its lives, as [`crate::run::telemetry::Meter`] has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// Its name in the graph.
    pub node: String,
    /// What it is made of.
    pub element: String,
    /// `targets`, `collector`, `transform`, `scheduler`, `actuator` or `sink`.
    pub stage: String,
    /// The lane in which it runs.
    pub lane: String,
    /// `runs` or `stopped`.
    pub state: String,
    /// What it says of itself, where it says something.
    pub status: Option<String>,
    /// Why it was not asked or gave no answer.
    pub silent: Option<String>,
    /// Calls with input, and ticks.
    pub calls: u64,
    /// Nanoseconds in calls, since somebody first asked.
    pub busy_ns: u64,
    /// Instants that began late.
    pub late: u64,
    /// By how much the latest of them was late.
    pub worst_late_ns: u64,
    /// Instants that were skipped.
    pub missed: u64,
    /// Values that its queues dropped.
    pub dropped: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Times that it was made anew.
    pub restarts: u64,
    /// Calls that did not come back.
    pub abandoned: u64,
    /// Actions that wait for it to take them.
    pub mailbox: u64,
}

/// How a lane fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneStatus {
    /// Its name.
    pub lane: String,
    /// Instants so far.
    pub instants: u64,
}

impl From<NodeFigures> for NodeStatus {
    fn from(figures: NodeFigures) -> Self {
        Self {
            node: figures.node,
            element: figures.element,
            stage: figures.stage,
            lane: figures.lane,
            state: figures.state.to_owned(),
            status: None,
            silent: None,
            calls: figures.calls,
            busy_ns: figures.busy_ns,
            late: figures.late,
            worst_late_ns: figures.worst_late_ns,
            missed: figures.missed,
            dropped: figures.dropped,
            failures: figures.failures,
            restarts: figures.restarts,
            abandoned: figures.abandoned,
            mailbox: figures.mailbox,
        }
    }
}

impl From<LaneFigures> for LaneStatus {
    fn from(figures: LaneFigures) -> Self {
        Self {
            lane: figures.lane,
            instants: figures.instants,
        }
    }
}

/// Reads a request.
///
/// # Errors
/// One sentence.
pub fn request(line: &[u8]) -> Result<Request, String> {
    serde_json::from_slice(line)
        .map_err(|error| format!("this is no request ({error}); send one line such as `{{\"request\":\"status\"}}`"))
}

impl Reply {
    /// The line that is sent.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}").into());
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_lines_of_json_that_people_can_write() {
        assert_eq!(request(br#"{"request":"status"}"#), Ok(Request::Status {}));
        let control = r#"{"request":"control","node":"long","name":"older_than","value":"\"2h\""}"#;
        let Ok(Request::Control { node, name, value }) = request(control.as_bytes()) else {
            panic!("{:?}", request(control.as_bytes()));
        };
        assert_eq!((&*node, &*name, &*value), ("long", "older_than", "\"2h\""));
    }

    #[test]
    fn what_is_no_request_is_refused_with_one_that_is() {
        for wrong in [
            "",
            "status",
            "{}",
            r#"{"request":"reboot"}"#,
            r#"{"request":"status","now":true}"#,
            r#"{"request":"control","node":"long"}"#,
        ] {
            let why = request(wrong.as_bytes()).unwrap_err();
            assert!(
                why.ends_with(r#"send one line such as `{"request":"status"}`"#),
                "{why}"
            );
        }
    }

    #[test]
    fn a_reply_of_a_later_version_is_understood() {
        let reply: Reply = serde_json::from_str(r#"{"status":{"run":"r1","moon":"full"}}"#).unwrap();
        assert!(matches!(reply, Reply::Status(status) if status.run == "r1" && status.pid == 0));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = request(&line);
        }

        #[test]
        fn what_is_asked_arrives(node in ".*", name in ".*", value in ".*") {
            let asked = Request::Control { node, name, value };
            let line = serde_json::to_vec(&asked).unwrap();
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(request(&line), Ok(asked));
        }

        #[test]
        fn a_reply_is_one_line(text in ".*") {
            let reply = Reply::Error(text);
            let line = reply.line();
            prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            prop_assert_eq!(serde_json::from_slice::<Reply>(&line).unwrap(), reply);
        }
    }
}
