//! Which readings `signal.ratio` pairs, and what it makes of each pair.

use super::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use pipeline_plugin_api::vocabulary::{CPU_RUN_DELAY, CPU_THREADS, CPU_TIME};
use proptest::prelude::*;

const WEB: TargetId = TargetId(1);
const SECOND: Nanos = Nanos::from_secs(1);
const CONFIG: &str = "(numerator: \"cpu.run_delay\", denominator: \"cpu.time\", name: \"waiting\")";

fn node(config: &str) -> (TestHost, TestNode) {
    let host = TestHost::new();
    let node = host.node::<Transforms<Ratio>>(config).unwrap();
    (host, node)
}

fn feed(node: &mut TestNode, readings: &[Reading]) -> Vec<Reading> {
    let mut batch = Batch::default();
    batch.readings.extend_from_slice(readings);
    node.feed(SECOND, &batch).unwrap().readings.into()
}

/// What comes of a numerator and a denominator, both deltas over a second unless changed.
fn divided(above: impl Fn(Reading) -> Reading, below: impl Fn(Reading) -> Reading) -> Reading {
    let (host, mut node) = node(CONFIG);
    let delta = |metric, value| Reading::delta(SECOND, SECOND, WEB, host.metric(metric), value);
    let out = feed(
        &mut node,
        &[above(delta(&CPU_RUN_DELAY, 6.0)), below(delta(&CPU_TIME, 4.0))],
    );
    assert_eq!(out.len(), 1);
    out[0]
}

fn same(reading: Reading) -> Reading {
    reading
}

#[test]
fn deltas_of_one_span_are_divided() {
    let ratio = divided(same, same);
    assert_eq!((ratio.value, ratio.span, ratio.quality), (1.5, SECOND, Quality::EXACT));
}

#[test]
fn deltas_of_different_spans_are_divided_as_rates() {
    let twice = |reading| Reading {
        span: Nanos::from_secs(2),
        ..reading
    };
    let ratio = divided(twice, same);
    assert_eq!(
        (ratio.value, ratio.span, ratio.quality),
        (0.75, Nanos::from_secs(2), Quality::ESTIMATED)
    );
}

#[test]
fn nothing_below_the_line_is_no_ratio() {
    for above in [0.0, 6.0, -6.0] {
        let ratio = divided(
            |reading| Reading {
                value: above,
                ..reading
            },
            |reading| Reading { value: 0.0, ..reading },
        );
        assert_eq!((ratio.number(), Reason(ratio.detail)), (None, Reason::EMPTY));
    }
}

#[test]
fn the_worse_quality_is_the_ratios() {
    let ratio = divided(|reading| reading.scaled(0.3), |reading| reading.scaled(0.6));
    assert_eq!(
        (ratio.quality, ratio.detail),
        (Quality::SCALED, Reading::default().scaled(0.3).detail)
    );
    let lost = divided(same, |reading| without_value(&reading, Reason::FORBIDDEN));
    assert_eq!((lost.number(), Reason(lost.detail)), (None, Reason::FORBIDDEN));
}

#[test]
fn only_readings_of_one_target_part_and_instant_are_paired() {
    let (host, mut node) = node(CONFIG);
    let above = Reading::delta(SECOND, SECOND, WEB, host.metric(&CPU_RUN_DELAY), 6.0);
    let below = Reading::delta(SECOND, SECOND, WEB, host.metric(&CPU_TIME), 4.0);
    let strangers = [
        above,
        Reading {
            target: TargetId(2),
            ..below
        },
        below.of_part(Part::cpu(1)),
        Reading { at: Nanos(5), ..below },
    ];
    assert_eq!(feed(&mut node, &strangers), []);
    assert_eq!(
        feed(&mut node, &[below])[0].value,
        1.5,
        "the other half may come in a later batch"
    );
    assert_eq!(feed(&mut node, &[below]), [], "each pair is told once");
}

#[test]
fn a_scale_multiplies_and_units_divide() {
    for (config, unit, value) in [
        (
            "(numerator: \"cpu.time\", denominator: \"cpu.threads\", scale: 1000.0)",
            "ns",
            3000.0,
        ),
        (
            "(numerator: \"cpu.time\", denominator: \"cpu.threads\", unit: \"jiffies\")",
            "jiffies",
            3.0,
        ),
    ] {
        let (host, mut node) = node(config);
        let out = feed(
            &mut node,
            &[
                Reading::gauge(SECOND, WEB, host.metric(&CPU_THREADS), 2.0),
                Reading::delta(SECOND, SECOND, WEB, host.metric(&CPU_TIME), 6.0),
            ],
        );
        let name = host.world().names.metric_name(out[0].metric).cloned().unwrap();
        assert_eq!((name.name.as_str(), name.unit.as_str()), ("cpu.time.ratio", unit));
        assert_eq!((out[0].value, out[0].span), (value, SECOND));
    }
}

#[test]
fn a_target_that_went_is_forgotten() {
    let (host, mut node) = node(CONFIG);
    feed(
        &mut node,
        &[Reading::delta(SECOND, SECOND, WEB, host.metric(&CPU_TIME), 4.0)],
    );
    assert_eq!(node.raw().status(), "1 pairs followed");
    node.change(
        SECOND,
        Change::GONE,
        &Target {
            id: WEB,
            ..Target::default()
        },
    )
    .unwrap();
    assert_eq!(node.raw().status(), "0 pairs followed");
}

proptest! {
    #[test]
    fn a_ratio_times_its_denominator_is_its_numerator(above in -1e12f64..1e12, below in 1e-3f64..1e12) {
        let ratio = divided(|reading| Reading { value: above, ..reading }, |reading| Reading { value: below, ..reading });
        prop_assert!((ratio.value * below - above).abs() <= above.abs() * 1e-12);
    }
}
