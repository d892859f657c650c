//! What `signal.window` tells as a window fills, thins out and empties.

use super::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use pipeline_plugin_api::vocabulary::KPI_LATENCY_P99;
use proptest::prelude::*;

const WEB: TargetId = TargetId(1);

struct Fixture {
    host: TestHost,
    node: TestNode,
    metric: MetricId,
}

fn fixture(more: &str) -> Fixture {
    let host = TestHost::new();
    let node = host
        .node::<Transforms<Windows>>(&format!("(metrics: [\"kpi.latency.p99\"], {more})"))
        .unwrap();
    let metric = host.metric(&KPI_LATENCY_P99);
    Fixture { host, node, metric }
}

impl Fixture {
    /// What is told of a reading at that second, by name; `None` for an unavailable reading.
    fn at(&mut self, second: u64, value: Option<f64>) -> BTreeMap<String, Reading> {
        let at = Nanos::from_secs(second);
        let reading = match value {
            Some(value) => Reading::gauge(at, WEB, self.metric, value),
            None => Reading::unavailable(at, WEB, self.metric, Reason::EMPTY),
        };
        self.feed(reading)
    }

    fn feed(&mut self, reading: Reading) -> BTreeMap<String, Reading> {
        let mut batch = Batch::default();
        batch.readings.push(reading);
        let out = self.node.feed(reading.at, &batch).unwrap().readings;
        let world = self.host.world();
        let name = |id| {
            world
                .names
                .metric_name(id)
                .unwrap()
                .name
                .replace("kpi.latency.p99.", "")
        };
        out.iter().map(|reading| (name(reading.metric), *reading)).collect()
    }
}

#[test]
fn each_statistic_has_its_name_and_value() {
    let mut window = fixture("count: 4, quantiles: [0.5, 0.95, 0.999]");
    for second in 0..5 {
        window.at(second, Some(second as f64));
    }
    let told = window.at(5, Some(5.0));
    let values: Vec<(&str, String)> = told
        .iter()
        .map(|(name, reading)| (name.as_str(), format!("{:.3}", reading.value)))
        .collect();
    let expected = [
        ("max", "5.000"),
        ("mean", "3.500"),
        ("min", "2.000"),
        ("p50", "3.500"),
        ("p95", "4.850"),
        ("p999", "4.997"),
        ("std", "1.291"),
    ];
    assert_eq!(values, expected.map(|(name, value)| (name, value.to_owned())));
    assert!(
        told.values()
            .all(|reading| reading.quality == Quality::EXACT && reading.span == Nanos::from_secs(3))
    );
}

#[test]
fn too_few_values_warm_up() {
    let mut window = fixture("count: 4, least_count: 3");
    for (second, quality) in [
        (0, Quality::UNAVAILABLE),
        (1, Quality::UNAVAILABLE),
        (2, Quality::ESTIMATED),
        (3, Quality::EXACT),
    ] {
        let told = window.at(second, Some(1.0));
        assert_eq!(told["mean"].quality, quality, "second {second}");
        if quality == Quality::UNAVAILABLE {
            assert_eq!(Reason(told["mean"].detail), Reason::WARMING_UP);
        }
    }
}

#[test]
fn one_value_has_a_mean_and_no_deviation() {
    let told = fixture("count: 1, least_count: 1").at(0, Some(7.0));
    assert_eq!(told["mean"].number(), Some(7.0));
    assert_eq!(
        (told["std"].number(), Reason(told["std"].detail)),
        (None, Reason::WARMING_UP)
    );
}

#[test]
fn a_window_with_holes_is_an_estimate() {
    let mut window = fixture("count: 10");
    for second in 0..10 {
        window.at(second, Some(1.0));
    }
    assert_eq!(
        window.at(10, None)["mean"].quality,
        Quality::EXACT,
        "nine of ten are enough"
    );
    let told = window.at(11, None);
    assert_eq!((told["mean"].quality, told["mean"].value), (Quality::ESTIMATED, 1.0));
}

#[test]
fn a_window_of_holes_tells_why_there_are() {
    let mut window = fixture("count: 2");
    window.at(0, Some(1.0));
    window.at(1, None);
    let told = window.at(2, None);
    assert_eq!(
        (told["max"].number(), Reason(told["max"].detail)),
        (None, Reason::EMPTY)
    );
}

#[test]
fn a_span_is_complete_once_it_was_lived_through() {
    let mut window = fixture("span: \"10s\"");
    window.at(0, Some(1.0));
    assert_eq!(window.at(8, Some(1.0))["mean"].quality, Quality::ESTIMATED);
    assert_eq!(window.at(9, Some(1.0))["mean"].quality, Quality::EXACT);
    assert_eq!(
        window.at(30, Some(3.0))["mean"].number(),
        None,
        "the others are too old by now"
    );
}

#[test]
fn the_worst_quality_in_the_window_is_told() {
    let mut window = fixture("count: 2");
    window.at(0, Some(1.0));
    let scaled = Reading::gauge(Nanos::from_secs(1), WEB, window.metric, 3.0).scaled(0.25);
    let told = window.feed(scaled);
    assert_eq!(
        (told["mean"].quality, told["mean"].detail),
        (Quality::SCALED, scaled.detail)
    );
}

#[test]
fn a_target_that_went_is_forgotten() {
    let mut window = fixture("");
    window.at(0, Some(1.0));
    assert_eq!(window.node.raw().status(), "1 series followed");
    let gone = Target {
        id: WEB,
        ..Target::default()
    };
    window.node.change(Nanos::from_secs(1), Change::GONE, &gone).unwrap();
    assert_eq!(window.node.raw().status(), "0 series followed");
}

proptest! {
    #[test]
    fn the_mean_lies_between_least_and_most(values in proptest::collection::vec(-1e15f64..1e15, 2..40)) {
        let mut window = fixture("count: 8");
        for (second, value) in values.iter().enumerate() {
            let told = window.at(second as u64, Some(*value));
            if let Some(mean) = told["mean"].number() {
                prop_assert!(told["min"].value <= mean && mean <= told["max"].value);
                prop_assert!(told["min"].value <= told["p95"].value && told["p95"].value <= told["max"].value);
                prop_assert!(told["std"].value >= 0.0);
            }
        }
    }
}
