//! What every detector over spans does alike: takes targets, readings and outcomes in, closes the span, ends the findings
//! of targets that went, and hands all of it to a successor. Judges nothing.

use crate::caps::Caps;
use crate::docket::Docket;
use crate::ledger::Ledger;
use crate::roster::{Known, Roster};
use crate::signal::{Columns, Signal};
use pipeline_plugin_api::pattern;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};

/// See the file.
pub struct Watch {
    /// What was read.
    pub ledger: Ledger,
    /// Who is there.
    pub roster: Roster,
    /// The remedies in force.
    pub caps: Caps,
    /// The findings that are open.
    pub docket: Docket,
}

/// What a successor takes over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    docket: Docket,
    known: Vec<(u32, Known)>,
    caps: Vec<(u32, u32, Option<Vec<u32>>)>,
}

impl Watch {
    /// One that adds up the wanted signals over spans of that length.
    ///
    /// # Errors
    /// Another node means something else by one of the names.
    pub fn new(host: &Host, span: Nanos, wanted: impl Fn(Signal) -> bool) -> Result<Self> {
        Ok(Self {
            ledger: Ledger::new(Columns::new(host, wanted)?, span),
            roster: Roster::default(),
            caps: Caps::new([host.knob(&vocabulary::CPU_SET)?, host.knob(&vocabulary::CPU_AFFINITY)?]),
            docket: Docket::default(),
        })
    }

    /// Takes in what came at an instant; `gone` is told of each target that went. Says whether a span closed.
    pub fn hear(&mut self, input: &Input<'_>, out: &mut Batch, mut gone: impl FnMut(TargetId)) -> bool {
        for change in input.changes() {
            let id = change.target.id;
            if change.change == Change::GONE {
                gone(id);
                let why = format!("`{}` went away", change.target.name);
                self.docket.end(input.at, id, why, out);
                self.ledger.forget(id);
                self.caps.forget(id);
            }
            self.roster.change(change);
        }
        for outcome in input
            .outcomes()
            .filter(|outcome| self.roster.find(outcome.target).is_some())
        {
            self.caps.outcome(outcome);
        }
        for reading in input.readings() {
            self.ledger.enter(reading);
        }
        self.ledger.close(input.at)
    }

    /// What a successor takes over.
    pub fn kept(&self) -> Kept {
        Kept {
            docket: self.docket.clone(),
            known: self.roster.iter().map(|(id, known)| (id.0, known.clone())).collect(),
            caps: self.caps.held(),
        }
    }

    /// Takes over from a predecessor.
    pub fn restore(&mut self, kept: Kept) {
        self.docket = kept.docket;
        self.caps.restore(kept.caps);
        for (id, known) in kept.known {
            self.roster.put(TargetId(id), known);
        }
    }
}

/// Whether a target is meant by a list of names and patterns of targets, or of the nodes that bring them.
pub fn is_listed(known: &Known, list: &[String]) -> bool {
    let meant = |entry: &String| pattern::matches(entry, &known.name) || pattern::matches(entry, &known.provider);
    list.iter().any(meant)
}

/// Checks a list for [`is_listed`].
pub fn check_list(list: &[String], field: &'static str, faults: &mut Faults) {
    for (message, help) in list.iter().filter_map(|entry| pattern::fault(entry)) {
        faults.add(field, message, help);
    }
}

/// Checks that a span lies between two others, in milliseconds.
pub fn check_span(span: Span, least: u64, most: u64, field: &'static str, faults: &mut Faults) {
    let (least, most) = (Span::millis(least), Span::millis(most));
    let good = (least..=most).contains(&span);
    let message = format!("`{field}` is not between {least} and {most}");
    faults.require(good, field, message, "give a span such as `1s`");
}

/// Checks that some of the last few can be that many.
pub fn check_votes(votes: u32, of: u32, names: [&'static str; 2], faults: &mut Faults) {
    let few = (1..=64).contains(&of);
    faults.require(
        few,
        names[1],
        format!("`{}` is not between 1 and 64", names[1]),
        "give a number of spans",
    );
    let fits = (1..=of).contains(&votes);
    let message = format!("`{}` is not between 1 and `{}`", names[0], names[1]);
    faults.require(fits, names[0], message, "give a number of spans");
}

/// Checks that a number lies in a range.
pub fn check_range(value: f64, range: std::ops::RangeInclusive<f64>, field: &'static str, faults: &mut Faults) {
    let message = format!("`{field}` is not between {} and {}", range.start(), range.end());
    faults.require(range.contains(&value), field, message, "give a number in that range");
}
