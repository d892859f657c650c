//! Plugins that somebody else could change: a privileged process refuses them with a sentence that names the part of
//! the way that is not root's alone and the command that mends it, and runs none of their code.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use serde_json::Value;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::built;
use system_tests::child::Child;
use system_tests::need::{Need, have};

const NOBODY: u32 = 65534;

/// A folder with one real plugin in it, all of it root's.
fn shelf() -> (Bed, PathBuf) {
    let bed = Bed::new();
    let file = bed.write(
        "plugins/libpipeline_example.so",
        std::fs::read(built::plugin("example")).unwrap(),
    );
    mode(&bed.path("plugins"), 0o755);
    mode(&file, 0o644);
    (bed, file)
}

fn mode(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The file that has `example.rate`, and why the one on the shelf was refused, if it was.
fn listed(bed: &Bed) -> (String, Option<String>) {
    let said = bed
        .tool(["plugins", "--format", "json", "--plugin-dir", "plugins"])
        .with(0);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let elements = list["elements"].as_array().unwrap();
    let found = elements
        .iter()
        .find(|known| known["element"] == "example.rate")
        .unwrap();
    let mut refused = list["refused"].as_array().unwrap().iter();
    // The plugin beside the binary is refused too, since the one on the shelf stands before it.
    let ours = refused.find(|refused| refused["file"].as_str().unwrap().starts_with("plugins/"));
    let why = ours.map(|refused| refused["why"].as_str().unwrap().to_owned());
    (found["file"].as_str().unwrap().to_owned(), why)
}

/// What is root's alone is taken, by way of a symbolic link too.
#[test]
fn what_is_roots_alone_is_loaded() {
    if !have(&[Need::Root]) {
        return;
    }
    let (bed, _) = shelf();
    assert_eq!(listed(&bed), ("plugins/libpipeline_example.so".to_owned(), None));
    symlink(bed.path("plugins"), bed.path("link")).unwrap();
    let said = bed.tool(["inspect", "example.rate", "--plugin-dir", "link"]).with(0);
    assert!(said.stdout.contains("link/libpipeline_example.so"), "{}", said.stdout);
}

/// Each part of the way that somebody else owns or may write to is named, with the remedy; the plugin beside the
/// binary serves instead.
#[test]
fn what_somebody_else_could_change_is_refused_and_told() {
    if !have(&[Need::Root]) {
        return;
    }
    let (bed, file) = shelf();
    for part in [file.clone(), bed.path("plugins"), bed.folder().to_owned()] {
        let shown = part.canonicalize().unwrap().display().to_string();
        chown(&part, Some(NOBODY), None).unwrap();
        let (used, why) = listed(&bed);
        let why = why.unwrap_or_else(|| panic!("`{shown}` belongs to somebody else and `{used}` is used"));
        assert!(!used.starts_with("plugins/"), "{used}");
        assert!(
            why.contains(&format!("`{shown}` belongs to user 65534")) && why.contains(&format!("`chown root {shown}`")),
            "{why}"
        );
        chown(&part, Some(0), None).unwrap();
        let before = part.metadata().unwrap().permissions().mode();
        mode(&part, before | 0o002);
        let why = listed(&bed).1.unwrap();
        assert!(
            why.contains(&format!("everybody may write to `{shown}`"))
                && why.contains(&format!("`chmod go-w {shown}`")),
            "{why}"
        );
        mode(&part, before);
    }
    assert_eq!(listed(&bed).1, None);
}

/// A link in a trusted folder does not make what it leads to trusted.
#[test]
fn a_link_is_judged_by_what_it_leads_to() {
    if !have(&[Need::Root]) {
        return;
    }
    let (bed, file) = shelf();
    let elsewhere = bed.path("elsewhere.so");
    std::fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(listed(&bed).1, None);
    chown(&elsewhere, Some(NOBODY), None).unwrap();
    let why = listed(&bed).1.unwrap();
    assert!(why.contains("elsewhere.so` belongs to user 65534"), "{why}");
}

/// A graph that needs such a plugin is told why it is not there, where the element stands, and nothing starts.
#[test]
fn a_graph_is_told_where_it_names_the_element() {
    if !have(&[Need::Root]) {
        return;
    }
    let (bed, file) = shelf();
    std::fs::rename(&file, bed.path("plugins/libpipeline_other.so")).unwrap();
    chown(bed.path("plugins/libpipeline_other.so"), Some(NOBODY), None).unwrap();
    bed.write("graph.ron", "(version: 1, sinks: { \"s\": (plugin: \"other.sink\") })");
    let said = bed.run(&["--plugin-dir", "plugins"]).with(78);
    assert!(
        said.stderr
            .contains("was refused: not loaded with root's rights, since `")
            && said.stderr.contains("libpipeline_other.so` belongs to user 65534"),
        "{}",
        said.stderr
    );
}

/// A process without privileges loads what its user could run anyway.
#[test]
fn an_ordinary_user_loads_plugins_of_their_own() {
    if !have(&[Need::Root]) {
        return;
    }
    let (bed, file) = shelf();
    chown(&file, Some(NOBODY), None).unwrap();
    mode(bed.folder(), 0o755);
    let mut command = bed.command(["plugins", "--format", "json", "--plugin-dir", "plugins"]);
    let said = Child::start(command.uid(NOBODY).gid(NOBODY))
        .end(Duration::from_secs(20))
        .with(0);
    assert!(
        said.stdout.contains("\"plugins/libpipeline_example.so\"") && !said.stdout.contains("not loaded with"),
        "{}",
        said.stdout
    );
}
