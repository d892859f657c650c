//! Nodes that hang, forget their leases, say what they may not, or are asked and set while they run.

use super::elements::{self, Act, Decide, Feed, Keep, Seen, seen};
use super::stuck::{Blocks, Careless, Names, NoRoom, Strange, Stuck, open_gate};
use super::{Said, node, run_for, shared, shared_in, whole, whole_in};
use crate::run::build;
use crate::run::clock::Clock;
use crate::run::link::Mail;
use crate::run::log::{Format, Logger};
use crate::run::node::Node;
use crate::run::plan::{OnError, Plan, PlanNode};
use crate::run::shared::Shared;
use crate::run::{Options, Progress, Report, RunError, Stops, execution};
use pipeline_plugin_api::abi::{Batch, Change, Control, Fate, Level, Nanos, TargetChange, TargetId};
use pipeline_plugin_api::stage::{Collects, Sinks, Transforms};
use std::path::Path;
use std::sync::Arc;

/// What a run in real time begins with; calls may take 300 ms.
fn impatient(folder: &Path) -> Shared {
    let mut shared = shared_in(folder, Clock::real());
    shared.patience.call = Nanos::from_millis(300);
    shared.patience.start_again = Nanos::from_millis(300);
    shared
}

fn run(plan: &Plan, span: Nanos, shared: &Arc<Shared>) -> Result<Report, RunError> {
    let options = Options {
        duration: Some(span),
        drain: Nanos::from_secs(4),
        ..Options::default()
    };
    execution::execute(plan, &options, shared, &Stops::listen().unwrap(), &Progress::new(false))
}

/// targets → collector, and two sinks of it in one lane, of which the first gets into trouble.
fn with_stuck(config: &str, on_error: OnError) -> Plan {
    let mut plan = whole();
    plan.nodes.truncate(2);
    let stuck = node::<Sinks<Stuck>>("stuck", config, &[1]);
    plan.nodes.push(PlanNode { on_error, ..stuck });
    plan.nodes.push(node::<Sinks<Keep>>("keep", "", &[1]));
    plan
}

/// Runs it in real time, opens the gate when it is over, and gives what was seen before that.
fn run_stuck(plan: &Plan, millis: u64) -> (Report, Seen) {
    let shared = Arc::new(impatient(Path::new("/proc/nowhere")));
    let report = run(plan, Nanos::from_millis(millis), &shared).unwrap();
    let seen = seen(&shared.run_id);
    open_gate(&shared.run_id);
    (report, seen)
}

#[test]
fn a_call_that_hangs_costs_its_node_and_the_lane_goes_on() {
    let (report, seen) = run_stuck(&with_stuck("(call: Work, after: 2)", OnError::Stop), 2000);
    let stuck = &report.nodes["stuck"];
    assert_eq!((stuck.abandoned, stuck.dead, stuck.restarts), (1, true, 0));
    // Two instants before it hung; what the collector said in that instant is lost and counted for the sink below.
    assert!(seen.readings > 6, "{} readings", seen.readings);
    assert_eq!(report.nodes["keep"].dropped, 1);
    assert!(!seen.values.contains(&3.0), "{:?}", seen.values);
    assert!(report.restored && !report.nodes["keep"].dead);
    assert_eq!(seen.flushes, 1, "the end was in order");
}

#[test]
fn a_node_that_hangs_in_every_life_is_made_anew_three_times_and_then_stopped() {
    let (report, seen) = run_stuck(&with_stuck("(call: Work)", OnError::Restart), 4000);
    let stuck = &report.nodes["stuck"];
    assert_eq!((stuck.abandoned, stuck.restarts, stuck.dead), (4, 3, true));
    assert!(seen.readings > 3, "{} readings", seen.readings);
}

