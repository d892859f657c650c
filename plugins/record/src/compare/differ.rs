//! Findings and actions of two runs, node by node: how many there are, and the first that is not the same.
//!
//! The same is bit for bit, evidence included; sentences for people do not count.

use crate::figures::{Known, Told};
use pipeline_plugin_api::prelude::*;
use pipeline_record_store::Run;
use serde::Serialize;
use std::collections::BTreeSet;

/// What a node told in two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The node.
    pub node: String,
    /// `findings` or `actions`.
    pub what: &'static str,
    /// How many in each run.
    pub counts: [usize; 2],
    /// How many are the same, from the first on.
    pub same: usize,
    /// What the first that differs is in each run; none where a run has no more.
    pub first: Option<[Option<Shown>; 2]>,
}

/// A finding or an action, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// The instant, in nanoseconds since the run's start.
    pub at_ns: u64,
    /// What it says.
    pub says: String,
    /// The readings that a finding is based on.
    pub evidence: Vec<String>,
}

impl Difference {
    /// Whether the runs part here.
    pub fn parts(&self) -> bool {
        self.first.is_some()
    }

    /// One line, and more where they part.
    pub fn sentence(&self) -> String {
        let Self {
            node,
            what,
            counts,
            same,
            first,
        } = self;
        let Some(first) = first else {
            return format!("`{node}`: {same} {what}, all the same");
        };
        let mut text = format!(
            "`{node}`: {} and {} {what}, the first {same} the same; then",
            counts[0], counts[1]
        );
        for (run, shown) in ["A", "B"].iter().zip(first) {
            match shown {
                Some(shown) => {
                    text += &format!("\n  {run}: {} {}", Nanos(shown.at_ns), shown.says);
                    for reading in &shown.evidence {
                        text += &format!("\n       {reading}");
                    }
                }
                None => text += &format!("\n  {run}: no more"),
            }
        }
        text
    }
}

/// Of all nodes that told something in one of the two.
pub fn differences(a: &Run, b: &Run) -> Vec<Difference> {
    let (a, b) = (Told::read(a), Told::read(b));
    let mut all = of(&a.findings, &b.findings, "findings", same_finding, |finding, first| {
        show_finding(finding, if first { &a.names } else { &b.names })
    });
    all.extend(of(&a.actions, &b.actions, "actions", same_action, |action, first| {
        show_action(action, if first { &a.names } else { &b.names })
    }));
    all
}

fn of<T>(
    a: &[(String, T)],
    b: &[(String, T)],
    what: &'static str,
    same: fn(&T, &T) -> bool,
    show: impl Fn(&T, bool) -> Shown,
) -> Vec<Difference> {
    let nodes: BTreeSet<&String> = a.iter().chain(b).map(|(node, _)| node).collect();
    let difference = |node: &String| {
        let own = |all: &'_ [(String, T)]| -> Vec<usize> {
            let own = all.iter().enumerate().filter(|(_, (name, _))| name == node);
            own.map(|(place, _)| place).collect()
        };
        let (in_a, in_b) = (own(a), own(b));
        let alike = in_a
            .iter()
            .zip(&in_b)
            .take_while(|(x, y)| same(&a[**x].1, &b[**y].1))
            .count();
        let shown = [
            in_a.get(alike).map(|place| show(&a[*place].1, true)),
            in_b.get(alike).map(|place| show(&b[*place].1, false)),
        ];
        let parts = shown.iter().any(Option::is_some);
        Difference {
            node: node.clone(),
            what,
            counts: [in_a.len(), in_b.len()],
            same: alike,
            first: parts.then_some(shown),
        }
    };
    nodes.into_iter().map(difference).collect()
}

fn same_finding(a: &Finding, b: &Finding) -> bool {
    let bits = |finding: &Finding| [finding.severity.to_bits(), finding.confidence.to_bits()];
    (a.at, a.id, a.phase, a.victim, a.resource, bits(a)) == (b.at, b.id, b.phase, b.victim, b.resource, bits(b))
        && a.culprits.len() == b.culprits.len()
        && a.culprits
            .iter()
            .zip(&b.culprits)
            .all(|(x, y)| x.target == y.target && x.score.to_bits() == y.score.to_bits())
        && a.evidence.len() == b.evidence.len()
        && a.evidence.iter().zip(&b.evidence).all(|(x, y)| same_reading(x, y))
}

