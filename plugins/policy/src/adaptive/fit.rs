//! How likely a knob is to help against harm through a resource: what is known of the knobs of the vocabulary, a guess for
//! those that nobody here ever heard of, and what trials taught.
//!
//! The figures put knobs in order before anything was tried; after a few trials experience counts more.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// How many trials a figure of the table is worth.
const PRIOR: f64 = 2.0;
/// The chance of a knob that is not in the vocabulary where its control names the resource of the harm.
const STRANGER: f64 = 0.7;

/// The most pairs of knob and resource of which experience is kept.
const MOST: usize = 512;

/// What became of trials of a knob for a resource: how many there were, and how many helped.
pub type Trials = (u32, u32);

/// Experience, by knob and resource.
#[derive(Clone, Debug, Default)]
pub struct Experience {
    /// By knob and the number of the resource.
    pub trials: BTreeMap<(KnobId, u32), Trials>,
}

impl Experience {
    /// A trial ended.
    pub fn note(&mut self, knob: KnobId, resource: Resource, helped: bool) {
        let key = (knob, resource.0);
        if self.trials.len() < MOST || self.trials.contains_key(&key) {
            let (tried, good) = self.trials.entry(key).or_default();
            *tried = tried.saturating_add(1);
            *good = good.saturating_add(u32::from(helped));
        }
    }

    /// The chance that a knob helps, 0..=1: the mean of a beta distribution whose prior is the table.
    pub fn fit(&self, knob: KnobId, name: &str, of: Resource, resource: Resource) -> f64 {
        let (tried, good) = self.trials.get(&(knob, resource.0)).copied().unwrap_or_default();
        let prior = prior(name, of, resource);
        if prior == 0.0 {
            return 0.0;
        }
        (prior * PRIOR + f64::from(good)) / (PRIOR + f64::from(tried))
    }
}

/// The chance before anything was tried, of a knob of that name whose control names the resource `of`.
///
/// CPU time: least weight and idling saved a tail that a quota of 1 % did not, measured. The cache: ways first, as dCat
/// and Heracles have it; less traffic fills less of it. Bandwidth: its own knob, then fewer cores, which Heracles takes for
/// it; a quota lets all of them run at once for its part of the time. Sibling threads: another core; a quota leaves the
/// sibling busy for its part of the time.
fn prior(name: &str, of: Resource, resource: Resource) -> f64 {
    let row: [f64; 5] = match name {
        "cpu.idle" => [1.0, 0.0, 0.0, 0.05, 0.0],
        "cpu.weight" => [0.9, 0.0, 0.0, 0.05, 0.0],
        "cpu.set" | "cpu.affinity" => [1.0, 0.3, 0.6, 1.0, 0.0],
        "cpu.quota" => [0.5, 0.3, 0.5, 0.4, 0.3],
        "l3.ways" => [0.0, 1.0, 0.2, 0.0, 0.0],
        "memory.bandwidth.share" => [0.0, 0.4, 1.0, 0.0, 0.0],
        "freeze" | "process.paused" => [1.0, 1.0, 1.0, 1.0, 1.0],
        _ if of == resource && resource != Resource::UNKNOWN => return STRANGER,
        _ => return 0.0,
    };
    match resource {
        Resource::CPU_TIME => row[0],
        Resource::L3 => row[1],
        Resource::MEMORY_BANDWIDTH => row[2],
        Resource::SMT => row[3],
        Resource::IO => row[4],
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_for_the_resource_comes_first_and_one_that_is_of_no_use_never() {
        let none = Experience::default();
        let fit = |name, of, resource| none.fit(KnobId(1), name, of, resource);
        assert_eq!(fit("l3.ways", Resource::L3, Resource::L3), 1.0);
        assert_eq!(fit("l3.ways", Resource::L3, Resource::CPU_TIME), 0.0);
        assert_eq!(fit("io.weight", Resource::IO, Resource::IO), STRANGER);
        assert_eq!(fit("io.weight", Resource::IO, Resource::L3), 0.0);
        for resource in [Resource::SELF, Resource::HYPERVISOR, Resource::UNKNOWN] {
            assert_eq!(fit("freeze", Resource::CPU_TIME, resource), 0.0, "{resource}");
        }
    }

    #[test]
    fn experience_outweighs_the_table() {
        let mut experience = Experience::default();
        let (ways, bandwidth) = (KnobId(1), KnobId(2));
        for _ in 0..6 {
            experience.note(ways, Resource::L3, false);
            experience.note(bandwidth, Resource::L3, true);
        }
        let ways = experience.fit(ways, "l3.ways", Resource::L3, Resource::L3);
        let bandwidth = experience.fit(
            bandwidth,
            "memory.bandwidth.share",
            Resource::MEMORY_BANDWIDTH,
            Resource::L3,
        );
        assert!(ways == 0.25 && bandwidth == 0.85, "{ways} {bandwidth}");
    }
}