/// In its sentences a plugin may have a number that is ever another one.
#[test]
fn of_a_node_with_ever_another_warning_some_are_told_and_the_rest_counted() {
    let shared = Arc::new(shared());
    let mut lanes = build::lanes(&whole(), &shared, true).unwrap();
    let node = lanes[0].nodes_mut().nth(1).unwrap();
    (0..1000).for_each(|number| node.warn(Nanos(number), &format!("process {number} is odd")));
    let untold = |node: &Node| node.host.counts()["warnings that were not told"];
    assert_eq!(untold(node), 1000 - 64);
    node.warn(Nanos::from_secs(20), "another time");
    assert_eq!(untold(node), 1000 - 64);
}

/// Where the actuator is in another lane. A new life of the policy must not be offered it, and nobody would forget it.
#[test]
fn a_knob_that_is_offered_after_its_target_went_is_not_kept() {
    let shared = Arc::new(shared());
    let mut lanes = build::lanes(&whole(), &shared, true).unwrap();
    let node = lanes[0].nodes_mut().nth(3).unwrap();
    node.start().unwrap();
    let of = |id: u32| Control {
        target: TargetId(id),
        ..Control::default()
    };
    let mut gone = TargetChange {
        change: Change::GONE,
        ..TargetChange::default()
    };
    gone.target.id = TargetId(7);
    node.tell_changes(crate::run::tap::Said::default(), &[gone]);
    let controls = Batch {
        controls: vec![of(7), of(8)].into(),
        ..Batch::default()
    };
    node.tell_feedback(crate::run::tap::Said::default(), &controls);
    node.retell(Nanos(1));
    let offered = &node.callable.as_ref().unwrap().waiting.feedback.controls;
    assert_eq!(offered.iter().map(|control| control.target.0).collect::<Vec<_>>(), [8]);
}

