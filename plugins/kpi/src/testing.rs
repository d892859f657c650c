//! A host whose clock is real, and servers to measure: what the tests of a load need and a virtual
//! clock cannot give. All but the clock is the test kit's.

pub mod fake;

use pipeline_plugin_api::abi::__abi_stable::erased_types::TD_Opaque;
use pipeline_plugin_api::abi::__abi_stable::std_types::{RArc, ROption, RResult, RSlice, RStr, RString, RVec, Tuple2};
use pipeline_plugin_api::abi::{
    Field, HostAbi, HostAbi_TO, HostRef, KnobName, MetricName, NodeBox, PortBatch, TARGETS_PORT, in_process,
};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::TestHost;
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A host whose time passes by itself.
#[derive(Clone, Debug)]
pub struct RealHost {
    kit: TestHost,
    zero: u64,
    ended: Arc<AtomicBool>,
}

fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

impl RealHost {
    /// A run that begins now.
    pub fn new() -> Self {
        Self {
            kit: TestHost::new(),
            zero: monotonic(),
            ended: Arc::default(),
        }
    }

    /// What is logged and named.
    pub fn kit(&self) -> &TestHost {
        &self.kit
    }

    /// Lets time pass.
    pub fn pass(&self, millis: u64) {
        self.wait_until(self.now() + Nanos::from_millis(millis));
    }

    /// The run is being stopped.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn handle(&self) -> HostRef {
        HostAbi_TO::from_ptr(RArc::new(self.clone()), TD_Opaque)
    }
}

impl HostAbi for RealHost {
    fn now(&self) -> Nanos {
        Nanos(monotonic() - self.zero)
    }
    fn wait_until(&self, at: Nanos) -> bool {
        if self.ended.load(Ordering::Acquire) {
            return false;
        }
        let at = self.zero + at.0;
        let until = Timespec {
            tv_sec: (at / 1_000_000_000) as i64,
            tv_nsec: (at % 1_000_000_000) as i64,
        };
        clock_nanosleep_absolute(ClockId::Monotonic, &until).is_ok() && !self.ended.load(Ordering::Acquire)
    }
    fn log(&self, level: Level, message: RStr<'_>, fields: RSlice<'_, Field<'_>>) {
        self.kit.log(level, message, fields);
    }
    fn wall(&self) -> Nanos {
        self.now()
    }
    fn metric(&self, name: RStr<'_>, unit: RStr<'_>, kind: Kind) -> RResult<MetricId, RString> {
        HostAbi::metric(&self.kit, name, unit, kind)
    }
    fn metric_name(&self, id: MetricId) -> ROption<MetricName> {
        self.kit.metric_name(id)
    }
    fn knob(&self, name: RStr<'_>, unit: RStr<'_>) -> RResult<KnobId, RString> {
        HostAbi::knob(&self.kit, name, unit)
    }
    fn knob_name(&self, id: KnobId) -> ROption<KnobName> {
        self.kit.knob_name(id)
    }
    fn part(&self, name: RStr<'_>) -> Part {
        self.kit.part(name)
    }
    fn part_name(&self, part: Part) -> RString {
        self.kit.part_name(part)
    }
    fn new_target(&self, name: RStr<'_>) -> Tuple2<TargetId, u32> {
        self.kit.new_target(name)
    }
    fn target(&self, id: TargetId) -> ROption<Target> {
        HostAbi::target(&self.kit, id)
    }
    fn names(&self) -> RVec<RString> {
        self.kit.names()
    }
    fn journal(&self, undo: &Undo) -> RResult<u64, RString> {
        self.kit.journal(undo)
    }
    fn amend(&self, record: u64, after: RStr<'_>) -> RResult<(), RString> {
        self.kit.amend(record, after)
    }
    fn settle(&self, record: u64) {
        self.kit.settle(record);
    }
    fn count(&self, name: RStr<'_>, delta: u64) {
        self.kit.count(name, delta);
    }
    fn store(&self, key: RStr<'_>, bytes: RSlice<'_, u8>) -> RResult<(), RString> {
        self.kit.store(key, bytes)
    }
    fn fetch(&self, key: RStr<'_>) -> ROption<RVec<u8>> {
        self.kit.fetch(key)
    }
    fn wake(&self) {
        self.kit.wake();
    }
    fn dry_run(&self) -> bool {
        false
    }
    fn run_id(&self) -> RString {
        self.kit.run_id()
    }
    fn extension(&self, name: RStr<'_>, request: RSlice<'_, u8>) -> ROption<RVec<u8>> {
        self.kit.extension(name, request)
    }
}

