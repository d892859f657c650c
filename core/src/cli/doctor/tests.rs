//! What doctor makes of what plugins say, and how it shows it.

use super::*;
use crate::graph::tests::fake::Fake;
use findings::Need;
use pipeline_plugin_api::abi::ABI_VERSION;

fn need(what: &str, present: bool, required: bool, mend: &str) -> Need {
    Need {
        what: what.to_owned(),
        present,
        required,
        detail: "as was seen".to_owned(),
        mend: mend.to_owned(),
    }
}

fn said(element: &str, needs: &[Need]) -> Probed {
    Probed {
        element: element.to_owned(),
        needs: needs.to_vec(),
    }
}

/// Two elements of the one plugin of which something is said, the others break.
fn answers(files: &[&Path]) -> Vec<Answer> {
    let of_mock = Answer {
        probed: vec![
            said(
                "mock.cpu",
                &[
                    need("a clock", true, true, ""),
                    need("a tree", false, false, "plant one"),
                ],
            ),
            said(
                "mock.ratio",
                &[
                    need("a divisor", false, true, "mount one"),
                    need("a clock", true, false, ""),
                ],
            ),
            said("mock.none", &[need("not asked", false, true, "")]),
        ],
        broke: Some("signal 11 ended the process that asked it".to_owned()),
    };
    let answer = |file: &&Path| match file.to_str() {
        Some("/plugins/libpipeline_mock.so") => of_mock.clone(),
        _ => Answer {
            broke: Some("cannot load it".to_owned()),
            ..Answer::default()
        },
    };
    files.iter().map(answer).collect()
}

fn facts() -> Vec<Fact> {
    let fact = |key, what: &str, state, mend: &str| Fact {
        key,
        what: what.to_owned(),
        state,
        detail: "told".to_owned(),
        mend: mend.to_owned(),
        names: Vec::new(),
    };
    vec![
        fact("kernel", "kernel", State::There, ""),
        fact("open_files", "open files", State::Without, "ulimit -n 4096"),
    ]
}

/// What is said of those words, and how it ends.
fn doctor(words: &[&str], format: Format) -> (String, Exit) {
    let elements = Fake::new();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        colour: false,
    };
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let scope = Scope::of(&words, &elements, &mut streams).unwrap().unwrap();
    let report = examine(scope, &elements, facts(), &answers);
    let exit = show(&report, format, &mut streams).unwrap();
    let version = format!("pipeline {}, plugin ABI {ABI_VERSION}", env!("CARGO_PKG_VERSION"));
    (
        String::from_utf8(out)
            .unwrap()
            .replace(&version, "pipeline V, plugin ABI A"),
        exit,
    )
}

#[test]
fn each_thing_is_told_once_with_who_wants_it_and_how_it_is_mended() {
    insta::assert_snapshot!(doctor(&["mock.cpu", "mock.ratio"], Format::Text).0);
}

#[test]
fn an_element_that_has_what_it_requires_is_exit_0() {
    let (told, exit) = doctor(&["mock.cpu"], Format::Text);
    assert_eq!(exit.status(), 0, "{told}");
    assert!(told.ends_with("1 element: all that is required is there\n"), "{told}");
    assert!(!told.contains("divisor") && !told.contains("not asked"), "{told}");
}

#[test]
fn one_that_lacks_something_is_exit_69() {
    let (told, exit) = doctor(&["mock.ratio"], Format::Text);
    assert_eq!(exit.status(), 69);
    assert!(
        told.contains("mock.ratio cannot run here: a divisor is missing"),
        "{told}"
    );
}

#[test]
fn a_plugin_that_breaks_is_a_line_and_not_the_end() {
    let (told, exit) = doctor(&[], Format::Text);
    assert_eq!(exit.status(), 69);
    assert!(
        told.contains("  missing  other.broken (`/plugins/libpipeline_other.so`): cannot load it"),
        "{told}"
    );
    assert!(
        told.contains("(`/plugins/libpipeline_mock.so`): signal 11 ended"),
        "{told}"
    );
    assert!(told.contains("required by mock.cpu; better for mock.ratio"), "{told}");
    assert!(told.ends_with("13 elements: 1 can run here\n"), "{told}");
}

#[test]
fn an_unknown_element_is_missing_with_the_nearest() {
    let (told, exit) = doctor(&["mock.ratoi"], Format::Text);
    assert_eq!(exit.status(), 69);
    assert!(
        told.contains("missing  element `mock.ratoi`: did you mean `mock.ratio`?"),
        "{told}"
    );
}

#[test]
fn programs_get_the_same() {
    let (told, exit) = doctor(&["mock.ratio", "other.broken"], Format::Json);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((exit.status(), &told["can_run"]), (69, &false.into()));
    assert_eq!(told["needs"][0]["what"], "a divisor");
    assert_eq!(told["needs"][0]["state"], "missing");
    assert_eq!(told["needs"][0]["mend"], "mount one");
    assert_eq!(told["needs"][0]["required_by"][0], "mock.ratio");
    assert_eq!(told["needs"][1]["better_for"][0], "mock.ratio");
    assert_eq!(told["not_asked"][0]["elements"][0], "other.broken");
    assert_eq!(told["elements"][0]["missing"][0], "a divisor");
    assert_eq!(told["host"][1]["key"], "open_files");
}

#[test]
fn a_graph_is_asked_for_its_elements_and_its_variables() {
    let folder = tempfile::tempdir().unwrap();
    let graph = folder.path().join("graph.ron");
    let text =
        "(version: 1, collectors: { \"c\": (plugin: \"mock.cpu\", config: (password: Env(\"PIPELINE_IS_NOT_SET\"))) })";
    std::fs::write(&graph, text).unwrap();
    let (told, exit) = doctor(&[graph.to_str().unwrap()], Format::Text);
    assert_eq!(exit.status(), 69);
    assert!(
        told.contains("missing  environment variable `PIPELINE_IS_NOT_SET`: it is not set")
            && told.contains("mend: export PIPELINE_IS_NOT_SET=…")
            && told.contains("a clock"),
        "{told}"
    );
}

#[test]
fn a_graph_with_faults_is_told_and_not_examined() {
    let folder = tempfile::tempdir().unwrap();
    let graph = folder.path().join("graph.ron");
    std::fs::write(&graph, "(version: 1, targets: { \"web\": () })").unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        colour: false,
    };
    let words = [graph.display().to_string()];
    let scope = Scope::of(&words, &Fake::new(), &mut streams).unwrap();
    assert!(scope.is_none());
    let told = String::from_utf8(err).unwrap();
    assert!(
        told.contains("`web` has no `plugin`") && told.ends_with("graph.ron: 1 fault\n"),
        "{told}"
    );
}
