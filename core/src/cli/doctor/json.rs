//! The report as programs read it: the same content, under keys that stay.

use super::Report;
use super::facts::Fact;
use super::findings::{Finding, State};
use pipeline_plugin_api::abi::ABI_VERSION;
use serde_json::{Value, json};

/// All of it.
pub fn report(report: &Report) -> Value {
    let silent = report.silent.iter().map(|silent| {
        json!({
            "plugin": silent.plugin,
            "file": silent.file,
            "elements": silent.elements,
            "why": silent.why,
        })
    });
    let verdicts = report.verdicts.iter().map(|verdict| {
        json!({
            "element": verdict.element,
            "can_run": verdict.missing.is_empty(),
            "missing": verdict.missing,
        })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "abi": ABI_VERSION,
        "can_run": report.is_fine(),
        "host": report.facts.iter().map(fact).collect::<Vec<_>>(),
        "needs": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "not_asked": silent.collect::<Vec<_>>(),
        "elements": verdicts.collect::<Vec<_>>(),
    })
}

fn fact(fact: &Fact) -> Value {
    json!({
        "key": fact.key,
        "what": fact.what,
        "state": fact.state.word(),
        "detail": fact.detail,
        "mend": fact.mend,
        "names": fact.names,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "what": finding.what,
        "state": finding.state.word(),
        "present": finding.state == State::There,
        "detail": finding.detail,
        "mend": finding.mend,
        "required_by": finding.required_by,
        "better_for": finding.better_for,
    })
}
