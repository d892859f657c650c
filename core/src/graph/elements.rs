//! The element of each node: whether it is there, stands in its section, and takes its config.

use super::places;
use crate::plugin::{Available, Catalog, Refused};
use crate::spec::{Fault, GraphSpec, NodeSpec, Placed, Section, quoted};
use abi_stable::std_types::RStr;
use pipeline_plugin_api::abi::{ElementRef, Port, PortKind, Ports, Stage};
use pipeline_plugin_api::config::nearest;
use std::path::{Path, PathBuf};

/// What elements there are.
pub trait Elements {
    /// All of them, by name.
    fn available(&self) -> &[Available];
    /// Files that look like plugins and are none.
    fn refused(&self) -> &[Refused];
    /// The folders in which they were looked for.
    fn folders(&self) -> &[PathBuf];
    /// Loads the plugin that has the element.
    ///
    /// # Errors
    /// One sentence on why it cannot be loaded.
    fn open(&self, element: &str) -> Result<ElementRef, String>;
}

/// The elements of the plugins in some folders.
pub struct Installed {
    catalog: Catalog,
    folders: Vec<PathBuf>,
}

impl Installed {
    /// Reads the manifests in those folders; loads nothing.
    pub fn scan(folders: Vec<PathBuf>) -> Self {
        Self {
            catalog: Catalog::scan(&folders),
            folders,
        }
    }
}

impl Elements for Installed {
    fn available(&self) -> &[Available] {
        self.catalog.available()
    }
    fn refused(&self) -> &[Refused] {
        self.catalog.refused()
    }
    fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
    fn open(&self, element: &str) -> Result<ElementRef, String> {
        self.catalog.open(element).map_err(|error| error.to_string())
    }
}

/// What was found of a node's element.
#[derive(Default)]
pub(super) struct Found {
    pub element: Option<ElementRef>,
    pub plugin: Option<Available>,
    pub ports: Option<Ports>,
    /// The config of what stands in for the element that the graph names, where something does.
    pub stand_in: Option<String>,
}

impl Found {
    /// Finds a node's element and asks it about the node's config.
    pub fn of(spec: &GraphSpec, node: &NodeSpec, elements: &dyn Elements, faults: &mut Vec<Fault>) -> Self {
        let Some(name) = &node.plugin else {
            return Self::default();
        };
        let Some(available) = elements.available().iter().find(|known| known.element == name.value) else {
            faults.push(unknown(name, elements));
            return Self::default();
        };
        if available.stage != node.section.stage() {
            faults.push(elsewhere(node, name, available));
            return Self::default();
        }
        match elements.open(&name.value) {
            Ok(element) => Self {
                element: Some(element),
                plugin: Some(available.clone()),
                ports: original_ports(spec, node, element, faults),
                stand_in: None,
            },
            Err(why) => {
                faults.push(Fault::error(name.at.clone(), why));
                Self::default()
            }
        }
    }
}

/// What an element takes and gives as a node's own, under the node's config.
pub(super) fn original_ports(
    spec: &GraphSpec,
    node: &NodeSpec,
    element: ElementRef,
    faults: &mut Vec<Fault>,
) -> Option<Ports> {
    let text = node.config.as_ref().map_or("", |config| config.value.as_str());
    let found = element.check()(RStr::from_str(text));
    if !found.is_empty() {
        faults.extend(found.iter().map(|fault| places::config_fault(spec, node, fault)));
        return None;
    }
    match element.ports()(RStr::from_str(text)).into_result() {
        Ok(ports) => Some(with_stage(ports, node.section)),
        Err(found) => {
            faults.extend(found.iter().map(|fault| places::config_fault(spec, node, fault)));
            None
        }
    }
}

/// What the stage adds to what the element says: outcomes leave every actuator and reach every scheduler.
fn with_stage(mut ports: Ports, section: Section) -> Ports {
    let outcomes = Port {
        kind: PortKind::OUTCOMES,
        ..Port::default()
    };
    let list = match section {
        Section::Actuators => &mut ports.gives,
        Section::Schedulers => &mut ports.takes,
        _ => return ports,
    };
    if !list.iter().any(|port| port.kind == PortKind::OUTCOMES) {
        list.push(outcomes);
    }
    ports
}

fn unknown(name: &Placed<String>, elements: &dyn Elements) -> Fault {
    let fault = Fault::error(name.at.clone(), format!("there is no element `{}`", name.value));
    let suggestion = suggestion(&name.value, elements);
    let may_have_it = |refused: &&Refused| suggestion.is_none() || is_of(&refused.path, &name.value);
    let fault = elements
        .refused()
        .iter()
        .filter(may_have_it)
        .fold(fault, |fault, refused| {
            fault.note(format!("`{}` was refused: {}", refused.path.display(), refused.why))
        });
    match suggestion {
        Some(help) => fault.help(help),
        None => fault
            .note(format!(
                "looked in {}",
                quoted(elements.folders().iter().map(|folder| folder.display().to_string()))
            ))
            .help("install the plugin that has it, or name its folder with `--plugin-dir`"),
    }
}

/// Whether a file is named after the subject of an element.
fn is_of(path: &Path, element: &str) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let subject = element.split('.').next().unwrap_or(element);
    stem.strip_prefix("libpipeline_") == Some(subject)
}

/// What the element was likely meant to be: a name that is near, or what else its plugin has.
pub fn suggestion(wrong: &str, elements: &dyn Elements) -> Option<String> {
    let names = || elements.available().iter().map(|known| known.element.as_str());
    let subject = wrong.split('.').next().unwrap_or(wrong);
    let same_subject = |name: &&str| name.split('.').next() == Some(subject);
    if let Some(near) = nearest(wrong, names().filter(same_subject)).or_else(|| nearest_subject(wrong, names())) {
        return Some(format!("did you mean `{near}`?"));
    }
    let others: Vec<&str> = names().filter(same_subject).collect();
    (!others.is_empty()).then(|| format!("`{subject}` has {}", quoted(others)))
}

/// A near name of a near subject: `sched.x` is not `schemata.x`, however alike the wholes are.
fn nearest_subject<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let subject = wrong.split('.').next().unwrap_or(wrong);
    let near = |name: &&str| nearest(subject, name.split('.').take(1)).is_some();
    nearest(wrong, names.filter(near))
}

fn elsewhere(node: &NodeSpec, name: &Placed<String>, available: &Available) -> Fault {
    let fault = |kind: &str| {
        let message = format!("`{}` is {kind} and stands in `{}`", name.value, node.section.name());
        Fault::error(name.at.clone(), message)
    };
    match Section::of_stage(available.stage) {
        Some(section) => fault(section.one()).help(format!("move `{}` to `{}`", node.name.value, section.name())),
        None if available.stage == Stage::COMMAND => {
            fault("a command").help(format!("take it out; it is run as `pipeline {}`", name.value))
        }
        None => fault("of a stage that this version does not know").help("use the `pipeline` that it was built for"),
    }
}
