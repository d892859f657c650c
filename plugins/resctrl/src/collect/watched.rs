//! One target of a collector: the monitoring group that it is counted in, and what to do when that cannot be had, is
//! moved, or is taken away.

use super::numbers::{Metrics, Sample};
use crate::crowd::Crowd;
use crate::names;
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{Counters, Error, Group, Membership, Resctrl};
use std::collections::BTreeSet;
use std::result::Result as Outcome;
use std::sync::Arc;

/// Until a group is tried again for which the hardware had no room.
const AGAIN_AFTER: Nanos = Nanos::from_secs(10);

/// What all targets share.
pub struct Shared {
    pub resctrl: Resctrl,
    pub system: System,
    pub host: Host,
}

/// A target.
pub struct Watched {
    target: Target,
    name: String,
    crowd: Option<Crowd>,
    place: Option<Place>,
    /// Every record that is not settled: a group that was moved leaves none behind at either place.
    records: Vec<UndoRecord>,
    before: Option<(Nanos, Counters)>,
    has_gap: bool,
    again_at: Nanos,
    /// What was told last, so that it is told once.
    told: Option<Reason>,
}

/// A group that counts a target.
struct Place {
    group: Group,
    /// The name of the control group that it is in.
    control: String,
    inode: Option<u64>,
    known: BTreeSet<u32>,
}

