//! Files that look like plugins and cannot be used: each is refused with one sentence that says what
//! is wrong and how to mend it, none is loaded, and what else there is goes on working.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use system_tests::bed::Bed;
use system_tests::built;

/// A folder of plugins made by a test, and what `pipeline plugins` says of it.
struct Shelf(Bed);

impl Shelf {
    /// A shelf with one file on it.
    fn with(bytes: impl AsRef<[u8]>) -> Self {
        let shelf = Self(Bed::new());
        shelf.0.write("plugins/libpipeline_x.so", bytes);
        shelf
    }

    fn list(&self) -> Value {
        let said = self
            .0
            .tool(["plugins", "--format", "json", "--plugin-dir", "plugins"])
            .with(0);
        serde_json::from_str(&said.stdout).unwrap()
    }

    /// Why the file on the shelf is refused; the plugins beside the binary are all there.
    fn refusal(&self) -> String {
        let list = self.list();
        assert!(
            list["elements"]
                .as_array()
                .unwrap()
                .iter()
                .any(|known| known["element"] == "signal.rate")
        );
        let refused = list["refused"].as_array().unwrap();
        assert_eq!(refused.len(), 1, "{refused:?}");
        let file = refused[0]["file"].as_str().unwrap();
        assert!(file.ends_with("plugins/libpipeline_x.so"), "{file}");
        let why = refused[0]["why"].as_str().unwrap().to_owned();
        assert!(!why.contains('\n'), "more than a sentence: {why}");
        why
    }
}

fn whole() -> Vec<u8> {
    std::fs::read(built::plugin("example")).unwrap()
}

/// A copy of a real plugin with other bytes in its manifest. Both must have the same length.
fn patched(was: &str, is: &str) -> Vec<u8> {
    assert_eq!(was.len(), is.len());
    let mut bytes = whole();
    let magic = b"pipeline-plugin\0abi=";
    let starts = || (0..bytes.len() - magic.len()).filter(|at| bytes[*at..].starts_with(magic));
    let manifests: Vec<usize> = starts().collect();
    assert!(!manifests.is_empty(), "the plugin has no manifest");
    for start in manifests {
        let end = (start + 400).min(bytes.len() - was.len());
        let place = (start..end).find(|at| bytes[*at..].starts_with(was.as_bytes()));
        let place = place.unwrap_or_else(|| panic!("the manifest has no {was:?}"));
        bytes[place..place + was.len()].copy_from_slice(is.as_bytes());
    }
    bytes
}

/// A text file with a plugin's name is told from a shared object without opening it.
#[test]
fn a_text_file_is_no_shared_object() {
    let why = Shelf::with("this is a text\n".repeat(100)).refusal();
    assert!(
        why.starts_with("not a 64-bit ELF shared object") && why.contains("build it as a `cdylib`"),
        "{why}"
    );
}

/// So is an empty file, as an interrupted copy leaves it.
#[test]
fn an_empty_file_is_no_shared_object() {
    let why = Shelf::with("").refusal();
    assert!(why.starts_with("not a 64-bit ELF shared object"), "{why}");
}

/// A copy that was cut short, wherever it was cut, is refused and never mapped: a mapping that reaches
/// behind the end of its file ends the process with SIGBUS.
#[test]
fn a_truncated_copy_is_never_mapped() {
    let bytes = whole();
    for share in [0.001, 0.1, 0.5, 0.9, 0.999] {
        let cut = (bytes.len() as f64 * share) as usize;
        let shelf = Shelf::with(&bytes[..cut]);
        let why = shelf.refusal();
        let known = [
            "truncated: ",
            "not a 64-bit ELF shared object",
            "no `.pipeline.manifest` section",
        ];
        assert!(
            known.iter().any(|start| why.starts_with(start)),
            "cut at {share}: {why}"
        );
    }
    let why = Shelf::with(&bytes[..bytes.len() / 100]).refusal();
    assert!(!why.is_empty());
}

/// A library of the system under a plugin's name is told to be somebody else's; its code is not run.
#[test]
fn a_library_of_the_system_is_no_plugin() {
    let found = Command::new("sh")
        .args(["-c", "ldconfig -p | awk '/libm\\.so\\.6/ {print $NF; exit}'"])
        .output();
    let path = String::from_utf8(found.unwrap().stdout).unwrap();
    let path = PathBuf::from(path.trim());
    let candidates = [
        path,
        "/lib/x86_64-linux-gnu/libm.so.6".into(),
        "/lib/aarch64-linux-gnu/libm.so.6".into(),
    ];
    let libm = candidates
        .iter()
        .find(|path| path.is_file())
        .expect("a C library has a libm");
    let why = Shelf::with(std::fs::read(libm).unwrap()).refusal();
    assert!(
        why.contains("not a pipeline plugin") && why.contains("`export_plugin!`"),
        "{why}"
    );
}

