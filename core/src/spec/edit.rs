//! Changes of a graph's text before it is read: other sinks, other values of config fields. What is changed is text, so
//! that every fault is told in what was read, and what is recorded is what ran.

use super::value::{Field, Value};
use super::{GraphSpec, Section};
use pipeline_plugin_api::config::nearest_help;
use std::ops::Range;
use std::path::Path;

/// A sink that is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sink {
    /// Its name; where a node has it, `_` is added.
    pub name: String,
    /// Its element.
    pub element: String,
    /// Its config as RON; may be empty.
    pub config: String,
}

/// The text with those sinks, each of which reads every node that says something, and without its own unless they are
/// kept. A text that cannot be read is given back as it is, to be told its faults.
pub fn with_sinks(text: &str, own: bool, added: &[Sink]) -> String {
    let Ok(fields) = Value::file(text).fields() else {
        return text.to_owned();
    };
    let entries = entries(text, own, added);
    let Some(sinks) = fields.iter().find(|field| field.name.value == Section::Sinks.name()) else {
        let written = format!("sinks: {{\n{entries}    }}");
        return match fields.last() {
            Some(last) if !entries.is_empty() => insert(text, last.value.at.end, &format!(",\n    {written}")),
            _ => text.to_owned(),
        };
    };
    match sinks.value.fields().unwrap_or_default().last().filter(|_| own) {
        Some(last) if entries.is_empty() => insert(text, last.value.at.end, ""),
        Some(last) => insert(
            text,
            last.value.at.end,
            &format!(",\n{}", entries.trim_end().trim_end_matches(',')),
        ),
        None => replace(text, &sinks.value.at, &format!("{{\n{entries}    }}")),
    }
}

fn entries(text: &str, own: bool, added: &[Sink]) -> String {
    let spec = GraphSpec::parse(Path::new(""), text);
    let stays = |section: Section| own || section != Section::Sinks;
    let mut taken: Vec<String> = spec
        .nodes
        .iter()
        .filter(|node| stays(node.section))
        .map(|n| n.name.value.to_string())
        .collect();
    let says = |section: Section| !matches!(section, Section::Targets | Section::Sinks);
    let from: Vec<String> = spec
        .nodes
        .iter()
        .filter(|node| says(node.section))
        .map(|node| format!("{:?}", node.name.value.as_str()))
        .collect();
    let from = from.join(", ");
    let mut entries = String::new();
    for sink in added {
        let mut name = sink.name.clone();
        while taken.contains(&name) {
            name.push('_');
        }
        let config = if sink.config.is_empty() {
            String::new()
        } else {
            format!(", config: {}", sink.config)
        };
        entries.push_str(&format!(
            "        {name:?}: (plugin: {:?}, from: [{from}]{config}),\n",
            sink.element
        ));
        taken.push(name);
    }
    entries
}

/// The text with another value of a field of a node's config. Fields of fields have dots between.
///
/// # Errors
/// One sentence: there is no such node, or its config cannot be read.
pub fn with_setting(text: &str, node: &str, field: &str, value: &str) -> Result<String, String> {
    let unreadable = |what: &str| format!("`{what}` cannot be set: the text around it cannot be read");
    let sections = Value::file(text).fields().map_err(|_| unreadable(field))?;
    let mut nodes: Vec<Field<'_>> = Vec::new();
    for section in sections
        .iter()
        .filter(|section| Section::named(&section.name.value).is_some())
    {
        nodes.extend(section.value.fields().map_err(|_| unreadable(&section.name.value))?);
    }
    let Some(found) = nodes.iter().find(|known| known.name.value == node) else {
        let help = nearest_help(node, nodes.iter().map(|known| known.name.value.as_str()));
        return Err(format!(
            "there is no node `{node}` whose `{field}` could be set; {help}"
        ));
    };
    let path: Vec<&str> = std::iter::once("config").chain(field.split('.')).collect();
    set(text, &found.value, &path, value).ok_or_else(|| unreadable(field))
}

