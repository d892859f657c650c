//! `docker.watch`: running containers as targets, as they come and go.
//!
//! A container's end is seen at its first process, whatever becomes of the engine; all else the engine tells.

use super::described::{self, Described};
use super::life::Life;
use super::patience::Patience;
use crate::chosen::{Chosen, Known};
use crate::config::WatchConfig;
use crate::engine::{Ask, Engine, Listed, Seen, Server, Told, Trouble};
use crate::fs::{self, Init};
use crate::{probe, socket};
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The `docker.watch` element.
pub struct DockerWatch {
    chosen: Chosen,
    described: Described,
    config: WatchConfig,
    socket: PathBuf,
    /// Where `/proc` and `/sys` are.
    root: PathBuf,
    host: Host,
    works: Option<Works>,
    stand: Stand,
    patience: Patience,
    /// The targets that there are, by their containers' ids.
    lives: BTreeMap<String, Life>,
    /// Containers whose first process is not seen from here, with its id.
    unseen: BTreeMap<String, u32>,
    /// Containers of which the engine cannot say what became of them; each is told once.
    unclear: BTreeSet<String>,
    /// The engine was away, so that anything may be other than it was.
    afresh: bool,
    /// That there are more containers than targets, and that processes are not seen, was told.
    told: BTreeSet<&'static str>,
}

/// What there is once it has started.
struct Works {
    system: System,
    engine: Engine,
}

/// How it stands with the engine.
#[derive(Debug)]
enum Stand {
    /// Asked whether it is there.
    Asked,
    /// It is, and is asked for a list at that instant.
    Here(Server, Nanos),
    /// It is not, and is asked for at that instant.
    Away(Trouble, Nanos),
}

impl Element for DockerWatch {
    const NAME: &'static str = "docker.watch";
    const SUMMARY: &'static str = "running containers as targets, as they come and go";
    const BLOCKING: bool = true;
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = WatchConfig;

    fn ports(_: &WatchConfig) -> Ports {
        Ports::new()
    }

    fn create(config: WatchConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            chosen: Chosen::of(&config).map_err(|error| described::wrong(&error))?,
            described: Described::of(&config, host)?,
            socket: socket::meant(&config.socket).map_err(Failure::fatal)?,
            config,
            root: root(),
            host: host.clone(),
            works: None,
            stand: Stand::Asked,
            patience: Patience::default(),
            lives: BTreeMap::new(),
            unseen: BTreeMap::new(),
            unclear: BTreeSet::new(),
            afresh: true,
            told: BTreeSet::new(),
        })
    }

    fn probe() -> Vec<Probe> {
        probe::engine()
    }

    fn status(&self) -> String {
        let engine = match &self.stand {
            Stand::Asked => format!("asking for an engine at `{}`", self.socket.display()),
            Stand::Here(server, _) => format!("engine {}, API {}", server.version, server.api),
            Stand::Away(trouble, _) => trouble.what(&self.socket),
        };
        format!("{} containers; {engine}", self.lives.len())
    }
}

impl TargetProvider for DockerWatch {
    fn start(&mut self, system: &System) -> Result<()> {
        let waker = system.waker();
        let engine = Engine::start(&self.socket, move || waker.wake())?;
        let works = self.works.insert(Works {
            system: system.clone(),
            engine,
        });
        works.connect();
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        // What ended is told before what comes, as a container that was started again has another process.
        self.tell_ended(tick.at, out);
        let mut is_quiet = true;
        while let Some(told) = self.next()? {
            is_quiet = false;
            self.hear(told, tick.at, out);
        }
        if is_quiet && self.config.processes {
            self.list_processes(tick.at, out);
        }
        Ok(self.ask_again(tick.at))
    }

    fn descriptors(&self) -> Vec<i32> {
        self.lives.values().filter_map(|life| life.init.descriptor()).collect()
    }

    fn stop(&mut self, _: &mut Batch) -> Result<()> {
        // Containers live on, and are not told gone.
        match self.works.take().map(|mut works| works.engine.stop()) {
            Some(false) => Err(Failure::retry(
                "the thread that talks to the engine does not end; it is left to itself",
            )),
            _ => Ok(()),
        }
    }
}

impl DockerWatch {
    fn next(&mut self) -> Result<Option<Told>> {
        self.works.as_mut().map_or(Ok(None), |works| works.engine.next())
    }

