//! The knobs that a target has, which of them are never turned and why, and how each is offered.

use super::ask::{effect, least_quota_cpus};
use super::hold::Hold;
use crate::group;
use pipeline_cgroup_fs::{Directory, Error, Group, Knob, KnobKind, Quota, Setting};
use pipeline_plugin_api::prelude::*;
use std::result::Result as Outcome;

/// A target with its knobs.
#[derive(Debug)]
pub struct Subject {
    /// The directories as they were told.
    pub dirs: Vec<CgroupDir>,
    /// Whether its class was one that is never held back.
    pub is_protected: bool,
    /// One for each knob of the config, the gentlest first.
    pub turns: Vec<Turn>,
}

/// One knob of a target.
#[derive(Debug)]
pub struct Turn {
    /// Its id in the graph.
    pub id: KnobId,
    /// What it turns.
    pub kind: KnobKind,
    /// The knob, or why it is never turned.
    pub knob: Outcome<Knob, String>,
    /// What we hold of it.
    pub hold: Option<Hold>,
}

impl Subject {
    /// Finds the knobs of a target. Of one that is protected none is ever turned.
    ///
    /// # Errors
    /// A directory is gone or unreadable.
    pub fn open(kinds: &[(KnobKind, KnobId)], target: &Target, is_protected: bool) -> Outcome<Self, Error> {
        let group = group::of(&target.cgroups)?;
        let open = |&(kind, id): &(KnobKind, KnobId)| -> Outcome<Turn, Error> {
            let knob = match &group {
                _ if is_protected => Err("never the Latency class; set `latency: true` to allow it".to_owned()),
                None => Err("the target has no control group; `process.affinity` acts on processes".to_owned()),
                Some(group) => knob_of(group, kind)?,
            };
            Ok(Turn {
                id,
                kind,
                knob,
                hold: None,
            })
        };
        let turns = kinds.iter().map(open).collect::<Outcome<_, _>>()?;
        Ok(Self {
            dirs: target.cgroups.to_vec(),
            is_protected,
            turns,
        })
    }

    /// The knobs as a policy sees them; one that cannot be read now is left out.
    pub fn controls(&self, at: Nanos, target: TargetId) -> Vec<Control> {
        let offers = self.turns.iter().filter_map(|turn| {
            let offered = control(turn.kind, turn.knob.as_ref().ok()?).ok()?;
            Some(Control {
                at,
                target,
                knob: turn.id,
                ..offered
            })
        });
        offers.collect()
    }

    /// The knob of that id.
    pub fn turn(&mut self, id: KnobId) -> Option<&mut Turn> {
        self.turns.iter_mut().find(|turn| turn.id == id)
    }

    /// The knob of that kind.
    pub fn of_kind(&mut self, kind: KnobKind) -> Option<&mut Turn> {
        self.turns.iter_mut().find(|turn| turn.kind == kind)
    }

    /// Whether the group is idle because we made it so, which hides and forgets its weight.
    pub fn is_idled(&self) -> bool {
        let held = |turn: &Turn| {
            turn.hold
                .as_ref()
                .is_some_and(|hold| hold.in_force == Setting::Idle(true))
        };
        self.turns.iter().any(|turn| turn.kind == KnobKind::Idle && held(turn))
    }
}

/// The inner error says why it is never turned.
fn knob_of(group: &Group, kind: KnobKind) -> Outcome<Outcome<Knob, String>, Error> {
    match Knob::open(group, kind) {
        Ok(knob) => Ok(match never(knob.directory())? {
            None => Ok(knob),
            Some(why) => Err(why),
        }),
        Err(error @ Error::NoController { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Why a group is never held back, whoever asks.
pub fn never(directory: &Directory) -> Outcome<Option<String>, Error> {
    let path = directory.path.display();
    if directory.is_topmost() {
        return Ok(Some(format!("`{path}` is the topmost group, which is everybody's")));
    }
    let ours = directory.holds(std::process::id())?;
    Ok(ours.then(|| format!("the pipeline itself runs in `{path}`")))
}

fn control(kind: KnobKind, knob: &Knob) -> Outcome<Control, Error> {
    let now = knob.read()?;
    let (least, most, step) = match &now {
        Setting::Quota(Quota { period_us, .. }) => (least_quota_cpus(*period_us), cpus_in_sight(knob), 0.0),
        _ => {
            let bounds = knob.bounds()?;
            (bounds.least as f64, bounds.most as f64, bounds.step as f64)
        }
    };
    // Of a set that is empty the group above's is in force.
    let value = match knob.effective()? {
        Some(effective) => effective.len() as f64,
        None => effect(&now).value,
    };
    let stricter = match kind {
        KnobKind::Idle | KnobKind::Freeze => 1,
        KnobKind::Weight | KnobKind::Cpus | KnobKind::Quota => -1,
    };
    Ok(Control {
        resource: Resource::CPU_TIME,
        least,
        most,
        step,
        value,
        stricter,
        cost: cost(kind),
        ..Control::default()
    })
}

/// The share of its work that a target is expected to lose at the strictest value, while its neighbours leave some
/// CPU time over: estimates that put the knobs in order, not measurements.
fn cost(kind: KnobKind) -> f64 {
    match kind {
        KnobKind::Idle => 0.1,
        KnobKind::Weight => 0.15,
        KnobKind::Cpus => 0.5,
        KnobKind::Quota => 0.95,
        KnobKind::Freeze => 1.0,
    }
}

/// As many CPUs as a quota can be of use for.
fn cpus_in_sight(knob: &Knob) -> f64 {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").ok();
    let online = online.and_then(|text| text.parse::<pipeline_cgroup_fs::CpuSet>().ok());
    online.map_or_else(|| knob.cpus_of_parent().map_or(1, |cpus| cpus.len()), |cpus| cpus.len()) as f64
}
