//! Graphs: text to nodes, nodes against elements, and every fault as it is shown.

use super::Target;
use super::elements::Made;
use crate::corpus;
use crate::mutate::Material;
use pipeline::cli::{faults_json, render};
use pipeline::graph::check;
use pipeline::spec::{Fault, GraphSpec};
use std::ops::Range;
use std::path::Path;

pub(super) const TARGET: Target = Target {
    name: "graph",
    about: "graph files: read, checked, and their faults shown",
    material: || Material {
        seeds: seeds(),
        words: WORDS,
        longest: 12 << 10,
    },
    reader: || {
        let made = Made::new();
        Box::new(move |bytes| read(bytes, &made))
    },
};

const WORDS: &[&str] = &[
    "version: 1,",
    "targets",
    "collectors",
    "transforms",
    "schedulers",
    "actuators",
    "sinks",
    "plugin:",
    "of:",
    "from:",
    "last:",
    "every:",
    "config:",
    "lane:",
    "cpu:",
    "queue:",
    "capacity:",
    "overflow:",
    "Block",
    "DropOldest",
    "DropNewest",
    "on_error:",
    "Restart",
    "Stop",
    "Abort",
    "\"100ms\"",
    "\"0s\"",
    "\"1000000000y\"",
    "Env(\"X\")",
    "password:",
    "\"redis://a:b@c\"",
    "\"fake.run\"",
    "\"fake.cpu\"",
    "\"fake.ratio\"",
    "\"fake.guard\"",
    "\"fake.merge\"",
    "\"fake.idle\"",
    "\"fake.quota\"",
    "\"fake.file\"",
    "\"cpu.*\"",
    "\"web\"",
    "[\"web\"]",
    "//",
    "/*",
    "*/",
    "r#\"",
    "\"#",
    "'",
    "\\u{1F600}",
    "ä",
    "\u{1F600}",
    "\u{202e}",
    "\r\n",
    "\t",
    "\0",
    "Some(",
    "#![",
    "#![enable(implicit_some)]",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "b\"",
    "-",
    ".5",
    "0..8",
];

/// A graph in which each field of the format stands once.
const FULL: &str = r#"// Keeps `web` fast.
(
    version: 1,
    targets: {
        "web": (plugin: "fake.run", config: (command: "redis-server --port 7777", cpus: "0", class: Latency)),
        "batch": (plugin: "fake.run", config: (command: "sleep 1", start: "20s", stop: "40s"), on_error: Abort),
    },
    collectors: {
        "cpu": (plugin: "fake.cpu", of: ["web", "batch"], every: "100ms", config: (metrics: ["cpu.*"])),
        "slow": (plugin: "fake.block", of: ["web"], every: "1s", lane: "apart", cpu: 1),
    },
    transforms: {
        "ratio": (plugin: "fake.ratio", from: ["cpu"], last: ["idle"], config: (signal: "cpu.time", window: "15s", share: 0.5,
            gap: Hold, limit: 3, limits: [(size: "2MiB"), (size: "500kB")])),
        "find": (plugin: "fake.find", from: ["ratio"], on_error: Stop),
    },
    schedulers: {
        "guard": (plugin: "fake.guard", from: ["find", "cpu"]),
        "both": (plugin: "fake.merge", from: ["guard"]),
    },
    actuators: {
        "idle": (plugin: "fake.idle", from: ["both"]),
        "quota": (plugin: "fake.quota", from: ["both"]),
    },
    sinks: {
        "out": (plugin: "fake.file", from: ["cpu", "slow", "ratio", "find", "guard", "idle"],
            queue: (capacity: 8, overflow: DropOldest), config: (path: "a.jsonl", password: Env("PASSWORD"))),
    },
)
"#;

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        FULL.into(),
        b"(version: 1)".to_vec(),
        b"(version: 1, sinks: {})".to_vec(),
    ];
    seeds.extend(corpus::folder("configs"));
    seeds
}

fn read(bytes: &[u8], made: &Made) {
    let text = String::from_utf8_lossy(bytes);
    let spec = GraphSpec::parse(Path::new("graph.ron"), text.as_ref());
    let checked = check(&spec, made);
    let faults: &[Fault] = match &checked {
        Ok(checked) => &checked.warnings,
        Err(faults) => faults,
    };
    for fault in faults {
        assert!(!fault.message.contains("panic in `"), "{}", fault.message);
        stands_in(&text, &fault.at);
        fault.also.iter().for_each(|mark| stands_in(&text, &mark.at));
    }
    let shown = render(&spec, faults, false);
    assert_eq!(shown.is_empty(), faults.is_empty());
    faults_json(&spec, faults);
    match checked {
        Ok(checked) => assert_eq!(checked.plan().nodes.len(), spec.nodes.len()),
        Err(faults) => assert!(!faults.is_empty(), "refused without a fault"),
    }
}

/// A fault's place is a piece of the text.
fn stands_in(text: &str, at: &Range<usize>) {
    assert!(
        text.get(at.clone()).is_some(),
        "{at:?} is no piece of a text of {} bytes",
        text.len()
    );
}
