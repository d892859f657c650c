//! Streams of a small machine, sample by sample: who is named when something is wrong, and that
//! nobody is when nothing is.

mod noise;
mod scene;
mod state;

use super::*;
use scene::{BATCH, Moment, Scene, ms};

fn named(findings: &[Finding]) -> Vec<u32> {
    findings
        .iter()
        .flat_map(|finding| finding.culprits.iter().map(|culprit| culprit.target.0))
        .collect()
}

fn quiet() -> Moment {
    Moment::default()
}

fn disturbed(rivals: &[(u32, f64)]) -> Moment {
    Moment {
        p99: 2.6 * ms(1),
        delay: 0.4,
        rivals: rivals.to_vec(),
        ..quiet()
    }
}

#[test]
fn a_rival_on_the_same_cpu_is_named_within_five_samples() {
    let mut scene = Scene::new("", &[("batch", &[0]), ("innocent", &[1])]);
    assert_eq!(scene.run(100, &quiet()), []);
    let findings = scene.run(5, &disturbed(&[(BATCH, 0.7), (BATCH + 1, 0.1)]));
    let first = findings.first().expect("a finding");
    assert_eq!((first.phase, first.resource), (Phase::BEGINS, Resource::CPU_TIME));
    assert_eq!(first.culprits[0].target, TargetId(BATCH));
    assert_eq!(first.culprits.len(), 1, "the innocent is not named");
    assert!(first.severity > 20.0 && first.confidence > 0.8, "{first:?}");
    assert!(
        first.why.contains("`web`") && first.why.contains("`batch`"),
        "{}",
        first.why
    );
    assert!(first.evidence.len() >= 4);
}

#[test]
fn three_rivals_are_all_named() {
    let mut scene = Scene::new("", &[("a", &[0]), ("b", &[0]), ("c", &[0])]);
    scene.run(100, &quiet());
    let rivals = [(BATCH, 0.24), (BATCH + 1, 0.25), (BATCH + 2, 0.23)];
    let findings = scene.run(10, &disturbed(&rivals));
    let last = findings.last().unwrap();
    let mut culprits: Vec<u32> = last.culprits.iter().map(|culprit| culprit.target.0).collect();
    assert_eq!(culprits[0], BATCH + 1, "most first");
    culprits.sort_unstable();
    assert_eq!(culprits, [BATCH, BATCH + 1, BATCH + 2]);
}

#[test]
fn a_finding_keeps_its_id_is_told_once_a_second_and_ends() {
    let mut scene = Scene::new("", &[("batch", &[0])]);
    scene.run(100, &quiet());
    let mut findings = scene.run(50, &disturbed(&[(BATCH, 0.7)]));
    findings.extend(scene.run(20, &quiet()));
    assert!(findings.iter().all(|finding| finding.id == 1));
    let count = |phase: Phase| findings.iter().filter(|finding| finding.phase == phase).count();
    assert_eq!((count(Phase::BEGINS), count(Phase::ENDS)), (1, 1));
    assert!((8..=12).contains(&count(Phase::LASTS)), "{}", count(Phase::LASTS));
    let again = scene.run(10, &disturbed(&[(BATCH, 0.7)]));
    assert_eq!((again[0].id, again[0].phase), (2, Phase::BEGINS));
}

#[test]
fn an_innocent_on_the_other_cpu_is_never_named() {
    let mut scene = Scene::new("", &[("innocent", &[1])]);
    scene.run(100, &quiet());
    let beside = Moment {
        rivals: vec![(BATCH, 0.1)],
        ..quiet()
    };
    assert_eq!(scene.run(600, &beside), []);
    let harmed_by_a_stranger = Moment {
        rivals: vec![(BATCH, 0.9)],
        ..disturbed(&[])
    };
    let findings = scene.run(60, &harmed_by_a_stranger);
    assert_eq!(findings[0].resource, Resource::UNKNOWN);
    assert!(
        findings[0].why.contains("not a target of this graph"),
        "{}",
        findings[0].why
    );
    assert!(named(&findings).is_empty());
}

