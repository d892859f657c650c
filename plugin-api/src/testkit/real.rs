//! A host whose clock is real, which the tests of threads need and a virtual clock cannot give. All but the clock is
//! that of [`TestHost`].

use super::{TestHost, TestNode};
use crate::abi::{
    Field, HostAbi, HostAbi_TO, HostRef, Kind, KnobId, KnobName, Level, MetricId, MetricName, Nanos, Part, Target,
    TargetId, Undo,
};
use crate::stage::Role;
use abi_stable::erased_types::TD_Opaque;
use abi_stable::std_types::{RArc, ROption, RResult, RSlice, RStr, RString, RVec, Tuple2};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A host whose time passes by itself. Clones share one world and one clock.
#[derive(Clone, Debug)]
pub struct RealHost {
    kit: TestHost,
    zero: Instant,
    ended: Arc<AtomicBool>,
}

impl Default for RealHost {
    fn default() -> Self {
        Self::new()
    }
}

impl RealHost {
    /// A run that begins now.
    pub fn new() -> Self {
        Self {
            kit: TestHost::new(),
            zero: Instant::now(),
            ended: Arc::default(),
        }
    }

    /// What is logged and named.
    pub fn kit(&self) -> &TestHost {
        &self.kit
    }

    /// The handle that nodes are given.
    pub fn handle(&self) -> HostRef {
        HostAbi_TO::from_ptr(RArc::new(self.clone()), TD_Opaque)
    }

    /// Makes a node, which lives in real time; what it is fed and when it is ticked is still the test's to say.
    ///
    /// # Errors
    /// The faults of the config, one a line.
    pub fn node<R: Role>(&self, config: &str) -> Result<TestNode, String> {
        TestNode::of::<R>(config, self.handle(), &self.kit)
    }

    /// How long the run goes on already.
    pub fn elapsed(&self) -> Nanos {
        nanos(self.zero.elapsed())
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&self, millis: u64) {
        self.wait_until(self.elapsed() + Nanos::from_millis(millis));
    }

    /// The run is being stopped: nobody waits any longer.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

fn nanos(span: Duration) -> Nanos {
    Nanos(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
}

impl HostAbi for RealHost {
    fn now(&self) -> Nanos {
        self.elapsed()
    }
    fn wall(&self) -> Nanos {
        nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
    fn wait_until(&self, at: Nanos) -> bool {
        if self.ended.load(Ordering::Acquire) {
            return false;
        }
        std::thread::sleep((at - self.elapsed()).into());
        !self.ended.load(Ordering::Acquire)
    }
    fn log(&self, level: Level, message: RStr<'_>, fields: RSlice<'_, Field<'_>>) {
        self.kit.log(level, message, fields);
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
