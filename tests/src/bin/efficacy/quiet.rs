//! The suite `quiet10`: hours in which nobody disturbs anybody.

use crate::arguments::Wanted;
use crate::arm::{ARMS, Arm};
use crate::cases::{UNSEEN, quiet_hour};
use crate::scene::Scene;
use crate::table::{Column, text};
use crate::{Ended, complain, print, sim, workers};
use pipeline_score_measure::{Rules, Score};

/// Runs the suite; whether every run was one. The seeds are ones that nobody looked at.
///
/// # Errors
/// No folder can be made, or nothing can be printed.
pub fn run(wanted: &Wanted) -> Ended<bool> {
    let scene = Scene::new(wanted.keep.as_deref())?;
    let first = wanted.seeds.first().map_or(UNSEEN, |seeds| seeds.start);
    let hours: Vec<u64> = (first..first + wanted.hours).collect();
    let asked = |arm: &Arm| {
        arm.detects
            && if wanted.policies.is_empty() {
                arm.name == "ours"
            } else {
                wanted.has(arm.name)
            }
    };
    let (mut columns, mut whole) = (Vec::new(), true);
    for arm in ARMS.into_iter().filter(asked) {
        let mut score = Score::default();
        for hour in workers::each(&hours, wanted.jobs, |seed| of_hour(&scene, arm, *seed, wanted.each)) {
            match hour {
                Ok(hour) => score.add(&hour),
                Err(error) => {
                    complain(&error.to_string());
                    whole = false;
                }
            }
        }
        columns.push(Column {
            policy: arm.name,
            score,
            detects: true,
        });
    }
    print(&text("quiet10", &columns))?;
    for column in &columns {
        let score = &column.score;
        let hours = score.span.seconds() / 3600.0;
        print(&format!(
            "quiet10 {} false_alarms {}\nquiet10 {} hours {hours:.2}\n",
            column.policy,
            score.false_alarms(),
            column.policy
        ))?;
    }
    Ok(whole)
}

fn of_hour(scene: &Scene, arm: Arm, seed: u64, each: bool) -> Ended<Score> {
    let trial = scene.run(arm, &format!("{seed}-quiet-hour"), &quiet_hour(seed))?;
    let rules = Rules::default();
    if each {
        sim::wrong(&format!("{seed}-quiet-hour"), arm, &trial, &trial, &rules);
    }
    Ok(Score::of(&trial, None, &rules))
}
