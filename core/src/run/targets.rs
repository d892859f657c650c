//! The targets of a run: those that there are as they were last told, and who the last were that went. What nodes keep
//! of targets is theirs.

use pipeline_plugin_api::abi::{Change, Class, Target, TargetChange, TargetId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The targets of a run. Ids are never used again.
#[derive(Debug, Default)]
pub struct Targets {
    known: BTreeMap<TargetId, Target>,
    plates: BTreeMap<TargetId, Plate>,
    /// Those that went, first to last.
    gone: VecDeque<TargetId>,
    lives: BTreeMap<String, u32>,
    last: u32,
}

impl Targets {
    /// A new id, and how often that name has lived, from 1.
    pub fn new_id(&mut self, name: &str) -> (TargetId, u32) {
        self.last += 1;
        let lives = self.lives.entry(name.to_owned()).or_default();
        *lives += 1;
        (TargetId(self.last), *lives)
    }

    /// Takes in a change.
    pub fn tell(&mut self, change: &TargetChange) {
        let id = change.target.id;
        if change.change == Change::GONE {
            self.known.remove(&id);
            let plate = Plate::of(&change.target, self.last_plate());
            if self.plates.insert(id, plate).is_none() {
                self.gone.push_back(id);
            }
            self.forget_old();
        } else {
            self.known.insert(id, change.target.clone());
        }
    }

    /// What was last told of a target; of one that went, who it was.
    pub fn get(&self, id: TargetId) -> Option<Target> {
        let gone = || self.plates.get(&id).map(|plate| plate.target(id));
        self.known.get(&id).cloned().or_else(gone)
    }

    /// Of targets that went only the last are kept; whoever asks for an older one gets nothing. A
    /// name that lives again after that long begins to count anew.
    fn forget_old(&mut self) {
        while self.gone.len() > KEPT {
            let oldest = self.gone.pop_front().and_then(|id| self.plates.remove(&id));
            if let Some(plate) = oldest {
                let lives = self.lives.get(&*plate.name).copied();
                if lives == Some(plate.generation) {
                    self.lives.remove(&*plate.name);
                }
            }
        }
    }

    fn last_plate(&self) -> Option<&Plate> {
        self.plates.get(self.gone.back()?)
    }
}

/// How many targets that went are remembered: far more than can be on their way to a sink.
const KEPT: usize = 4096;

/// What is still asked of a target that went: who it was. There may be thousands, so each is as small as it can be.
#[derive(Debug)]
struct Plate {
    generation: u32,
    provider: Arc<str>,
    parent: TargetId,
    name: Box<str>,
    class: Class,
    priority: i32,
}

impl Plate {
    /// That of a target, with the provider's name shared with the one before where it is the same.
    fn of(target: &Target, before: Option<&Self>) -> Self {
        let before = before.map(|plate| &plate.provider);
        let same = before.filter(|provider| ***provider == *target.provider);
        Self {
            generation: target.generation,
            provider: same.cloned().unwrap_or_else(|| target.provider.as_str().into()),
            parent: target.parent,
            name: target.name.as_str().into(),
            class: target.class,
            priority: target.priority,
        }
    }

    fn target(&self, id: TargetId) -> Target {
        Target {
            id,
            generation: self.generation,
            provider: (&*self.provider).into(),
            parent: self.parent,
            name: (&*self.name).into(),
            class: self.class,
            priority: self.priority,
            ..Target::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::Nanos;

    #[test]
    fn a_target_that_lives_is_remembered_however_many_come_and_go() {
        let mut targets = Targets::default();
        let tell = |targets: &mut Targets, name: &str, change: Change| {
            let (id, generation) = targets.new_id(name);
            let target = Target {
                id,
                generation,
                name: name.into(),
                ..Target::default()
            };
            targets.tell(&TargetChange {
                change,
                target,
                ..TargetChange::default()
            });
            id
        };
        let web = tell(&mut targets, "web", Change::APPEARED);
        for number in 0..KEPT + 10 {
            tell(&mut targets, &format!("job-{number}"), Change::GONE);
        }
        assert_eq!(targets.get(web).unwrap().name, "web");
        let counts = (targets.known.len(), targets.plates.len(), targets.gone.len());
        assert_eq!((counts, targets.lives.len()), ((1, KEPT, KEPT), KEPT + 1));
    }

    #[test]
    fn of_a_target_that_went_it_is_known_who_it_was_and_no_more() {
        let mut targets = Targets::default();
        let target = |id: u32, provider: &str| Target {
            id: TargetId(id),
            generation: 3,
            provider: provider.into(),
            parent: TargetId(9),
            name: "web".into(),
            class: Class::LATENCY,
            priority: 7,
            ..Target::default()
        };
        for (id, provider) in [(1, "pods"), (2, "pods"), (3, "jobs")] {
            let of = target(id, provider);
            for (change, cpus) in [(Change::APPEARED, vec![0]), (Change::GONE, vec![1])] {
                let target = Target {
                    cpus: cpus.into(),
                    ..of.clone()
                };
                let at = Nanos::ZERO;
                targets.tell(&TargetChange { at, change, target });
            }
            assert_eq!(targets.get(of.id), Some(of));
        }
        assert_eq!(targets.get(TargetId(4)), None);
    }
}
