//! From what is wanted to what is so: classes made, divided, filled and removed. On failure some of it may be done; the
//! next call brings it to what is wanted then.

use super::class::Made;
use super::ground::{Ground, Others};
use super::{Partition, failure};
use crate::fit::{self, Claim};
use crate::names;
use crate::plan::{self, Group as Planned, Wish};
use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{Mask, Resource, Schemata};
use std::collections::BTreeSet;

impl Partition {
    /// Brings the classes to what is held for the targets, under the lock that others who divide take too.
    ///
    /// # Errors
    /// There is no class to have, or the kernel refuses.
    pub fn arrange(&mut self) -> Result<()> {
        let Some(ground) = &self.ground else { return Ok(()) };
        let _lock = ground.lock()?;
        let others = ground
            .others(&self.classes)
            .map_err(|error| failure(TargetId::NONE, &error))?;
        let frozen: BTreeSet<TargetId> = self.frozen();
        let wishes = self.subjects.values().filter_map(super::Subject::wish);
        let wishes: Vec<Wish> = wishes.filter(|wish| !frozen.contains(&wish.target)).collect();
        let taken = self.classes.iter().filter(|class| class.is_taken).count();
        let planned = plan::plan(&wishes, others.room.saturating_sub(taken));
        if planned.is_empty() && !wishes.is_empty() {
            return Err(Failure::retry(format!(
                "all classes of `{}` are taken; remove groups that nobody needs",
                ground.resctrl.root().display()
            )));
        }
        let places = self.places(&planned);
        let wanted = self.wanted(&planned, &places, &others)?;
        self.carry_out(&planned, places, &wanted)?;
        self.send_home(&wishes)?;
        self.clear_away()?;
        self.is_stale = false;
        Ok(())
    }

