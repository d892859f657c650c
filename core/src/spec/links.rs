//! Names in `of`, `from` and `last`: which node each one is, and whether it may stand there.

use super::fault::{Fault, quoted};
use super::node::{Draft, Names};
use super::section::Section;
use super::value::Placed;
use pipeline_plugin_api::config::{nearest, nearest_help};
use std::collections::HashMap;
use std::ops::Range;

/// A node that another one names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its place among the graph's nodes.
    pub node: usize,
    /// The one target of that provider which is meant, of `pods/x` the `x`.
    pub part: Option<String>,
    /// Where the name stands.
    pub at: Range<usize>,
}

/// The links of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    pub of: Vec<Link>,
    pub from: Vec<Link>,
    pub last: Vec<Link>,
    /// Whether every name was found and in its right place.
    pub complete: bool,
}

/// Looks names up.
pub(super) struct Lookup<'a> {
    drafts: &'a [Draft],
    index: HashMap<&'a str, usize>,
    /// Names of nodes that were told to be wrong themselves.
    unusable: &'a [String],
}

impl<'a> Lookup<'a> {
    pub fn new(drafts: &'a [Draft], unusable: &'a [String]) -> Self {
        let mut index = HashMap::new();
        for (i, draft) in drafts.iter().enumerate() {
            index.entry(draft.name.value.as_str()).or_insert(i);
        }
        Self {
            drafts,
            index,
            unusable,
        }
    }

    /// The links of the node at that place.
    pub fn links(&self, node: usize, faults: &mut Vec<Fault>) -> Links {
        let draft = &self.drafts[node];
        let mut links = Links {
            complete: !(draft.of.faulty || draft.from.faulty || draft.last.faulty),
            ..Links::default()
        };
        let mut all = |names: &Names, judge: &dyn Fn(&Placed<String>) -> Found| -> Vec<Link> {
            let mut found = Vec::new();
            for name in &names.names {
                match judge(name) {
                    Found::Link(link) => found.push(link),
                    Found::Known => links.complete = false,
                    Found::Wrong(fault) => {
                        links.complete = false;
                        faults.push(*fault);
                    }
                }
            }
            found
        };
        let of = all(&draft.of, &|name| self.of(name));
        let from = all(&draft.from, &|name| self.from(node, name));
        let last = all(&draft.last, &|name| self.last(node, name));
        (links.of, links.from, links.last) = (of, from, last);
        if let Some(fault) = reads_nothing(draft) {
            faults.push(fault);
        }
        links
    }

    fn of(&self, name: &Placed<String>) -> Found {
        let (provider, part) = match name.value.split_once('/') {
            Some((provider, part)) => (provider, Some(part.to_owned())),
            None => (name.value.as_str(), None),
        };
        let Some(node) = self.find(provider) else {
            return self.unknown(provider, name, |_, draft| draft.section == Section::Targets);
        };
        let found = &self.drafts[node];
        if found.section != Section::Targets {
            let message = format!("`{provider}` is {}, and collectors read targets", found.section.one());
            return self.wrong(name, message, Some(node), self.targets_help());
        }
        if part.as_deref() == Some("") {
            return self.wrong(
                name,
                format!("`{}` names no target", name.value),
                None,
                format!("write `{provider}` for all that it provides, or `{provider}/NAME`"),
            );
        }
        Found::Link(Link {
            node,
            part,
            at: name.at.clone(),
        })
    }

    fn from(&self, node: usize, name: &Placed<String>) -> Found {
        let draft = &self.drafts[node];
        let Some(other) = self.find(&name.value) else {
            let fits =
                |other, found: &Draft| other < node && !matches!(found.section, Section::Targets | Section::Sinks);
            return self.unknown(&name.value, name, fits);
        };
        let (section, value) = (self.drafts[other].section, &name.value);
        if other == node {
            return self.wrong(
                name,
                format!("`{value}` names itself in `from`"),
                None,
                "take it out".to_owned(),
            );
        }
        if section == Section::Sinks {
            let message = format!("`{value}` is a sink, and sinks give nothing on");
            return self.wrong(
                name,
                message,
                Some(other),
                "name what the sink reads instead".to_owned(),
            );
        }
        if other > node {
            let message = format!("`{value}` stands below `{}`", draft.name.value);
            return self.wrong(name, message, Some(other), below_help(draft, section, value));
        }
        Found::Link(Link {
            node: other,
            part: None,
            at: name.at.clone(),
        })
    }

