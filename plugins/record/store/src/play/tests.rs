//! What goes in comes out, bit for bit.

use crate::testing::{Recorder, played};
use crate::{Limits, Wanted};
use pipeline_plugin_api::abi::*;
use proptest::prelude::*;

/// Bits are compared and not numbers, since a NaN equals none.
fn bits(batch: &Batch) -> String {
    let numbers: Vec<u64> = batch.readings.iter().map(|reading| reading.value.to_bits()).collect();
    let findings: Vec<[u64; 2]> = batch
        .findings
        .iter()
        .map(|f| [f.severity.to_bits(), f.confidence.to_bits()])
        .collect();
    let controls: Vec<u64> = batch.controls.iter().map(|c| c.value.to_bits()).collect();
    format!("{numbers:x?} {findings:x?} {controls:x?} {batch:?}")
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(-f64::NAN),
        Just(-0.0),
        Just(f64::INFINITY),
        any::<u64>().prop_map(f64::from_bits),
        (0u32..1000).prop_map(f64::from),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::WHOLE),
        (0u32..1 << 24).prop_map(Part::cpu),
        (0u32..1 << 24).prop_map(Part::bucket),
        (0u32..2).prop_map(Part::named),
    ]
}

prop_compose! {
    fn reading()(at: u64, span: u64, value in number(), metric in 1u32..4, target in 0u32..200, part in part(),
        quality in 0u16..9, detail: u16) -> Reading {
        Reading { at: Nanos(at), span: Nanos(span), value, metric: MetricId(metric), target: TargetId(target), part,
            quality: Quality(quality), detail }
    }
}

prop_compose! {
    fn finding()(at: u64, id: u64, phase in 0u32..9, victim: u32, resource in 0u32..20, severity in number(), confidence in
        number(), culprits in prop::collection::vec((any::<u32>(), any::<f64>()), 0..3), evidence in
        prop::collection::vec(reading(), 0..3), why: String) -> Finding {
        let culprits = culprits.into_iter().map(|(target, score)| Culprit { target: TargetId(target), score });
        Finding { at: Nanos(at), id, phase: Phase(phase), victim: TargetId(victim), resource: Resource(resource), severity,
            confidence, culprits: culprits.collect(), evidence: evidence.into(), why: why.into(), ..Finding::default() }
    }
}

prop_compose! {
    fn change()(at: u64, change in 0u32..5, id: u32, generation: u32, name: String, class in 0u32..6, priority: i32,
        goal in number(), label: String, inode: u64, pid: u32, cpus: Vec<u32>) -> TargetChange {
        let finite = if goal.is_finite() { goal } else { f64::NAN };
        TargetChange { at: Nanos(at), change: Change(change), target: Target { id: TargetId(id), generation,
            provider: "p".into(), parent: TargetId(pid), name: name.clone().into(), class: Class(class), priority,
            goals: vec![Goal { metric: MetricId(2), comparison: Comparison::AT_LEAST, value: finite }].into(),
            labels: vec![Label::new(&label, &name)].into(),
            cgroups: vec![CgroupDir { controller: "cpu".into(), path: label.into(), inode }].into(),
            processes: vec![Process { pid, start_time: inode }].into(), cpus: cpus.into(), ..Target::default() } }
    }
}

prop_compose! {
    fn control()(at: u64, target: u32, knob in 1u32..3, resource in 0u32..20, numbers in [number(), number(), number(),
        number(), number()], stricter: i32) -> Control {
        let [least, most, step, value, cost] = numbers;
        Control { at: Nanos(at), target: TargetId(target), knob: KnobId(knob), resource: Resource(resource), least, most,
            step, value, stricter, cost, ..Control::default() }
    }
}

prop_compose! {
    fn action()(at: u64, id: u64, target: u32, knob in 1u32..3, value in number(), text: String, until: u64, set: u64,
        why: String, spare: Vec<u8>) -> Action {
        Action { at: Nanos(at), id, target: TargetId(target), knob: KnobId(knob), value, text: text.into(),
            until: Nanos(until), set, why: why.into(), spare: vec![Spare { id: 4, bytes: spare.into() }].into() }
    }
}

