//! `fault.command`: a scheduler that asks for odd actions.

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is odd.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Asks {
    /// Nothing is asked for.
    #[default]
    Nothing,
    /// Something sensible of each target.
    Good,
    /// Something sensible of targets that nobody brought.
    Strangers,
    /// A knob that nobody named.
    NoSuchKnob,
    /// Values that are no numbers, of each target.
    NotNumbers,
    /// Leases until the end of time, of each target.
    Endless,
    /// 1000 actions at once for the same knob of each target.
    Many,
}

/// Config of `fault.command`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommandConfig {
    /// What it asks for; nothing by default.
    pub asks: Asks,
}

impl Configure for CommandConfig {}

/// Asks for odd things.
pub struct Command {
    asks: Asks,
    idle: KnobId,
    targets: BTreeSet<TargetId>,
    asked: u64,
    host: Host,
}

/// How long its leases last, but for those without an end.
const LEASE: Nanos = Nanos::from_millis(500);
const MANY: usize = 1000;

impl Element for Command {
    const NAME: &'static str = "fault.command";
    const SUMMARY: &'static str = "odd actions";
    const EVERY: Nanos = Nanos::from_millis(50);
    type Config = CommandConfig;

    fn ports(_: &CommandConfig) -> Ports {
        Ports::new().gives_actions(&vocabulary::CPU_IDLE)
    }

    fn create(config: CommandConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            asks: config.asks,
            idle: host.knob(&vocabulary::CPU_IDLE)?,
            targets: BTreeSet::new(),
            asked: 0,
            host: host.clone(),
        })
    }
}

impl Scheduler for Command {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for control in input.controls() {
            self.targets.insert(control.target);
        }
        self.host.count("answers", input.outcomes().count() as u64);
        let actions = self.actions(input.at);
        self.host.count("asked", actions.len() as u64);
        out.actions.extend(actions);
        Ok(Wish::Nothing)
    }
}

impl Command {
    fn actions(&mut self, at: Nanos) -> Vec<Action> {
        let good = Action {
            at,
            knob: self.idle,
            value: 1.0,
            until: at + LEASE,
            why: "this mock asks, as it was told".into(),
            ..Action::default()
        };
        let of = |targets: &[u32]| -> Vec<Action> {
            let action = |id: &u32| Action {
                target: TargetId(*id),
                ..good.clone()
            };
            targets.iter().map(action).collect()
        };
        let known: Vec<u32> = self.targets.iter().map(|target| target.0).collect();
        let mut actions = match self.asks {
            Asks::Nothing => Vec::new(),
            Asks::Good => of(&known),
            Asks::Strangers => of(&[0, 1 << 20, u32::MAX]),
            Asks::NoSuchKnob => of(&known)
                .into_iter()
                .map(|action| Action {
                    knob: KnobId(u32::MAX),
                    ..action
                })
                .collect(),
            Asks::NotNumbers => of(&known)
                .into_iter()
                .map(|action| Action {
                    value: f64::NAN,
                    ..action
                })
                .collect(),
            Asks::Endless => of(&known)
                .into_iter()
                .map(|action| Action {
                    until: Nanos::FOREVER,
                    ..action
                })
                .collect(),
            Asks::Many => of(&known.repeat(MANY)),
        };
        for action in &mut actions {
            self.asked += 1;
            action.id = self.asked;
        }
        actions
    }
}
