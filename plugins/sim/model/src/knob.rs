//! What can be turned of a workload, and how it stands. What a value does is in `demand` and `solve`; what an action asks
//! for, leases and clamping are the plugin's.

use crate::cpus::Cpus;
use crate::scenario::Workload;

/// Something that can be turned.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dial {
    /// Runs only when nobody else wants the CPU.
    Idle,
    /// Share of the CPU under contention.
    Weight,
    /// Most CPU time a second, in CPUs.
    Quota,
    /// The CPUs of its group.
    Cpus,
    /// The CPUs of its threads.
    Affinity,
    /// All tasks stand still.
    Frozen,
    /// All processes stand still.
    Paused,
    /// The ways of the last-level cache that it may fill.
    Ways,
    /// The share of a core's bandwidth that its cores may ask for.
    Bandwidth,
}

impl Dial {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Weight,
        Self::Quota,
        Self::Cpus,
        Self::Affinity,
        Self::Frozen,
        Self::Paused,
        Self::Ways,
        Self::Bandwidth,
    ];

    /// The name of its knob in the vocabulary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "cpu.idle",
            Self::Weight => "cpu.weight",
            Self::Quota => "cpu.quota",
            Self::Cpus => "cpu.set",
            Self::Affinity => "cpu.affinity",
            Self::Frozen => "freeze",
            Self::Paused => "process.paused",
            Self::Ways => "l3.ways",
            Self::Bandwidth => "memory.bandwidth.share",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dial| dial.name() == name)
    }
}

/// How all of it stands for one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// See [`Dial::Idle`].
    pub idle: bool,
    /// 1 to 10000.
    pub weight: f64,
    /// In CPUs; infinity for no limit.
    pub quota: f64,
    /// `None` for all.
    pub cpus: Option<Cpus>,
    /// `None` for all of the group's.
    pub affinity: Option<Cpus>,
    /// See [`Dial::Frozen`].
    pub frozen: bool,
    /// See [`Dial::Paused`].
    pub paused: bool,
    /// The ways it may fill, as a mask; all bits for all.
    pub ways: u32,
    /// 0 to 1.
    pub bandwidth: f64,
}

impl Settings {
    /// As the scenario has them.
    pub fn of(workload: &Workload) -> Self {
        Self {
            idle: workload.idle,
            weight: f64::from(workload.weight),
            quota: workload.quota.unwrap_or(f64::INFINITY),
            cpus: workload.cpus.as_deref().and_then(|list| Cpus::parse(list).ok()),
            affinity: None,
            frozen: false,
            paused: false,
            ways: u32::MAX,
            bandwidth: 1.0,
        }
    }

    /// The CPUs on which it may run, of that many.
    pub fn allowed(&self, cpus: u32) -> Cpus {
        let group = match &self.cpus {
            Some(group) => group.below(cpus),
            None => (0..cpus).collect(),
        };
        let Some(affinity) = &self.affinity else { return group };
        let both: Cpus = group.iter().filter(|cpu| affinity.holds(*cpu)).collect();
        // The kernel ignores an affinity that leaves nothing (cpuset(7)).
        if both.is_empty() { group } else { both }
    }

    /// Takes over one of them from others.
    pub fn take(&mut self, dial: Dial, from: &Self) {
        match dial {
            Dial::Idle => self.idle = from.idle,
            Dial::Weight => self.weight = from.weight,
            Dial::Quota => self.quota = from.quota,
            Dial::Cpus => self.cpus.clone_from(&from.cpus),
            Dial::Affinity => self.affinity.clone_from(&from.affinity),
            Dial::Frozen => self.frozen = from.frozen,
            Dial::Paused => self.paused = from.paused,
            Dial::Ways => self.ways = from.ways,
            Dial::Bandwidth => self.bandwidth = from.bandwidth,
        }
    }

    /// Whether one of them stands as in others.
    pub fn agrees(&self, dial: Dial, other: &Self) -> bool {
        let mut same = self.clone();
        same.take(dial, other);
        same == *self
    }

    /// Turns one of them to a number, or to a list of CPUs.
    ///
    /// # Errors
    /// The text is no list of CPUs.
    pub fn turn(&mut self, dial: Dial, value: f64, text: &str) -> Result<(), String> {
        let list = || Cpus::parse(text).map(|cpus| (!cpus.is_empty()).then_some(cpus));
        match dial {
            Dial::Idle => self.idle = value >= 0.5,
            Dial::Weight => self.weight = value.clamp(1.0, 10_000.0),
            Dial::Quota => self.quota = value.max(0.01),
            Dial::Cpus => self.cpus = list()?,
            Dial::Affinity => self.affinity = list()?,
            Dial::Frozen => self.frozen = value >= 0.5,
            Dial::Paused => self.paused = value >= 0.5,
            Dial::Ways => self.ways = mask(value),
            Dial::Bandwidth => self.bandwidth = value.clamp(0.01, 1.0),
        }
        Ok(())
    }
}

/// That many ways from the lowest.
fn mask(ways: f64) -> u32 {
    match ways {
        ways if ways >= 32.0 => u32::MAX,
        ways => (1_u32 << (ways.max(1.0) as u32)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dial_is_a_knob_of_the_vocabulary() {
        for dial in Dial::ALL {
            assert!(
                pipeline_plugin_api::vocabulary::knob(dial.name()).is_some(),
                "{}",
                dial.name()
            );
            assert_eq!(Dial::named(dial.name()), Some(dial));
        }
    }

    #[test]
    fn an_affinity_that_leaves_nothing_is_ignored() {
        let mut settings = Settings::of(&Workload::default());
        settings.turn(Dial::Cpus, 0.0, "0-1").unwrap();
        settings.turn(Dial::Affinity, 0.0, "1-2").unwrap();
        assert_eq!(settings.allowed(4).to_string(), "1");
        settings.turn(Dial::Affinity, 0.0, "3").unwrap();
        assert_eq!(settings.allowed(4).to_string(), "0-1");
    }

    #[test]
    fn settings_differ_where_they_were_turned() {
        let own = Settings::of(&Workload::default());
        let mut turned = own.clone();
        turned.turn(Dial::Ways, 3.0, "").unwrap();
        assert_eq!(turned.ways, 0b111);
        assert!(!turned.agrees(Dial::Ways, &own) && turned.agrees(Dial::Weight, &own));
        turned.take(Dial::Ways, &own);
        assert_eq!(turned, own);
    }
}