/// A `kpi.redis` in real time.
pub struct RedisNode {
    /// Its host.
    pub host: RealHost,
    node: NodeBox,
}

impl RedisNode {
    /// A started node.
    pub fn start(config: &str) -> std::result::Result<Self, String> {
        let host = RealHost::new();
        let made = in_process::<Collects<crate::redis::Redis>>(config, host.handle());
        let mut node = made.map_err(|faults| format!("{faults:?}"))?;
        let started = node.start().into_result();
        started.map_err(|failure| failure.message.to_string())?;
        Ok(Self { host, node })
    }

    /// A started node whose target is there.
    pub fn with_target(config: &str) -> Self {
        let mut node = Self::start(config).unwrap();
        let target = node.new_target("web");
        node.change(Change::APPEARED, &target);
        node
    }

    /// A target that the node was not told of.
    pub fn new_target(&self, name: &str) -> Target {
        self.host.kit.target(Target {
            name: name.into(),
            ..Target::default()
        })
    }

    /// Tells the node of a target.
    pub fn change(&mut self, change: Change, target: &Target) {
        let at = self.host.now();
        let mut batch = Batch::default();
        batch.changes.push(TargetChange {
            at,
            change,
            target: target.clone(),
        });
        let port = PortBatch {
            port: TARGETS_PORT,
            batch: &batch,
        };
        let answer = self.node.input(at, RSlice::from_slice(&[port]), &mut Batch::default());
        answer.into_result().unwrap();
    }

    /// What it says now.
    pub fn tick(&mut self) -> Said {
        let at = self.host.now();
        let mut batch = Batch::default();
        let tick = Tick {
            at,
            missed: 0,
            ready: RSlice::EMPTY,
        };
        self.node.tick(&tick, &mut batch).into_result().unwrap();
        Said {
            host: self.host.kit.clone(),
            batch,
        }
    }

    /// What it says of the next so many milliseconds.
    pub fn after(&mut self, millis: u64) -> Said {
        self.host.pass(millis);
        self.tick()
    }

    /// Lets go of the numbers until requests are answered.
    pub fn until_answered(&mut self) {
        for _ in 0..500 {
            if self
                .after(10)
                .number(&vocabulary::KPI_RATE)
                .is_some_and(|rate| rate > 0.0)
            {
                return;
            }
        }
        panic!("nothing is answered: {}", self.status());
    }

    /// Its line for people.
    pub fn status(&self) -> String {
        self.node.status().into()
    }

    /// Ends it.
    pub fn stop(&mut self) -> std::result::Result<(), String> {
        let stopped = self.node.stop().into_result();
        stopped.map(|_| ()).map_err(|failure| failure.message.to_string())
    }
}

/// What the node said at one instant.
pub struct Said {
    host: TestHost,
    /// All of it.
    pub batch: Batch,
}

impl Said {
    /// The reading of a metric.
    pub fn reading(&self, metric: &Metric) -> Option<Reading> {
        let id = self.host.metric(metric);
        self.batch.readings.iter().copied().find(|reading| reading.metric == id)
    }

    /// The value of a metric, unless it is unavailable.
    pub fn number(&self, metric: &Metric) -> Option<f64> {
        self.reading(metric)?.number()
    }

    /// How many there were of a rate in its span.
    pub fn count(&self, metric: &Metric) -> f64 {
        let reading = self.reading(metric).unwrap();
        (reading.value * reading.span.seconds()).round()
    }

    /// A latency in milliseconds.
    pub fn millis(&self, metric: &Metric) -> f64 {
        self.number(metric).unwrap() / 1e6
    }
}

/// A real redis server on a port of its own, ended when dropped.
pub struct RedisServer {
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl RedisServer {
    /// Starts one; `None` where there is none to start, which is told.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        Self::start_on(port, arguments)
    }

    /// Starts one on that port.
    pub fn start_on(port: u16, arguments: &[&str]) -> Option<Self> {
        let mut command = Command::new("redis-server");
        command.args([
            "--save",
            "",
            "--appendonly",
            "no",
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ]);
        let child = command.args(arguments).stdout(Stdio::null()).spawn();
        match child {
            Ok(child) => Some(Self { child, port }),
            Err(error) => {
                let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
                assert!(
                    !required.split(',').any(|word| word == "redis"),
                    "redis-server is required: {error}"
                );
                println!("SKIP: redis-server cannot be started: {error}");
                None
            }
        }
    }

    /// How many keys it holds.
    pub fn keys(&self) -> u64 {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        redis::cmd("DBSIZE")
            .query(&mut client.get_connection().unwrap())
            .unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
