//! The vtable of the host, as a node calls it. Each node has its own, so that log lines, counters
//! and undo records carry its name.

use super::command::{GraphEnd, GraphRequest};
use super::integers::{Kind, Level, Stream};
use super::tap::{TapBatch, TapRequest};
use super::values::{KnobId, MetricId, Nanos, Part, Target, TargetId, Undo};
use abi_stable::std_types::{RArc, ROption, RResult, RSlice, RStr, RString, RVec};
use abi_stable::{StableAbi, sabi_trait};

/// One field of a log line.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq)]
pub struct Field<'a> {
    pub name: RStr<'a>,
    pub value: RString,
}

/// What the host knows of a metric.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct MetricName {
    pub name: RString,
    /// `ns`, `bytes`, `1/s`, `1`, …
    pub unit: RString,
    pub kind: Kind,
}

/// What the host knows of a knob.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct KnobName {
    pub name: RString,
    pub unit: RString,
}

/// The services of the host.
///
/// Clock, journal and waker are for stages that touch the world; the typed traits give them to
/// no transform and no scheduler.
#[sabi_trait]
pub trait HostAbi: Send + Sync + Clone {
    /// Writes a log line: fields first, then a sentence.
    fn log(&self, level: Level, message: RStr<'_>, fields: RSlice<'_, Field<'_>>);
    /// Nanoseconds on the run's clock, real or virtual.
    fn now(&self) -> Nanos;
    /// Nanoseconds since 1970 at the same moment.
    fn wall(&self) -> Nanos;
    /// Sleeps until then; `false` at once when the run is being stopped.
    fn wait_until(&self, at: Nanos) -> bool;
    /// Interns a metric. The first to name it decides unit and kind; others must agree.
    fn metric(&self, name: RStr<'_>, unit: RStr<'_>, kind: Kind) -> RResult<MetricId, RString>;
    /// The name of an interned metric.
    fn metric_name(&self, id: MetricId) -> ROption<MetricName>;
    /// Interns a knob.
    fn knob(&self, name: RStr<'_>, unit: RStr<'_>) -> RResult<KnobId, RString>;
    /// The name of an interned knob.
    fn knob_name(&self, id: KnobId) -> ROption<KnobName>;
    /// Interns the name of a part that is not a CPU, cache or node, such as `dev/8:0`.
    fn part(&self, name: RStr<'_>) -> Part;
    /// The text of a part.
    fn part_name(&self, part: Part) -> RString;
    /// A new target id and the generation of that name, as (id, generation).
    fn new_target(&self, name: RStr<'_>) -> abi_stable::std_types::Tuple2<TargetId, u32>;
    /// What was last told of a target; still known after it went.
    fn target(&self, id: TargetId) -> ROption<Target>;
    /// The names of the node itself and then of the nodes in its `from`, in their order.
    fn names(&self) -> RVec<RString>;
    /// Records how to put something back. To be called before the first write.
    fn journal(&self, undo: &Undo) -> RResult<u64, RString>;
    /// The change of that record leaves another text now than its `after`. To be called before the write that does:
    /// what was found stays recorded once, however often a knob is turned.
    fn amend(&self, record: u64, after: RStr<'_>) -> RResult<(), RString>;
    /// What was recorded under that id is back as it was found.
    fn settle(&self, record: u64);
    /// Adds to a counter of the node that the run's summary shows.
    fn count(&self, name: RStr<'_>, delta: u64);
    /// Keeps a few bytes under a name beyond this run.
    fn store(&self, key: RStr<'_>, bytes: RSlice<'_, u8>) -> RResult<(), RString>;
    /// What an earlier run kept under that name.
    fn fetch(&self, key: RStr<'_>) -> ROption<RVec<u8>>;
    /// Asks for the node to be called soon. May be called from a thread of the plugin.
    fn wake(&self);
    /// Whether this run decides but writes nothing.
    fn dry_run(&self) -> bool;
    /// A name for this run, unique on this host, fit for a directory.
    fn run_id(&self) -> RString;
    /// Whether the run's time is computed and not lived, so that nothing real happens in it.
    fn is_virtual(&self) -> bool {
        false
    }
    /// Begins to give this node what went into transforms and schedulers. For sinks, in `start`, once in a run.
    fn tap_open(&self, request: &TapRequest) -> RResult<(), RString> {
        let _ = request;
        RResult::RErr(RString::from("this host has no tap"))
    }
    /// Takes what happened since the last time.
    fn tap_take(&self, out: &mut TapBatch) {
        out.clear();
    }
    /// Writes a command's text; `false` where nobody reads it any more. For commands only.
    fn print(&self, stream: Stream, text: RStr<'_>) -> bool {
        let _ = (stream, text);
        false
    }
    /// Runs a graph and comes back when it has ended. For commands only.
    fn run_graph(&self, request: &GraphRequest) -> RResult<GraphEnd, RString> {
        let _ = request;
        RResult::RErr(RString::from("this host runs no graphs for others"))
    }
    /// A conversation that this version of the boundary does not know.
    #[sabi(last_prefix_field)]
    fn extension(&self, name: RStr<'_>, request: RSlice<'_, u8>) -> ROption<RVec<u8>>;
}

/// The host as a node holds it.
pub type HostRef = HostAbi_TO<'static, RArc<()>>;
