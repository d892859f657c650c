//! Looking at the trees: what the kernel tells of groups that come and go, and a listing now and then in case it did
//! not. What is found goes into `places`; what it means is decided there.

use super::chosen::Chosen;
use super::places::Places;
use pipeline_cgroup_fs::{Error, Hierarchies, Interest, Notice, Version, Watch, Watcher};
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::{AsFd, AsRawFd};

/// Most groups that are listed in one call, each in every tree: some milliseconds.
const LISTED: usize = 64;
/// Most events that are taken in one call.
const HEARD: usize = 4096;
/// How often everything is looked at where the kernel cannot tell of everything.
const BLIND: Nanos = Nanos::from_secs(1);

/// The trees, and how they are watched.
#[derive(Debug)]
pub struct Sight {
    trees: Hierarchies,
    watcher: Option<Watcher>,
    /// The tree and the path of each watched directory.
    watches: BTreeMap<Watch, (usize, String)>,
    /// Groups that came and are to be listed.
    fresh: BTreeSet<String>,
    /// Groups that are still to be listed of the look at everything that is under way.
    scan: VecDeque<String>,
    scanning: bool,
    /// Something was missed meanwhile, so that another look at everything is due.
    again: bool,
    next_scan: Nanos,
    every: Nanos,
    /// Everything was looked at once.
    complete: bool,
    /// A directory could not be watched at the last look at everything.
    blind: bool,
    told: bool,
    host: Host,
}

impl Sight {
    /// Looks at everything that often.
    pub fn new(trees: Hierarchies, every: Nanos, host: &Host) -> Self {
        let mut sight = Self {
            trees,
            watcher: None,
            watches: BTreeMap::new(),
            fresh: BTreeSet::new(),
            scan: VecDeque::new(),
            scanning: false,
            again: false,
            next_scan: Nanos::ZERO,
            every,
            complete: false,
            blind: false,
            told: false,
            host: host.clone(),
        };
        match Watcher::new() {
            Ok(watcher) => sight.watcher = Some(watcher),
            Err(error) => sight.is_blind(&error),
        }
        sight
    }

    /// The trees that are looked at.
    pub fn trees(&self) -> &Hierarchies {
        &self.trees
    }

    /// Whether everything was looked at once.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many directories are watched.
    pub fn watched(&self) -> usize {
        self.watches.len()
    }

    /// Ready when the kernel has something to tell.
    pub fn descriptor(&self) -> Option<i32> {
        self.watcher.as_ref().map(|watcher| watcher.as_fd().as_raw_fd())
    }

    /// When it is to be asked again at the latest.
    pub fn next(&self, at: Nanos) -> Nanos {
        match self.is_idle() {
            true => self.next_scan,
            false => at + Nanos::from_millis(1),
        }
    }

    /// Takes in what the kernel told since, and lists what is to be listed, up to a bound.
    pub fn look(&mut self, at: Nanos, chosen: &Chosen, places: &mut Places) {
        let mut eye = Eye { at, chosen, places };
        self.hear(&mut eye);
        if !self.scanning && at >= self.next_scan {
            self.scanning = true;
            self.blind = self.watcher.is_none();
            self.scan.push_back(String::new());
        }
        for _ in 0..LISTED {
            if let Some(path) = self.fresh.pop_first() {
                self.list(&path, false, &mut eye);
            } else if let Some(path) = self.scan.pop_front() {
                self.list(&path, true, &mut eye);
            }
        }
        if self.scanning && self.is_idle() {
            self.end_scan(&mut eye);
        }
    }

    fn is_idle(&self) -> bool {
        self.fresh.is_empty() && self.scan.is_empty()
    }

    fn end_scan(&mut self, eye: &mut Eye<'_>) {
        self.scanning = false;
        self.complete = true;
        let every = if self.blind { self.every.min(BLIND) } else { self.every };
        self.next_scan = match std::mem::take(&mut self.again) {
            true => eye.at,
            false => eye.at + every,
        };
        eye.places.touch_all();
    }

    fn hear(&mut self, eye: &mut Eye<'_>) {
        let Some(watcher) = &mut self.watcher else { return };
        let notices = match watcher.read(HEARD) {
            Ok(notices) => notices,
            Err(error) => {
                self.watcher = None;
                self.watches.clear();
                return self.is_blind(&error);
            }
        };
        for notice in notices {
            match notice {
                Notice::Child(watch, name) => {
                    if let Some((tree, path)) = self.watches.get(&watch) {
                        let (tree, path) = (*tree, joined(path, &name));
                        self.look_at(tree, &path, eye);
                    }
                }
                Notice::Events(watch) => {
                    if let Some((_, path)) = self.watches.get(&watch) {
                        eye.places.touch(path);
                    }
                }
                Notice::Ended(watch) => {
                    if let Some((tree, path)) = self.watches.remove(&watch) {
                        self.look_at(tree, &path, eye);
                    }
                }
                Notice::Lost => self.lost(eye.at),
            }
        }
    }

