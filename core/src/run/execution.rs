//! One run from its first node to its last: they begin, lanes run them, and they end.

use super::drain;
use super::lane::{Berth, Lane};
use super::node::Node;
use super::plan::{Plan, PlanNode};
use super::progress::Progress;
use super::shared::Shared;
use super::signals::Stops;
use super::timetable::Table;
use super::watchdog::Watchdog;
use super::{Options, Report, RunError, build, starting};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use pipeline_plugin_api::abi::{Level, Nanos, Stage, Timetable};
use std::sync::Arc;
use std::time::Duration;

/// Longest that `--once` waits for a collector that has nothing to say.
const ONCE: Nanos = Nanos::from_secs(30);
/// How often it is looked whether the guardian lives.
const TEND: Nanos = Nanos::from_secs(1);

/// How a plan is run in one lane, in computed time.
#[derive(Clone, Debug, Default)]
pub struct Inline<'a> {
    /// How long.
    pub span: Nanos,
    /// The instants, where they are given.
    pub table: Option<&'a Timetable>,
}

/// Runs a plan for a span of virtual time, all nodes in one lane, and gives how it ended.
///
/// # Errors
/// The run could not begin.
pub fn run_virtual(plan: &Plan, span: Nanos, shared: &Arc<Shared>) -> Result<Report, RunError> {
    run_inline(plan, &Inline { span, table: None }, shared)
}

/// The same, at the instants of a timetable where there is one.
///
/// # Errors
/// The run could not begin.
pub fn run_inline(plan: &Plan, inline: &Inline<'_>, shared: &Arc<Shared>) -> Result<Report, RunError> {
    let mut lanes = build::lanes(plan, shared, true)?;
    starting::start(&mut lanes, plan, shared, None, Nanos::FOREVER)?;
    let names: Vec<&str> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
    let pure = |node: &PlanNode| matches!(node.stage, Stage::TRANSFORM | Stage::SCHEDULER);
    let pure: Vec<bool> = plan.nodes.iter().map(pure).collect();
    let run = |lane: Lane| match inline.table {
        Some(table) => lane.run_table(Table::of(table, &names, pure.clone()), inline.span),
        None => lane.run_virtual(inline.span),
    };
    let nodes = lanes.into_iter().flat_map(run).collect();
    ended(shared, if inline.table.is_some() { "timetable" } else { "time" });
    let deadline = shared.clock.now() + Nanos::from_secs(10);
    // A timetable has the end of the recorded run in it.
    let report = end(plan, nodes, shared, deadline, inline.table.is_none());
    summarize(&report, shared);
    Ok(Report {
        aborted: shared.is_aborted(),
        complete: shared.is_complete(),
        ..report
    })
}

/// Why a run ends, for whoever records it; the first reason counts.
fn ended(shared: &Shared, why: &str) {
    if let Some(facts) = shared.facts.get() {
        facts.end(why);
    }
}

