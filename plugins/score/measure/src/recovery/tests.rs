//! Slowdowns by hand with and without a policy, and what is gone of them.

use super::*;
use crate::testing::quiet;
use pipeline_plugin_api::abi::Resource;

const L3: Resource = Resource::L3;

fn slow(seconds: std::ops::Range<usize>, times: f64) -> Trial {
    quiet().slow("web", seconds, times, &[("batch", L3, times)])
}

fn shares(trial: &Trial, beside: Option<&Trial>) -> (Option<f64>, Option<f64>) {
    let recovery = recovery(trial, beside, &Rules::default());
    (recovery.whole.value(), recovery.late.value())
}

fn is_near(found: (Option<f64>, Option<f64>), whole: f64, late: f64) {
    let (found_whole, found_late) = (found.0.unwrap(), found.1.unwrap());
    assert!(
        (found_whole - whole).abs() < 1e-9 && (found_late - late).abs() < 1e-9,
        "{found_whole} and {found_late}, not {whole} and {late}"
    );
}

#[test]
fn beside_no_policy_the_same_time_is_compared() {
    // Twice as slow for 20 s; with the policy 5 s of it are left, in the first half.
    is_near(shares(&slow(10..15, 2.0), Some(&slow(10..30, 2.0))), 0.75, 1.0);
    is_near(shares(&slow(10..30, 2.0), Some(&slow(10..30, 2.0))), 0.0, 0.0);
    is_near(shares(&quiet(), Some(&slow(10..30, 2.0))), 1.0, 1.0);
}

#[test]
fn a_policy_may_make_it_worse_but_only_so_much() {
    is_near(shares(&slow(10..30, 2.5), Some(&slow(10..30, 2.0))), -0.5, -0.5);
    is_near(shares(&slow(10..30, 9.0), Some(&slow(10..30, 2.0))), -1.0, -1.0);
}

#[test]
fn alone_what_follows_the_first_remedy_is_compared_with_what_was_before() {
    is_near(shares(&slow(10..20, 2.0).remedy(20..30), None), 0.5, 1.0);
    is_near(shares(&slow(10..30, 2.0), None), 0.0, 0.0);
}

#[test]
fn nothing_can_be_given_back_of_what_nobody_took() {
    let own = quiet().slow("web", 10..30, 2.0, &[("", Resource::SELF, 2.0)]);
    assert_eq!(shares(&own, Some(&own)), (None, None));
    assert_eq!(shares(&quiet(), Some(&quiet())), (None, None));
}

#[test]
fn batch_work_pays_what_it_gets_done_less() {
    let there = quiet()
        .worked("cpu.time", "batch", 80.0)
        .worked("cpu.time", "other", 20.0)
        .worked("cpu.time", "web", 50.0);
    let here = quiet()
        .worked("cpu.time", "batch", 50.0)
        .worked("cpu.time", "other", 25.0)
        .worked("cpu.time", "web", 99.0);
    assert!((paid(&here, &there).unwrap() - 0.25).abs() < 1e-9);
    assert!((paid(&there, &here).unwrap() + 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn the_best_measure_of_work_that_both_have_is_taken() {
    let there = quiet()
        .worked("truth.work", "batch", 10.0)
        .worked("cpu.time", "batch", 80.0);
    let here = quiet()
        .worked("truth.work", "batch", 9.0)
        .worked("cpu.time", "batch", 8.0);
    assert!((paid(&here, &there).unwrap() - 0.1).abs() < 1e-9);
    let without = quiet().worked("cpu.time", "batch", 8.0);
    assert!((paid(&without, &there).unwrap() - 0.9).abs() < 1e-9);
    assert_eq!(paid(&quiet(), &there), None);
    assert_eq!(
        paid(&there, &quiet().worked("cpu.time", "batch", 0.0)),
        None,
        "no work is no share"
    );
}
