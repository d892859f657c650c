//! Finding and loading plugins.
//!
//! [`search`] says where to look, [`trust`] whether a file there may be loaded by whom we are, [`manifest`] reads what
//! a file says of itself without loading it, and [`load`] opens the few that a graph names. What elements mean is not
//! known here.

pub mod load;
pub mod manifest;
pub mod search;
pub mod trust;

pub use search::search_path;

use load::Loaded;
use pipeline_plugin_api::abi::{ElementRef, Manifest, Stage};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An element that some plugin on the search path has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    /// `signal.rate`.
    pub element: String,
    /// The stage in which it works.
    pub stage: Stage,
    /// The plugin's crate name.
    pub plugin: String,
    /// The plugin's crate version.
    pub version: String,
    /// `release` or `debug`.
    pub profile: String,
    /// One sentence for people.
    pub summary: String,
    /// The plugin's file.
    pub path: PathBuf,
}

/// A file that looks like a plugin and cannot be used as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file.
    pub path: PathBuf,
    /// Why, and how to mend it.
    pub why: String,
}

/// Why an element could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No plugin on the search path has it.
    #[error("no plugin has an element `{0}`")]
    Unknown(String),
    /// Its plugin cannot be loaded.
    #[error("cannot load `{path}`: {why}")]
    Load {
        /// The plugin's file.
        path: PathBuf,
        /// What the loader says.
        why: String,
    },
}

/// What elements there are. Made from manifests alone; a plugin is loaded when one of its elements is opened.
#[derive(Default)]
pub struct Catalog {
    available: Vec<Available>,
    refused: Vec<Refused>,
    loaded: Mutex<BTreeMap<PathBuf, Loaded>>,
}

impl Catalog {
    /// Reads the manifests in those folders. Where two plugins have an element of the same name,
    /// the folder that stands first wins and the other file is told as refused.
    pub fn scan(search: &[PathBuf]) -> Self {
        let mut catalog = Self::default();
        for path in search.iter().flat_map(|folder| search::candidates(folder)) {
            match read(&path) {
                Ok((_, manifest)) => catalog.add(&path, manifest),
                Err(why) => catalog.refused.push(Refused { path, why }),
            }
        }
        catalog.available.sort_by(|a, b| a.element.cmp(&b.element));
        catalog
    }

    fn add(&mut self, path: &Path, manifest: Manifest) {
        if self.available.iter().any(|other| same_file(&other.path, path)) {
            return;
        }
        for (element, stage) in manifest.elements {
            if let Some(first) = self.available.iter().find(|other| other.element == element) {
                let why = format!(
                    "`{element}` is in `{}` already, which stands before it",
                    first.path.display()
                );
                self.refused.push(Refused {
                    path: path.to_owned(),
                    why,
                });
                continue;
            }
            let summaries = manifest.summaries.iter();
            let mut summaries = summaries
                .filter(|(of, _)| *of == element)
                .map(|(_, summary)| summary.clone());
            self.available.push(Available {
                summary: summaries.next().unwrap_or_default(),
                element,
                stage: Stage(stage),
                plugin: manifest.name.clone(),
                version: manifest.version.clone(),
                profile: manifest.profile.clone(),
                path: path.to_owned(),
            });
        }
    }

    /// The elements there are, by name.
    pub fn available(&self) -> &[Available] {
        &self.available
    }

    /// The files that cannot be used.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Loads the plugin that has the element, unless it is loaded already.
    ///
    /// # Errors
    /// No plugin has it, or its plugin cannot be loaded.
    pub fn open(&self, element: &str) -> Result<ElementRef, OpenError> {
        let found = self.available.iter().find(|available| available.element == element);
        let found = found.ok_or_else(|| OpenError::Unknown(element.to_owned()))?;
        let failed = |why: String| OpenError::Load {
            path: found.path.clone(),
            why,
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if !loaded.contains_key(&found.path) {
            loaded.insert(found.path.clone(), open(&found.path).map_err(failed)?);
        }
        let elements = loaded
            .get(&found.path)
            .map(|plugin| plugin.elements.as_slice())
            .unwrap_or_default();
        let element = elements.iter().find(|descriptor| descriptor.name() == element);
        element.copied().ok_or_else(|| {
            failed(format!(
                "its manifest names `{}`, the plugin itself does not",
                found.element
            ))
        })
    }
}

/// Loads a file that may or may not be a plugin.
///
/// # Errors
/// One sentence: it is not to be trusted, it is no plugin, or it cannot be loaded.
pub fn open(path: &Path) -> Result<Loaded, String> {
    let (path, _) = read(path)?;
    load::load(&path)
}

/// A file's manifest, and the path by which the file may be loaded.
fn read(path: &Path) -> Result<(PathBuf, Manifest), String> {
    let path = trust::path_to_load(path).map_err(|error| error.to_string())?;
    let manifest = manifest::read(&path).map_err(|error| error.to_string())?;
    Ok((path, manifest))
}

fn same_file(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog")
            .field("available", &self.available.len())
            .finish()
    }
}
