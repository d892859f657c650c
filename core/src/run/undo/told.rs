//! How it is told what became of a record: the same sentences during a run, at its end, by the guardian and by hand.

use super::{Patience, Undone};
use crate::run::journal::Report;
use crate::run::log::Logger;
use pipeline_plugin_api::abi::Level;

/// Tells what became of one record, in the name of its node. `true` unless something is left that is ours.
///
/// With [`Patience::Once`] what others still use is no news: it waits for the end of the run.
pub fn told(report: &Report, logger: &Logger, patience: Patience) -> bool {
    let node = &report.entry.node;
    let (level, sentence) = match &report.result {
        Ok(Undone::Restored) => (Level::INFO, format!("undone: {}", report.entry.subject())),
        Ok(Undone::Back) => (Level::DEBUG, format!("was back already: {}", report.entry.subject())),
        Ok(Undone::Gone) => (Level::DEBUG, format!("is gone: {}", report.entry.subject())),
        Ok(Undone::Taken(found)) => (Level::WARN, format!("left alone, someone else changed it: {found}")),
        Err(error) if patience == Patience::Once && error.is_busy() => (Level::DEBUG, error.to_string()),
        Err(error) => (Level::ERROR, error.to_string()),
    };
    logger.log(level, node, &sentence, &[]);
    report.result.is_ok()
}
