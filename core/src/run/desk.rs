//! Where a running node is reached by its name from outside the lanes: settings and status.

use super::link::{Mail, MailSender, Posted};
use pipeline_plugin_api::config::nearest_help;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// The mailboxes of all nodes by name.
#[derive(Debug, Default)]
pub struct Desk(RwLock<BTreeMap<String, MailSender>>);

/// Why a node cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// There is no such node.
    #[error("there is no node `{node}`; {help}")]
    Unknown {
        /// The name that was asked for.
        node: String,
        /// The nearest right name, or all.
        help: String,
    },
    /// The node ended.
    #[error("`{0}` was stopped; see the log for why")]
    Stopped(String),
    /// Nobody takes its mail.
    #[error("`{0}` is busy and its mailbox is full")]
    Full(String),
}

impl Desk {
    /// Makes a node known.
    pub fn enroll(&self, node: &str, mail: MailSender) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node.to_owned(), mail);
    }

    /// The names of all nodes, sorted.
    pub fn names(&self) -> Vec<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.keys().cloned().collect()
    }

    /// Gives mail to a node; its lane takes it at its next instant, which this rings for.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub fn post(&self, node: &str, mail: Mail) -> Result<(), DeskError> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = known.get(node) else {
            return Err(DeskError::Unknown {
                node: node.to_owned(),
                help: nearest_help(node, known.keys().map(String::as_str)),
            });
        };
        match sender.post(mail) {
            Posted::Taken => Ok(()),
            Posted::Full => Err(DeskError::Full(node.to_owned())),
            Posted::Nowhere => Err(DeskError::Stopped(node.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::link::mailbox;
    use crate::run::wake::Bell;

    fn status() -> Mail {
        Mail::Status {
            answer: crossbeam_channel::bounded(1).0,
        }
    }

    #[test]
    fn mail_reaches_the_node_of_that_name_and_no_other() {
        let desk = Desk::default();
        let (sender, receiver) = mailbox(Bell::new().unwrap());
        desk.enroll("slow", sender);
        desk.post("slow", status()).unwrap();
        assert!(matches!(receiver.try_recv(), Ok(Mail::Status { .. })));
        let error = desk.post("slwo", status()).unwrap_err();
        assert!(error.to_string().contains("there is no node `slwo`"), "{error}");
        assert!(error.to_string().contains("`slow`"), "{error}");
    }

    #[test]
    fn a_node_that_was_stopped_is_told_so() {
        let desk = Desk::default();
        let (sender, receiver) = mailbox(Bell::new().unwrap());
        desk.enroll("slow", sender);
        drop(receiver);
        assert_eq!(desk.post("slow", status()), Err(DeskError::Stopped("slow".to_owned())));
    }
}
