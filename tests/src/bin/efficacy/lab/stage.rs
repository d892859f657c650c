//! Who plays on the emulated machine. A workload there is what it declares to the emulator: core CPI in thousandths,
//! working set in KiB, accesses of the last-level cache per 1000 instructions, and how much a busy sibling slows it in
//! thousandths. CPUs 0 and 1 are threads of one core, 2 and 3 of the next; the cache has 11 MiB in 11 ways.
//!
//! In which graphs they play is `graph`.

use pipeline_plugin_api::abi::Resource;

/// The victim's name in all graphs.
pub const VICTIM: &str = "victim";
/// The victim's CPU.
pub const VICTIM_CPU: &str = "0";
/// How long a run goes on behind the last rival, in seconds.
const REST: u64 = 3;

/// Somebody who is there for a while, from one second to another.
#[derive(Copy, Clone, Debug)]
pub struct Rival {
    /// Its name.
    pub name: &'static str,
    /// Its character.
    pub act: &'static str,
    /// Where.
    pub cpus: &'static str,
    /// How many CPUs that are.
    pub wide: u32,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// Through what it disturbs, if it does.
    pub through: Option<Resource>,
}

/// A scenario. The victim is there all the time, on CPU 0.
#[derive(Copy, Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The victim's character.
    pub act: &'static str,
    /// How many cores the machine has, of two threads each. The last is pipeline's own: the emulator takes ten times as long
    /// as a real machine or more, so that what pipeline does would be felt beside the victim as it is nowhere else.
    pub cores: u32,
    /// Who else is there; who disturbs comes first.
    pub rivals: &'static [Rival],
    /// From which loss on the victim suffers, and below which it is well again, where the defaults are too coarse.
    pub strict: Option<(f64, f64)>,
}

impl Scenario {
    /// The CPU on which pipeline runs.
    pub fn own_cpu(&self) -> u32 {
        2 * self.cores - 2
    }

    /// How long it lasts, in seconds.
    pub fn seconds(&self) -> u64 {
        REST + self.rivals.iter().map(|rival| rival.to).max().unwrap_or_default()
    }
}

impl Rival {
    const fn new(name: &'static str, act: &'static str, cpus: &'static str) -> Self {
        Self {
            name,
            act,
            cpus,
            wide: 1,
            from: 12,
            to: 39,
            through: None,
        }
    }

    const fn wide(self, cpus: &'static str, wide: u32) -> Self {
        Self { cpus, wide, ..self }
    }

    const fn through(self, resource: Resource) -> Self {
        Self {
            through: Some(resource),
            ..self
        }
    }

    const fn during(self, from: u64, to: u64) -> Self {
        Self { from, to, ..self }
    }
}

/// What is run to have a character on so many CPUs, for a shell: two processes of it for each, which take turns. The emulator
/// reckons who has which part of the cache by what each asked for when it last came onto its CPU, so somebody must take that
/// now and then, as everywhere.
pub fn shell(act: &str, cpus: u32) -> String {
    let others = format!("act {act} & ").repeat(2 * cpus.max(1) as usize - 1);
    format!("{others}exec act {act}")
}

/// Fits 8 of the 11 MiB, alone.
const FITS: &str = "800 8000 30 300";
/// The same, whatever its sibling does.
const FITS_BY_ITSELF: &str = "800 8000 30 0";
/// Reads what no cache holds.
const READS: &str = "800 1000000 100 0";
/// Computes, and minds its sibling.
const COMPUTES: &str = "800 128 1 800";
/// Streams through the cache.
const STREAMS: &str = "800 20000 40 300";
/// Disturbs nobody but its sibling and whoever wants its CPU.
const CALM: &str = "800 128 1 0";

/// All of them.
pub const SCENARIOS: [Scenario; 9] = [
    Scenario {
        name: "l3",
        act: FITS,
        cores: 3,
        rivals: &[Rival::new("rival", STREAMS, "2").through(Resource::L3).during(12, 57)],
        strict: None,
    },
    Scenario {
        name: "l3-again",
        act: FITS,
        cores: 3,
        rivals: &[
            Rival::new("first", STREAMS, "2").through(Resource::L3).during(12, 26),
            Rival::new("second", STREAMS, "3").through(Resource::L3).during(31, 45),
        ],
        strict: None,
    },
    // One CPU takes a twenty-fifth of the emulated bandwidth at most, so it needs several to be felt. They slow the victim by a
    // fifth, of which the defaults would leave a quarter.
    Scenario {
        name: "bandwidth",
        act: READS,
        cores: 5,
        rivals: &[Rival::new("rival", READS, "2")
            .wide("2-7", 6)
            .through(Resource::MEMORY_BANDWIDTH)
            .during(12, 57)],
        strict: Some((0.05, 0.02)),
    },
    Scenario {
        name: "smt",
        act: COMPUTES,
        cores: 3,
        rivals: &[Rival::new("rival", CALM, "1").through(Resource::SMT)],
        strict: None,
    },
    Scenario {
        name: "cpu",
        act: COMPUTES,
        cores: 3,
        rivals: &[Rival::new("rival", CALM, "0").through(Resource::CPU_TIME)],
        strict: None,
    },
    Scenario {
        name: "rivals",
        act: FITS_BY_ITSELF,
        cores: 3,
        rivals: &[
            Rival::new("thief", STREAMS, "2").through(Resource::L3),
            Rival::new("sibling", CALM, "1"),
            Rival::new("bystander", CALM, "3"),
        ],
        strict: None,
    },
    Scenario {
        name: "bystander",
        act: FITS,
        cores: 3,
        rivals: &[
            Rival::new("thief", STREAMS, "2").through(Resource::L3),
            Rival::new("bystander", CALM, "3"),
        ],
        strict: None,
    },
    Scenario {
        name: "quiet",
        act: FITS,
        cores: 3,
        rivals: &[Rival::new("bystander", CALM, "2")],
        strict: None,
    },
    Scenario {
        name: "quiet-churn",
        act: COMPUTES,
        cores: 3,
        rivals: &[
            Rival::new("first", CALM, "2").during(12, 22),
            Rival::new("second", CALM, "3").during(18, 32),
            Rival::new("third", CALM, "2").during(27, 39),
        ],
        strict: None,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_outlasts_its_rivals() {
        for scenario in SCENARIOS {
            assert!(
                scenario
                    .rivals
                    .iter()
                    .all(|rival| rival.from < rival.to && rival.to < scenario.seconds()),
                "{}",
                scenario.name
            );
        }
    }

    #[test]
    fn there_are_two_processes_for_each_cpu() {
        assert_eq!(shell(CALM, 3).matches("act 800").count(), 6);
        assert_eq!(shell(CALM, 1).matches("act 800").count(), 2);
    }
}
