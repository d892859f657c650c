//! The rules by table, that a class changes only when another one persists, and what is said without counters.

use super::*;
use crate::config::ClassRule;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

struct Scene {
    kit: TestHost,
    node: TestNode,
    second: u64,
}

impl Scene {
    fn new(config: &str) -> Self {
        let kit = TestHost::new();
        let mut node = kit.node::<Transforms<Classes>>(config).unwrap();
        let target = kit.target(Target {
            name: "job".into(),
            ..Target::default()
        });
        node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
        Self { kit, node, second: 0 }
    }

    fn step(&mut self, numbers: &[(&Metric, f64)]) -> Vec<f64> {
        self.second += 1;
        let at = Nanos::from_secs(self.second);
        let mut batch = Batch::default();
        for (metric, value) in numbers {
            batch
                .readings
                .push(Reading::gauge(at, TargetId(1), self.kit.metric(metric), *value));
        }
        let said = self.node.feed(at, &batch).unwrap();
        said.readings.iter().filter_map(Reading::number).collect()
    }

    fn class(&mut self, ipc: f64, misses: f64) -> Option<f64> {
        let numbers = [
            (&vocabulary::PERF_IPC, ipc),
            (&vocabulary::PERF_CACHE_MISS_RATE, misses),
        ];
        self.step(&numbers).first().copied()
    }
}

#[test]
fn the_published_rules_tell_the_classes() {
    let seen = |ipc: f64, misses: f64| {
        let mut seen = Seen::default();
        seen.set(Signal::Ipc, Some(ipc));
        seen.set(Signal::MissRate, Some(misses));
        seen
    };
    let cases = [
        (3.5, 0.02, Kind::Compute, Kind::Mixed),
        (2.0, 0.0005, Kind::Compute, Kind::Compute),
        (1.0, 0.02, Kind::Mixed, Kind::Mixed),
        (1.0, 0.07, Kind::Memory, Kind::Mixed),
        (0.3, 0.3, Kind::Memory, Kind::Memory),
        (0.3, 0.0, Kind::Mixed, Kind::Memory),
    ];
    for (ipc, misses, intensity, by_ipc) in cases {
        let seen = seen(ipc, misses);
        let traits = rule::traits(&seen).unwrap();
        assert_eq!(
            rule::kind(traits, &seen, ClassRule::Intensity),
            intensity,
            "{ipc} {misses}"
        );
        assert_eq!(rule::kind(traits, &seen, ClassRule::Ipc), by_ipc, "{ipc} {misses}");
    }
}

#[test]
fn a_class_changes_when_another_persists_and_not_for_a_moment() {
    let mut scene = Scene::new("(votes: 2, of_last: 3)");
    assert_eq!(scene.class(3.5, 0.02), Some(0.0));
    assert_eq!(scene.class(0.3, 0.3), Some(0.0));
    assert_eq!(scene.class(3.5, 0.02), Some(0.0));
    assert_eq!(scene.class(3.5, 0.02), Some(0.0));
    assert_eq!(scene.class(0.3, 0.3), Some(0.0));
    assert_eq!(scene.class(0.3, 0.3), Some(2.0));
}

#[test]
fn without_counters_nothing_is_said() {
    let mut scene = Scene::new("");
    for _ in 0..5 {
        assert_eq!(scene.step(&[(&vocabulary::KPI_RATE, 5.0)]), [0.0; 0]);
        assert_eq!(scene.step(&[(&vocabulary::PERF_IPC, 1.0)]), [0.0; 0], "no miss rate");
    }
}

#[test]
fn a_successor_goes_on_with_the_class() {
    let mut scene = Scene::new("");
    for _ in 0..3 {
        scene.class(0.3, 0.3);
    }
    let state = scene.node.raw().save().into_result().unwrap();
    let mut node = scene.kit.node::<Transforms<Classes>>("").unwrap();
    node.raw().load(1, state.as_slice().into()).into_result().unwrap();
    scene.node = node;
    scene.class(3.5, 0.02);
    assert_eq!(scene.class(3.5, 0.02), Some(2.0));
    assert!(scene.node.raw().status().contains("1 are limited by memory"));
}
