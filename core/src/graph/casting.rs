//! A graph that is not run as it stands: elements that stand in for others, and time that is computed and not lived.

use super::View;
use super::elements::{Found, original_ports};
use crate::graph::Elements;
use crate::spec::{Fault, GraphSpec, NodeSpec, Placed, Section};
use pipeline_plugin_api::abi::{ElementRef, Port, PortKind, Ports, Stage};
use pipeline_plugin_api::ports::ANY;

/// How a graph is run otherwise than it says; by default it is not.
#[derive(Clone, Debug, Default)]
pub struct Casting {
    /// Elements in the places of others.
    pub stand_ins: Vec<StandIn>,
    /// No element may touch the real machine.
    pub virtual_time: bool,
    /// Its sinks were left out, so that nobody may read a node.
    pub without_sinks: bool,
}

/// An element in the place of a node's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandIn {
    /// The node.
    pub node: String,
    /// The element.
    pub element: String,
    /// Its config as RON.
    pub config: String,
}

impl Casting {
    /// What stands in for that node.
    pub(super) fn of(&self, node: &NodeSpec) -> Option<&StandIn> {
        let name = node.name.value.as_str();
        self.stand_ins.iter().find(|stand_in| stand_in.node == name)
    }
}

/// A node with a stand-in: made of that, checked as the element that the graph names.
pub(super) fn found(
    spec: &GraphSpec,
    node: &NodeSpec,
    stand_in: &StandIn,
    elements: &dyn Elements,
    faults: &mut Vec<Fault>,
) -> Found {
    let at = node.plugin.as_ref().map_or(&node.name.at, |plugin| &plugin.at).clone();
    let element = match opened(node, stand_in, elements) {
        Ok(element) => element,
        Err(why) => {
            let message = format!(
                "`{}` cannot stand in for `{}`: {why}",
                stand_in.element, node.name.value
            );
            faults.push(Fault::error(at, message));
            return Found::default();
        }
    };
    let ports = node.plugin.as_ref().map(|name| ports_of(spec, node, name, elements));
    let ports = match ports {
        Some(Ok(ports)) => Some(ports),
        Some(Err(why)) => {
            let message = format!("what `{}` takes and gives is not checked: {why}", node.name.value);
            let help = "what was recorded of it is taken as it is";
            faults.push(Fault::warning(at, message).help(help));
            Some(any_ports(node.section))
        }
        None => None,
    };
    let plugin = elements
        .available()
        .iter()
        .find(|known| known.element == stand_in.element);
    Found {
        element: Some(element),
        plugin: plugin.cloned(),
        ports,
        stand_in: Some(stand_in.config.clone()),
    }
}

/// Whoever reads the world may stand in for whoever does; for an actuator also what only listens and answers.
fn opened(node: &NodeSpec, stand_in: &StandIn, elements: &dyn Elements) -> Result<ElementRef, String> {
    let element = elements.open(&stand_in.element)?;
    let fits = match node.section {
        Section::Targets | Section::Collectors => matches!(element.stage(), Stage::TARGETS | Stage::COLLECTOR),
        Section::Actuators => matches!(element.stage(), Stage::ACTUATOR | Stage::TRANSFORM),
        other => element.stage() == other.stage(),
    };
    let faults = element.check()(stand_in.config.as_str().into());
    match faults.first() {
        _ if !fits => Err(format!("it is of the stage `{}`", element.stage())),
        Some(fault) => Err(fault.message.to_string()),
        None => Ok(element),
    }
}

/// What the element that the graph names takes and gives; it is asked and never made.
fn ports_of(
    spec: &GraphSpec,
    node: &NodeSpec,
    name: &Placed<String>,
    elements: &dyn Elements,
) -> Result<Ports, String> {
    let known = elements.available().iter().find(|known| known.element == name.value);
    let known = known.ok_or_else(|| format!("there is no element `{}` here", name.value))?;
    if known.stage != node.section.stage() {
        return Err(format!("the `{}` that is here is of another stage", name.value));
    }
    let element = elements.open(&name.value)?;
    let mut faults = Vec::new();
    match original_ports(spec, node, element, &mut faults) {
        Some(ports) => Ok(ports),
        None => {
            let why: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
            Err(format!(
                "the `{}` that is here does not take its config: {}",
                name.value,
                why.join("; ")
            ))
        }
    }
}

