//! What it costs to read a group of counters, against a bare read(2) of the same descriptor, and a tick of
//! `perf.counters` over 100 control groups. Prints `name value unit ratio`. Counts hardware events where there are some, else
//! software events, by the same code; needs root for the control groups, which it makes and removes.

#[path = "../src"]
#[expect(
    dead_code,
    unused_imports,
    reason = "a plugin gives nothing to link with, and only its reads are measured"
)]
mod plugin {
    pub mod believable;
    pub mod code;
    pub mod collect;
    pub mod config;
    pub mod derive;
    pub mod event;
    pub mod format;
    pub mod fs;
    pub mod group;
    pub mod layout;
    pub mod place;
    pub mod probe;
    pub mod ring;
    pub mod scale;
    pub mod sys;
}

use pipeline_cgroup_fs::{ControllerSet, Group, Hierarchies, Leaf};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::TestHost;
use plugin::{
    believable, code, collect, config, derive, event, format, fs, group, layout, place, probe, ring, scale, sys,
};
use std::error::Error;
use std::hint::black_box;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

const GROUPS: usize = 100;
const ROUNDS: usize = 101;
const READS: usize = 1000;

type Done<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    group_read()?;
    let mut made = Vec::new();
    let result = ticks(&mut made);
    for group in made {
        group.remove()?;
    }
    result
}

#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
fn group_read() -> Done<()> {
    let rules = group::Rules {
        user_only: true,
        pinned: false,
    };
    // A ring tells its descriptor, which the bare reads need; both are read by the same function.
    let open = |codes: Vec<code::Code>| ring::Ring::open(&codes, 1 << 40, group::Place::Own, rules);
    let hard = open((0..4).map(code::Code::hardware).collect());
    let ring = hard.or_else(|_| open((1..5).map(code::Code::software).collect()))?;
    let (mut floors, mut reads) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut buffer = [0; 512];
        let start = Instant::now();
        for _ in 0..READS {
            black_box(rustix::io::read(ring.descriptor(), &mut buffer)?);
        }
        floors.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for _ in 0..READS {
            black_box(ring.read()?);
        }
        reads.push(start.elapsed().as_secs_f64());
    }
    let (floor, read) = (median(&mut floors) / READS as f64, median(&mut reads) / READS as f64);
    println!("perf_group_read_bare {floor:.0} ns -");
    println!("perf_group_read {read:.0} ns {:.3}", read / floor);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
fn ticks(made: &mut Vec<Group>) -> Done<()> {
    let host = TestHost::new();
    let mut node = host.node::<Collects<collect::Counters>>(&format!("(events: [{}], by: Cgroup)", events()))?;
    node.start().map_err(|failure| failure.to_string())?;
    let trees = Hierarchies::discover("/")?;
    let root = Group::at(&trees, "")?;
    for number in 0..GROUPS {
        let name = format!("pipeline-bench-{}-{number}", std::process::id());
        let group = Leaf::plan(&root, &name, ControllerSet::ALL)?.make()?.group;
        made.push(group.clone());
        let target = host.target(target(&group)?);
        let told = node.change(Nanos::ZERO, Change::APPEARED, &target);
        told.map_err(|failure| failure.to_string())?;
    }
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        let start = Instant::now();
        let batch = node
            .tick(Nanos::from_millis(round as u64))
            .map_err(|failure| failure.to_string())?;
        times.push(start.elapsed().as_secs_f64());
        assert!(black_box(batch).readings.len() >= GROUPS * 2);
    }
    println!("perf_100_cgroups {:.0} ns/tick -", median(&mut times));
    Ok(())
}

/// Two hardware events where they are counted, else four software events.
fn events() -> &'static str {
    let is_counted = believable::tried().is_ok_and(|verdict| matches!(verdict, believable::Verdict::Believable(_)));
    if is_counted { "\"ipc\"" } else { "\"software\"" }
}

/// In nanoseconds, of seconds.
fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2] * 1e9
}

fn target(group: &Group) -> Done<Target> {
    let unified = group.directories().iter().find(|dir| dir.names().contains(&"unified"));
    let directory = unified.ok_or("there is no version 2 tree")?;
    let dir = CgroupDir {
        controller: "unified".into(),
        path: directory.path.to_string_lossy().into_owned().into(),
        inode: std::fs::metadata(&directory.path)?.ino(),
    };
    Ok(Target {
        name: "bench".into(),
        cgroups: vec![dir].into(),
        ..Target::default()
    })
}
