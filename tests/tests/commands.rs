//! Commands that plugins bring, through the real binary: how they are found, told of, run, and how they end; and the graphs
//! that are run for them.

use std::process::Stdio;
use system_tests::bed::Bed;

const GRAPH: &str = r#"(
    version: 1,
    collectors: { "feed": (plugin: "mimic.feed", every: "100ms") },
    transforms: { "double": (plugin: "mimic.double", from: ["feed"]) },
    sinks: { "out": (plugin: "file.csv", from: ["double"], config: (path: "out.csv")) },
)"#;

#[test]
fn a_command_gets_its_words_and_writes_where_it_says() {
    let ended = Bed::new().tool(["mimic", "echo", "one", "--two", "three four"]).with(0);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("one\n--two\nthree four\n", "echoed\n")
    );
}

#[test]
fn a_command_has_a_help_of_its_own() {
    assert_eq!(
        Bed::new().tool(["mimic", "--help"]).with(0).stdout,
        "mimic: help of its own\n"
    );
}

#[test]
fn the_status_of_a_command_is_that_of_the_process() {
    let bed = Bed::new();
    bed.tool(["mimic", "status", "0"]).with(0);
    bed.tool(["mimic", "status", "66"]).with(66);
}

#[test]
fn a_command_that_fails_or_panics_says_so_and_ends_with_1() {
    let bed = Bed::new();
    let failed = bed.tool(["mimic", "nonsense"]).with(1);
    assert_eq!(
        failed.stderr,
        "error: say `echo`, `status`, `panic`, `lines` or `run`\n"
    );
    let panicked = bed.tool(["mimic", "panic"]).with(1);
    assert!(
        panicked
            .stderr
            .contains("error: panic in `command`: as it was told (at "),
        "{}",
        panicked.stderr
    );
}

#[test]
fn help_tells_of_the_commands_of_plugins_and_plugins_and_inspect_know_them() {
    let bed = Bed::new();
    let help = bed.tool(["--help"]).with(0).stdout;
    let line = help.lines().find(|line| line.trim_start().starts_with("mimic "));
    assert!(
        line.is_some_and(|line| line.contains("does what its first argument says")),
        "{help}"
    );
    assert!(help.contains("Examples:"), "{help}");
    let listed = bed.tool(["plugins"]).with(0).stdout;
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("mimic ") && line.contains(" command ")),
        "{listed}"
    );
    let inspected = bed.tool(["inspect", "mimic"]).with(0).stdout;
    assert!(
        inspected.contains("mimic (command): does what") && inspected.contains("run as `pipeline mimic`"),
        "{inspected}"
    );
    let config = bed.tool(["config", "mimic"]).with(1).stderr;
    assert!(
        config.contains("`mimic` is a command and stands in no graph"),
        "{config}"
    );
}

#[test]
fn a_command_that_nobody_has_is_told_with_the_nearest() {
    let bed = Bed::new();
    let near = bed.tool(["mimik", "echo"]).with(64).stderr;
    assert!(
        near.contains("there is no command `mimik`; did you mean `mimic`?"),
        "{near}"
    );
    let built_in = bed.tool(["chek"]).with(64).stderr;
    assert!(built_in.contains("did you mean `check`?"), "{built_in}");
}

#[test]
fn a_graph_cannot_name_a_command() {
    let bed = Bed::with(r#"(version: 1, collectors: { "x": (plugin: "mimic") })"#);
    let told = bed.tool(["check", "graph.ron"]).with(78).stderr;
    assert!(
        told.contains("`mimic` is a command and stands in `collectors`"),
        "{told}"
    );
    assert!(told.contains("it is run as `pipeline mimic`"), "{told}");
}

#[test]
fn a_command_whose_reader_left_is_told_so() {
    let bed = Bed::new();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = bed.command(["mimic", "lines", "100000"]);
    command.stdout(Stdio::from(writer)).stderr(Stdio::null());
    let status = command.status().expect("it can be started");
    assert_eq!(status.code(), Some(7));
}

#[test]
fn a_graph_is_run_for_a_command_in_virtual_time() {
    let bed = Bed::new();
    let told = bed.tool(["mimic", "run", GRAPH]).with(0).stdout;
    assert_eq!(told, "exit 0: \nended by time\nfeed 10\ndouble 10\nout 10\n");
    assert_eq!(bed.read("out.csv").lines().count(), 31);
}

#[test]
fn faults_of_such_a_graph_are_given_to_the_command() {
    let told = Bed::new()
        .tool(["mimic", "run", &GRAPH.replace("mimic.feed", "mimic.fed")])
        .with(1)
        .stdout;
    assert!(
        told.contains("exit 78: the graph has faults") && told.contains("given.ron:3"),
        "{told}"
    );
    assert!(told.contains("did you mean `mimic.feed`?"), "{told}");
}

#[test]
fn another_element_can_stand_in_and_a_field_be_set() {
    let bed = Bed::new();
    let real = GRAPH.replace("mimic.feed", "mimic.real");
    let refused = bed.tool(["mimic", "run", &real]).with(1).stdout;
    assert!(refused.contains("`mimic.real` works on the real machine"), "{refused}");
    let told = bed.tool(["mimic", "run", &real, "feed=mimic.feed"]).with(0).stdout;
    assert!(told.contains("feed 10\n"), "{told}");
    std::fs::remove_file(bed.path("out.csv")).expect("it was written");
    bed.tool(["mimic", "run", GRAPH, "feed.readings:5"]).with(0);
    assert_eq!(bed.read("out.csv").lines().count(), 51);
    let unknown = bed.tool(["mimic", "run", GRAPH, "fed.readings:5"]).with(1).stdout;
    assert!(unknown.contains("there is no node `fed`"), "{unknown}");
}

#[test]
fn what_is_not_here_is_played_and_told_not_to_be_checked() {
    let bed = Bed::new();
    let foreign = GRAPH.replace("mimic.feed", "foreign.feed");
    let told = bed.tool(["mimic", "run", &foreign, "feed=mimic.feed"]).with(0).stdout;
    assert!(
        told.contains("what `feed` takes and gives is not checked: there is no element `foreign.feed` here"),
        "{told}"
    );
}
