//! Running a graph: instants, lanes, queues, failures, and the end of it all.
//!
//! [`plan`] says what is to run, [`build`] makes lanes of it, [`lane`] is the loop, [`drain`] the
//! end. [`clock`] is the only room that asks the system for the time.

pub mod budget;
pub mod build;
pub mod clock;
pub mod drain;
pub mod host;
pub mod journal;
pub mod lane;
pub mod link;
pub mod log;
pub mod node;
pub mod plan;
pub mod progress;
pub mod shared;
pub mod signals;
pub mod undo;
pub mod wake;

#[cfg(test)]
pub(crate) mod tests;

use clock::Clock;
use journal::Journal;
use lane::Lane;
use log::Logger;
use node::{Figures, Node};
use pipeline_plugin_api::abi::{Level, Nanos, Stage};
use plan::Plan;
use progress::Progress;
use shared::Shared;
use signals::Stops;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// How a graph is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long; until it is interrupted where `None`.
    pub duration: Option<Nanos>,
    /// Stop when every collector has said something.
    pub once: bool,
    /// Decide, and write nothing.
    pub dry_run: bool,
    /// How long the end may take.
    pub drain: Nanos,
    /// How log lines look.
    pub format: log::Format,
    /// The quietest level that is shown.
    pub level: Level,
    /// Show what is going on where a terminal is there.
    pub progress: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            duration: None,
            once: false,
            dry_run: false,
            drain: Nanos::from_secs(10),
            format: log::Format::Text,
            level: Level::INFO,
            progress: false,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Figures by node.
    pub nodes: BTreeMap<String, Figures>,
    /// A node with `on_error: Abort` failed.
    pub aborted: bool,
    /// Everything is as it was found.
    pub restored: bool,
    /// Nothing was given up or cut short, and nothing was waited for in vain.
    pub complete: bool,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A node could not start.
    #[error("`{node}` cannot start: {why}")]
    Start {
        /// The node.
        node: String,
        /// What it says.
        why: String,
    },
    /// A signal came while nodes were starting, and one of them did not come back.
    #[error("`{node}` was still starting when the run was stopped; what had begun was undone")]
    Interrupted {
        /// The node.
        node: String,
    },
    /// The process has no descriptors, threads or signals to offer.
    #[error("cannot set up the run; are there descriptors and threads left (`ulimit -n`, `pids.max`)?")]
    System(#[from] std::io::Error),
}

/// Longest that `--once` waits for a collector that has nothing to say.
const ONCE: Nanos = Nanos::from_secs(30);

/// Runs a plan until its time is over, it is interrupted, or it aborts; then puts everything back.
///
/// # Errors
/// The run could not begin; what had begun was put back.
pub fn run(plan: &Plan, options: &Options) -> Result<Report, RunError> {
    let clock = Clock::real();
    let progress = Progress::new(options.progress);
    let logger = Logger::new(options.format, options.level, clock.clone(), progress.writer());
    let run_id = run_id(&clock);
    let journal = Journal::new(&journal::runtime_folder(), &run_id);
    let shared = Shared::new(clock, logger, journal, run_id, options.dry_run, state_folder());
    let stops = Stops::listen()?;
    execute(plan, options, &Arc::new(shared), &stops, &progress)
}

/// Runs a plan for a span of virtual time, all nodes in one lane, and gives how it ended.
///
/// # Errors
/// The run could not begin.
pub fn run_virtual(plan: &Plan, span: Nanos, shared: &Arc<Shared>) -> Result<Report, RunError> {
    let mut lanes = build::lanes(plan, shared, true)?;
    start(&mut lanes, plan, shared, |_| ())?;
    let nodes = lanes.into_iter().flat_map(|lane| lane.run_virtual(span)).collect();
    Ok(end(plan, nodes, shared, span + Nanos::from_secs(10)))
}

fn execute(
    plan: &Plan,
    options: &Options,
    shared: &Arc<Shared>,
    stops: &Stops,
    progress: &Progress,
) -> Result<Report, RunError> {
    let lanes = build::lanes(plan, shared, false)?;
    let lanes = start_within(lanes, plan, shared, stops, options.drain)?;
    let begun = format!("{} nodes in {} lanes", plan.nodes.len(), lanes.len());
    let dry = if options.dry_run {
        "; a dry run: nothing is written"
    } else {
        ""
    };
    shared
        .logger
        .log(Level::INFO, "run", &format!("{begun}{dry}"), &[("id", &shared.run_id)]);
    let (running, failed) = spawn(lanes);
    if failed.is_none() {
        wait(plan, options, shared, stops, progress);
    }
    shared.stop();
    running.iter().for_each(|lane| lane.bell.ring());
    let asked = shared.clock.now();
    let deadline = asked + options.drain;
    // A lane that is stuck may take half of it, so that the others still end in order.
    let nodes = collect(&running, shared, asked + Nanos(options.drain.0 / 2), stops);
    let report = end_within(plan, nodes, shared, deadline, stops);
    summarize(&report, shared);
    if let Some(error) = failed {
        return Err(error.into());
    }
    Ok(Report {
        aborted: shared.is_aborted(),
        complete: shared.is_complete(),
        ..report
    })
}

