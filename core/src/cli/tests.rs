//! What the commands say, to whom, and how they end.

use super::*;
use crate::graph::tests::GOOD;
use crate::graph::tests::fake::Fake;
use pipeline_plugin_api::fields::entries;
use std::fs;

/// What a command wrote and how it ended.
struct Said {
    out: String,
    err: String,
    exit: Result<Exit, CliError>,
}

fn say(command: impl FnOnce(&mut Streams<'_>) -> Result<Exit, CliError>) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        colour: false,
    };
    let exit = command(&mut streams);
    Said {
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
        exit,
    }
}

/// A folder with those graphs, and their paths.
fn graphs(texts: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = texts.iter().enumerate().map(|(i, text)| {
        let path = folder.path().join(format!("{i}.ron"));
        fs::write(&path, text).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

fn check(texts: &[&str], format: Format) -> Said {
    let (folder, graphs) = graphs(texts);
    let said = say(|streams| check::run(&CheckArgs { graphs, format }, &Fake::new(), streams));
    let shown = folder.path().display().to_string();
    Said {
        out: said.out.replace(&shown, "DIR"),
        err: said.err.replace(&shown, "DIR"),
        ..said
    }
}

const FAULTY: &str = "(version: 1, targets: { \"web\": (plugin: \"mock.rnu\") })";

#[test]
fn a_good_graph_is_one_line_and_exit_0() {
    let said = check(&[GOOD], Format::Text);
    assert_eq!(
        (said.out.as_str(), said.err.as_str()),
        ("DIR/0.ron: 9 nodes, no faults\n", "")
    );
    assert_eq!(said.exit.unwrap().status(), 0);
}

#[test]
fn a_faulty_graph_is_told_beside_the_answer_and_exit_78() {
    let said = check(&[GOOD, FAULTY], Format::Text);
    assert_eq!(said.out, "DIR/0.ron: 9 nodes, no faults\n");
    assert!(
        said.err
            .starts_with("error: there is no element `mock.rnu`\n --> DIR/1.ron:1:41\n"),
        "{}",
        said.err
    );
    assert!(said.err.ends_with("DIR/1.ron: 1 fault\n"), "{}", said.err);
    assert_eq!(said.exit.unwrap().status(), 78);
}

#[test]
fn a_missing_graph_is_exit_66_unless_another_has_faults() {
    let missing = |also: &str| {
        let (_folder, mut paths) = graphs(&[also]);
        paths.insert(0, "/nowhere/graph.ron".into());
        let args = CheckArgs {
            graphs: paths,
            format: Format::Text,
        };
        say(|streams| check::run(&args, &Fake::new(), streams))
    };
    let said = missing(GOOD);
    assert_eq!(said.err, "error: there is no file `/nowhere/graph.ron`\n");
    assert_eq!(said.exit.unwrap().status(), 66);
    assert_eq!(missing(FAULTY).exit.unwrap().status(), 78);
}

#[test]
fn faults_are_told_to_programs_too() {
    insta::assert_snapshot!(check(&[GOOD, FAULTY], Format::Json).out);
}

#[test]
fn load_gives_a_graph_only_without_faults() {
    let (_folder, paths) = graphs(&[GOOD, FAULTY]);
    let mut nodes = Vec::new();
    for path in &paths {
        let said = say(|streams| {
            nodes.push(check::load(path, &Fake::new(), streams)?.map(|checked| checked.nodes.len()));
            Ok(Exit::Fine)
        });
        said.exit.unwrap();
    }
    assert_eq!(nodes, [Some(9), None]);
}

#[test]
fn plugins_are_a_table_with_what_was_refused() {
    let said = say(|streams| plugins::run(&PluginsArgs { format: Format::Text }, &Fake::new(), streams));
    insta::assert_snapshot!(said.out);
}

#[test]
fn without_plugins_the_folders_are_told() {
    let said = say(|streams| plugins::run(&PluginsArgs { format: Format::Text }, &Fake::empty(), streams));
    assert_eq!(said.out, "no plugins in\n  /plugins\n");
}

#[test]
fn plugins_are_told_to_programs_too() {
    let said = say(|streams| plugins::run(&PluginsArgs { format: Format::Json }, &Fake::new(), streams));
    let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["elements"][0]["element"], "mock.baseline");
    assert_eq!(told["elements"][0]["stage"], "transform");
    assert_eq!(told["refused"][0]["file"], "/plugins/libpipeline_old.so");
}

fn inspect(what: &str, format: Format) -> Said {
    say(|streams| inspect::element(what, format, &Fake::new(), streams))
}

#[test]
fn an_element_is_told_with_its_ports_its_config_and_its_needs() {
    insta::assert_snapshot!(inspect("mock.ratio", Format::Text).out);
}

#[test]
fn an_element_is_told_to_programs_too() {
    insta::assert_snapshot!(inspect("mock.ratio", Format::Json).out);
}

#[test]
fn an_element_without_config_says_so() {
    insta::assert_snapshot!(inspect("mock.memory", Format::Text).out);
}

#[test]
fn an_unknown_element_gets_the_nearest() {
    let error = inspect("mock.ratoi", Format::Text).exit.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no element `mock.ratoi`; did you mean `mock.ratio`?"
    );
    assert_eq!(error.exit().status(), 1);
}

#[test]
fn a_file_is_told_with_all_its_elements_or_why_it_is_none() {
    let file = |name: &str| say(|streams| inspect::file(Path::new(name), Format::Text, &Fake::new(), streams));
    let heads = file("dir/libpipeline_mock.so").out;
    assert_eq!(heads.lines().filter(|line| line.starts_with("mock.")).count(), 12);
    let why = |name: &str| file(name).exit.unwrap_err().to_string();
    assert!(why("dir/libpipeline_old.so").ends_with("it speaks ABI 0.0, this pipeline speaks 0.2"));
    assert!(why("/nowhere/libpipeline_x.so").ends_with("there is no such file"));
    assert!(why("/etc/passwd").ends_with("plugins are named `libpipeline_NAME.so` and have elements"));
}

fn config(element: &str) -> String {
    let args = ConfigArgs {
        element: element.to_owned(),
    };
    say(|streams| config::run(&args, &Fake::new(), streams)).out
}

#[test]
fn a_config_to_paste_has_docs_and_defaults() {
    insta::assert_snapshot!(config("mock.ratio"));
}

#[test]
fn every_config_to_paste_is_read_back() {
    for (element, section) in [
        ("mock.ratio", "transforms"),
        ("mock.file", "sinks"),
        ("mock.cpu", "collectors"),
    ] {
        let node = config(element).replace("[\"TARGET\"]", "[]").replace("NODE", "above");
        let above = "\"above\": (plugin: \"mock.cpu\")";
        let text = match section {
            "collectors" => format!("(version: 1, collectors: {{ {node} }})"),
            _ => format!("(version: 1, collectors: {{ {above} }}, {section}: {{ {node} }})"),
        };
        assert!(entries(&text).is_ok(), "{text}");
        let said = check(&[&text], Format::Text);
        assert_eq!(said.exit.unwrap(), Exit::Fine, "{}", said.err);
    }
}

fn draw(text: &str, dot: bool) -> Said {
    let (_folder, paths) = graphs(&[text]);
    let args = DrawArgs {
        graph: paths[0].clone(),
        mermaid: !dot,
        dot,
    };
    say(|streams| draw::run(&args, streams))
}

#[test]
fn a_graph_is_drawn_for_mermaid() {
    insta::assert_snapshot!(draw(GOOD, false).out);
}

#[test]
fn a_graph_is_drawn_for_graphviz() {
    insta::assert_snapshot!(draw(GOOD, true).out);
}

#[test]
fn a_faulty_graph_is_not_drawn() {
    let said = draw("(version: 1, targets: { \"web\": () })", false);
    assert_eq!((said.out.as_str(), said.exit.unwrap().status()), ("", 78));
    assert!(said.err.contains("`web` has no `plugin`"));
}

/// Somebody who reads one line and leaves.
struct Leaves(usize);

impl Write for Leaves {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let (mut out, mut err) = (Leaves(3), Vec::new());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        colour: false,
    };
    let error = plugins::run(&PluginsArgs { format: Format::Text }, &Fake::new(), &mut streams).unwrap_err();
    assert_eq!(error.exit(), Exit::Fine);
}

#[test]
fn a_path_is_a_file_and_a_name_an_element() {
    assert_eq!(file_named("signal.rate"), None);
    assert_eq!(file_named("./x"), Some(Path::new("./x")));
    assert_eq!(file_named("libpipeline_x.so"), Some(Path::new("libpipeline_x.so")));
}
