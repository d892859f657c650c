//! Stand-ins that say what nodes of a tape said, in its order.

use super::TapeConfig;
use super::kept::tape;
use pipeline_plugin_api::abi::{TapEvent, TapKind};
use pipeline_plugin_api::prelude::*;

/// What one node of a tape said, in order.
struct Player {
    words: std::vec::IntoIter<Batch>,
}

impl Player {
    fn new(config: &TapeConfig) -> Self {
        let spoke = |event: &&TapEvent| event.kind == TapKind::SAID && event.node == config.node;
        let mut words = Vec::new();
        for batch in &tape(&config.run).batches {
            for event in batch.events.iter().filter(spoke) {
                let other = batch.other_of(event).cloned().unwrap_or_default();
                words.push(Batch {
                    at: event.batch_at,
                    readings: batch.readings_of(event).to_vec().into(),
                    ..other
                });
            }
        }
        Self {
            words: words.into_iter(),
        }
    }

    fn say(&mut self, out: &mut Batch) {
        if let Some(next) = self.words.next() {
            *out = next;
        }
    }
}

/// Plays what a target provider or a collector said.
pub struct Source(Player);

impl Element for Source {
    const NAME: &'static str = "tape.source";
    const SUMMARY: &'static str = "plays a node of a tape";
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new().gives_any_reading("")
    }
    fn create(config: TapeConfig, _: &Host) -> Result<Self> {
        Ok(Self(Player::new(&config)))
    }
}

impl Collector for Source {
    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }
    fn collect(&mut self, _: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.0.say(out);
        Ok(Wish::Nothing)
    }
}

/// Plays what an actuator said; it is called for its actions too, which the tape says nothing of.
pub struct Note {
    player: Player,
}

impl Element for Note {
    const NAME: &'static str = "tape.note";
    const SUMMARY: &'static str = "plays an actuator of a tape";
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new().takes_any_action("").gives_outcomes("")
    }
    fn create(config: TapeConfig, _: &Host) -> Result<Self> {
        Ok(Self {
            player: Player::new(&config),
        })
    }
}

impl Transform for Note {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        // What the tape has is said where it was said, for which it is called without anything.
        if input.batches().next().is_none() {
            self.player.say(out);
        }
        Ok(Wish::Nothing)
    }
}
