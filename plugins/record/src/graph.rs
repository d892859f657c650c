//! A graph's text as its nodes: what a replay needs to know of a graph before the host reads it. The host finds all
//! faults; what is none of a graph here has no nodes.

use pipeline_plugin_api::fields::entries;

/// A node of a graph's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeText {
    /// Its name.
    pub name: String,
    /// Its section, as `collectors`.
    pub stage: String,
    /// The element that it names.
    pub element: String,
    /// Its config, as it stands there.
    pub config: String,
    /// All of it, as it stands there.
    pub text: String,
    /// The nodes in `from` and `last`.
    pub reads: Vec<String>,
}

/// The nodes of a graph, in its order.
pub fn nodes(text: &str) -> Vec<NodeText> {
    let sections = entries(text).unwrap_or_default();
    let of_section = |section: &pipeline_plugin_api::fields::Entry| -> Vec<NodeText> {
        let inside = &text[section.value_at.clone()];
        let nodes = entries(inside).unwrap_or_default();
        nodes
            .iter()
            .map(|node| self::node(&section.name, &node.name, &inside[node.value_at.clone()]))
            .collect()
    };
    sections
        .iter()
        .filter(|section| section.name != "version")
        .flat_map(of_section)
        .collect()
}

fn node(stage: &str, name: &str, text: &str) -> NodeText {
    let fields = entries(text).unwrap_or_default();
    let field = |name: &str| {
        let found = fields.iter().find(|field| field.name == name);
        found.map(|field| &text[field.value_at.clone()])
    };
    let list = |name: &str| -> Vec<String> {
        let inside = field(name).and_then(|list| pipeline_plugin_api::fields::parse(list).ok());
        inside.unwrap_or_default()
    };
    NodeText {
        name: name.to_owned(),
        stage: stage.to_owned(),
        element: field("plugin")
            .map(|element| element.trim_matches('"').to_owned())
            .unwrap_or_default(),
        config: field("config").unwrap_or_default().to_owned(),
        text: text.to_owned(),
        reads: [list("from"), list("last")].concat(),
    }
}

/// The transforms and schedulers that are not what they were: changed, new, or reading one that is. Names, in the order
/// of the graph. `set` are nodes of which a field is given another value.
pub fn changed(before: &[NodeText], now: &[NodeText], set: &[String]) -> Vec<String> {
    let mut changed: Vec<String> = Vec::new();
    for node in now {
        let same = before
            .iter()
            .any(|old| (&old.name, &old.stage, &old.text) == (&node.name, &node.stage, &node.text));
        let reads = node.reads.iter().any(|read| changed.contains(read));
        if !same || reads || set.contains(&node.name) {
            changed.push(node.name.clone());
        }
    }
    let judges = |name: &String| now.iter().any(|node| node.name == *name && is_pure(&node.stage));
    changed.retain(judges);
    changed
}

fn is_pure(stage: &str) -> bool {
    matches!(stage, "transforms" | "schedulers")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = r#"
    // A comment.
    (
        version: 1,
        targets: { "web": (plugin: "process.run", config: (command: "x")) },
        collectors: { "cpi": (plugin: "perf.counters", of: ["web"]) },
        transforms: {
            "slow": (plugin: "detect.baseline", from: ["cpi"], last: ["l3"], config: (learn: "15s")),
            "calm": (plugin: "signal.window", from: ["cpi"]),
        },
        schedulers: { "guard": (plugin: "policy.throttle", from: ["slow"]) },
    )"#;

    #[test]
    fn a_graph_is_read_with_its_nodes() {
        let nodes = nodes(GRAPH);
        let names: Vec<(&str, &str)> = nodes
            .iter()
            .map(|node| (node.stage.as_str(), node.name.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                ("targets", "web"),
                ("collectors", "cpi"),
                ("transforms", "slow"),
                ("transforms", "calm"),
                ("schedulers", "guard")
            ]
        );
        assert_eq!(
            (nodes[2].element.as_str(), nodes[2].config.as_str()),
            ("detect.baseline", "(learn: \"15s\")")
        );
        assert_eq!(nodes[2].reads, ["cpi", "l3"]);
    }

    #[test]
    fn what_reads_a_changed_node_is_changed_too() {
        let before = nodes(GRAPH);
        assert!(changed(&before, &before, &[]).is_empty());
        let now = nodes(&GRAPH.replace("15s", "9s"));
        assert_eq!(changed(&before, &now, &[]), ["slow", "guard"]);
        assert_eq!(changed(&before, &before, &["calm".to_owned()]), ["calm"]);
    }

    #[test]
    fn what_is_no_graph_has_no_nodes() {
        assert!(nodes("").is_empty() && nodes("(a: ").is_empty() && nodes("[1]").is_empty());
    }
}
