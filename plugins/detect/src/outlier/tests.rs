//! CPI² with its published constants: who is an outlier, who is none, and what is remembered.

use super::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

const TASKS: u32 = 6;

struct Scene {
    kit: TestHost,
    node: TestNode,
    minute: u64,
    targets: Vec<Target>,
}

/// What the tasks of a job do in a minute: CPI and CPUs of the first, and the CPI of the others.
type Minute = (f64, f64, f64);

impl Scene {
    fn new(config: &str) -> Self {
        Self::within(TestHost::new(), config)
    }

    fn within(kit: TestHost, config: &str) -> Self {
        let mut node = kit.node::<Transforms<Outliers>>(config).unwrap();
        let mut targets = Vec::new();
        for task in 0..TASKS {
            let target = kit.target(Target {
                name: format!("web-{task}").into(),
                ..Target::default()
            });
            node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
            targets.push(target);
        }
        Self {
            kit,
            node,
            minute: 0,
            targets,
        }
    }

    /// A minute of it, read every ten seconds.
    fn minute(&mut self, (cpi, cpu, others): Minute) -> Vec<Finding> {
        let mut findings = Vec::new();
        for ten in 1..=6 {
            let at = Nanos::from_secs(self.minute * 60 + ten * 10);
            let mut batch = Batch::default();
            for target in &self.targets {
                let first = target.id == self.targets[0].id;
                // The others differ a little, so that there is a deviation.
                let stray = 1.0 + 0.05 * (f64::from(target.id.0) - 3.0);
                let (cpi, cpu) = if first { (cpi, cpu) } else { (others * stray, 1.0) };
                let span = Nanos::from_secs(10);
                let push = |metric: &Metric, value| Reading::delta(at, span, target.id, self.kit.metric(metric), value);
                batch.readings.push(push(&vocabulary::PERF_INSTRUCTIONS, 1e10));
                batch.readings.push(push(&vocabulary::PERF_CYCLES, 1e10 * cpi));
                batch.readings.push(push(&vocabulary::CPU_TIME, cpu * 1e10));
            }
            findings.extend(self.node.feed(at, &batch).unwrap().findings);
        }
        self.minute += 1;
        findings
    }

    fn minutes(&mut self, count: u32, minute: Minute) -> Vec<Finding> {
        (0..count).flat_map(|_| self.minute(minute)).collect()
    }
}

const QUIET: Minute = (1.0, 1.0, 1.0);

#[test]
fn a_task_beyond_two_deviations_is_found_after_three_minutes() {
    let mut scene = Scene::new("");
    assert_eq!(scene.minutes(15, QUIET), []);
    assert_eq!(scene.minutes(2, (2.0, 1.0, 1.0)), []);
    let findings = scene.minute((2.0, 1.0, 1.0));
    assert_eq!(findings.len(), 1);
    let found = &findings[0];
    assert_eq!((found.phase, found.victim), (Phase::BEGINS, TargetId(1)));
    assert!(found.culprits.is_empty() && found.severity > 1.8, "{found:?}");
    assert!(
        found.why.contains("`web-0`") && found.why.contains("`web`"),
        "{}",
        found.why
    );
    let ended = scene.minutes(5, QUIET);
    assert_eq!(ended.last().map(|finding| finding.phase), Some(Phase::ENDS));
}

#[test]
fn a_task_that_hardly_runs_is_no_outlier() {
    let mut scene = Scene::new("");
    scene.minutes(15, QUIET);
    assert_eq!(scene.minutes(10, (3.0, 0.2, 1.0)), []);
}

#[test]
fn two_bad_minutes_of_five_are_no_anomaly() {
    let mut scene = Scene::new("");
    scene.minutes(15, QUIET);
    for _ in 0..4 {
        assert_eq!(scene.minutes(2, (2.0, 1.0, 1.0)), []);
        assert_eq!(scene.minutes(3, QUIET), []);
    }
}

#[test]
fn nothing_is_judged_before_a_profile_rests_on_enough_samples() {
    let mut scene = Scene::new("");
    assert_eq!(scene.minutes(9, (3.0, 1.0, 1.0)), []);
}

#[test]
fn the_next_run_judges_by_the_profiles_of_this_one() {
    let mut first = Scene::new("(store: \"cpi\")");
    first.minutes(15, QUIET);
    let stored = first.kit.world().stored.clone();
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["cpi"]);
    let kit = TestHost::new();
    kit.world().stored = stored;
    let mut next = Scene::within(kit, "(store: \"cpi\")");
    let findings = next.minutes(3, (2.0, 1.0, 1.0));
    assert_eq!(findings[0].phase, Phase::BEGINS);
}

#[test]
fn a_successor_keeps_the_open_finding_and_ends_it_when_the_task_goes() {
    let mut scene = Scene::new("");
    scene.minutes(15, QUIET);
    scene.minutes(3, (2.0, 1.0, 1.0));
    let state = scene.node.raw().save().into_result().unwrap();
    let mut node = scene.kit.node::<Transforms<Outliers>>("").unwrap();
    node.raw().load(1, state.as_slice().into()).into_result().unwrap();
    scene.node = node;
    let gone = scene.targets[0].clone();
    let said = scene.node.change(Nanos::from_secs(2000), Change::GONE, &gone).unwrap();
    assert_eq!((said.findings[0].phase, said.findings[0].id), (Phase::ENDS, 1));
}

#[test]
fn without_counters_nobody_is_found() {
    let mut scene = Scene::new("");
    for second in 1..100 {
        let at = Nanos::from_secs(second * 10);
        let mut batch = Batch::default();
        let cpu = scene.kit.metric(&vocabulary::CPU_TIME);
        batch
            .readings
            .push(Reading::delta(at, Nanos::from_secs(10), TargetId(1), cpu, 1e10));
        let said = scene.node.feed(at, &batch).unwrap();
        assert!(said.findings.is_empty() && said.readings.is_empty());
    }
}
