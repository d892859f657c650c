//! A node of a plugin in one of its lives, with all that a call of it takes: what a thread has with it in a call,
//! and what is lost with the thread if the call does not come back.

use super::declared::Gives;
use super::host::NodeHost;
use super::plan::PlanNode;
use super::waiting::Waiting;
use abi_stable::std_types::{RSlice, RStr};
use pipeline_plugin_api::abi::{FailureKind, Fault, HostAbi, Level, NodeBox};
use std::collections::BTreeMap;

/// A node in one of its lives.
pub struct Callable {
    /// The loaded node.
    pub node: NodeBox,
    /// Its host, in this life.
    pub host: NodeHost,
    /// What waits for it.
    pub waiting: Waiting,
    /// What it may say.
    pub gives: Gives,
}

/// All that it takes to make a node and start it; to be done wherever it may take its time.
#[derive(Clone)]
pub struct Maker {
    /// What it is made from.
    pub plan: PlanNode,
    /// Its host, in the life that begins.
    pub host: NodeHost,
    /// Whether no transform and no scheduler hears it.
    pub unheard: bool,
    /// What was set at run time, by name.
    pub settings: BTreeMap<String, String>,
}

impl Maker {
    /// Makes the loaded node, starts it, and sets what was set before.
    ///
    /// # Errors
    /// One sentence; the node is then not there.
    pub fn make(self) -> Result<Box<Callable>, String> {
        let config = RStr::from_str(&self.plan.config);
        let ports = self.plan.element.ports()(config)
            .into_result()
            .map_err(|faults| sentences(&faults))?;
        let made = self.plan.element.create()(config, self.host.handle());
        let mut node = made.into_result().map_err(|faults| sentences(&faults))?;
        node.start()
            .into_result()
            .map_err(|failure| failure.message.to_string())?;
        for (name, value) in &self.settings {
            let set = node.control(RStr::from_str(name), RStr::from_str(value));
            let Err(failure) = set.into_result() else { continue };
            let why = format!("`{name}` cannot be set to `{value}` again: {}", failure.message);
            if matches!(failure.kind, FailureKind::FATAL | FailureKind::PANIC) {
                return Err(why);
            }
            // It was good for the life before, as the name of a process that has ended meanwhile.
            self.host
                .log(Level::WARN, RStr::from_str(&why), RSlice::from_slice(&[]));
        }
        Ok(Box::new(Callable {
            node,
            waiting: Waiting::new(self.plan.last.len()),
            gives: Gives::new(self.plan.stage, &ports, self.unheard),
            host: self.host,
        }))
    }
}

fn sentences(faults: &[Fault]) -> String {
    let sentences: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    sentences.join("; ")
}
