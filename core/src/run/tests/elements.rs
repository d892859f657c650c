//! Elements to test the loop with.

use super::stuck::hang;
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Release;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the elements of one run saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// By instant, what the sink got, in order.
    pub instants: Vec<Vec<String>>,
    pub readings: u64,
    pub values: Vec<f64>,
    pub fates: Vec<Fate>,
    pub outcomes_at_scheduler: Vec<Fate>,
    pub last_at_transform: Vec<usize>,
    /// What the actuator's knob read after each write.
    pub knob: Vec<String>,
    /// How often the actuator was asked to put its knob back.
    pub releases: u32,
    /// How often the sink was asked to flush.
    pub flushes: u32,
    /// How many actions were decided on.
    pub decided: u64,
}

static SEEN: Mutex<BTreeMap<String, Seen>> = Mutex::new(BTreeMap::new());

pub fn seen(run: &str) -> Seen {
    SEEN.lock().unwrap().get(run).cloned().unwrap_or_default()
}

pub fn note(host: &Host, what: impl FnOnce(&mut Seen)) {
    what(SEEN.lock().unwrap().entry(host.run_id()).or_default());
}

/// Brings one target at its first tick.
pub struct Bring {
    system: Option<System>,
    told: bool,
}

impl Element for Bring {
    const NAME: &'static str = "test.bring";
    const SUMMARY: &'static str = "brings one target";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = NoConfig;
    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }
    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self {
            system: None,
            told: false,
        })
    }
}

impl TargetProvider for Bring {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }
    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        if !std::mem::replace(&mut self.told, true) {
            let (id, generation) = self.system.as_ref().unwrap().new_target("web");
            let target = Target {
                id,
                generation,
                name: "web".into(),
                ..Target::default()
            };
            out.changes.push(TargetChange {
                at: tick.at,
                change: Change::APPEARED,
                target,
            });
        }
        Ok(Wish::Nothing)
    }
}

/// Gives 1, 2, 3, … for its target.
pub struct Feed {
    metric: MetricId,
    target: TargetId,
    count: u64,
}

impl Element for Feed {
    const NAME: &'static str = "test.feed";
    const SUMMARY: &'static str = "counts";
    const EVERY: Nanos = Nanos::from_millis(100);
    type Config = NoConfig;
    fn ports(_: &NoConfig) -> Ports {
        Ports::new().gives(&vocabulary::CPU_TIME)
    }
    fn create(_: NoConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            metric: host.metric(&vocabulary::CPU_TIME)?,
            target: TargetId::NONE,
            count: 0,
        })
    }
}

impl Collector for Feed {
    fn target(&mut self, change: &TargetChange) -> Result<()> {
        self.target = change.target.id;
        Ok(())
    }
    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        assert_ne!(self.target, TargetId::NONE, "targets are told before the first reading");
        self.count += 1;
        out.readings
            .push(Reading::gauge(tick.at, self.target, self.metric, self.count as f64));
        Ok(Wish::Nothing)
    }
}

/// The life of a node ends at its second tick, once in this process.
pub struct FailsOnce(Feed);

static FAILED: AtomicBool = AtomicBool::new(false);

impl Element for FailsOnce {
    const NAME: &'static str = "test.fails_once";
    const SUMMARY: &'static str = "counts, and fails once";
    const EVERY: Nanos = Nanos::from_millis(100);
    type Config = NoConfig;
    fn ports(config: &NoConfig) -> Ports {
        Feed::ports(config)
    }
    fn create(config: NoConfig, host: &Host) -> Result<Self> {
        Feed::create(config, host).map(Self)
    }
}

impl Collector for FailsOnce {
    fn target(&mut self, change: &TargetChange) -> Result<()> {
        self.0.target(change)
    }
    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        if self.0.count == 1 && !FAILED.swap(true, Ordering::Relaxed) {
            return Err(Failure::fatal("the disk is gone"));
        }
        self.0.collect(tick, out)
    }
}

/// Doubles, and notes what came by `last`.
pub struct Double(Host);

