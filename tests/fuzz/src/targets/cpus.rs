//! Lists of CPUs: what is read can be printed, reads back as the same, and sets are sets.

use super::Target;
use crate::corpus;
use crate::mutate::Material;
use pipeline_cgroup_fs::CpuSet;

pub(super) const TARGET: Target = Target {
    name: "cpus",
    about: "lists of CPUs, `0-3,8`",
    material: || Material {
        seeds: seeds(),
        words: &[
            "-",
            ",",
            "0-8191",
            "8191",
            "8192",
            "0-4294967295",
            "4294967296",
            "\n",
            " ",
            "0-",
            "-0",
            "1-0",
        ],
        longest: 512,
    },
    reader: || Box::new(read),
};

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = corpus::files(&[
        "/sys/devices/system/cpu/online",
        "/sys/devices/system/cpu/possible",
        "/sys/fs/cgroup/cpuset.cpus.effective",
        "/sys/fs/cgroup/cpuset/cpuset.cpus",
    ]);
    seeds.extend(["", "0", "0-3,8,10-11", "0,2,4,6\n", "8191", "63-64,127-128"].map(|text| text.into()));
    seeds
}

fn read(bytes: &[u8]) {
    let Ok(set) = CpuSet::try_from(bytes) else { return };
    let printed = set.to_string();
    assert_eq!(
        printed.parse::<CpuSet>().ok().as_ref(),
        Some(&set),
        "printed as {printed}"
    );
    assert_eq!(set.iter().count(), set.len());
    assert!(set.iter().all(|cpu| set.contains(cpu)));
    assert!(set.difference(&set).is_empty() && set.is_subset(&set.union(&CpuSet::default())));
    assert_eq!(set.intersection(&set), set);
}
