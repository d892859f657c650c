//! A host to test elements with: virtual time, interned names, and everything that was logged,
//! counted or journalled kept for the test to look at.
//!
//! Nodes made here go through the same guard and the same adapter as those in a loaded plugin.

mod inert;
mod real;

use crate::abi::{
    Batch, Failure, Field, GraphEnd, GraphRequest, HostAbi, HostAbi_TO, HostRef, Kind, KnobId, KnobName, Level,
    MetricId, MetricName, Nanos, NodeBox, Part, PortBatch, Stream, TARGETS_PORT, TapBatch, TapRequest, Target,
    TargetChange, TargetId, Tick, Undo, in_process,
};
use crate::names::Names;
use crate::stage::Role;
use abi_stable::erased_types::TD_Opaque;
use abi_stable::std_types::{RArc, ROption, RResult, RSlice, RStr, RString, RVec, Tuple2};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use real::RealHost;

/// What a test sees of the host.
#[derive(Debug, Default)]
pub struct World {
    /// The virtual clock.
    pub now: Nanos,
    /// Interned names.
    pub names: Names,
    /// Known targets.
    pub targets: BTreeMap<TargetId, Target>,
    /// Log lines: level, message and fields in one text.
    pub logs: Vec<(Level, String)>,
    /// Undo records that are not settled, by their number.
    pub journal: BTreeMap<u64, Undo>,
    /// Counters.
    pub counts: BTreeMap<String, u64>,
    /// Small state.
    pub stored: BTreeMap<String, Vec<u8>>,
    /// What is answered to questions beyond the boundary, by their name, whatever the request; others are not known.
    pub extensions: BTreeMap<String, Vec<u8>>,
    /// Whether this is a dry run.
    pub dry_run: bool,
    /// Whether time is said to be computed and not lived.
    pub virtual_time: bool,
    /// What the tap gives, one after the other.
    pub tap: std::collections::VecDeque<TapBatch>,
    /// How the tap was opened.
    pub tap_opened: Option<TapRequest>,
    /// What a command wrote, and where.
    pub printed: Vec<(Stream, String)>,
    /// The graphs that a command had run.
    pub graphs: Vec<GraphRequest>,
    /// How each of these ends.
    pub graph_end: GraphEnd,
    /// How often the node asked to be called.
    pub wakes: u64,
    /// The node's name and its sources' names.
    pub node_names: Vec<String>,
    records: u64,
    lives: BTreeMap<String, u32>,
}

/// A host for tests. Clones share one world.
#[derive(Clone, Debug, Default)]
pub struct TestHost(Arc<Mutex<World>>);

impl TestHost {
    /// A host whose clock stands at 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The world, to look at or to change.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handle that nodes are given.
    pub fn handle(&self) -> HostRef {
        HostAbi_TO::from_ptr(RArc::new(self.clone()), TD_Opaque)
    }

    /// The id of a metric of the vocabulary.
    pub fn metric(&self, metric: &crate::vocabulary::Metric) -> MetricId {
        self.world()
            .names
            .metric(metric.name, metric.unit, metric.kind)
            .unwrap_or_default()
    }

    /// The id of a knob of the vocabulary.
    pub fn knob(&self, knob: &crate::vocabulary::Knob) -> KnobId {
        self.world().names.knob(knob.name, knob.unit).unwrap_or_default()
    }

    /// Makes a target known and gives it with its new id.
    pub fn target(&self, target: Target) -> Target {
        let mut world = self.world();
        let id = TargetId(world.targets.len() as u32 + 1);
        let target = Target { id, ..target };
        world.targets.insert(id, target.clone());
        target
    }

    /// Makes a node. `R` is a role such as [`crate::stage::Transforms`].
    ///
    /// # Errors
    /// The faults of the config, one a line.
    pub fn node<R: Role>(&self, config: &str) -> Result<TestNode, String> {
        TestNode::of::<R>(config, self.handle(), self)
    }
}

