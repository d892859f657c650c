//! `process.run`: a command as a target. It starts and ends workloads that it made itself, and touches no other.
//!
//! When is decided in `course`, how a command is placed and ended in `life`; here the two meet.

pub mod affinity;
mod asking;
mod course;
mod described;
mod error;
mod exit;
mod launch;
mod leaf;
mod life;
pub mod members;
mod parent;
mod probe;
mod ready;
pub mod recipe;
pub mod steering;
mod tail;
#[cfg(test)]
mod tests;

use crate::config::{Cgroup, Ready, RunConfig, RunOrder};
use course::{Course, Next};
use error::Error;
use exit::Exit;
use leaf::Leaf;
use life::Life;
use parent::Share;
use pipeline_cgroup_fs::Hierarchies;
use pipeline_plugin_api::fields;
use pipeline_plugin_api::prelude::*;
use recipe::Recipe;
use steering::Order;

/// How often it looks for processes that came or went.
const REFRESH: Nanos = Nanos::from_millis(500);

/// A command that runs as a target.
pub struct Run {
    config: RunConfig,
    recipe: Recipe,
    course: Course,
    host: Host,
    system: Option<System>,
    /// What the target is like whenever it is there; ids, groups and processes are those of the last life.
    target: Target,
    inherited: affinity::Mask,
    hierarchies: Option<Hierarchies>,
    share: Option<Share>,
    now: Option<Now>,
    lives: u32,
}

/// The life that there is.
struct Now {
    life: Life,
    began: Nanos,
    phase: Phase,
    refresh: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It runs and is not ready yet.
    Starting,
    /// It was told of.
    There,
    /// It was asked to end and is killed then. `told` if it was told of.
    Ending { kill_at: Nanos, told: bool },
}

impl Element for Run {
    const NAME: &'static str = "process.run";
    const SUMMARY: &'static str = "runs a command in a group of its own, as a target";
    const BLOCKING: bool = true;
    const EVERY: Nanos = REFRESH;
    type Config = RunConfig;

    fn ports(_: &RunConfig) -> Ports {
        Ports::new()
    }

    fn create(config: RunConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            recipe: Recipe::of(&config)?,
            course: Course::of(&config),
            host: host.clone(),
            system: None,
            target: described::target(&config, host)?,
            inherited: affinity::Mask::of_this_program(),
            hierarchies: None,
            share: None,
            now: None,
            lives: 0,
            config,
        })
    }

    fn probe() -> Vec<Probe> {
        probe::probe()
    }

    fn control(&mut self, name: &str, value: &str) -> Result<()> {
        if name != "run" {
            return Err(Failure::retry(format!(
                "`{}` has no setting `{name}`; it has `run`",
                Self::NAME
            )));
        }
        let order: RunOrder = fields::parse(value).map_err(|_| {
            Failure::retry(format!(
                "`{value}` is nothing to do; write `Start`, `Stop` or `Schedule`"
            ))
        })?;
        let runs = match order {
            RunOrder::Start => Some(true),
            RunOrder::Stop => Some(false),
            RunOrder::Schedule => None,
        };
        if runs == Some(true) {
            self.course.begin_anew();
        }
        let until = Nanos::FOREVER;
        let order = runs.map(|runs| Order { runs, until });
        if !steering::give(&self.run(), &self.host.name(), order) {
            return Err(Failure::retry("the command is not under way yet, or no more"));
        }
        Ok(())
    }

    fn status(&self) -> String {
        match &self.now {
            Some(now) => match now.phase {
                Phase::Starting => format!("pid {} is not ready yet", now.life.pid()),
                Phase::There => format!("pid {}, {} processes", now.life.pid(), self.target.processes.len()),
                Phase::Ending { .. } => format!("pid {} was asked to end", now.life.pid()),
            },
            None => format!("does not run; ran {} times", self.lives),
        }
    }
}

impl TargetProvider for Run {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        steering::enter(&self.run(), &self.host.name(), system.waker());
        let secrets = system.extension("pipeline.secrets", &[]).unwrap_or_default();
        self.recipe.withheld = String::from_utf8_lossy(&secrets).lines().map(str::to_owned).collect();
        // The run may open more than its workloads are to.
        let descriptors = system.extension("pipeline.nofile", &[]);
        self.recipe.descriptors = descriptors.and_then(|limit| String::from_utf8(limit).ok());
        if self.config.cgroup == Cgroup::Auto {
            self.hierarchies = Hierarchies::discover("/")
                .map_err(|error| self.without_group(&error.into()))
                .ok();
        }
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.watch(tick.at, out);
        self.steer(tick.at, out)?;
        self.refresh(tick.at, out);
        Ok(self.wish(tick.at))
    }

    fn descriptors(&self) -> Vec<i32> {
        self.now.as_ref().map(|now| now.life.descriptors()).unwrap_or_default()
    }

    fn stop(&mut self, out: &mut Batch) -> Result<()> {
        let at = self.system.as_ref().map_or(out.at, System::now).max(out.at);
        steering::leave(&self.run(), &self.host.name());
        asking::ask_all(&self.run(), at);
        if let Some(kill_at) = self.ask_to_end(at)
            && let Some(now) = &self.now
        {
            now.life.await_exit(kill_at - at);
        }
        let ended = self.bury(at, out);
        let left = self.share.take().map_or(Ok(()), Share::leave);
        Ok(ended.and(left)?)
    }
}

