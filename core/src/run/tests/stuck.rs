//! Elements that hang until the test lets them go, that say what they may not, or that forget their leases.

use super::elements::Act;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec};
use pipeline_plugin_api::abi::{Called, NodeAbi, PortBatch};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::{Actuates, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

/// The runs whose gates are open.
static OPEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static OPENED: Condvar = Condvar::new();

/// Hangs until the gate of this run is opened.
pub fn hang(host: &Host) {
    let run = host.run_id();
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    while !open.contains(&run) {
        open = OPENED.wait(open).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Lets all go that hang in that run.
pub fn open_gate(run: &str) {
    OPEN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(run.to_owned());
    OPENED.notify_all();
}

/// Where a [`Stuck`] hangs.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Call {
    /// Nowhere.
    #[default]
    Nowhere,
    /// When it is made.
    Create,
    /// When it starts.
    Start,
    /// In every call.
    Work,
    /// When its memory ends, after a panic in its second call.
    Drop,
    /// When it is asked what it does.
    Status,
    /// In its last word.
    Flush,
}

/// A sink that has no room for what it is given; in its last word it has, or it tells what is lost.
pub struct NoRoom(bool);

/// The settings of [`NoRoom`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoRoomConfig {
    /// Whether there is none in the end either.
    lost: bool,
}

impl Configure for NoRoomConfig {}

impl Element for NoRoom {
    const NAME: &'static str = "test.no_room";
    const SUMMARY: &'static str = "has no room";
    type Config = NoRoomConfig;
    fn ports(_: &NoRoomConfig) -> Ports {
        Ports::new().takes_any_reading("")
    }
    fn create(config: NoRoomConfig, _: &Host) -> Result<Self> {
        Ok(Self(config.lost))
    }
}

impl Sink for NoRoom {
    fn start(&mut self, _: &System) -> Result<()> {
        Ok(())
    }
    fn write(&mut self, _: &Input<'_>) -> Result<Wish> {
        Err(Failure::retry("no room"))
    }
    fn flush(&mut self, _: Nanos) -> Result<()> {
        if self.0 {
            return Err(Failure::retry("what was given is lost"));
        }
        Ok(())
    }
}

/// Names a descriptor that is not open.
pub struct Names;

impl Element for Names {
    const NAME: &'static str = "test.names";
    const SUMMARY: &'static str = "names a descriptor that is not open";
    const EVERY: Nanos = Nanos::from_millis(100);
    type Config = NoConfig;
    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }
    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self)
    }
}

impl Collector for Names {
    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }
    fn collect(&mut self, _: &Tick<'_>, _: &mut Batch) -> Result<Wish> {
        Ok(Wish::Nothing)
    }
    fn descriptors(&self) -> Vec<i32> {
        vec![-1]
    }
}

/// The settings of [`Stuck`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StuckConfig {
    /// Where it hangs.
    call: Call,
    /// Only from that call of its life on.
    after: u32,
}

impl Configure for StuckConfig {}

/// Hangs.
pub struct Stuck {
    host: Host,
    config: StuckConfig,
    calls: u32,
    setting: String,
}

impl Stuck {
    fn reach(&mut self, call: Call) {
        if self.config.call == call {
            hang(&self.host);
        }
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.reach(Call::Drop);
    }
}

impl Element for Stuck {
    const NAME: &'static str = "test.stuck";
    const SUMMARY: &'static str = "hangs";
    type Config = StuckConfig;
    fn ports(_: &StuckConfig) -> Ports {
        Ports::new().takes_any_reading("")
    }
    fn create(config: StuckConfig, host: &Host) -> Result<Self> {
        let mut made = Self {
            host: host.clone(),
            config,
            calls: 0,
            setting: "as made".to_owned(),
        };
        made.reach(Call::Create);
        Ok(made)
    }
    fn control(&mut self, name: &str, value: &str) -> Result<()> {
        match (name, value) {
            ("setting", "panic") => panic!("asked to panic"),
            ("setting", _) => {
                value.clone_into(&mut self.setting);
                Ok(())
            }
            _ => Err(Failure::retry(format!("there is no setting `{name}`"))),
        }
    }
    fn status(&self) -> String {
        if self.config.call == Call::Status {
            hang(&self.host);
        }
        self.setting.clone()
    }
}