impl HostAbi for TestHost {
    fn log(&self, level: Level, message: RStr<'_>, fields: RSlice<'_, Field<'_>>) {
        let fields: String = fields
            .iter()
            .map(|field| format!("{}={} ", field.name, field.value))
            .collect();
        self.world().logs.push((level, format!("{fields}{message}")));
    }
    fn now(&self) -> Nanos {
        self.world().now
    }
    fn wall(&self) -> Nanos {
        self.world().now
    }
    fn wait_until(&self, at: Nanos) -> bool {
        let mut world = self.world();
        world.now = world.now.max(at);
        true
    }
    fn metric(&self, name: RStr<'_>, unit: RStr<'_>, kind: Kind) -> RResult<MetricId, RString> {
        self.world()
            .names
            .metric(name.as_str(), unit.as_str(), kind)
            .map_err(|error| error.to_string().into())
            .into()
    }
    fn metric_name(&self, id: MetricId) -> ROption<MetricName> {
        self.world().names.metric_name(id).cloned().into()
    }
    fn knob(&self, name: RStr<'_>, unit: RStr<'_>) -> RResult<KnobId, RString> {
        self.world()
            .names
            .knob(name.as_str(), unit.as_str())
            .map_err(|error| error.to_string().into())
            .into()
    }
    fn knob_name(&self, id: KnobId) -> ROption<KnobName> {
        self.world().names.knob_name(id).cloned().into()
    }
    fn part(&self, name: RStr<'_>) -> Part {
        self.world().names.part(name.as_str())
    }
    fn part_name(&self, part: Part) -> RString {
        self.world().names.part_name(part).into()
    }
    fn new_target(&self, name: RStr<'_>) -> Tuple2<TargetId, u32> {
        let mut world = self.world();
        let id = TargetId(world.targets.len() as u32 + 1);
        world.targets.insert(
            id,
            Target {
                id,
                name: name.into(),
                ..Target::default()
            },
        );
        let lives = world.lives.entry(name.to_string()).or_default();
        *lives += 1;
        Tuple2(id, *lives)
    }
    fn target(&self, id: TargetId) -> ROption<Target> {
        self.world().targets.get(&id).cloned().into()
    }
    fn names(&self) -> RVec<RString> {
        self.world()
            .node_names
            .iter()
            .map(|name| name.as_str().into())
            .collect()
    }
    fn journal(&self, undo: &Undo) -> RResult<u64, RString> {
        let mut world = self.world();
        world.records += 1;
        let record = world.records;
        world.journal.insert(record, undo.clone());
        RResult::ROk(record)
    }
    fn amend(&self, record: u64, after: RStr<'_>) -> RResult<(), RString> {
        match self.world().journal.get_mut(&record) {
            Some(undo) => {
                undo.after = after.into();
                RResult::ROk(())
            }
            None => RResult::RErr(format!("the journal has no open record {record}").into()),
        }
    }
    fn settle(&self, record: u64) {
        self.world().journal.remove(&record);
    }
    fn count(&self, name: RStr<'_>, delta: u64) {
        *self.world().counts.entry(name.to_string()).or_default() += delta;
    }
    fn store(&self, key: RStr<'_>, bytes: RSlice<'_, u8>) -> RResult<(), RString> {
        self.world().stored.insert(key.to_string(), bytes.to_vec());
        RResult::ROk(())
    }
    fn fetch(&self, key: RStr<'_>) -> ROption<RVec<u8>> {
        self.world()
            .stored
            .get(key.as_str())
            .map(|bytes| RVec::from(bytes.clone()))
            .into()
    }
    fn wake(&self) {
        self.world().wakes += 1;
    }
    fn dry_run(&self) -> bool {
        self.world().dry_run
    }
    fn run_id(&self) -> RString {
        "test".into()
    }
    fn is_virtual(&self) -> bool {
        self.world().virtual_time
    }
    fn tap_open(&self, request: &TapRequest) -> RResult<(), RString> {
        self.world().tap_opened = Some(request.clone());
        RResult::ROk(())
    }
    fn tap_take(&self, out: &mut TapBatch) {
        out.clear();
        if let Some(next) = self.world().tap.pop_front() {
            *out = next;
        }
    }
    fn print(&self, stream: Stream, text: RStr<'_>) -> bool {
        self.world().printed.push((stream, text.to_string()));
        true
    }
    fn run_graph(&self, request: &GraphRequest) -> RResult<GraphEnd, RString> {
        let mut world = self.world();
        world.graphs.push(request.clone());
        RResult::ROk(world.graph_end.clone())
    }
    fn extension(&self, name: RStr<'_>, _: RSlice<'_, u8>) -> ROption<RVec<u8>> {
        let answer = self.world().extensions.get(name.as_str()).cloned();
        answer.map(RVec::from).into()
    }
}

