//! The targets of a collector, whether each can be read, and the sweep over all of them.
//!
//! A target that cannot be read is told once: a log line, and one instant of unavailable readings. Then it is silent
//! until it changes. Those for which there are too few descriptors are told together, and looked at again. What is read
//! of a target is the reader's business.

use super::shortage::{self, Shortage};
use crate::delta::Sample;
use crate::group;
use pipeline_cgroup_fs::{Error, Group};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// Reads one target on descriptors that it keeps.
pub trait Reader: Sized {
    /// What all readers of a node share.
    type Setup;
    /// Said of a target whose group has nothing to read.
    const NOTHING: &'static str;

    /// Opens the files; `None` where the group has none of them.
    ///
    /// # Errors
    /// The group is gone, or a file cannot be opened.
    fn open(setup: &Self::Setup, group: &Group) -> std::result::Result<Option<Self>, Error>;
    /// Reads them once and puts the readings into `out`; nothing if it fails.
    ///
    /// # Errors
    /// The group is gone, or a file cannot be read.
    fn read(&mut self, setup: &Self::Setup, sample: Sample, out: &mut Batch) -> std::result::Result<(), Error>;
    /// What is unavailable when a target cannot be read.
    fn metrics(setup: &Self::Setup) -> &[MetricId];
    /// The last sample failed in a way that may pass.
    fn failed(&mut self) {}
}

/// All targets of one node.
pub struct Roster<R: Reader> {
    setup: R::Setup,
    host: Host,
    targets: BTreeMap<TargetId, Watched<R>>,
    shortage: Shortage,
}

struct Watched<R> {
    dirs: Vec<CgroupDir>,
    /// When it was last read.
    last: Option<Nanos>,
    sight: Sight<R>,
    /// A passing failure was told.
    told: bool,
}

enum Sight<R> {
    Open(R),
    /// Its files were withdrawn: to be looked at again at the next sample.
    Withdrawn,
    /// To be told at the next sample.
    Lost(Reason),
    /// There was no descriptor left for it, which was told with readings or not yet.
    Short {
        told: bool,
    },
    Silent,
}

impl<R: Reader> Roster<R> {
    /// No targets yet.
    pub fn new(setup: R::Setup, host: &Host) -> Self {
        Self {
            setup,
            host: host.clone(),
            targets: BTreeMap::new(),
            shortage: Shortage::default(),
        }
    }

    /// Takes in that a target appeared, changed or went.
    ///
    /// # Errors
    /// Its files cannot be opened.
    pub fn change(&mut self, change: &TargetChange) -> Result<()> {
        let target = &change.target;
        if change.change == Change::GONE {
            self.targets.remove(&target.id);
            return Ok(());
        }
        if self
            .targets
            .get(&target.id)
            .is_some_and(|known| known.is_open_on(&target.cgroups))
        {
            return Ok(());
        }
        let opened = self.open(&target.cgroups);
        let (sight, result) = match opened {
            Ok(Ok(reader)) => (Sight::Open(reader), Ok(())),
            Ok(Err(nothing)) => {
                self.host.log(Level::INFO, nothing, &[("target", &target.name)]);
                (Sight::Lost(Reason::UNSUPPORTED), Ok(()))
            }
            Err(error) if shortage::is_one(&error) => {
                self.shortage.met();
                (Sight::Short { told: false }, Ok(()))
            }
            Err(error) => (
                Sight::Lost(group::reason(&error)),
                Err(group::failure(target.id, &error)),
            ),
        };
        let watched = Watched {
            dirs: target.cgroups.to_vec(),
            last: None,
            sight,
            told: false,
        };
        self.targets.insert(target.id, watched);
        result
    }

    /// Reads every target once. A span is from right before a target's files were read the last time to right
    /// before they are read now; all readings carry the tick's instant.
    pub fn sample(&mut self, at: Nanos, system: &System, out: &mut Batch) {
        let Self {
            setup,
            host,
            targets,
            shortage,
        } = self;
        if shortage.is_to_try(at) {
            let mut short = targets.values_mut().filter(|watched| watched.is_short());
            // The first for which there is still none ends it.
            let _ = short.try_for_each(|watched| watched.find_room(setup));
        }
        for (&target, watched) in &mut *targets {
            watched.sample(setup, host, Sample { target, at, span: None }, system.now(), out);
        }
        if shortage.is_to_tell(at) {
            let short = targets.values().filter(|watched| watched.is_short()).count();
            shortage.tell(at, short, targets.len(), host);
        }
    }

    /// The readers of the targets that can be read.
    pub fn readers(&self) -> impl Iterator<Item = &R> {
        self.targets.values().filter_map(|watched| match &watched.sight {
            Sight::Open(reader) => Some(reader),
            _ => None,
        })
    }