    fn hear(&mut self, told: Told, at: Nanos, out: &mut Batch) {
        match told {
            Told::Here(server) => self.found(server, at),
            Told::Away(trouble) => self.lost(trouble, at),
            Told::Running(listed) => self.compare(&listed),
            Told::One(id, seen) => {
                self.unclear.remove(&id);
                match seen {
                    Some(seen) => self.judge(&seen, at, out),
                    None => {
                        self.unseen.remove(&id);
                        self.end(&id, at, out);
                    }
                }
            }
            Told::Unclear(id, trouble) => {
                let level = if self.unclear.contains(&id) {
                    Level::DEBUG
                } else {
                    Level::WARN
                };
                let why = "the engine does not tell what became of a container; it stays as it was, and is asked about \
                           again with the next list";
                self.host.log(level, why, &[("container", &id), ("why", &trouble)]);
                self.unclear.insert(id);
            }
        }
    }

    fn found(&mut self, server: Server, at: Nanos) {
        let fields: [(&str, &dyn std::fmt::Display); 2] = [("version", &server.version), ("api", &server.api)];
        let is_news = self.patience.found(at);
        let level = if is_news { Level::INFO } else { Level::DEBUG };
        self.host.log(level, "the engine is there", &fields);
        self.afresh = true;
        // Asked for a list right away.
        self.stand = Stand::Here(server, at);
    }

    fn lost(&mut self, trouble: Trouble, at: Nanos) {
        let lost = self.patience.lost(at, &trouble);
        let level = if lost.is_news { Level::WARN } else { Level::DEBUG };
        let meanwhile = "it is tried again with growing pauses, and containers that were brought stay until they end";
        self.host
            .log(level, &format!("{}; {meanwhile}", trouble.sentence(&self.socket)), &[]);
        self.stand = Stand::Away(trouble, lost.retry);
    }

    /// All that runs: of what may be meant and is not known, and of what is known and not in the list although its first
    /// process lives, more is asked.
    fn compare(&mut self, listed: &[Listed]) {
        let there: BTreeSet<&str> = listed.iter().map(|one| one.id.as_str()).collect();
        self.unseen.retain(|id, _| there.contains(id.as_str()));
        self.unclear.retain(|id| there.contains(id.as_str()));
        let missing = self.lives.keys().filter(|id| !there.contains(id.as_str())).cloned();
        let unclear = listed
            .iter()
            .filter(|one| self.is_unclear(one))
            .map(|one| one.id.clone());
        let ids: Vec<String> = missing.chain(unclear).collect();
        if let Some(works) = self.works.as_ref().filter(|_| !ids.is_empty()) {
            // What there is no room for is asked with the next list.
            self.afresh = !works.engine.ask(Ask::Look(ids)) && self.afresh;
        } else {
            self.afresh = false;
        }
    }

    fn is_unclear(&self, listed: &Listed) -> bool {
        match self.lives.get(&listed.id) {
            Some(life) => {
                let is_other = life.name != listed.name || life.paused != listed.paused;
                is_other || self.afresh || self.unclear.contains(&listed.id)
            }
            None => {
                let known = Known {
                    name: &listed.name,
                    image: &listed.image,
                    labels: &listed.labels,
                };
                self.chosen.means(&known) || (listed.hides_image() && self.chosen.may_mean(&known))
            }
        }
    }

    /// A container that runs: it is new, changed, started again, renamed, or not meant.
    fn judge(&mut self, seen: &Seen, at: Nanos, out: &mut Batch) {
        if !self.chosen.means(&described::known(seen)) {
            return self.end(&seen.id, at, out);
        }
        let is_it = |life: &Life| {
            life.init.process.pid == seen.pid && life.name == seen.name && !life.init.has_ended(&self.root)
        };
        if !self.lives.get(&seen.id).is_some_and(is_it) {
            // All the graph knows a target by its name, so that a renamed one is another.
            self.end(&seen.id, at, out);
            return self.appear(seen, at, out);
        }
        let target = self.described.target(seen);
        if let Some(life) = self.lives.get_mut(&seen.id)
            && life.describe(seen.paused, target)
        {
            tell(at, Change::CHANGED, life.target.clone(), out);
        }
    }

