//! `record.source` and `record.replay`: a recorded node that speaks again.
//!
//! A source stands in for a collector when a run is replayed: it is called at exactly the instants at which the node
//! spoke, and says its next word at each, as it was. `record.replay` is for graphs of one's own: it keeps its own time,
//! at any speed, and its targets are given ids of this run by `record.targets`.

use crate::config::{PlayConfig, ReplayConfig};
use crate::playback::{Pace, Playback};
use pipeline_plugin_api::prelude::*;

/// Ports of a node that says whatever it said.
pub fn any_ports() -> Ports {
    Ports::new()
        .gives_any_reading("as recorded")
        .gives_findings("as recorded")
}

/// Plays a collector back, word by word.
pub struct Source {
    playback: Option<Playback>,
}

impl Element for Source {
    const NAME: &'static str = "record.source";
    const SUMMARY: &'static str = "stands in for a collector of a recorded run that is replayed";
    const VIRTUAL_TIME: bool = true;
    type Config = PlayConfig;

    fn ports(_: &PlayConfig) -> Ports {
        any_ports()
    }

    fn create(config: PlayConfig, host: &Host) -> Result<Self> {
        let playback = match config.run.as_str() {
            "" => None,
            run => Some(Playback::open(run, &config.node, Pace::Exact, host)?),
        };
        Ok(Self { playback })
    }
}

impl Collector for Source {
    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }

    fn collect(&mut self, _: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        if let Some(playback) = &self.playback {
            playback.next(out);
        }
        Ok(Wish::Nothing)
    }
}

/// Plays a collector back at its own pace.
pub struct Replay {
    playback: Option<Playback>,
    speed: f64,
    said: Batch,
}

impl Element for Replay {
    const NAME: &'static str = "record.replay";
    const SUMMARY: &'static str = "plays the readings of a recorded node back, in virtual time or at any speed";
    // To be called at all; from then on it wishes for the instants at which the node spoke.
    const EVERY: Nanos = Nanos::from_secs(1);
    const VIRTUAL_TIME: bool = true;
    type Config = ReplayConfig;

    fn ports(_: &ReplayConfig) -> Ports {
        any_ports()
    }

    fn create(config: ReplayConfig, host: &Host) -> Result<Self> {
        let playback = match config.run.as_str() {
            "" => None,
            run => Some(Playback::open(run, &config.node, Pace::Own, host)?),
        };
        Ok(Self {
            playback,
            speed: config.speed,
            said: Batch::default(),
        })
    }
}

impl Collector for Replay {
    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let Some(playback) = &self.playback else {
            return Ok(Wish::Nothing);
        };
        while let Some(at) = playback.next_at().map(|at| scaled(at, self.speed)) {
            if at > tick.at {
                return Ok(Wish::At(at));
            }
            self.said.clear();
            playback.next(&mut self.said);
            out.readings.extend(self.said.readings.iter().map(|reading| Reading {
                at: scaled(reading.at, self.speed),
                target: playback.id(reading.target),
                ..*reading
            }));
        }
        Ok(Wish::Nothing)
    }
}

/// A recorded instant, on the clock of a run that is so many times as fast. Spans stay as they were, so that what is
/// counted in them keeps its rate.
pub fn scaled(at: Nanos, speed: f64) -> Nanos {
    if speed == 1.0 {
        at
    } else {
        Nanos((at.0 as f64 / speed) as u64)
    }
}
