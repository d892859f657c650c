//! All that an element says of itself, gathered for `inspect` and `config`.

use super::CliError;
use super::schema::{Field, fields};
use crate::graph::{Elements, suggestion};
use crate::plugin::Available;
use crate::spec::quoted;
use abi_stable::std_types::RStr;
use pipeline_plugin_api::abi::{ElementRef, Nanos, Ports, Probe};

/// What an element says of itself under its default config.
pub(super) struct About {
    pub available: Available,
    pub summary: String,
    pub blocking: bool,
    pub every: Nanos,
    pub ports: Ports,
    pub fields: Vec<Field>,
    pub needs: Vec<Probe>,
}

impl About {
    /// Loads an element and asks it.
    pub fn ask(name: &str, elements: &dyn Elements) -> Result<Self, CliError> {
        let available = find(name, elements)?;
        let element = elements.open(name).map_err(CliError::Open)?;
        Ok(Self {
            available: available.clone(),
            summary: element.summary().to_string(),
            blocking: element.blocking() != 0,
            every: element.every(),
            ports: default_ports(element),
            fields: fields(&element.schema()(), &element.sample()()),
            needs: element.probe()().into(),
        })
    }
}

/// An element whose default config has faults has a defect that its own tests find; here it has no ports.
fn default_ports(element: ElementRef) -> Ports {
    element.ports()(RStr::from_str("")).into_result().unwrap_or_default()
}

fn find<'a>(name: &str, elements: &'a dyn Elements) -> Result<&'a Available, CliError> {
    let found = elements.available().iter().find(|known| known.element == name);
    found.ok_or_else(|| CliError::UnknownElement {
        name: name.to_owned(),
        help: suggestion(name, elements).unwrap_or_else(|| {
            let folders = quoted(elements.folders().iter().map(|folder| folder.display().to_string()));
            format!("looked in {folders}")
        }),
    })
}