/// Runs a plan until its time is over, it is interrupted, or it aborts; then ends it.
pub(super) fn execute(
    plan: &Plan,
    options: &Options,
    shared: &Arc<Shared>,
    stops: &Stops,
    progress: &Progress,
) -> Result<Report, RunError> {
    let mut lanes = build::lanes(plan, shared, false)?;
    let watchdog = Watchdog::begin(shared.clone())?;
    starting::start(&mut lanes, plan, shared, Some(stops), options.drain)?;
    let begun = format!("{} nodes in {} lanes", plan.nodes.len(), lanes.len());
    let dry = if options.dry_run {
        "; a dry run: nothing is written"
    } else {
        ""
    };
    shared
        .logger
        .log(Level::INFO, "run", &format!("{begun}{dry}"), &[("id", &shared.run_id)]);
    let (running, failed) = spawn(lanes, &watchdog);
    if failed.is_none() {
        wait(plan, options, shared, stops, progress);
    }
    shared.stop();
    running.iter().for_each(|lane| lane.berth.bell.ring());
    let asked = shared.clock.now();
    let deadline = asked + options.drain;
    // A lane that is stuck may take half of it, so that the others still end in order.
    let nodes = collect(&running, &watchdog, shared, asked + Nanos(options.drain.0 / 2), stops);
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

/// A lane's thread: what it is, its nodes' names, and where its nodes come back.
struct Running {
    berth: Berth,
    nodes: Vec<String>,
    /// By which the watchdog knows it.
    post: usize,
    back: Receiver<Vec<Node>>,
}

fn spawn(lanes: Vec<Lane>, watchdog: &Watchdog) -> (Vec<Running>, Option<std::io::Error>) {
    let mut running = Vec::new();
    for mut lane in lanes {
        let (sender, back) = bounded(1);
        let berth = lane.berth().clone();
        let nodes = lane.nodes_mut().map(|node| node.plan.name.clone()).collect();
        match watchdog.run(lane, sender) {
            Ok(post) => running.push(Running {
                berth,
                nodes,
                post,
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
    let mut tend = Nanos::ZERO;
    while !shared.is_stopping() {
        let now = shared.clock.now();
        if now >= end {
            ended(shared, "time");
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
            ended(shared, "once");
            return;
        }
        if now >= tend {
            tend = now + TEND;
            tend_guardian(options, shared);
        }
        if let Some(signal) = stops.within((end - now).min(step)) {
            let why = format!("stopping on {signal}; again to hurry");
            shared.logger.log(Level::INFO, "run", &why, &[]);
            ended(shared, signal);
            return;
        }
        progress.show(now, options.duration);
    }
}

fn tend_guardian(options: &Options, shared: &Shared) {
    if let Some(guardian) = &options.guardian {
        guardian.tend(&shared.logger, &shared.journal);
        shared.telemetry.set_guardian(guardian.pid().unwrap_or_default());
    }
}

/// Waits for the lanes to give their nodes back. Of one that does not by the deadline, the node is given up whose
/// call does not come back.
fn collect(running: &[Running], watchdog: &Watchdog, shared: &Shared, deadline: Nanos, stops: &Stops) -> Vec<Node> {
    let mut nodes = Vec::new();
    for lane in running {
        let back = come_back(lane, shared, deadline, stops)
            .or_else(|| watchdog.seize(lane.post).inspect(|_| shared.fell_short()))
            .or_else(|| lane.back.recv_timeout(Duration::from_millis(20)).ok());
        match back {
            Some(back) => nodes.extend(back),
            None => {
                let stuck = lane.nodes.join("`, `");
                let why = format!(
                    "lane `{}` does not come back; `{stuck}` are given up and their changes undone",
                    lane.berth.name
                );
                shared.logger.log(Level::ERROR, "run", &why, &[]);
                shared.fell_short();
            }
        }
    }
    nodes
}

fn come_back(lane: &Running, shared: &Shared, deadline: Nanos, stops: &Stops) -> Option<Vec<Node>> {
    loop {
        let now = shared.clock.now();
        let patience = (deadline - now).min(Nanos::from_millis(20));
        match lane.back.recv_timeout(patience.into()) {
            Ok(nodes) => return Some(nodes),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(_) if now >= deadline || stops.hurried() => return None,
            Err(_) => {}
        }
    }
}

/// The end in a thread of its own, so that a second signal ends even that.
fn end_within(plan: &Plan, nodes: Vec<Node>, shared: &Arc<Shared>, deadline: Nanos, stops: &Stops) -> Report {
    let (sender, receiver) = bounded(1);
    let (of_plan, of_shared) = (plan.clone(), shared.clone());
    let ending = move || drop(sender.send(end(&of_plan, nodes, &of_shared, deadline, true)));
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
        match receiver.recv_timeout(Duration::from_millis(20)) {
            Ok(report) => return report,
            Err(RecvTimeoutError::Timeout) if shared.clock.now() < deadline && !stops.hurried() => {}
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

/// What is under way between nodes arrives before, if it is to.
fn end(plan: &Plan, nodes: Vec<Node>, shared: &Arc<Shared>, deadline: Nanos, finish: bool) -> Report {
    let nodes = drain::drain(plan, nodes, shared, deadline, finish);
    let restored = drain::restore(shared);
    let figures = nodes
        .iter()
        .map(|node| (node.plan.name.clone(), node.figures()))
        .collect();
    for node in &nodes {
        for (name, count) in node.host.counts() {
            let fields: [(&str, &dyn std::fmt::Display); 2] = [("what", &name), ("times", &count)];
            shared.logger.log(Level::INFO, &node.plan.name, "counted", &fields);
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
