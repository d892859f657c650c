//! `pipeline doctor` with real plugins and with ones that crash and hang: each is asked in a process of its own, what is
//! missing is told with its remedy, and the exit status says whether what was asked about can run.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

use serde_json::Value;
use std::time::Duration;
use system_tests::bed::Bed;
use system_tests::built;

/// A real plugin whose element has another name of the same length, and whose every instruction is that one.
fn broken(name: &str, instruction: &[u8]) -> Vec<u8> {
    let mut bytes = std::fs::read(built::plugin("example")).unwrap();
    let was = b"example.rate";
    assert_eq!(was.len(), name.len());
    let places: Vec<usize> = (0..bytes.len() - was.len())
        .filter(|at| bytes[*at..].starts_with(was))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
    }
    let (start, end) = section(&bytes, b".text\0");
    for (byte, with) in bytes[start..end].iter_mut().zip(instruction.iter().cycle()) {
        *byte = *with;
    }
    bytes
}

/// Where a section of a 64-bit little-endian ELF file lies (elf(5)).
fn section(bytes: &[u8], name: &[u8]) -> (usize, usize) {
    let number = |at: usize, length: usize| {
        let mut all = [0; 8];
        all[..length].copy_from_slice(&bytes[at..at + length]);
        usize::try_from(u64::from_le_bytes(all)).unwrap()
    };
    let (table, size, count, names) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2), number(0x3e, 2));
    let names = number(table + names * size + 24, 8);
    let header = |index: usize| table + index * size;
    let is_it = |index: &usize| bytes[names + number(header(*index), 4)..].starts_with(name);
    let found = header((0..count).find(is_it).unwrap());
    let start = number(found + 24, 8);
    (start, start + number(found + 32, 8))
}

#[cfg(target_arch = "x86_64")]
const HALTS: &[u8] = &[0x0f, 0x0b];
#[cfg(target_arch = "x86_64")]
const LOOPS: &[u8] = &[0xeb, 0xfe];
#[cfg(target_arch = "aarch64")]
const HALTS: &[u8] = &[0, 0, 0, 0];
#[cfg(target_arch = "aarch64")]
const LOOPS: &[u8] = &[0, 0, 0, 0x14];

/// A plugin that crashes when it is loaded and one that never returns take nothing along: each is a line with what
/// became of it, all others are told, and the whole ends soon.
#[test]
fn plugins_that_crash_and_hang_are_lines_of_the_report() {
    let bed = Bed::new();
    bed.write("plugins/libpipeline_crashed.so", broken("crashed.rate", HALTS));
    bed.write("plugins/libpipeline_hanging.so", broken("hanging.rate", LOOPS));
    let said = bed.tool(["doctor", "-o", "json", "--plugin-dir", "plugins"]).with(69);
    assert!(said.took < Duration::from_secs(15), "{:?}", said.took);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(told["can_run"], false);
    let why = |element: &str| {
        let silent = told["not_asked"].as_array().unwrap().iter();
        let found = silent.clone().find(|one| one["elements"][0] == element);
        found.unwrap_or_else(|| panic!("`{element}` in {told}"))["why"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(why("crashed.rate").starts_with("signal "), "{}", why("crashed.rate"));
    assert!(
        why("hanging.rate").starts_with("it did not answer within 5s"),
        "{}",
        why("hanging.rate")
    );
    assert_eq!(told["not_asked"].as_array().unwrap().len(), 2, "{told}");
    let elements = told["elements"].as_array().unwrap();
    assert!(elements.iter().any(|one| one["element"] == "process.run"), "{told}");
}

/// What one element needs is all that is told, and an element without needs can run anywhere.
#[test]
fn one_element_is_asked_alone() {
    let said = Bed::new().tool(["doctor", "signal.rate"]);
    assert!(
        said.stdout.ends_with("1 element: all that is required is there\n"),
        "{}",
        said.stdout
    );
    assert!(!said.stdout.contains("\nneeds"), "{}", said.stdout);
}

/// A name that no plugin has is missing, with the nearest that there is.
#[test]
fn an_element_that_there_is_not_is_missing() {
    let said = Bed::new().tool(["doctor", "signal.raet"]).with(69);
    assert!(
        said.stdout
            .contains("missing  element `signal.raet`: did you mean `signal.rate`?"),
        "{}",
        said.stdout
    );
}

/// What several elements want stands once, with all of them; programs find the same under keys that stay.
#[test]
fn what_several_want_stands_once() {
    let bed = Bed::new();
    let said = bed.tool(["doctor", "cgroup.stats", "cgroup.limit", "--format", "json"]);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    let needs = told["needs"].as_array().unwrap();
    let groups: Vec<&Value> = needs.iter().filter(|need| need["what"] == "control groups").collect();
    assert_eq!(groups.len(), 1, "{told}");
    let by: Vec<&str> = groups[0]["required_by"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(by, ["cgroup.limit", "cgroup.stats"], "{told}");
    let keys: Vec<&str> = told["host"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|fact| fact["key"].as_str())
        .collect();
    for key in [
        "kernel",
        "machine",
        "user",
        "capabilities",
        "open_files",
        "plugins",
        "runtime_folder",
        "state_folder",
    ] {
        assert!(keys.contains(&key), "{keys:?}");
    }
}

/// A graph that cannot be read, and one with faults, end as they do for `check`.
#[test]
fn graphs_end_as_with_check() {
    let bed = Bed::with("(version: 1, targets: { \"web\": () })");
    let said = bed.tool(["doctor", "graph.ron"]).with(78);
    assert!(said.stderr.contains("`web` has no `plugin`"), "{}", said.stderr);
    bed.tool(["doctor", "nowhere.ron"]).with(66);
}