    fn last(&self, node: usize, name: &Placed<String>) -> Found {
        let value = &name.value;
        let Some(other) = self.find(value) else {
            let fits = |other, found: &Draft| other > node && found.section != Section::Sinks;
            return self.unknown(value, name, fits);
        };
        if other == node {
            let message = format!("`{value}` names itself in `last`");
            return self.wrong(
                name,
                message,
                None,
                "a node keeps its own state; take it out".to_owned(),
            );
        }
        if self.drafts[other].section == Section::Sinks {
            let message = format!("`{value}` is a sink, and sinks give nothing back");
            return self.wrong(name, message, Some(other), "take it out".to_owned());
        }
        if other < node {
            let message = format!("`{value}` stands above, so `last` would only delay it");
            return self.wrong(name, message, Some(other), "name it in `from`".to_owned());
        }
        Found::Link(Link {
            node: other,
            part: None,
            at: name.at.clone(),
        })
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    fn unknown(&self, name: &str, place: &Placed<String>, fits: impl Fn(usize, &Draft) -> bool) -> Found {
        if self.unusable.iter().any(|unusable| unusable == name) {
            return Found::Known;
        }
        let fitting = || {
            let fitting = self
                .drafts
                .iter()
                .enumerate()
                .filter(|(other, draft)| fits(*other, draft));
            fitting.map(|(_, draft)| draft.name.value.as_str())
        };
        let all = self.drafts.iter().map(|draft| draft.name.value.as_str());
        let help = match nearest(name, fitting()).or_else(|| nearest(name, all)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => nearest_help(name, fitting()),
        };
        self.wrong(place, format!("there is no node `{name}`"), None, help)
    }

    fn wrong(&self, name: &Placed<String>, message: String, other: Option<usize>, help: String) -> Found {
        let mut fault = Fault::error(name.at.clone(), message).help(help);
        if let Some(other) = other {
            let draft = &self.drafts[other];
            fault = fault.also(draft.name.at.clone(), format!("{} stands here", draft.section.one()));
        }
        Found::Wrong(Box::new(fault))
    }

    fn targets_help(&self) -> String {
        let targets = self.drafts.iter().filter(|draft| draft.section == Section::Targets);
        match quoted(targets.map(|draft| draft.name.value.as_str())).as_str() {
            "nothing" => "there are no targets here; take it out".to_owned(),
            names => format!("the targets are {names}"),
        }
    }
}

enum Found {
    Link(Link),
    /// It is not usable, and that was told where it stands.
    Known,
    Wrong(Box<Fault>),
}

fn below_help(draft: &Draft, other: Section, name: &str) -> String {
    let up = other == draft.section;
    match (up, draft.section.has("last")) {
        (true, true) => format!("move `{name}` up, or name it in `last` for what it said at the previous instant"),
        (true, false) => format!("move `{name}` up"),
        (false, true) => format!("name `{name}` in `last` for what it said at the previous instant"),
        (false, false) => "a node reads only what stands above it; take it out".to_owned(),
    }
}

/// A node that could never be given anything. Schedulers may decide without input.
fn reads_nothing(draft: &Draft) -> Option<Fault> {
    let reads = |names: &Names| names.faulty || !names.names.is_empty();
    let needs = draft.section.reads_nodes() && draft.section != Section::Schedulers;
    if !needs || reads(&draft.from) || reads(&draft.last) {
        return None;
    }
    let message = format!("`{}` reads nothing", draft.name.value);
    Some(Fault::error(draft.name.at.clone(), message).help("name what it reads in `from`"))
}
