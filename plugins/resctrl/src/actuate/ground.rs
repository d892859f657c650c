//! What there is to divide on this machine, what of it others have, and the lock under which that is decided.

use super::class::Made;
use crate::config::{KnobName, PartitionConfig};
use crate::fit::Cache;
use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{BandwidthControl, BandwidthUnit, CacheControl, Error, Group, Lock, Mask, Resctrl, Resource};

/// How long is waited for somebody else who decides about groups.
const LOOKS: u32 = 50;
const LOOK_AGAIN: Nanos = Nanos::from_millis(2);

/// What there is to divide.
pub struct Ground {
    /// The filesystem.
    pub resctrl: Resctrl,
    /// Clock and journal.
    pub system: System,
    /// The size of one last-level cache, where it can be seen.
    pub cache_bytes: Option<u64>,
    most_classes: u32,
}

/// What others have.
pub struct Others {
    /// How many classes are left for this node.
    pub room: usize,
    groups: Vec<(Group, bool)>,
}

impl Ground {
    /// What that filesystem has.
    pub fn new(resctrl: Resctrl, system: System, config: &PartitionConfig) -> Self {
        let size = resctrl.files().read(&resctrl.root().join("size")).unwrap_or_default();
        Self {
            cache_bytes: size_of_l3(&size),
            resctrl,
            system,
            most_classes: config.most_classes,
        }
    }

    /// The last-level cache; the first of two where code and data are apart, which are divided alike.
    pub fn cache(&self) -> Option<&CacheControl> {
        self.resctrl.info().l3().next()
    }

    /// The memory bandwidth.
    pub fn bandwidth(&self) -> Option<&BandwidthControl> {
        self.resctrl.info().bandwidth()
    }

    /// A knob as it is offered; none where this machine cannot turn it. That of a text is offered in ways too.
    pub fn control(&self, name: KnobName, knob: KnobId, change: &TargetChange) -> Option<Control> {
        let (resource, least, step) = match name {
            KnobName::Ways | KnobName::Part => (Resource::L3, f64::from(self.cache()?.least_ways), 1.0),
            KnobName::Bandwidth => {
                let control = self
                    .bandwidth()
                    .filter(|control| control.unit == BandwidthUnit::Percent)?;
                (
                    Resource::Bandwidth,
                    control.least as f64 / 100.0,
                    control.step as f64 / 100.0,
                )
            }
        };
        let most = self.undivided(name);
        Some(Control {
            at: change.at,
            target: change.target.id,
            knob,
            resource: match resource {
                Resource::Bandwidth => pipeline_plugin_api::abi::Resource::MEMORY_BANDWIDTH,
                _ => pipeline_plugin_api::abi::Resource::L3,
            },
            least,
            most,
            step,
            value: most,
            stricter: -1,
            cost: 0.5,
            ..Control::default()
        })
    }

    /// What a target has of which nothing is held.
    pub fn undivided(&self, name: KnobName) -> f64 {
        match name {
            KnobName::Ways | KnobName::Part => self.cache().map_or(f64::NAN, |cache| f64::from(cache.all.ways())),
            KnobName::Bandwidth => 1.0,
        }
    }

    /// Nobody else who takes the lock decides until it is dropped.
    ///
    /// # Errors
    /// Somebody else has it for longer than 100 ms.
    pub fn lock(&self) -> Result<Lock> {
        for _ in 0..LOOKS {
            let got = self
                .resctrl
                .try_lock()
                .map_err(|error| Failure::retry(error.sentence()))?;
            if let Some(lock) = got {
                return Ok(lock);
            }
            self.system.wait_until(self.system.now() + LOOK_AGAIN);
        }
        Err(Failure::retry(format!(
            "somebody else has been dividing `{}` for 100 ms and holds its lock; it is tried again",
            self.resctrl.root().display()
        )))
    }

