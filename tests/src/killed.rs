//! A recorded run that is killed (SIGKILL), and what is left of its record.

use crate::bed::Bed;
use pipeline_plugin_api::names::Names;
use pipeline_record_store::schema::{EMISSIONS, READINGS};
use pipeline_record_store::{Emission, Page, Player, Run, Wanted};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(60);

/// When a run is killed.
#[derive(Copy, Clone, Debug)]
pub struct Kill {
    /// That long after its record is there.
    pub after: Duration,
    /// The recorder's `flush`.
    pub flush: Duration,
}

/// What is left.
#[derive(Clone, Debug)]
pub struct Left {
    /// Segments that cannot be read.
    pub torn: Vec<String>,
    /// What is not as it should be, as sentences.
    pub trouble: Vec<String>,
    /// Readings that are there.
    pub readings: u64,
    /// From the last that is there to the kill.
    pub lost: Duration,
}

fn graph(flush: Duration) -> String {
    format!(
        "(
    version: 1,
    targets: {{ \"web\": (plugin: \"fault.target\") }},
    collectors: {{
        \"fast\": (plugin: \"fault.collect\", of: [\"web\"], every: \"2ms\"),
        \"many\": (plugin: \"mock.feed\", every: \"10ms\", config: (readings: 500)),
    }},
    schedulers: {{ \"guard\": (plugin: \"policy.fixed\", from: [\"fast\"]) }},
    sinks: {{ \"record\": (plugin: \"record.write\", from: [\"fast\", \"many\", \"guard\"], config: (flush: \"{}ms\")) }},
)",
        flush.as_millis()
    )
}

/// Records a run, kills it, and looks at what is left.
///
/// # Panics
/// The run does not begin to record within a minute.
pub fn kill_one(kill: &Kill) -> Left {
    let bed = Bed::with(&graph(kill.flush));
    let mut run = bed.start(&[]);
    let folder = std::cell::RefCell::new(None);
    run.until(PATIENCE, "begin to record", |_| {
        *folder.borrow_mut() = recorded(&bed.path("runs"));
        folder.borrow().is_some()
    });
    std::thread::sleep(kill.after);
    run.signal(Signal::KILL);
    let killed_at = SystemTime::now();
    run.end(PATIENCE);
    let folder = folder.into_inner().expect("it began to record");
    look(&folder, killed_at)
}

/// The run there, once it has a first emission.
fn recorded(runs: &Path) -> Option<PathBuf> {
    let folder = std::fs::read_dir(runs).ok()?.next()?.ok()?.path();
    let run = Page::path(&folder)
        .exists()
        .then(|| Run::open(&folder).ok())
        .flatten()?;
    (run.count(&EMISSIONS).0 > 0).then_some(folder)
}

fn look(folder: &Path, killed_at: SystemTime) -> Left {
    let run = match Run::open(folder) {
        Ok(run) => run,
        Err(error) => {
            return Left {
                torn: Vec::new(),
                trouble: vec![error.to_string()],
                readings: 0,
                lost: Duration::ZERO,
            };
        }
    };
    let mut trouble = Vec::new();
    if run.page().end.is_some() {
        trouble.push("the page tells an end that there was not".to_owned());
    }
    let wall = killed_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let last = Duration::from_nanos(run.page().facts.wall_ns + run.end_ns());
    Left {
        torn: run.torn().into_iter().map(|torn| torn.why).collect(),
        trouble: [trouble, incomplete(&run)].concat(),
        readings: run.count(&READINGS).0,
        lost: wall.saturating_sub(last),
    }
}

/// What was said is there as it is counted, and nothing is missing in between.
fn incomplete(run: &Run) -> Vec<String> {
    let mut wanted = Vec::new();
    for block in run.read(&EMISSIONS, Some(&["sequence", "readings"])) {
        let (sequences, readings) = (block.unsigned("sequence"), block.small("readings"));
        wanted.extend(sequences.iter().copied().zip(readings.iter().copied()));
    }
    let mut names = Names::default();
    let mut player = Player::new(run, Wanted::All, &mut names);
    let mut emission = Emission::default();
    let mut trouble = Vec::new();
    let mut played = 0;
    while player.next_into(&mut emission, &mut names) {
        let told = (emission.sequence, emission.batch.readings.len() as u32);
        if wanted.get(played) != Some(&told) {
            trouble.push(format!(
                "emission {played} has {told:?} and should have {:?}",
                wanted.get(played)
            ));
        }
        played += 1;
    }
    if played != wanted.len() {
        trouble.push(format!("{played} of {} emissions can be played", wanted.len()));
    }
    trouble
}