impl Element for Double {
    const NAME: &'static str = "test.double";
    const SUMMARY: &'static str = "doubles";
    type Config = NoConfig;
    fn ports(_: &NoConfig) -> Ports {
        Ports::new().needs(&vocabulary::CPU_TIME).gives(&vocabulary::CPU_TIME)
    }
    fn create(_: NoConfig, host: &Host) -> Result<Self> {
        Ok(Self(host.clone()))
    }
}

impl Transform for Double {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let last = input.last().map(|(_, batch)| batch.outcomes.len()).sum();
        note(&self.0, |seen| seen.last_at_transform.push(last));
        out.readings.extend(input.readings().map(|reading| Reading {
            value: reading.value * 2.0,
            ..*reading
        }));
        Ok(Wish::Nothing)
    }
}

/// The settings of [`Faulty`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FaultyConfig {
    panics: bool,
}

impl Configure for FaultyConfig {}

/// Fails at every call, one way or the other.
pub struct Faulty(FaultyConfig);

impl Element for Faulty {
    const NAME: &'static str = "test.faulty";
    const SUMMARY: &'static str = "fails";
    type Config = FaultyConfig;
    fn ports(_: &FaultyConfig) -> Ports {
        Ports::new()
    }
    fn create(config: FaultyConfig, _: &Host) -> Result<Self> {
        Ok(Self(config))
    }
}

impl Transform for Faulty {
    fn apply(&mut self, _: &Input<'_>, _: &mut Batch) -> Result<Wish> {
        assert!(!self.0.panics, "asked to panic");
        Err(Failure::retry("not now"))
    }
}

/// The settings of [`Decide`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecideConfig {
    /// How long a lease lasts; zero for ever.
    lease: Span,
    /// Decides on the first reading only.
    once: bool,
}

impl Configure for DecideConfig {}

/// Wants the latest value on a knob.
pub struct Decide {
    host: Host,
    config: DecideConfig,
    knob: KnobId,
    id: u64,
}

impl Element for Decide {
    const NAME: &'static str = "test.decide";
    const SUMMARY: &'static str = "decides";
    type Config = DecideConfig;
    fn ports(_: &DecideConfig) -> Ports {
        Ports::new().gives_actions(&vocabulary::CPU_WEIGHT)
    }
    fn create(config: DecideConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            host: host.clone(),
            config,
            knob: host.knob(&vocabulary::CPU_WEIGHT)?,
            id: 0,
        })
    }
}

impl Scheduler for Decide {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        note(&self.host, |seen| {
            seen.outcomes_at_scheduler
                .extend(input.outcomes().map(|outcome| outcome.fate))
        });
        for reading in input.readings() {
            if self.config.once && self.id > 0 {
                break;
            }
            self.id += 1;
            note(&self.host, |seen| seen.decided += 1);
            let until = match self.config.lease.nanos() {
                Nanos::ZERO => Nanos::FOREVER,
                lease => input.at + lease,
            };
            out.actions.push(Action {
                at: input.at,
                id: self.id,
                target: reading.target,
                knob: self.knob,
                value: reading.value,
                until,
                ..Action::default()
            });
        }
        Ok(Wish::Nothing)
    }
}

/// The settings of [`Act`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ActConfig {
    /// The knob's file; it reads `0` when nobody turned it.
    path: PathBuf,
    /// Panics at that action, counted from 1; 0 for never.
    panics_at: u32,
    /// Hangs at that action until the gate is opened; 0 for never.
    hangs_at: u32,
    /// How long each action takes.
    pause: Span,
}

impl Configure for ActConfig {}

/// Writes the value to a file.
pub struct Act {
    host: Host,
    config: ActConfig,
    knob: KnobId,
    system: Option<System>,
    held: Option<UndoRecord>,
    actions: u32,
}

pub fn knob_path(folder: &Path) -> PathBuf {
    folder.join("knob")
}

impl Element for Act {
    const NAME: &'static str = "test.act";
    const SUMMARY: &'static str = "acts";
    type Config = ActConfig;
    fn ports(_: &ActConfig) -> Ports {
        Ports::new().takes_actions(&vocabulary::CPU_WEIGHT).gives_outcomes("")
    }
    fn create(config: ActConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            host: host.clone(),
            config,
            knob: host.knob(&vocabulary::CPU_WEIGHT)?,
            system: None,
            held: None,
            actions: 0,
        })
    }
}

