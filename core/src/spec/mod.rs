//! A graph file as written: from RON text to nodes, with every fault that can be seen without
//! knowing a single element.
//!
//! What elements there are, and whether what they give fits what others take, is asked in
//! [`crate::graph`]. A spec with faults is still handed on, so that those are told at the same time.

pub mod edit;
mod fault;
mod file;
mod links;
mod name;
mod node;
mod read;
mod section;
mod take;
mod value;

#[cfg(test)]
mod tests;

pub use fault::{Fault, Mark, Severity, quoted};
pub use links::Link;
pub use name::{LONGEST_NAME, NameError, NodeName};
pub use node::{OnError, Overflow, Queue};
pub use read::{LARGEST_FILE, ReadError};
pub use section::{FIELDS, Section};
pub use value::{Field, Placed, Value, token};

use pipeline_plugin_api::abi::Nanos;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version of the file format that is read here.
pub const VERSION: u32 = 1;

/// A graph file as written.
#[derive(Clone, Debug)]
pub struct GraphSpec {
    /// The file's name, for messages.
    pub path: PathBuf,
    /// The whole text, in which every place lies.
    pub text: Arc<str>,
    /// The nodes in the order in which data moves: that of the file, if its sections are in order.
    pub nodes: Vec<NodeSpec>,
    /// What is wrong so far.
    pub faults: Vec<Fault>,
}

/// A node as written.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// The section in which it stands.
    pub section: Section,
    /// Its name.
    pub name: Placed<NodeName>,
    /// Its element; none where a fault says that it is missing.
    pub plugin: Option<Placed<String>>,
    /// The targets that it reads.
    pub of: Vec<Link>,
    /// The nodes that it reads, by port.
    pub from: Vec<Link>,
    /// The nodes whose batches of the previous instant it reads.
    pub last: Vec<Link>,
    /// Whether all names in those lists could be resolved.
    pub linked: bool,
    /// How often it is called; never zero.
    pub every: Option<Placed<Nanos>>,
    /// The element's config, as RON text.
    pub config: Option<Placed<String>>,
    /// The thread that it wants to share.
    pub lane: Option<Placed<NodeName>>,
    /// The CPU to which its lane is pinned.
    pub cpu: Option<Placed<u32>>,
    /// The queue before it.
    pub queue: Option<Placed<Queue>>,
    /// What happens when it fails.
    pub on_error: OnError,
}

impl GraphSpec {
    /// Reads a graph file.
    ///
    /// # Errors
    /// The file cannot be read as text. What is wrong with the text stands in `faults`.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        Ok(Self::parse(path, read::text(path)?))
    }

    /// Reads the text of a graph file; never fails, see `faults`.
    pub fn parse(path: &Path, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let (nodes, faults) = file::read(&text);
        Self {
            path: path.to_owned(),
            text,
            nodes,
            faults,
        }
    }

    /// The place of the node with that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name.value.as_str() == name)
    }
}
