//! A path becomes a trial: the folder of a recorded run, or the file of a `file.jsonl` sink. What a score makes of it is
//! not here.

use crate::run;
use pipeline_score_measure::{Gatherer, Trial, gather_lines};
use std::path::Path;

/// A run, and what a reader should know of it.
#[derive(Debug)]
pub struct Read {
    /// What happened.
    pub trial: Trial,
    /// The transforms that a scheduler reads; empty where the run does not tell.
    pub heard: Vec<String>,
    /// What could not be read, sentence by sentence.
    pub missing: Vec<String>,
}

/// Reads a run.
///
/// # Errors
/// It is none, or nothing happened in it; as a sentence.
pub fn read(path: &Path) -> Result<Read, String> {
    let mut gatherer = Gatherer::new();
    let (heard, missing) = if path.is_dir() {
        run::gather(path, &mut gatherer)?
    } else {
        lines(path, &mut gatherer)?;
        (Vec::new(), Vec::new())
    };
    let trial = gatherer.finish();
    let trial = trial.ok_or_else(|| format!("nothing happened in `{}`; name a run that has ended", path.display()))?;
    Ok(Read { trial, heard, missing })
}

fn lines(path: &Path, gatherer: &mut Gatherer) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!(
            "`{}` cannot be read: {error}; name the folder or the file of a run",
            path.display()
        )
    })?;
    gather_lines(&text, gatherer)
        .map_err(|error| format!("`{}`: {error}; it must be one of `file.jsonl`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_run_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        for (path, expected) in [
            (folder.path().join("nothing"), "cannot be read"),
            (file("bad", "{]\n"), "line 1 is no line of a record"),
            (file("empty", ""), "nothing happened in"),
            (folder.path().to_owned(), "is no run"),
        ] {
            let error = read(&path).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let path = file("good", "{\"kind\":\"reading\",\"at\":5}\n");
        assert!(!read(&path).unwrap().trial.has_truth());
    }
}
