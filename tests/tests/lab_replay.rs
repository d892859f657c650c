//! What was decided here is decided on another machine too: an emulated one with another kind of CPU, another number of
//! them and another kernel. `PIPELINE_LAB` names the program that boots it.

use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::child::Child;
use system_tests::decided::{CASES, Case, SPAN};
use system_tests::lab::{Lab, Left};
use system_tests::need::{Need, have};

const PATIENCE: Duration = Duration::from_secs(120);

/// Replays each run, and computes a graph from its beginning if there is one.
const SCRIPT: &str = "
    cd /out
    if [ -s /graph.ron ]; then
        pipeline --plugin-dir /plugins run /graph.ron --virtual --for SPAN > run.log 2>&1 || { cat run.log; exit 1; }
    fi
    for run in /runs/*-first; do
        name=$(basename $run -first)
        pipeline --plugin-dir /plugins replay $run -o $name-again > $name.log 2>&1 || { cat $name.log; exit 1; }
    done
    echo $(grep -m 1 'model name' /proc/cpuinfo), $(nproc) CPUs, $(uname -r) > cpu
    exit 0";

/// Scenario: a node is simulated here for each detector, and what was recorded is replayed there.
/// Guaranteed: each of them says the same, to the bit.
#[test]
fn what_is_found_here_is_found_on_another_machine() {
    if let Some((count, left)) = replay_there("detect.", "") {
        println!("found_elsewhere {count} elements on {}", left.file("cpu").trim());
    }
}

/// Scenario: a node is simulated here for each policy, and what was recorded is replayed there.
/// Guaranteed: each of them asks for the same, to the bit; and so does one of them on the node as it is simulated there.
#[test]
fn what_is_decided_here_is_decided_on_another_machine() {
    let computed = CASES.iter().find(|case| case.element == "policy.adaptive").unwrap();
    if let Some((count, left)) = replay_there("policy.", &computed.graph("computed")) {
        println!("decided_elsewhere {count} elements on {}", left.file("cpu").trim());
    }
}

/// All elements whose name begins so; gives how many they are. A graph that is given is computed there from its beginning,
/// too, and is one of theirs.
fn replay_there(head: &str, graph: &str) -> Option<(usize, Left)> {
    if !have(&[Need::Lab]) {
        return None;
    }
    let bed = Bed::new();
    let cases: Vec<&Case> = CASES.iter().filter(|case| case.element.starts_with(head)).collect();
    assert!(!cases.is_empty());
    cases.iter().for_each(|case| record(&bed, case));
    let left = Lab::with(&["sim", "record", "detect", "policy"])
        .file(&bed.path("runs"), "/runs")
        .text(graph, "/graph.ron")
        .run(&SCRIPT.replace("SPAN", SPAN));
    for case in &cases {
        let told = case.told(&bed.path(&first(case)));
        let there = left.path(&format!("{}-again", case.name()));
        assert_eq!(case.told(&there), told, "`{}` decides otherwise there", case.element);
        if graph == case.graph("computed") {
            let computed = case.told(&left.path("computed"));
            assert_eq!(
                computed, told,
                "`{}` on the node as it is simulated there",
                case.element
            );
        }
    }
    Some((cases.len(), left))
}

fn first(case: &Case) -> String {
    format!("runs/{}-first", case.name())
}

/// Simulates a node and records what the case makes of it.
fn record(bed: &Bed, case: &Case) {
    let folder = first(case);
    let file = format!("{}.ron", case.name());
    bed.write(&file, case.graph(&folder));
    let mut command = bed.command(["run", &file, "--virtual", "--for", SPAN]);
    Child::start(&mut command).end(PATIENCE).with(0);
    case.decided(&bed.path(&folder))
        .unwrap_or_else(|missing| panic!("{missing}: nothing would be compared"));
}
