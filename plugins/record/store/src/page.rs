//! The page about a run, `run.json`: written when the run begins and again, whole, when it ends.
//!
//! Fields are only ever added; one that is not there reads as empty. No secret stands in it: the graph names
//! environment variables, and their values are never told to a recorder.

use crate::error::{Error, Result};
use crate::place::write_whole;
use pipeline_plugin_api::tap::{NodeFacts, RunFacts, RunSummary};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The format that this version writes. Tables and columns may be added within a format; a change of what one means
/// is the next.
pub const FORMAT: u32 = 1;

/// What a run was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// See [`FORMAT`].
    pub format: u32,
    /// The run's name, also that of its folder unless somebody renamed it.
    pub run: String,
    /// What it is a record of.
    pub origin: Origin,
    /// When it began, in UTC. As nanoseconds, the zero of `at_ns`, it stands in `facts`.
    pub started: String,
    /// How much a crash loses at most.
    pub flush_ns: u64,
    /// How it ended; absent while it runs, and for ever where it was killed.
    pub end: Option<End>,
    /// The graph, its nodes, plugins and machine, as the host told them.
    pub facts: RunFacts,
}

/// What a run is a record of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// `run`, `virtual`, `replay` or `import`.
    pub kind: String,
    /// Of a replay the run that was replayed, of an import the file.
    pub of: String,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct End {
    /// When, since its start.
    pub at_ns: u64,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
    /// Whether every input of every transform and scheduler is there.
    pub replayable: bool,
    /// Why not, sentence by sentence.
    pub why_not: Vec<String>,
    /// Rows that were lost since they could not be written.
    pub lost_rows: u64,
    /// How the run fared, as the host told it.
    pub summary: RunSummary,
}

impl Page {
    /// The page in a run's folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("run.json")
    }

    /// Reads the page of a run.
    ///
    /// # Errors
    /// There is none, or it is of a later version, or no page at all.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = Self::path(folder);
        let text = fs::read(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Error::NoRun {
                path: folder.to_owned(),
            },
            _ => Error::read(&path, source),
        })?;
        let page: Self = serde_json::from_slice(&text).map_err(|why| Error::Page {
            path,
            why: why.to_string(),
        })?;
        if page.format > FORMAT {
            return Err(Error::Newer {
                path: folder.to_owned(),
                format: page.format,
                known: FORMAT,
            });
        }
        Ok(page)
    }

    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|why| Error::Page {
            path: Self::path(folder),
            why: why.to_string(),
        })?;
        write_whole(&Self::path(folder), &text)
    }

    /// The nodes of a stage.
    pub fn nodes_of<'a>(&'a self, stage: &'a str) -> impl Iterator<Item = &'a NodeFacts> {
        self.facts.nodes.iter().filter(move |node| node.stage == stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let page = Page {
            format: FORMAT,
            run: "r1".to_owned(),
            end: Some(End {
                at_ns: 5,
                ..End::default()
            }),
            ..Page::default()
        };
        page.write(folder.path()).unwrap();
        assert_eq!(Page::read(folder.path()).unwrap(), page);
    }

    #[test]
    fn what_is_no_run_or_of_a_later_version_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let told = || Page::read(folder.path()).unwrap_err().to_string();
        assert!(told().contains("is no run"), "{}", told());
        fs::write(Page::path(folder.path()), "{").unwrap();
        assert!(told().contains("no page about a run"), "{}", told());
        fs::write(Page::path(folder.path()), r#"{"format": 99}"#).unwrap();
        assert!(told().contains("format 99"), "{}", told());
    }

    #[test]
    fn a_page_of_an_older_version_lacks_what_came_later() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            Page::path(folder.path()),
            r#"{"format": 1, "run": "old", "unheard": [1]}"#,
        )
        .unwrap();
        let page = Page::read(folder.path()).unwrap();
        assert_eq!((page.run.as_str(), page.end), ("old", None));
    }
}
