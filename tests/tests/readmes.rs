//! READMEs beside what the binary says: the graphs that they show have no faults, and the tables of a plugin's name every
//! setting that its elements have.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use serde_json::Value;
use system_tests::bed::Bed;
use system_tests::built;

/// A README: that of a plugin, by its subject, or that of the repository.
struct Readme {
    subject: String,
    text: String,
}

impl Readme {
    /// Those of all plugins.
    fn all() -> Vec<Self> {
        let folders = std::fs::read_dir(built::repository().join("plugins")).unwrap();
        let readme = |folder: std::fs::DirEntry| Self {
            subject: folder.file_name().into_string().unwrap(),
            text: std::fs::read_to_string(folder.path().join("README.md")).unwrap(),
        };
        let all: Vec<Self> = folders.flatten().map(readme).collect();
        assert!(all.len() > 10);
        all
    }

    /// The graphs that it shows.
    fn graphs(&self) -> Vec<&str> {
        let blocks = self.text.split("```ron\n").skip(1);
        let blocks = blocks.map(|block| block.split("```").next().unwrap());
        blocks.filter(|block| block.contains("version: 1")).collect()
    }

    /// Whether a table has a row whose first cell names it.
    fn has_row(&self, name: &str) -> bool {
        let name = format!("`{name}`");
        let first = |row: &str| row.split('|').nth(1).is_some_and(|cell| cell.contains(&name));
        self.text.lines().filter(|line| line.starts_with('|')).any(first)
    }
}

/// The settings that an element has.
fn settings(element: &str) -> Vec<String> {
    let said = Bed::new().tool(["inspect", element, "--format", "json"]).with(0);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    let fields = told["config"].as_array().unwrap().iter();
    fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_readme_shows_a_graph_without_faults() {
    let own = Readme {
        subject: "the repository".to_owned(),
        text: std::fs::read_to_string(built::repository().join("README.md")).unwrap(),
    };
    for readme in Readme::all().into_iter().chain([own]) {
        let graphs = readme.graphs();
        assert!(!graphs.is_empty(), "the README of `{}` shows no graph", readme.subject);
        for graph in graphs {
            let said = Bed::with(graph).tool(["check", "graph.ron"]);
            assert_eq!(said.code, Some(0), "the README of `{}`: {said:?}", readme.subject);
        }
    }
}

#[test]
fn each_setting_has_a_row_in_the_readme_of_its_plugin() {
    let said = Bed::new().tool(["plugins", "--format", "json"]).with(0);
    let all: Value = serde_json::from_str(&said.stdout).unwrap();
    let readmes = Readme::all();
    let mut looked_at = 0;
    let mut missing = Vec::new();
    for told in all["elements"].as_array().unwrap() {
        let element = told["element"].as_str().unwrap();
        let subject = element.split('.').next().unwrap();
        // Elements of mock plugins have no README.
        let Some(readme) = readmes.iter().find(|readme| readme.subject == subject) else {
            continue;
        };
        looked_at += 1;
        let settings = settings(element).into_iter();
        missing.extend(
            settings
                .filter(|name| !readme.has_row(name))
                .map(|name| format!("{element}: {name}")),
        );
    }
    assert!(looked_at > 30, "only {looked_at} elements were found");
    assert_eq!(missing, [""; 0]);
}