    /// The reader of one target, if it can be read.
    pub fn reader(&mut self, target: TargetId) -> Option<&mut R> {
        match self.targets.get_mut(&target)?.sight {
            Sight::Open(ref mut reader) => Some(reader),
            _ => None,
        }
    }

    /// How many targets are read, and how many there are.
    pub fn count(&self) -> (usize, usize) {
        (self.readers().count(), self.targets.len())
    }

    fn open(&self, dirs: &[CgroupDir]) -> std::result::Result<std::result::Result<R, &'static str>, Error> {
        open(&self.setup, dirs)
    }
}

/// The inner error says why there is nothing to open.
fn open<R: Reader>(
    setup: &R::Setup,
    dirs: &[CgroupDir],
) -> std::result::Result<std::result::Result<R, &'static str>, Error> {
    let Some(group) = group::of(dirs)? else {
        return Ok(Err("the target has no control group; nothing is read of it here"));
    };
    Ok(R::open(setup, &group)?.ok_or(R::NOTHING))
}

impl<R: Reader> Watched<R> {
    fn is_open_on(&self, dirs: &[CgroupDir]) -> bool {
        matches!(self.sight, Sight::Open(_)) && self.dirs == dirs
    }

    fn sample(&mut self, setup: &R::Setup, host: &Host, sample: Sample, now: Nanos, out: &mut Batch) {
        if let Sight::Withdrawn = self.sight {
            self.look_again(setup);
        }
        let lost = match &mut self.sight {
            Sight::Silent | Sight::Withdrawn | Sight::Short { told: true } => return,
            Sight::Short { told } => {
                *told = true;
                Reason::UNKNOWN
            }
            Sight::Lost(reason) => *reason,
            // Called twice at one instant: nothing can have been added.
            Sight::Open(_) if self.last == Some(now) => return,
            Sight::Open(reader) => {
                let span = self.last.map(|last| now - last);
                match reader.read(setup, Sample { span, ..sample }, out) {
                    Ok(()) => return self.last = Some(now),
                    Err(error) => self.lose(error, setup, host, sample.target),
                }
            }
        };
        out.readings
            .extend(R::metrics(setup).iter().map(|&metric| sample.absent(metric, lost)));
        if let Sight::Lost(_) = self.sight {
            self.sight = Sight::Silent;
        }
    }

    fn is_short(&self) -> bool {
        matches!(self.sight, Sight::Short { .. })
    }

    /// Opens what could not be opened for want of descriptors; an error where there is still none.
    #[cold]
    fn find_room(&mut self, setup: &R::Setup) -> std::result::Result<(), Error> {
        self.sight = match open(setup, &self.dirs) {
            Ok(Ok(reader)) => Sight::Open(reader),
            Ok(Err(_)) => Sight::Lost(Reason::UNSUPPORTED),
            Err(error) if shortage::is_one(&error) => return Err(error),
            Err(error) => Sight::Lost(group::reason(&error)),
        };
        Ok(())
    }

    /// What kept a target from being read, and what it is to be from now on.
    #[cold]
    fn lose(&mut self, error: Error, setup: &R::Setup, host: &Host, target: TargetId) -> Reason {
        let name = host
            .target(target)
            .map(|target| target.name.to_string())
            .unwrap_or_default();
        // What comes after a hole is not compared with what was before it.
        self.last = None;
        let error = match error {
            Error::Withdrawn { .. } => match self.reopen(setup) {
                Ok(()) => {
                    host.log(Level::INFO, &error.to_string(), &[("target", &name)]);
                    return Reason::UNSUPPORTED;
                }
                Err(error) => error,
            },
            error => error,
        };
        let reason = group::reason(&error);
        if error.is_gone() {
            self.sight = Sight::Lost(reason);
            host.log(Level::DEBUG, &error.to_string(), &[("target", &name)]);
        } else {
            if let Sight::Open(reader) = &mut self.sight {
                reader.failed();
            }
            if !std::mem::replace(&mut self.told, true) {
                host.log(Level::WARN, &group::sentence(&error), &[("target", &name)]);
            }
        }
        reason
    }

    /// Opens what there is of the files now. The kernel withdraws the files of a group that is being removed ahead of
    /// its directory, and only this tells a group that goes from one whose controller was switched off.
    #[cold]
    fn reopen(&mut self, setup: &R::Setup) -> std::result::Result<(), Error> {
        self.sight = match open(setup, &self.dirs)? {
            Ok(reader) => Sight::Open(reader),
            Err(_) => Sight::Withdrawn,
        };
        Ok(())
    }

    /// A group whose files were all withdrawn lives on without them, or is gone by now.
    #[cold]
    fn look_again(&mut self, setup: &R::Setup) {
        match self.reopen(setup) {
            Ok(()) if matches!(self.sight, Sight::Withdrawn) => self.sight = Sight::Silent,
            Ok(()) => {}
            Err(error) => self.sight = Sight::Lost(group::reason(&error)),
        }
    }
}

#[cfg(test)]
mod tests;
