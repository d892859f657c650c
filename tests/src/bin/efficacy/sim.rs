//! The suite `sim`: seeds, each a scenario, under each policy.

use crate::arguments::Wanted;
use crate::arm::{ARMS, Arm};
use crate::cases::{UNSEEN, kind, scenario};
use crate::scene::Scene;
use crate::table::{Column, text};
use crate::{Ended, best, complain, print, workers};
use pipeline_score_measure::{Mean, Rules, Score, Trial, judge};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The seeds that are run where none are asked for.
const SEEDS: [std::ops::Range<u64>; 2] = [0..200, UNSEEN..UNSEEN + 200];

/// Runs the suite; whether every run was one.
///
/// # Errors
/// No folder can be made, or nothing can be printed.
pub fn run(wanted: &Wanted) -> Ended<bool> {
    let ranges = if wanted.seeds.is_empty() {
        SEEDS.to_vec()
    } else {
        wanted.seeds.clone()
    };
    let seeds = |unseen: bool| -> Vec<u64> {
        let all = ranges.iter().cloned().flatten();
        all.filter(|seed| (*seed >= UNSEEN) == unseen).collect()
    };
    let mut whole = true;
    for (suite, seeds) in [("sim", seeds(false)), ("sim-unseen", seeds(true))] {
        if !seeds.is_empty() {
            let (scored, failed) = scored(wanted, &seeds)?;
            if wanted.each {
                for (kind, columns) in &scored.kinds {
                    print(&text(&format!("{suite}-{kind}"), columns))?;
                }
            }
            print(&text(suite, &scored.all))?;
            print(&best_lines(suite, &scored.all, &scored.searched)?)?;
            whole &= failed == 0;
        }
    }
    Ok(whole)
}

/// What policies came to.
struct Scored {
    all: Vec<Column>,
    /// By kind of scenario.
    kinds: BTreeMap<&'static str, Vec<Column>>,
    /// By policy: what was recovered, and what the best setting of the knobs would have, of seeds that were searched.
    searched: Vec<(Mean, Mean)>,
}

/// The scores of the wanted policies over those seeds, and how many runs failed.
fn scored(wanted: &Wanted, seeds: &[u64]) -> Ended<(Scored, usize)> {
    let scene = Scene::new(wanted.keep.as_deref())?;
    let arms: Vec<Arm> = ARMS.into_iter().filter(|arm| wanted.has(arm.name)).collect();
    let best = best::table()?;
    let all = workers::each(seeds, wanted.jobs, |seed| of_seed(&scene, &arms, *seed, wanted.each));
    let empty = || arms.iter().map(Column::empty).collect::<Vec<Column>>();
    let mut scored = Scored {
        all: empty(),
        kinds: BTreeMap::new(),
        searched: vec![<(Mean, Mean)>::default(); arms.len()],
    };
    let mut failed = 0;
    for (seed, scores) in seeds.iter().zip(all) {
        match scores {
            Ok(scores) => {
                let of_kind = scored.kinds.entry(kind(*seed).name()).or_insert_with(empty);
                for (place, score) in scores.iter().enumerate() {
                    scored.all[place].score.add(score);
                    of_kind[place].score.add(score);
                    if let (Some(best), Some(reached)) = (best.get(seed), score.recovery.whole.value()) {
                        scored.searched[place].0.add(reached);
                        scored.searched[place].1.add(*best);
                    }
                }
            }
            Err(error) => {
                complain(&error.to_string());
                failed += 1;
            }
        }
    }
    Ok((scored, failed))
}

/// What was recovered beside the best that any setting of the knobs reaches, over the seeds for which that was searched.
fn best_lines(suite: &str, columns: &[Column], searched: &[(Mean, Mean)]) -> Ended<String> {
    let mut text = String::new();
    for (column, (reached, best)) in columns.iter().zip(searched) {
        if let (Some(reached), Some(most)) = (reached.value(), best.value()) {
            let policy = column.policy;
            writeln!(text, "{suite} {policy} searched_seeds {}", best.count())?;
            writeln!(text, "{suite} {policy} searched_best {most:.4}")?;
            writeln!(text, "{suite} {policy} recovered_of_best {:.4}", reached / most)?;
        }
    }
    Ok(text)
}

/// What each policy made of a seed, beside the same without any.
fn of_seed(scene: &Scene, arms: &[Arm], seed: u64, each: bool) -> Ended<Vec<Score>> {
    let scenario = scenario(seed);
    let name = format!("{seed}-{}", kind(seed).name());
    let beside = scene.run(ARMS[0], &name, &scenario)?;
    let mut scores = Vec::with_capacity(arms.len());
    for arm in arms {
        let acting = if *arm == ARMS[0] {
            None
        } else {
            Some(scene.run(*arm, &name, &scenario)?)
        };
        let trial = acting.as_ref().unwrap_or(&beside);
        let rules = Rules::default();
        if each && arm.detects {
            wrong(&name, *arm, trial, &beside, &rules);
        }
        scores.push(Score::of(trial, Some(&beside), &rules));
    }
    Ok(scores)
}

/// Says what was not right.
pub fn wrong(name: &str, arm: Arm, trial: &Trial, beside: &Trial, rules: &Rules) {
    let verdict = judge(trial, Some(beside), rules);
    let episodes = verdict.episodes.iter().map(ToString::to_string);
    let alarms = verdict.alarms.iter().map(|(alarm, found)| format!("{alarm}: {found}"));
    let lines = episodes.chain(alarms);
    for line in lines.filter(|line| ["MISSED", "WRONG", "FALSE"].iter().any(|word| line.contains(word))) {
        complain(&format!("{name} {}: {line}", arm.name));
    }
}
