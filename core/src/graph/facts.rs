//! What the check knows of a graph, as a recorder keeps it.

use super::{CheckedNode, Lane};
use crate::spec::{GraphSpec, Link};
use pipeline_plugin_api::tap::{NodeFacts, PluginFacts, RunFacts};

/// The facts of a graph that has no faults. Its text holds no secret: the check refuses those that are written out.
pub(super) fn of(spec: &GraphSpec, nodes: &[CheckedNode], lanes: &[Lane]) -> RunFacts {
    RunFacts {
        graph_file: spec.path.display().to_string(),
        graph: spec.text.to_string(),
        plugins: plugins(nodes),
        nodes: nodes.iter().map(|node| facts(node, nodes, lanes)).collect(),
        ..RunFacts::default()
    }
}

fn plugins(nodes: &[CheckedNode]) -> Vec<PluginFacts> {
    let mut plugins: Vec<PluginFacts> = Vec::new();
    for plugin in nodes.iter().map(|node| &node.plugin) {
        let file = plugin.path.display().to_string();
        if !plugins.iter().any(|known| known.file == file) {
            plugins.push(PluginFacts {
                name: plugin.plugin.clone(),
                version: plugin.version.clone(),
                profile: plugin.profile.clone(),
                file,
                build_id: String::new(),
            });
        }
    }
    plugins
}

fn facts(node: &CheckedNode, nodes: &[CheckedNode], lanes: &[Lane]) -> NodeFacts {
    let spec = &node.spec;
    let places = |links: &[Link]| links.iter().map(|link| link.node as u32).collect();
    let target = |link: &Link| {
        let provider = nodes.get(link.node).map(CheckedNode::name).unwrap_or_default();
        let part = link.part.iter().map(|part| format!("/{part}"));
        std::iter::once(provider.to_owned()).chain(part).collect::<String>()
    };
    let element = spec
        .plugin
        .as_ref()
        .map(|plugin| plugin.value.clone())
        .unwrap_or_default();
    let used = node.element.name().to_string();
    NodeFacts {
        name: node.name().to_owned(),
        stage: spec.section.name().to_owned(),
        stand_in: if used == element { String::new() } else { used },
        element,
        plugin: node.plugin.plugin.clone(),
        lane: lanes.get(node.lane).map(|lane| lane.name.clone()).unwrap_or_default(),
        config: spec
            .config
            .as_ref()
            .map(|config| config.value.clone())
            .unwrap_or_default(),
        every_ns: node.every.0,
        of: spec.of.iter().map(target).collect(),
        from: places(&spec.from),
        last: places(&spec.last),
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::tests::{GOOD, good};

    #[test]
    fn the_facts_are_those_of_the_file() {
        let facts = good(GOOD).plan().facts;
        assert_eq!(facts.graph, GOOD);
        let place = |name: &str| facts.nodes.iter().position(|node| node.name == name).unwrap();
        let cpu = &facts.nodes[place("cpu")];
        assert_eq!(
            (cpu.stage.as_str(), cpu.element.as_str(), cpu.stand_in.as_str()),
            ("collectors", "mock.cpu", "")
        );
        assert!(cpu.of.contains(&"pods/x".to_owned()), "{:?}", cpu.of);
        assert_eq!(facts.nodes[place("slow")].last, [place("idle") as u32]);
        assert_eq!(facts.nodes[place("out")].lane, "disk");
        assert!(facts.plugins.iter().any(|plugin| plugin.name == "pipeline-mock"));
    }
}
