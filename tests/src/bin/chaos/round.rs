//! One round: the state before, a run, a kill at a random moment, and how long until the state is the same again.

use crate::arguments::Series;
use crate::bystander::Bystander;
use crate::chance::Chance;
use crate::graph::{self, Offers};
use crate::lister::{Scope, State};
use crate::marked::{MARK, Marked};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use system_tests::built;
use tempfile::TempDir;

/// How long a state that is not as found is looked at, to tell late from never.
const GIVE_UP: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Until when most runs are at work.
const AT_WORK: Duration = Duration::from_millis(1500);
const STARTING: Duration = Duration::from_millis(250);
const STOPPING: Duration = Duration::from_millis(120);

/// What all rounds of a series share.
pub struct Stand {
    folder: TempDir,
    mark: String,
    scope: Scope,
    guardian: bool,
    within: Duration,
}

/// What became of a round.
#[derive(Debug)]
pub struct Ended {
    /// What was done.
    pub what: String,
    /// What was not as found, or took too long.
    pub wrong: Option<String>,
    /// How long until all was as found, from the kill or the beginning of the restore.
    pub took: Option<Duration>,
    /// How often each knob was turned.
    pub turned: BTreeMap<String, u64>,
}

/// When it is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// While it starts.
    Starting(Duration),
    /// While it turns knobs.
    AtWork(Duration),
    /// That long after it was asked to stop.
    Stopping(Duration, Duration),
}

/// In which order a run and its guardian are killed, and how long lies between.
#[derive(Clone, Copy, Debug)]
enum Order {
    RunOnly,
    GuardianFirst(Duration),
    RunFirst(Duration),
}

impl Stand {
    /// Writes the graph, as far as the binary can run it.
    ///
    /// # Errors
    /// There is no room for it, or the binary refuses it.
    pub fn new(series: &Series, bystander: &Bystander) -> Result<Self, Box<dyn Error>> {
        let stand = Self {
            folder: TempDir::new()?,
            mark: std::process::id().to_string(),
            scope: Scope {
                shared: series.shared,
                group: bystander.name().to_owned(),
                run: None,
                processes: vec![bystander.pid()],
            },
            guardian: series.guardian,
            within: series.within,
        };
        let elements = stand.command(&["plugins"]).output()?;
        let offers = Offers::of(&String::from_utf8_lossy(&elements.stdout));
        fs::write(stand.path("graph.ron"), graph::text(bystander.name(), offers))?;
        let checked = stand.command(&["check", "graph.ron"]).output()?;
        match checked.status.success() {
            true => Ok(stand),
            false => Err(String::from_utf8_lossy(&checked.stderr).into_owned().into()),
        }
    }

    /// Runs and kills once, as chance with that seed will have it.
    ///
    /// # Errors
    /// The binary cannot be started.
    pub fn round(&self, seed: u64) -> Result<Ended, Box<dyn Error>> {
        let mut chance = Chance::new(seed);
        let moment = Moment::any(&mut chance);
        let order = Order::any(&mut chance, self.guardian);
        let before = State::now(&self.scope);
        let log = self.path("log");
        let mut run = self
            .command(&["run", "graph.ron"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        let scope = Scope {
            run: Some(run.id()),
            ..self.scope.clone()
        };
        let ended_before = moment.wait(&mut run)?;
        let mut begun = Instant::now();
        order.kill(&mut run, &self.mark)?;
        let mut faults = Vec::new();
        if ended_before {
            faults.push("it ended before it was killed".to_owned());
        }
        if self.guardian {
            begun = Instant::now();
            faults.extend(self.restore()?);
        }
        let took = self.await_as_found(&before, &scope, begun);
        match &took {
            Ok(took) if *took > self.within => faults.push(format!("as found only after {} ms", took.as_millis())),
            Ok(_) => {}
            Err(left) => {
                faults.push(left.join("; "));
                self.clean_up(&before, &scope)?;
            }
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        if !faults.is_empty() {
            faults.push(format!("it said:\n{}", last_lines(&said)));
        }
        Ok(Ended {
            what: format!("{moment}{order}"),
            wrong: (!faults.is_empty()).then(|| faults.join("; ")),
            took: took.ok(),
            turned: turned(&said),
        })
    }

    /// Has `pipeline restore` put back what is left; what it said where it failed.
    fn restore(&self) -> Result<Option<String>, Box<dyn Error>> {
        let said = self.command(&["restore"]).stdin(Stdio::null()).output()?;
        Ok((!said.status.success()).then(|| {
            let text = String::from_utf8_lossy(&said.stderr).into_owned();
            format!("`pipeline restore` ended with {}: {text}", said.status)
        }))
    }

    /// Waits until all is as it was, and gives how long that took; else what is not.
    fn await_as_found(&self, before: &State, scope: &Scope, begun: Instant) -> Result<Duration, Vec<String>> {
        loop {
            let mut left = self.left_running();
            left.extend(before.differences(&State::now(scope)));
            left.extend(self.journals().map(|path| format!("`{}` is left", path.display())));
            let took = begun.elapsed();
            match left.is_empty() {
                true => return Ok(took),
                false if took > GIVE_UP => return Err(left),
                false => sleep(LOOK_AGAIN),
            }
        }
    }

    fn left_running(&self) -> Vec<String> {
        let left = Marked::all(&self.mark).into_iter();
        left.map(|one| format!("process {} (`{}`) is left", one.pid, one.command))
            .collect()
    }

    fn journals(&self) -> impl Iterator<Item = PathBuf> {
        let files = fs::read_dir(self.path("runtime")).into_iter().flatten().flatten();
        let paths = files.map(|file| file.path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "journal"))
    }

    /// After a round that failed: what can be put back is, so that the next one begins well and nothing stays.
    fn clean_up(&self, before: &State, scope: &Scope) -> Result<(), Box<dyn Error>> {
        Marked::all(&self.mark).iter().for_each(Marked::kill);
        self.command(&["restore", "--force"]).stdin(Stdio::null()).output()?;
        for path in before.left(&State::now(scope), scope) {
            // One that is still in use stays, and the next round begins with it.
            let _ = fs::remove_dir(path);
        }
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built::pipeline());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env(MARK, &self.mark)
            .env("PIPELINE_RUNTIME_DIR", self.path("runtime"))
            .env_remove("PIPELINE_PLUGIN_PATH")
            .env_remove("RUST_LOG");
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        // Nothing of it is to outlive the series, however that ends.
        Marked::all(&self.mark).iter().for_each(Marked::kill);
    }
}

impl Moment {
    /// Half of them at work, a quarter each while it starts and while it stops.
    fn any(chance: &mut Chance) -> Self {
        match chance.below(4) {
            0 => Self::Starting(chance.time_below(STARTING)),
            1 => Self::Stopping(
                STARTING + chance.time_below(AT_WORK - STARTING),
                chance.time_below(STOPPING),
            ),
            _ => Self::AtWork(chance.time_below(AT_WORK)),
        }
    }