/// The outcome of the knob that goes back is the last that the sink is given. Whether that is lost it says when it is
/// asked for its last word, and nobody before it.
#[test]
fn what_a_sink_has_no_room_for_at_the_end_is_lost_only_if_its_last_word_says_so() {
    for (lost, loud) in [(false, 0), (true, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = whole_in(folder.path(), "");
        plan.nodes[5] = node::<Sinks<NoRoom>>("room", &format!("(lost: {lost})"), &[4]);
        let mut shared = shared_in(folder.path(), Clock::simulated(Nanos::ZERO));
        let said = Said::default();
        shared.logger = Logger::new(Format::Text, Level::ERROR, shared.clock.clone(), Box::new(said.clone()));
        let shared = Arc::new(shared);
        let report = execution::run_virtual(&plan, Nanos::from_millis(100), &shared).unwrap();
        shared.logger.flush();
        let errors = said.text().lines().filter(|line| line.contains("room:")).count();
        assert_eq!((report.complete, errors), (!lost, loud), "{}", said.text());
        assert!(report.nodes["room"].failures > 0);
    }
}

/// A wait for it ends at once, each time: without a rest the lane would do nothing else.
#[test]
fn a_descriptor_that_is_not_open_keeps_no_lane_busy() {
    let mut plan = whole();
    plan.nodes.truncate(1);
    plan.nodes.push(node::<Collects<Names>>("names", "", &[]));
    let shared = Arc::new(impatient(Path::new("/proc/nowhere")));
    let report = run(&plan, Nanos::from_millis(600), &shared).unwrap();
    let calls = report.nodes["names"].calls;
    assert!((1..=8).contains(&calls), "{calls} calls");
}

#[test]
fn on_error_abort_ends_a_run_whose_node_hangs() {
    let shared = Arc::new(impatient(Path::new("/proc/nowhere")));
    let plan = with_stuck("(call: Work)", OnError::Abort);
    let report = run(&plan, Nanos::from_secs(60), &shared).unwrap();
    open_gate(&shared.run_id);
    assert!(report.aborted && report.nodes["stuck"].dead);
    assert!(shared.clock.now() < Nanos::from_secs(30));
}

#[test]
fn a_node_whose_memory_hangs_in_its_end_is_given_up_as_well() {
    let (report, seen) = run_stuck(&with_stuck("(call: Drop)", OnError::Stop), 2000);
    assert_eq!((report.nodes["stuck"].abandoned, report.nodes["stuck"].dead), (1, true));
    assert!(seen.readings > 6, "{} readings", seen.readings);
}

#[test]
fn a_node_that_hangs_when_it_starts_keeps_the_run_from_beginning() {
    for call in ["Create", "Start"] {
        let mut shared = impatient(Path::new("/proc/nowhere"));
        shared.patience.start = Nanos::from_millis(200);
        let shared = Arc::new(shared);
        let plan = with_stuck(&format!("(call: {call})"), OnError::Restart);
        let error = run(&plan, Nanos::from_secs(1), &shared).unwrap_err();
        open_gate(&shared.run_id);
        let said = error.to_string();
        assert!(
            said.starts_with("`stuck` cannot start: `create` or `start` has not come back for 200ms"),
            "{said}"
        );
        assert_eq!(seen(&shared.run_id).flushes, 0, "the sink beside it was only stopped");
    }
}

#[test]
fn a_node_that_hangs_in_its_last_call_costs_the_others_nothing() {
    let (report, seen) = run_stuck(&with_stuck("(call: Flush)", OnError::Restart), 500);
    assert_eq!((report.nodes["stuck"].abandoned, report.nodes["stuck"].dead), (1, true));
    assert_eq!((seen.flushes, report.complete), (1, false));
    assert!(report.restored);
}

#[test]
fn an_element_that_says_it_blocks_has_more_time_and_is_given_up_only_when_the_run_ends() {
    let mut plan = with_stuck("", OnError::Restart);
    plan.nodes[2] = PlanNode {
        lane: "slow".to_owned(),
        ..node::<Sinks<Blocks>>("stuck", "(call: Work)", &[1])
    };
    let (report, seen) = run_stuck(&plan, 1200);
    let stuck = &report.nodes["stuck"];
    assert_eq!((stuck.abandoned, stuck.restarts, stuck.dead), (1, 0, true));
    assert_eq!(seen.flushes, 1);
}

#[test]
fn an_actuator_whose_call_hangs_is_undone_and_can_write_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = whole_in(folder.path(), "hangs_at: 3");
    plan.nodes[4].on_error = OnError::Stop;
    let shared = Arc::new(impatient(folder.path()));
    let report = run(&plan, Nanos::from_millis(1500), &shared).unwrap();
    let before = seen(&shared.run_id);
    assert_eq!(before.knob, ["2", "4"], "it was turned twice");
    assert!(before.fates.contains(&Fate::UNDONE), "{:?}", before.fates);
    assert_eq!((report.nodes["act"].abandoned, report.restored), (1, true));
    let knob = elements::knob_path(folder.path());
    assert_eq!(std::fs::read_to_string(&knob).unwrap(), "0");
    open_gate(&shared.run_id);
    // The call wakes up and asks the journal, which refuses; it has nothing else to do.
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(std::fs::read_to_string(&knob).unwrap(), "0");
    assert_eq!(seen(&shared.run_id).knob, ["2", "4"]);
}

/// A scheduler that decides once, for 300 ms, and an actuator in that role.
fn leased<R: pipeline_plugin_api::stage::Role>(folder: &Path) -> Plan {
    let mut plan = whole_in(folder, "");
    let config = plan.nodes[4].config.clone();
    plan.nodes[3].config = "(lease: \"300ms\", once: true)".to_owned();
    plan.nodes[4] = PlanNode {
        on_error: OnError::Stop,
        ..node::<R>("act", &config, &[3])
    };
    plan
}

#[test]
fn a_lease_that_its_actuator_forgets_is_put_back_from_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let plan = leased::<Careless>(folder.path());
    let (report, seen) = run_for(
        &plan,
        Nanos::from_secs(3),
        shared_in(folder.path(), Clock::simulated(Nanos::ZERO)),
    );
    assert_eq!((report.nodes["act"].dead, report.nodes["act"].failures), (true, 1));
    assert_eq!(
        (seen.releases, seen.knob.len()),
        (0, 1),
        "the actuator itself put nothing back"
    );
    let undone = seen
        .instants
        .iter()
        .position(|told| told.contains(&"outcome undone".to_owned()));
    assert!(undone.is_some_and(|instant| instant < 20), "{:?}", seen.instants);
    super::assert_only_the_knob_is_left_at_zero(folder.path());
}

