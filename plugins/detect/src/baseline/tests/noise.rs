//! Noise: ten thousand samples in which nothing is wrong, and streams that make no sense at all.

use super::scene::{BATCH, Moment, Scene, ms};
use super::*;
use pipeline_plugin_api::stage::Transforms;
use pipeline_plugin_api::testkit::TestHost;
use proptest::prelude::*;

/// Knuth's MMIX constants; the same numbers on every machine.
struct Dice(u64);

impl Dice {
    /// 0..1.
    fn roll(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, deviation 1.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.roll()).sum::<f64>() - 6.0
    }
}

/// A noisy p99 with spikes of one or two samples, and a busy innocent that may run anywhere.
fn noisy(dice: &mut Dice, step: u64) -> Moment {
    let spike = step % 97 < 1 + step / 97 % 2;
    let calm = (1.0 + 0.25 * dice.bell()).max(0.3);
    let factor = if spike { 3.0 + 20.0 * dice.roll() } else { calm };
    Moment {
        p99: 0.1 * ms(1) * factor,
        offered: 6000.0 + 100.0 * dice.bell(),
        cpu: 0.25 + 0.02 * dice.roll(),
        delay: 0.005 + 0.02 * dice.roll(),
        steal: 0.02 * dice.roll(),
        rivals: vec![(BATCH, 0.1 * dice.roll())],
        ..Moment::default()
    }
}

#[test]
fn ten_thousand_noisy_samples_begin_no_finding() {
    let mut scene = Scene::new("", &[("innocent", &[])]);
    let mut dice = Dice(7);
    let mut findings = Vec::new();
    for step in 0..10_000 {
        findings.extend(scene.step(&noisy(&mut dice, step)));
    }
    assert_eq!(findings, []);
    assert!(scene.ratios().len() > 9_900, "all but the learning was judged");
    assert!(scene.ratios().iter().any(|ratio| *ratio > 10.0), "there were spikes");
}

#[test]
fn bursts_of_steal_name_no_neighbour() {
    let mut scene = Scene::new("", &[("batch", &[0, 1])]);
    let mut dice = Dice(11);
    let mut findings = Vec::new();
    for step in 0..3_000 {
        let calm = noisy(&mut dice, 5);
        let burst = Moment {
            p99: 4.0 * ms(1),
            steal: 0.15,
            ..calm.clone()
        };
        let stolen = step > 100 && step % 50 < 12;
        findings.extend(scene.step(if stolen { &burst } else { &calm }));
    }
    assert!(!findings.is_empty());
    assert!(named(&findings).is_empty());
}

/// Figures of a Redis at 6000 requests a second on a machine where others build software: alone, and
/// beside three cache antagonists. Waiting, p99 in ms.
const ALONE: [(f64, f64); 9] = [
    (0.029, 0.670),
    (0.030, 0.204),
    (0.073, 0.296),
    (0.079, 0.284),
    (0.028, 0.185),
    (0.060, 2.051),
    (0.057, 4.557),
    (0.044, 0.372),
    (0.039, 0.196),
];
const BESIDE: [(f64, f64); 5] = [(0.345, 11.4), (0.329, 11.4), (0.329, 9.5), (0.352, 11.2), (0.323, 11.2)];

fn measured((delay, p99): (f64, f64), rivals: &[(u32, f64)]) -> Moment {
    Moment {
        p99: p99 * ms(1),
        cpu: 0.115,
        delay,
        rivals: rivals.to_vec(),
        ..Moment::default()
    }
}

#[test]
fn rivals_are_told_from_what_a_noisy_machine_does_anyway() {
    let mut scene = Scene::new("", &[("a", &[0]), ("b", &[0]), ("c", &[0]), ("innocent", &[1])]);
    let innocent = [(BATCH + 3, 0.1)];
    let mut findings = Vec::new();
    for step in 0..900 {
        findings.extend(scene.step(&measured(ALONE[step % ALONE.len()], &innocent)));
    }
    assert!(named(&findings).is_empty(), "{findings:#?}");
    let mut rivals: Vec<(u32, f64)> = (BATCH..BATCH + 3).map(|target| (target, 0.29)).collect();
    rivals.extend(innocent);
    let found: Vec<Finding> = BESIDE
        .iter()
        .flat_map(|figures| scene.step(&measured(*figures, &rivals)))
        .collect();
    let mut culprits = named(&found[..1]);
    culprits.sort_unstable();
    assert_eq!(culprits, [BATCH, BATCH + 1, BATCH + 2], "{found:#?}");
}

type Said = (u32, u32, u32, f64, u64);

fn reading() -> impl Strategy<Value = Said> {
    let value = prop_oneof![
        4 => 0.0..1e9_f64,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(-1.0),
        1 => Just(0.0),
        1 => Just(f64::MAX),
    ];
    (0_u32..12, 0_u32..5, 0_u32..3, value, 0_u64..400_000_000)
}

/// What a node says to a stream that makes no sense.
fn heard(stream: &[Vec<Said>]) -> Vec<Batch> {
    let host = TestHost::new();
    let mut node = host
        .node::<Transforms<Baseline>>("(learn: \"2s\", votes: 1, of_last: 1)")
        .unwrap();
    let metrics = [
        vocabulary::KPI_LATENCY_P99,
        vocabulary::CPU_TIME,
        vocabulary::CPU_RUN_DELAY,
        vocabulary::CPU_THROTTLED,
        vocabulary::CPU_STEAL,
        vocabulary::KPI_OFFERED,
    ];
    for (name, class, parent) in [
        ("web", Class::LATENCY, 2),
        ("a", Class::UNSET, 1),
        ("b", Class::BEST_EFFORT, 0),
    ] {
        let target = host.target(Target {
            name: name.into(),
            class,
            parent: TargetId(parent),
            ..Target::default()
        });
        node.change(Nanos::ZERO, Change::APPEARED, &target).unwrap();
    }
    let said = stream.iter().enumerate().map(|(step, readings)| {
        let mut batch = Batch::default();
        let at = Nanos(step as u64 * 200_000_000);
        for (metric, target, part, value, span) in readings {
            let id = host.metric(&metrics[*metric as usize % metrics.len()]);
            let reading = Reading::delta(at, Nanos(*span), TargetId(*target), id, *value);
            batch.readings.push(reading.of_part(Part(*part / 2)));
        }
        node.feed(at, &batch).expect("no failure, no panic")
    });
    said.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_stream_is_heard_without_a_panic_and_twice_the_same(
        stream in prop::collection::vec(prop::collection::vec(reading(), 0..12), 0..80)
    ) {
        let once = heard(&stream);
        prop_assert_eq!(format!("{:?}", once), format!("{:?}", heard(&stream)));
        for finding in once.iter().flat_map(|batch| &batch.findings) {
            prop_assert!((0.0..=1.0).contains(&finding.confidence));
            prop_assert!(finding.severity.is_finite());
            prop_assert!(finding.culprits.iter().all(|culprit| culprit.target != finding.victim));
        }
    }
}
