//! `fault.crowd`: a provider that brings one good target, and tells odd things of others.

use pipeline_plugin_api::abi::Target;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is odd.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Tells {
    /// Nothing is.
    #[default]
    Nothing,
    /// A change and a class that nobody knows.
    UnknownIntegers,
    /// Targets gone that never came.
    NeverCame,
    /// The same target appearing and going again and again.
    Flicker,
    /// Ids that the host did not give.
    ForeignIds,
    /// Names that are empty, endless, or hold line breaks and control characters.
    OddNames,
    /// Two targets that are each other's parent.
    Loop,
}

/// Config of `fault.crowd`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CrowdConfig {
    /// What it tells beside its good target; nothing by default.
    pub tells: Tells,
}

impl Configure for CrowdConfig {}

/// Tells odd changes.
pub struct Crowd {
    tells: Tells,
    node: String,
    system: Option<System>,
    good: Option<Target>,
}

impl Element for Crowd {
    const NAME: &'static str = "fault.crowd";
    const SUMMARY: &'static str = "one target, and odd ones";
    const EVERY: Nanos = Nanos::from_millis(50);
    type Config = CrowdConfig;

    fn ports(_: &CrowdConfig) -> Ports {
        Ports::new()
    }

    fn create(config: CrowdConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            tells: config.tells,
            node: host.name(),
            system: None,
            good: None,
        })
    }
}

impl TargetProvider for Crowd {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let system = self
            .system
            .clone()
            .ok_or_else(|| Failure::fatal("it was not started"))?;
        if self.good.is_none() {
            let good = self.named(&system, &self.node);
            out.changes.push(change(tick.at, Change::APPEARED, &good));
            self.good = Some(good);
        }
        self.tell(tick.at, &system, out);
        Ok(Wish::Nothing)
    }
}

impl Crowd {
    fn named(&self, system: &System, name: &str) -> Target {
        let (id, generation) = system.new_target(name);
        Target {
            id,
            generation,
            provider: self.node.as_str().into(),
            name: name.into(),
            class: Class::BEST_EFFORT,
            ..Target::default()
        }
    }

    fn tell(&self, at: Nanos, system: &System, out: &mut Batch) {
        let mut tell = |what: Change, target: &Target| out.changes.push(change(at, what, target));
        match self.tells {
            Tells::Nothing => {}
            Tells::UnknownIntegers => {
                let target = Target {
                    class: Class(77),
                    priority: i32::MIN,
                    ..self.named(system, "odd/class")
                };
                tell(Change(77), &target);
                tell(Change::GONE, &target);
            }
            Tells::NeverCame => tell(Change::GONE, &self.named(system, "odd/never")),
            Tells::Flicker => {
                let target = self.named(system, "odd/flicker");
                for what in [
                    Change::APPEARED,
                    Change::APPEARED,
                    Change::GONE,
                    Change::GONE,
                    Change::CHANGED,
                    Change::GONE,
                ] {
                    tell(what, &target);
                }
            }
            Tells::ForeignIds => {
                for id in [0, u32::MAX] {
                    tell(
                        Change::APPEARED,
                        &Target {
                            id: TargetId(id),
                            ..self.named(system, "odd/id")
                        },
                    );
                }
            }
            Tells::OddNames => {
                let endless = "odd/".repeat(4096);
                for name in [
                    "",
                    "odd/a\n   0.000s ERROR run: forged",
                    "odd/\u{1b}[31mred\u{7}",
                    "odd/ \u{202e}\u{0}",
                    &endless,
                ] {
                    let target = self.named(system, name);
                    tell(Change::APPEARED, &target);
                    tell(Change::GONE, &target);
                }
            }
            Tells::Loop => {
                let (one, other) = (self.named(system, "odd/one"), self.named(system, "odd/other"));
                let (one, other) = (
                    Target {
                        parent: other.id,
                        ..one.clone()
                    },
                    Target {
                        parent: one.id,
                        ..other
                    },
                );
                for what in [Change::APPEARED, Change::GONE] {
                    tell(what, &one);
                    tell(what, &other);
                }
            }
        }
    }
}

fn change(at: Nanos, change: Change, target: &Target) -> TargetChange {
    TargetChange {
        at,
        change,
        target: target.clone(),
    }
}
