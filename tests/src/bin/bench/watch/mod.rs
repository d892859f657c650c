//! `watch_200_cpu` and `watch_200_pss`: `pipeline run` with 200 populated control groups every 100 ms,
//! against a program that does nothing but read the same files at the same cadence. Which files these
//! are is what the pipeline has open, and so is the same on every kind of machine.

mod groups;
mod process;
mod sweep;

pub use sweep::sweep;

use crate::Benchmark;
use crate::line::{Aim, Line};
use crate::statistics::median;
use groups::Groups;
use process::Watched;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// 200 groups.
pub const WATCH: Benchmark = Benchmark {
    lines: &["watch_200_cpu", "watch_200_pss"],
    run,
};

const GROUPS: usize = 200;
const EVERY: Duration = Duration::from_millis(100);
/// How long both are left to settle before they are measured.
const SETTLING: Duration = Duration::from_secs(2);
/// One side runs so long while the other is stopped; then they change places, so that what else the
/// machine does hits both alike.
const TURN: Duration = Duration::from_secs(2);
/// Turns of each side. Odd, so that there is a middle one.
const TURNS: usize = 11;

fn run() -> Result<Vec<Line>, Box<dyn Error>> {
    let interrupted = Interrupted::listen()?;
    let groups = Groups::make(GROUPS)?;
    let folder = tempfile::tempdir()?;
    let graph = folder.path().join("watch.ron");
    std::fs::write(&graph, text(&groups.parent()))?;
    let pipeline = Watched::start(Command::new(beside("pipeline")?).args(["run", "-q"]).arg(&graph))?;
    interrupted.wait(SETTLING)?;
    let files = pipeline.open_files_below(&groups.parent())?;
    if files.len() < GROUPS {
        return Err(format!("the pipeline has {} files of {GROUPS} groups open", files.len()).into());
    }
    let reader = sweep::start(EVERY, &files)?;
    interrupted.wait(SETTLING)?;
    reader.pause()?;
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        let ours = cpu(&pipeline, &interrupted)?;
        pipeline.pause()?;
        reader.go_on()?;
        let floor = cpu(&reader, &interrupted)?;
        reader.pause()?;
        pipeline.go_on()?;
        turns.push((ours, floor));
    }
    let pss = pipeline.pss_bytes()?;
    pipeline.end()?;
    let ratio = median(turns.iter().map(|(ours, floor)| ours / floor));
    let samples = TURN.as_secs_f64() / EVERY.as_secs_f64() * GROUPS as f64;
    let cpu = median(turns.iter().map(|(ours, _)| *ours)) / samples * 1e6;
    Ok(vec![
        Line {
            name: "watch_200_cpu",
            value: cpu,
            unit: "us",
            ratio: Some(ratio),
            aim: Aim::Ratio(1.4),
        },
        Line {
            name: "watch_200_pss",
            value: pss / 1e6,
            unit: "MB",
            ratio: None,
            aim: Aim::Value(25.0),
        },
    ])
}

/// The CPU time that a process uses in its turn, in seconds.
fn cpu(process: &Watched, interrupted: &Interrupted) -> Result<f64, Box<dyn Error>> {
    let before = process.cpu_seconds()?;
    interrupted.wait(TURN)?;
    Ok(process.cpu_seconds()? - before)
}

fn text(parent: &Path) -> String {
    let (parent, every) = (parent.display(), EVERY.as_millis());
    format!(
        r#"(
    version: 1,
    targets: {{ "groups": (plugin: "mock.cgroups", config: (parent: "{parent}")) }},
    collectors: {{ "cpu": (plugin: "cgroup.stats", of: ["groups"], every: "{every}ms", config: (families: [Cpu])) }},
    sinks: {{ "hear": (plugin: "mock.hear", from: ["cpu"]) }},
)
"#
    )
}

/// A program in this one's folder.
fn beside(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("there is no `{}`; build the workspace", path.display()).into())
    }
}

/// SIGINT and SIGTERM end the wait, so that what was made is removed.
struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    fn listen() -> std::io::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, flag.clone())?;
        }
        Ok(Self(flag))
    }

    fn wait(&self, span: Duration) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + span;
        while Instant::now() < end {
            if self.0.load(Ordering::Relaxed) {
                return Err("interrupted; what was made is removed".into());
            }
            let left = end.saturating_duration_since(Instant::now());
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
        Ok(())
    }
}
