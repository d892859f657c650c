//! What is kept of a run, in memory: the tape, and the recorder that fills it.

use super::TapeConfig;
use pipeline_plugin_api::abi::TapBatch;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::tap::{NameTable, RunFacts, RunSummary, Tap};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What was recorded of a run.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    pub facts: RunFacts,
    pub summary: RunSummary,
    pub names: NameTable,
    pub batches: Vec<TapBatch>,
    pub lost: u64,
    /// Calls of transforms and schedulers, as they count them.
    pub calls: u64,
    /// Batches that they were given.
    pub ports: u64,
    /// What each was given, by its name.
    pub inputs: BTreeMap<String, Vec<String>>,
}

static TAPES: Mutex<BTreeMap<String, Tape>> = Mutex::new(BTreeMap::new());

pub fn tape(run: &str) -> Tape {
    let tapes = TAPES.lock().unwrap_or_else(PoisonError::into_inner);
    tapes.get(run).cloned().unwrap_or_default()
}

pub fn keep(run: &str, what: impl FnOnce(&mut Tape)) {
    let mut tapes = TAPES.lock().unwrap_or_else(PoisonError::into_inner);
    what(tapes.entry(run.to_owned()).or_default());
}

/// Keeps all that the tap gives.
pub struct Write {
    run: String,
    lazy: bool,
    tap: Option<Tap>,
}

impl Element for Write {
    const NAME: &'static str = "tape.write";
    const SUMMARY: &'static str = "a tape in memory";
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new().takes_all("")
    }
    fn create(config: TapeConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            run: host.run_id(),
            lazy: config.lazy,
            tap: None,
        })
    }
}

impl Write {
    fn take(&self) -> Result<()> {
        if let Some(tap) = &self.tap {
            let mut batch = TapBatch::default();
            tap.take(&mut batch);
            keep(&self.run, |tape| {
                tape.lost = batch.lost_events;
                tape.batches.push(batch);
            });
        }
        Ok(())
    }
}

impl Sink for Write {
    fn start(&mut self, system: &System) -> Result<()> {
        let room = if self.lazy {
            0
        } else {
            pipeline_plugin_api::tap::CAPACITY
        };
        let tap = Tap::open(system, room)?;
        let facts = tap.facts()?;
        keep(&self.run, |tape| tape.facts = facts);
        self.tap = Some(tap);
        Ok(())
    }
    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        assert_eq!(input.batches().count(), 0, "whoever has the tap is given nothing");
        if !self.lazy {
            self.take()?;
        }
        Ok(Wish::Nothing)
    }
    fn flush(&mut self, _: Nanos) -> Result<()> {
        self.take()?;
        if let Some(tap) = &self.tap {
            let summary = tap.summary()?;
            let names = tap.names();
            keep(&self.run, |tape| (tape.summary, tape.names) = (summary, names));
        }
        Ok(())
    }
}