    fn appear(&mut self, seen: &Seen, at: Nanos, out: &mut Batch) {
        if self.lives.len() >= self.config.most as usize {
            let why = "there are more containers than targets; those beyond are not brought; raise `most`, or narrow \
                       `names`";
            let most = self.config.most;
            return self.tell_once("most", why, &[("most", &most)]);
        }
        let init = Init::of(&self.root, seen.pid);
        let cgroups = init
            .as_ref()
            .map(|init| fs::cgroups(&self.root, init.process.pid, &seen.id));
        let (Some(init), Some(cgroups)) = (init, cgroups.filter(|dirs| !dirs.is_empty())) else {
            return self.miss(seen);
        };
        let Some(works) = &self.works else { return };
        self.unseen.remove(&seen.id);
        let mut target = self.described.target(seen);
        (target.id, target.generation) = works.system.new_target(&target.name);
        target.cgroups = cgroups.into();
        let mut life = Life::new(init, &seen.name, seen.paused, target);
        if self.config.processes {
            life.list_processes(&self.root);
        }
        tell(at, Change::APPEARED, life.target.clone(), out);
        self.lives.insert(seen.id.clone(), life);
    }

    /// Its first process or its groups are not seen. Either it has ended meanwhile, and the engine will say so; or, if
    /// that is so for the same process once more, they are out of sight.
    fn miss(&mut self, seen: &Seen) {
        if self.unseen.insert(seen.id.clone(), seen.pid) == Some(seen.pid) {
            let why = "the engine names a first process of which no control group with the container's id is seen from \
                       here, so that it is not brought; run the pipeline outside of containers, or with `--pid=host`, \
                       `--cgroupns=host` and `/sys/fs/cgroup` of the host";
            self.tell_once("unseen", why, &[("container", &seen.name), ("pid", &seen.pid)]);
        }
    }

    fn end(&mut self, id: &str, at: Nanos, out: &mut Batch) {
        if let Some(life) = self.lives.remove(id) {
            tell(at, Change::GONE, life.target, out);
        }
    }

    fn tell_ended(&mut self, at: Nanos, out: &mut Batch) {
        let over = self.lives.iter().filter(|(_, life)| life.init.has_ended(&self.root));
        let over: Vec<String> = over.map(|(id, _)| id.clone()).collect();
        over.iter().for_each(|id| self.end(id, at, out));
    }

    fn list_processes(&mut self, at: Nanos, out: &mut Batch) {
        for life in self.lives.values_mut() {
            if life.list_processes(&self.root) {
                tell(at, Change::CHANGED, life.target.clone(), out);
            }
        }
    }

    /// Asks for what is due, and gives when something is next.
    fn ask_again(&mut self, at: Nanos) -> Wish {
        let Some(works) = &self.works else { return Wish::Nothing };
        match &mut self.stand {
            Stand::Asked => Wish::Nothing,
            Stand::Here(_, next) => {
                if *next <= at {
                    // If so much is asked for already, it is asked for again all the same.
                    works.engine.ask(Ask::List);
                    *next = at + self.config.rescan.nanos();
                }
                Wish::At(*next)
            }
            Stand::Away(_, retry) if *retry <= at => {
                works.connect();
                self.stand = Stand::Asked;
                Wish::Nothing
            }
            Stand::Away(_, retry) => Wish::At(*retry),
        }
    }

    fn tell_once(&mut self, what: &'static str, why: &str, fields: &[(&str, &dyn std::fmt::Display)]) {
        if self.told.insert(what) {
            self.host.log(Level::WARN, why, fields);
        }
    }
}

impl Works {
    /// Asks for the engine, and for what happens from now on.
    fn connect(&self) {
        let since = self.system.wall().0 / 1_000_000_000;
        // There is room: whatever was asked while the engine was away has been passed over.
        self.engine.ask(Ask::Connect(since));
    }
}

/// Where the files of this machine are seen; a test's folder in tests.
fn root() -> PathBuf {
    #[cfg(test)]
    if let Some(root) = tests::root() {
        return root;
    }
    PathBuf::from("/")
}

fn tell(at: Nanos, change: Change, target: Target, out: &mut Batch) {
    out.changes.push(TargetChange { at, change, target });
}

#[cfg(test)]
mod tests;