/// Replaces what stands under a path of fields, or puts it there.
fn set(text: &str, within: &Value<'_>, path: &[&str], value: &str) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let fields = within.fields().ok()?;
    match fields.iter().find(|field| field.name.value == *first) {
        Some(field) if rest.is_empty() => Some(replace(text, &field.value.at, value)),
        Some(field) => set(text, &field.value, rest, value),
        None => {
            let new = rest
                .iter()
                .rev()
                .fold(value.to_owned(), |inner, name| format!("({name}: {inner})"));
            let new = format!("{first}: {new}");
            Some(match fields.last() {
                Some(last) => insert(text, last.value.at.end, &format!(", {new}")),
                None => replace(text, &within.at, &format!("({new})")),
            })
        }
    }
}

fn insert(text: &str, at: usize, new: &str) -> String {
    replace(text, &(at..at), new)
}

fn replace(text: &str, at: &Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..at.start], &text[at.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu") },
    transforms: { "slow": (plugin: "mock.slow", from: ["cpu"], config: (learn: "1s", /* how */ more: (deep: 1))) },
    sinks: { "out": (plugin: "mock.file", from: ["slow"]), }, // kept or not
)"#;

    fn nodes(text: &str) -> Vec<String> {
        let spec = GraphSpec::parse(Path::new("g.ron"), text);
        assert!(spec.faults.is_empty(), "{:?} in {text}", spec.faults);
        spec.nodes
            .iter()
            .map(|node| format!("{} {}", node.name.value, node.from.len()))
            .collect()
    }

    fn sink(name: &str) -> Sink {
        Sink {
            name: name.to_owned(),
            element: "mock.write".to_owned(),
            config: "(dir: \"runs\")".to_owned(),
        }
    }

    #[test]
    fn sinks_are_left_out_and_others_read_every_node() {
        let edited = with_sinks(GRAPH, false, &[sink("record")]);
        assert_eq!(nodes(&edited), ["cpu 0", "slow 1", "record 2"]);
        assert!(edited.contains("// kept or not"), "{edited}");
    }

    #[test]
    fn own_sinks_may_stay_and_names_do_not_meet() {
        let edited = with_sinks(GRAPH, true, &[sink("out"), sink("out")]);
        assert_eq!(nodes(&edited), ["cpu 0", "slow 1", "out 1", "out_ 2", "out__ 2"]);
        assert_eq!(nodes(&with_sinks(GRAPH, true, &[])), ["cpu 0", "slow 1", "out 1"]);
    }

    #[test]
    fn a_graph_without_sinks_gets_some_or_none() {
        let bare = GRAPH.replace(
            "    sinks: { \"out\": (plugin: \"mock.file\", from: [\"slow\"]), }, // kept or not\n",
            "",
        );
        assert_eq!(
            nodes(&with_sinks(&bare, false, &[sink("record")])),
            ["cpu 0", "slow 1", "record 2"]
        );
        assert_eq!(with_sinks(&bare, false, &[]), bare);
        assert_eq!(with_sinks("(no graph", false, &[sink("record")]), "(no graph");
        assert_eq!(nodes(&with_sinks(GRAPH, false, &[])), ["cpu 0", "slow 1"]);
    }

    #[test]
    fn a_field_is_replaced_or_added_wherever_it_lies() {
        let set = |field: &str, value: &str| with_setting(GRAPH, "slow", field, value).unwrap();
        assert!(set("learn", "\"9s\"").contains("(learn: \"9s\", /* how */"));
        assert!(set("more.deep", "2").contains("more: (deep: 2)"));
        assert!(set("new.er", "3").contains("more: (deep: 1), new: (er: 3))"));
        let bare = with_setting(GRAPH, "cpu", "every", "4").unwrap();
        assert!(bare.contains("(plugin: \"mock.cpu\", config: (every: 4))"), "{bare}");
        let error = with_setting(GRAPH, "slwo", "learn", "1").unwrap_err();
        assert!(
            error.contains("there is no node `slwo`") && error.contains("`slow`"),
            "{error}"
        );
    }
}