/// Why a target is not counted now.
enum Trouble {
    /// It has no task.
    Nobody,
    /// Somebody else counts it in that group.
    Theirs(String),
    Failed(Error),
    /// The journal takes nothing.
    Journal(Failure),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Watched {
    /// Not counted yet.
    pub fn new(target: &Target, host: &Host) -> Self {
        Self {
            name: names::monitor(host, target),
            target: target.clone(),
            crowd: None,
            place: None,
            records: Vec::new(),
            before: None,
            has_gap: false,
            again_at: Nanos::ZERO,
            told: None,
        }
    }

    /// Whether it has a group.
    pub fn is_counted(&self) -> bool {
        self.place.is_some()
    }

    /// Takes over what is told of the target now.
    pub fn told(&mut self, target: &Target, shared: Option<&Shared>) {
        self.target = target.clone();
        self.told = None;
        self.crowd = shared.map(|shared| Crowd::of(target, Arc::clone(shared.resctrl.files())));
    }

    /// Sees to it that all tasks are counted, and reads what was.
    pub fn sample(&mut self, shared: &Shared, metrics: &Metrics, at: Nanos, out: &mut Batch) {
        let now = shared.system.now();
        if now < self.again_at {
            return;
        }
        match self.counters(shared) {
            Ok(counters) => {
                let before = self.before.as_ref().map(|(then, counters)| (counters, now - *then));
                let sample = Sample {
                    target: self.target.id,
                    at,
                    now: &counters,
                    before,
                    has_gap: self.has_gap,
                };
                metrics.tell(sample, out);
                (self.before, self.has_gap, self.told) = (Some((now, counters)), false, None);
            }
            Err(trouble) => {
                self.has_gap |= self.before.take().is_some();
                let reason = self.reason(&trouble, now, shared);
                self.absent(metrics, at, reason, out);
            }
        }
    }

    /// Says once that there is nothing, and why.
    pub fn absent(&mut self, metrics: &Metrics, at: Nanos, reason: Reason, out: &mut Batch) {
        if self.told.replace(reason) != Some(reason) {
            metrics.absent(self.target.id, at, reason, out);
        }
    }

    /// Removes its group: it is counted no more.
    ///
    /// # Errors
    /// The group cannot be removed; its record stays.
    pub fn leave(&mut self, shared: &Shared) -> Result<()> {
        if let Some(place) = self.place.take() {
            match place.group.remove() {
                Ok(()) | Err(Error::Gone { .. }) => {}
                Err(error) => return Err(Failure::retry(error.sentence())),
            }
        }
        self.records.drain(..).for_each(|record| shared.system.settle(record));
        Ok(())
    }

    fn counters(&mut self, shared: &Shared) -> Outcome<Counters, Trouble> {
        let tasks = self.crowd.as_ref().map(Crowd::tasks).unwrap_or_default();
        let found = tasks.iter().find_map(|task| shared.resctrl.membership(*task));
        if tasks.is_empty() && self.place.is_none() {
            return Err(Trouble::Nobody);
        }
        // Where the kernel does not tell, they are where they were put.
        if let Some(found) = &found {
            self.follow(found, shared)?;
        }
        if self.place.is_none() {
            self.settle_down(&found.unwrap_or_default().control, shared)?;
        }
        let (Some(place), Some(crowd)) = (&mut self.place, &self.crowd) else {
            return Err(Trouble::Nobody);
        };
        let gathered = place.group.gather(|| crowd.tasks(), &mut place.known);
        let gathered = gathered.and_then(|_| place.group.counters());
        if matches!(&gathered, Err(error) if error.is_gone()) {
            self.place = None;
        }
        Ok(gathered?)
    }

    /// The tasks may be in another class by now, with the group or without it.
    fn follow(&mut self, found: &Membership, shared: &Shared) -> Outcome<(), Trouble> {
        let is_ours = found.monitor == self.name;
        if !found.monitor.is_empty() && !is_ours {
            self.give_up(shared);
            return Err(Trouble::Theirs(found.monitor.clone()));
        }
        let Some(place) = &mut self.place else { return Ok(()) };
        let control = shared.resctrl.group(&found.control);
        if place.control == found.control && place.group.exists() {
            if !is_ours {
                // Moved within the class, or a class of that name again: all of them are put back.
                place.known.clear();
            }
            return Ok(());
        }
        let there = control.monitor(&self.name);
        if there.inode().is_some() && there.inode() == place.inode {
            // It was moved with its counts.
            let record = journal(&there, shared)?;
            (place.group, place.control) = (there, found.control.clone());
            self.records.push(record);
            return Ok(());
        }
        // The kernel moves no groups: it is made anew where the tasks are.
        self.give_up(shared);
        Ok(())
    }

    /// Removes the group and what was counted in it.
    fn give_up(&mut self, shared: &Shared) {
        self.has_gap |= self.before.take().is_some();
        if let Err(failure) = self.leave(shared) {
            shared
                .host
                .log(Level::WARN, &failure.message, &[("target", &self.target.name)]);
        }
    }

    /// Makes the group in that control group; recorded before it is made, under a name that nobody else has.
    fn settle_down(&mut self, control: &str, shared: &Shared) -> Outcome<(), Trouble> {
        let group = shared.resctrl.group(control).monitor(&self.name);
        let record = journal(&group, shared)?;
        if let Err(error) = group.make() {
            shared.system.settle(record);
            return Err(error.into());
        }
        self.records.push(record);
        self.place = Some(Place {
            inode: group.inode(),
            group,
            control: control.to_owned(),
            known: BTreeSet::new(),
        });
        Ok(())
    }

    /// Why there are no readings; told in the log the first time.
    fn reason(&mut self, trouble: &Trouble, now: Nanos, shared: &Shared) -> Reason {
        let (reason, level, why) = match trouble {
            Trouble::Nobody => (Reason::EMPTY, Level::DEBUG, "it has no task now".to_owned()),
            Trouble::Theirs(group) => {
                let why =
                    format!("it is counted in the monitoring group `{group}` by somebody else, and is left there");
                (Reason::FORBIDDEN, Level::WARN, why)
            }
            Trouble::Journal(failure) => (Reason::UNKNOWN, Level::WARN, failure.message.to_string()),
            Trouble::Failed(error) => match error {
                error if error.is_gone() => (Reason::RESET, Level::DEBUG, error.sentence()),
                error if error.may_pass() => (Reason::WARMING_UP, Level::INFO, error.sentence()),
                Error::Exhausted { .. } => {
                    self.again_at = now + AGAIN_AFTER;
                    (Reason::UNSUPPORTED, Level::WARN, error.sentence())
                }
                error if error.is_forbidden() => (Reason::FORBIDDEN, Level::WARN, error.sentence()),
                error => (Reason::UNKNOWN, Level::WARN, error.sentence()),
            },
        };
        if self.told != Some(reason) {
            shared.host.log(level, &why, &[("target", &self.target.name)]);
        }
        reason
    }
}

/// An inode of 0 stands for a group that is not made yet.
fn journal(group: &Group, shared: &Shared) -> Outcome<UndoRecord, Trouble> {
    let undo = Undo {
        kind: UndoKind::REMOVE_DIR,
        path: group.path().to_string_lossy().into_owned().into(),
        inode: group.inode().unwrap_or_default(),
        ..Undo::default()
    };
    shared.system.journal(&undo).map_err(Trouble::Journal)
}
