//! Every cause by table: what is seen, and who is named for it.

use super::*;
use crate::learn::Waiting;
use crate::typical::Typical;

fn usual() -> Context {
    let about = |middle: f64| Typical {
        middle,
        spread: middle / 20.0,
    };
    Context {
        delay: Some(Waiting {
            rate: about(0.005),
            for_work: about(0.02),
        }),
        pressure: None,
        load: Some(about(6000.0)),
        cpu: Some(about(0.25)),
        rivals: Some(about(0.0)),
        steal: Some(about(0.005)),
    }
}

fn seen(wait: f64, rivals: &[(u32, f64)]) -> Sight {
    let rival = |(target, cpu): &(u32, f64)| Rival {
        target: TargetId(*target),
        cpu: *cpu,
        certain: true,
    };
    Sight {
        cpu: Some(0.25),
        wait: Some((wait, Eye::RunDelay)),
        throttled: Some(0.0),
        steal: Some(0.005),
        load: Some(6000.0),
        cpus: Some(1),
        rivals: rivals.iter().map(rival).collect(),
        busy_elsewhere: false,
    }
}

fn verdict(sight: &Sight) -> (Resource, Vec<u32>) {
    let cause = find(sight, &usual(), &BaselineConfig::default());
    (
        cause.resource,
        cause.culprits.iter().map(|culprit| culprit.target.0).collect(),
    )
}

#[test]
fn each_cause_is_told_from_the_others() {
    let cases: Vec<(&str, Sight, Resource, Vec<u32>)> = vec![
        (
            "a neighbour on its cpu",
            seen(0.4, &[(2, 0.7)]),
            Resource::CPU_TIME,
            vec![2],
        ),
        (
            "three rivals",
            seen(0.4, &[(3, 0.25), (2, 0.24), (4, 0.23)]),
            Resource::CPU_TIME,
            vec![3, 2, 4],
        ),
        (
            "one who hardly runs is not named",
            seen(0.4, &[(2, 0.7), (3, 0.04)]),
            Resource::CPU_TIME,
            vec![2],
        ),
        ("nobody of the graph", seen(0.4, &[]), Resource::UNKNOWN, vec![]),
        (
            "too little to explain it",
            seen(0.4, &[(2, 0.1)]),
            Resource::UNKNOWN,
            vec![],
        ),
        (
            "busy but no waiting",
            seen(0.005, &[(2, 0.7)]),
            Resource::UNKNOWN,
            vec![],
        ),
        (
            "its own quota",
            Sight {
                throttled: Some(0.3),
                ..seen(0.02, &[(2, 0.5)])
            },
            Resource::SELF,
            vec![],
        ),
        (
            "a quota that hardly bites beside a rival",
            Sight {
                throttled: Some(0.02),
                ..seen(0.4, &[(2, 0.7)])
            },
            Resource::CPU_TIME,
            vec![2],
        ),
        (
            "twice the load waits twice as long",
            Sight {
                load: Some(12_000.0),
                cpu: Some(0.5),
                ..seen(0.011, &[(2, 0.1)])
            },
            Resource::SELF,
            vec![],
        ),
        (
            "steal",
            Sight {
                steal: Some(0.1),
                ..seen(0.005, &[(2, 0.7)])
            },
            Resource::HYPERVISOR,
            vec![],
        ),
        (
            "a rival under steal is a rival still",
            Sight {
                steal: Some(0.1),
                ..seen(0.4, &[(2, 0.7)])
            },
            Resource::CPU_TIME,
            vec![2],
        ),
        (
            "the same requests cost more beside a busy neighbour",
            Sight {
                cpu: Some(0.4),
                busy_elsewhere: true,
                ..seen(0.005, &[])
            },
            Resource::UNKNOWN,
            vec![],
        ),
    ];
    for (name, sight, resource, culprits) in cases {
        assert_eq!(verdict(&sight), (resource, culprits), "{name}");
    }
}

#[test]
fn many_small_rivals_are_named_until_half_is_accounted_for() {
    let rivals: Vec<(u32, f64)> = (2..10).map(|target| (target, 0.09)).collect();
    assert_eq!(verdict(&seen(0.5, &rivals)), (Resource::CPU_TIME, vec![2, 3, 4, 5]));
}

#[test]
fn run_delay_of_many_threads_is_no_more_than_others_can_hold() {
    let sight = seen(3.0, &[(2, 0.7)]);
    assert_eq!(verdict(&sight), (Resource::CPU_TIME, vec![2]));
    let cause = find(&sight, &usual(), &BaselineConfig::default());
    assert!(cause.confidence > 0.9, "{cause:?}");
}

#[test]
fn without_waiting_seen_one_is_less_sure() {
    let blind = Sight {
        wait: None,
        ..seen(0.0, &[(2, 0.7)])
    };
    let cause = find(&blind, &usual(), &BaselineConfig::default());
    assert_eq!(cause.resource, Resource::CPU_TIME);
    assert!(cause.confidence <= BLIND);
    let loaded = Sight {
        load: Some(12_000.0),
        ..blind
    };
    assert_eq!(verdict(&loaded), (Resource::SELF, vec![]));
}

#[test]
fn pressure_serves_where_run_delay_is_missing() {
    let sight = Sight {
        wait: Some((0.4, Eye::Pressure)),
        ..seen(0.0, &[(2, 0.7)])
    };
    assert_eq!(verdict(&sight), (Resource::CPU_TIME, vec![2]));
}

#[test]
fn a_victim_with_nothing_known_of_it_blames_nobody() {
    assert_eq!(verdict(&Sight::default()), (Resource::UNKNOWN, vec![]));
}