/// What a thread that starts nodes has to say.
enum Starting {
    Node(String),
    Done(Vec<Lane>, Result<(), RunError>),
}

/// Starts all nodes in a thread of its own, so that one which hangs in it can be given up.
fn start_within(
    mut lanes: Vec<Lane>,
    plan: &Plan,
    shared: &Arc<Shared>,
    stops: &Stops,
    drain: Nanos,
) -> Result<Vec<Lane>, RunError> {
    // One message for each node, and one more.
    let (sender, receiver) = crossbeam_channel::bounded(plan.nodes.len() + 1);
    let (of_plan, of_shared) = (plan.clone(), shared.clone());
    let starting = move || {
        let tell = |node: &str| drop(sender.send(Starting::Node(node.to_owned())));
        let result = start(&mut lanes, &of_plan, &of_shared, tell);
        drop(sender.send(Starting::Done(lanes, result)));
    };
    std::thread::Builder::new().name("start".to_owned()).spawn(starting)?;
    let mut node = String::new();
    let mut give_up = Nanos::FOREVER;
    loop {
        match receiver.recv_timeout(std::time::Duration::from_millis(20)) {
            Ok(Starting::Node(next)) => node = next,
            Ok(Starting::Done(lanes, result)) => return result.map(|()| lanes),
            Err(_) if shared.clock.now() >= give_up || (shared.is_stopping() && stops.hurried()) => {
                drain::restore(shared);
                return Err(RunError::Interrupted { node });
            }
            Err(_) if shared.is_stopping() => {}
            Err(_) => {
                if let Some(signal) = stops.within(Nanos::ZERO) {
                    let why = format!("stopping on {signal} while `{node}` starts; again to hurry");
                    shared.logger.log(Level::INFO, "run", &why, &[]);
                    shared.stop();
                    give_up = shared.clock.now() + drain;
                }
            }
        }
    }
}

/// Starts sinks first and targets last, so that nothing is said that nobody hears.
fn start(lanes: &mut [Lane], plan: &Plan, shared: &Shared, tell: impl Fn(&str)) -> Result<(), RunError> {
    for index in (0..plan.nodes.len()).rev() {
        let node = lanes
            .iter_mut()
            .flat_map(Lane::nodes_mut)
            .find(|node| node.index == index);
        let Some(node) = node else { continue };
        tell(&node.plan.name);
        if let Err(why) = node.start() {
            let failed = node.plan.name.clone();
            lanes.iter_mut().flat_map(Lane::nodes_mut).for_each(Node::stop);
            drain::restore(shared);
            return Err(RunError::Start { node: failed, why });
        }
    }
    Ok(())
}

/// A lane's thread: its name, its nodes' names, and where its nodes come back.
struct Running {
    name: String,
    nodes: Vec<String>,
    /// A lane that waits for nothing must hear of the end.
    bell: wake::Bell,
    back: crossbeam_channel::Receiver<Vec<Node>>,
}

fn spawn(lanes: Vec<Lane>) -> (Vec<Running>, Option<std::io::Error>) {
    let mut running = Vec::new();
    for mut lane in lanes {
        let (sender, back) = crossbeam_channel::bounded(1);
        let name = lane.name.clone();
        let nodes = lane.nodes_mut().map(|node| node.plan.name.clone()).collect();
        let bell = lane.bell();
        // Linux keeps 15 letters of a thread's name.
        let thread = std::thread::Builder::new().name(name.chars().take(15).collect());
        // The one receiver waits for it or gave it up; neither is this thread's concern.
        match thread.spawn(move || drop(sender.send(lane.run()))) {
            Ok(_) => running.push(Running {
                name,
                nodes,
                bell,
                back,
            }),
            Err(error) => return (running, Some(error)),
        }
    }
    (running, None)
}

/// Until time is over, a signal comes, `once` is fulfilled, or a node aborts the run.
fn wait(plan: &Plan, options: &Options, shared: &Shared, stops: &Stops, progress: &Progress) {
    let collectors = plan.nodes.iter().filter(|node| node.stage == Stage::COLLECTOR).count();
    let end = options
        .duration
        .unwrap_or(if options.once { ONCE } else { Nanos::FOREVER });
    // How soon the end of `--once` or of an aborted run is noticed, and how often the moving line moves.
    let step = Nanos::from_millis(if options.once || progress.is_shown() { 50 } else { 250 });
    while !shared.is_stopping() {
        let now = shared.clock.now();
        if now >= end {
            if options.once && options.duration.is_none() {
                shared.fell_short();
                let why = format!(
                    "`--once` waited {ONCE} and not every collector said something; give `--for` to wait longer"
                );
                shared.logger.log(Level::WARN, "run", &why, &[]);
            }
            return;
        }
        if options.once && shared.collectors_that_spoke() >= collectors {
            return;
        }
        if let Some(signal) = stops.within((end - now).min(step)) {
            shared.logger.log(
                Level::INFO,
                "run",
                &format!("stopping on {signal}; again to hurry"),
                &[],
            );
            return;
        }
        progress.show(now, options.duration);
    }
}

