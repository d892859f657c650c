//! The host as one life of a node sees it: [`HostAbi`] over what the run shares.

use super::descriptors;
use super::facts;
use super::journal::Life;
use super::shared::Shared;
use super::tap::{Moment, Tap};
use super::telemetry;
use super::wake::Wake;
use abi_stable::erased_types::TD_Opaque;
use abi_stable::std_types::{RArc, ROption, RResult, RSlice, RStr, RString, RVec, Tuple2};
use pipeline_plugin_api::abi::{
    Field, GraphEnd, GraphRequest, HostAbi, HostAbi_TO, HostRef, Kind, KnobId, KnobName, Level, MetricId, MetricName,
    Nanos, Part, Stage, Stream, TapBatch, TapKind, TapNote, TapRequest, Target, TargetId, Undo,
};
use pipeline_plugin_api::tap;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The conversation that gives the environment variables which hold secrets of the graph, one a line: whoever starts
/// workloads keeps them from inheriting these.
const SECRETS: &str = "pipeline.secrets";

/// Counters that a node may have; one that puts ids into their names would have ever more.
const MOST_COUNTERS: usize = 256;
/// The name of all counters past that.
const OTHERS: &str = "others";

/// What a command may ask for beyond what nodes may.
pub trait Office: Send + Sync + std::fmt::Debug {
    /// Writes text; `false` where nobody reads it any more.
    fn print(&self, stream: Stream, text: &str) -> bool;
    /// Runs a graph and comes back when it has ended.
    fn run_graph(&self, request: &GraphRequest) -> GraphEnd;
}

/// The host's side of one life of a node.
#[derive(Clone)]
pub struct NodeHost {
    inner: Arc<Inner>,
    life: Life,
}

/// What all lives of a node share.
struct Inner {
    shared: Arc<Shared>,
    name: String,
    sources: Vec<String>,
    wake: Wake,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl NodeHost {
    /// The host of the node of that name, whose `from` holds those names, in its first life.
    pub fn new(shared: Arc<Shared>, name: &str, sources: Vec<String>, wake: Wake) -> Self {
        let life = shared.journal.begin_life(name);
        let inner = Inner {
            shared,
            name: name.to_owned(),
            sources,
            wake,
            counts: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
            life,
        }
    }

    /// The host of the node's next life: what it journals is apart from what the one before did.
    pub fn reborn(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            life: self.inner.shared.journal.begin_life(&self.inner.name),
        }
    }

    /// The life of the node that this is the host of.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What the run shares.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// The handle that crosses the boundary.
    pub fn handle(&self) -> HostRef {
        HostAbi_TO::from_ptr(RArc::new(self.clone()), TD_Opaque)
    }

    /// The node's counters.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds to one of the node's counters. Past `MOST_COUNTERS` names all others are one, named `OTHERS`.
    pub fn add(&self, name: &str, delta: u64) {
        if delta == 0 {
            return;
        }
        let mut counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.len() >= MOST_COUNTERS && !counts.contains_key(name);
        let name = if full { OTHERS } else { name };
        match counts.get_mut(name) {
            Some(count) => *count = count.saturating_add(delta),
            None => drop(counts.insert(name.to_owned(), delta)),
        }
    }

    /// Whether the node asked to be called since this was last asked.
    pub fn take_wake(&self) -> bool {
        self.inner.wake.take()
    }

    /// Opens the tap for this node, which is a sink.
    fn open_tap(&self, capacity: u32) -> Result<(), String> {
        let shared = &self.inner.shared;
        let Some(wiring) = shared.wiring.get() else {
            return Err("there is no run whose tap could be opened".to_owned());
        };
        if wiring.stage(&self.inner.name) != Some(Stage::SINK) {
            return Err(format!(
                "`{}` is no sink, and only a sink may open the tap",
                self.inner.name
            ));
        }
        let tap = Tap::new(&self.inner.name, self.inner.wake.clone(), wiring, capacity);
        let opened = shared.tap.get_or_init(|| tap);
        // A sink that is made anew goes on with the tap that it opened in its life before.
        if opened.owner() == self.inner.name {
            return Ok(());
        }
        Err(format!(
            "`{}` records this run already, and there is one tap; take one of the two out",
            opened.owner()
        ))
    }

    fn state_file(&self, key: &str) -> Option<std::path::PathBuf> {
        let plain = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        let good = plain(key) && !key.starts_with('.');
        good.then(|| self.inner.shared.state_folder.join(key))
    }
}

