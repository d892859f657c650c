//! What is true of a run on the emulated machine. Nobody tells it there, so it is put together: who is there and through
//! what it disturbs is the scenario's; how much slower the victim is, is counted: its instructions per cycle, or its CPU
//! time where that is what it loses, beside the median of the time before anybody came.

use super::stage::{Rival, Scenario, VICTIM};
use pipeline_plugin_api::abi::{Nanos, Resource};
use pipeline_score_measure::{Gatherer, Trial, gather_lines, quantile};
use serde_json::Value;

/// What is alone: from this second on, until the first rival comes.
const SETTLED: f64 = 4.0;
/// A slowdown below that may be noise of the emulator, of which the README of the lab promises 10 %: nobody is held to be its
/// cause. What is left of a slowdown under a policy counts down to nothing all the same, as it does in `search`.
const NOISE: f64 = 1.1;
/// A value is taken for the median of so many around it, for the emulator stumbles now and then.
const AROUND: usize = 5;

/// The trial of a record, with the truth in it.
///
/// # Errors
/// The record is none, or the victim was not counted before it was disturbed; as a sentence.
pub fn trial(scenario: &Scenario, record: &str) -> Result<Trial, String> {
    let mut gatherer = Gatherer::new();
    gather_lines(record, &mut gatherer).map_err(|error| error.to_string())?;
    let metric = match worst(scenario).and_then(|rival| rival.through) {
        Some(Resource::CPU_TIME) => "cpu.time",
        _ => "perf.ipc",
    };
    let lines: Vec<Value> = record
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let counted = smooth(&counted(&lines, metric));
    let first = scenario.rivals.iter().map(|rival| rival.from).min().unwrap_or(u64::MAX) as f64;
    let alone: Vec<f64> = counted
        .iter()
        .filter(|(at, _)| (SETTLED..first).contains(at))
        .map(|(_, value)| *value)
        .collect();
    let alone = quantile(&alone, 0.5)
        .ok_or_else(|| format!("`{metric}` of the victim was not counted before it was disturbed"))?;
    let there = presence(&lines);
    for (at, value) in counted {
        let culprit = scenario
            .rivals
            .iter()
            .find(|rival| rival.through.is_some() && there(rival.name, at));
        tell(&mut gatherer, at, alone / value.max(alone * 1e-3), culprit);
    }
    gatherer.finish().ok_or_else(|| "nothing was recorded".to_owned())
}

fn worst(scenario: &Scenario) -> Option<&Rival> {
    scenario.rivals.iter().find(|rival| rival.through.is_some())
}

fn tell(gatherer: &mut Gatherer, at: f64, slowdown: f64, culprit: Option<&Rival>) {
    let at = Nanos((at * 1e9) as u64);
    let caused = culprit.filter(|_| slowdown >= NOISE);
    let slowdown = if culprit.is_some() { slowdown.max(1.0) } else { 1.0 };
    gatherer.reading(at, VICTIM, "truth.slowdown", "", slowdown);
    if let Some((rival, through)) = caused.and_then(|rival| Some((rival, rival.through?))) {
        let resource = through.to_string();
        gatherer.reading(at, VICTIM, "truth.resource", &resource, slowdown);
        gatherer.reading(
            at,
            VICTIM,
            "truth.cause",
            &format!("{}/{resource}", rival.name),
            slowdown - 1.0,
        );
    }
}

/// The victim's values of a metric: of what adds up, each second.
fn counted(lines: &[Value], metric: &str) -> Vec<(f64, f64)> {
    let wanted = lines
        .iter()
        .filter(|line| line["metric"] == metric && line["target"] == VICTIM && line["part"] == "");
    let value = |line: &Value| {
        let (at, span) = (line["at"].as_f64()? / 1e9, line["span"].as_f64()? / 1e9);
        let value = line["value"].as_f64()?;
        Some((
            at,
            if line["unit"] == "ns" && span > 0.0 {
                value / span
            } else {
                value
            },
        ))
    };
    wanted.filter_map(value).collect()
}

fn smooth(values: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let around = |place: usize| {
        let from = place.saturating_sub(AROUND / 2);
        let near: Vec<f64> = values[from..(place + AROUND / 2 + 1).min(values.len())]
            .iter()
            .map(|(_, value)| *value)
            .collect();
        quantile(&near, 0.5).unwrap_or_default()
    };
    values
        .iter()
        .enumerate()
        .map(|(place, (at, _))| (*at, around(place)))
        .collect()
}

/// Whether a target is there at a second, by what was told of it.
fn presence(lines: &[Value]) -> impl Fn(&str, f64) -> bool + '_ {
    move |name, at| {
        let is_told = |line: &&Value| {
            line["kind"] == "target" && line["name"] == name && line["at"].as_f64().is_some_and(|told| told / 1e9 <= at)
        };
        lines.iter().rfind(is_told).is_some_and(|line| line["change"] != "gone")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::stage::SCENARIOS;
    use pipeline_score_measure::{Rules, episodes};
    use std::fmt::Write;

    /// A record in which the rival is there from 20 s to 50 s and the victim's IPC falls from 0.8 to that meanwhile.
    fn record(beside: f64) -> String {
        let mut text = String::new();
        let mut target = |at: u64, change: &str, name: &str, class: &str| {
            let _ = writeln!(
                text,
                r#"{{"kind":"target","at":{},"change":"{change}","name":"{name}","class":"{class}"}}"#,
                at * 1_000_000_000
            );
        };
        target(0, "appeared", "victim", "Latency");
        target(20, "appeared", "rival", "BestEffort");
        target(50, "gone", "rival", "BestEffort");
        for half in 1..120_u64 {
            let value = if (40..100).contains(&half) { beside } else { 0.8 };
            let _ = writeln!(
                text,
                r#"{{"kind":"reading","at":{}00000000,"span":0,"target":"victim","metric":"perf.ipc","part":"","value":{value},"unit":"1"}}"#,
                half * 5
            );
        }
        text
    }

    #[test]
    fn the_truth_is_who_is_there_and_how_much_slower_it_is() {
        let trial = trial(&SCENARIOS[0], &record(0.2)).unwrap();
        let found = episodes(&trial, &Rules::default());
        assert_eq!(found.len(), 1);
        assert!((found[0].slowdown - 4.0).abs() < 0.1, "{}", found[0].slowdown);
        assert_eq!(
            (found[0].blame.culprit(), found[0].blame.resource()),
            (Some("rival"), Some(Resource::L3))
        );
    }

    #[test]
    fn what_may_be_noise_is_no_episode_and_counts_as_harm() {
        let trial = trial(&SCENARIOS[0], &record(0.76)).unwrap();
        assert!(episodes(&trial, &Rules::default()).is_empty());
        let worst = trial.truth[VICTIM]
            .iter()
            .map(|moment| moment.slowdown)
            .fold(0.0, f64::max);
        assert!((worst - 0.8 / 0.76).abs() < 1e-9, "{worst}");
        assert!(trial.truth[VICTIM].iter().all(|moment| moment.resources.is_empty()));
    }

    #[test]
    fn a_victim_that_was_not_counted_is_no_trial() {
        let error = trial(&SCENARIOS[0], "{\"kind\":\"reading\",\"at\":5}\n").unwrap_err();
        assert!(error.contains("was not counted"), "{error}");
    }
}
