//! `pipeline doctor`: what the machine offers to the elements that there are, or to those of a graph, and how to mend
//! what is missing.
//!
//! [`ask`] has each plugin probed in a process of its own, [`answer`] is what runs there, [`findings`] puts together
//! what they say, [`facts`] is what the core knows of the machine itself, [`scope`] what was asked about; [`page`] and
//! [`json`] show it. What an element needs is said by its plugin and nowhere here.

pub(super) mod answer;
mod ask;
mod capabilities;
mod facts;
mod findings;
mod json;
mod page;
mod scope;

#[cfg(test)]
mod tests;

use super::args::{DoctorArgs, Format};
use super::{CliError, Exit, Streams};
use crate::graph::Elements;
use crate::plugin::Available;
use facts::Fact;
use findings::{Finding, Probed, State, grouped};
use scope::Scope;
use std::collections::BTreeMap;
use std::path::Path;

/// What became of asking one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Answer {
    /// What its elements said, up to where it broke.
    probed: Vec<Probed>,
    /// Why there is no more of it.
    broke: Option<String>,
}

/// A plugin that could not be asked to the end.
struct Silent {
    file: String,
    plugin: String,
    /// The elements that nothing is known of.
    elements: Vec<String>,
    why: String,
}

/// What one element wants and does not have.
struct Verdict {
    element: String,
    /// Names of what is missing; it can run where there are none.
    missing: Vec<String>,
}

/// All that is told.
struct Report {
    facts: Vec<Fact>,
    findings: Vec<Finding>,
    silent: Vec<Silent>,
    verdicts: Vec<Verdict>,
}

impl Report {
    /// Whether all that is required is there.
    fn is_fine(&self) -> bool {
        self.silent.is_empty()
            && self.facts.iter().all(|fact| fact.state != State::Missing)
            && self.verdicts.iter().all(|verdict| verdict.missing.is_empty())
    }
}

pub(super) fn run(args: &DoctorArgs, elements: &dyn Elements, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let Some(scope) = Scope::of(&args.what, elements, streams)? else {
        return Ok(Exit::Faults);
    };
    let report = examine(scope, elements, facts::all(elements), &ask::all);
    show(&report, args.format, streams)
}

fn show(report: &Report, format: Format, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    match format {
        Format::Text => page::write(report, streams.out)?,
        Format::Json => writeln!(streams.out, "{:#}", json::report(report))?,
    }
    Ok(if report.is_fine() {
        Exit::Fine
    } else {
        Exit::Unavailable
    })
}

fn examine(scope: Scope, elements: &dyn Elements, facts: Vec<Fact>, ask: &dyn Fn(&[&Path]) -> Vec<Answer>) -> Report {
    let wanted: Vec<&Available> = elements
        .available()
        .iter()
        .filter(|known| scope.elements.contains(&known.element))
        .collect();
    let mut files: BTreeMap<&Path, Vec<&Available>> = BTreeMap::new();
    for known in wanted {
        files.entry(&known.path).or_default().push(known);
    }
    let paths: Vec<&Path> = files.keys().copied().collect();
    let (mut probed, mut silent) = (scope.known, Vec::new());
    for (of_file, answer) in files.values().zip(ask(&paths)) {
        silent.extend(silence(of_file, &answer));
        let asked = |one: &Probed| of_file.iter().any(|known| known.element == one.element);
        probed.extend(answer.probed.into_iter().filter(asked));
    }
    Report {
        facts,
        verdicts: verdicts(&probed),
        findings: grouped(probed),
        silent,
    }
}

/// The elements of a file of which nothing was said, if there are any.
fn silence(of_file: &[&Available], answer: &Answer) -> Option<Silent> {
    let said = |known: &Available| answer.probed.iter().any(|one| one.element == known.element);
    let elements: Vec<String> = of_file
        .iter()
        .filter(|known| !said(known))
        .map(|known| known.element.clone())
        .collect();
    let first = of_file.first().filter(|_| !elements.is_empty())?;
    let nothing = || "it was asked, ended well, and said nothing of them".to_owned();
    Some(Silent {
        file: first.path.display().to_string(),
        plugin: format!("{} {}", first.plugin, first.version),
        elements,
        why: answer.broke.clone().unwrap_or_else(nothing),
    })
}

fn verdicts(probed: &[Probed]) -> Vec<Verdict> {
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in probed {
        let list = missing.entry(&one.element).or_default();
        let lacks = one.needs.iter().filter(|need| need.required && !need.present);
        list.extend(lacks.map(|need| need.what.clone()));
    }
    let verdict = |(element, missing): (&str, Vec<String>)| Verdict {
        element: element.to_owned(),
        missing,
    };
    missing.into_iter().map(verdict).collect()
}