#[test]
fn a_step_in_the_clients_load_is_the_victims_own() {
    let mut scene = Scene::new("", &[("innocent", &[1]), ("polite", &[0])]);
    scene.run(100, &quiet());
    let loaded = Moment {
        p99: 0.9 * ms(1),
        offered: 20_000.0,
        cpu: 0.8,
        delay: 0.016,
        rivals: vec![(BATCH, 0.1), (BATCH + 1, 0.1)],
        ..quiet()
    };
    let findings = scene.run(600, &loaded);
    assert!(
        findings.iter().all(|finding| finding.resource == Resource::SELF),
        "{findings:#?}"
    );
    assert_eq!((named(&findings), findings.is_empty()), (vec![], false));
}

#[test]
fn a_victim_against_its_own_quota_blames_nobody() {
    let mut scene = Scene::new("", &[("innocent", &[1]), ("neighbour", &[0])]);
    scene.run(100, &quiet());
    let throttled = Moment {
        p99: 40.0 * ms(1),
        throttled: 0.5,
        delay: 0.55,
        rivals: vec![(BATCH, 0.1), (BATCH + 1, 0.3)],
        ..quiet()
    };
    let findings = scene.run(600, &throttled);
    assert!(
        findings.iter().all(|finding| finding.resource == Resource::SELF),
        "{findings:#?}"
    );
    assert_eq!((named(&findings), findings.is_empty()), (vec![], false));
}

#[test]
fn a_busy_hypervisor_is_named_as_such_or_not_at_all() {
    let mut scene = Scene::new("", &[("batch", &[0])]);
    scene.run(100, &quiet());
    let stolen = Moment {
        p99: 5.0 * ms(1),
        steal: 0.2,
        rivals: vec![(BATCH, 0.5)],
        ..quiet()
    };
    let findings = scene.run(100, &stolen);
    assert!(findings.iter().any(|finding| finding.resource == Resource::HYPERVISOR));
    assert!(named(&findings).is_empty());
}

#[test]
fn nothing_is_learnt_while_somebody_is_paused_or_pinned() {
    for knob in [vocabulary::PROCESS_PAUSED, vocabulary::CPU_AFFINITY] {
        let mut scene = Scene::new("(learn: \"2s\")", &[("batch", &[0])]);
        scene.outcome(BATCH, &knob, Fate::APPLIED, "1");
        scene.run(20, &quiet());
        assert!(scene.status().contains("a remedy is in force"), "{}", scene.status());
        scene.outcome(BATCH, &knob, Fate::UNDONE, "");
        scene.run(20, &quiet());
        assert_eq!(scene.baselines().len(), 2, "it stands");
    }
}

#[test]
fn noise_in_the_first_seconds_does_not_stay_in_the_baseline() {
    let mut scene = Scene::new("(learn: \"3s\")", &[]);
    let noisy = Moment {
        p99: ms(1),
        delay: 0.02,
        ..quiet()
    };
    scene.run(20, &noisy);
    scene.run(60, &quiet());
    let told = scene.baselines();
    assert!(
        told.contains(&Some(noisy.p99)) && told.last() == Some(&Some(quiet().p99)),
        "{told:?}"
    );
}

#[test]
fn nothing_is_learnt_while_a_cap_is_on() {
    let mut scene = Scene::new("(learn: \"2s\")", &[("batch", &[0])]);
    scene.cap(Fate::APPLIED);
    scene.run(200, &quiet());
    assert_eq!(scene.baselines(), [None], "warming up, told once");
    assert!(scene.status().contains("a remedy is in force"), "{}", scene.status());
    assert_eq!(scene.warnings(), 1);
    scene.cap(Fate::LAPSED);
    scene.run(20, &quiet());
    assert_eq!(scene.baselines(), [None, Some(0.1 * ms(1))]);
}

#[test]
fn nothing_is_learnt_from_a_disturbed_victim() {
    let disturbances = [
        disturbed(&[(BATCH, 0.7)]),
        Moment {
            throttled: 0.3,
            ..quiet()
        },
        Moment { steal: 0.2, ..quiet() },
    ];
    for moment in disturbances {
        let mut scene = Scene::new("(learn: \"2s\")", &[("batch", &[0])]);
        scene.run(100, &moment);
        assert_eq!(scene.baselines(), [None], "{moment:?}");
        assert_eq!(scene.run(1, &moment), []);
    }
}

