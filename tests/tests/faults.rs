//! Graphs that cannot run: every fault at once, each in its place with its remedy, and nothing started.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use system_tests::bed::Bed;
use system_tests::child::Ended;

/// Runs the graph, which has faults; gives what was said. A node that was started would have left a file.
fn refused(graph: &str) -> Ended {
    let bed = Bed::with(graph);
    let said = bed.run(&["--for", "1s"]).with(78);
    assert_eq!(said.stdout, "");
    let left: Vec<_> = std::fs::read_dir(bed.folder())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["graph.ron"], "something was started");
    said
}

/// Three faults of three kinds (a field that there is not, a name that stands nowhere, a metric that
/// nobody gives) are told in one go with three places and three remedies; the exit status is 78 and
/// nothing was started.
#[test]
fn three_faults_are_told_at_once_and_nothing_starts() {
    let said = refused(
        r#"(
    version: 1,
    targets: {
        "web": (plugin: "process.run", config: (command: "touch started")),
    },
    collectors: {
        "cpu": (plugin: "process.stats", of: ["wbe"]),
        "time": (plugin: "process.stats", of: ["web"], config: (stael: true)),
        "clock": (plugin: "process.stats", of: ["web"]),
    },
    transforms: {
        "rate": (plugin: "signal.rate", from: ["clock"], config: (metrics: ["cpu.tiem"])),
    },
    sinks: {
        "out": (plugin: "file.jsonl", from: ["cpu", "rate"], config: (path: "started")),
    },
)
"#,
    );
    insta::assert_snapshot!(said.stderr);
}

/// A graph file that is not there is exit status 66, named with its path.
#[test]
fn a_missing_graph_is_no_input() {
    for command in ["run", "check"] {
        let said = Bed::new().tool([command, "nowhere.ron"]).with(66);
        assert!(
            said.stderr.contains("nowhere.ron") && said.stderr.lines().count() == 1,
            "{}",
            said.stderr
        );
    }
}

/// An element that there is not comes with the nearest one that there is, in a graph and on the command line.
#[test]
fn an_unknown_element_gets_the_nearest_name() {
    let said = refused("(version: 1, sinks: { \"out\": (plugin: \"file.jsnol\") })");
    assert!(
        said.stderr.contains("there is no element `file.jsnol`"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("did you mean `file.jsonl`?"), "{}", said.stderr);
    let said = Bed::new().tool(["inspect", "signal.raet"]).with(1);
    assert!(said.stderr.contains("did you mean `signal.rate`?"), "{}", said.stderr);
}

/// What an element finds wrong with its config is told at its line and column of the graph file.
#[test]
fn a_config_fault_stands_where_it_is_in_the_file() {
    let said = refused(
        "(\n    version: 1,\n    collectors: {\n        \"feed\": (plugin: \"fault.collect\", config: (\n            \
         trouble: (after: 1),\n            readings: 10001,\n        )),\n    },\n)\n",
    );
    assert!(said.stderr.contains("graph.ron:6:23"), "{}", said.stderr);
    assert!(
        said.stderr.contains("must be at most 10000") && said.stderr.contains("give 0 to 10000"),
        "{}",
        said.stderr
    );
}

/// A secret that stands in the file as it is, is refused, and what to write instead is told.
#[test]
fn a_secret_written_out_is_refused() {
    let said = refused(
        "(\n    version: 1,\n    targets: { \"web\": (plugin: \"fault.target\") },\n    collectors: {\n        \
         \"users\": (plugin: \"kpi.redis\", of: [\"web\"], config: (address: \"redis://me:hunter2@localhost\")),\n    },\n)\n",
    );
    assert!(
        said.stderr.contains("the URL in `address` has a password in it"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("Env(\""), "{}", said.stderr);
    assert!(said.stderr.contains("graph.ron:5:"), "{}", said.stderr);
}
