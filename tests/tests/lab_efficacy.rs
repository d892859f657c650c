//! How right the detectors are on an emulated machine that has the hardware, in short: one scenario, by the program that runs
//! them all. `PIPELINE_LAB` names what boots the machine; `scripts/efficacy lab` plays all scenarios under all policies.

use std::process::Command;
use system_tests::built;
use system_tests::need::{Need, have};

/// A rival streams through the victim's cache from 12 s on.
///
/// Guaranteed: that is found, and put down to the rival and to the cache; nothing else is told.
#[test]
fn a_stolen_cache_is_found_in_the_lab_and_blamed_on_the_thief() {
    if !have(&[Need::Lab]) {
        return;
    }
    let output = Command::new(built::folder().join("efficacy"))
        .args(["lab", "l3", "--policy", "none", "--each", "--seconds", "26"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {wrong}\n{said}", output.status);
    for measure in ["recall", "precision", "culprit", "resource"] {
        let all_of_it = format!("lab-l3 none {measure} 1.0000 ");
        assert!(said.contains(&all_of_it), "no `{all_of_it}`: {wrong}\n{said}");
    }
    println!("blamed 1 scenario");
}
