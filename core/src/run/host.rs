//! The host as one node sees it: [`HostAbi`] over what the run shares.

use super::shared::Shared;
use super::wake::Wake;
use abi_stable::erased_types::TD_Opaque;
use abi_stable::std_types::{RArc, ROption, RResult, RSlice, RStr, RString, RVec, Tuple2};
use pipeline_plugin_api::abi::{
    Field, HostAbi, HostAbi_TO, HostRef, Kind, KnobId, KnobName, Level, MetricId, MetricName, Nanos, Part, Target,
    TargetId, Undo,
};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

/// The host's side of one node.
#[derive(Clone)]
pub struct NodeHost(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    name: String,
    sources: Vec<String>,
    wake: Wake,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl NodeHost {
    /// The host of the node of that name, whose `from` holds those names.
    pub fn new(shared: Arc<Shared>, name: &str, sources: Vec<String>, wake: Wake) -> Self {
        Self(Arc::new(Inner {
            shared,
            name: name.to_owned(),
            sources,
            wake,
            counts: Mutex::default(),
        }))
    }

    /// The handle that crosses the boundary.
    pub fn handle(&self) -> HostRef {
        HostAbi_TO::from_ptr(RArc::new(self.clone()), TD_Opaque)
    }

    /// The node's counters.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds to one of the node's counters.
    pub fn add(&self, name: &str, delta: u64) {
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(name) {
            Some(count) => *count += delta,
            None => drop(counts.insert(name.to_owned(), delta)),
        }
    }

    /// Whether the node asked to be called since this was last asked.
    pub fn take_wake(&self) -> bool {
        self.0.wake.take()
    }

    fn state_file(&self, key: &str) -> Option<std::path::PathBuf> {
        let plain = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        let good = plain(key) && !key.starts_with('.');
        good.then(|| self.0.shared.state_folder.join(key))
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
        self.0.shared.logger.log(level, &self.0.name, message.as_str(), &fields);
    }
    fn now(&self) -> Nanos {
        self.0.shared.clock.now()
    }
    fn wall(&self) -> Nanos {
        self.0.shared.clock.wall()
    }
    fn wait_until(&self, at: Nanos) -> bool {
        self.0.shared.wait_until(at)
    }
    fn metric(&self, name: RStr<'_>, unit: RStr<'_>, kind: Kind) -> RResult<MetricId, RString> {
        let interned = write(&self.0.shared.names).metric(name.as_str(), unit.as_str(), kind);
        interned.map_err(|conflict| RString::from(conflict.to_string())).into()
    }
    fn metric_name(&self, id: MetricId) -> ROption<MetricName> {
        read(&self.0.shared.names).metric_name(id).cloned().into()
    }
    fn knob(&self, name: RStr<'_>, unit: RStr<'_>) -> RResult<KnobId, RString> {
        let interned = write(&self.0.shared.names).knob(name.as_str(), unit.as_str());
        interned.map_err(|conflict| RString::from(conflict.to_string())).into()
    }
    fn knob_name(&self, id: KnobId) -> ROption<KnobName> {
        read(&self.0.shared.names).knob_name(id).cloned().into()
    }
    fn part(&self, name: RStr<'_>) -> Part {
        write(&self.0.shared.names).part(name.as_str())
    }
    fn part_name(&self, part: Part) -> RString {
        read(&self.0.shared.names).part_name(part).into()
    }
    fn new_target(&self, name: RStr<'_>) -> Tuple2<TargetId, u32> {
        write(&self.0.shared.targets).new_id(name.as_str()).into()
    }
    fn target(&self, id: TargetId) -> ROption<Target> {
        read(&self.0.shared.targets).get(id).cloned().into()
    }
    fn names(&self) -> RVec<RString> {
        std::iter::once(&self.0.name)
            .chain(&self.0.sources)
            .map(|name| name.as_str().into())
            .collect()
    }
    fn journal(&self, undo: &Undo) -> RResult<u64, RString> {
        self.0
            .shared
            .journal
            .record(&self.0.name, undo)
            .map_err(RString::from)
            .into()
    }
    fn settle(&self, record: u64) {
        if let Err(why) = self.0.shared.journal.settle(record) {
            self.0.shared.logger.log(Level::WARN, &self.0.name, &why, &[]);
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
        store(&path, bytes.as_slice())
            .map_err(|error| RString::from(format!("cannot write `{}`: {error}", path.display())))
            .into()
    }
    fn fetch(&self, key: RStr<'_>) -> ROption<RVec<u8>> {
        let bytes = self.state_file(key.as_str()).and_then(|path| std::fs::read(path).ok());
        bytes.map(RVec::from).into()
    }
    fn wake(&self) {
        self.0.wake.wake();
    }
    fn dry_run(&self) -> bool {
        self.0.shared.dry_run
    }
    fn run_id(&self) -> RString {
        self.0.shared.run_id.as_str().into()
    }
    fn extension(&self, _: RStr<'_>, _: RSlice<'_, u8>) -> ROption<RVec<u8>> {
        ROption::RNone
    }
}

/// Whole or not at all: written beside and renamed.
fn store(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(std::path::Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)
}