fn any_ports(section: Section) -> Ports {
    let any = |kind: PortKind| Port {
        kind,
        name: ANY.into(),
        ..Port::default()
    };
    let outcomes = Port {
        kind: PortKind::OUTCOMES,
        ..Port::default()
    };
    let mut ports = Ports::default();
    match section {
        Section::Collectors => ports.gives.push(any(PortKind::READINGS)),
        Section::Actuators => {
            ports.takes.push(any(PortKind::ACTIONS));
            ports.gives.push(outcomes);
        }
        _ => {}
    }
    ports
}

/// In virtual time nothing may touch the machine, whose time is another.
pub(super) fn check_time(view: &View<'_>, faults: &mut Vec<Fault>) {
    for (node, spec) in view.nodes() {
        let touches = matches!(
            spec.section,
            Section::Targets | Section::Collectors | Section::Actuators
        );
        let Some(element) = view.found[node]
            .element
            .filter(|element| touches && element.virtual_time() == 0)
        else {
            continue;
        };
        let message = format!(
            "`{}` works on the real machine, for which virtual time does not pass",
            element.name()
        );
        let help =
            "take elements that work in virtual time, such as those of a simulated node, or leave `--virtual` out";
        faults.push(Fault::error(view.element_at(node), message).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render;
    use crate::graph::check_as;
    use crate::graph::tests::fake::Fake;
    use std::path::Path;

    const GRAPH: &str = r#"(
    version: 1,
    collectors: { "cpu": (plugin: "mock.cpu") },
    sinks: { "out": (plugin: "mock.file", from: ["cpu"]) },
)"#;

    fn told(text: &str, casting: &Casting) -> Result<String, String> {
        let spec = GraphSpec::parse(Path::new("graph.ron"), text);
        let shown = |faults: &[Fault]| render(&spec, faults, false);
        match check_as(&spec, &Fake::new(), casting) {
            Ok(checked) => Ok(format!(
                "{} {}\n{}",
                checked.nodes[0].element.name(),
                checked.nodes[0].config,
                shown(&checked.warnings)
            )),
            Err(faults) => Err(shown(&faults)),
        }
    }

    fn with(node: &str, element: &str) -> Casting {
        Casting {
            stand_ins: vec![StandIn {
                node: node.to_owned(),
                element: element.to_owned(),
                config: String::new(),
            }],
            ..Casting::default()
        }
    }

    #[test]
    fn a_stand_in_is_made_and_the_ports_are_the_originals() {
        let told = told(GRAPH, &with("cpu", "mock.memory")).unwrap();
        assert_eq!(told, "mock.memory \n");
    }

    #[test]
    fn an_original_that_is_not_here_is_a_warning() {
        let told = told(&GRAPH.replace("mock.cpu", "other.cpu"), &with("cpu", "mock.memory")).unwrap();
        assert!(
            told.contains("what `cpu` takes and gives is not checked: there is no element `other.cpu` here"),
            "{told}"
        );
    }

    #[test]
    fn a_sink_stands_in_for_no_collector() {
        let told = told(GRAPH, &with("cpu", "mock.file")).unwrap_err();
        assert!(
            told.contains("`mock.file` cannot stand in for `cpu`: it is of the stage `sinks`"),
            "{told}"
        );
    }

    #[test]
    fn what_works_on_the_real_machine_is_refused_in_virtual_time() {
        let casting = Casting {
            virtual_time: true,
            ..Casting::default()
        };
        let told = told(GRAPH, &casting).unwrap_err();
        assert!(told.contains("`mock.cpu` works on the real machine"), "{told}");
        assert!(told.contains("3:29") || told.contains("graph.ron:3"), "{told}");
    }
}
