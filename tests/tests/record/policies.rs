//! Every policy and every detector decides the same of the same input: a run is replayed into a graph with it, and what
//! that recorded is replayed twice more.

use crate::made;
use pipeline_plugin_api::names::Names;
use pipeline_record_store::{Emission, Player, Run, Wanted};
use serde_json::Value;
use std::path::Path;
use system_tests::bed::Bed;

/// What makes an element decide something: its section, its `from`, its config, and whether it tells findings or actions
/// that a replay can be held to.
struct Case {
    element: &'static str,
    from: &'static str,
    config: &'static str,
    tells: &'static str,
}

const fn case(element: &'static str, from: &'static str, config: &'static str, tells: &'static str) -> Case {
    Case {
        element,
        from,
        config,
        tells,
    }
}

/// Detectors and policies, by element. One that is not here fails the test.
const CASES: &[Case] = &[
    case(
        "detect.baseline",
        "\"all\"",
        "(signal: \"kpi.latency.p99\", learn: \"6s\")",
        "findings",
    ),
    case(
        "detect.outlier",
        "\"all\"",
        "(window: \"1s\", every: \"1s\", samples: 20, votes: 2, least_cpu: 0.0)",
        "findings",
    ),
    case("detect.culprit", "\"all\", \"slow\"", "()", "findings"),
    case("detect.triage", "\"all\"", "()", "findings"),
    case("detect.class", "\"all\"", "()", "any"),
    case("detect.pattern", "\"all\"", "()", "findings"),
    case(
        "policy.fixed",
        "\"all\"",
        "(actions: [(target: \"batch\", knob: \"cpu.idle\", value: 1.0)])",
        "actions",
    ),
    case("policy.throttle", "\"slow\"", "()", "actions"),
    case("policy.priority", "\"slow\", \"all\"", "()", "any"),
    case("policy.adaptive", "\"slow\", \"all\"", "()", "actions"),
    case("policy.dynamic", "\"all\"", "()", "any"),
    case("policy.budget", "\"wants\"", "()", "actions"),
];

/// The detectors and schedulers that there are, as (element, stage).
fn found() -> Vec<(String, String)> {
    let said = Bed::new().tool(["plugins", "--format", "json"]).with(0);
    let listed: Value = serde_json::from_str(&said.stdout).unwrap();
    let elements = listed["elements"].as_array().unwrap().iter();
    let named = elements.map(|one| {
        let text = |field: &str| one[field].as_str().unwrap().to_owned();
        (text("element"), text("stage"))
    });
    let judged = |element: &str, stage: &str| {
        let mock = ["mock.", "fault.", "example."]
            .iter()
            .any(|head| element.starts_with(head));
        !mock && (stage == "scheduler" || element.starts_with("detect."))
    };
    named.filter(|(element, stage)| judged(element, stage)).collect()
}

