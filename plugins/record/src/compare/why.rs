//! What differs between two runs beside what happened: nodes, fields of configs, plugins, machines.

use crate::graph::{NodeText, nodes};
use pipeline_plugin_api::fields::entries;
use pipeline_record_store::Run;
use std::collections::BTreeMap;

/// Sentences; none where nothing differs.
pub fn why(a: &Run, b: &Run) -> Vec<String> {
    let (page_a, page_b) = (a.page(), b.page());
    let mut all = graphs(&told_nodes(a), &told_nodes(b));
    for plugin in &page_a.facts.plugins {
        let other = page_b.facts.plugins.iter().find(|other| other.name == plugin.name);
        if let Some(other) =
            other.filter(|other| (&other.version, &other.build_id) != (&plugin.version, &plugin.build_id))
        {
            all.push(format!(
                "plugin `{}` is {} ({}) in A and {} ({}) in B",
                plugin.name, plugin.version, plugin.build_id, other.version, other.build_id
            ));
        }
    }
    if page_a.facts.machine != page_b.facts.machine {
        let machine = |run: &Run| {
            let machine = &run.page().facts.machine;
            format!(
                "{} ({}, {} CPUs, Linux {})",
                machine.host, machine.cpu, machine.cpus, machine.kernel
            )
        };
        all.push(format!("A ran on {} and B on {}", machine(a), machine(b)));
    }
    let (of_a, of_b) = (&page_a.origin.of, &page_b.origin.of);
    let one_story = *of_b == a.name() || *of_a == b.name() || (!of_a.is_empty() && of_a == of_b);
    if !one_story {
        all.push("neither is a replay of the other: what was measured differs too".to_owned());
    }
    all
}

/// The nodes of the text, with the configs as the host took them where it tells: a setting may have changed one.
fn told_nodes(run: &Run) -> Vec<NodeText> {
    let facts = &run.page().facts;
    let mut nodes = nodes(&facts.graph);
    // What is written down decides nothing.
    nodes.retain(|node| node.stage != "sinks");
    for node in &mut nodes {
        if let Some(fact) = facts
            .nodes
            .iter()
            .find(|fact| fact.name == node.name && fact.stand_in.is_empty())
        {
            node.config = fact.config.clone();
        }
    }
    nodes
}

fn graphs(a: &[NodeText], b: &[NodeText]) -> Vec<String> {
    let mut all = Vec::new();
    for node in a {
        let NodeText { name, element, .. } = node;
        match b.iter().find(|other| other.name == *name) {
            None => all.push(format!("`{name}` ({element}) is in A only")),
            Some(other) if other.element != *element => {
                all.push(format!("`{name}` is {element} in A and {} in B", other.element));
            }
            Some(other) => {
                all.extend(configs(name, &node.config, &other.config));
                if node.reads != other.reads {
                    let list = |reads: &[String]| reads.join(", ");
                    all.push(format!(
                        "`{name}` reads {} in A and {} in B",
                        list(&node.reads),
                        list(&other.reads)
                    ));
                }
            }
        }
    }
    let only_b = b.iter().filter(|node| !a.iter().any(|other| other.name == node.name));
    all.extend(only_b.map(|node| format!("`{}` ({}) is in B only", node.name, node.element)));
    all
}

/// Field by field, and into fields that have fields themselves.
fn configs(place: &str, a: &str, b: &str) -> Vec<String> {
    if a.trim() == b.trim() {
        return Vec::new();
    }
    let fields = |text: &str| -> Option<BTreeMap<String, String>> {
        let entries = entries(text).ok()?;
        Some(
            entries
                .into_iter()
                .map(|entry| (entry.name, text[entry.value_at].trim().to_owned()))
                .collect(),
        )
    };
    let (Some(in_a), Some(in_b)) = (fields(a), fields(b)) else {
        return vec![format!("`{place}` is `{a}` in A and `{b}` in B")];
    };
    let names: std::collections::BTreeSet<&String> = in_a.keys().chain(in_b.keys()).collect();
    let difference = |name: &&String| -> Vec<String> {
        let within = format!("{place}.{name}");
        match (in_a.get(*name), in_b.get(*name)) {
            (Some(a), Some(b)) => configs(&within, a, b),
            (Some(a), None) => vec![format!("`{within}` is `{a}` in A and not set in B")],
            (None, Some(b)) => vec![format!("`{within}` is not set in A and `{b}` in B")],
            (None, None) => Vec::new(),
        }
    };
    names.iter().flat_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configs_differ_by_field() {
        let told = configs(
            "slow",
            "(learn: \"6s\", during: (from: \"1s\", to: \"2s\"))",
            "(during: (from: \"1s\", to: \"3s\"), x: 1)",
        );
        assert_eq!(
            told,
            [
                "`slow.during.to` is `\"2s\"` in A and `\"3s\"` in B",
                "`slow.learn` is `\"6s\"` in A and not set in B",
                "`slow.x` is not set in A and `1` in B",
            ]
        );
        assert!(configs("slow", "( a: 1 )", "(a: 1)").is_empty());
    }

    #[test]
    fn nodes_differ_by_presence_element_and_what_they_read() {
        let node = |name: &str, element: &str, reads: &[&str]| NodeText {
            name: name.to_owned(),
            element: element.to_owned(),
            reads: reads.iter().map(|read| (*read).to_owned()).collect(),
            ..NodeText::default()
        };
        let a = [node("x", "p.a", &["i"]), node("y", "p.b", &[]), node("z", "p.c", &[])];
        let b = [
            node("x", "p.a", &["j"]),
            node("y", "p.other", &[]),
            node("new", "p.d", &[]),
        ];
        assert_eq!(
            graphs(&a, &b),
            [
                "`x` reads i in A and j in B",
                "`y` is p.b in A and p.other in B",
                "`z` (p.c) is in A only",
                "`new` (p.d) is in B only",
            ]
        );
    }
}