impl Run {
    /// Notices what happened to the life that there is.
    fn watch(&mut self, at: Nanos, out: &mut Batch) {
        let Some(now) = &mut self.now else { return };
        now.life.listen();
        if now.life.exited().is_some() {
            return self.ended(at, out);
        }
        match now.phase {
            Phase::Starting => self.watch_start(at, out),
            Phase::Ending { kill_at, .. } if at >= kill_at => {
                self.log(
                    Level::WARN,
                    "did not end in time and is killed",
                    &[("after", &self.config.stop_timeout)],
                );
                self.ended(at, out);
            }
            _ => {}
        }
    }

    fn watch_start(&mut self, at: Nanos, out: &mut Batch) {
        let (Some(now), Some(ready)) = (&self.now, self.config.ready) else {
            return;
        };
        let lived = at - now.began;
        if ready.is_met(lived) {
            self.appear(at, out);
        } else if ready.may_be_late() && lived >= self.config.ready_timeout.nanos() {
            self.log(
                Level::WARN,
                "is not ready in time and is stopped as failed",
                &[("after", &self.config.ready_timeout)],
            );
            self.ended(at, out);
        }
    }

    /// Starts or stops, as its course wants.
    fn steer(&mut self, at: Nanos, out: &mut Batch) -> Result<()> {
        let wanted = match self.order(at) {
            Some(order) => order.runs && self.course.is_rested(at),
            None => self.course.wants(at),
        };
        match &self.now {
            None if wanted => self.begin(at, out),
            Some(Now {
                phase: Phase::Starting | Phase::There,
                ..
            }) if !wanted => {
                self.ask_to_end(at);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: Nanos, out: &mut Batch) -> Result<()> {
        let Some(system) = self.system.clone() else {
            return Ok(());
        };
        let life = match self.launch(&system) {
            Ok(life) => life,
            Err(error) => {
                // The node cannot go on, so it has no share in the run's group any more.
                if let Err(left) = self.share.take().map_or(Ok(()), Share::leave) {
                    self.log(Level::ERROR, &left.whole(), &[]);
                }
                return Err(error.into());
            }
        };
        let command = self.recipe.argv.join(" ");
        asking::enter(&self.run(), life.asking());
        self.log(Level::INFO, "started", &[("pid", &life.pid()), ("command", &command)]);
        self.now = Some(Now {
            life,
            began: at,
            phase: Phase::Starting,
            refresh: at + REFRESH,
        });
        match self.config.ready {
            None => self.appear(at, out),
            Some(_) => self.watch_start(at, out),
        }
        Ok(())
    }

    /// What somebody wants of it now, whatever its schedule says.
    fn order(&self, at: Nanos) -> Option<Order> {
        steering::order(&self.run(), &self.host.name(), at)
    }

    fn run(&self) -> String {
        steering::run_of(&self.host)
    }

    fn launch(&mut self, system: &System) -> std::result::Result<Life, Error> {
        self.recipe.check()?;
        if let Some(Ready::Port(port)) = self.config.ready.filter(|ready| ready.is_met(Nanos::ZERO)) {
            let command = self.recipe.name().to_owned();
            return Err(Error::PortTaken { port, command });
        }
        self.lives += 1;
        let leaf = self.leaf(system);
        let grouped = leaf.is_some();
        match Life::begin(&self.recipe, leaf, &self.inherited, system) {
            Err(error @ Error::Cgroup(_)) if grouped => {
                self.without_group(&error);
                Life::begin(&self.recipe, None, &self.inherited, system)
            }
            life => life,
        }
    }

    /// A group for the next life, or none with a word in the log.
    fn leaf(&mut self, system: &System) -> Option<Leaf> {
        let hierarchies = self.hierarchies.as_ref()?;
        let share = match self.share.take() {
            Some(share) => Ok(share),
            None => Share::take(hierarchies, &self.host.run_id(), system),
        };
        let name = format!("{}-{}", self.host.name().replace(['/', '\n'], "_"), self.lives);
        let made = share.and_then(|share| {
            let leaf = Leaf::make(share.group(), &name, system);
            self.share = Some(share);
            leaf
        });
        made.map_err(|error| self.without_group(&error)).ok()
    }

    fn without_group(&self, error: &Error) {
        let fields: [(&str, &dyn std::fmt::Display); 1] = [("why", &error.whole())];
        self.log(
            Level::WARN,
            "runs without a group of its own; its processes are found by process group",
            &fields,
        );
    }

    fn appear(&mut self, at: Nanos, out: &mut Batch) {
        let (Some(now), Some(system)) = (&mut self.now, &self.system) else {
            return;
        };
        now.phase = Phase::There;
        let (id, generation) = system.new_target(&self.host.name());
        self.target.id = id;
        self.target.generation = generation;
        self.target.cgroups = now.life.cgroups().into();
        self.target.processes = now.life.processes().into();
        self.target.cpus = now.life.cpus().into();
        self.tell(at, Change::APPEARED, out);
    }

    /// Tells of processes that came or went, and of CPUs that an actuator gave or took.
    fn refresh(&mut self, at: Nanos, out: &mut Batch) {
        let Some(now) = &mut self.now else { return };
        if now.phase != Phase::There || at < now.refresh {
            return;
        }
        now.refresh = at + REFRESH;
        let (processes, cpus) = (now.life.processes(), now.life.cpus());
        if self.target.processes[..] != processes[..] || self.target.cpus[..] != cpus[..] {
            self.target.processes = processes.into();
            self.target.cpus = cpus.into();
            self.tell(at, Change::CHANGED, out);
        }
    }

    /// Asks the life that there is to end, unless it was asked; gives when it is killed.
    fn ask_to_end(&mut self, at: Nanos) -> Option<Nanos> {
        let now = self.now.as_mut()?;
        let told = matches!(now.phase, Phase::There | Phase::Ending { told: true, .. });
        let kill_at = now.life.asking().ask(at) + self.config.stop_timeout.nanos();
        now.phase = Phase::Ending { kill_at, told };
        Some(kill_at)
    }

    /// Its process ended, or is not to live any longer.
    fn ended(&mut self, at: Nanos, out: &mut Batch) {
        if let Err(error) = self.bury(at, out) {
            self.log(Level::ERROR, &error.whole(), &[]);
        }
    }

    /// Ends what is left of the life, tells that the target is gone, and says how it ended.
    fn bury(&mut self, at: Nanos, out: &mut Batch) -> std::result::Result<(), Error> {
        let Some(mut now) = self.now.take() else { return Ok(()) };
        let asked = matches!(now.phase, Phase::Ending { .. });
        let exit = now.life.exited();
        now.life.listen();
        let (words, lived) = (now.life.last_words(), at - now.began);
        let (last, ended) = now.life.end();
        let by_itself = exit;
        let exit = exit.or(last).unwrap_or(Exit::Unknown);
        if matches!(now.phase, Phase::There | Phase::Ending { told: true, .. }) {
            self.tell(at, Change::GONE, out);
        }
        if asked {
            self.log(Level::INFO, "ended as asked", &[("exit", &exit)]);
        } else {
            let is_early = now.phase == Phase::Starting && self.config.ready.is_some();
            let early = if is_early { ", before it was ready" } else { "" };
            // One that had not ended by then was ended right here.
            let what = by_itself.map_or_else(|| "was stopped".to_owned(), Exit::sentence);
            let what = format!("{what}{early}");
            self.unasked(&what, at, lived, exit, &words);
        }
        ended
    }

    /// What follows an end that nobody asked for. Work that is done is expected; anything else before `stop` is not.
    fn unasked(&mut self, what: &str, at: Nanos, lived: Nanos, exit: Exit, words: &str) {
        let next = self.course.ended(at, lived, exit.is_success());
        let expected = next == Next::Done && !self.course.is_bounded();
        let then = match next {
            Next::Restart(then) => format!("restarts in {}", then - at),
            Next::Done | Next::Down => "stays down".to_owned(),
            Next::GivenUp => format!("stays down after {} restarts in a row", self.config.restarts),
        };
        let level = if expected { Level::INFO } else { Level::WARN };
        self.host.count("process.exits", 1);
        self.log(
            level,
            what,
            &[("exit", &exit), ("lived", &lived), ("then", &then), ("stderr", &words)],
        );
    }

    fn wish(&self, at: Nanos) -> Wish {
        let phase = self.now.as_ref().and_then(|now| match (now.phase, self.config.ready) {
            (Phase::Starting, Some(ready)) => Some(ready.ask_again(at, at - now.began)),
            (Phase::There, _) => Some(now.refresh),
            (Phase::Ending { kill_at, .. }, _) => Some(kill_at),
            _ => None,
        });
        phase
            .into_iter()
            .chain(self.course.next_edge(at))
            .chain(
                self.order(at)
                    .map(|order| order.until)
                    .filter(|until| *until < Nanos::FOREVER),
            )
            .min()
            .map_or(Wish::Nothing, Wish::At)
    }

    fn tell(&self, at: Nanos, change: Change, out: &mut Batch) {
        out.changes.push(TargetChange {
            at,
            change,
            target: self.target.clone(),
        });
    }

    fn log(&self, level: Level, message: &str, fields: &[(&str, &dyn std::fmt::Display)]) {
        self.host.log(level, message, fields);
    }
}
