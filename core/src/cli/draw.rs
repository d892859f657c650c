//! `pipeline graph`: a graph as text that Mermaid or Graphviz draw. Needs no plugins.

use super::args::DrawArgs;
use super::report::{counted, render};
use super::{CliError, Exit, Streams};
use crate::spec::{GraphSpec, NodeSpec, Section};
use std::io::{self, Write};

pub(super) fn run(args: &DrawArgs, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let spec = GraphSpec::read(&args.graph)?;
    if !spec.faults.is_empty() {
        writeln!(streams.err, "{}", render(&spec, &spec.faults, streams.colour))?;
        writeln!(streams.err, "{}: {}", args.graph.display(), counted(&spec.faults))?;
        return Ok(Exit::Faults);
    }
    if args.dot {
        dot(&spec, streams.out)?;
    } else {
        mermaid(&spec, streams.out)?;
    }
    Ok(Exit::Fine)
}

/// Why something passes along an edge.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Why {
    Reads,
    Last,
    Outcomes,
}

struct Edge<'a> {
    giver: usize,
    taker: usize,
    why: Why,
    /// The one target of a provider that is meant.
    part: Option<&'a str>,
}

fn edges(spec: &GraphSpec) -> Vec<Edge<'_>> {
    let mut edges = Vec::new();
    for (taker, node) in spec.nodes.iter().enumerate() {
        let reads = node.of.iter().chain(&node.from).map(|link| (link, Why::Reads));
        let last = node.last.iter().map(|link| (link, Why::Last));
        edges.extend(reads.chain(last).map(|(link, why)| Edge {
            giver: link.node,
            taker,
            why,
            part: link.part.as_deref(),
        }));
        edges.extend(outcomes(spec, taker, node));
    }
    edges
}

/// What became of its actions comes back to a scheduler, unasked.
fn outcomes<'a>(spec: &'a GraphSpec, actuator: usize, node: &'a NodeSpec) -> impl Iterator<Item = Edge<'a>> {
    let acts = node.section == Section::Actuators;
    let decides = move |taker: usize| acts && spec.nodes[taker].section == Section::Schedulers;
    let schedulers = node
        .from
        .iter()
        .map(|link| link.node)
        .filter(move |taker| decides(*taker));
    schedulers.map(move |taker| Edge {
        giver: actuator,
        taker,
        why: Why::Outcomes,
        part: None,
    })
}

fn sections(spec: &GraphSpec) -> impl Iterator<Item = (Section, Vec<(usize, &NodeSpec)>)> {
    let of = |section| {
        spec.nodes
            .iter()
            .enumerate()
            .filter(move |(_, node)| node.section == section)
            .collect()
    };
    let all = Section::ALL.into_iter().map(move |section| (section, of(section)));
    all.filter(|(_, nodes): &(Section, Vec<_>)| !nodes.is_empty())
}

fn element(node: &NodeSpec) -> &str {
    node.plugin.as_ref().map_or("", |plugin| plugin.value.as_str())
}

fn mermaid(spec: &GraphSpec, out: &mut dyn Write) -> io::Result<()> {
    let safe = |text: &str| text.replace('&', "&amp;").replace('"', "#quot;").replace('<', "&lt;");
    writeln!(out, "flowchart LR")?;
    for (section, nodes) in sections(spec) {
        writeln!(out, "    subgraph {}", section.name())?;
        for (i, node) in nodes {
            writeln!(out, "        n{i}[\"{}<br>{}\"]", node.name.value, safe(element(node)))?;
        }
        writeln!(out, "    end")?;
    }
    for edge in edges(spec) {
        let arrow = match (edge.why, edge.part) {
            (Why::Reads, None) => "-->".to_owned(),
            (Why::Reads, Some(part)) => format!("-->|\"{}\"|", safe(part)),
            (Why::Last, _) => "-. last .->".to_owned(),
            (Why::Outcomes, _) => "-. outcomes .->".to_owned(),
        };
        writeln!(out, "    n{} {arrow} n{}", edge.giver, edge.taker)?;
    }
    Ok(())
}

fn dot(spec: &GraphSpec, out: &mut dyn Write) -> io::Result<()> {
    let safe = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    writeln!(out, "digraph pipeline {{\n    rankdir=LR;\n    node [shape=box];")?;
    for (section, nodes) in sections(spec) {
        writeln!(
            out,
            "    subgraph cluster_{} {{\n        label=\"{0}\";",
            section.name()
        )?;
        for (i, node) in nodes {
            writeln!(
                out,
                "        n{i} [label=\"{}\\n{}\"];",
                node.name.value,
                safe(element(node))
            )?;
        }
        writeln!(out, "    }}")?;
    }
    for edge in edges(spec) {
        let style = match (edge.why, edge.part) {
            (Why::Reads, None) => String::new(),
            (Why::Reads, Some(part)) => format!(" [label=\"{}\"]", safe(part)),
            (Why::Last, _) => " [style=dashed, label=\"last\", constraint=false]".to_owned(),
            (Why::Outcomes, _) => " [style=dotted, label=\"outcomes\", constraint=false]".to_owned(),
        };
        writeln!(out, "    n{} -> n{}{style};", edge.giver, edge.taker)?;
    }
    writeln!(out, "}}")
}
