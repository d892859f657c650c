//! One thread where it stands: its process, what that is to get, and the cpuset that bounds both. Reads only.

use super::kernel::given;
use crate::actuate::cpusets::Cpusets;
use crate::parse::ProcStat;
use pipeline_cgroup_fs::CpuSet;
use pipeline_plugin_api::prelude::*;

/// One thread of a process, and what its process is to get.
pub(super) struct Place<'a> {
    pub(super) process: u32,
    pub(super) stat: &'a ProcStat,
    pub(super) after: &'a CpuSet,
    pub(super) cpuset: Option<&'a CpuSet>,
    pub(super) cpusets: &'a Cpusets,
}

impl Place<'_> {
    pub(super) fn id(&self) -> u32 {
        self.stat.pid
    }

    /// Whether the thread, which may use `now`, has no mask of its own. Somebody may turn the cpuset between the look at
    /// it and the look at the thread, so whoever seems to have less is looked at once more, between two looks at the cpuset.
    pub(super) fn is_free(&self, now: &CpuSet) -> bool {
        let looks_again = || {
            let earlier = self.cpusets.now(self.process);
            let again = given(self.id()).ok();
            let later = self.cpusets.now(self.process);
            again.is_some_and(|again| has_all(&again, [earlier.as_ref(), later.as_ref()]))
        };
        has_all(now, [self.cpuset, None]) || looks_again()
    }
}

/// Whether CPUs are all of the cpuset, as it was before or after they were read. More than it has are those of a moment
/// ago: the kernel writes the cpuset first and then goes through its tasks.
fn has_all(cpus: &CpuSet, cpuset: [Option<&CpuSet>; 2]) -> bool {
    cpuset.into_iter().flatten().any(|has| has.is_subset(cpus))
}

/// Whether the cpuset has any of the CPUs that are wanted.
pub(super) fn possible(place: &Place<'_>, wanted: &CpuSet) -> Result<()> {
    if !place.after.is_empty() {
        return Ok(());
    }
    let has = place.cpuset.map(ToString::to_string).unwrap_or_default();
    let process = place.process;
    Err(Failure::retry(format!(
        "the cpuset of process {process} has the CPUs `{has}` and none of `{wanted}`; ask for some of these, or widen it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_free_of_a_mask_if_it_has_all_that_its_cpuset_had_before_or_after() {
        let cpus = |text: &str| text.parse::<CpuSet>().unwrap();
        let (one, two, three) = (cpus("0"), cpus("0-1"), cpus("0-2"));
        assert!(has_all(&two, [Some(&two), Some(&two)]));
        assert!(has_all(&one, [Some(&two), Some(&one)]), "it was narrowed meanwhile");
        assert!(
            has_all(&two, [Some(&one), Some(&one)]),
            "its tasks are not gone through yet"
        );
        assert!(!has_all(&two, [Some(&three), Some(&three)]));
        assert!(
            !has_all(&one, [None, None]),
            "where nothing is known, it is what it has"
        );
    }
}