    /// So much happened at once that the kernel could not keep it (inotify(7), IN_Q_OVERFLOW).
    fn lost(&mut self, at: Nanos) {
        self.host.count("watch.overflows", 1);
        let why = "groups came and went faster than they were told; all are looked at now; \
                   raise `sysctl fs.inotify.max_queued_events` if that goes on";
        self.host.log(Level::INFO, why, &[]);
        match self.scanning {
            true => self.again = true,
            false => self.next_scan = at,
        }
    }

    /// What there is now at that path of that tree.
    fn look_at(&mut self, tree: usize, path: &str, eye: &mut Eye<'_>) {
        if path.is_empty() || !eye.cares_for(path) {
            return;
        }
        let Some(hierarchy) = self.trees.trees().get(tree) else {
            return;
        };
        match hierarchy.inode(path) {
            Ok(inode) => self.seen(tree, path, inode.unwrap_or(0), eye),
            Err(error) => self.unreadable(&error),
        }
    }

    fn seen(&mut self, tree: usize, path: &str, inode: u64, eye: &mut Eye<'_>) {
        if !eye.places.see(tree, path, inode, eye.at) {
            return;
        }
        if eye.chosen.reaches_below(path) {
            self.fresh.insert(path.to_owned());
        } else {
            self.watch(tree, path, eye.chosen);
        }
    }

    /// Lists the groups right below one, in every tree. It is watched before it is listed, so that none is missed.
    fn list(&mut self, path: &str, deep: bool, eye: &mut Eye<'_>) {
        let mut below = BTreeSet::new();
        for tree in eye.places.trees_of(path) {
            self.watch(tree, path, eye.chosen);
            let children = match self.trees.trees()[tree].children(path) {
                Ok(Some(children)) => children,
                Ok(None) => {
                    self.look_at(tree, path, eye);
                    continue;
                }
                Err(error) => {
                    self.unreadable(&error);
                    continue;
                }
            };
            let mut missing: BTreeSet<String> = eye.places.children(tree, path).into_iter().collect();
            for child in children {
                let path = joined(path, &child.name);
                missing.remove(&path);
                if eye.cares_for(&path) {
                    self.seen(tree, &path, child.inode, eye);
                    below.insert(path);
                }
            }
            missing.iter().for_each(|path| self.seen(tree, path, 0, eye));
        }
        if deep {
            self.scan
                .extend(below.into_iter().filter(|path| eye.chosen.reaches_below(path)));
        }
    }

    /// Watches only what can hold a group that is meant, or may become populated.
    fn watch(&mut self, tree: usize, path: &str, chosen: &Chosen) {
        let Some(watcher) = &self.watcher else { return };
        let hierarchy = &self.trees.trees()[tree];
        let interest = Interest {
            children: chosen.reaches_below(path),
            events: chosen.only_populated && hierarchy.version == Version::V2 && chosen.means(path),
        };
        if interest == Interest::default() {
            return;
        }
        match watcher.add(&hierarchy.directory(path), interest) {
            Ok(Some(watch)) => drop(self.watches.insert(watch, (tree, path.to_owned()))),
            Ok(None) => {}
            Err(error) => self.is_blind(&error),
        }
    }

    fn is_blind(&mut self, error: &Error) {
        self.blind = true;
        let why = format!(
            "{}; looks at all groups once a second instead",
            crate::group::sentence(error)
        );
        self.say_once(&why);
    }

    fn unreadable(&mut self, error: &Error) {
        self.say_once(&crate::group::sentence(error));
    }

    fn say_once(&mut self, why: &str) {
        let level = if std::mem::replace(&mut self.told, true) {
            Level::DEBUG
        } else {
            Level::WARN
        };
        self.host.log(level, why, &[]);
    }
}

/// What a look goes by.
struct Eye<'a> {
    at: Nanos,
    chosen: &'a Chosen,
    places: &'a mut Places,
}

impl Eye<'_> {
    fn cares_for(&self, path: &str) -> bool {
        self.chosen.means(path) || self.chosen.reaches_below(path)
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    }
}
