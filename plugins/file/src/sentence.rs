//! Findings, actions, outcomes and targets as sentences. When they are said, and whether again, is
//! decided in `table`.

use crate::humane::{instant, quantity};
use crate::names::Names;
use pipeline_plugin_api::prelude::*;

/// What happened to a target, where that is news: that it appeared or went.
pub fn target(change: &TargetChange) -> Option<String> {
    let target = &change.target;
    match change.change {
        Change::APPEARED => Some(format!(
            "target `{}` appeared ({}){}",
            target.name,
            target.class,
            on_cpus(&target.cpus)
        )),
        Change::GONE => Some(format!("target `{}` went", target.name)),
        _ => None,
    }
}

/// A finding that begins or ends; one that lasts is no news.
pub fn finding(names: &mut Names, finding: &Finding) -> Option<String> {
    let victim = names.target(finding.victim);
    let said = match finding.phase {
        Phase::LASTS => return None,
        Phase::ENDS => format!("finding ends: `{victim}` is no longer slowed{}", by(names, finding)),
        phase => format!(
            "finding {phase}: `{victim}` is slowed{}{} through {}",
            times(finding.severity),
            by(names, finding),
            finding.resource
        ),
    };
    Some(because(said, &finding.why))
}

/// An action, without its lease: what is wanted, so that a renewal reads the same.
pub fn action(names: &mut Names, action: &Action) -> String {
    let (knob, target) = (names.knob(action.knob), names.target(action.target));
    let said = if action.is_release() {
        format!("action: put back `{}` of `{target}`", knob.name)
    } else {
        let state = state(action.value, &action.text, &knob.unit);
        format!("action: `{}` of `{target}` to {state}", knob.name)
    };
    because(said, &action.why)
}

/// What became of an action.
pub fn outcome(names: &mut Names, outcome: &Outcome) -> String {
    let (knob, target) = (names.knob(outcome.knob), names.target(outcome.target));
    let said = format!("outcome: `{}` of `{target}` {}", knob.name, outcome.fate);
    let holds = [Fate::APPLIED, Fate::CLAMPED, Fate::PLANNED].contains(&outcome.fate);
    let said = if holds {
        format!("{said} at {}", state(outcome.value, &outcome.text, &knob.unit))
    } else {
        said
    };
    because(said, &outcome.why)
}

/// The sentence with its instant in front: `12.4s finding begins: …`.
pub fn at(at: Nanos, said: &str) -> String {
    format!("{} {said}", instant(at))
}

fn on_cpus(cpus: &[u32]) -> String {
    if cpus.is_empty() {
        return String::new();
    }
    let cpus: Vec<String> = cpus.iter().map(ToString::to_string).collect();
    format!(" on cpus {}", cpus.join(","))
}

fn times(severity: f64) -> String {
    if severity.is_finite() {
        format!(" {severity:.1}x")
    } else {
        String::new()
    }
}

/// The culprits, most likely first, with their scores; nothing where nobody is to blame.
fn by(names: &mut Names, finding: &Finding) -> String {
    let culprits = finding.culprits.iter();
    let culprits: Vec<String> = culprits
        .map(|culprit| format!("`{}` ({:.2})", names.target(culprit.target), culprit.score))
        .collect();
    if culprits.is_empty() {
        return String::new();
    }
    format!(" by {}", culprits.join(", "))
}

fn state(value: f64, text: &str, unit: &str) -> String {
    if text.is_empty() {
        quantity(value, unit)
    } else {
        text.to_owned()
    }
}

fn because(said: String, why: &str) -> String {
    if why.is_empty() { said } else { format!("{said}: {why}") }
}
