//! Every cause by table on a small machine, silence where nothing is wrong, what is said where signals are missing, and
//! what happens when targets, remedies and the detector itself come and go.

mod limits;
mod noise;
mod scene;

use super::*;
use scene::{API, Moment, RIVAL, Scene, WEB};

fn quiet() -> Moment {
    Moment::default()
}

/// What the first finding of a scene says after so much calm and then that.
fn found(moment: &Moment) -> Finding {
    let mut scene = Scene::new("");
    assert_eq!(scene.run(20, &quiet()), []);
    let findings = scene.run(4, moment);
    findings
        .first()
        .cloned()
        .unwrap_or_else(|| panic!("nothing found: {moment:?}"))
}

#[test]
fn each_cause_is_told_from_the_others() {
    let rival = quiet().rival;
    let cases: Vec<(&str, Moment, Resource, bool)> = vec![
        (
            "a rival on its cpu",
            Moment {
                wait: 0.2,
                rival: scene::Rival {
                    cpu: 0.7,
                    on: 0,
                    ..rival
                },
                ..quiet()
            },
            Resource::CPU_TIME,
            true,
        ),
        (
            "a rival that fills the cache",
            Moment {
                misses: 0.008,
                occupancy: 4e6,
                rival: scene::Rival {
                    cpu: 1.0,
                    occupancy: 8e6,
                    ..rival
                },
                ..quiet()
            },
            Resource::L3,
            true,
        ),
        (
            "a rival that fills the memory's lanes",
            Moment {
                miss_cycles: 120.0,
                rival: scene::Rival {
                    cpu: 1.0,
                    traffic: 2e10,
                    ..rival
                },
                ..quiet()
            },
            Resource::MEMORY_BANDWIDTH,
            true,
        ),
        (
            "a rival on its sibling",
            Moment {
                core_cost: 1.4,
                rival: scene::Rival {
                    cpu: 1.0,
                    on: 4,
                    ..rival
                },
                ..quiet()
            },
            Resource::SMT,
            true,
        ),
        (
            "a rival at its device",
            Moment {
                io_some: 0.4,
                rival: scene::Rival { io: 5e8, ..rival },
                ..quiet()
            },
            Resource::IO,
            true,
        ),
        (
            "the hypervisor",
            Moment { steal: 0.2, ..quiet() },
            Resource::HYPERVISOR,
            false,
        ),
        (
            "its own quota",
            Moment {
                throttled: 0.1,
                ..quiet()
            },
            Resource::SELF,
            false,
        ),
        (
            "its own load",
            Moment {
                load: 2.0,
                tail: 3.0,
                ..quiet()
            },
            Resource::SELF,
            false,
        ),
    ];
    for (name, moment, resource, is_somebody) in cases {
        let finding = found(&moment);
        let culprits: Vec<u32> = finding.culprits.iter().map(|culprit| culprit.target.0).collect();
        let expected = if is_somebody { vec![RIVAL] } else { vec![] };
        assert_eq!(
            (finding.resource, culprits),
            (resource, expected),
            "{name}: {}",
            finding.why
        );
        assert_eq!(
            (finding.victim, finding.phase),
            (TargetId(WEB), Phase::BEGINS),
            "{name}"
        );
        assert!(
            finding.severity > 1.08 && finding.confidence > 0.3,
            "{name}: {finding:?}"
        );
    }
}

#[test]
fn what_is_its_own_is_nobodys_fault_and_silent() {
    let own: [(&str, Moment); 5] = [
        (
            "a phase that misses more",
            Moment {
                misses: 0.008,
                references: 0.05,
                ..quiet()
            },
        ),
        (
            "a phase that computes more",
            Moment {
                core_cost: 1.4,
                ..quiet()
            },
        ),
        ("more load that it stands", Moment { load: 1.5, ..quiet() }),
        ("waiting for somebody who is no target", Moment { wait: 0.2, ..quiet() }),
        (
            "a rival that disturbs nobody",
            Moment {
                rival: scene::Rival {
                    cpu: 1.0,
                    ..quiet().rival
                },
                ..quiet()
            },
        ),
    ];
    for (name, moment) in own {
        let mut scene = Scene::new("");
        scene.run(20, &quiet());
        assert_eq!(scene.run(60, &moment), [], "{name}");
    }
}

#[test]
fn a_quota_is_not_told_where_only_others_matter() {
    let mut scene = Scene::new("(own: false)");
    scene.run(20, &quiet());
    assert_eq!(
        scene.run(
            20,
            &Moment {
                throttled: 0.1,
                ..quiet()
            }
        ),
        []
    );
}

fn smothered() -> Moment {
    Moment {
        wait: 0.2,
        rival: scene::Rival {
            cpu: 0.7,
            on: 0,
            ..quiet().rival
        },
        ..quiet()
    }
}

#[test]
fn a_finding_begins_once_lasts_by_the_second_and_ends() {
    let mut scene = Scene::new("");
    scene.run(20, &quiet());
    let mut told = scene.run(20, &smothered());
    told.extend(scene.run(10, &quiet()));
    let count = |phase| told.iter().filter(|finding| finding.phase == phase).count();
    assert_eq!((count(Phase::BEGINS), count(Phase::ENDS)), (1, 1));
    assert!((7..=10).contains(&count(Phase::LASTS)), "{}", count(Phase::LASTS));
    assert!(told.iter().all(|finding| finding.id == 1));
}

