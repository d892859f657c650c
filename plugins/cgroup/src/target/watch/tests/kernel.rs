//! The same against this machine's kernel, whatever version it runs.

use super::*;
use crate::bed::{Bed, soon};
use pipeline_cgroup_fs::Version;

/// Waits until the kernel told, as a lane would.
fn rings(node: &mut TestNode) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let descriptors = node.raw().descriptors();
    let called = pipeline_plugin_api::abi::borrow_descriptor(descriptors[0]);
    let mut ready = [PollFd::from_borrowed_fd(called, PollFlags::IN | PollFlags::PRI)];
    poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
}

fn watch(bed: &Bed, more: &str) -> Watched {
    Watched::here(&format!(
        "(groups: [\"/{}/*\"], own: true, {more})",
        bed.group.path().display()
    ))
}

#[test]
fn the_kernel_tells_of_a_group_and_of_its_end_ahead_of_any_look() {
    let Some(mut bed) = Bed::new() else { return };
    let outer = bed.group.clone();
    let mut watched = watch(&bed, "rescan: \"1h\"");
    assert_eq!(watched.told(0), []);
    assert!(!rings(&mut watched.node));
    let group = bed.leaf(&outer, "a");
    assert!(rings(&mut watched.node));
    let mut changes = watched.after(1);
    changes.extend(watched.after(30));
    assert_eq!(changes.len(), 1, "{changes:?}");
    let target = changes.remove(0).target;
    assert_eq!((target.name.as_str(), target.generation), ("groups/a", 1));
    let expected = bed.target(&group).cgroups;
    assert_eq!(target.cgroups, expected);
    group.remove().unwrap();
    assert!(rings(&mut watched.node));
    assert_eq!(watched.told(1), [gone("a")]);
    bed.leaf(&outer, "a");
    let again = watched.after(1);
    assert_eq!((again[0].change, again[0].target.generation), (Change::APPEARED, 2));
}

#[test]
fn a_group_is_brought_when_a_process_comes_and_leaves_with_the_last() {
    let Some(mut bed) = Bed::new() else { return };
    let outer = bed.group.clone();
    let group = bed.leaf(&outer, "a");
    let has_unified = group
        .directories()
        .iter()
        .any(|directory| directory.version == Version::V2);
    let mut watched = watch(&bed, "only_populated: true, processes: true, rescan: \"1s\"");
    assert_eq!(watched.told(0), []);
    let pid = bed.start(&group, "exec sleep 60");
    let wait = if has_unified { 1 } else { 1000 };
    let mut found = Vec::new();
    // The kernel tells within some 10 ms.
    assert!(soon(|| {
        found.extend(watched.after(wait));
        !found.is_empty()
    }));
    assert_eq!(found.len(), 1, "{found:?}");
    let target = found.remove(0).target;
    let pids: Vec<u32> = target.processes.iter().map(|process| process.pid).collect();
    assert_eq!((target.name.as_str(), pids), ("groups/a", vec![pid]));
    bed.end();
    let mut told = Vec::new();
    assert!(soon(|| {
        told.extend(watched.told(wait));
        !told.is_empty()
    }));
    assert_eq!(told, [gone("a")]);
}

#[test]
fn many_groups_of_a_shallow_pattern_need_few_watches() {
    let Some(mut bed) = Bed::new() else { return };
    let outer = bed.group.clone();
    for number in 0..40 {
        bed.leaf(&outer, &format!("g{number}"));
    }
    let trees = outer.directories().len();
    let mut watched = watch(&bed, "rescan: \"1h\"");
    assert_eq!(watched.told(0).len(), 40);
    let status = watched.node.raw().status().to_string();
    assert_eq!(status, format!("40 groups, {} directories watched", 2 * trees));
}

#[test]
fn what_the_pipeline_made_itself_is_not_brought_unless_asked_for() {
    let Some(bed) = Bed::new() else { return };
    let name = bed.group.path().display().to_string();
    assert!(name.starts_with("pipeline-"), "{name}");
    let config = format!("(groups: [\"/{name}\"])");
    assert_eq!(Watched::here(&config).told(0), []);
    let own = format!("(groups: [\"/{name}\"], own: true)");
    assert_eq!(Watched::here(&own).told(0), [appeared(&name)]);
}
