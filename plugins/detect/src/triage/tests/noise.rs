//! Noise: hours in which nothing is wrong, and streams that make no sense at all.

use super::scene::{Moment, Rival, Scene};
use crate::triage::Triage;
use pipeline_plugin_api::prelude::*;
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

/// Two per cent up and down in everything, bursts of waiting, and a rival that comes and goes on a CPU of its own.
fn noisy(dice: &mut Dice, span: u64) -> Moment {
    let calm = Moment::default();
    let busy = (span / 40).is_multiple_of(2);
    let mut about = |value: f64| value * (1.0 + 0.02 * dice.bell()).max(0.5);
    Moment {
        load: about(1.0),
        core_cost: about(calm.core_cost),
        misses: about(calm.misses),
        miss_cycles: about(calm.miss_cycles),
        occupancy: about(calm.occupancy),
        wait: about(0.004),
        io_some: about(0.01),
        tail: about(1.0) * if span.is_multiple_of(61) { 4.0 } else { 1.0 },
        rival: Rival {
            cpu: about(if busy { 0.9 } else { 0.1 }),
            occupancy: about(1e6),
            traffic: about(1e8),
            ..calm.rival
        },
        ..calm
    }
}

#[test]
fn a_noisy_hour_begins_no_finding() {
    let mut scene = Scene::new("");
    let mut dice = Dice(7);
    let mut findings = Vec::new();
    for span in 0..7_200 {
        findings.extend(scene.step(&noisy(&mut dice, span)));
    }
    assert_eq!(findings, []);
}

#[test]
fn a_rival_is_found_in_that_noise() {
    let mut scene = Scene::new("");
    let mut dice = Dice(9);
    for span in 0..100 {
        scene.step(&noisy(&mut dice, span));
    }
    let mut findings = Vec::new();
    for span in 0..8 {
        let calm = noisy(&mut dice, span);
        let rival = Rival {
            on: 4,
            cpu: 0.9,
            ..calm.rival
        };
        findings.extend(scene.step(&Moment {
            core_cost: 1.3 * calm.core_cost,
            rival,
            ..calm
        }));
    }
    assert_eq!(findings.first().map(|finding| finding.resource), Some(Resource::SMT));
}

fn streams() -> impl Strategy<Value = Vec<(u64, u32, u8, u32, f64)>> {
    proptest::collection::vec((0_u64..3_000, 0_u32..6, any::<u8>(), 0_u32..7, any::<f64>()), 1..200)
}

/// Everything that a stream makes it say.
fn said(stream: &[(u64, u32, u8, u32, f64)]) -> Vec<Batch> {
    let host = TestHost::new();
    let mut node = host.node::<Transforms<Triage>>("(victims: [\"*\"])").unwrap();
    let mut at = 0;
    let mut out = Vec::new();
    for (gap, target, what, metric, value) in stream {
        at += gap;
        let now = Nanos::from_millis(at);
        if what % 8 == 0 {
            let change = [Change::APPEARED, Change::CHANGED, Change::GONE][(what / 8 % 3) as usize];
            let target = Target {
                id: TargetId(*target),
                parent: TargetId(u32::from(*what) % 5),
                cpus: vec![u32::from(*what) % 9].into(),
                ..Target::default()
            };
            out.push(node.change(now, change, &target).unwrap());
            continue;
        }
        let known = &vocabulary::METRICS[*metric as usize * 9 % vocabulary::METRICS.len()];
        let mut batch = Batch::default();
        let span = Nanos::from_millis(u64::from(*what) * 10);
        let part = if what % 3 == 0 {
            Part::l3(u32::from(*what) % 2)
        } else {
            Part::WHOLE
        };
        let reading = Reading::delta(now, span, TargetId(*target), host.metric(known), *value);
        batch.readings.push(reading.of_part(part));
        out.push(node.feed(now, &batch).unwrap());
    }
    out
}

proptest! {
    #[test]
    fn any_stream_is_heard_without_a_panic_and_twice_the_same(stream in streams()) {
        let (one, other) = (said(&stream), said(&stream));
        prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}
