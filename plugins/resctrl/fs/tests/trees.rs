//! Trees as found on real machines: `PIPELINE_DATA` is the folder that holds `resctrl-trees`. Every one is read: what can
//! be divided, which groups there are, what each may use, who is in it, what it uses.
#![expect(clippy::unwrap_used, reason = "a tree that cannot be read fails the test")]

use pipeline_resctrl_fs::{BandwidthUnit, Group, Info, Resctrl, Resource, Schemata};
use std::io::Write;
use std::path::PathBuf;

/// The trees; `None`, said aloud, where the folder is not told.
fn trees() -> Option<PathBuf> {
    let Some(data) = std::env::var_os("PIPELINE_DATA") else {
        let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|word| word.trim() == "data");
        assert!(
            !is_required,
            "`data` is in PIPELINE_REQUIRE and PIPELINE_DATA names no folder"
        );
        let _ = writeln!(std::io::stderr(), "SKIP: PIPELINE_DATA names no folder");
        return None;
    };
    let trees = PathBuf::from(data).join("resctrl-trees");
    assert!(trees.is_dir(), "`{}` is missing", trees.display());
    Some(trees)
}

fn info(tree: &str) -> Option<Info> {
    Some(Resctrl::open(trees()?.join(tree)).unwrap().info().clone())
}

#[test]
fn every_tree_is_read_whole_and_what_its_groups_may_use_prints_to_itself() {
    let Some(trees) = trees() else { return };
    let mut count = (0, 0, 0);
    for entry in std::fs::read_dir(trees).unwrap().flatten() {
        let resctrl = Resctrl::open(entry.path()).unwrap();
        count.0 += 1;
        let mut groups = resctrl.control_groups().unwrap();
        groups.push(resctrl.default_group());
        for group in groups {
            count.1 += 1;
            let schemata = group.schemata().unwrap();
            assert!(!schemata.lines.is_empty(), "{group:?}");
            assert_eq!(schemata.to_string().parse::<Schemata>(), Ok(schemata));
            group.tasks().unwrap();
            for monitor in group.monitors().unwrap().iter().chain([&group]) {
                count.2 += monitor.counters().map_or(0, |counters| counters.len());
                monitor.tasks().unwrap();
            }
        }
    }
    assert_eq!(count, (8, 12, 64), "trees, control groups, counted caches");
}

#[test]
fn the_full_tree_divides_ways_and_bandwidth_and_counts() {
    let Some(info) = info("resctrl.full") else { return };
    let cache = info.l3().next().unwrap();
    assert_eq!((cache.all.ways(), cache.closids, cache.domains.len()), (20, 16, 4));
    assert_eq!(cache.shareable.0, 0xc0000);
    let bandwidth = info.bandwidth().unwrap();
    assert_eq!(
        (bandwidth.unit, bandwidth.least, bandwidth.step),
        (BandwidthUnit::Percent, 10, 10)
    );
    assert_eq!(info.monitoring.as_ref().unwrap().features.len(), 3);
    assert_eq!(info.closids(), 8);
}

#[test]
fn code_and_data_are_two_controls_of_one_cache() {
    let Some(info) = info("resctrl.nomb.cdp") else { return };
    let resources: Vec<Resource> = info.l3().map(|cache| cache.resource).collect();
    assert_eq!(resources, [Resource::L3Code, Resource::L3Data]);
    assert!(info.bandwidth().is_none());
}

#[test]
fn megabytes_a_second_are_told_from_percent() {
    let Some(info) = info("resctrl.nol3.mbps") else { return };
    assert_eq!(info.bandwidth().unwrap().unit, BandwidthUnit::MegabytesPerSecond);
    assert_eq!(info.l3().count(), 0);
}

#[test]
fn groups_of_others_are_told_by_name() {
    let Some(trees) = trees() else { return };
    let resctrl = Resctrl::open(trees.join("resctrl.full")).unwrap();
    let names: Vec<String> = resctrl.control_groups().unwrap().iter().map(Group::name).collect();
    assert_eq!(
        names,
        [
            "Guaranteed",
            "goresctrl.Guaranteed",
            "goresctrl.Stale",
            "non_goresctrl.Group"
        ]
    );
    let monitors = resctrl.group("Guaranteed").monitors().unwrap();
    assert_eq!(
        monitors.iter().map(Group::name).collect::<Vec<_>>(),
        ["non_goresctrl.group"]
    );
}
