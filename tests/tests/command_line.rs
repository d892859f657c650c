//! The command line as a newcomer meets it: help, what elements there are, what they take, samples
//! that can be pasted, and drawings of every graph that the repository has.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::child::Child;
use system_tests::{built, record};

/// The graphs that the repository has.
fn graphs() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(built::repository().join("configs")).unwrap();
    let files = entries.flatten().map(|entry| entry.path());
    let graphs: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|e| e == "ron"))
        .collect();
    assert!(!graphs.is_empty());
    graphs
}

/// Names of elements as the sources of the plugins have them, which is not where the binary looks.
fn elements_in_sources() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![built::repository().join("plugins")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let names = code.split("const NAME: &'static str = \"").skip(1);
                found.extend(names.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    assert!(found.contains("signal.rate"), "{found:?}");
    // Elements that stand in for real ones in the tests of a plugin.
    found.retain(|name| !name.starts_with("test."));
    found
}

/// The elements that the binary lists, with their stages.
fn listed() -> Vec<(String, String)> {
    let said = Bed::new().tool(["plugins", "--format", "json"]).with(0);
    let all: Value = serde_json::from_str(&said.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let elements = all["elements"].as_array().unwrap().iter();
    elements
        .map(|element| (text(&element["element"]), text(&element["stage"])))
        .collect()
}

fn run(arguments: &[&str]) -> String {
    Bed::new().tool(arguments).with(0).stdout
}

/// Who types `pipeline` alone is told what it is for, its commands, and examples; nothing is done.
#[test]
fn alone_it_tells_what_it_can_do() {
    let said = Bed::new().tool([""; 0]).with(2);
    for word in [
        "puts everything back",
        "run ",
        "check",
        "plugins",
        "inspect",
        "config",
        "graph",
        "Examples:",
    ] {
        assert!(said.stderr.contains(word), "no `{word}` in:\n{}", said.stderr);
    }
    assert_eq!(said.stdout, "");
}

/// The version names the boundary that plugins must speak.
#[test]
fn the_version_tells_the_abi() {
    let said = run(&["--version"]);
    assert!(
        said.starts_with("pipeline ") && said.contains("plugin ABI 0."),
        "{said}"
    );
}

/// Every element that a plugin of the workspace has is listed, and no file beside the binary is refused.
#[test]
fn every_element_of_the_workspace_is_listed() {
    let said = run(&["plugins"]);
    let missing: Vec<String> = elements_in_sources()
        .into_iter()
        .filter(|name| !said.lines().any(|line| line.split_whitespace().next() == Some(name)))
        .collect();
    assert_eq!(
        missing, [""; 0],
        "run `cargo build --workspace` first? the list is:\n{said}"
    );
    assert!(!said.contains("refused:"), "{said}");
}

/// `inspect` tells of every element what it is, takes, gives, and its config.
#[test]
fn every_element_can_be_inspected() {
    for (element, stage) in listed() {
        let said = run(&["inspect", &element]);
        let told = match stage.as_str() {
            "command" => vec![format!("run as `pipeline {element}`")],
            _ => ["\ntakes", "\ngives", "config"].map(str::to_owned).to_vec(),
        };
        for words in [vec![format!("{element} ({stage}): ")], told].concat() {
            assert!(said.contains(&words), "no `{words}` in:\n{said}");
        }
        let json: Value = serde_json::from_str(&run(&["inspect", &element, "--format", "json"])).unwrap();
        assert_eq!(json["element"], element.as_str());
        assert_ne!(json["summary"], "", "{element} has no summary");
    }
}

/// The sample that `config` prints of every element, pasted into a graph as it is, has no fault in its
/// config. What it lacks around it (a node to read, a target) is the graph's to have.
#[test]
fn every_sample_can_be_pasted() {
    for (element, _) in listed().into_iter().filter(|(_, stage)| stage != "command") {
        let sample = run(&["config", &element]);
        let section = sample.split('`').nth(1).unwrap().to_owned();
        let mut sections = [
            ("targets", "\"TARGET\": (plugin: \"fault.target\"),\n".to_owned()),
            (
                "collectors",
                "\"NODE\": (plugin: \"fault.collect\", of: [\"TARGET\"]),\n".to_owned(),
            ),
            ("transforms", String::new()),
            ("schedulers", String::new()),
            ("actuators", String::new()),
            ("sinks", String::new()),
        ];
        sections
            .iter_mut()
            .find(|(name, _)| *name == section)
            .unwrap()
            .1
            .push_str(&sample);
        let sections = sections.iter().filter(|(_, nodes)| !nodes.is_empty());
        let graph: String = sections
            .map(|(name, nodes)| format!("{name}: {{\n{nodes}}},\n"))
            .collect();
        let graph = format!("(version: 1,\n{graph})");
        let bed = Bed::with(&graph);
        let said = bed.tool(["check", "graph.ron", "--format", "json"]);
        let told: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
        assert!(
            told[0]["nodes"].as_u64() >= Some(2),
            "the graph of `{element}` is no graph:\n{said:?}\n{graph}"
        );
        let inside = config_lines(&graph, &sample);
        let faults: Vec<&Value> = told[0]["faults"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|fault| fault["severity"] == "error" && inside.contains(&fault["line"].as_u64().unwrap()))
            .collect();
        assert!(faults.is_empty(), "`{element}`: {faults:#?}\n{graph}");
    }
}

/// The lines of a graph, from 1, on which the config of a sample stands.
fn config_lines(graph: &str, sample: &str) -> std::ops::RangeInclusive<u64> {
    let start = graph.find(sample).unwrap();
    let Some(config) = sample.find("config: (") else {
        return std::ops::RangeInclusive::new(1, 0);
    };
    let line = |at: usize| graph[..at].lines().count() as u64;
    line(start + config)..=line(start + sample.len())
}

/// Every graph of the repository is without faults on this machine.
#[test]
fn every_graph_of_the_repository_is_without_faults() {
    let graphs = graphs();
    let arguments = [Path::new("check")]
        .into_iter()
        .chain(graphs.iter().map(PathBuf::as_path));
    let said = Bed::new().tool(arguments).with(0);
    assert_eq!(said.stdout.matches("no faults").count(), graphs.len(), "{said:?}");
}

/// Every graph of the repository can be drawn, with every node of it.
#[test]
fn every_graph_of_the_repository_can_be_drawn() {
    for path in graphs() {
        let file = path.display().to_string();
        let checked: Value = serde_json::from_str(&run(&["check", &file, "--format", "json"])).unwrap();
        let nodes = checked[0]["nodes"].as_u64().unwrap() as usize;
        let mermaid = run(&["graph", &file, "--mermaid"]);
        let dot = run(&["graph", &file, "--dot"]);
        assert!(
            mermaid.starts_with("flowchart") || mermaid.starts_with("graph"),
            "{mermaid}"
        );
        assert!(dot.starts_with("digraph"), "{dot}");
        for (drawn, arrow) in [(&mermaid, "--"), (&dot, "->")] {
            assert!(drawn.lines().count() > nodes && drawn.contains(arrow), "{drawn}");
            // Each writes what it found somewhere.
            assert!(drawn.contains("file."), "{drawn}");
        }
    }
}

/// A reader that goes away after the first line ends the command quietly and well.
#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let bed = Bed::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let said = bed
        .command(["inspect", "file.jsonl"])
        .stdout(Stdio::from(OwnedFd::from(writer)))
        .output()
        .unwrap();
    assert_eq!((said.status.code(), said.stderr.len()), (Some(0), 0), "{said:?}");
}

/// A standard error that nobody reads keeps neither a check nor a run from its work.
#[test]
fn a_standard_error_that_nobody_reads_changes_nothing() {
    let graph = "(version: 1, collectors: { \"feed\": (plugin: \"fault.collect\") }, \
                 sinks: { \"out\": (plugin: \"file.jsonl\", from: [\"feed\"], config: (path: \"out.jsonl\")) })";
    let bed = Bed::with(graph);
    let broken = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(OwnedFd::from(writer))
    };
    let mut ran = bed.command(["run", "graph.ron", "--for", "300ms", "-v"]);
    let ran = ran.stderr(broken()).stdout(broken()).status().unwrap();
    assert_eq!(ran.code(), Some(0));
    assert!(record::Record::read(&bed.path("out.jsonl")).of_kind("reading").count() > 2);
    let mut closed = std::process::Command::new("sh");
    closed
        .args(["-c", "exec \"$0\" run graph.ron --for 300ms 2>&- >&-"])
        .arg(built::pipeline());
    std::fs::remove_file(bed.path("out.jsonl")).unwrap();
    Child::start(closed.current_dir(bed.folder()))
        .end(Duration::from_secs(10))
        .with(0);
    assert!(record::Record::read(&bed.path("out.jsonl")).of_kind("reading").count() > 2);
    bed.write("graph.ron", "(version: 1)");
    let checked = bed.command(["check", "graph.ron"]).stderr(broken()).status().unwrap();
    assert_eq!(checked.code(), Some(78));
}

/// A shell's `pipeline plugins | head -1` shows the head of the table and no complaint.
#[test]
fn the_first_line_can_be_taken_with_head() {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "\"$0\" plugins | head -1"]).arg(built::pipeline());
    let said = Child::start(&mut shell).end(Duration::from_secs(10)).with(0);
    assert!(
        said.stdout.starts_with("ELEMENT") && said.stdout.lines().count() == 1,
        "{said:?}"
    );
    assert_eq!(said.stderr, "");
}
