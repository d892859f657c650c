//! What `signal.rate` makes of deltas, totals, gaps and resets.

use super::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use pipeline_plugin_api::vocabulary::{CPU_RUN_DELAY, CPU_THREADS, CPU_TIME, IO_READ};
use proptest::prelude::*;

const WEB: TargetId = TargetId(1);
const SECOND: Nanos = Nanos::from_secs(1);

fn feed(node: &mut TestNode, at: Nanos, readings: &[Reading]) -> Vec<Reading> {
    let mut batch = Batch::default();
    batch.readings.extend_from_slice(readings);
    node.feed(at, &batch).unwrap().readings.into()
}

fn named(host: &TestHost, reading: &Reading) -> (String, String) {
    let world = host.world();
    let name = world.names.metric_name(reading.metric).unwrap();
    (name.name.to_string(), name.unit.to_string())
}

/// A host with a total named `theirs.total`, and a node that follows it.
fn follower(config: &str) -> (TestHost, MetricId, TestNode) {
    let host = TestHost::new();
    let total = host.world().names.metric("theirs.total", "1", Kind::COUNTER).unwrap();
    let node = host.node::<Transforms<Rate>>(config).unwrap();
    (host, total, node)
}

#[test]
fn every_unit_has_the_right_rate() {
    let host = TestHost::new();
    let mut node = host.node::<Transforms<Rate>>("(metrics: [\"*\"])").unwrap();
    for (metric, value, name, unit, rate) in [
        (CPU_TIME, 5e8, "cpu.time.rate", "1", 0.25),
        (IO_READ, 4096.0, "io.read.rate", "bytes/s", 2048.0),
        (vocabulary::CPU_SLICES, 10.0, "cpu.slices.rate", "1/s", 5.0),
    ] {
        let reading = Reading::delta(SECOND, Nanos::from_secs(2), WEB, host.metric(&metric), value);
        let out = feed(&mut node, SECOND, &[reading.of_part(Part::cpu(2))]);
        assert_eq!(named(&host, &out[0]), (name.to_owned(), unit.to_owned()));
        assert_eq!(
            (out[0].value, out[0].part, out[0].span),
            (rate, Part::cpu(2), Nanos::from_secs(2))
        );
    }
}

#[test]
fn a_pattern_leaves_gauges_and_other_names_alone() {
    let host = TestHost::new();
    let mut node = host.node::<Transforms<Rate>>("(metrics: [\"cpu.*\"])").unwrap();
    let delta = |metric| Reading::delta(SECOND, SECOND, WEB, host.metric(metric), 1.0);
    let out = feed(
        &mut node,
        SECOND,
        &[delta(&CPU_THREADS), delta(&IO_READ), delta(&CPU_RUN_DELAY)],
    );
    let names: Vec<String> = out.iter().map(|reading| named(&host, reading).0).collect();
    assert_eq!(names, ["cpu.run_delay.rate"]);
}

#[test]
fn a_gauge_that_is_named_is_warned_of_once() {
    let host = TestHost::new();
    let level = host.world().names.metric("theirs.level", "1", Kind::GAUGE).unwrap();
    let mut node = host.node::<Transforms<Rate>>("(metrics: [\"theirs.level\"])").unwrap();
    let reading = Reading::gauge(SECOND, WEB, level, 1.0);
    assert_eq!(feed(&mut node, SECOND, &[reading, reading]), []);
    let logs = host.world().logs.clone();
    assert_eq!(logs.len(), 1, "{logs:?}");
    assert!(
        logs[0].0 == Level::WARN && logs[0].1.contains("theirs.level"),
        "{logs:?}"
    );
}

#[test]
fn quality_passes_on() {
    let host = TestHost::new();
    let mut node = host.node::<Transforms<Rate>>("").unwrap();
    let delta = Reading::delta(SECOND, SECOND, WEB, host.metric(&CPU_TIME), 1e9);
    let lost = Reading::unavailable(SECOND, WEB, host.metric(&CPU_TIME), Reason::NEVER_RAN);
    let spanless = Reading {
        span: Nanos::ZERO,
        ..delta
    };
    let out = feed(
        &mut node,
        SECOND,
        &[delta.scaled(0.4), delta.estimated(), lost, spanless],
    );
    assert_eq!(
        (out[0].quality, out[0].detail),
        (Quality::SCALED, delta.scaled(0.4).detail)
    );
    assert_eq!(out[1].quality, Quality::ESTIMATED);
    assert_eq!((out[2].number(), Reason(out[2].detail)), (None, Reason::NEVER_RAN));
    assert_eq!((out[3].number(), Reason(out[3].detail)), (None, Reason::EMPTY));
}

