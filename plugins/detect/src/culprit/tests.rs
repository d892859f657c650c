//! Who is named for what a victim suffers: the culprit, not the bystander, and nobody where it is nobody.

use super::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

struct Scene {
    kit: TestHost,
    node: TestNode,
    second: u64,
    targets: Vec<Target>,
}

/// A second: the victim's ratio, and the CPUs of each neighbour.
type Second<'a> = (f64, &'a [f64]);

impl Scene {
    fn new(config: &str, neighbours: u32) -> Self {
        let kit = TestHost::new();
        let mut node = kit.node::<Transforms<Culprits>>(config).unwrap();
        let mut targets = Vec::new();
        for i in 0..=neighbours {
            let name = if i == 0 { "web".to_owned() } else { format!("n{i}") };
            let target = kit.target(Target {
                name: name.as_str().into(),
                ..Target::default()
            });
            node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
            targets.push(target);
        }
        Self {
            kit,
            node,
            second: 0,
            targets,
        }
    }

    fn second(&mut self, (ratio, cpus): Second<'_>, phase: Option<Phase>) -> Vec<Finding> {
        self.second += 1;
        let (at, span) = (Nanos::from_secs(self.second), Nanos::from_secs(1));
        let mut batch = Batch::default();
        let signal = self.kit.metric(&vocabulary::DETECT_RATIO);
        let cpu = self.kit.metric(&vocabulary::CPU_TIME);
        batch.readings.push(Reading::gauge(at, TargetId(1), signal, ratio));
        for (id, share) in (2..).zip(cpus) {
            batch
                .readings
                .push(Reading::delta(at, span, TargetId(id), cpu, share * 1e9));
        }
        batch.readings.push(Reading::delta(at, span, TargetId(1), cpu, 5e8));
        batch.findings.extend(phase.map(|phase| Finding {
            at,
            id: 9,
            phase,
            victim: TargetId(1),
            severity: ratio,
            ..Finding::default()
        }));
        self.node.feed(at, &batch).unwrap().findings.into()
    }

    /// Five calm minutes with a neighbour that comes and goes, and then a finding: who is named.
    fn named(&mut self, at: impl Fn(u64) -> (f64, Vec<f64>)) -> Vec<u32> {
        for second in 0..300 {
            let (ratio, cpus) = at(second);
            assert_eq!(self.second((ratio, &cpus), None), [], "nothing is told unasked");
        }
        let (ratio, cpus) = at(300);
        let found = self.second((ratio, &cpus), Some(Phase::BEGINS));
        assert_eq!(found.len(), 1);
        found[0].culprits.iter().map(|culprit| culprit.target.0).collect()
    }
}

fn wobble(second: u64) -> f64 {
    ((second * 7919) % 101) as f64 / 101.0
}

fn on(second: u64) -> bool {
    (second / 20).is_multiple_of(3)
}

/// The first neighbour does the harm; the second runs about when the first runs; the third runs always.
fn harmed(second: u64) -> (f64, Vec<f64>) {
    let guilty = if on(second) { 0.9 } else { 0.0 };
    let bystander = if on(second) != second.is_multiple_of(7) {
        0.5
    } else {
        0.1
    };
    let ratio = if on(second) { 3.0 } else { 1.0 } + 0.05 * wobble(second);
    (ratio, vec![guilty, bystander, 0.7 + 0.1 * wobble(second + 5)])
}

#[test]
fn the_culprit_is_named_and_not_who_runs_when_it_runs() {
    let mut scene = Scene::new("", 3);
    assert_eq!(scene.named(harmed), [2]);
}

#[test]
fn the_published_score_names_the_bystander_too() {
    let mut scene = Scene::new("(method: Published, least: 0.2)", 3);
    assert_eq!(scene.named(harmed), [2, 3]);
}

#[test]
fn none_of_them_is_said_where_nobody_goes_with_it() {
    let mut scene = Scene::new("", 3);
    let alone = |second: u64| {
        let (_, mut cpus) = harmed(second);
        cpus.rotate_left(1);
        (
            1.0 + wobble(second * 31 + 3),
            cpus.iter().map(|cpu| cpu + 0.1 * wobble(second * 17 + 1)).collect(),
        )
    };
    assert_eq!(scene.named(alone), [0; 0]);
    let again = scene.second((1.5, &[0.1, 0.1, 0.1]), Some(Phase::LASTS));
    assert_eq!(again, [], "a finding that lasts is looked at again after a while");
}

#[test]
fn a_look_at_many_is_spread_over_instants_that_it_asks_for_and_answers_within_a_tenth_of_a_second() {
    let mut scene = Scene::new("", 400);
    let many = |second: u64| {
        let (ratio, mut cpus) = harmed(second);
        cpus.extend((0..397).map(|nth| wobble(second * 13 + nth * 29)));
        (ratio, cpus)
    };
    for second in 0..300 {
        let (ratio, cpus) = many(second);
        scene.second((ratio, &cpus), None);
    }
    let (ratio, cpus) = many(300);
    assert_eq!(scene.second((ratio, &cpus), Some(Phase::BEGINS)), []);
    let began = Nanos::from_secs(scene.second);
    let mut at = began + Nanos::from_millis(1);
    let found = loop {
        let mut out = Batch::default();
        let wish = scene
            .node
            .raw()
            .input(at, [].as_slice().into(), &mut out)
            .into_result()
            .unwrap();
        if let Some(found) = out.findings.first() {
            break found.clone();
        }
        assert!(wish > at && wish < began + Nanos::from_millis(100), "{wish:?}");
        at = wish;
    };
    assert!(at > began + Nanos::from_millis(1), "it takes some instants");
    assert_eq!(found.culprits.iter().map(|c| c.target.0).collect::<Vec<_>>(), [2]);
}

#[test]
fn one_who_never_varies_is_never_named() {
    let mut scene = Scene::new("", 1);
    let steady = |second: u64| (if on(second) { 2.0 } else { 1.0 }, vec![1.0]);
    assert_eq!(scene.named(steady), [0; 0]);
}

#[test]
fn a_finding_ends_with_the_one_that_it_answers_and_with_its_victim() {
    for gone in [false, true] {
        let mut scene = Scene::new("", 3);
        scene.named(harmed);
        let ended = if gone {
            let target = scene.targets[0].clone();
            let said = scene.node.change(Nanos::from_secs(400), Change::GONE, &target).unwrap();
            said.findings.into_vec()
        } else {
            scene.second((1.0, &[0.0, 0.0, 0.7]), Some(Phase::ENDS))
        };
        assert_eq!(
            ended.iter().map(|finding| finding.phase).collect::<Vec<_>>(),
            [Phase::ENDS]
        );
    }
}

#[test]
fn a_successor_ends_what_its_predecessor_told() {
    let mut scene = Scene::new("", 3);
    scene.named(harmed);
    let state = scene.node.raw().save().into_result().unwrap();
    let mut node = scene.kit.node::<Transforms<Culprits>>("").unwrap();
    node.raw().load(1, state.as_slice().into()).into_result().unwrap();
    scene.node = node;
    let ended = scene.second((1.0, &[0.0, 0.0, 0.7]), Some(Phase::ENDS));
    assert_eq!((ended[0].phase, ended[0].id), (Phase::ENDS, 1));
}