fn graph(case: &Case, stage: &str, made: &Path) -> String {
    let Case {
        element, from, config, ..
    } = case;
    let made = serde_json::to_string(&made.to_string_lossy()).unwrap();
    let slow = "\"slow\": (plugin: \"detect.baseline\", from: [\"all\"], config: (signal: \"kpi.latency.p99\", learn: \"6s\")),";
    let own = format!("\"judge\": (plugin: \"{element}\", from: [{from}], config: {config}),");
    // Who asks for something, for a scheduler that judges what others ask for.
    let wants = match from.contains("wants") {
        true => {
            "\"wants\": (plugin: \"policy.fixed\", config: (actions: [(target: \"batch\", knob: \"cpu.idle\", value: 1.0)])),"
        }
        false => "",
    };
    let judged = match stage {
        "scheduler" => format!(
            "transforms: {{ {slow} }},
    schedulers: {{ {wants} {own} }},
    actuators: {{ \"limit\": (plugin: \"record.note\", from: [\"judge\"], config: (run: {made})) }},"
        ),
        _ if from.contains("slow") => format!("transforms: {{ {slow} {own} }},"),
        _ => format!("transforms: {{ {own} }},"),
    };
    format!(
        "(
    version: 1,
    targets: {{ \"jobs\": (plugin: \"record.targets\", config: (run: {made})) }},
    collectors: {{ \"all\": (plugin: \"record.source\", of: [\"jobs\"], config: (run: {made})) }},
    {judged}
)"
    )
}

/// Rows of a table, but for words for people.
fn differences(bed: &Bed, a: &str, b: &str) -> Vec<Value> {
    let said = bed.tool(["compare", a, b, "-o", "json"]).with(0);
    let compared: Value = serde_json::from_str(&said.stdout).unwrap();
    compared["differences"].as_array().unwrap().clone()
}

/// One case, from the run that was made to two replays of what came of it.
fn hold(bed: &Bed, case: &Case, stage: &str) {
    let name = case.element.replace('.', "-");
    let file = format!("{name}.ron");
    bed.write(&file, graph(case, stage, &bed.path("made")));
    let replay = |arguments: &[&str]| {
        let ended = bed.tool([&["replay"], arguments].concat());
        assert_eq!(
            ended.code,
            Some(0),
            "{}: {arguments:?}: {}{}",
            case.element,
            ended.stdout,
            ended.stderr
        );
    };
    let [first, again, twice] = ["first", "again", "twice"].map(|which| format!("{name}-{which}"));
    replay(&["made", "--graph", &file, "-o", &first]);
    replay(&[&first, "-o", &again]);
    replay(&[&first, "-o", &twice]);
    for other in [&again, &twice] {
        for difference in differences(bed, &first, other) {
            assert!(
                difference["first"].is_null(),
                "{} is not the same again: {difference:#}",
                case.element
            );
        }
    }
    let said = words(&bed.path(&first));
    assert_eq!(words(&bed.path(&again)), said, "{} says something else", case.element);
    assert_eq!(words(&bed.path(&twice)), said, "{} says something else", case.element);
    assert!(
        !said.is_empty(),
        "{} said nothing, so nothing was compared",
        case.element
    );
    let told = differences(bed, &first, &again);
    let tells = |what: &str| {
        let own = |one: &&Value| one["what"] == what && one["node"] == "judge";
        told.iter()
            .filter(own)
            .map(|one| one["same"].as_u64().unwrap())
            .sum::<u64>()
    };
    match case.tells {
        "any" => {}
        what => assert!(
            tells(what) > 0,
            "{} told no {what}, so nothing was compared: {told:?}",
            case.element
        ),
    }
}

/// All that the judge said, readings included, with the bits of their numbers.
fn words(folder: &Path) -> Vec<String> {
    let mut names = Names::default();
    let wanted = Wanted::Nodes(vec!["judge".to_owned()]);
    let mut player = Player::new(&Run::open(folder).unwrap(), wanted, &mut names);
    let mut emission = Emission::default();
    let mut all = Vec::new();
    while player.next_into(&mut emission, &mut names) {
        let batch = &emission.batch;
        let bits: Vec<u64> = batch.readings.iter().map(|reading| reading.value.to_bits()).collect();
        all.push(format!("{} {bits:x?} {batch:?}", emission.at));
    }
    all
}

#[test]
fn every_detector_and_every_policy_decides_the_same_again_and_again() {
    let bed = Bed::new();
    made::run(&bed.path("made"));
    let found = found();
    for element in ["detect.baseline", "policy.fixed", "policy.throttle"] {
        assert!(
            found.iter().any(|(found, _)| found == element),
            "{element} is not among {found:?}"
        );
    }
    for (element, stage) in found {
        let Some(case) = CASES.iter().find(|case| case.element == element) else {
            panic!("`{element}` has no case here: add one that makes it decide something");
        };
        hold(&bed, case, &stage);
    }
}

#[test]
fn under_another_threshold_compare_shows_where_and_why_they_part() {
    let bed = Bed::new();
    made::run(&bed.path("made"));
    let case = CASES.iter().find(|case| case.element == "policy.throttle").unwrap();
    bed.write("graph.ron", graph(case, "scheduler", &bed.path("made")));
    bed.tool(["replay", "made", "--graph", "graph.ron", "-o", "one"])
        .with(0);
    bed.tool(["replay", "one", "--set", "slow.learn=\"20s\"", "-o", "two"])
        .with(0);
    let said = bed.tool(["compare", "one", "two"]).with(0).stdout;
    assert!(said.contains("slow.learn"), "{said}");
    assert!(said.contains("`slow`:") && said.contains("; then\n  A: "), "{said}");
}