impl Actuator for Act {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }
    fn target(&mut self, _: &TargetChange) -> Result<Vec<Control>> {
        Ok(Vec::new())
    }
    fn takes(&self, knob: KnobId) -> bool {
        knob == self.knob
    }
    fn apply(&mut self, action: &Action) -> Result<Effect> {
        self.actions += 1;
        assert_ne!(self.actions, self.config.panics_at, "asked to panic");
        if self.actions == self.config.hangs_at {
            hang(&self.host);
        }
        let system = self.system.as_ref().unwrap();
        if self.config.pause > Span::default() {
            system.wait_until(system.now() + self.config.pause.nanos());
        }
        let path = &self.config.path;
        let value = action.value.to_string();
        let undo = Undo {
            kind: UndoKind::WRITE_FILE,
            path: path.to_str().unwrap().into(),
            inode: std::fs::metadata(path).unwrap().ino(),
            before: "0".into(),
            after: value.as_str().into(),
            ..Undo::default()
        };
        // The record of the value before would say, from here on, that somebody else turned the knob.
        let before = self.held.replace(system.journal(&undo)?);
        std::fs::write(path, &value).unwrap();
        before.into_iter().for_each(|record| system.settle(record));
        let found = std::fs::read_to_string(path).unwrap();
        note(&self.host, |seen| seen.knob.push(found));
        Ok(Effect {
            value: action.value,
            ..Effect::default()
        })
    }
    fn release(&mut self, _: TargetId, _: KnobId) -> Result<Release> {
        note(&self.host, |seen| seen.releases += 1);
        std::fs::write(&self.config.path, "0").unwrap();
        if let Some(record) = self.held.take() {
            self.system.as_ref().unwrap().settle(record);
        }
        Ok(Release::Restored(Effect::default()))
    }
}

/// The settings of [`Keep`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KeepConfig {
    pause: Span,
}

impl Configure for KeepConfig {}

/// Notes everything.
pub struct Keep {
    host: Host,
    config: KeepConfig,
    system: Option<System>,
}

impl Element for Keep {
    const NAME: &'static str = "test.keep";
    const SUMMARY: &'static str = "notes everything";
    type Config = KeepConfig;
    fn ports(_: &KeepConfig) -> Ports {
        Ports::new().takes_all("")
    }
    fn create(config: KeepConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            host: host.clone(),
            config,
            system: None,
        })
    }
}

impl Sink for Keep {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }
    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        let mut told: Vec<String> = Vec::new();
        told.extend(
            input
                .changes()
                .map(|change| format!("{} {}", change.change, change.target.name)),
        );
        told.extend(input.readings().map(|reading| format!("reading {}", reading.value)));
        told.extend(input.actions().map(|action| format!("action {}", action.value)));
        told.extend(input.outcomes().map(|outcome| format!("outcome {}", outcome.fate)));
        note(&self.host, |seen| {
            seen.readings += input.readings().count() as u64;
            seen.values.extend(input.readings().map(|reading| reading.value));
            seen.fates.extend(input.outcomes().map(|outcome| outcome.fate));
            seen.instants.push(told);
        });
        if let Some(system) = self.system.as_ref().filter(|_| self.config.pause > Span::default()) {
            system.wait_until(system.now() + self.config.pause.nanos());
        }
        Ok(Wish::Nothing)
    }
    fn flush(&mut self, _: Nanos) -> Result<()> {
        note(&self.host, |seen| seen.flushes += 1);
        Ok(())
    }
}

/// Cannot start.
pub struct NoStart;

impl Element for NoStart {
    const NAME: &'static str = "test.no_start";
    const SUMMARY: &'static str = "cannot start";
    type Config = NoConfig;
    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }
    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self)
    }
}

impl Sink for NoStart {
    fn start(&mut self, _: &System) -> Result<()> {
        Err(Failure::fatal("there is no disk"))
    }
    fn write(&mut self, _: &Input<'_>) -> Result<Wish> {
        Ok(Wish::Nothing)
    }
}
