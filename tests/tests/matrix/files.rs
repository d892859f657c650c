//! Files that look like plugins and cannot be used: refused with a sentence, none of their code is run, and a graph that
//! does not need them is none the worse.

use crate::elf::{patched, whole};
use crate::rows::{Row, row};
use crate::scene::{Scene, others_ran_until, says, this_row};
use serde_json::Value;
use std::path::PathBuf;
use system_tests::bed::Bed;
use system_tests::record::Record;

const FILE: &str = "plugins/libpipeline_x.so";
/// A graph that needs an element of that file.
const NEEDS_IT: &str = r#"(
    version: 1,
    collectors: { "steady": (plugin: "fault.collect") },
    transforms: { "t": (plugin: "x.y", from: ["steady"]) },
    sinks: { "s": (plugin: "fault.sink", from: ["t"]) },
)"#;

/// What `pipeline plugins` refuses in the folder, as (file, why). What an earlier build left beside the binary is not counted.
fn refused(bed: &Bed) -> Vec<(String, String)> {
    let said = bed
        .tool(["plugins", "--format", "json", "--plugin-dir", "plugins"])
        .with(0);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let files = list["refused"].as_array().unwrap().iter();
    files
        .map(|file| (text(&file["file"]), text(&file["why"])))
        .filter(|(file, _)| file.starts_with("plugins/"))
        .collect()
}

/// The file is refused with the row's sentence; a graph that needs it too; one that does not runs.
#[track_caller]
fn is_refused(name: &str, bytes: &[u8]) {
    let bed = Scene::default().bed();
    bed.write(FILE, bytes);
    let refused = refused(&bed);
    assert_eq!(refused.len(), 1, "{refused:?}");
    let (file, why) = &refused[0];
    assert!(file.ends_with(FILE) && !why.contains('\n'), "{file}: {why}");
    let row = row(name);
    assert!(
        row.says.len() == 1 && says(why, row.says[0]),
        "\n  {why}\nis not\n  {:?}",
        row.says
    );
    bed.run(&["--plugin-dir", "plugins", "--for", "1s"]).with(0);
    others_ran_until(&Record::read(&bed.path("out.jsonl")), 0.3);
    bed.write("graph.ron", NEEDS_IT);
    let said = bed.run(&["--plugin-dir", "plugins"]);
    assert_eq!(said.code, row.status, "{}", said.stderr);
    assert!(
        said.stderr.contains(&format!("`{FILE}` was refused: ")),
        "{}",
        said.stderr
    );
}

/// What the dynamic loader or the layout check refuses: the manifest is good, so it is told when a graph needs it.
#[track_caller]
pub fn refused_at_load(name: &str, bytes: &[u8]) {
    let bed = Bed::with(&NEEDS_IT.replace("x.y", "example.rate"));
    bed.write("plugins/libpipeline_example.so", bytes);
    for command in ["check", "run"] {
        let said = bed.tool([command, "graph.ron", "--plugin-dir", "plugins"]);
        Row::held(name, &said);
    }
}

/// A file that went away, or a folder that never was, is no plugin and no fault, until a graph needs it.
#[test]
fn a_missing_plugin() {
    let bed = Bed::with(NEEDS_IT);
    bed.tool(["plugins", "--plugin-dir", "nowhere"]).with(0);
    Row::held(this_row!(), &bed.run(&["--plugin-dir", "nowhere"]));
    std::fs::create_dir(bed.path("plugins")).unwrap();
    std::os::unix::fs::symlink("/nowhere/libpipeline_x.so", bed.path(FILE)).unwrap();
    let refused = refused(&bed);
    assert!(
        refused.len() == 1 && refused[0].1.starts_with("cannot be read: "),
        "{refused:?}"
    );
}

#[test]
fn a_text_file() {
    is_refused(this_row!(), "this is a text\n".repeat(100).as_bytes());
}

#[test]
fn an_empty_file() {
    is_refused(this_row!(), b"");
}

/// Wherever a copy was cut, it is refused and never mapped: the dynamic loader would end the process with SIGBUS.
#[test]
fn a_truncated_plugin() {
    const CUTS: usize = 48;
    let bytes = whole("example");
    let bed = Bed::new();
    let lengths: Vec<usize> = (0..CUTS)
        .map(|cut| bytes.len() / CUTS * cut)
        .chain([1, 4, 63, 64, 65, bytes.len() - 1])
        .collect();
    for (cut, length) in lengths.iter().enumerate() {
        bed.write(&format!("plugins/libpipeline_cut{cut}.so"), &bytes[..*length]);
    }
    let refused = refused(&bed);
    assert_eq!(refused.len(), lengths.len(), "a cut copy was taken for whole");
    let known = [
        "truncated: ",
        "not a 64-bit ELF shared object",
        "no `.pipeline.manifest` section",
    ];
    for (file, why) in &refused {
        assert!(
            known.iter().any(|start| why.starts_with(start)) && !why.contains('\n'),
            "{file}: {why}"
        );
    }
    let told = refused
        .iter()
        .filter(|(_, why)| says(why, row("a_truncated_plugin").says[0]));
    assert!(told.count() > CUTS / 4, "{refused:?}");
    is_refused(this_row!(), &bytes[..bytes.len() / 3]);
}

/// A library of the system under a plugin's name.
#[test]
fn a_library_of_the_system() {
    let folders = [
        "/lib/x86_64-linux-gnu",
        "/lib/aarch64-linux-gnu",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
    ];
    let libm = folders.iter().map(|folder| PathBuf::from(folder).join("libm.so.6"));
    let libm = libm
        .into_iter()
        .find(|path| path.is_file())
        .expect("a C library has a libm");
    is_refused(this_row!(), &std::fs::read(libm).unwrap());
}

/// The symbol that the loader looks for is there, and what it names is none of ours.
#[test]
fn the_right_symbol_and_garbage_behind_it() {
    let bytes = patched(
        "example",
        b"abi stable library for Rust",
        b"bai stable library for Rust",
    );
    refused_at_load(this_row!(), &bytes);
}

#[test]
fn an_undefined_symbol() {
    refused_at_load(this_row!(), &patched("example", b"\0memmove\0", b"\0memmovv\0"));
}

#[test]
fn another_abi_version() {
    let ours = format!("\0abi={}\0", pipeline_plugin_api::abi::ABI_VERSION);
    is_refused(this_row!(), &patched("example", ours.as_bytes(), b"\0abi=9.9\0"));
}

#[test]
fn a_plugin_that_aborts_on_panic() {
    is_refused(
        this_row!(),
        &patched("example", b"\0panic=unwind\0", b"\0panic=abort\0\0"),
    );
}

#[test]
fn a_garbled_manifest() {
    is_refused(
        this_row!(),
        &patched("example", b"pipeline-plugin\0abi=", b"pipeline-glupin\0abi="),
    );
}

/// A debug build beside a release build is no fault; `pipeline plugins` tells which is which.
#[test]
fn a_plugin_of_another_build_profile() {
    let bed = Scene::default().bed();
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let said = bed.tool(["plugins", "--format", "json"]).with(0);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let elements = list["elements"].as_array().unwrap().iter();
    let mut ours = elements.filter(|known| known["element"] == "example.rate");
    assert_eq!(ours.next().unwrap()["profile"], profile);
    Row::held(this_row!(), &bed.run(&["--for", "1s"]));
}