    /// What others have, and how many classes that leaves.
    ///
    /// # Errors
    /// The groups cannot be listed.
    pub fn others(&self, own: &[Made]) -> std::result::Result<Others, Error> {
        let is_other = |group: &Group| own.iter().all(|made| made.group.path() != group.path());
        let groups: Vec<Group> = self.resctrl.control_groups()?.into_iter().filter(is_other).collect();
        let all = self.resctrl.info().closids().saturating_sub(1) as usize;
        let mut room = all.saturating_sub(groups.len());
        if self.most_classes > 0 {
            room = room.min(self.most_classes as usize);
        }
        let mode = |group: &Group| {
            self.resctrl
                .files()
                .read(&group.path().join("mode"))
                .unwrap_or_default()
        };
        let groups = groups.into_iter().map(|group| {
            let is_exclusive = mode(&group).trim() != "shareable";
            (group, is_exclusive)
        });
        Ok(Others {
            room,
            groups: groups.collect(),
        })
    }

    /// Whether two classes have ways in common, though neither has all.
    pub fn overlaps(&self, one: &Made, other: &Made) -> bool {
        let Some(cache) = self.cache() else { return false };
        let masks = |made: &Made| {
            made.left
                .line(cache.resource)
                .map(|line| line.domains.clone())
                .unwrap_or_default()
        };
        let other = masks(other);
        masks(one).iter().any(|(id, mask)| {
            let (one, other) = (Mask(*mask), Mask(other.get(id).copied().unwrap_or(0)));
            one != cache.all && other != cache.all && one.common(other) != Mask::NONE
        })
    }

    /// The ways of a class: the fewest of any cache, and the masks by cache.
    pub fn ways_of(&self, class: &Made) -> (f64, String) {
        let line = self.cache().and_then(|cache| class.left.line(cache.resource));
        let Some(line) = line else {
            return (f64::NAN, String::new());
        };
        let fewest = line.domains.values().map(|mask| mask.count_ones()).min().unwrap_or(0);
        let masks = line.domains.iter().map(|(id, mask)| format!("{id}=0x{mask:x}"));
        (f64::from(fewest), masks.collect::<Vec<_>>().join(";"))
    }

    /// The bandwidth of a class: as a share where the hardware has shares.
    pub fn bandwidth_of(&self, class: &Made) -> (f64, String) {
        let line = class.left.line(Resource::Bandwidth);
        let least = line.and_then(|line| line.domains.values().min().copied());
        match (least, self.bandwidth().map(|control| control.unit)) {
            (Some(value), Some(BandwidthUnit::Percent)) => (value as f64 / 100.0, String::new()),
            (Some(value), Some(BandwidthUnit::MegabytesPerSecond)) => (f64::NAN, format!("{value}MBps")),
            (Some(value), _) => (f64::NAN, format!("{}MBps", value * 125)),
            _ => (f64::NAN, String::new()),
        }
    }
}

impl Others {
    /// One cache as others left it.
    pub fn cache(&self, control: &CacheControl, id: u32) -> Cache {
        let mut cache = Cache::of(control);
        for (group, is_exclusive) in &self.groups {
            let schemata = group.schemata().unwrap_or_default();
            let mask = schemata
                .line(control.resource)
                .and_then(|line| line.domains.get(&id).copied());
            let Some(mask) = mask.map(Mask).filter(|mask| *mask != control.all) else {
                continue;
            };
            match is_exclusive {
                true => cache.exclusive = cache.exclusive.union(mask),
                false => cache.others = cache.others.union(mask),
            }
        }
        cache
    }
}

/// That this machine cannot turn a knob.
pub fn no_such(name: KnobName) -> Failure {
    Failure::retry(match name {
        KnobName::Ways | KnobName::Part => "this hardware does not divide the last-level cache",
        KnobName::Bandwidth => "this hardware does not divide the memory bandwidth",
    })
}

/// From the default group's `size`, which has all ways: `L3:0=11534336;1=11534336`.
fn size_of_l3(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("L3"))?;
    line.split_once('=')?.1.split(';').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_cache_is_that_of_all_its_ways() {
        assert_eq!(
            size_of_l3("    MB:0=100\n    L3:0=11534336;1=11534336\n"),
            Some(11_534_336)
        );
        assert_eq!(size_of_l3("L3DATA:0=57671680\n"), Some(57_671_680));
        assert_eq!(size_of_l3("MB:0=100\n"), None);
    }
}
