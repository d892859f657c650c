//! What was asked about: all elements, those that are named, or those of graphs, with the variables that these read.

use super::super::report::{counted, render};
use super::super::{CliError, Streams};
use super::findings::{Need, Probed};
use crate::graph::{Elements, suggestion, variables};
use crate::spec::GraphSpec;
use std::collections::BTreeSet;
use std::path::Path;

/// What was asked about.
#[derive(Debug, Default)]
pub struct Scope {
    /// Elements that there are.
    pub elements: BTreeSet<String>,
    /// What is known without asking a plugin.
    pub known: Vec<Probed>,
}

impl Scope {
    /// What is meant by those words, each an element or a graph's file; by none of them everything. Nothing where a
    /// graph has faults, which were told.
    ///
    /// # Errors
    /// A graph cannot be read, or nothing can be written.
    pub fn of(words: &[String], elements: &dyn Elements, streams: &mut Streams<'_>) -> Result<Option<Self>, CliError> {
        let mut scope = Self::default();
        if words.is_empty() {
            scope.elements = elements.available().iter().map(|known| known.element.clone()).collect();
            return Ok(Some(scope));
        }
        let mut has_faults = false;
        for word in words {
            if !is_graph(word) {
                scope.add(word, elements);
                continue;
            }
            match without_faults(Path::new(word), streams)? {
                Some(spec) => scope.add_graph(&spec, elements),
                None => has_faults = true,
            }
        }
        Ok((!has_faults).then_some(scope))
    }

    fn add_graph(&mut self, spec: &GraphSpec, elements: &dyn Elements) {
        for name in spec.nodes.iter().filter_map(|node| node.plugin.as_ref()) {
            self.add(&name.value, elements);
        }
        for variable in variables(spec) {
            let element = spec
                .find(&variable.node)
                .and_then(|node| spec.nodes[node].plugin.as_ref());
            let set = std::env::var(&variable.name).is_ok_and(|value| !value.is_empty());
            self.known.push(Probed {
                element: element.map_or(variable.node, |element| element.value.clone()),
                needs: vec![self::variable(&variable.name, set)],
            });
        }
    }

    fn add(&mut self, element: &str, elements: &dyn Elements) {
        if elements.available().iter().any(|known| known.element == element) {
            self.elements.insert(element.to_owned());
            return;
        }
        let detail = suggestion(element, elements).unwrap_or_else(|| "no plugin that was found has it".to_owned());
        self.known.push(Probed {
            element: element.to_owned(),
            needs: vec![Need {
                what: format!("element `{element}`"),
                present: false,
                required: true,
                detail,
                mend: "pipeline plugins".to_owned(),
            }],
        });
    }
}

/// A graph's file, whose faults are told.
fn without_faults(path: &Path, streams: &mut Streams<'_>) -> Result<Option<GraphSpec>, CliError> {
    let spec = GraphSpec::read(path)?;
    if spec.faults.is_empty() {
        return Ok(Some(spec));
    }
    writeln!(streams.err, "{}", render(&spec, &spec.faults, streams.colour))?;
    writeln!(streams.err, "{}: {}", path.display(), counted(&spec.faults))?;
    Ok(None)
}

fn variable(name: &str, set: bool) -> Need {
    let seen = if set {
        "it is set"
    } else {
        "it is not set, empty, or no UTF-8"
    };
    Need {
        what: format!("environment variable `{name}`"),
        present: set,
        required: true,
        detail: seen.to_owned(),
        mend: if set {
            String::new()
        } else {
            format!("export {name}=…")
        },
    }
}

fn is_graph(word: &str) -> bool {
    word.contains('/') || Path::new(word).extension().is_some_and(|extension| extension == "ron")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_graph_and_a_name_an_element() {
        assert!(is_graph("graph.ron") && is_graph("./graph") && is_graph("/x/y"));
        assert!(!is_graph("signal.rate"));
    }

    #[test]
    fn a_variable_is_needed_by_name_and_its_value_not_told() {
        assert!(variable("PATH", true).present);
        let missing = variable("PASSWORD", false);
        assert!(missing.required && missing.mend == "export PASSWORD=…", "{missing:?}");
    }
}
