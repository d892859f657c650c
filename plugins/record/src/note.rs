//! `record.note`: stands in for an actuator when a run is replayed. It changes nothing and says what became of actions.
//!
//! As long as it is asked for what was asked for then, it answers as the actuator did, word by word. From the first other
//! action on nobody knows what the machine would have said: it then takes each action for applied, within the bounds of
//! the control that was recorded, and says that this is assumed. Controls are told as recorded all along.
//!
//! What a workload would have done under another action it does not know; readings stay what they were.

mod assumed;

use crate::config::PlayConfig;
use crate::names::HostNames;
use crate::playback::{Pace, Playback};
use assumed::Assumed;
use pipeline_plugin_api::prelude::*;
use pipeline_record_store::{Emission, Player, Run, Wanted};
use std::collections::VecDeque;

/// Says what an actuator would do.
pub struct Note {
    host: Host,
    playback: Option<Playback>,
    /// Actions that were asked for then and not yet now, each with its place among all that happened.
    expected: VecDeque<(u64, Action)>,
    assumed: Assumed,
    said: Batch,
}

impl Element for Note {
    const NAME: &'static str = "record.note";
    const SUMMARY: &'static str = "stands in for an actuator of a recorded run that is replayed: says what it would do";
    const VIRTUAL_TIME: bool = true;
    type Config = PlayConfig;

    fn ports(_: &PlayConfig) -> Ports {
        Ports::new()
            .takes_any_action("noted")
            .gives_outcomes("as recorded, or assumed")
    }

    fn create(config: PlayConfig, host: &Host) -> Result<Self> {
        let playback = match config.run.as_str() {
            "" => None,
            run => Some(Playback::open(run, &config.node, Pace::Exact, host)?),
        };
        let expected = match &playback {
            Some(playback) => playback.with_run(|run| actions_to(run, playback.node(), host)),
            None => VecDeque::new(),
        };
        Ok(Self {
            host: host.clone(),
            assumed: Assumed::new(playback.is_none()),
            playback,
            expected,
            said: Batch::default(),
        })
    }

    fn status(&self) -> String {
        match self.assumed.since() {
            Some(since) => format!("outcomes are assumed since {since}"),
            None => "outcomes are as recorded".to_owned(),
        }
    }
}

impl Actuator for Note {
    fn start(&mut self, _: &System) -> Result<()> {
        Ok(())
    }
    fn target(&mut self, _: &TargetChange) -> Result<Vec<Control>> {
        Ok(Vec::new())
    }
    fn takes(&self, _: KnobId) -> bool {
        true
    }
    fn apply(&mut self, action: &Action) -> Result<Effect> {
        Err(Failure::fatal(format!(
            "action {} came by a way that does not exist",
            action.id
        )))
    }
    fn release(&mut self, target: TargetId, _: KnobId) -> Result<Release> {
        Err(Failure::gone(target, "nothing is held"))
    }

    fn instead(&mut self, input: &Input<'_>, out: &mut Batch) -> Option<Result<Wish>> {
        for action in input.actions() {
            self.hear(input.at, action);
        }
        // The host calls it without input once for each time that the actuator spoke.
        if input.batches().next().is_none() {
            self.speak(input.at, out);
        }
        for change in input.changes().filter(|change| change.change == Change::GONE) {
            self.assumed.forget(change.target.id);
        }
        for action in input.actions() {
            self.assumed.take(input.at, action, out);
        }
        Some(Ok(self.assumed.lapse(input.at, out)))
    }
}

impl Note {
    /// Whether an action is the one that was asked for then.
    fn hear(&mut self, at: Nanos, action: &Action) {
        if self.assumed.since().is_none()
            && self
                .expected
                .pop_front()
                .is_none_or(|(_, expected)| !same(&expected, action))
        {
            self.part(at);
        }
        self.assumed.ask(action);
    }

    /// Says what the actuator said next, as far as it still holds. One of its own wishes may have it called before.
    fn speak(&mut self, at: Nanos, out: &mut Batch) {
        let Some(playback) = &self.playback else { return };
        let Some((_, place)) = playback.next_place().filter(|(next, _)| *next <= at) else {
            return;
        };
        self.said.clear();
        playback.next(&mut self.said);
        // It said this after it was asked for something that nobody asks for now. Instants do not tell: it offers its
        // knobs for a new target and is asked for one of them at the same.
        let unasked = self.expected.front().is_some_and(|(asked, _)| *asked < place);
        if unasked && self.assumed.since().is_none() {
            self.part(at);
        }
        self.assumed.learn(&self.said);
        if self.assumed.since().is_some() {
            self.said.outcomes.clear();
        }
        out.at = self.said.at;
        out.append(&self.said);
    }

    fn part(&mut self, at: Nanos) {
        self.assumed.begin(at);
        let message = "other actions than those that were recorded: what becomes of them is assumed from here on";
        self.host.log(Level::INFO, message, &[("at", &at)]);
        self.host.count("assumed_runs", 1);
    }
}

/// Bit for bit, but for what is told to people.
fn same(one: &Action, other: &Action) -> bool {
    one.value.to_bits() == other.value.to_bits()
        && (one.at, one.id, one.target, one.knob, &one.text, one.until, one.set)
            == (
                other.at,
                other.id,
                other.target,
                other.knob,
                &other.text,
                other.until,
                other.set,
            )
}

/// All that an actuator was asked for, in order, each with its place among all that happened.
fn actions_to(run: &Run, actuator: &str, host: &Host) -> VecDeque<(u64, Action)> {
    let nodes = &run.page().facts.nodes;
    let from = nodes
        .iter()
        .find(|node| node.name == actuator)
        .map(|node| node.from.as_slice());
    let names = from
        .unwrap_or_default()
        .iter()
        .filter_map(|place| nodes.get(*place as usize));
    let schedulers = names.map(|node| node.name.clone()).collect();
    let mut names = HostNames(host);
    let mut player = Player::new(run, Wanted::Nodes(schedulers), &mut names);
    let mut emission = Emission::default();
    let mut all = VecDeque::new();
    while player.next_into(&mut emission, &mut names) {
        let actions = emission.batch.actions.iter().cloned();
        all.extend(actions.map(|action| (emission.sequence, action)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_the_same_by_its_bits_and_not_by_its_words() {
        let action = Action {
            value: f64::NAN,
            why: "one".into(),
            ..Action::default()
        };
        let other = Action {
            why: "another".into(),
            ..action.clone()
        };
        assert!(same(&action, &other));
        assert!(!same(
            &action,
            &Action {
                value: 0.0,
                ..other.clone()
            }
        ));
        assert!(!same(
            &action,
            &Action {
                until: Nanos(1),
                ..other
            }
        ));
    }
}
