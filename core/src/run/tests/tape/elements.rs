//! Elements that say a digest of what they are given, a recorder that keeps a tape in memory, and stand-ins that play it.

use pipeline_plugin_api::abi::{TapBatch, TapEvent, TapKind};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::tap::{NameTable, RunFacts, RunSummary, Tap};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
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

fn keep(run: &str, what: impl FnOnce(&mut Tape)) {
    let mut tapes = TAPES.lock().unwrap_or_else(PoisonError::into_inner);
    what(tapes.entry(run.to_owned()).or_default());
}

/// The settings of all elements here.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TapeConfig {
    /// The run that is played.
    run: String,
    /// The place of the node that is played.
    node: u32,
    /// How long each call takes.
    pause: Span,
    /// The call in which it panics, in each life; 0 for none.
    panics_at: u64,
    /// The recorder takes nothing before the end.
    lazy: bool,
    /// It tries to open the tap.
    taps: bool,
}

impl Configure for TapeConfig {}

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

/// Digests all that a pure element is given.
struct Digester {
    run: String,
    node: String,
    state: u64,
    calls: u64,
    config: TapeConfig,
}

impl Digester {
    fn new(config: TapeConfig, host: &Host) -> Self {
        Self {
            run: host.run_id(),
            node: host.name(),
            state: 0,
            calls: 0,
            config,
        }
    }

    fn digest(&mut self, input: &Input<'_>) {
        let mut hasher = DefaultHasher::new();
        let text = format!("{} {:?}", input.at, input.batches().collect::<Vec<_>>());
        (self.state, &text).hash(&mut hasher);
        self.state = hasher.finish();
        self.calls += 1;
        keep(&self.run, |tape| {
            tape.calls += 1;
            tape.ports += input.batches().count() as u64;
            tape.inputs.entry(self.node.clone()).or_default().push(text);
        });
        if self.config.pause.nanos() > Nanos::ZERO {
            crate::run::clock::pause(self.config.pause.nanos().into());
        }
        assert!(self.calls != self.config.panics_at, "as the test wants it");
    }
}

/// Says a digest, wishes to be called between its inputs, and asks for state of earlier runs.
pub struct Digest {
    digester: Digester,
    metric: MetricId,
    salt: u64,
}

impl Element for Digest {
    const NAME: &'static str = "tape.digest";
    const SUMMARY: &'static str = "a digest of its input";
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new()
            .takes_any_reading("")
            .takes_findings("")
            .gives_findings("")
            .gives(&vocabulary::CPU_RUN_DELAY)
    }
    fn create(config: TapeConfig, host: &Host) -> Result<Self> {
        let salt = host.fetch("salt").map(|bytes| bytes.len() as u64).unwrap_or_default();
        Ok(Self {
            digester: Digester::new(config, host),
            metric: host.metric(&vocabulary::CPU_RUN_DELAY)?,
            salt,
        })
    }
    fn control(&mut self, name: &str, value: &str) -> Result<()> {
        self.salt = value
            .parse()
            .map_err(|_| Failure::retry(format!("`{name}` takes a number")))?;
        Ok(())
    }
}

impl Transform for Digest {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        self.digester.digest(input);
        let value = (self.digester.state % 1000) as f64;
        out.readings
            .push(Reading::gauge(input.at, TargetId::NONE, self.metric, value).estimated());
        if self.digester.calls.is_multiple_of(3) {
            out.findings.push(Finding {
                at: input.at,
                id: self.digester.calls,
                why: format!("{:x} {} {}", self.digester.state, self.salt, self.digester.calls).into(),
                ..Finding::default()
            });
        }
        Ok(Wish::At(input.at + Nanos::from_millis(3)))
    }
}

/// Decides by a digest, and digests what becomes of it.
pub struct Decide {
    digester: Digester,
    knob: KnobId,
}

impl Element for Decide {
    const NAME: &'static str = "tape.decide";
    const SUMMARY: &'static str = "actions that digest its input";
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new()
            .takes_any_reading("")
            .takes_findings("")
            .gives_actions(&vocabulary::CPU_WEIGHT)
    }
    fn create(config: TapeConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            digester: Digester::new(config, host),
            knob: host.knob(&vocabulary::CPU_WEIGHT)?,
        })
    }
}

impl Scheduler for Decide {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        self.digester.digest(input);
        if self.digester.calls.is_multiple_of(2) {
            out.actions.push(Action {
                at: input.at,
                id: self.digester.calls,
                target: TargetId(1),
                knob: self.knob,
                value: (self.digester.state % 100) as f64,
                until: input.at + Nanos::from_millis(8),
                why: format!("{:x}", self.digester.state).into(),
                ..Action::default()
            });
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
