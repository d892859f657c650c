//! The world that is recorded: targets that come and go, readings of them, and a knob.

use super::TapeConfig;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::tap::Tap;

/// Brings a target every 50 ms, each of which goes after 120 ms.
pub struct Bring {
    system: Option<System>,
    living: Vec<(Nanos, Target)>,
}

impl Element for Bring {
    const NAME: &'static str = "tape.bring";
    const SUMMARY: &'static str = "targets that come and go";
    const EVERY: Nanos = Nanos::from_millis(50);
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new()
    }
    fn create(_: TapeConfig, _: &Host) -> Result<Self> {
        Ok(Self {
            system: None,
            living: Vec::new(),
        })
    }
}

impl TargetProvider for Bring {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }
    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let old = |(born, _): &mut (Nanos, Target)| tick.at.since(*born) > Nanos::from_millis(120);
        for (_, target) in self.living.extract_if(.., old) {
            out.changes.push(TargetChange {
                at: tick.at,
                change: Change::GONE,
                target,
            });
        }
        if let Some(system) = &self.system {
            let (id, generation) = system.new_target("jobs/job");
            let target = Target {
                id,
                generation,
                name: "jobs/job".into(),
                provider: "jobs".into(),
                ..Target::default()
            };
            self.living.push((tick.at, target.clone()));
            out.changes.push(TargetChange {
                at: tick.at,
                change: Change::APPEARED,
                target,
            });
        }
        Ok(Wish::Nothing)
    }
    /// The last changes are told when nobody decides any more.
    fn stop(&mut self, out: &mut Batch) -> Result<()> {
        let at = out.at;
        out.changes
            .extend(self.living.drain(..).map(|(_, target)| TargetChange {
                at,
                change: Change::GONE,
                target,
            }));
        Ok(())
    }
}

/// Two readings of each target at each tick.
pub struct Feed {
    metric: MetricId,
    targets: Vec<TargetId>,
    count: u64,
    taps: bool,
}

impl Element for Feed {
    const NAME: &'static str = "tape.feed";
    const SUMMARY: &'static str = "readings that count";
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new().gives(&vocabulary::CPU_TIME)
    }
    fn create(config: TapeConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            metric: host.metric(&vocabulary::CPU_TIME)?,
            targets: Vec::new(),
            count: 0,
            taps: config.taps,
        })
    }
}

impl Collector for Feed {
    fn start(&mut self, system: &System) -> Result<()> {
        match self.taps {
            true => Tap::open(system, 0).map(drop),
            false => Ok(()),
        }
    }
    fn target(&mut self, change: &TargetChange) -> Result<()> {
        self.targets.retain(|known| *known != change.target.id);
        if change.change != Change::GONE {
            self.targets.push(change.target.id);
        }
        Ok(())
    }
    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        for target in &self.targets {
            for part in 0..2 {
                self.count += 1;
                let reading = Reading::gauge(tick.at, *target, self.metric, self.count as f64);
                out.readings.push(reading.of_part(Part::cpu(part)));
            }
        }
        Ok(Wish::Nothing)
    }
}

/// A knob in memory.
pub struct Turn(KnobId);

impl Element for Turn {
    const NAME: &'static str = "tape.turn";
    const SUMMARY: &'static str = "a knob in memory";
    const EVERY: Nanos = Nanos::from_millis(30);
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new().takes_actions(&vocabulary::CPU_WEIGHT)
    }
    fn create(_: TapeConfig, host: &Host) -> Result<Self> {
        Ok(Self(host.knob(&vocabulary::CPU_WEIGHT)?))
    }
}

impl Actuator for Turn {
    fn start(&mut self, _: &System) -> Result<()> {
        Ok(())
    }
    fn target(&mut self, change: &TargetChange) -> Result<Vec<Control>> {
        Ok(vec![Control {
            at: change.at,
            target: change.target.id,
            knob: self.0,
            most: 100.0,
            ..Control::default()
        }])
    }
    fn takes(&self, knob: KnobId) -> bool {
        knob == self.0
    }
    fn apply(&mut self, action: &Action) -> Result<Effect> {
        Ok(Effect {
            value: action.value.floor(),
            ..Effect::default()
        })
    }
    fn release(&mut self, _: TargetId, _: KnobId) -> Result<Release> {
        Ok(Release::Restored(Effect::default()))
    }
}