/// Waits for the lanes to give their nodes back; one that does not by the deadline is given up.
fn collect(running: &[Running], shared: &Shared, deadline: Nanos, stops: &Stops) -> Vec<Node> {
    let mut nodes = Vec::new();
    for lane in running {
        let back = loop {
            let now = shared.clock.now();
            let patience = (deadline - now).min(Nanos::from_millis(20));
            match lane.back.recv_timeout(patience.into()) {
                Ok(nodes) => break Some(nodes),
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => break None,
                Err(_) if now >= deadline || stops.hurried() => break None,
                Err(_) => {}
            }
        };
        match back {
            Some(back) => nodes.extend(back),
            None => {
                let stuck = lane.nodes.join("`, `");
                let why = format!(
                    "lane `{}` does not come back; `{stuck}` are given up and their changes undone",
                    lane.name
                );
                shared.logger.log(Level::ERROR, "run", &why, &[]);
                shared.fell_short();
            }
        }
    }
    nodes
}

/// The end in a thread of its own, so that a node which hangs in it cannot keep the host changed.
fn end_within(plan: &Plan, nodes: Vec<Node>, shared: &Arc<Shared>, deadline: Nanos, stops: &Stops) -> Report {
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let (of_plan, of_shared) = (plan.clone(), shared.clone());
    let ending = move || drop(sender.send(end(&of_plan, nodes, &of_shared, deadline)));
    if std::thread::Builder::new()
        .name("end".to_owned())
        .spawn(ending)
        .is_err()
    {
        return Report {
            restored: drain::restore(shared),
            ..Report::default()
        };
    }
    loop {
        match receiver.recv_timeout(std::time::Duration::from_millis(20)) {
            Ok(report) => return report,
            Err(crossbeam_channel::RecvTimeoutError::Timeout) if shared.clock.now() < deadline && !stops.hurried() => {}
            Err(_) => {
                let why = "the end takes too long; what is left is undone from the journal, data may be lost";
                shared.logger.log(Level::ERROR, "run", why, &[]);
                shared.fell_short();
                return Report {
                    restored: drain::restore(shared),
                    ..Report::default()
                };
            }
        }
    }
}

fn end(plan: &Plan, nodes: Vec<Node>, shared: &Shared, deadline: Nanos) -> Report {
    let nodes = drain::drain(plan, nodes, shared, deadline);
    let restored = drain::restore(shared);
    let figures = nodes
        .iter()
        .map(|node| (node.plan.name.clone(), node.figures()))
        .collect();
    for node in &nodes {
        for (name, count) in node.host.counts() {
            shared.logger.log(
                Level::INFO,
                &node.plan.name,
                "counted",
                &[("what", &name), ("times", &count)],
            );
        }
    }
    Report {
        nodes: figures,
        aborted: shared.is_aborted(),
        restored,
        complete: shared.is_complete(),
    }
}

fn summarize(report: &Report, shared: &Shared) {
    for (name, figures) in &report.nodes {
        let troubled = figures.failures + figures.missed + figures.dropped + figures.restarts > 0;
        let level = if figures.dropped > 0 || figures.dead {
            Level::WARN
        } else {
            Level::INFO
        };
        let level = if troubled { level } else { Level::DEBUG };
        let fields: [(&str, &dyn std::fmt::Display); 5] = [
            ("calls", &figures.calls),
            ("failures", &figures.failures),
            ("missed", &figures.missed),
            ("dropped", &figures.dropped),
            ("restarts", &figures.restarts),
        ];
        shared
            .logger
            .log(level, name, if figures.dead { "ended early" } else { "ended" }, &fields);
    }
    let host = if report.restored {
        "the host is as it was found"
    } else {
        "THE HOST IS LEFT CHANGED, see above"
    };
    let level = if report.restored { Level::INFO } else { Level::ERROR };
    shared.logger.log(level, "run", host, &[]);
}

/// When it began and which process it is: sorts by time, unique on a host.
fn run_id(clock: &Clock) -> String {
    let began = std::time::UNIX_EPOCH + std::time::Duration::from(clock.wall());
    let text = humantime::format_rfc3339_seconds(began).to_string();
    let compact: String = text.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    format!("{}-{}", compact.trim_end_matches('Z'), std::process::id())
}

/// The folder for what nodes keep beyond a run: `/var/lib/pipeline` for root, else the user's.
fn state_folder() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return "/var/lib/pipeline".into();
    }
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
    let folder = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    folder.unwrap_or_else(std::env::temp_dir).join("pipeline")
}