#[test]
fn a_lease_that_its_actuator_keeps_track_of_lapses_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let plan = leased::<pipeline_plugin_api::stage::Actuates<Act>>(folder.path());
    let (report, seen) = run_for(
        &plan,
        Nanos::from_secs(3),
        shared_in(folder.path(), Clock::simulated(Nanos::ZERO)),
    );
    assert_eq!((report.nodes["act"].dead, report.nodes["act"].failures), (false, 0));
    assert!(seen.fates.contains(&Fate::LAPSED), "{:?}", seen.fates);
}

#[test]
fn leases_lapse_while_their_lane_is_stuck_in_a_call_that_may_take_long() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = leased::<pipeline_plugin_api::stage::Actuates<Act>>(folder.path());
    plan.nodes[5] = node::<Sinks<Blocks>>("stuck", "(call: Work, after: 1)", &[1]);
    let shared = Arc::new(impatient(folder.path()));
    let knob = elements::knob_path(folder.path());
    let watching = {
        let (shared, knob) = (shared.clone(), knob.clone());
        std::thread::spawn(move || {
            let read = || std::fs::read_to_string(&knob).unwrap();
            while read() == "0" {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            let turned = shared.clock.now();
            // What was turned goes back although the lane that holds it hangs.
            while read() != "0" && shared.clock.now() < turned + Nanos::from_secs(20) {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            let back = read();
            open_gate(&shared.run_id);
            back
        })
    };
    let report = run(&plan, Nanos::from_secs(4), &shared).unwrap();
    assert_eq!(watching.join().unwrap(), "0");
    assert_eq!(report.nodes["stuck"].abandoned, 0, "it had its time");
    assert!(report.nodes["act"].dead && report.restored);
}

#[test]
fn each_action_for_an_actuator_of_another_lane_has_one_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = whole_in(folder.path(), "pause: \"30ms\"");
    plan.nodes[1].every = Nanos::from_millis(2);
    plan.nodes[4].lane = "act".to_owned();
    let shared = Arc::new(impatient(folder.path()));
    let report = run(&plan, Nanos::from_secs(1), &shared).unwrap();
    let seen = seen(&shared.run_id);
    let count = |fate: Fate| seen.outcomes_at_scheduler.iter().filter(|seen| **seen == fate).count() as u64;
    assert!(
        count(Fate::REFUSED) > count(Fate::APPLIED),
        "{:?}",
        seen.outcomes_at_scheduler
    );
    let told = count(Fate::REFUSED) + count(Fate::APPLIED);
    // Those of the last call and of what waited for it are told when nobody decides any more.
    assert!(
        told <= seen.decided && told + 80 > seen.decided,
        "{told} of {}",
        seen.decided
    );
    assert_eq!((report.nodes["act"].dropped, report.restored), (0, true));
}

#[test]
fn what_ports_do_not_declare_is_dropped_and_counted() {
    let mut plan = whole();
    plan.nodes.truncate(2);
    plan.nodes.push(node::<Transforms<Strange>>("strange", "", &[1]));
    plan.nodes.push(node::<Sinks<Keep>>("keep", "", &[2]));
    let shared = Arc::new(shared());
    let mut lanes = build::lanes(&plan, &shared, true).unwrap();
    crate::run::starting::start(&mut lanes, &plan, &shared, None, Nanos::FOREVER).unwrap();
    let nodes = lanes.remove(0).run_virtual(Nanos::from_secs(1));
    assert_eq!(nodes[2].host.counts()["undeclared"], 10);
    assert_eq!(seen(&shared.run_id).readings, 10);
}