fn same_reading(a: &Reading, b: &Reading) -> bool {
    let key = |r: &Reading| {
        (
            r.at,
            r.span,
            r.value.to_bits(),
            r.metric,
            r.target,
            r.part,
            r.quality,
            r.detail,
        )
    };
    key(a) == key(b)
}

fn same_action(a: &Action, b: &Action) -> bool {
    let key = |action: &Action| {
        let Action {
            at,
            id,
            target,
            knob,
            value,
            until,
            set,
            ..
        } = action;
        (*at, *id, *target, *knob, value.to_bits(), *until, *set)
    };
    key(a) == key(b) && a.text == b.text
}

fn show_finding(finding: &Finding, names: &Known) -> Shown {
    let culprits: Vec<String> = finding
        .culprits
        .iter()
        .map(|culprit| format!("{} {:.2}", names.target(culprit.target), culprit.score))
        .collect();
    let from = if culprits.is_empty() {
        String::new()
    } else {
        format!(" from {}", culprits.join(", "))
    };
    Shown {
        at_ns: finding.at.0,
        says: format!(
            "finding {} {}: `{}` suffers{from} through {}, severity {:.3}, confidence {:.3}: {}",
            finding.id,
            finding.phase,
            names.target(finding.victim),
            finding.resource,
            finding.severity,
            finding.confidence,
            finding.why
        ),
        evidence: finding
            .evidence
            .iter()
            .map(|reading| show_reading(reading, names))
            .collect(),
    }
}

fn show_reading(reading: &Reading, names: &Known) -> String {
    let value = reading
        .number()
        .map_or_else(|| "no number".to_owned(), |value| value.to_string());
    format!(
        "{} {} = {value} at {}",
        names.target(reading.target),
        names.metric(reading.metric),
        reading.at
    )
}

fn show_action(action: &Action, names: &Known) -> Shown {
    let value = if action.text.is_empty() {
        action.value.to_string()
    } else {
        action.text.to_string()
    };
    let wanted = if action.is_release() {
        "put back".to_owned()
    } else {
        format!("{value} until {}", action.until)
    };
    Shown {
        at_ns: action.at.0,
        says: format!(
            "action {}: `{}` {} {wanted}: {}",
            action.id,
            names.target(action.target),
            names.knob(action.knob),
            action.why
        ),
        evidence: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &f64, _: bool) -> Shown {
        Shown {
            at_ns: *value as u64,
            says: value.to_string(),
            evidence: vec!["because".to_owned()],
        }
    }

    fn pairs(all: &[(&str, f64)]) -> Vec<(String, f64)> {
        all.iter().map(|(node, value)| ((*node).to_owned(), *value)).collect()
    }

    #[test]
    fn nodes_are_told_apart_and_the_first_that_differs_is_shown() {
        let a = pairs(&[("x", 1.0), ("y", 7.0), ("x", 2.0), ("x", 3.0)]);
        let b = pairs(&[("y", 7.0), ("x", 1.0), ("x", 5.0)]);
        let all = of(&a, &b, "findings", |a, b| a == b, shown);
        assert_eq!((all[0].same, all[0].counts, all[0].parts()), (1, [3, 2], true));
        assert_eq!((all[1].same, all[1].parts()), (1, false));
        let told = all[0].sentence();
        assert!(
            told.contains("A: 2ns 2") && told.contains("B: 5ns 5") && told.contains("because"),
            "{told}"
        );
    }

    #[test]
    fn a_run_that_ends_earlier_differs() {
        let a = pairs(&[("x", 1.0)]);
        let all = of(&a, &[], "actions", |a, b| a == b, shown);
        assert!(all[0].sentence().contains("B: no more"), "{}", all[0].sentence());
    }

    #[test]
    fn findings_differ_by_a_bit_of_their_evidence_and_not_by_their_words() {
        let finding = Finding {
            evidence: vec![Reading {
                value: 0.1,
                ..Reading::default()
            }]
            .into(),
            why: "one".into(),
            ..Finding::default()
        };
        let mut other = Finding {
            why: "two".into(),
            ..finding.clone()
        };
        assert!(same_finding(&finding, &other));
        other.evidence[0].value = f64::from_bits(0.1f64.to_bits() + 1);
        assert!(!same_finding(&finding, &other));
    }
}