/// A node under test.
pub struct TestNode {
    node: NodeBox,
    host: TestHost,
}

/// What a call gave: the node's wish, or why it failed.
pub type Answer<T> = Result<T, Failure>;

impl TestNode {
    /// A node of the host behind a handle, with what that host knows.
    fn of<R: Role>(config: &str, handle: HostRef, host: &TestHost) -> Result<Self, String> {
        let node = in_process::<R>(config, handle).map_err(|faults| {
            let told = faults.iter();
            let lines: Vec<String> = told
                .map(|f| format!("{}:{}: {} {}", f.line, f.column, f.message, f.help))
                .collect();
            lines.join("\n")
        })?;
        Ok(Self {
            node,
            host: host.clone(),
        })
    }

    /// The first call.
    ///
    /// # Errors
    /// The node's own failure.
    pub fn start(&mut self) -> Answer<Nanos> {
        self.node.start().into_result()
    }

    /// Sets the clock to `at` and ticks; gives what the node said.
    ///
    /// # Errors
    /// The node's own failure.
    pub fn tick(&mut self, at: Nanos) -> Answer<Batch> {
        self.host.world().now = at;
        let mut out = Batch { at, ..Batch::default() };
        let tick = Tick {
            at,
            missed: 0,
            ready: RSlice::EMPTY,
        };
        self.node.tick(&tick, &mut out).into_result()?;
        Ok(out)
    }

    /// Feeds one batch as if from the first node in `from`; gives what the node said.
    ///
    /// # Errors
    /// The node's own failure.
    pub fn feed(&mut self, at: Nanos, batch: &Batch) -> Answer<Batch> {
        self.feed_ports(at, &[(0, batch)])
    }

    /// Feeds batches with their ports; gives what the node said.
    ///
    /// # Errors
    /// The node's own failure.
    pub fn feed_ports(&mut self, at: Nanos, batches: &[(u32, &Batch)]) -> Answer<Batch> {
        self.host.world().now = at;
        let mut out = Batch { at, ..Batch::default() };
        let ports: Vec<PortBatch<'_>> = batches
            .iter()
            .map(|(port, batch)| PortBatch { port: *port, batch })
            .collect();
        self.node
            .input(at, RSlice::from_slice(&ports), &mut out)
            .into_result()?;
        Ok(out)
    }

    /// Tells a change of a target; gives what the node said.
    ///
    /// # Errors
    /// The node's own failure.
    pub fn change(&mut self, at: Nanos, change: crate::abi::Change, target: &Target) -> Answer<Batch> {
        let mut batch = Batch { at, ..Batch::default() };
        batch.changes.push(TargetChange {
            at,
            change,
            target: target.clone(),
        });
        self.feed_ports(at, &[(TARGETS_PORT, &batch)])
    }

    /// Carries a command out with those arguments; gives its exit status.
    ///
    /// # Errors
    /// The command's own failure.
    pub fn command(&mut self, arguments: &[&str]) -> Answer<u32> {
        let arguments: Vec<RString> = arguments.iter().map(|argument| (*argument).into()).collect();
        self.node.command(RSlice::from_slice(&arguments)).into_result()
    }

    /// What the node says as it ends.
    ///
    /// # Errors
    /// The node's own failure.
    pub fn finish(&mut self) -> Answer<Batch> {
        let now = self.host.world().now;
        let mut out = Batch {
            at: now,
            ..Batch::default()
        };
        self.node.drain(now + Nanos::from_secs(1), &mut out).into_result()?;
        self.node.stop().into_result()?;
        Ok(out)
    }

    /// Its line for people.
    pub fn status(&self) -> String {
        self.node.status().into()
    }

    /// The node as the host holds it, for the calls that have no short form here.
    pub fn raw(&mut self) -> &mut NodeBox {
        &mut self.node
    }
}
