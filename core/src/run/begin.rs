//! What a run does before it loads a plugin: it undoes what dead runs left, and starts its guardian.
//!
//! Whatever the code of a plugin does to this process from then on, somebody is there to put the host back.

use super::clock::Clock;
use super::journal::{Journal, runtime_folder};
use super::log::Logger;
use super::plan::Plan;
use super::progress::Progress;
use super::{Options, RunError, acting, recover};
use crate::guardian::{Guardian, Order};
use pipeline_plugin_api::abi::{Level, Stage};
use std::path::PathBuf;
use std::sync::Arc;

/// A run that has not loaded anything yet.
#[derive(Debug)]
pub struct Begun {
    /// The run's id.
    pub run_id: String,
    /// Where its journal will lie.
    pub folder: PathBuf,
    /// When it began, as people write it.
    since: String,
    guardian: Result<Arc<Guardian>, String>,
}

impl Begun {
    /// Undoes what dead runs left, whatever the graph, and starts the guardian.
    pub fn new(options: &Options) -> Self {
        let clock = Clock::real();
        let writer = Progress::new(false).writer();
        let logger = Logger::new(options.format, options.level, clock.clone(), writer);
        let folder = runtime_folder();
        recover::all(&folder, &logger, options.dry_run);
        let since = since(&clock);
        let run_id = run_id(&since);
        let guardian = Guardian::start(Order {
            run: run_id.clone(),
            folder: folder.clone(),
            format: options.format,
            level: options.level,
        });
        Self {
            run_id,
            folder,
            since,
            guardian: guardian.map(Arc::new).map_err(|error| error.to_string()),
        }
    }

    /// Takes the lock if the plan acts.
    pub(super) fn lock(&self, plan: &Plan, options: &Options) -> Result<Option<acting::Acting>, RunError> {
        if !acts(plan, options) {
            return Ok(None);
        }
        let own = acting::Holder {
            run: self.run_id.clone(),
            pid: std::process::id(),
            graph: options.graph.clone(),
            since: self.since.clone(),
        };
        Ok(Some(acting::take(&self.folder, &own)?))
    }

    /// The guardian, once it is ready. A run that acts does not begin without one.
    pub(super) fn guardian(
        self,
        plan: &Plan,
        options: &Options,
        journal: &Journal,
        logger: &Logger,
    ) -> Result<Option<Arc<Guardian>>, RunError> {
        let ready = self.guardian.and_then(|guardian| {
            guardian.ready(journal)?;
            Ok(guardian)
        });
        match ready {
            Ok(guardian) => Ok(Some(guardian)),
            Err(why) if acts(plan, options) => Err(RunError::Unguarded { why }),
            Err(why) => {
                let why = format!("there is no guardian ({why}); if this run is killed, its workloads may stay");
                logger.log(Level::WARN, "run", &why, &[]);
                Ok(None)
            }
        }
    }
}

/// Whether it may change how something runs that it did not start.
fn acts(plan: &Plan, options: &Options) -> bool {
    !options.dry_run && plan.nodes.iter().any(|node| node.stage == Stage::ACTUATOR)
}

fn since(clock: &Clock) -> String {
    let began = std::time::UNIX_EPOCH + std::time::Duration::from(clock.wall());
    humantime::format_rfc3339_seconds(began).to_string()
}

/// The id of a run that begins now.
pub(super) fn run_id_now() -> String {
    run_id(&since(&Clock::real()))
}

/// When it began and which process it is: sorts by time, unique on a host.
fn run_id(since: &str) -> String {
    let compact: String = since.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    format!("{}-{}", compact.trim_end_matches('Z'), std::process::id())
}
