//! One reader of a recorded run for all nodes that play it back in one run: the record is read once, in its order, and
//! each node takes from it what is its own.

use crate::names::HostNames;
use pipeline_plugin_api::prelude::*;
use pipeline_record_store::{Emission, Player, Run, Wanted};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Readers that are open, by the run that plays, the folder that is played, and who shares one. A plugin has no place of
/// its own that lasts for one run, so it is kept here for as long as a node holds it.
static OPEN: Mutex<Shelf<Reader>> = Mutex::new(BTreeMap::new());
/// New ids of recorded targets, by run and folder.
static IDS: Mutex<Shelf<Ids>> = Mutex::new(BTreeMap::new());

type Shelf<T> = BTreeMap<(String, PathBuf, String), Weak<Mutex<T>>>;
type Ids = BTreeMap<TargetId, TargetId>;

/// How a node is played back.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Word by word, when the host says so. Nobody looks ahead, so nodes can share a reader.
    Exact,
    /// By its own clock, which needs to know when it speaks next: then others would have to wait in memory.
    Own,
}

/// What a node plays back.
pub struct Playback {
    reader: Arc<Mutex<Reader>>,
    ids: Arc<Mutex<Ids>>,
    node: String,
    host: Host,
}

/// What nodes share.
struct Reader {
    run: Run,
    nodes: Vec<String>,
    player: Option<Player>,
    /// What was read for nodes whose turn was not yet.
    waiting: BTreeMap<String, VecDeque<Emission>>,
    /// Used again, with its room.
    spare: Emission,
    told: usize,
}

impl Playback {
    /// Of a node of the run in that folder. All nodes are to be named before the first is played.
    ///
    /// # Errors
    /// It is no run, or it has no such node.
    pub fn open(run: &str, node: &str, pace: Pace, host: &Host) -> Result<Self> {
        let node = if node.is_empty() { host.name() } else { node.to_owned() };
        let folder = Path::new(run);
        let place = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let group = if pace == Pace::Exact {
            String::new()
        } else {
            host.name()
        };
        let reader = shared(&OPEN, (host.run_id(), place.clone(), group), || Reader::new(folder))?;
        let ids = shared(&IDS, (host.run_id(), place, String::new()), || Ok(Ids::new()))?;
        lock(&reader).join(run, &node)?;
        Ok(Self {
            reader,
            ids,
            node,
            host: host.clone(),
        })
    }

    /// When the node speaks next.
    pub fn next_at(&self) -> Option<Nanos> {
        self.next_place().map(|(at, _)| at)
    }

    /// When the node speaks next, and the place of that among all that happened.
    pub fn next_place(&self) -> Option<(Nanos, u64)> {
        let mut reader = lock(&self.reader);
        reader.fetch(&self.node, &self.host);
        let next = reader.waiting.get(&self.node)?.front()?;
        Some((next.at, next.sequence))
    }

    /// What the node said next, into a batch that is empty; `false` at the end.
    pub fn next(&self, out: &mut Batch) -> bool {
        let mut reader = lock(&self.reader);
        if !reader.fetch(&self.node, &self.host) {
            return false;
        }
        let Some(mut emission) = reader.waiting.get_mut(&self.node).and_then(VecDeque::pop_front) else {
            return false;
        };
        give(&mut emission.batch, out);
        // What it holds now is the host's batch of before, whose room is used again.
        reader.spare = emission;
        true
    }

    /// The id that a recorded target has here, where ids are given anew.
    pub fn id(&self, recorded: TargetId) -> TargetId {
        lock(&self.ids).get(&recorded).copied().unwrap_or(recorded)
    }

    /// Gives a recorded target the id that it has here.
    pub fn set_id(&self, recorded: TargetId, id: TargetId) {
        lock(&self.ids).insert(recorded, id);
    }

    /// The page about the run, and what it holds.
    pub fn with_run<T>(&self, look: impl FnOnce(&Run) -> T) -> T {
        look(&lock(&self.reader).run)
    }

    /// The recorded node.
    pub fn node(&self) -> &str {
        &self.node
    }
}

/// Moves what a batch holds into another; without a copy where that is empty.
fn give(from: &mut Batch, out: &mut Batch) {
    if out.is_empty() {
        std::mem::swap(from, out);
    } else {
        out.append(from);
    }
}

impl Reader {
    fn new(folder: &Path) -> Result<Self> {
        let run = Run::open(folder).map_err(|error| Failure::fatal(error.to_string()))?;
        Ok(Self {
            run,
            nodes: Vec::new(),
            player: None,
            waiting: BTreeMap::new(),
            spare: Emission::default(),
            told: 0,
        })
    }

    fn join(&mut self, run: &str, node: &str) -> Result<()> {
        let nodes = &self.run.page().facts.nodes;
        let known: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        if !known.contains(&node) {
            let help = pipeline_plugin_api::config::nearest_help(node, known.into_iter());
            return Err(Failure::fatal(format!("`{run}` has no node `{node}`; {help}")));
        }
        self.nodes.push(node.to_owned());
        Ok(())
    }

    /// Reads on until there is something of that node; `false` where there is no more.
    fn fetch(&mut self, node: &str, host: &Host) -> bool {
        if self.waiting.get(node).is_some_and(|waiting| !waiting.is_empty()) {
            return true;
        }
        let mut names = HostNames(host);
        let (run, nodes) = (&self.run, &self.nodes);
        let player = self
            .player
            .get_or_insert_with(|| Player::new(run, Wanted::Nodes(nodes.clone()), &mut names));
        let mut emission = std::mem::take(&mut self.spare);
        while player.next_into(&mut emission, &mut names) {
            let name = &player.nodes()[emission.node];
            let own = name == node;
            match self.waiting.get_mut(name) {
                Some(waiting) => waiting.push_back(emission),
                None => drop(self.waiting.insert(name.clone(), VecDeque::from([emission]))),
            }
            if own {
                return true;
            }
            emission = Emission::default();
        }
        let torn = player.torn();
        for torn in torn.iter().skip(self.told) {
            host.log(Level::WARN, &torn.why, &[("segment", &torn.path.display())]);
        }
        self.told = torn.len();
        false
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands on a shelf under that key, made where there is nothing any more.
fn shared<T>(
    shelf: &Mutex<Shelf<T>>,
    key: (String, PathBuf, String),
    make: impl FnOnce() -> Result<T>,
) -> Result<Arc<Mutex<T>>> {
    let mut shelf = lock(shelf);
    shelf.retain(|_, held| held.strong_count() > 0);
    if let Some(held) = shelf.get(&key).and_then(Weak::upgrade) {
        return Ok(held);
    }
    let made = Arc::new(Mutex::new(make()?));
    shelf.insert(key, Arc::downgrade(&made));
    Ok(made)
}

#[cfg(test)]
mod tests;
