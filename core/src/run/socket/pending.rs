//! What a client waits for: the answers of nodes, for 2 seconds at most.
//!
//! Nodes answer from their lanes, so one that is in a call answers when it is back. Nothing here waits; the server
//! looks in from time to time.

use super::talk::{NodeStatus, Reply, Request, RunStatus};
use crate::run::link::Mail;
use crate::run::shared::Shared;
use crate::run::telemetry::run_figures;
use crossbeam_channel::{Receiver, TryRecvError, bounded};
use pipeline_plugin_api::abi::{Level, Nanos};

/// How long nodes are waited for.
pub const PATIENCE: Nanos = Nanos::from_secs(2);

/// A reply that is not there yet.
#[derive(Debug)]
pub enum Pending {
    /// A setting is with its node.
    Control {
        /// The node.
        node: String,
        /// The setting.
        name: String,
        /// Where the node answers.
        answer: Receiver<Result<String, String>>,
    },
    /// Nodes were asked how they fare.
    Status {
        /// What is known so far.
        status: Box<RunStatus>,
        /// Who has not answered yet, by place, and where they do.
        open: Vec<(usize, Receiver<String>)>,
    },
}

impl Pending {
    /// Begins to answer a request.
    ///
    /// # Errors
    /// Why it cannot be answered, as a sentence.
    pub fn begin(request: Request, shared: &Shared, graph: &str) -> Result<Self, String> {
        match request {
            Request::Status {} => Ok(status(shared, graph)),
            Request::Control { node, name, value } => control(shared, node, name, value),
        }
    }

    /// The reply, if it is there, or if there is no more time to wait for it.
    pub fn look(&mut self, shared: &Shared, is_over: bool) -> Option<Reply> {
        match self {
            Self::Control { node, name, answer } => look_at_control(shared, node, name, answer, is_over),
            Self::Status { status, open } => {
                open.retain(|(place, answer)| waits(&mut status.nodes[*place], answer, is_over));
                open.is_empty().then(|| Reply::Status(std::mem::take(status)))
            }
        }
    }
}

fn control(shared: &Shared, node: String, name: String, value: String) -> Result<Pending, String> {
    if shared.is_stopping() {
        return Err("the run is being stopped; nothing is set any more".to_owned());
    }
    let (sender, answer) = bounded(1);
    let mail = Mail::Control {
        name: name.clone(),
        value,
        answer: sender,
    };
    shared.desk.post(&node, mail).map_err(|error| error.to_string())?;
    Ok(Pending::Control { node, name, answer })
}

fn look_at_control(
    shared: &Shared,
    node: &str,
    name: &str,
    answer: &Receiver<Result<String, String>>,
    is_over: bool,
) -> Option<Reply> {
    match answer.try_recv() {
        Ok(Ok(value)) => {
            let told = format!("`{name}` was set to `{}` by request", shortened(&value));
            shared.logger.log(Level::INFO, node, &told, &[]);
            Some(Reply::Set(value))
        }
        Ok(Err(why)) => Some(Reply::Error(why)),
        Err(TryRecvError::Disconnected) => {
            let why = format!("`{node}` ended before it answered; see the log for why");
            Some(Reply::Error(why))
        }
        Err(TryRecvError::Empty) if is_over => {
            let why = format!(
                "`{node}` is busy: no answer within {PATIENCE}; it may still take the setting when its call is back"
            );
            Some(Reply::Error(why))
        }
        Err(TryRecvError::Empty) => None,
    }
}

/// A log line has no room for whatever somebody sends.
fn shortened(value: &str) -> String {
    const MOST: usize = 200;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

fn status(shared: &Shared, graph: &str) -> Pending {
    let figures = run_figures(shared);
    let mut status = RunStatus {
        run: shared.run_id.clone(),
        graph: graph.to_owned(),
        pid: figures.pid,
        guardian_pid: figures.guardian_pid,
        uptime_ns: figures.uptime_ns,
        dry_run: shared.dry_run,
        stopping: shared.is_stopping(),
        nodes: figures.nodes.into_iter().map(Into::into).collect(),
        lanes: figures.lanes.into_iter().map(Into::into).collect(),
    };
    let mut open = Vec::new();
    for (place, node) in status.nodes.iter_mut().enumerate() {
        if status.stopping {
            node.silent = Some("the run is being stopped".to_owned());
            continue;
        }
        let (sender, answer) = bounded(1);
        match shared.desk.post(&node.node, Mail::Status { answer: sender }) {
            Ok(()) => open.push((place, answer)),
            Err(error) => node.silent = Some(error.to_string()),
        }
    }
    let status = Box::new(status);
    Pending::Status { status, open }
}

/// Whether that node is still to be waited for.
fn waits(node: &mut NodeStatus, answer: &Receiver<String>, is_over: bool) -> bool {
    match answer.try_recv() {
        Ok(line) => node.status = Some(line).filter(|line| !line.is_empty()),
        Err(TryRecvError::Disconnected) => node.silent = Some("it ended before it answered".to_owned()),
        Err(TryRecvError::Empty) if is_over => node.silent = Some(format!("busy: no answer within {PATIENCE}")),
        Err(TryRecvError::Empty) => return true,
    }
    false
}
