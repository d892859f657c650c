//! Reads scenario files. What stands in them is the model's business.

use pipeline_sim_model::{Scenario, parse};
use std::path::Path;

/// The scenario of a file.
///
/// # Errors
/// One sentence for each thing that is wrong, with its place.
pub fn read(path: &Path) -> Result<Scenario, Vec<String>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        vec![format!(
            "cannot read the scenario `{shown}`: {error}; paths count from where the run was started"
        )]
    })?;
    parse(&text).map_err(|faults| faults.iter().map(|fault| format!("`{shown}`:{fault}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_with_file_and_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.ron");
        std::fs::write(&path, "(\n  sed: 1,\n  span: \"0s\",\n)").unwrap();
        let faults = read(&path).unwrap_err();
        assert!(
            faults.len() == 1 && faults[0].contains("a.ron`:2:3") && faults[0].contains("`seed`"),
            "{faults:?}"
        );
        assert!(read(&dir.path().join("b.ron")).unwrap_err()[0].contains("cannot read"));
    }
}
