//! Groups that vanish while they are read: told as vanished once and never as a number, and none of it is a failure of
//! the node or keeps the others from being read.

use super::{CgroupPressure, CgroupStats};
use crate::bed::{Bed, SPIN};
use pipeline_cgroup_fs::{ControllerSet, Group, Leaf};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::{Collects, Role};
use pipeline_plugin_api::testkit::TestHost;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many groups come and go.
const GROUPS: u64 = 300;

/// Longer than this something hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// A thread that makes groups below `outer`, tells of each, and removes it at once, as the reader goes on.
fn churn(outer: Group) -> (Receiver<Group>, JoinHandle<()>) {
    let (sender, receiver) = sync_channel::<Group>(1);
    let thread = std::thread::spawn(move || {
        let mut before: Option<Group> = None;
        for number in 0..GROUPS {
            let plan = Leaf::plan(&outer, &format!("churn-{number}"), ControllerSet::ALL).unwrap();
            let group = plan.make().unwrap().group;
            sender.send(group.clone()).unwrap();
            if let Some(before) = before.replace(group) {
                before.remove().unwrap();
            }
        }
        before.unwrap().remove().unwrap();
    });
    (receiver, thread)
}

/// What was told of a group in one instant.
fn told(batch: &Batch, target: TargetId) -> (usize, usize, usize) {
    let of = batch.readings.iter().filter(|reading| reading.target == target);
    let vanished = |reading: &&Reading| reading.number().is_none() && Reason(reading.detail) == Reason::VANISHED;
    let (all, vanished): (Vec<&Reading>, Vec<&Reading>) = (of.clone().collect(), of.filter(vanished).collect());
    let numbers = all.iter().filter(|reading| reading.number().is_some()).count();
    (all.len(), numbers, vanished.len())
}

/// Scenario: one group stays and works, others vanish at any moment of a sweep. `steady` is read of the one that stays.
fn others_are_read_on<R: Role>(config: &str, steady: &Metric) {
    let Some(mut bed) = Bed::new() else { return };
    let outer = bed.group.clone();
    let stays = bed.leaf(&outer, "stays");
    bed.start(&stays, SPIN);
    let host = TestHost::new();
    let metric = host.metric(steady);
    let mut node = host.node::<R>(config).unwrap();
    node.start().unwrap();
    let stays = host.target(bed.target(&stays));
    node.change(Nanos(0), Change::APPEARED, &stays).unwrap();
    node.tick(Nanos(1)).unwrap();
    let (groups, thread) = churn(outer);
    let (begun, mut at) = (Instant::now(), 1);
    // Those of which it was not told yet that they vanished.
    let mut alive: BTreeMap<TargetId, Target> = BTreeMap::new();
    let mut vanished = 0;
    while !(thread.is_finished() && alive.is_empty()) {
        assert!(
            begun.elapsed() < LONGEST,
            "still there: {alive:?}, thread ended: {}",
            thread.is_finished()
        );
        if let Ok(group) = groups.try_recv() {
            let exists = group.directories().iter().all(|directory| directory.path.exists());
            if exists && group.check().is_ok() {
                let target = host.target(target_of(&group));
                node.change(Nanos(at), Change::APPEARED, &target).unwrap();
                alive.insert(target.id, target);
            }
        }
        at += 1;
        let batch = node.tick(Nanos(at)).unwrap();
        let read = batch
            .readings
            .iter()
            .find(|it| it.target == stays.id && it.metric == metric);
        assert!(
            read.is_some_and(|reading| reading.number().is_some()),
            "at {at}: {read:?}"
        );
        alive.retain(|id, target| {
            let (all, numbers, gone) = told(&batch, *id);
            assert!(
                gone == 0 || (gone == all && numbers == 0),
                "of {target:?}: {all} {numbers} {gone}"
            );
            // One whose files went ahead of its directory before they were opened has none, as far as can be seen.
            let over = all > 0 && numbers == 0;
            if over {
                vanished += usize::from(gone > 0);
                node.change(Nanos(at), Change::GONE, target).unwrap();
            }
            !over
        });
        let known = |id: &TargetId| *id == stays.id || alive.contains_key(id);
        let after: Vec<&Reading> = batch.readings.iter().filter(|it| !known(&it.target)).collect();
        assert!(after.iter().all(|reading| reading.number().is_none()), "{after:?}");
    }
    thread.join().unwrap();
    assert!(vanished > 0, "no group vanished between two sweeps");
    let warnings: Vec<(Level, String)> = host
        .world()
        .logs
        .iter()
        .filter(|(level, _)| *level <= Level::WARN)
        .cloned()
        .collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(
        node.raw().status().starts_with("reads 1 of 1 targets"),
        "{}",
        node.raw().status()
    );
}

fn target_of(group: &Group) -> Target {
    let dirs = group.directories().iter().flat_map(|directory| {
        directory.names().into_iter().map(|name| CgroupDir {
            controller: name.into(),
            path: directory.path.to_str().unwrap().into(),
            inode: directory.inode,
        })
    });
    Target {
        cgroups: dirs.collect::<Vec<_>>().into(),
        ..Target::default()
    }
}

#[test]
fn statistics_of_the_others_are_read_while_groups_vanish() {
    others_are_read_on::<Collects<CgroupStats>>("", &vocabulary::CPU_TIME);
}

#[test]
fn pressure_of_the_others_is_read_while_groups_vanish() {
    if std::path::Path::new("/proc/pressure").exists() {
        let config = "(trigger: (some: \"100ms\", window: \"2s\"))";
        others_are_read_on::<Collects<CgroupPressure>>(config, &vocabulary::PSI_CPU_SOME);
    }
}
