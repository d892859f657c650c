//! The tap, and replays of what it gave: every output of every transform and scheduler is the same again, from one lane
//! and from several, with queues that drop, settings, restarts and state of earlier runs.
//!
//! The elements put a digest of all that they are given, and of what they were given before, into what they say: two
//! runs that say the same were given the same.

mod elements;

use super::node;
use crate::run::clock::Clock;
use crate::run::execution::{Inline, run_inline};
use crate::run::facts::Facts;
use crate::run::link::Mail;
use crate::run::plan::{Of, OnError, Overflow, Plan, PlanNode, Queue};
use crate::run::shared::Shared;
use crate::run::timetable::Fetches;
use crate::run::{Options, Progress, Report, Stops};
use elements::{Bring, Decide, Digest, Feed, Note, Source, Turn, Write, tape};
use pipeline_plugin_api::abi::{Nanos, Stage, TapBatch, TapKind, Timetable};
use pipeline_plugin_api::stage::{Actuates, Collects, Provides, Schedules, Sinks, Transforms};
use pipeline_plugin_api::tap::{NodeFacts, RunFacts, Schedule};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// targets → two collectors → two transforms → scheduler → actuator, and a recorder of it all.
fn graph() -> Plan {
    let of = vec![Of {
        provider: 0,
        target: None,
    }];
    let feed = |name: &str, every: u64| PlanNode {
        of: of.clone(),
        every: Nanos::from_millis(every),
        ..node::<Collects<Feed>>(name, "", &[])
    };
    let mut plan = Plan {
        nodes: vec![
            node::<Provides<Bring>>("jobs", "", &[]),
            feed("fast", 5),
            feed("slow", 20),
            PlanNode {
                last: vec![6],
                ..node::<Transforms<Digest>>("one", "", &[1])
            },
            node::<Transforms<Digest>>("two", "", &[1, 2, 3]),
            node::<Schedules<Decide>>("decide", "", &[3, 4]),
            node::<Actuates<Turn>>("turn", "", &[5]),
            PlanNode {
                every: Nanos::from_millis(10),
                ..node::<Sinks<Write>>("record", "", &[1, 2, 3, 4, 5, 6])
            },
        ],
        ..Plan::default()
    };
    plan.facts = facts(&plan);
    plan
}

fn facts(plan: &Plan) -> RunFacts {
    let fact = |node: &PlanNode| NodeFacts {
        name: node.name.clone(),
        stage: node.stage.to_string(),
        from: node.from.iter().map(|place| *place as u32).collect(),
        last: node.last.iter().map(|place| *place as u32).collect(),
        ..NodeFacts::default()
    };
    RunFacts {
        nodes: plan.nodes.iter().map(fact).collect(),
        ..RunFacts::default()
    }
}

/// The same in four lanes.
fn in_lanes() -> Plan {
    let mut plan = graph();
    for (place, lane) in [(1, "reads"), (4, "other"), (6, "acts"), (7, "record")] {
        plan.nodes[place].lane = lane.to_owned();
    }
    plan
}

fn shared(plan: &Plan, clock: Clock, table: &Timetable) -> Arc<Shared> {
    let shared = super::shared_in(Path::new("/proc/nowhere"), clock);
    shared
        .facts
        .get_or_init(|| Facts::new(plan.facts.clone(), &shared, "test"));
    shared.fetches.get_or_init(|| Fetches::of(table));
    Arc::new(shared)
}

/// Runs in virtual time; gives the run's id.
fn in_virtual_time(plan: &Plan, span: Nanos) -> String {
    let shared = shared(plan, Clock::simulated(Nanos::ZERO), &Timetable::default());
    run_inline(plan, &Inline { span, table: None }, &shared).unwrap();
    shared.run_id.clone()
}

/// Runs for that long, while `meanwhile` does something to it.
fn in_real_time(plan: &Plan, span: Nanos, meanwhile: impl FnOnce(&Shared) + Send) -> (String, Report) {
    let shared = shared(plan, Clock::real(), &Timetable::default());
    let options = Options {
        duration: Some(span),
        ..Options::default()
    };
    let stops = Stops::listen().unwrap();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| meanwhile(&shared));
        crate::run::execution::execute(plan, &options, &shared, &stops, &Progress::new(false)).unwrap()
    });
    (shared.run_id.clone(), report)
}

