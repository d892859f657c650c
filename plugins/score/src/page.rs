//! A score as text and as JSON.

use pipeline_plugin_api::abi::Nanos;
use pipeline_score_measure::{Alarm, Found, Judged, Measure, Score, Verdict, measures};
use serde_json::{Value, json};
use std::fmt::Write;

/// A run that was scored.
#[derive(Debug)]
pub struct Scored {
    /// As it was named.
    pub name: String,
    /// What was found in it.
    pub verdict: Verdict,
    /// Whether it is known what truly happened.
    pub has_truth: bool,
}

/// The table of all figures.
pub fn text(score: &Score, runs: &[Scored], each: bool) -> String {
    let mut text = format!("{} in {} of {}\n", count(score.trials, "run"), score.span, names(runs));
    for run in runs.iter().filter(|run| !run.has_truth) {
        let _ = writeln!(
            text,
            "`{}` does not tell what truly happened (no `truth.slowdown`), so its findings are counted and not judged",
            run.name
        );
    }
    let _ = writeln!(
        text,
        "\n{:<22} {:>9} {:>5}  {:<15} {:>6}  what",
        "measure", "value", "unit", "95 %", "of"
    );
    for measure in measures(score) {
        text.push_str(&row(&measure));
    }
    for (resource, share) in &score.recall_by {
        let found = share.value().map_or_else(String::new, |value| format!("{value:.3}"));
        let _ = writeln!(
            text,
            "{:<22} {found:>9} {:>5}  {:<15} {:>6}  recall of what came through {resource}",
            "", "1", "", share.of
        );
    }
    if each {
        runs.iter().for_each(|run| text.push_str(&list(run)));
    }
    text
}

fn names(runs: &[Scored]) -> String {
    match runs {
        [one] => format!("`{}`", one.name),
        [first, .., last] => format!("`{}` to `{}`", first.name, last.name),
        [] => "nothing".to_owned(),
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

fn row(measure: &Measure) -> String {
    let value = measure
        .value
        .map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let interval = measure.interval.map_or_else(String::new, |interval| {
        format!("{:.3}..{:.3}", interval.low, interval.high)
    });
    let of = measure.cases.map_or_else(String::new, |cases| cases.to_string());
    format!(
        "{:<22} {value:>9} {:>5}  {interval:<15} {of:>6}  {}\n",
        measure.name, measure.unit, measure.meaning
    )
}

fn list(run: &Scored) -> String {
    let mut text = format!("\n{}\n", run.name);
    for judged in &run.verdict.episodes {
        let _ = writeln!(text, "  {judged}");
    }
    for (alarm, found) in &run.verdict.alarms {
        let _ = writeln!(text, "  {alarm}: {found}");
    }
    text
}

/// The same as JSON, each episode and finding included where they are wanted.
pub fn json(score: &Score, runs: &[Scored], each: bool) -> Value {
    let by: serde_json::Map<String, Value> = score
        .recall_by
        .iter()
        .map(|(resource, share)| (resource.to_string(), json!(share)))
        .collect();
    let list: Vec<Value> = runs.iter().map(|run| run_json(run, each)).collect();
    json!({
        "trials": score.trials,
        "with_truth": score.with_truth,
        "seconds": score.span.seconds(),
        "false_alarms": score.false_alarms(),
        "false_alarms_brief": score.brief,
        "false_alarms_misplaced": score.misplaced,
        "measures": measures(score),
        "recall_by_resource": by,
        "runs": list,
    })
}

fn run_json(run: &Scored, each: bool) -> Value {
    let mut value = json!({ "run": run.name, "has_truth": run.has_truth });
    if each {
        value["episodes"] = run.verdict.episodes.iter().map(episode_json).collect();
        value["findings"] = run
            .verdict
            .alarms
            .iter()
            .map(|(alarm, found)| finding_json(alarm, *found))
            .collect();
    }
    value
}

fn episode_json(judged: &Judged) -> Value {
    let episode = &judged.episode;
    json!({
        "victim": episode.victim,
        "from_ns": episode.span.from.0,
        "to_ns": episode.span.to.0,
        "slowdown": episode.slowdown,
        "culprit": episode.blame.culprit(),
        "resource": episode.blame.resource().map(|resource| resource.to_string()),
        "delay_ns": judged.delay.map(|Nanos(delay)| delay),
        "culprit_right": judged.culprit,
        "culprit_at_once_right": judged.at_once,
        "nobody_blamed": judged.innocent,
        "resource_right": judged.resource,
    })
}

fn finding_json(alarm: &Alarm, found: Found) -> Value {
    let views: Vec<Value> = alarm
        .views
        .iter()
        .map(|view| json!({ "from_ns": view.span.from.0, "resource": view.resource.to_string(), "culprits": view.culprits }))
        .collect();
    json!({
        "node": alarm.node,
        "victim": alarm.victim,
        "from_ns": alarm.span.from.0,
        "to_ns": alarm.span.to.0,
        "worth": found.to_string(),
        "said": views,
    })
}