prop_compose! {
    fn outcome()(at: u64, action: u64, target: u32, knob in 1u32..3, fate in 0u32..12, value in number(), text: String,
        why: String) -> Outcome {
        Outcome { at: Nanos(at), action, target: TargetId(target), knob: KnobId(knob), fate: Fate(fate), value,
            text: text.into(), why: why.into(), ..Outcome::default() }
    }
}

prop_compose! {
    fn batch()(at: u64, readings in prop::collection::vec(reading(), 0..20), findings in
        prop::collection::vec(finding(), 0..3), changes in prop::collection::vec(change(), 0..3), controls in
        prop::collection::vec(control(), 0..3), actions in prop::collection::vec(action(), 0..3), outcomes in
        prop::collection::vec(outcome(), 0..3), spare: Vec<u8>) -> Batch {
        Batch { at: Nanos(at), changes: changes.into(), readings: readings.into(), findings: findings.into(),
            controls: controls.into(), actions: actions.into(), outcomes: outcomes.into(),
            spare: vec![Spare { id: 1, bytes: spare.into() }].into() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn every_batch_comes_back_bit_for_bit(batches in prop::collection::vec(batch(), 1..12), rows in 1usize..9, every in 1usize..5) {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { rows, settled: rows * 2 / 3 + 1, ..Limits::default() };
        let mut recorder = Recorder::new(folder.path(), limits);
        for (place, batch) in batches.iter().enumerate() {
            recorder.say(if place % 3 == 0 { "a" } else { "b" }, place as u64, batch);
            if place % every == 0 {
                recorder.flush().unwrap();
            }
        }
        recorder.flush().unwrap();
        let back = played(folder.path(), Wanted::All);
        prop_assert_eq!(back.len(), batches.len());
        for ((_, back), batch) in back.iter().zip(&batches) {
            prop_assert_eq!(bits(back), bits(batch));
        }
        let only = played(folder.path(), Wanted::Nodes(vec!["b".to_owned()]));
        let wanted = batches.iter().enumerate().filter(|(place, _)| place % 3 != 0).map(|(_, batch)| batch);
        prop_assert_eq!(only.iter().map(|(_, batch)| bits(batch)).collect::<Vec<_>>(), wanted.map(bits).collect::<Vec<_>>());
    }
}

#[test]
fn a_torn_segment_costs_its_rows_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::new(
        folder.path(),
        Limits {
            rows: 2,
            settled: 2,
            ..Limits::default()
        },
    );
    for instant in 1..=6 {
        let reading = Reading {
            value: instant as f64,
            metric: MetricId(1),
            ..Reading::default()
        };
        recorder.say(
            "a",
            instant,
            &Batch {
                readings: vec![reading].into(),
                ..Batch::default()
            },
        );
    }
    recorder.flush().unwrap();
    let torn = folder.path().join("readings/000002.parquet");
    let whole = std::fs::read(&torn).unwrap();
    std::fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    let values: Vec<Vec<f64>> = played(folder.path(), Wanted::All)
        .iter()
        .map(|(_, batch)| batch.readings.iter().map(|reading| reading.value).collect())
        .collect();
    assert_eq!(values, [vec![1.0], vec![2.0], vec![], vec![], vec![5.0], vec![6.0]]);
    let run = crate::Run::open(folder.path()).unwrap();
    let told = run.torn();
    assert_eq!(told.len(), 1);
    assert!(told[0].path == torn && told[0].why.contains("move it away"), "{told:?}");
}

#[test]
fn names_come_back_in_the_order_of_their_ids() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::new(folder.path(), Limits::default());
    recorder.flush().unwrap();
    let names = crate::names(&crate::Run::open(folder.path()).unwrap());
    let metrics: Vec<&str> = names.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(metrics, ["kpi.rate", "cpu.time", "x"]);
    assert_eq!(
        (names.metrics[1].kind, names.knobs.len(), names.parts[1].as_str()),
        (Kind::DELTA, 2, "dev/8:16")
    );
}