/// The plan with what stands in for all that is not pure, and its timetable.
fn replayed(plan: &Plan, run: &str) -> (Plan, Timetable) {
    let tape = tape(run);
    let mut schedule = Schedule::new(&tape.facts);
    tape.batches.iter().for_each(|batch| schedule.batch(batch));
    let mut plan = plan.clone();
    for (place, node) in plan.nodes.iter_mut().enumerate() {
        let config = format!("(run: {run:?}, node: {place})");
        match node.stage {
            Stage::TARGETS | Stage::COLLECTOR => {
                node.element = super::node::<Collects<Source>>("", "", &[]).element;
                node.config = config;
            }
            Stage::ACTUATOR => {
                node.element = super::node::<Transforms<Note>>("", "", &[]).element;
                node.config = config;
            }
            _ => {}
        }
    }
    (plan, schedule.finish())
}

/// Replays a run; gives the replay's id.
fn replay(plan: &Plan, run: &str) -> String {
    let (plan, table) = replayed(plan, run);
    let span = table.steps.iter().map(|step| step.at).max().unwrap_or_default();
    let shared = shared(&plan, Clock::simulated(Nanos::ZERO), &table);
    crate::run::simulated::preset(&shared, &tape(run).names).unwrap();
    let inline = Inline {
        span,
        table: Some(&table),
    };
    run_inline(&plan, &inline, &shared).unwrap();
    shared.run_id.clone()
}

/// What each transform and scheduler said, in order, as text.
fn said(plan: &Plan, run: &str) -> BTreeMap<String, Vec<String>> {
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for batch in &tape(run).batches {
        let spoken = batch.events.iter().filter(|event| event.kind == TapKind::SAID);
        for event in spoken {
            let node = &plan.nodes[event.node as usize];
            if matches!(node.stage, Stage::TRANSFORM | Stage::SCHEDULER) {
                let words = format!(
                    "{} {:?} {:?}",
                    event.at,
                    batch.readings_of(event),
                    batch.other_of(event)
                );
                said.entry(node.name.clone()).or_default().push(words);
            }
        }
    }
    said
}

fn assert_same(plan: &Plan, run: &str, least: usize) {
    let first = said(plan, run);
    for name in ["one", "two", "decide"] {
        let count = first.get(name).map(Vec::len).unwrap_or_default();
        assert!(count >= least, "`{name}` said {count} things");
    }
    for again in [replay(plan, run), replay(plan, run)] {
        assert_equal(&tape(run).inputs, &tape(&again).inputs);
        assert_equal(&first, &said(plan, &again));
    }
}

fn assert_equal(first: &BTreeMap<String, Vec<String>>, second: &BTreeMap<String, Vec<String>>) {
    // In the order of the graph, so that the first that differs is told and not what it leads to.
    for (name, words) in ["one", "two", "decide"].map(|name| (name, &first[name])) {
        let again = second.get(name).map(Vec::as_slice).unwrap_or_default();
        for (number, (word, again)) in words.iter().zip(again).enumerate() {
            assert_eq!(word, again, "`{name}`, number {number} of {}", words.len());
        }
        assert_eq!(words.len(), again.len(), "`{name}`");
    }
}

fn events(run: &str, kind: TapKind) -> usize {
    let batches = tape(run).batches;
    let of_kind = |batch: &TapBatch| batch.events.iter().filter(|event| event.kind == kind).count();
    batches.iter().map(of_kind).sum()
}

/// What the elements counted themselves, against what the tap told.
#[test]
fn every_call_of_every_transform_and_scheduler_is_told_with_all_that_it_takes() {
    let run = in_virtual_time(&graph(), Nanos::from_secs(2));
    let tape = tape(&run);
    assert_eq!(tape.lost, 0);
    assert!(events(&run, TapKind::CALLED) > 1000);
    assert_eq!(events(&run, TapKind::CALLED) as u64, tape.calls);
    let taken: usize = tape.batches.iter().map(|batch| batch.takes.len()).sum();
    assert!(taken as u64 >= tape.ports, "{taken} takes of {} ports", tape.ports);
    assert_eq!(events(&run, TapKind::FETCHED), 2, "each transform asked once");
}

#[test]
fn a_run_in_one_lane_is_replayed_bit_for_bit() {
    let plan = graph();
    let run = in_virtual_time(&plan, Nanos::from_secs(3));
    assert_same(&plan, &run, 100);
}