    /// Waits for it; `true` if the run ended before, which only one that was asked to may.
    fn wait(self, run: &mut Child) -> io::Result<bool> {
        match self {
            Self::Starting(after) | Self::AtWork(after) => sleep(after),
            Self::Stopping(after, then) => {
                sleep(after);
                if run.try_wait()?.is_none() {
                    kill_process(Pid::from_child(run), Signal::TERM)?;
                    sleep(then);
                    return Ok(false);
                }
            }
        }
        Ok(run.try_wait()?.is_some())
    }
}

impl Order {
    fn any(chance: &mut Chance, guardian: bool) -> Self {
        let between = chance.time_below(Duration::from_millis(3));
        match (guardian, chance.below(2)) {
            (false, _) => Self::RunOnly,
            (true, 0) => Self::GuardianFirst(between),
            (true, _) => Self::RunFirst(between),
        }
    }

    /// Kills, and reaps the run.
    fn kill(self, run: &mut Child, mark: &str) -> io::Result<()> {
        match self {
            Self::RunOnly => run.kill()?,
            Self::GuardianFirst(between) => {
                guardians(mark).iter().for_each(Marked::kill);
                sleep(between);
                run.kill()?;
            }
            Self::RunFirst(between) => {
                let guardians = guardians(mark);
                run.kill()?;
                sleep(between);
                guardians.iter().for_each(Marked::kill);
            }
        }
        run.wait()?;
        if !matches!(self, Self::RunOnly) {
            // One that was just being started, or that the run had started anew.
            guardians(mark).iter().for_each(Marked::kill);
        }
        Ok(())
    }
}

fn guardians(mark: &str) -> Vec<Marked> {
    Marked::all(mark).into_iter().filter(Marked::is_guardian).collect()
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting(after) => write!(out, "killed {after:?} after its start"),
            Self::AtWork(after) => write!(out, "killed at work after {after:?}"),
            Self::Stopping(after, then) => write!(out, "asked to stop after {after:?} and killed {then:?} later"),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunOnly => Ok(()),
            Self::GuardianFirst(between) => write!(out, ", its guardian {between:?} before"),
            Self::RunFirst(between) => write!(out, ", its guardian {between:?} later"),
        }
    }
}

/// How often each knob was turned, as the log of a run tells.
fn turned(log: &str) -> BTreeMap<String, u64> {
    let mut turned = BTreeMap::new();
    for line in log.lines().filter(|line| line.contains("fate=applied")) {
        let knob = line.split_whitespace().find_map(|word| word.strip_prefix("knob="));
        *turned.entry(knob.unwrap_or("unknown").to_owned()).or_default() += 1;
    }
    turned
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_by_knob() {
        let log = "INFO limit: x fate=applied target=a knob=cpu.idle value=1\nfate=undone knob=cpu.idle\n\
                   fate=applied knob=freeze value=1\nfate=applied knob=cpu.idle\n";
        let found: Vec<_> = turned(log).into_iter().collect();
        assert_eq!(found, [("cpu.idle".to_owned(), 2), ("freeze".to_owned(), 1)]);
    }

    #[test]
    fn the_same_seed_kills_at_the_same_moment() {
        let told = |seed| {
            let mut chance = Chance::new(seed);
            format!("{}{}", Moment::any(&mut chance), Order::any(&mut chance, true))
        };
        assert_eq!(told(11), told(11));
        assert!((0..40).map(told).any(|what| what.contains("asked to stop")));
        assert!((0..40).map(told).any(|what| what.contains("after its start")));
    }
}
