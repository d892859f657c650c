//! A host whose clock is real, which the tests of threads need and a virtual clock cannot give. All but the clock is
//! the test kit's.

use pipeline_plugin_api::abi::__abi_stable::erased_types::TD_Opaque;
use pipeline_plugin_api::abi::__abi_stable::std_types::{RArc, ROption, RResult, RSlice, RStr, RString, RVec, Tuple2};
use pipeline_plugin_api::abi::{Field, HostAbi, HostAbi_TO, HostRef, KnobName, MetricName};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::testkit::TestHost;
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A host whose time passes by itself.
#[derive(Clone, Debug)]
pub struct RealHost {
    kit: TestHost,
    zero: u64,
    ended: Arc<AtomicBool>,
}

fn clock(id: ClockId) -> u64 {
    let now = clock_gettime(id);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

impl RealHost {
    /// A run that begins now.
    pub fn new() -> Self {
        Self {
            kit: TestHost::new(),
            zero: clock(ClockId::Monotonic),
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

    /// Lets time pass.
    pub fn pass(&self, millis: u64) {
        self.wait_until(HostAbi::now(self) + Nanos::from_millis(millis));
    }

    /// The run is being stopped.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

impl HostAbi for RealHost {
    fn now(&self) -> Nanos {
        Nanos(clock(ClockId::Monotonic) - self.zero)
    }
    fn wall(&self) -> Nanos {
        Nanos(clock(ClockId::Realtime))
    }
    fn wait_until(&self, at: Nanos) -> bool {
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