#[test]
fn a_cap_on_a_target_that_went_does_not_keep_one_from_learning() {
    let mut scene = Scene::new("(learn: \"2s\")", &[("batch", &[0])]);
    scene.cap(Fate::APPLIED);
    scene.gone(BATCH);
    scene.cap(Fate::APPLIED);
    scene.run(30, &quiet());
    assert_eq!(scene.baselines().last(), Some(&Some(0.1 * ms(1))));
}

#[test]
fn a_finding_ends_when_its_victim_goes_or_falls_silent() {
    for silent in [false, true] {
        let mut scene = Scene::new("", &[("batch", &[0])]);
        scene.run(100, &quiet());
        scene.run(10, &disturbed(&[(BATCH, 0.7)]));
        let ended = if silent {
            scene.silence(30)
        } else {
            scene.gone(scene::WEB)
        };
        assert_eq!(ended.len(), 1, "silent {silent}");
        assert_eq!(ended[0].phase, Phase::ENDS);
    }
}

#[test]
fn only_the_victims_that_were_named_are_judged() {
    let mut scene = Scene::new("(victims: [\"other\"])", &[("batch", &[0])]);
    scene.run(100, &quiet());
    scene.run(20, &disturbed(&[(BATCH, 0.7)]));
    assert_eq!(scene.baselines(), []);
}

#[test]
fn a_rate_that_falls_is_judged_the_other_way() {
    let mut scene = Scene::new("(signal: \"kpi.rate\", worse: Lower)", &[("batch", &[0])]);
    scene.run(100, &quiet());
    let slowed = Moment {
        rate: Some(2000.0),
        ..disturbed(&[(BATCH, 0.7)])
    };
    let findings = scene.run(10, &slowed);
    assert_eq!((findings[0].phase, findings[0].severity), (Phase::BEGINS, 3.0));
}

/// Micro-Container's constants: a signal under 75 % of the solo baseline, at once, and off again when it is back.
const MICRO_CONTAINER: &str = "(signal: \"kpi.rate\", worse: Lower, threshold: 1.3333, release: 1.25, spreads: 0.0, \
                               votes: 1, of_last: 1, quiet: 2, quiet_of: 2, baseline: Given(6000.0))";

#[test]
fn below_three_quarters_of_a_solo_baseline_is_found_at_once_and_does_not_latch() {
    let mut scene = Scene::new(MICRO_CONTAINER, &[("batch", &[0])]);
    let at_rate = |rate: f64| Moment {
        rate: Some(rate),
        ..disturbed(&[(BATCH, 0.7)])
    };
    assert_eq!(scene.run(5, &at_rate(0.76 * 6000.0)), []);
    let phases = |findings: Vec<Finding>| findings.iter().map(|finding| finding.phase).collect::<Vec<_>>();
    assert_eq!(phases(scene.run(1, &at_rate(0.74 * 6000.0))), [Phase::BEGINS]);
    assert_eq!(
        phases(scene.run(3, &at_rate(0.79 * 6000.0))),
        [],
        "between the thresholds it lasts"
    );
    assert_eq!(phases(scene.run(2, &at_rate(0.82 * 6000.0))), [Phase::ENDS]);
    assert_eq!(
        phases(scene.run(1, &at_rate(0.5 * 6000.0))),
        [Phase::BEGINS],
        "again, every time"
    );
}

#[test]
fn a_remedy_that_moves_the_rival_away_clears_its_name() {
    for knob in [vocabulary::CPU_SET, vocabulary::CPU_AFFINITY] {
        let mut scene = Scene::new("", &[("batch", &[0, 1])]);
        scene.run(100, &quiet());
        scene.moved(BATCH, &knob, "1");
        let findings = scene.run(30, &disturbed(&[(BATCH, 0.9)]));
        assert_eq!(findings[0].resource, Resource::UNKNOWN);
    }
}