/// A plugin of another boundary is refused with both numbers, before any of its code runs.
#[test]
fn another_abi_is_refused_with_both_numbers() {
    let why = Shelf::with(patched("\0abi=0.3\0", "\0abi=9.9\0")).refusal();
    let ours = format!(
        "speaks ABI 9.9, this pipeline speaks {}",
        pipeline_plugin_api::abi::ABI_VERSION
    );
    assert!(why.contains(&ours) && why.contains("build it again"), "{why}");
    assert!(why.contains("`pipeline-plugin-example`"), "{why}");
}

/// A plugin whose panics would end the whole process is refused, with the setting that mends it.
#[test]
fn a_plugin_that_aborts_on_panic_is_refused() {
    let why = Shelf::with(patched("\0panic=unwind\0", "\0panic=abort\0\0")).refusal();
    assert!(
        why.contains("panic = \"abort\"") && why.contains("build it with `panic = \"unwind\"`"),
        "{why}"
    );
}

/// A manifest that is no text is told so, with what to do.
#[test]
fn a_garbled_manifest_is_told() {
    let why = Shelf::with(patched("pipeline-plugin\0abi=", "pipeline-glupin\0abi=")).refusal();
    assert!(why.contains("cannot be understood; build it again"), "{why}");
}

/// Where two folders have the same element, the one that stands first is used, and the other is told
/// with the file that hides it. The same file by two ways is told once and hides nothing.
#[test]
fn of_two_plugins_with_an_element_the_first_folder_wins() {
    let bed = Bed::new();
    for folder in ["one", "two"] {
        bed.write(&format!("{folder}/libpipeline_example.so"), whole());
    }
    let list = |folders: &[&str]| -> Value {
        let flags = folders.iter().flat_map(|folder| ["--plugin-dir", folder]);
        let said = bed
            .tool(["plugins", "--format", "json"].into_iter().chain(flags))
            .with(0);
        serde_json::from_str(&said.stdout).unwrap()
    };
    let both = list(&["two", "one"]);
    let elements = both["elements"].as_array().unwrap();
    let example = elements
        .iter()
        .find(|known| known["element"] == "example.rate")
        .unwrap();
    assert_eq!(example["file"], "two/libpipeline_example.so");
    let refused = both["refused"].as_array().unwrap();
    assert_eq!(refused[0]["file"], "one/libpipeline_example.so", "{refused:?}");
    let why = "`example.rate` is in `two/libpipeline_example.so` already, which stands before it";
    assert_eq!(refused[0]["why"], why);
    let beside = built::folder();
    let twice = list(&[beside.to_str().unwrap()]);
    assert_eq!(twice["refused"].as_array().unwrap().len(), 0, "{twice}");
}

/// A graph that names an element of a refused file is told why the file was refused, where the element
/// stands; a graph that does not is none the worse for it.
#[test]
fn a_graph_is_told_of_the_refused_file_that_it_needs() {
    let bed = Bed::with("(version: 1, transforms: { \"t\": (plugin: \"x.y\") })");
    bed.write("plugins/libpipeline_x.so", "");
    let said = bed.run(&["--plugin-dir", "plugins"]).with(78);
    assert!(
        said.stderr
            .contains("`plugins/libpipeline_x.so` was refused: not a 64-bit ELF"),
        "{}",
        said.stderr
    );
    bed.write(
        "graph.ron",
        "(version: 1, collectors: { \"c\": (plugin: \"fault.collect\") }, \
                            sinks: { \"s\": (plugin: \"fault.sink\", from: [\"c\"]) })",
    );
    bed.run(&["--plugin-dir", "plugins", "--for", "100ms"]).with(0);
}

/// A folder that is not there is a folder without plugins.
#[test]
fn a_folder_that_is_not_there_is_no_fault() {
    let said = Bed::new().tool(["plugins", "--plugin-dir", "nowhere"]).with(0);
    assert!(
        said.stdout.contains("signal.rate") && !said.stdout.contains("refused"),
        "{}",
        said.stdout
    );
}

/// A file that may not be read is refused with what the system says. Root may read everything, so that
/// this is seen by other users only.
#[test]
fn a_file_that_may_not_be_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let shelf = Shelf::with(whole());
    let path = shelf.0.path("plugins/libpipeline_x.so");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        eprintln!("SKIP: root may read everything");
        return;
    }
    let why = shelf.refusal();
    assert!(
        why.starts_with("cannot be read: ") && why.contains("ermission"),
        "{why}"
    );
}