#[test]
fn the_same_graph_says_the_same_twice_in_virtual_time() {
    let plan = graph();
    let span = Nanos::from_secs(5);
    let (one, two) = (in_virtual_time(&plan, span), in_virtual_time(&plan, span));
    assert_eq!(said(&plan, &one), said(&plan, &two));
    assert!(!said(&plan, &one)["decide"].is_empty());
}

#[test]
fn a_run_in_several_lanes_is_replayed_bit_for_bit() {
    let plan = in_lanes();
    let (run, _) = in_real_time(&plan, Nanos::from_millis(800), |_| {});
    assert_eq!(tape(&run).lost, 0);
    assert_same(&plan, &run, 10);
}

#[test]
fn what_a_queue_dropped_is_dropped_again() {
    let mut plan = in_lanes();
    plan.nodes[1].every = Nanos::from_millis(1);
    plan.nodes[4].config = "(pause: \"7ms\")".to_owned();
    plan.nodes[4].queue = Some(Queue {
        capacity: 2,
        overflow: Overflow::DropOldest,
    });
    let (run, report) = in_real_time(&plan, Nanos::from_millis(600), |_| {});
    assert!(report.nodes["two"].dropped > 0 && events(&run, TapKind::DROPPED) > 0);
    plan.nodes[4].config = String::new();
    assert_same(&plan, &run, 5);
}

#[test]
fn settings_and_panics_happen_again_where_they_did() {
    let mut plan = in_lanes();
    plan.nodes[3].config = "(panics_at: 20)".to_owned();
    plan.nodes[3].on_error = OnError::Restart;
    let set = |shared: &Shared| {
        for value in ["1", "2", "nonsense"] {
            crate::run::clock::pause(std::time::Duration::from_millis(60));
            let (answer, told) = crossbeam_channel::bounded(1);
            let mail = Mail::Control {
                name: "salt".to_owned(),
                value: value.to_owned(),
                answer,
            };
            while shared.desk.post("two", mail.clone()).is_err() && !shared.is_stopping() {
                std::thread::yield_now();
            }
            // Its lane answers in its own time, and may end before.
            let _ = told.recv_timeout(std::time::Duration::from_secs(30));
        }
    };
    let (run, report) = in_real_time(&plan, Nanos::from_secs(2), set);
    assert!(report.nodes["one"].restarts > 0, "{report:?}");
    assert_eq!(events(&run, TapKind::SET), 3);
    assert_same(&plan, &run, 10);
}

#[test]
fn a_tap_that_nobody_empties_loses_and_counts_what_does_not_fit() {
    let mut plan = graph();
    plan.nodes[7].config = "(lazy: true)".to_owned();
    let run = in_virtual_time(&plan, Nanos::from_secs(20));
    let tape = tape(&run);
    assert!(tape.lost > 0, "{} batches", tape.batches.len());
    assert_eq!(tape.summary.lost_events, tape.lost);
}

#[test]
fn the_summary_at_the_end_tells_how_the_run_fared() {
    let run = in_virtual_time(&graph(), Nanos::from_secs(1));
    let tape = tape(&run);
    assert_eq!(
        (tape.summary.ended.as_str(), tape.summary.complete, tape.summary.run_id),
        ("time", true, run)
    );
    assert_eq!(tape.summary.nodes.len(), 8);
    assert!(tape.summary.span_ns >= 1_000_000_000, "{}", tape.summary.span_ns);
    assert!(tape.facts.machine.cpus > 0 && !tape.facts.machine.kernel.is_empty());
}

#[test]
fn a_node_that_is_no_sink_has_no_tap_and_there_is_one_in_a_run() {
    let mut plan = graph();
    plan.nodes.push(node::<Sinks<Write>>("second", "", &[1]));
    plan.facts = facts(&plan);
    let shared = shared(&plan, Clock::simulated(Nanos::ZERO), &Timetable::default());
    let inline = Inline {
        span: Nanos::from_secs(1),
        table: None,
    };
    let error = run_inline(&plan, &inline, &shared).unwrap_err().to_string();
    assert!(error.contains("`second` records this run already"), "{error}");
    let mut plan = graph();
    plan.nodes[2].config = "(taps: true)".to_owned();
    let error = run_inline(
        &plan,
        &inline,
        &self::shared(&plan, Clock::simulated(Nanos::ZERO), &Timetable::default()),
    );
    assert!(error.unwrap_err().to_string().contains("`slow` is no sink"));
}