fn read<T>(lock: &std::sync::RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &std::sync::RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl HostAbi for NodeHost {
    fn log(&self, level: Level, message: RStr<'_>, fields: RSlice<'_, Field<'_>>) {
        let fields: Vec<(&str, &dyn Display)> = fields
            .as_slice()
            .iter()
            .map(|field| (field.name.as_str(), &field.value as &dyn Display))
            .collect();
        self.inner
            .shared
            .logger
            .log(level, &self.inner.name, message.as_str(), &fields);
    }
    fn now(&self) -> Nanos {
        self.inner.shared.clock.now()
    }
    fn wall(&self) -> Nanos {
        self.inner.shared.clock.wall()
    }
    fn wait_until(&self, at: Nanos) -> bool {
        self.inner.shared.wait_until(at)
    }
    fn metric(&self, name: RStr<'_>, unit: RStr<'_>, kind: Kind) -> RResult<MetricId, RString> {
        let interned = write(&self.inner.shared.names).metric(name.as_str(), unit.as_str(), kind);
        interned.map_err(|conflict| RString::from(conflict.to_string())).into()
    }
    fn metric_name(&self, id: MetricId) -> ROption<MetricName> {
        read(&self.inner.shared.names).metric_name(id).cloned().into()
    }
    fn knob(&self, name: RStr<'_>, unit: RStr<'_>) -> RResult<KnobId, RString> {
        let interned = write(&self.inner.shared.names).knob(name.as_str(), unit.as_str());
        interned.map_err(|conflict| RString::from(conflict.to_string())).into()
    }
    fn knob_name(&self, id: KnobId) -> ROption<KnobName> {
        read(&self.inner.shared.names).knob_name(id).cloned().into()
    }
    fn part(&self, name: RStr<'_>) -> Part {
        write(&self.inner.shared.names).part(name.as_str())
    }
    fn part_name(&self, part: Part) -> RString {
        read(&self.inner.shared.names).part_name(part).into()
    }
    fn new_target(&self, name: RStr<'_>) -> Tuple2<TargetId, u32> {
        write(&self.inner.shared.targets).new_id(name.as_str()).into()
    }
    fn target(&self, id: TargetId) -> ROption<Target> {
        read(&self.inner.shared.targets).get(id).into()
    }
    fn names(&self) -> RVec<RString> {
        std::iter::once(&self.inner.name)
            .chain(&self.inner.sources)
            .map(|name| name.as_str().into())
            .collect()
    }
    fn journal(&self, undo: &Undo) -> RResult<u64, RString> {
        self.inner
            .shared
            .journal
            .record(&self.life, undo)
            .map_err(RString::from)
            .into()
    }
    fn amend(&self, record: u64, after: RStr<'_>) -> RResult<(), RString> {
        self.inner
            .shared
            .journal
            .amend(&self.life, record, after.as_str())
            .map_err(RString::from)
            .into()
    }
    fn settle(&self, record: u64) {
        if let Err(why) = self.inner.shared.journal.settle(&self.life, record) {
            self.inner.shared.logger.log(Level::WARN, &self.inner.name, &why, &[]);
        }
    }
    fn count(&self, name: RStr<'_>, delta: u64) {
        self.add(name.as_str(), delta);
    }
    fn store(&self, key: RStr<'_>, bytes: RSlice<'_, u8>) -> RResult<(), RString> {
        let Some(path) = self.state_file(key.as_str()) else {
            return RResult::RErr(
                format!("`{key}` is no name for a state: use letters, digits, `-`, `_` and `.`").into(),
            );
        };
        if let Some(fetches) = self.inner.shared.fetches.get() {
            fetches.store(key.as_str(), bytes.as_slice());
            return RResult::ROk(());
        }
        store(&path, bytes.as_slice())
            .map_err(|error| RString::from(format!("cannot write `{}`: {error}", path.display())))
            .into()
    }
    fn fetch(&self, key: RStr<'_>) -> ROption<RVec<u8>> {
        let shared = &self.inner.shared;
        let bytes = match shared.fetches.get() {
            Some(fetches) => fetches.fetch(&self.inner.name, key.as_str()),
            None => self.state_file(key.as_str()).and_then(|path| std::fs::read(path).ok()),
        };
        if let (Some(tap), Some(wiring)) = (shared.tap.get(), shared.wiring.get())
            && let Some(node) = wiring.find(&self.inner.name)
        {
            tap.noted(TapKind::FETCHED, node, Moment::default(), || TapNote {
                name: key.as_str().into(),
                bytes: bytes.clone().unwrap_or_default().into(),
                number: u64::from(bytes.is_some()),
                ..TapNote::default()
            });
        }
        bytes.map(RVec::from).into()
    }
    fn wake(&self) {
        self.inner.wake.wake();
    }
    fn dry_run(&self) -> bool {
        self.inner.shared.dry_run
    }
    fn run_id(&self) -> RString {
        self.inner.shared.run_id.as_str().into()
    }
    fn is_virtual(&self) -> bool {
        self.inner.shared.clock.is_virtual()
    }
    fn tap_open(&self, request: &TapRequest) -> RResult<(), RString> {
        self.open_tap(request.capacity).map_err(RString::from).into()
    }
    fn tap_take(&self, out: &mut TapBatch) {
        match self.inner.shared.tap.get().filter(|tap| tap.owner() == self.inner.name) {
            Some(tap) => tap.take(out),
            None => out.clear(),
        }
    }
    fn print(&self, stream: Stream, text: RStr<'_>) -> bool {
        let office = self.inner.shared.office.get();
        office.is_some_and(|office| office.print(stream, text.as_str()))
    }
    fn run_graph(&self, request: &GraphRequest) -> RResult<GraphEnd, RString> {
        match self.inner.shared.office.get() {
            Some(office) => RResult::ROk(office.run_graph(request)),
            None => RResult::RErr("only commands may have graphs run".into()),
        }
    }
    fn extension(&self, name: RStr<'_>, _: RSlice<'_, u8>) -> ROption<RVec<u8>> {
        match name.as_str() {
            tap::FACTS => {
                let told = self.inner.shared.facts.get().map(facts::Facts::told);
                told.and_then(|facts| serde_json::to_vec(&facts).ok())
                    .map(RVec::from)
                    .into()
            }
            tap::SUMMARY => {
                let summary = serde_json::to_vec(&facts::summary(&self.inner.shared));
                summary.ok().map(RVec::from).into()
            }
            telemetry::EXTENSION => ROption::RSome(telemetry::answer(&self.inner.shared).into()),
            SECRETS => {
                let names = self.inner.shared.secrets.get().map(|names| names.join("\n"));
                ROption::RSome(names.unwrap_or_default().into_bytes().into())
            }
            descriptors::EXTENSION => {
                let before = self.inner.shared.descriptors.get();
                before.map(|before| RVec::from(before.as_bytes())).into()
            }
            _ => ROption::RNone,
        }
    }
}

/// Whole or not at all: written beside and renamed.
fn store(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(std::path::Path::new("/"));
    std::fs::create_dir_all(folder)?;
    // Names are told apart by all of them, since two nodes may keep `seen.web` and `seen.db` at once.
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(
        ".{}.{}.tmp",
        std::process::id(),
        STORED.fetch_add(1, Ordering::Relaxed)
    ));
    let beside = std::path::PathBuf::from(beside);
    let stored = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    if stored.is_err() {
        // Half a file helps nobody, least of all on a full disk.
        let _ = std::fs::remove_file(&beside);
    }
    stored
}

