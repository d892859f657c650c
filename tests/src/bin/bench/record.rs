//! `record_rate`, `replay_rate`, `record_bytes`: what it costs to record, to play back, and to keep.
//!
//! Both rates are readings for each second of CPU time of the whole process, in virtual time, where there is one thread:
//! a record is played to a transform, or to a recorder.

use crate::Benchmark;
use crate::line::{Aim, Line};
use pipeline_plugin_api::abi::{KnobId, KnobName, MetricId, MetricName, Nanos, Part, Reading, TargetId};
use pipeline_plugin_api::names::Names;
use pipeline_plugin_api::tap::{NodeFacts, RunFacts};
use pipeline_plugin_api::vocabulary::CPU_RUN_DELAY;
use pipeline_record_store::{FORMAT, Keeper, Limits, Lookup, Page, Run, Said, Writer, schema};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use system_tests::built;
use tempfile::TempDir;

/// Writing.
pub const RATE: Benchmark = Benchmark {
    lines: &["record_rate"],
    run: record_rate,
};
/// Reading.
pub const REPLAY: Benchmark = Benchmark {
    lines: &["replay_rate"],
    run: replay_rate,
};
/// Keeping.
pub const BYTES: Benchmark = Benchmark {
    lines: &["record_bytes"],
    run: record_bytes,
};

/// Readings an instant, each of them another part of one of 32 targets.
const READINGS: u32 = 256;
const PARTS: u32 = 8;
/// Instants, a millisecond apart.
const INSTANTS: u64 = 20_000;
const MILLISECOND: u64 = 1_000_000;
/// How long the quickstart is recorded where no record of it is given: each of its windows twice.
const QUICKSTART: &str = "96s";

/// From a record to a record: what reading takes is in it.
fn record_rate() -> Result<Vec<Line>, Box<dyn Error>> {
    let folder = TempDir::new()?;
    made(&folder.path().join("made"))?;
    let sink = "sinks: { \"record\": (plugin: \"record.write\", from: [\"feed\"], config: (path: \"recorded\")) },";
    let cpu_seconds = run_virtually(folder.path(), sink)?;
    let run = Run::open(&folder.path().join("recorded"))?;
    Ok(vec![rate("record_rate", &run, cpu_seconds, 1e6)?])
}

fn replay_rate() -> Result<Vec<Line>, Box<dyn Error>> {
    let folder = TempDir::new()?;
    made(&folder.path().join("made"))?;
    let transform = "transforms: { \"scale\": (plugin: \"mock.scale\", from: [\"feed\"]) },";
    let cpu_seconds = run_virtually(folder.path(), transform)?;
    let run = Run::open(&folder.path().join("made"))?;
    Ok(vec![rate("replay_rate", &run, cpu_seconds, 5e6)?])
}

/// A run whose numbers have all their bits, so that nothing is won by their being alike.
fn made(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut names = Known(Names::default());
    let metric = names
        .0
        .metric(CPU_RUN_DELAY.name, CPU_RUN_DELAY.unit, CPU_RUN_DELAY.kind)?;
    let feed = NodeFacts {
        name: "feed".to_owned(),
        stage: "collectors".to_owned(),
        ..NodeFacts::default()
    };
    let page = Page {
        format: FORMAT,
        facts: RunFacts {
            nodes: vec![feed],
            ..RunFacts::default()
        },
        ..Page::default()
    };
    let mut writer = Writer::create(folder, page, Limits::default())?;
    let mut keeper = Keeper::default();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for instant in 1..=INSTANTS {
        let at = Nanos(instant * MILLISECOND);
        let readings: Vec<Reading> = (0..READINGS)
            .map(|place| {
                // xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003).
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let target = TargetId(1 + place / PARTS);
                let span = Nanos(MILLISECOND + random % 1000);
                Reading::delta(at, span, target, metric, (random >> 11) as f64 / 1e6).of_part(Part::cpu(place % PARTS))
            })
            .collect();
        let said = Said {
            sequence: instant,
            instant,
            at,
            batch_at: at,
            node: "feed",
        };
        keeper.keep(&mut writer, said, &readings, None, &names);
        if writer.is_full() {
            writer.flush()?;
        }
    }
    keeper.tell_names(&mut writer, &names);
    writer.flush()?;
    Ok(())
}