#[test]
fn a_setting_is_told_accepted_or_refused_and_outlives_a_restart() {
    let mut plan = with_stuck("", OnError::Restart);
    plan.nodes[1] = node::<Collects<Feed>>("feed", "", &[]);
    plan.nodes[1].of = whole().nodes[1].of.clone();
    let shared = Arc::new(shared());
    let mut lanes = build::lanes(&plan, &shared, true).unwrap();
    crate::run::starting::start(&mut lanes, &plan, &shared, None, Nanos::FOREVER).unwrap();
    let mut lane = lanes.remove(0);
    let mut set = |name: &str, value: &str| {
        let (answer, told) = crossbeam_channel::bounded(1);
        let (name, value) = (name.to_owned(), value.to_owned());
        shared
            .desk
            .post("stuck", Mail::Control { name, value, answer })
            .unwrap();
        lane.instant();
        let set = told.try_recv().unwrap();
        let (answer, told) = crossbeam_channel::bounded(1);
        shared.desk.post("stuck", Mail::Status { answer }).unwrap();
        lane.instant();
        (set, told.try_recv().unwrap())
    };
    assert_eq!(set("setting", "2h"), (Ok("2h".to_owned()), "2h".to_owned()));
    let refused = Err("there is no setting `stting`".to_owned());
    assert_eq!(set("stting", "1"), (refused, "2h".to_owned()));
    let (told, status) = set("setting", "panic");
    assert!(told.unwrap_err().contains("panic in `control`"));
    assert_eq!(status, "2h", "the next life has it as well");
    let figures = lane.nodes_mut().nth(2).unwrap().figures();
    assert_eq!((figures.restarts, figures.dead), (1, false));
}

#[test]
fn a_node_that_hangs_when_it_is_asked_is_given_up() {
    let plan = with_stuck("(call: Status)", OnError::Stop);
    let shared = Arc::new(impatient(Path::new("/proc/nowhere")));
    let asking = {
        let shared = shared.clone();
        std::thread::spawn(move || {
            let (answer, told) = crossbeam_channel::bounded::<String>(1);
            while shared
                .desk
                .post("stuck", Mail::Status { answer: answer.clone() })
                .is_err()
            {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            drop(answer);
            told
        })
    };
    let report = run(&plan, Nanos::from_secs(2), &shared).unwrap();
    assert!(asking.join().unwrap().try_recv().is_err(), "nobody answered");
    open_gate(&shared.run_id);
    assert_eq!((report.nodes["stuck"].abandoned, report.nodes["stuck"].dead), (1, true));
    assert!(seen(&shared.run_id).readings > 5);
}

#[test]
fn a_node_that_panics_in_every_call_costs_itself_only() {
    let mut plan = whole();
    plan.nodes.truncate(2);
    plan.nodes
        .push(node::<Transforms<elements::Faulty>>("faulty", "(panics: true)", &[1]));
    plan.nodes.push(node::<pipeline_plugin_api::stage::Schedules<Decide>>(
        "decide",
        "",
        &[2],
    ));
    plan.nodes.push(node::<Sinks<Keep>>("keep", "", &[1]));
    let (report, seen) = run_for(&plan, Nanos::from_secs(1), shared());
    assert!(report.nodes["faulty"].dead && !report.nodes["decide"].dead);
    assert_eq!(seen.readings, 10);
}

#[test]
fn a_run_that_loses_too_many_threads_ends() {
    let mut shared = impatient(Path::new("/proc/nowhere"));
    shared.patience.call = Nanos::from_millis(1);
    let shared = Arc::new(shared);
    let mut plan = with_stuck("(call: Work)", OnError::Restart);
    // Each has four lives, so these hold more threads than a run may lose.
    for number in 1..=crate::run::budget::ABANDONED_MOST / 4 {
        let lane = format!("lane-{number}");
        plan.nodes.push(PlanNode {
            lane: lane.clone(),
            ..node::<Sinks<Stuck>>(&lane, "(call: Work)", &[1])
        });
    }
    let report = run(&plan, Nanos::from_secs(60), &shared).unwrap();
    open_gate(&shared.run_id);
    assert!(report.aborted && shared.clock.now() < Nanos::from_secs(40));
    let lost: u64 = report.nodes.values().map(|figures| figures.abandoned).sum();
    assert!(lost > crate::run::budget::ABANDONED_MOST as u64, "{lost}");
}