#[test]
fn without_counters_the_time_that_a_request_costs_serves() {
    let mut scene = Scene::new("");
    scene.has_counters = false;
    scene.run(20, &quiet());
    let beside = Moment {
        core_cost: 1.4,
        rival: scene::Rival {
            cpu: 1.0,
            on: 4,
            ..quiet().rival
        },
        ..quiet()
    };
    let findings = scene.run(6, &beside);
    assert_eq!(
        (findings[0].resource, findings[0].culprits[0].target),
        (Resource::SMT, TargetId(RIVAL))
    );
    assert!(
        findings[0].why.contains("not seen: ") && findings[0].why.contains("cache misses"),
        "{}",
        findings[0].why
    );
}

#[test]
fn what_could_not_be_seen_is_unknown_and_who_came_is_suspected() {
    let mut scene = Scene::new("");
    scene.has_counters = false;
    scene.has_caches = false;
    scene.run(20, &quiet());
    let crowded = Moment {
        core_cost: 1.4,
        rival: scene::Rival {
            cpu: 1.0,
            ..quiet().rival
        },
        ..quiet()
    };
    let findings = scene.run(6, &crowded);
    assert_eq!(
        (findings[0].resource, findings[0].culprits[0].target),
        (Resource::UNKNOWN, TargetId(RIVAL))
    );
    assert!(findings[0].confidence < 0.8);
}

#[test]
fn without_anything_read_nobody_suffers() {
    let mut scene = Scene::new("");
    for _ in 0..20 {
        assert_eq!(scene.silence(), []);
    }
    assert!(scene.status().contains("all are well"), "{}", scene.status());
}

#[test]
fn a_finding_ends_when_its_victim_goes_and_when_it_is_heard_no_more() {
    let mut scene = Scene::new("");
    scene.run(20, &quiet());
    scene.run(6, &smothered());
    let gone = scene.gone(WEB);
    assert_eq!(
        gone.iter().map(|finding| finding.phase).collect::<Vec<_>>(),
        [Phase::ENDS]
    );

    let mut scene = Scene::new("");
    scene.run(20, &quiet());
    scene.run(6, &smothered());
    let ended: Vec<Finding> = (0..20)
        .flat_map(|_| scene.silence())
        .filter(|f| f.phase == Phase::ENDS)
        .collect();
    assert_eq!(ended.len(), 1);
}

#[test]
fn the_culprit_that_left_a_moment_ago_is_not_another() {
    let mut scene = Scene::new("");
    scene.run(20, &quiet());
    let mut told = scene.run(10, &smothered());
    told.extend(scene.gone(RIVAL));
    told.extend(scene.run(10, &Moment { wait: 0.0, ..quiet() }));
    assert_eq!(told.last().map(|finding| finding.phase), Some(Phase::ENDS));
    let named = |finding: &Finding| finding.culprits.first().map(|culprit| culprit.target.0);
    assert!(told.iter().all(|finding| named(finding) == Some(RIVAL)), "{told:?}");
}

#[test]
fn a_victim_that_comes_back_is_learnt_anew() {
    let mut scene = Scene::new("");
    scene.run(20, &quiet());
    scene.gone(WEB);
    scene.back(WEB);
    let dearer = Moment {
        core_cost: 1.4,
        rival: scene::Rival {
            cpu: 1.0,
            on: 4,
            ..quiet().rival
        },
        ..quiet()
    };
    assert_eq!(
        scene.run(3, &dearer),
        [],
        "what it cost before is not known of the new one"
    );
}

#[test]
fn a_remedy_that_moves_the_rival_away_clears_its_name() {
    let mut scene = Scene::new("");
    scene.run(20, &quiet());
    scene.moved(RIVAL, "3");
    assert_eq!(scene.run(20, &smothered()), [], "it waits for nobody who is known");
    let status = scene.status();
    assert!(status.contains("all are well"), "{status}");
}

#[test]
fn only_latency_targets_are_judged_unless_others_are_listed() {
    let mut scene = Scene::new("(victims: [\"rival\"])");
    scene.run(20, &quiet());
    let findings = scene.run(6, &smothered());
    assert!(
        findings.iter().all(|finding| finding.victim == TargetId(RIVAL)),
        "{findings:?}"
    );
}

#[test]
fn a_successor_keeps_the_open_finding_and_what_is_usual() {
    let mut scene = Scene::new("");
    scene.run(20, &quiet());
    let beside = Moment {
        core_cost: 1.4,
        rival: scene::Rival {
            cpu: 1.0,
            on: 4,
            ..quiet().rival
        },
        ..quiet()
    };
    scene.run(6, &beside);
    scene.succeed();
    let lasting = scene.run(10, &beside);
    assert!(
        !lasting.is_empty() && lasting.iter().all(|f| (f.id, f.phase) == (1, Phase::LASTS)),
        "{lasting:?}"
    );
    let ended = scene.run(10, &quiet());
    assert_eq!(ended.last().map(|finding| finding.phase), Some(Phase::ENDS));
}

#[test]
fn two_victims_of_one_rival_have_a_finding_each() {
    let mut scene = Scene::new("");
    scene.run(20, &quiet());
    let both = Moment {
        api_wait: 0.2,
        ..smothered()
    };
    let findings = scene.run(
        4,
        &Moment {
            rival: scene::Rival {
                everywhere: true,
                ..both.rival
            },
            ..both
        },
    );
    let mut victims: Vec<u32> = findings.iter().map(|finding| finding.victim.0).collect();
    victims.sort_unstable();
    victims.dedup();
    assert_eq!(victims, [WEB, API]);
}
