//! How good detectors and policies are, in short: some simulated scenarios under ours and under nothing, by the real binary
//! and real plugins in virtual time. `scripts/efficacy` runs hundreds, and other policies beside them.
//!
//! All of it is computed from seeds, so the same build gives the same figures each time, and bounds that are met here
//! are met everywhere. They lie below what is reached, so that a change that costs a little passes and one that breaks
//! something does not.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use std::collections::BTreeMap;
use std::process::Command;
use system_tests::bed::Bed;
use system_tests::built;

/// The values of the lines that `efficacy` prints, by policy and measure.
fn figures(arguments: &[&str]) -> BTreeMap<(String, String), f64> {
    let output = Command::new(built::folder().join("efficacy"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {wrong}\n{said}", output.status);
    let suite = arguments[0];
    let lines = said.lines().filter_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let [of, policy, measure, value, ..] = words[..] else {
            return None;
        };
        let value: f64 = value.parse().ok().filter(|_| of == suite)?;
        Some(((policy.to_owned(), measure.to_owned()), value))
    });
    lines.collect()
}

/// Fifteen seeds are each kind of trouble once, five of them quiet or the victim's own doing.
#[test]
fn trouble_is_found_blamed_on_the_right_one_and_helped() {
    let found = figures(&["sim", "--seeds", "0..15", "--policy", "none", "ours"]);
    let value = |policy: &str, measure: &str| {
        let known = found.get(&(policy.to_owned(), measure.to_owned()));
        *known.unwrap_or_else(|| panic!("no `{measure}` of `{policy}` in {found:?}"))
    };
    for (policy, measure, least) in [
        ("none", "recall", 0.9),
        ("none", "precision", 0.95),
        ("none", "culprit", 0.85),
        ("none", "resource", 0.85),
        ("ours", "recovered", 0.6),
    ] {
        assert!(value(policy, measure) >= least, "{policy} {measure}: {found:#?}");
    }
    assert!(value("ours", "changes_per_minute") > 0.0, "{found:#?}");
    assert!(value("none", "changes_per_minute") <= 0.0, "{found:#?}");
}

#[test]
fn the_same_seeds_give_the_same_figures() {
    let once = || figures(&["sim", "--seeds", "1..3", "--policy", "none", "ours"]);
    let first = once();
    assert!(!first.is_empty());
    assert_eq!(first, once());
}

/// The command reads what a run left, and says what it was.
#[test]
fn a_run_is_scored_by_the_command() {
    let graph = std::fs::read_to_string(built::repository().join("configs/efficacy-ours.ron")).unwrap();
    let bed = Bed::with(&graph.replace("runs/efficacy-{run}.jsonl", "run.jsonl"));
    let run = bed
        .command(["run", "graph.ron", "--virtual", "-q", "--for", "3m"])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let score = |arguments: &[&str]| {
        let output = bed.command([&["score"], arguments].concat()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (status, page, wrong) = score(&["run.jsonl", "-o", "json", "--each"]);
    assert_eq!((status, wrong.as_str()), (Some(0), ""), "{page}");
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["runs"][0]["episodes"][0]["resource"], "l3", "{page:#}");
    assert_eq!(page["with_truth"], 1);
    let (status, _, wrong) = score(&["nowhere"]);
    assert_eq!(status, Some(66), "{wrong}");
    assert!(wrong.contains("`nowhere` cannot be read"), "{wrong}");
    let (status, page, _) = score(&["--help"]);
    assert!(
        status == Some(0) && page.contains("usage: pipeline score RUN"),
        "{page}"
    );
}
