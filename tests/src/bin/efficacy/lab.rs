//! The suite `lab`: scenarios on the emulated machine, with the kernel's own interfaces and the real plugins. What is true
//! there follows from the scenario, which says who disturbs through what and when, and from what was counted: how much
//! slower the victim is than before it was disturbed.
//!
//! Who plays is in `lab/stage`, what is true in `lab/truth`.

mod stage;
mod truth;

use crate::arguments::Wanted;
use crate::arm::Arm;
use crate::table::{Column, text};
use crate::{Ended, complain, print, sim};
use pipeline_score_measure::{Rules, Score, Trial};
use stage::{PLUGINS, SCENARIOS, Scenario};
use system_tests::lab::Lab;

/// The policies that there are for real hardware, each as a section of transforms to actuators.
const ARMS: [Arm; 4] = [
    Arm {
        name: "none",
        about: "our detectors, no policy",
        detects: true,
    },
    Arm {
        name: "ours",
        about: "detect.triage, policy.adaptive",
        detects: true,
    },
    Arm {
        name: "throttle",
        about: "detect.triage, policy.throttle",
        detects: true,
    },
    Arm {
        name: "static",
        about: "policy.priority: partitions by class",
        detects: false,
    },
];

/// How long a run lasts there.
const SECONDS: u64 = 60;

/// Runs the suite; whether every run was one.
///
/// # Errors
/// A scenario is not known, or nothing can be printed.
pub fn run(wanted: &Wanted) -> Ended<bool> {
    if std::env::var_os("PIPELINE_LAB").is_none() {
        return Err("set PIPELINE_LAB to the program that boots the emulated machine".into());
    }
    let scenarios = chosen(&wanted.scenarios)?;
    let arms: Vec<Arm> = ARMS.into_iter().filter(|arm| wanted.has(arm.name)).collect();
    let mut columns: Vec<Column> = arms.iter().map(empty).collect();
    let mut whole = true;
    for scenario in scenarios {
        match of_scenario(wanted, &arms, scenario) {
            Ok(scores) => {
                let mut own: Vec<Column> = arms.iter().map(empty).collect();
                for (place, score) in scores.iter().enumerate() {
                    columns[place].score.add(score);
                    own[place].score.add(score);
                }
                print(&text(&format!("lab-{}", scenario.name), &own))?;
            }
            Err(error) => {
                complain(&error.to_string());
                whole = false;
            }
        }
    }
    print(&text("lab", &columns))?;
    Ok(whole)
}

fn empty(arm: &Arm) -> Column {
    Column {
        policy: arm.name,
        score: Score::default(),
        detects: arm.detects,
    }
}

fn chosen(names: &[String]) -> Ended<Vec<&'static Scenario>> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let find = |name: &String| {
        let known = SCENARIOS
            .iter()
            .map(|scenario| scenario.name)
            .collect::<Vec<_>>()
            .join("`, `");
        let found = SCENARIOS.iter().find(|scenario| scenario.name == *name);
        found.ok_or_else(|| format!("there is no scenario `{name}`; there are `{known}`").into())
    };
    names.iter().map(find).collect()
}

fn of_scenario(wanted: &Wanted, arms: &[Arm], scenario: &Scenario) -> Ended<Vec<Score>> {
    let beside = play(wanted, scenario, ARMS[0])?;
    let mut scores = Vec::with_capacity(arms.len());
    for arm in arms {
        let acting = if *arm == ARMS[0] {
            None
        } else {
            Some(play(wanted, scenario, *arm)?)
        };
        let trial = acting.as_ref().unwrap_or(&beside);
        let rules = Rules::default();
        if wanted.each && arm.detects {
            sim::wrong(scenario.name, *arm, trial, &beside, &rules);
        }
        scores.push(Score::of(trial, Some(&beside), &rules));
    }
    Ok(scores)
}

/// Boots the machine and runs a scenario there under a policy.
fn play(wanted: &Wanted, scenario: &Scenario, arm: Arm) -> Ended<Trial> {
    let graph = stage::graph(scenario, arm.name);
    let script = format!(
        "pipeline --plugin-dir /plugins run /graph.ron --for {SECONDS}s > /out/log 2>&1; echo $? > /out/status"
    );
    let lab = Lab::with(&PLUGINS).text(&graph, "/graph.ron");
    let left = lab.run(&script);
    if let Some(keep) = &wanted.keep {
        std::fs::create_dir_all(keep)?;
        std::fs::write(
            keep.join(format!("lab-{}-{}.jsonl", scenario.name, arm.name)),
            left.file("run.jsonl"),
        )?;
        std::fs::write(
            keep.join(format!("lab-{}-{}.log", scenario.name, arm.name)),
            left.file("log"),
        )?;
    }
    if left.file("status").trim() != "0" {
        return Err(format!("{} under {}: {}", scenario.name, arm.name, left.file("log")).into());
    }
    truth::trial(scenario, &left.file("run.jsonl"))
        .map_err(|why| format!("{} under {}: {why}", scenario.name, arm.name).into())
}
