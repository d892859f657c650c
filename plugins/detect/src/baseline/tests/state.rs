//! Baselines that are given, loaded, stored, and handed to a successor.

use super::scene::{BATCH, Scene, WEB, ms};
use super::{disturbed, quiet};
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::testkit::TestHost;

#[test]
fn a_given_baseline_judges_from_the_first_sample() {
    let mut scene = Scene::new("(baseline: Given(1e5))", &[("batch", &[0])]);
    let findings = scene.run(5, &disturbed(&[(BATCH, 0.7)]));
    assert_eq!(findings[0].resource, Resource::CPU_TIME);
    assert_eq!(scene.baselines(), [Some(1e5)]);
}

#[test]
fn a_given_baseline_learns_what_surrounds_it_from_quiet_samples() {
    let mut scene = Scene::new("(baseline: Given(1e5), learn: \"2s\")", &[("batch", &[0])]);
    scene.run(20, &quiet());
    assert_eq!(scene.baselines(), [Some(1e5), Some(1e5)]);
    let findings = scene.run(5, &disturbed(&[(BATCH, 0.7)]));
    assert!(findings[0].confidence > 0.9, "{findings:?}");
}

#[test]
fn what_one_run_stores_the_next_one_loads() {
    let mut first = Scene::new("(store: \"solo\", learn: \"2s\")", &[("batch", &[0])]);
    first.run(20, &quiet());
    let stored = first.host.world().stored.clone();
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["solo"]);

    let host = TestHost::new();
    host.world().stored = stored;
    let mut next = Scene::within(host, "(baseline: Load(\"solo\"))", &[("batch", &[0])]);
    let findings = next.run(5, &disturbed(&[(BATCH, 0.7)]));
    assert_eq!(findings[0].resource, Resource::CPU_TIME);
    assert_eq!(next.baselines(), [Some(0.1 * ms(1))]);
}

#[test]
fn a_key_that_was_never_stored_means_learning() {
    let mut scene = Scene::new("(baseline: Load(\"nothing\"), learn: \"2s\")", &[]);
    scene.run(20, &quiet());
    assert_eq!(scene.baselines(), [None, Some(0.1 * ms(1))]);
}

#[test]
fn a_successor_keeps_the_baseline_and_the_open_finding() {
    let mut scene = Scene::new("", &[("batch", &[0])]);
    scene.run(100, &quiet());
    scene.run(10, &disturbed(&[(BATCH, 0.7)]));
    scene.succeed("(threshold: 3.0)");
    let findings = scene.run(10, &disturbed(&[(BATCH, 0.7)]));
    let same = |finding: &Finding| (finding.id, finding.phase) == (1, Phase::LASTS);
    assert!(!findings.is_empty() && findings.iter().all(same), "{findings:?}");
    let ended = scene.run(10, &quiet());
    let last = ended.last().unwrap();
    assert_eq!((last.id, last.phase, last.victim), (1, Phase::ENDS, TargetId(WEB)));
}

#[test]
fn a_victim_that_comes_back_keeps_its_baseline() {
    let mut scene = Scene::new("", &[("batch", &[0])]);
    scene.run(100, &quiet());
    scene.gone(WEB);
    let known = scene.baselines().len();
    scene.back(WEB);
    scene.run(3, &quiet());
    assert_eq!(scene.baselines()[known..], [Some(0.1 * ms(1))]);
}
