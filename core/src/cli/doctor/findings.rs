//! What elements said that they need, put together: each thing once, with all that want it.

use pipeline_plugin_api::abi::Probe;
use serde::{Deserialize, Serialize};

/// One thing that an element needs, as it crosses from the process in which its plugin was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// `cgroup controller cpu`, …
    pub what: String,
    /// Whether it is there.
    pub present: bool,
    /// Whether the element does nothing without it.
    pub required: bool,
    /// What was seen.
    pub detail: String,
    /// What mends it where it is missing; may be empty.
    pub mend: String,
}

impl From<&Probe> for Need {
    fn from(probe: &Probe) -> Self {
        Self {
            what: probe.what.to_string(),
            present: probe.present != 0,
            required: probe.required != 0,
            detail: probe.detail.to_string(),
            mend: probe.mend.to_string(),
        }
    }
}

/// What one element said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probed {
    /// The element.
    pub element: String,
    /// What it needs.
    pub needs: Vec<Need>,
}

/// How something stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is missing, and something cannot run without it.
    Missing,
    /// It is missing, and what wants it does without.
    Without,
    /// It is there.
    There,
}

impl State {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Without => "without",
            Self::There => "there",
        }
    }
}

/// One thing, and who wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// See [`Need`].
    pub what: String,
    /// How it stands.
    pub state: State,
    /// See [`Need`].
    pub detail: String,
    /// See [`Need`].
    pub mend: String,
    /// Elements that do nothing without it.
    pub required_by: Vec<String>,
    /// Elements that are better for it.
    pub better_for: Vec<String>,
}

impl Finding {
    fn of(need: &Need) -> Self {
        Self {
            what: need.what.clone(),
            state: if need.present { State::There } else { State::Without },
            detail: need.detail.clone(),
            mend: need.mend.clone(),
            required_by: Vec::new(),
            better_for: Vec::new(),
        }
    }

    fn is_about(&self, need: &Need) -> bool {
        let (what, seen) = (self.what == need.what, self.detail == need.detail);
        what && seen && self.mend == need.mend && (self.state == State::There) == need.present
    }

    fn wanted(&mut self, element: &str, required: bool) {
        let list = if required {
            &mut self.required_by
        } else {
            &mut self.better_for
        };
        if !list.iter().any(|known| known == element) {
            list.push(element.to_owned());
        }
        if required && self.state == State::Without {
            self.state = State::Missing;
        }
    }
}

/// Each thing once: what is missing first, then by name. Where elements saw different things under one name, each is
/// told.
pub fn grouped(probed: Vec<Probed>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for Probed { element, needs } in &probed {
        for need in needs {
            let place = found.iter().position(|finding| finding.is_about(need));
            let place = place.unwrap_or_else(|| {
                found.push(Finding::of(need));
                found.len() - 1
            });
            found[place].wanted(element, need.required);
        }
    }
    for finding in &mut found {
        finding.required_by.sort();
        finding.better_for.sort();
    }
    found.sort_by(|a, b| (a.state, &a.what).cmp(&(b.state, &b.what)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(what: &str, present: bool, required: bool, detail: &str) -> Need {
        Need {
            what: what.to_owned(),
            present,
            required,
            detail: detail.to_owned(),
            mend: String::new(),
        }
    }

    fn probed(element: &str, needs: &[Need]) -> Probed {
        Probed {
            element: element.to_owned(),
            needs: needs.to_vec(),
        }
    }

    #[test]
    fn one_thing_is_told_once_with_all_that_want_it() {
        let found = grouped(vec![
            probed("a.a", &[need("tree", false, false, "none")]),
            probed(
                "a.b",
                &[need("tree", false, true, "none"), need("shell", true, true, "")],
            ),
            probed("a.b", &[need("tree", false, true, "none")]),
        ]);
        let told: Vec<_> = found.iter().map(|one| (one.what.as_str(), one.state)).collect();
        assert_eq!(told, [("tree", State::Missing), ("shell", State::There)]);
        assert_eq!(
            (found[0].required_by.as_slice(), found[0].better_for.as_slice()),
            (["a.b".to_owned()].as_slice(), ["a.a".to_owned()].as_slice())
        );
    }

    #[test]
    fn what_nobody_requires_is_done_without() {
        let found = grouped(vec![probed("a.a", &[need("tree", false, false, "")])]);
        assert_eq!(found[0].state, State::Without);
    }

    #[test]
    fn what_was_seen_differently_is_told_apart() {
        let found = grouped(vec![
            probed("a.a", &[need("tree", true, false, "at /x")]),
            probed("a.b", &[need("tree", false, false, "read-only")]),
        ]);
        assert_eq!(found.len(), 2);
    }
}
