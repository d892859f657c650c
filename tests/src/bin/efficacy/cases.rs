//! Which scenario a seed stands for.

use pipeline_sim_model::{Kind, Nanos, Scenario, generate};

/// Nothing was tuned on seeds from here on; on those of 10000 to 10200 and 20000 to 20200 something was, once their scores had
/// been told.
pub const UNSEEN: u64 = 30_000;

/// The kinds that follow each other: of fifteen, five in which nothing is done to the victim (quiet, or its own doing).
const TURN: [Kind; 15] = [
    Kind::Quiet,
    Kind::CpuTime,
    Kind::Cache,
    Kind::OwnLoad,
    Kind::Bandwidth,
    Kind::Smt,
    Kind::Quiet,
    Kind::Io,
    Kind::Rivals,
    Kind::OwnQuota,
    Kind::Hypervisor,
    Kind::Churn,
    Kind::Quiet,
    Kind::Mixed,
    Kind::CpuTime,
];

/// The kind that a seed stands for.
pub fn kind(seed: u64) -> Kind {
    TURN[(seed % TURN.len() as u64) as usize]
}

/// The scenario that a seed stands for.
pub fn scenario(seed: u64) -> Scenario {
    generate(kind(seed), seed)
}

/// An hour of 32 workloads, each on a core of its own, in which those who would disturb are others who do not.
pub fn quiet_hour(seed: u64) -> Scenario {
    let mut scenario = generate(Kind::Crowd, seed);
    let calm = scenario
        .workloads
        .values()
        .find(|workload| workload.class.is_some() && is_calm(workload));
    let calm = calm.cloned();
    for workload in scenario.workloads.values_mut() {
        if workload.during.from.nanos() > Nanos::ZERO {
            workload.nature = calm.as_ref().map_or_else(Default::default, |calm| calm.nature.clone());
            workload.threads = 1;
        }
    }
    for (core, workload) in scenario.workloads.values_mut().enumerate() {
        workload.cpus = Some((core as u32 % scenario.machine.cores).to_string());
    }
    scenario.about = format!("a quiet hour, seed {seed}");
    scenario
}

fn is_calm(workload: &pipeline_sim_model::scenario::Workload) -> bool {
    matches!(workload.kind, pipeline_sim_model::scenario::Work::Batch { .. })
        && workload.during.from.nanos() == Nanos::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_third_is_quiet_or_the_victims_own_doing() {
        let calm = |seed: &u64| [Kind::Quiet, Kind::OwnLoad, Kind::OwnQuota].contains(&kind(*seed));
        assert_eq!((0..300).filter(calm).count(), 100);
        let all: BTreeSet<Kind> = (0..15).map(kind).collect();
        assert_eq!(all.len(), Kind::ALL.len() - 1, "all but the crowd");
    }

    #[test]
    fn in_a_quiet_hour_everybody_has_a_core() {
        let scenario = quiet_hour(3);
        let cores: BTreeSet<&Option<String>> = scenario.workloads.values().map(|workload| &workload.cpus).collect();
        assert_eq!((scenario.workloads.len(), cores.len()), (32, 32));
    }
}
