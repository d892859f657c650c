//! The published rules by table, and that a finding begins, ends and names nobody.

use super::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

fn seen(misses: f64, bandwidth: Option<f64>) -> Seen {
    let mut seen = Seen::default();
    seen.set(Signal::MissRate, Some(misses));
    seen.set(Signal::Bandwidth, bandwidth);
    seen
}

#[test]
fn the_score_of_rdt4nn_and_the_test_of_container_bench() {
    let score = PatternConfig {
        bandwidth: Some(Bytes(10)),
        ..PatternConfig::default()
    };
    let rate = PatternConfig {
        rule: PatternRule::MissRate,
        ..PatternConfig::default()
    };
    let cases = [
        (0.05, None, 1.0, false, false, Resource::L3),
        (0.2, None, 0.8, false, true, Resource::L3),
        (0.35, None, 0.65, true, true, Resource::L3),
        (0.05, Some(10.0), 0.6, true, false, Resource::MEMORY_BANDWIDTH),
        (0.2, Some(9.0), 0.64, true, true, Resource::L3),
        (0.05, Some(7.0), 1.0, false, false, Resource::L3),
    ];
    for (misses, bandwidth, expected, by_score, by_rate, resource) in cases {
        let seen = seen(misses, bandwidth);
        let verdict = judge(&seen, &score).unwrap();
        assert!(
            (verdict.score - expected).abs() < 1e-9,
            "{misses} {bandwidth:?}: {verdict:?}"
        );
        assert_eq!(
            (verdict.found, verdict.resource),
            (by_score, resource),
            "{misses} {bandwidth:?}"
        );
        assert_eq!(judge(&seen, &rate).unwrap().found, by_rate, "{misses} {bandwidth:?}");
    }
}

#[test]
fn what_was_not_counted_is_not_judged() {
    assert_eq!(judge(&Seen::default(), &PatternConfig::default()), None);
}

fn feed(kit: &TestHost, node: &mut TestNode, second: u64, misses: f64) -> Vec<Finding> {
    let at = Nanos::from_secs(second);
    let mut batch = Batch::default();
    let metric = kit.metric(&vocabulary::PERF_CACHE_MISS_RATE);
    batch.readings.push(Reading::gauge(at, TargetId(1), metric, misses));
    node.feed(at, &batch).unwrap().findings.into()
}

#[test]
fn a_finding_begins_and_ends_with_the_rule_and_names_nobody() {
    let kit = TestHost::new();
    let mut node = kit.node::<Transforms<Patterns>>("(window: \"1s\")").unwrap();
    let target = kit.target(Target {
        name: "job".into(),
        ..Target::default()
    });
    node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
    let mut told = Vec::new();
    for (second, misses) in [(1, 0.5), (2, 0.5), (3, 0.02), (4, 0.5)] {
        told.extend(feed(&kit, &mut node, second, misses));
    }
    let phases: Vec<Phase> = told.iter().map(|finding| finding.phase).collect();
    assert_eq!(phases, [Phase::BEGINS, Phase::LASTS, Phase::ENDS, Phase::BEGINS]);
    assert!(told.iter().all(|finding| finding.culprits.is_empty()));
    assert!(told[0].why.contains("not seen: memory bandwidth"), "{}", told[0].why);
    let gone = node.change(Nanos::from_secs(5), Change::GONE, &target).unwrap();
    assert_eq!(gone.findings[0].phase, Phase::ENDS);
}
