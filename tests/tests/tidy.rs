//! The boundaries between the rooms of this project, held by reading its files.
//!
//! These guard what a reviewer must be able to rely on: where workloads may be changed, where memory
//! safety is argued, who may ask for the time. Taste is not tested.
#![expect(clippy::unwrap_used, reason = "a tree that cannot be read fails the test")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files below a folder, as (path from the root, text).
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no Rust files in {folder}");
    found.sort();
    found
}

fn all() -> Vec<(String, String)> {
    ["core", "plugin-api", "plugins"]
        .iter()
        .flat_map(|folder| rust_files(folder))
        .collect()
}

/// The code of a file: without comments, and without its tests.
fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    body.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_test(name: &str) -> bool {
    name.contains("/tests/")
        || name.ends_with("/tests.rs")
        || name.contains("/benches/")
        || name.contains("/testing")
        || name.ends_with("/bed.rs")
}

/// Files whose code has one of the texts, but for those that may.
fn offenders(files: &[(String, String)], texts: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    let offends = |(name, text): &&(String, String)| {
        !may(name) && !is_test(name) && texts.iter().any(|wanted| code(text).contains(wanted))
    };
    files.iter().filter(offends).map(|(name, _)| name.clone()).collect()
}

/// The manifests of plugins and of the libraries beside them, wherever below `plugins` these lie.
fn plugin_manifests() -> Vec<(String, String)> {
    let mut manifests = Vec::new();
    let mut folders = vec![root().join("plugins")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.ends_with("Cargo.toml") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                manifests.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    for library in ["cgroup/fs", "sim/model"] {
        let library = format!("plugins/{library}/Cargo.toml");
        assert!(manifests.iter().any(|(name, _)| *name == library), "{manifests:?}");
    }
    manifests.sort();
    manifests
}

#[test]
fn only_three_rooms_say_unsafe() {
    let rooms = [
        "plugin-api/src/abi/",
        "core/src/plugin/load.rs",
        "plugins/perf/src/sys.rs",
    ];
    let found = offenders(&all(), &["unsafe {", "unsafe fn", "unsafe impl", "#[unsafe("], |name| {
        rooms.iter().any(|room| name.starts_with(room))
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn plugins_forbid_unsafe_code() {
    let roots = rust_files("plugins")
        .into_iter()
        .filter(|(name, _)| name.ends_with("src/lib.rs"));
    let without: Vec<String> = roots
        .filter(|(name, text)| !name.starts_with("plugins/perf/") && !text.contains("#![forbid(unsafe_code)]"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(without, [""; 0]);
}

#[test]
fn only_the_clock_asks_the_system_for_the_time() {
    // The kernel's own delays are not the run's time: docs/decisions/0006.
    let may = [
        "core/src/run/clock.rs",
        "plugin-api/src/testkit/real.rs",
        "plugins/cgroup/fs/src/remove.rs",
        "plugins/cgroup/fs/src/knob/freeze.rs",
    ];
    let found = offenders(&all(), &["Instant::now", "SystemTime::now", "thread::sleep"], |name| {
        may.contains(&name)
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn pure_stages_do_not_reach_for_the_world() {
    let pure = |name: &str| {
        [
            "plugins/detect/",
            "plugins/policy/",
            "plugins/signal/",
            "plugins/example/",
        ]
        .iter()
        .any(|p| name.starts_with(p))
    };
    let files: Vec<_> = rust_files("plugins")
        .into_iter()
        .filter(|(name, _)| pure(name))
        .collect();
    let found = offenders(
        &files,
        &[
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "System,",
            "rand::",
        ],
        |_| false,
    );
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_plugin_api_does_no_input_or_output() {
    let found = offenders(
        &rust_files("plugin-api"),
        &["std::fs", "std::net", "std::io::", "std::process::Command"],
        |_| false,
    );
    assert_eq!(found, [""; 0]);
}

#[test]
fn no_plugin_depends_on_the_core_or_on_another_plugin() {
    for (name, text) in plugin_manifests() {
        let dependencies = text.split("[dependencies]").nth(1).unwrap_or_default();
        for line in dependencies.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let dependency = line.split(['=', '.', ' ']).next().unwrap_or_default();
            assert!(
                dependency != "pipeline" && !dependency.starts_with("pipeline-plugin-")
                    || dependency == "pipeline-plugin-api",
                "{name} depends on {dependency}"
            );
        }
    }
}

#[test]
fn the_core_names_no_workload_and_no_policy() {
    let words = [
        "redis",
        "memcached",
        "stress-ng",
        "policy.throttle",
        "detect.baseline",
        "cgroup",
    ];
    // Where the program's own guardian lives: docs/decisions/0007.
    let found = offenders(&rust_files("core/src"), &words, |name| {
        name == "core/src/guardian/place.rs"
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn only_actuators_write_below_sys() {
    let writes = [
        "std::fs::write",
        "fs::write(",
        "OpenOptions",
        "sched_setaffinity",
        "kill_process",
        "Knob::",
    ];
    // What may write, and what: workloads that it started itself, files of its own, and the library
    // whose callers are listed here in turn.
    let may = [
        "actuate",
        "plugins/process/src/target",
        "plugins/file/",
        "plugins/cgroup/fs/",
        "plugins/resctrl/fs/",
        "plugins/kpi/",
        "plugins/hiccup/src/place.rs",
    ];
    let found = offenders(&rust_files("plugins"), &writes, |name| {
        may.iter().any(|part| name.contains(part))
    });
    assert_eq!(found, [""; 0]);
}

/// The configs that a file checks: `impl Configure for RateConfig`, `impl<P> Configure for LoadConfig<P>`.
fn configs(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| line.starts_with("impl"))
        .filter_map(|line| line.split_once(" Configure for "))
        .filter_map(|(_, rest)| rest.split(['<', ' ']).next())
        .collect()
}

/// The attributes above a struct of that file.
fn above_struct(text: &str, name: &str) -> Option<String> {
    let at = [' ', '<', ';']
        .iter()
        .find_map(|end| text.find(&format!("\npub struct {name}{end}")))?;
    let above = text[..=at].lines().rev();
    let above: Vec<&str> = above.take_while(|line| line.starts_with('#')).collect();
    Some(above.join("\n"))
}

#[test]
fn configs_refuse_unknown_fields_and_have_defaults() {
    let files: Vec<(String, String)> = rust_files("plugins")
        .into_iter()
        .filter(|(name, _)| !is_test(name))
        .map(|(name, text)| (name, code(&text)))
        .collect();
    let mut seen = 0;
    for (name, text) in &files {
        for config in configs(text) {
            // A check that has a file of its own stands below the struct's: `config/check.rs`.
            let parent = format!("{}.rs", name.rsplit_once('/').unwrap().0);
            let parent = files.iter().find(|(name, _)| *name == parent);
            let above = [Some(text), parent.map(|(_, text)| text)]
                .into_iter()
                .flatten()
                .find_map(|text| above_struct(text, config))
                .unwrap_or_else(|| panic!("{name}: the struct `{config}` is neither here nor in the file above"));
            assert!(
                above.contains("deny_unknown_fields") && above.contains("default"),
                "{name}: {config}"
            );
            seen += 1;
        }
    }
    let impls = files.iter().map(|(_, text)| text.matches(" Configure for ").count());
    assert_eq!(
        seen,
        impls.sum::<usize>(),
        "an `impl` that is written otherwise is not seen"
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = all()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(silent, [""; 0]);
}

#[test]
fn every_plugin_has_a_readme_with_one_graph() {
    for entry in std::fs::read_dir(root().join("plugins")).unwrap().flatten() {
        let readme = entry.path().join("README.md");
        let text = std::fs::read_to_string(&readme).unwrap_or_else(|error| panic!("{}: {error}", readme.display()));
        assert!(text.contains("```ron"), "{} has no graph", readme.display());
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let own = plugin_manifests().into_iter().chain(
        ["Cargo.toml", "core/Cargo.toml"]
            .map(|name| (name.to_owned(), std::fs::read_to_string(root().join(name)).unwrap())),
    );
    for (name, text) in own {
        let mut before = "";
        for line in text.lines() {
            let brings = line.contains(" = \"") || line.contains(" = { ");
            let third_party = brings && !line.contains("path =") && !line.contains("workspace");
            let in_dependencies = text[..text.find(line).unwrap_or_default()]
                .rfind('[')
                .is_some_and(|at| {
                    text[at..].starts_with("[dependencies") || text[at..].starts_with("[workspace.dependencies")
                });
            if third_party && in_dependencies {
                assert!(
                    before.starts_with('#') || before.contains(" = "),
                    "{name}: `{line}` has no reason above it"
                );
            }
            before = line;
        }
    }
}
