//! One run: a scenario under a policy, in virtual time, by the real binary; and the trial that it was.

use crate::Ended;
use crate::arm::Arm;
use pipeline_score_measure::{Gatherer, Trial, gather_lines};
use pipeline_sim_model::{Scenario, print};
use std::path::{Path, PathBuf};
use std::process::Command;
use system_tests::built;
use tempfile::TempDir;

/// Where runs take place.
#[derive(Debug)]
pub struct Scene {
    folder: TempDir,
    keep: Option<PathBuf>,
}

impl Scene {
    /// A folder of its own; records are also kept in `keep`.
    ///
    /// # Errors
    /// A folder cannot be made.
    pub fn new(keep: Option<&Path>) -> Ended<Self> {
        if let Some(keep) = keep {
            std::fs::create_dir_all(keep).map_err(|error| format!("`{}` cannot be made: {error}", keep.display()))?;
        }
        Ok(Self {
            folder: tempfile::tempdir()?,
            keep: keep.map(Path::to_owned),
        })
    }

    /// Runs a scenario, called `name`, under a policy.
    ///
    /// # Errors
    /// The run failed, or its record cannot be read.
    pub fn run(&self, arm: Arm, name: &str, scenario: &Scenario) -> Ended<Trial> {
        let file = |ending: &str| self.folder.path().join(format!("{name}-{}.{ending}", arm.name));
        let (graph, record) = (file("ron"), file("jsonl"));
        let plan = self.folder.path().join(format!("{name}.scenario.ron"));
        std::fs::write(&plan, print(scenario))?;
        let template = built::repository().join(arm.file());
        let template =
            std::fs::read_to_string(&template).map_err(|error| format!("`{}`: {error}", template.display()))?;
        std::fs::write(&graph, filled(&template, &plan, &record)?)?;
        let span = format!("{}s", scenario.span.nanos().seconds());
        let ended = Command::new(built::pipeline())
            .args(["run", "--virtual", "-q", "--for", &span])
            .arg(&graph)
            .current_dir(self.folder.path())
            .env("PIPELINE_RUNTIME_DIR", self.folder.path())
            .output()?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("{name} under {}: {}\n{said}", arm.name, ended.status).into());
        }
        let trial = read(&record).map_err(|why| format!("{name} under {}: {why}", arm.name))?;
        self.put_away(&graph, &record, &plan)?;
        Ok(trial)
    }

    /// Moves what is to be kept, and removes the rest: hundreds of records are more than memory likes.
    fn put_away(&self, graph: &Path, record: &Path, plan: &Path) -> Ended<()> {
        for file in [graph, record, plan] {
            if let (Some(keep), Some(name)) = (&self.keep, file.file_name()) {
                std::fs::copy(file, keep.join(name))?;
            }
        }
        std::fs::remove_file(graph)?;
        Ok(std::fs::remove_file(record)?)
    }
}

fn read(record: &Path) -> Ended<Trial> {
    let text = std::fs::read_to_string(record)?;
    let mut gatherer = Gatherer::new();
    gather_lines(&text, &mut gatherer)?;
    Ok(gatherer.finish().ok_or("nothing happened")?)
}

/// The scenario of the graphs as they are in `configs/`.
const EXAMPLE: &str = "Generated(kind: \"l3\", seed: 7)";

/// A graph with another scenario and another record.
fn filled(template: &str, scenario: &Path, record: &Path) -> Ended<String> {
    if !template.contains(EXAMPLE) {
        return Err(format!("a graph has no `{EXAMPLE}`").into());
    }
    let text = template.replace(EXAMPLE, &format!("Path({:?})", scenario.display().to_string()));
    Ok(with(&text, "path: \"", record).ok_or("a graph has no sink with a `path`")?)
}

/// A text with the quoted value behind `before` replaced, where there is one.
fn with(text: &str, before: &str, value: &Path) -> Option<String> {
    let begin = text.find(before)? + before.len();
    let end = begin + text[begin..].find('"')?;
    Some(format!("{}{}{}", &text[..begin], value.display(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_gets_another_scenario_and_another_record() {
        let graph = format!("(a: {EXAMPLE}, b: (path: \"y.jsonl\"))");
        let text = filled(&graph, Path::new("/s"), Path::new("/r")).unwrap();
        assert_eq!(text, "(a: Path(\"/s\"), b: (path: \"/r\"))");
        assert!(filled("(path: \"\")", Path::new("/s"), Path::new("/r")).is_err());
        assert!(filled(EXAMPLE, Path::new("/s"), Path::new("/r")).is_err());
    }
}
