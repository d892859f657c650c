//! The outermost levels of a graph file: its version, its sections and the names in them.

use super::fault::{Fault, quoted};
use super::links::{Links, Lookup};
use super::name::NodeName;
use super::node::{self, Draft};
use super::section::Section;
use super::value::{Field, Placed, Value};
use super::{NodeSpec, VERSION, take};
use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::fields::SyntaxError;
use std::ops::Range;

/// What was read of a file so far.
#[derive(Default)]
struct Parts {
    drafts: Vec<Draft>,
    /// Names that stand in the file and are no names of nodes.
    unusable: Vec<String>,
    faults: Vec<Fault>,
}

/// The nodes of a file's text, in the order in which data moves, and all that is wrong with it.
pub(super) fn read(text: &str) -> (Vec<NodeSpec>, Vec<Fault>) {
    let mut parts = Parts::default();
    parts.file(text);
    let nodes = parts.nodes();
    parts.faults.sort_by_key(|fault| (fault.at.start, fault.at.end));
    (nodes, parts.faults)
}

impl Parts {
    fn file(&mut self, text: &str) {
        let fields = match Value::file(text).fields() {
            Ok(fields) => fields,
            Err(error) => {
                self.faults.push(not_ron(text, &error));
                return;
            }
        };
        self.version(&fields);
        let mut seen: Vec<(Section, &Field<'_>)> = Vec::new();
        for field in fields.iter().filter(|field| field.name.value != "version") {
            match Section::named(&field.name.value) {
                Some(section) => {
                    self.faults.extend(order(section, field, &seen));
                    seen.push((section, field));
                    self.section(section, &field.value);
                }
                None => self.faults.push(unknown_section(field)),
            }
        }
        if self.faults.is_empty() && self.drafts.is_empty() {
            let fault = Fault::error(0..0, "the graph has no nodes");
            self.faults
                .push(fault.help("begin with `targets: { \"web\": (plugin: \"…\") }`"));
        }
    }

    fn version(&mut self, fields: &[Field<'_>]) {
        let mut versions = fields.iter().filter(|field| field.name.value == "version");
        let help = format!("write `version: {VERSION},` first");
        let Some(version) = versions.next() else {
            self.faults.push(Fault::error(0..0, "`version` is missing").help(help));
            return;
        };
        self.faults.extend(versions.map(|again| take::twice(again, version)));
        match version.value.parse::<u32>() {
            Ok(found) if found.value == VERSION => {}
            Ok(found) => {
                let message = format!(
                    "the file is of version {}, and this pipeline reads version {VERSION}",
                    found.value
                );
                self.faults.push(version.value.fault(message).help(help));
            }
            Err(_) => self
                .faults
                .push(version.value.fault("`version` takes a number").help(help)),
        }
    }

    fn section(&mut self, section: Section, value: &Value<'_>) {
        let help = format!("write `{}: {{ \"name\": (plugin: \"…\") }}`", section.name());
        if !value.text().starts_with('{') {
            let fault = value.fault(format!("`{}` takes a map of nodes", section.name()));
            self.faults.push(fault.help(help));
            return;
        }
        match value.fields() {
            Ok(nodes) => nodes.into_iter().for_each(|node| self.node(section, node)),
            Err(error) => self.faults.push(value.syntax(&error).help(help)),
        }
    }

    fn node(&mut self, section: Section, field: Field<'_>) {
        let (name, at) = (field.name.value, field.name.at);
        match NodeName::new(&name) {
            Ok(value) => {
                self.duplicate(&value, &at);
                let name = Placed { value, at };
                self.drafts
                    .push(node::read(section, name, &field.value, &mut self.faults));
            }
            Err(error) => {
                let help = "use letters, digits, `_`, `-` and `.`";
                self.faults.push(Fault::error(at.clone(), error.to_string()).help(help));
                self.unusable.push(name);
                // Its fields are still looked at, under a name that nothing refers to.
                if let Ok(value) = NodeName::new("unnamed") {
                    node::read(section, Placed { value, at }, &field.value, &mut self.faults);
                }
            }
        }
    }

    fn duplicate(&mut self, name: &NodeName, at: &Range<usize>) {
        if let Some(earlier) = self.drafts.iter().find(|draft| draft.name.value == *name) {
            let fault = Fault::error(at.clone(), format!("the name `{name}` is taken"))
                .also(earlier.name.at.clone(), "first here")
                .help("every node of a graph has a name of its own; rename one of the two");
            self.faults.push(fault);
        }
    }

    fn nodes(&mut self) -> Vec<NodeSpec> {
        let mut drafts = std::mem::take(&mut self.drafts);
        // Out of order is told once; "stands below" is then judged as if they were in order.
        drafts.sort_by_key(|draft| draft.section);
        let lookup = Lookup::new(&drafts, &self.unusable);
        let links: Vec<_> = (0..drafts.len())
            .map(|node| lookup.links(node, &mut self.faults))
            .collect();
        let node = |(draft, links): (Draft, Links)| NodeSpec {
            section: draft.section,
            name: draft.name,
            plugin: draft.plugin,
            of: links.of,
            from: links.from,
            last: links.last,
            linked: links.complete,
            every: draft.every,
            config: draft.config,
            lane: draft.lane,
            cpu: draft.cpu,
            queue: draft.queue,
            on_error: draft.on_error,
        };
        drafts.into_iter().zip(links).map(node).collect()
    }
}

fn not_ron(text: &str, error: &SyntaxError) -> Fault {
    let fault = Value::file(text).syntax(error);
    let help = match fault.message.as_str() {
        "expected comma" => "put a `,` between this and what stands before it",
        "unexpected end of RON" => "a `(`, `[`, `{` or `\"` is not closed",
        _ => "",
    };
    let message = format!("this is not RON: {}", fault.message);
    Fault { message, ..fault }.help(help)
}

fn order(section: Section, field: &Field<'_>, seen: &[(Section, &Field<'_>)]) -> Option<Fault> {
    if let Some((_, earlier)) = seen.iter().find(|(earlier, _)| *earlier == section) {
        let fault = take::twice(field, earlier);
        return Some(fault.help("put the nodes of both into one"));
    }
    let (later, place) = seen.iter().find(|(earlier, _)| *earlier > section)?;
    let message = format!("`{}` stands below `{}`", section.name(), later.name());
    let fault = Fault::error(field.name.at.clone(), message).also(place.name.at.clone(), "this belongs below it");
    Some(fault.help(format!(
        "sections stand in the order in which data moves: {}",
        Section::order()
    )))
}

fn unknown_section(field: &Field<'_>) -> Fault {
    let name = &field.name.value;
    let names = || Section::ALL.into_iter().map(Section::name);
    let fault = Fault::error(field.name.at.clone(), format!("there is no section `{name}`"));
    match take::is_near(name, names()) {
        true => fault.help(nearest_help(name, names())),
        false => fault.help(format!("the sections are {}", quoted(names()))),
    }
}