    /// Lets go of whoever wants nothing any more. The others stay as they are until they are tended, so that many who go
    /// at once do not send the rest from class to class.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn let_go(&mut self) -> Result<()> {
        let Some(ground) = &self.ground else { return Ok(()) };
        let _lock = ground.lock()?;
        let wishes: Vec<Wish> = self.subjects.values().filter_map(super::Subject::wish).collect();
        self.is_stale = true;
        self.send_home(&wishes)?;
        self.clear_away()
    }

    /// Who is in a class that somebody else changed, and stays there.
    fn frozen(&self) -> BTreeSet<TargetId> {
        let taken = self.classes.iter().filter(|class| class.is_taken);
        taken.flat_map(|class| class.members.iter().copied()).collect()
    }

    /// Which of the classes that there are becomes which planned one: that with most members in common; one that is
    /// left over, before another is made.
    fn places(&self, planned: &[Planned]) -> Vec<Option<usize>> {
        let mut places: Vec<Option<usize>> = vec![None; planned.len()];
        let mut free: BTreeSet<usize> = (0..self.classes.len())
            .filter(|at| !self.classes[*at].is_taken)
            .collect();
        let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
        for (which, group) in planned.iter().enumerate() {
            for &at in &free {
                let common = group
                    .members
                    .iter()
                    .filter(|id| self.classes[at].members.contains(id))
                    .count();
                pairs.push((common, which, at));
            }
        }
        pairs.sort_by_key(|(common, which, at)| (std::cmp::Reverse(*common), *which, *at));
        for (_, which, at) in pairs {
            if places[which].is_none() && free.remove(&at) {
                places[which] = Some(at);
            }
        }
        places
    }

    /// What each planned class is to have.
    fn wanted(&self, planned: &[Planned], places: &[Option<usize>], others: &Others) -> Result<Vec<Schemata>> {
        let mut wanted = vec![Schemata::default(); planned.len()];
        let Some(ground) = &self.ground else { return Ok(wanted) };
        for control in ground.resctrl.info().l3() {
            for &id in &control.domains {
                let claims: Vec<Claim> = planned
                    .iter()
                    .zip(places)
                    .map(|(group, place)| Claim {
                        want: group.ways.as_ref().and_then(|wants| wants.get(&id).copied()),
                        is_protected: group.is_protected(),
                        priority: group.priority,
                        stands: place.and_then(|at| stands(&self.classes[at], control.resource, id)),
                    })
                    .collect();
                let masks = fit::place(&claims, &others.cache(control, id));
                for (schemata, mask) in wanted.iter_mut().zip(masks) {
                    let mask = mask.ok_or_else(|| no_run(ground, id))?;
                    schemata.put(control.resource, [(id, mask.0)]);
                }
            }
        }
        if let Some(control) = ground.bandwidth() {
            for (schemata, group) in wanted.iter_mut().zip(planned) {
                let value = group.bandwidth.unwrap_or(control.most);
                schemata.put(control.resource, control.domains.iter().map(|id| (*id, value)));
            }
        }
        Ok(wanted)
    }

    /// Divides the classes, those that are missing made before, and then fills them.
    fn carry_out(&mut self, planned: &[Planned], places: Vec<Option<usize>>, wanted: &[Schemata]) -> Result<()> {
        let Some(ground) = &self.ground else { return Ok(()) };
        for ((group, place), schemata) in planned.iter().zip(places).zip(wanted) {
            let first = group.members.first().copied().unwrap_or(TargetId::NONE);
            let at = match place {
                Some(at) => at,
                None => {
                    self.made += 1;
                    let folder = ground.resctrl.group(&names::class(&self.host, self.made));
                    self.classes.push(Made::make(self.made, folder, &ground.system)?);
                    self.classes.len() - 1
                }
            };
            self.classes[at]
                .divide(schemata)
                .map_err(|error| failure(first, &error))?;
            // Who is there already is looked after as it is tended.
            let is_new = |id: &&TargetId| !self.classes[at].members.contains(id);
            let new: Vec<TargetId> = group.members.iter().filter(is_new).copied().collect();
            for member in &new {
                for (other, class) in self.classes.iter_mut().enumerate() {
                    match other == at {
                        true => class.members.insert(*member),
                        false => class.members.remove(member),
                    };
                }
                if let Some(subject) = self.subjects.get_mut(member) {
                    let brought = subject.bring(&self.classes[at].group, ground, &self.host);
                    brought.map_err(|error| failure(*member, &error))?;
                }
            }
        }
        Ok(())
    }

    /// Whoever is in a class and wants none goes to the default group.
    fn send_home(&mut self, wishes: &[Wish]) -> Result<()> {
        let Some(ground) = &self.ground else { return Ok(()) };
        let wants = |id: &TargetId| wishes.iter().any(|wish| wish.target == *id);
        for class in self.classes.iter_mut().filter(|class| !class.is_taken) {
            let leaving: Vec<TargetId> = class.members.iter().filter(|id| !wants(id)).copied().collect();
            for id in leaving {
                if let Some(subject) = self.subjects.get_mut(&id) {
                    let home = subject.bring(&ground.resctrl.default_group(), ground, &self.host);
                    home.map_err(|error| failure(id, &error))?;
                }
                class.members.remove(&id);
            }
        }
        Ok(())
    }

    /// Removes classes that nobody is in.
    fn clear_away(&mut self) -> Result<()> {
        let Some(ground) = &self.ground else { return Ok(()) };
        let mut failed = None;
        for class in std::mem::take(&mut self.classes) {
            if class.is_taken || !class.members.is_empty() {
                self.classes.push(class);
            } else if let Err((class, error)) = class.remove(&ground.system) {
                self.classes.push(*class);
                failed = Some(failure(TargetId::NONE, &error));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// The ways that a class has of its own.
fn stands(class: &Made, resource: Resource, id: u32) -> Option<Mask> {
    let line = class.left.line(resource)?;
    line.domains.get(&id).copied().map(Mask)
}

fn no_run(ground: &Ground, id: u32) -> Failure {
    Failure::retry(format!(
        "so many ways of cache {id} do not lie beside each other clear of what others have for themselves in `{}`; ask for fewer",
        ground.resctrl.root().display()
    ))
}
