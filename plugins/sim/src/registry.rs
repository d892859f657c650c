//! The nodes that are simulated in this process, by run and by the name of the `sim.node` that began them: how the elements
//! of one run find the one that they share (docs/decisions/0014).
//!
//! A node lives as long as an element holds it. Nothing here outlives its run.

use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::{Dial, Scenario, Settings, Simulation};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A node with what the elements know of it together.
pub struct Ground {
    /// The node.
    pub simulation: Simulation,
    /// Which target is which workload, while it is there.
    pub places: BTreeMap<TargetId, usize>,
    /// The knobs that somebody holds.
    pub held: BTreeMap<(usize, Dial), Held>,
}

/// A knob that somebody holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// The actuator that does.
    pub by: String,
    /// How all stood before.
    pub found: Settings,
    /// How all stands by what was set.
    pub left: Settings,
    /// Ways that were asked for.
    pub ways: u32,
}

/// A node that several elements hold.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Ground>>);

/// Nodes by run and name.
type Nodes = BTreeMap<(String, String), Weak<Mutex<Ground>>>;

static NODES: Mutex<Nodes> = Mutex::new(BTreeMap::new());

impl Shared {
    /// The node, to itself.
    pub fn lock(&self) -> MutexGuard<'_, Ground> {
        // A call that panicked left whole steps behind it: what it changes it changes at the end.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a node, or goes on with the one that a predecessor of the same name and scenario left to other elements.
pub fn begin(run: &str, name: &str, scenario: Scenario) -> Shared {
    let mut nodes = NODES.lock().unwrap_or_else(PoisonError::into_inner);
    nodes.retain(|_, node| node.strong_count() > 0);
    let key = (run.to_owned(), name.to_owned());
    let known = nodes.get(&key).and_then(Weak::upgrade).map(Shared);
    if let Some(shared) = known.filter(|shared| *shared.lock().simulation.scenario() == scenario) {
        shared.lock().places.clear();
        return shared;
    }
    let ground = Ground {
        simulation: Simulation::new(scenario),
        places: BTreeMap::new(),
        held: BTreeMap::new(),
    };
    let shared = Shared(Arc::new(Mutex::new(ground)));
    nodes.insert(key, Arc::downgrade(&shared.0));
    shared
}

/// The node that a `sim.node` of that run and name began.
pub fn find(run: &str, name: &str) -> Option<Shared> {
    let nodes = NODES.lock().unwrap_or_else(PoisonError::into_inner);
    nodes
        .get(&(run.to_owned(), name.to_owned()))
        .and_then(Weak::upgrade)
        .map(Shared)
}

/// The nodes of the targets that an element was told of.
#[derive(Default)]
pub struct Known {
    nodes: BTreeMap<String, Shared>,
}

impl Known {
    /// The node on which a target runs.
    ///
    /// # Errors
    /// No `sim.node` brought it.
    pub fn of(&mut self, host: &Host, target: &Target) -> Result<Shared> {
        let provider = target.provider.as_str();
        if let Some(shared) = self.nodes.get(provider) {
            return Ok(shared.clone());
        }
        let shared = find(&host.run_id(), provider).ok_or_else(|| Failure {
            target: target.id,
            ..Failure::retry(format!(
                "`{}` does not run on a simulated node, since `{provider}` brought it; give targets of a `sim.node`",
                target.name
            ))
        })?;
        self.nodes.insert(provider.to_owned(), shared.clone());
        Ok(shared)
    }

    /// All of them, by the names of their nodes.
    pub fn all(&self) -> impl Iterator<Item = &Shared> {
        self.nodes.values()
    }
}