impl Sink for Stuck {
    fn start(&mut self, _: &System) -> Result<()> {
        self.reach(Call::Start);
        Ok(())
    }
    fn write(&mut self, _: &Input<'_>) -> Result<Wish> {
        self.calls += 1;
        if self.calls > self.config.after {
            self.reach(Call::Work);
        }
        assert!(self.config.call != Call::Drop || self.calls < 2, "asked to panic");
        Ok(Wish::Nothing)
    }
    fn flush(&mut self, _: Nanos) -> Result<()> {
        self.reach(Call::Flush);
        Ok(())
    }
}

/// The same, and says that it may block.
pub struct Blocks(Stuck);

impl Element for Blocks {
    const NAME: &'static str = "test.blocks";
    const SUMMARY: &'static str = "hangs, and says so";
    const BLOCKING: bool = true;
    type Config = StuckConfig;
    fn ports(config: &StuckConfig) -> Ports {
        Stuck::ports(config)
    }
    fn create(config: StuckConfig, host: &Host) -> Result<Self> {
        Stuck::create(config, host).map(Self)
    }
}

impl Sink for Blocks {
    fn start(&mut self, system: &System) -> Result<()> {
        self.0.start(system)
    }
    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        self.0.write(input)
    }
}

/// Says readings that its ports do not declare beside one that they do.
pub struct Strange(MetricId, MetricId);

impl Element for Strange {
    const NAME: &'static str = "test.strange";
    const SUMMARY: &'static str = "says more than it may";
    type Config = NoConfig;
    fn ports(_: &NoConfig) -> Ports {
        Ports::new().needs(&vocabulary::CPU_TIME).gives(&vocabulary::CPU_TIME)
    }
    fn create(_: NoConfig, host: &Host) -> Result<Self> {
        let other = host.metric_named("test.other", "1", Kind::GAUGE)?;
        Ok(Self(host.metric(&vocabulary::CPU_TIME)?, other))
    }
}

impl Transform for Strange {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        for metric in [self.0, self.1] {
            out.readings.push(Reading::gauge(input.at, TargetId(1), metric, 1.0));
        }
        Ok(Wish::Nothing)
    }
}

/// [`Act`] in a stage of its own: it is never told when a lease ends.
pub struct Careless;

/// The node of [`Careless`].
pub struct CarelessNode(<Actuates<Act> as Role>::Node);

impl Role for Careless {
    type Element = Act;
    type Node = CarelessNode;
    const STAGE: u32 = Actuates::<Act>::STAGE;
    fn node(element: Act, host: Host) -> CarelessNode {
        CarelessNode(Actuates::<Act>::node(element, host))
    }
}

impl NodeAbi for CarelessNode {
    fn start(&mut self) -> Called {
        self.0.start()
    }
    fn tick(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Called {
        self.0.tick(tick, out)
    }
    fn input(&mut self, at: Nanos, inputs: RSlice<'_, PortBatch<'_>>, out: &mut Batch) -> Called {
        let for_ever = |port: &PortBatch<'_>| {
            let mut batch = port.batch.clone();
            batch
                .actions
                .iter_mut()
                .for_each(|action| action.until = Nanos::FOREVER);
            (port.port, batch)
        };
        let batches: Vec<(u32, Batch)> = inputs.iter().map(for_ever).collect();
        let ports: Vec<PortBatch<'_>> = batches
            .iter()
            .map(|(port, batch)| PortBatch { port: *port, batch })
            .collect();
        self.0.input(at, RSlice::from_slice(&ports), out)
    }
    fn control(&mut self, name: RStr<'_>, value: RStr<'_>) -> Called {
        self.0.control(name, value)
    }
    fn status(&self) -> RString {
        self.0.status()
    }
    fn descriptors(&self) -> RVec<i32> {
        self.0.descriptors()
    }
    fn save(&mut self) -> RResult<RVec<u8>, Failure> {
        self.0.save()
    }
    fn load(&mut self, version: u32, state: RSlice<'_, u8>) -> Called {
        self.0.load(version, state)
    }
    fn drain(&mut self, deadline: Nanos, out: &mut Batch) -> Called {
        self.0.drain(deadline, out)
    }
    fn extension(&mut self, name: RStr<'_>, request: RSlice<'_, u8>) -> ROption<RVec<u8>> {
        self.0.extension(name, request)
    }
    fn stop(&mut self) -> Called {
        self.0.stop()
    }
}
