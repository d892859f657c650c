//! A finding, with its culprits and its evidence, as a line of JSON.

use super::{Word, finite, text, with_reading, word};
use crate::names::Names;
use pipeline_plugin_api::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
struct FindingLine<'a> {
    kind: &'static str,
    at: u64,
    node: &'a str,
    id: u64,
    phase: Word,
    victim: &'a str,
    resource: Word,
    severity: Option<f64>,
    confidence: Option<f64>,
    culprits: Vec<CulpritItem>,
    why: &'a str,
    evidence: Vec<serde_json::Value>,
}

#[derive(Serialize)]
struct CulpritItem {
    target: String,
    score: Option<f64>,
}

/// The line of a finding.
pub fn line(names: &mut Names, node: &str, finding: &Finding) -> Vec<u8> {
    let culprits = finding.culprits.iter().map(|culprit| CulpritItem {
        target: names.target(culprit.target).to_string(),
        score: finite(culprit.score),
    });
    let culprits = culprits.collect();
    let evidence = finding.evidence.iter();
    let evidence = evidence.map(|reading| with_reading(names, None, reading, |line| serde_json::json!(line)));
    let evidence = evidence.collect();
    text(&FindingLine {
        kind: "finding",
        at: finding.at.0,
        node,
        id: finding.id,
        phase: word(finding.phase.name(), finding.phase),
        victim: &names.target(finding.victim),
        resource: word(finding.resource.name(), finding.resource),
        severity: finite(finding.severity),
        confidence: finite(finding.confidence),
        culprits,
        why: &finding.why,
        evidence,
    })
}
