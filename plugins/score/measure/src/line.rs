//! Lines of `file.jsonl`, of which a trial is gathered. What a line says stands in that plugin's README; kinds, fields and
//! metrics that do not matter here are passed over. A recorder's own form is read elsewhere.

use crate::gather::Gatherer;
use crate::trial::{Statement, Turn};
use pipeline_plugin_api::abi::{Change, Class, Fate, Nanos, Phase, Resource};
use serde::Deserialize;
use std::borrow::Cow;

/// A line that is not what it should be.
#[derive(Debug)]
pub struct BadLine {
    /// Which one, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub source: serde_json::Error,
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} is no line of a record: {}", self.number, self.source)
    }
}

impl std::error::Error for BadLine {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    at: u64,
    node: Cow<'a, str>,
    name: Cow<'a, str>,
    target: Cow<'a, str>,
    metric: Cow<'a, str>,
    part: Cow<'a, str>,
    knob: Cow<'a, str>,
    text: Cow<'a, str>,
    fate: Cow<'a, str>,
    change: Cow<'a, str>,
    class: Cow<'a, str>,
    phase: Cow<'a, str>,
    victim: Cow<'a, str>,
    resource: Cow<'a, str>,
    value: Option<f64>,
    id: u64,
    culprits: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    target: String,
}

impl Default for Line<'_> {
    fn default() -> Self {
        let none = || Cow::Borrowed("");
        Self {
            kind: none(),
            at: 0,
            node: none(),
            name: none(),
            target: none(),
            metric: none(),
            part: none(),
            knob: none(),
            text: none(),
            fate: none(),
            change: none(),
            class: none(),
            phase: none(),
            victim: none(),
            resource: none(),
            value: None,
            id: 0,
            culprits: Vec::new(),
        }
    }
}

/// Gathers all lines of a record. A last one that has no end yet is left out, for the run may still go on.
///
/// # Errors
/// A line is none of a record.
pub fn gather_lines(text: &str, gatherer: &mut Gatherer) -> Result<(), BadLine> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for (place, line) in whole.lines().enumerate() {
        gather_line(line, gatherer).map_err(|source| BadLine {
            number: place + 1,
            source,
        })?;
    }
    Ok(())
}

/// Gathers one line.
///
/// # Errors
/// It is no JSON object with the fields of a record.
pub fn gather_line(line: &str, gatherer: &mut Gatherer) -> Result<(), serde_json::Error> {
    let line: Line<'_> = serde_json::from_str(line)?;
    let at = Nanos(line.at);
    match &*line.kind {
        "run" | "" => return Ok(()),
        "reading" => {
            if let Some(value) = line.value.filter(|_| Gatherer::wants(&line.metric)) {
                gatherer.reading(at, &line.target, &line.metric, &line.part, value);
            }
        }
        "target" => target(at, &line, gatherer),
        "finding" => gatherer.statement(statement(at, line)),
        "outcome" => gatherer.turn(turn(at, line)),
        _ => {}
    }
    gatherer.instant(at);
    Ok(())
}

fn target(at: Nanos, line: &Line<'_>, gatherer: &mut Gatherer) {
    let class = Class::named(&line.class).unwrap_or(Class::UNSET);
    match Change::named(&line.change) {
        Some(Change::GONE) => gatherer.gone(at, &line.name),
        _ => gatherer.target(&line.name, class),
    }
}

fn statement(at: Nanos, line: Line<'_>) -> Statement {
    Statement {
        at,
        node: line.node.into_owned(),
        id: line.id,
        phase: Phase::named(&line.phase).unwrap_or(Phase::LASTS),
        victim: line.victim.into_owned(),
        resource: Resource::named(&line.resource).unwrap_or(Resource::UNKNOWN),
        culprits: line.culprits.into_iter().map(|culprit| culprit.target).collect(),
    }
}

fn turn(at: Nanos, line: Line<'_>) -> Turn {
    Turn {
        at,
        target: line.target.into_owned(),
        knob: line.knob.into_owned(),
        // A fate that is not known here changes nothing.
        fate: Fate::named(&line.fate).unwrap_or(Fate::PLANNED),
        value: line.value.unwrap_or(f64::NAN),
        text: line.text.into_owned(),
    }
}

#[cfg(test)]
mod tests;