/// How often something was kept.
static STORED: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::clock::Clock;
    use crate::run::wake::Bell;

    fn host() -> NodeHost {
        let shared = crate::run::tests::shared_in(std::path::Path::new("/proc/nowhere"), Clock::simulated(Nanos::ZERO));
        NodeHost::new(Arc::new(shared), "node", Vec::new(), Wake::new(Bell::new().unwrap()))
    }

    #[test]
    fn what_was_never_counted_is_no_counter_and_there_are_only_so_many() {
        let host = host();
        host.add("undeclared", 0);
        assert!(host.counts().is_empty());
        for number in 0..MOST_COUNTERS + 10 {
            host.add(&format!("of process {number}"), 1);
        }
        host.add("of process 3", 1);
        let counts = host.counts();
        assert_eq!(
            (counts.len(), counts[OTHERS], counts["of process 3"]),
            (MOST_COUNTERS + 1, 10, 2)
        );
    }

    #[test]
    fn two_names_that_differ_in_their_ends_are_kept_apart_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str| {
            let path = folder.path().join(name);
            (0..200).for_each(|_| store(&path, name.as_bytes()).unwrap());
        };
        std::thread::scope(|scope| {
            scope.spawn(|| keep("seen.web"));
            scope.spawn(|| keep("seen.db"));
        });
        for name in ["seen.web", "seen.db"] {
            assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), name);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        let into_a_folder = folder.path().join("folder");
        std::fs::create_dir(&into_a_folder).unwrap();
        assert!(store(&into_a_folder, b"x").is_err());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            3,
            "half a file is left"
        );
    }
}