struct Known(Names);

impl Lookup for Known {
    fn metric(&self, id: MetricId) -> Option<MetricName> {
        self.0.metric_name(id).cloned()
    }
    fn knob(&self, _: KnobId) -> Option<KnobName> {
        None
    }
    fn part(&self, _: Part) -> Option<String> {
        None
    }
    fn target(&self, id: TargetId) -> Option<String> {
        Some(format!("target-{}", id.0))
    }
}

/// Plays the run that was made to those nodes; gives the CPU time.
fn run_virtually(folder: &Path, nodes: &str) -> Result<f64, Box<dyn Error>> {
    let graph = format!(
        "(version: 1, collectors: {{ \"feed\": (plugin: \"record.replay\", config: (run: \"made\")) }}, {nodes})"
    );
    std::fs::write(folder.join("graph.ron"), graph)?;
    let before = children_seconds()?;
    let span = format!("{}ms", INSTANTS + 1);
    let said = run(folder, &["run", "graph.ron", "--virtual", "--for", &span, "-v"])?;
    let cpu_seconds = children_seconds()? - before;
    // Else the rate would be that of something that did not happen.
    let calls = said
        .split_once("feed: calls=")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    match calls.is_some_and(|calls| calls >= INSTANTS) {
        true => Ok(cpu_seconds),
        false => Err(format!("not all of it was played: {said}").into()),
    }
}

pub fn run(folder: &Path, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut command = Command::new(built::pipeline());
    let ended = command
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    match ended.status.success() {
        true => Ok(said),
        false => Err(format!("`pipeline {}` failed: {said}", arguments.join(" ")).into()),
    }
}

/// CPU time of the children that were waited for (proc(5), `/proc/PID/stat`, cutime and cstime, in hundredths of a second).
pub fn children_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("`/proc/self/stat` has no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
    // Field 3 is the first behind the name.
    let both = ticks(13).zip(ticks(14)).ok_or("`/proc/self/stat` is too short")?;
    Ok((both.0 + both.1) / 100.0)
}

/// # Errors
/// Not all of it passed.
fn rate(name: &'static str, run: &Run, cpu_seconds: f64, aim: f64) -> Result<Line, Box<dyn Error>> {
    let readings = run.count(&schema::READINGS).0;
    if readings != INSTANTS * u64::from(READINGS) {
        return Err(format!("`{}` has {readings} readings", run.folder().display()).into());
    }
    Ok(Line {
        name,
        value: readings as f64 / cpu_seconds,
        unit: "readings/s",
        ratio: None,
        aim: Aim::AtLeast(aim),
    })
}

/// Of the run that `PIPELINE_RUN` names, or of one that is recorded now.
fn record_bytes() -> Result<Vec<Line>, Box<dyn Error>> {
    let folder = TempDir::new()?;
    let run = match std::env::var_os("PIPELINE_RUN") {
        Some(run) => Run::open(Path::new(&run))?,
        None => quickstart(folder.path())?,
    };
    Ok(vec![Line {
        name: "record_bytes",
        value: run.bytes() as f64 / run.count(&schema::READINGS).0 as f64,
        unit: "bytes",
        ratio: None,
        aim: Aim::Value(8.0),
    }])
}

fn quickstart(folder: &Path) -> Result<Run, Box<dyn Error>> {
    let graph = built::repository().join("configs/recorded.ron");
    run(folder, &["run", &graph.to_string_lossy(), "--for", QUICKSTART])?;
    let runs = std::fs::read_dir(folder.join("runs"))?;
    let made: Vec<PathBuf> = runs
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    Ok(Run::open(made.first().ok_or("nothing was recorded")?)?)
}
