//! Every policy and every detector decides the same of the same input: a node is simulated on which it finds something or
//! acts, and what that recorded is replayed twice, once as on a CPU that adds and multiplies in two steps.

use crate::made;
use serde_json::Value;
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::child::Child;
use system_tests::decided::{CASES, Case, SPAN};

/// A computed run of some minutes takes a moment; on a crowded machine, some.
const PATIENCE: Duration = Duration::from_secs(120);
/// The C library picks its `exp`, `ln` and `pow` by what the CPU can do, and not all of them give the same last bit
/// (glibc manual, "Hardware Capability Tunables").
const PLAIN: (&str, &str) = ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2");

/// The detectors and schedulers that there are.
fn found() -> Vec<String> {
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
    named
        .filter(|(element, stage)| judged(element, stage))
        .map(|(element, _)| element)
        .collect()
}

/// Carries a command line out that computes.
fn compute(bed: &Bed, arguments: &[&str], environment: Option<(&str, &str)>) {
    let mut command = bed.command(arguments);
    command.envs(environment);
    Child::start(&mut command).end(PATIENCE).with(0);
}

/// Where two runs first differ, in words for people.
fn differences(bed: &Bed, a: &str, b: &str) -> Vec<Value> {
    let said = bed.tool(["compare", a, b, "-o", "json"]).with(0);
    let compared: Value = serde_json::from_str(&said.stdout).unwrap();
    let all = compared["differences"].as_array().unwrap().clone();
    all.into_iter().filter(|one| !one["first"].is_null()).collect()
}

/// One case, from the simulated run to its two replays.
fn hold(bed: &Bed, case: &Case) {
    let name = case.name();
    let [file, first, again, plain] = [".ron", "-first", "-again", "-plain"].map(|end| format!("{name}{end}"));
    bed.write(&file, case.graph(&first));
    compute(bed, &["run", &file, "--virtual", "--for", SPAN], None);
    case.decided(&bed.path(&first))
        .unwrap_or_else(|missing| panic!("{missing}: nothing would be compared"));
    compute(bed, &["replay", &first, "-o", &again], None);
    compute(bed, &["replay", &first, "-o", &plain], Some(PLAIN));
    let told = case.told(&bed.path(&first));
    for other in [&again, &plain] {
        assert_eq!(case.told(&bed.path(other)), told, "`{other}` is not `{first}`");
        let differences = differences(bed, &first, other);
        assert!(differences.is_empty(), "`{other}` is not `{first}`: {differences:#?}");
    }
}

#[test]
fn every_detector_and_every_policy_decides_the_same_again_and_again() {
    let bed = Bed::new();
    let found = found();
    for case in CASES {
        assert!(
            found.iter().any(|element| element == case.element),
            "`{}` is not among {found:?}",
            case.element
        );
    }
    for element in found {
        let Some(case) = CASES.iter().find(|case| case.element == element) else {
            panic!("`{element}` has no case in `tests/src/decided.rs`: add one in which it decides something");
        };
        hold(&bed, case);
    }
}

#[test]
fn under_another_threshold_compare_shows_where_and_why_they_part() {
    let bed = Bed::new();
    made::run(&bed.path("made"));
    bed.write("graph.ron", made::GRAPH);
    bed.tool(["replay", "made", "--graph", "graph.ron", "-o", "one"])
        .with(0);
    bed.tool(["replay", "one", "--set", "slow.learn=\"20s\"", "-o", "two"])
        .with(0);
    let said = bed.tool(["compare", "one", "two"]).with(0).stdout;
    assert!(said.contains("slow.learn"), "{said}");
    assert!(said.contains("`slow`:") && said.contains("; then\n  A: "), "{said}");
}