#[test]
fn a_total_is_followed_for_each_target_and_part() {
    let (_, total, mut node) = follower("(metrics: [\"theirs.total\"])");
    let read =
        |second, target, part, value| Reading::gauge(Nanos::from_secs(second), target, total, value).of_part(part);
    let (one, other) = (Part::cpu(0), Part::cpu(1));
    let first = [
        read(1, WEB, one, 10.0),
        read(1, WEB, other, 100.0),
        read(1, TargetId(2), one, 1000.0),
    ];
    assert!(
        feed(&mut node, SECOND, &first)
            .iter()
            .all(|r| Reason(r.detail) == Reason::WARMING_UP)
    );
    let second = [
        read(3, WEB, one, 12.0),
        read(3, WEB, other, 104.0),
        read(3, TargetId(2), one, 1006.0),
    ];
    let rates: Vec<f64> = feed(&mut node, SECOND, &second).iter().map(|r| r.value).collect();
    assert_eq!(rates, [1.0, 2.0, 3.0]);
}

#[test]
fn a_gap_may_be_given() {
    let (_, total, mut node) = follower("(metrics: [\"theirs.*\"], gap: \"5s\")");
    let read = |second| Reading::gauge(Nanos::from_secs(second), WEB, total, second as f64);
    let out = feed(&mut node, SECOND, &[read(1), read(6), read(12), read(13)]);
    let told: Vec<Option<f64>> = out.iter().map(Reading::number).collect();
    assert_eq!(told, [None, Some(1.0), None, Some(1.0)]);
    assert_eq!(Reason(out[2].detail), Reason::RESET);
}

#[test]
fn a_target_that_went_is_forgotten() {
    let (_, total, mut node) = follower("(metrics: [\"theirs.total\"])");
    feed(&mut node, SECOND, &[Reading::gauge(SECOND, WEB, total, 5.0)]);
    assert_eq!(node.raw().status(), "1 totals followed");
    let gone = Target {
        id: WEB,
        ..Target::default()
    };
    node.change(SECOND, Change::GONE, &gone).unwrap();
    assert_eq!(node.raw().status(), "0 totals followed");
}

#[test]
fn a_name_that_means_something_else_already_stops_the_node() {
    let host = TestHost::new();
    host.world()
        .names
        .metric("cpu.time.rate", "watts", Kind::GAUGE)
        .unwrap();
    let mut node = host.node::<Transforms<Rate>>("").unwrap();
    let mut batch = Batch::default();
    batch
        .readings
        .push(Reading::delta(SECOND, SECOND, WEB, host.metric(&CPU_TIME), 1.0));
    let failure = node.feed(SECOND, &batch).unwrap_err();
    assert_eq!(failure.kind, FailureKind::FATAL);
    assert!(failure.message.contains("cpu.time.rate"), "{failure}");
}

proptest! {
    #[test]
    fn a_total_that_grows_has_no_negative_rate(steps in proptest::collection::vec((1u64..1 << 40, 0u64..1 << 40), 2..40)) {
        let (_, total, mut node) = follower("(metrics: [\"theirs.total\"])");
        let (mut at, mut value) = (0, 0);
        for (span, added) in steps {
            (at, value) = (at + span, value + added);
            let out = feed(&mut node, Nanos(at), &[Reading::gauge(Nanos(at), WEB, total, value as f64)]);
            prop_assert_eq!(out.len(), 1);
            prop_assert!(out[0].number().is_none_or(|rate| rate >= 0.0));
        }
    }

    #[test]
    fn any_total_gives_a_rate_that_is_not_negative_or_none(values in proptest::collection::vec(proptest::num::f64::ANY, 1..40)) {
        let (_, total, mut node) = follower("(metrics: [\"theirs.total\"])");
        for (second, value) in values.into_iter().enumerate() {
            let at = Nanos::from_secs(second as u64);
            let out = feed(&mut node, at, &[Reading::gauge(at, WEB, total, value)]);
            prop_assert!(out[0].number().is_none_or(|rate| rate >= 0.0));
        }
    }
}
