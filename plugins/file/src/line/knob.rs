//! Knobs as lines of JSON: that they can be turned, that they are to be, and what became of that.

use super::{Word, finite, not_finite, text, word};
use crate::names::Names;
use pipeline_plugin_api::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
struct ControlLine<'a> {
    kind: &'static str,
    at: u64,
    node: &'a str,
    target: &'a str,
    knob: &'a str,
    unit: &'a str,
    resource: Word,
    least: Option<f64>,
    most: Option<f64>,
    step: Option<f64>,
    value: Option<f64>,
    stricter: i32,
    cost: Option<f64>,
}

#[derive(Serialize)]
struct ActionLine<'a> {
    kind: &'static str,
    at: u64,
    node: &'a str,
    id: u64,
    target: &'a str,
    knob: &'a str,
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Word>,
    text: &'a str,
    unit: &'a str,
    until: Option<u64>,
    release: bool,
    set: u64,
    why: &'a str,
}

#[derive(Serialize)]
struct OutcomeLine<'a> {
    kind: &'static str,
    at: u64,
    node: &'a str,
    action: u64,
    target: &'a str,
    knob: &'a str,
    fate: Word,
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Word>,
    text: &'a str,
    unit: &'a str,
    why: &'a str,
}

/// The line of a knob that can be turned.
pub fn control(names: &mut Names, node: &str, control: &Control) -> Vec<u8> {
    let knob = names.knob(control.knob);
    text(&ControlLine {
        kind: "control",
        at: control.at.0,
        node,
        target: &names.target(control.target),
        knob: &knob.name,
        unit: &knob.unit,
        resource: word(control.resource.name(), control.resource),
        least: finite(control.least),
        most: finite(control.most),
        step: finite(control.step),
        value: finite(control.value),
        stricter: control.stricter,
        cost: finite(control.cost),
    })
}

/// The line of an action.
pub fn action(names: &mut Names, node: &str, action: &Action) -> Vec<u8> {
    let knob = names.knob(action.knob);
    text(&ActionLine {
        kind: "action",
        at: action.at.0,
        node,
        id: action.id,
        target: &names.target(action.target),
        knob: &knob.name,
        value: finite(action.value),
        reason: not_finite(action.value),
        text: &action.text,
        unit: &knob.unit,
        until: (action.until != Nanos::FOREVER).then_some(action.until.0),
        release: action.is_release(),
        set: action.set,
        why: &action.why,
    })
}

/// The line of what became of an action.
pub fn outcome(names: &mut Names, node: &str, outcome: &Outcome) -> Vec<u8> {
    let knob = names.knob(outcome.knob);
    text(&OutcomeLine {
        kind: "outcome",
        at: outcome.at.0,
        node,
        action: outcome.action,
        target: &names.target(outcome.target),
        knob: &knob.name,
        fate: word(outcome.fate.name(), outcome.fate),
        value: finite(outcome.value),
        reason: not_finite(outcome.value),
        text: &outcome.text,
        unit: &knob.unit,
        why: &outcome.why,
    })
}
