//! `sim.node`: brings the workloads of a scenario as targets, as they come and go. It begins the node that the other
//! elements share, and moves it on when they do not.

use crate::config::NodeConfig;
use crate::registry::{self, Shared};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::purpose::{goals, labels};
use pipeline_sim_model::{Scenario, Simulation};

/// The label that names the CPUs of each core: `0,8 1,9`.
const SIBLINGS: &str = "cpu.siblings";

/// The `sim.node` element.
pub struct Node {
    config: NodeConfig,
    host: Host,
    system: Option<System>,
    shared: Option<Shared>,
    here: Vec<Option<Target>>,
}

impl Element for Node {
    const NAME: &'static str = "sim.node";
    const SUMMARY: &'static str = "brings the workloads of a scenario, which run on a node that is computed";
    const EVERY: Nanos = Nanos::from_secs(1);
    const VIRTUAL_TIME: bool = true;
    type Config = NodeConfig;

    fn ports(_: &NodeConfig) -> Ports {
        Ports::new()
    }

    fn create(config: NodeConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            config,
            host: host.clone(),
            system: None,
            shared: None,
            here: Vec::new(),
        })
    }

    fn status(&self) -> String {
        let here = self.here.iter().flatten().count();
        format!("{here} of {} workloads are there", self.here.len())
    }
}

impl TargetProvider for Node {
    fn start(&mut self, system: &System) -> Result<()> {
        let scenario = self.config.scenario()?;
        self.here = vec![None; scenario.workloads.len()];
        let about = if scenario.about.is_empty() {
            "a scenario".to_owned()
        } else {
            scenario.about.clone()
        };
        let message = format!(
            "{} workloads on {} CPUs that are computed",
            scenario.workloads.len(),
            scenario.cpus()
        );
        self.host.log(Level::INFO, &message, &[("scenario", &about)]);
        self.shared = Some(registry::begin(&self.host.run_id(), &self.host.name(), scenario));
        self.system = Some(system.clone());
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let shared = self.shared.clone().ok_or_else(not_started)?;
        let mut ground = shared.lock();
        ground.simulation.advance(tick.at);
        // Whoever is there and was not told, as after a restart of this node, is told as well.
        ground.simulation.take_changes();
        for place in 0..self.here.len() {
            let lives = ground.simulation.lives(place);
            let is_there = ground.simulation.is_present(place);
            let told = self.here[place].as_ref();
            let is_other = told.is_some_and(|target| !is_there || lives != life_of(target));
            if is_other && let Some(target) = self.here[place].take() {
                ground.places.remove(&target.id);
                ground.held.retain(|(held, _), _| *held != place);
                out.changes.push(changed(tick.at, Change::GONE, target));
            }
            if is_there && self.here[place].is_none() {
                let target = self.describe(&ground.simulation, place)?;
                ground.places.insert(target.id, place);
                self.here[place] = Some(target.clone());
                out.changes.push(changed(tick.at, Change::APPEARED, target));
            }
        }
        Ok(ground.simulation.next_change().map_or(Wish::Nothing, Wish::At))
    }

    fn stop(&mut self, out: &mut Batch) -> Result<()> {
        let at = self.system.as_ref().map_or(Nanos::ZERO, System::now);
        for target in self.here.iter_mut().filter_map(Option::take) {
            if let Some(shared) = &self.shared {
                shared.lock().places.remove(&target.id);
            }
            out.changes.push(changed(at, Change::GONE, target));
        }
        Ok(())
    }
}

impl Node {
    fn describe(&self, simulation: &Simulation, place: usize) -> Result<Target> {
        let scenario = simulation.scenario();
        let Some((name, workload)) = scenario.workloads.iter().nth(place) else {
            return Err(Failure::fatal("a workload that the scenario has not"));
        };
        let name = format!("{}{name}", self.config.prefix);
        let system = self.system.as_ref().ok_or_else(not_started)?;
        let (id, generation) = system.new_target(&name);
        let mut labels = labels(&workload.labels);
        labels.extend(siblings(simulation).map(|pairs| Label::new(SIBLINGS, &pairs)));
        // Which life of the workload this is: a number of the scenario's, where the generation is the run's.
        labels.push(Label::new(LIFE, &simulation.lives(place).to_string()));
        let cpus = if is_pinned(scenario, place) {
            simulation.levels(place).cpus
        } else {
            Vec::new()
        };
        Ok(Target {
            id,
            generation,
            provider: self.host.name().into(),
            name: name.into(),
            class: workload.class.map_or(Class::UNSET, Into::into),
            priority: workload.priority,
            goals: goals(&workload.goals, &self.host)?.into(),
            labels: labels.into(),
            cpus: cpus.into(),
            ..Target::default()
        })
    }
}

/// The label that tells one life of a workload from the next.
const LIFE: &str = "sim.life";

fn life_of(target: &Target) -> u32 {
    let life = target.labels.iter().find(|label| label.name == LIFE);
    life.and_then(|label| label.value.parse().ok()).unwrap_or_default()
}

fn is_pinned(scenario: &Scenario, place: usize) -> bool {
    scenario
        .workloads
        .values()
        .nth(place)
        .is_some_and(|workload| workload.cpus.is_some())
}

fn siblings(simulation: &Simulation) -> Option<String> {
    let pairs = simulation.siblings();
    let told: Vec<String> = pairs.iter().map(|(one, other)| format!("{one},{other}")).collect();
    (!told.is_empty()).then(|| told.join(" "))
}

fn changed(at: Nanos, change: Change, target: Target) -> TargetChange {
    TargetChange { at, change, target }
}

fn not_started() -> Failure {
    Failure::fatal("asked for its targets before it was started")
}
