//! `record.targets`: the targets of a recorded node, as they came and went.
//!
//! Where it stands in for a node of a run that is replayed, the host calls it at exactly the instants at which the node
//! spoke, and targets keep the ids that they had. In a graph of one's own it keeps its own time (`speed`), and targets are
//! given ids of this run, since others may be there too.

use crate::config::TargetsConfig;
use crate::playback::{Pace, Playback};
use crate::source::scaled;
use pipeline_plugin_api::prelude::*;

/// Brings recorded targets.
pub struct Targets {
    playback: Option<Playback>,
    /// In a graph of one's own: how fast.
    paced: Option<f64>,
    system: Option<System>,
    said: Batch,
}

impl Element for Targets {
    const NAME: &'static str = "record.targets";
    const SUMMARY: &'static str = "brings the targets of a recorded node, as they came and went";
    // To be called at all; from then on it wishes for the instants at which the node spoke.
    const EVERY: Nanos = Nanos::from_secs(1);
    const VIRTUAL_TIME: bool = true;
    type Config = TargetsConfig;

    fn ports(_: &TargetsConfig) -> Ports {
        Ports::new()
    }

    fn create(config: TargetsConfig, host: &Host) -> Result<Self> {
        let pace = if config.exact { Pace::Exact } else { Pace::Own };
        let playback = match config.run.as_str() {
            "" => None,
            run => Some(Playback::open(run, &config.node, pace, host)?),
        };
        Ok(Self {
            playback,
            paced: (!config.exact).then_some(config.speed),
            system: None,
            said: Batch::default(),
        })
    }
}

impl TargetProvider for Targets {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let Some(playback) = &self.playback else {
            return Ok(Wish::Nothing);
        };
        let Some(speed) = self.paced else {
            playback.next(out);
            return Ok(Wish::Nothing);
        };
        while let Some(at) = playback.next_at().map(|at| scaled(at, speed)) {
            if at > tick.at {
                return Ok(Wish::At(at));
            }
            self.said.clear();
            playback.next(&mut self.said);
            let system = self.system.as_ref();
            let changes = self
                .said
                .changes
                .iter()
                .map(|change| renamed(playback, system, tick.at, change));
            out.changes.extend(changes);
        }
        Ok(Wish::Nothing)
    }
}

/// A recorded target as one of this run. One that appears is given an id, which its readings then have too.
fn renamed(playback: &Playback, system: Option<&System>, at: Nanos, change: &TargetChange) -> TargetChange {
    let mut target = change.target.clone();
    let known = playback.id(target.id) != target.id;
    if let Some(system) = system.filter(|_| change.change == Change::APPEARED || !known) {
        let (id, generation) = system.new_target(&target.name);
        playback.set_id(target.id, id);
        target.generation = generation;
    }
    target.id = playback.id(target.id);
    target.parent = playback.id(target.parent);
    TargetChange {
        at,
        change: change.change,
        target,
    }
}
