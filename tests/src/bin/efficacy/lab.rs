//! The suites of the emulated machine: scenarios with the kernel's own interfaces and the real plugins. What is true there
//! follows from the scenario, which says who disturbs through what and when, and from what was counted: how much slower
//! the victim is than before it was disturbed.
//!
//! Who plays is in `stage`, in which graphs in `graph`, what is true in `truth`; what the knobs can give at all is `search`.

mod graph;
mod search;
mod searched;
mod setting;
mod stage;
mod truth;

use crate::arguments::Wanted;
use crate::arm::{ARMS, Arm};
use crate::table::{Column, text};
use crate::{Ended, complain, print, sim};
use graph::PLUGINS;
use pipeline_score_measure::{Rules, Score, Trial};
use stage::{SCENARIOS, Scenario};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::ErrorKind;
use system_tests::lab::{Lab, Left};

/// All policies but CPI² with its own constants, which looks once a minute: a scenario here lasts no longer.
fn arms() -> impl Iterator<Item = Arm> {
    ARMS.into_iter().filter(|arm| arm.name != "cpi2")
}

/// The scenarios whose rival's knobs are searched.
const SEARCHED: [&str; 2] = ["l3", "bandwidth"];

/// Runs the suite; whether every run was one.
///
/// # Errors
/// A scenario is not known, or nothing can be printed.
pub fn run(wanted: &Wanted) -> Ended<bool> {
    let scenarios = chosen(&wanted.scenarios)?;
    if wanted.kept.is_none() || wanted.keep.is_some() {
        needs_machine()?;
    }
    let arms: Vec<Arm> = arms().filter(|arm| wanted.has(arm.name)).collect();
    let best = searched::best().unwrap_or_else(|error| {
        complain(&format!("nothing is told of the best there is: {error}"));
        BTreeMap::new()
    });
    let mut columns: Vec<Column> = arms.iter().map(Column::empty).collect();
    let mut whole = true;
    for scenario in scenarios {
        match of_scenario(wanted, &arms, scenario) {
            Ok(scores) => {
                let suite = format!("lab-{}", scenario.name);
                let mut own: Vec<Column> = arms.iter().map(Column::empty).collect();
                for (place, score) in scores.iter().enumerate() {
                    columns[place].score.add(score);
                    own[place].score.add(score);
                }
                print(&text(&suite, &own))?;
                if let Some(best) = best.get(scenario.name) {
                    print(&best_lines(&suite, &own, *best)?)?;
                }
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

/// Searches what settings of knobs can give; whether every scenario was searched.
///
/// # Errors
/// A scenario is not known, or nothing can be printed.
pub fn search(wanted: &Wanted) -> Ended<bool> {
    let names = if wanted.scenarios.is_empty() {
        SEARCHED.map(str::to_owned).to_vec()
    } else {
        wanted.scenarios.clone()
    };
    let scenarios = chosen(&names)?;
    needs_machine()?;
    print(&searched::head(&names))?;
    let mut whole = true;
    for scenario in scenarios {
        match search::table(scenario, wanted.keep.as_deref()) {
            Ok(table) => print(&table)?,
            Err(error) => {
                complain(&format!("{}: {error}", scenario.name));
                whole = false;
            }
        }
    }
    Ok(whole)
}

/// What was recovered beside the best that a setting of the rival's knobs reaches, held all the time.
fn best_lines(suite: &str, columns: &[Column], best: f64) -> Ended<String> {
    let mut text = format!("{suite} best recovered {best:.4}\n");
    for Column { policy, score, .. } in columns {
        for (measure, reached) in [
            ("recovered_of_best", score.recovery.whole.value()),
            ("recovered_late_of_best", score.recovery.late.value()),
        ] {
            if let Some(reached) = reached {
                writeln!(text, "{suite} {policy} {measure} {:.4}", reached / best)?;
            }
        }
    }
    Ok(text)
}

fn needs_machine() -> Ended<()> {
    let is_there = std::env::var_os("PIPELINE_LAB").is_some();
    is_there
        .then_some(())
        .ok_or_else(|| "set PIPELINE_LAB to the program that boots the emulated machine".into())
}

/// The scenarios of those names; all where there are none.
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

/// Plays a scenario under a policy, or looks at how it was played.
fn play(wanted: &Wanted, scenario: &Scenario, arm: Arm) -> Ended<Trial> {
    let name = format!("lab-{}-{}", scenario.name, arm.name);
    let record = match kept(wanted, &name)? {
        Some(record) => record,
        None => boot(wanted, scenario, arm, &name)?,
    };
    truth::trial(scenario, &record).map_err(|why| format!("{} under {}: {why}", scenario.name, arm.name).into())
}

/// The record of a scenario under a policy that was kept; none where it is still to be played.
fn kept(wanted: &Wanted, name: &str) -> Ended<Option<String>> {
    let Some(folder) = &wanted.kept else { return Ok(None) };
    let path = folder.join(format!("{name}.jsonl"));
    match std::fs::read_to_string(&path) {
        Ok(record) => Ok(Some(record)),
        Err(error) if error.kind() == ErrorKind::NotFound && wanted.keep.is_some() => Ok(None),
        Err(error) => Err(format!("`{}`: {error}", path.display()).into()),
    }
}

/// Boots the machine and runs a scenario there; the record.
fn boot(wanted: &Wanted, scenario: &Scenario, arm: Arm, name: &str) -> Ended<String> {
    let graph = graph::graph(scenario, arm.name);
    let seconds = wanted.seconds.unwrap_or(u64::MAX).min(scenario.seconds());
    let script = format!(
        "pipeline --plugin-dir /plugins run /graph.ron --for {seconds}s > /out/log 2>&1; echo $? > /out/status"
    );
    let lab = Lab::with(&PLUGINS).cores(scenario.cores).text(&graph, "/graph.ron");
    let left = lab.run(&script);
    keep(wanted, name, &graph, &left)?;
    if !is_whole(&left) {
        return Err(format!("{} under {}: {}", scenario.name, arm.name, left.file("log")).into());
    }
    Ok(left.file("run.jsonl"))
}

fn is_whole(left: &Left) -> bool {
    left.file("status").trim() == "0"
}

/// Keeps what a run left, if that is wanted, with the graph that it was.
fn keep(wanted: &Wanted, name: &str, graph: &str, left: &Left) -> Ended<()> {
    let Some(folder) = &wanted.keep else { return Ok(()) };
    std::fs::create_dir_all(folder)?;
    // Only a run that was whole may be judged later.
    let record = if is_whole(left) { "jsonl" } else { "failed.jsonl" };
    for (ending, text) in [
        (record, left.file("run.jsonl")),
        ("log", left.file("log")),
        ("ron", graph.to_owned()),
    ] {
        std::fs::write(folder.join(format!("{name}.{ending}")), text)?;
    }
    Ok(())
}
