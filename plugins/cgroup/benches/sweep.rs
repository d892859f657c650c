//! What a tick of `cgroup.stats` over many groups costs against the bare reads of the same files, alternating in one
//! process. Prints `name value unit ratio`. Makes 200 groups, with a sleeping shell in each, and removes them; needs root.

#[path = "../src"]
#[expect(
    dead_code,
    unused_imports,
    reason = "a plugin gives nothing to link with, and only its statistics are measured"
)]
mod plugin {
    #[cfg(test)]
    pub mod bed;
    pub mod collect;
    pub mod config;
    pub mod delta;
    pub mod group;
    pub mod probe;
}

use pipeline_cgroup_fs::{ControllerSet, Group, Hierarchies, Leaf, Version};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
#[cfg(test)]
use plugin::bed;
use plugin::{collect, config, delta, group, probe};
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Instant;

const GROUPS: usize = 200;
const ROUNDS: usize = 101;

type Done<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    let mut beds = Beds::default();
    let result = measure(&mut beds);
    beds.remove()?;
    result
}

/// The groups, and a process in each.
#[derive(Default)]
struct Beds(Vec<(Group, Child)>);

impl Beds {
    fn make(&mut self) -> Done<()> {
        let trees = Hierarchies::discover("/")?;
        let root = Group::at(&trees, "")?;
        for number in 0..GROUPS {
            let name = format!("pipeline-bench-{}-{number}", std::process::id());
            let group = Leaf::plan(&root, &name, ControllerSet::ALL)?.make()?.group;
            let child = Command::new("sleep").arg("600").spawn()?;
            group.attach(child.id())?;
            self.0.push((group, child));
        }
        Ok(())
    }

    fn remove(self) -> Done<()> {
        for (group, mut child) in self.0 {
            child.kill()?;
            child.wait()?;
            group.remove()?;
        }
        Ok(())
    }
}

fn measure(beds: &mut Beds) -> Done<()> {
    beds.make()?;
    for (name, config) in [("cpu", "(families: [Cpu])"), ("all", "")] {
        let host = TestHost::new();
        let mut node = host.node::<Collects<collect::CgroupStats>>(config)?;
        let before = open_files()?;
        node.start().map_err(|failure| failure.to_string())?;
        for (group, _) in &beds.0 {
            let told = node.change(Nanos::ZERO, Change::APPEARED, &host.target(target(group)?));
            told.map_err(|failure| failure.to_string())?;
        }
        let opened = open_files()?.into_iter().filter(|link| !before.contains(link));
        let bare = opened.map(File::open).collect::<std::io::Result<Vec<_>>>()?;
        compare(name, &bare, &mut node)?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
fn compare(name: &str, bare: &[File], node: &mut TestNode) -> Done<()> {
    let mut buffer = vec![0; 16384];
    let (mut floors, mut ticks) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let start = Instant::now();
        for file in bare {
            black_box(file.read_at(&mut buffer, 0)?);
        }
        floors.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let batch = node
            .tick(Nanos::from_millis(round as u64))
            .map_err(|failure| failure.to_string())?;
        ticks.push(start.elapsed().as_secs_f64());
        assert!(black_box(batch).readings.len() >= GROUPS * 6 || round == 1);
    }
    let per_target = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2] * 1e9 / GROUPS as f64
    };
    let (floor, tick) = (per_target(&mut floors), per_target(&mut ticks));
    println!("sweep_{name}_files {} 1 -", bare.len());
    println!("sweep_{name}_bare {floor:.0} ns/target -");
    println!("sweep_{name} {tick:.0} ns/target {:.3}", tick / floor);
    Ok(())
}

fn open_files() -> std::io::Result<BTreeSet<PathBuf>> {
    let links = std::fs::read_dir("/proc/self/fd")?.flatten();
    Ok(links
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|link| link.starts_with("/sys"))
        .collect())
}

fn target(group: &Group) -> Done<Target> {
    let mut cgroups = Vec::new();
    for directory in group.directories() {
        let inode = std::fs::metadata(&directory.path)?.ino();
        let names: Vec<&str> = match directory.version {
            Version::V2 => vec!["unified"],
            Version::V1 => directory.controllers.iter().map(|one| one.name(Version::V1)).collect(),
        };
        let path = directory.path.to_string_lossy();
        cgroups.extend(names.into_iter().map(|name| CgroupDir {
            controller: name.into(),
            path: (*path).into(),
            inode,
        }));
    }
    Ok(Target {
        name: "bench".into(),
        cgroups: cgroups.into(),
        ..Target::default()
    })
}
