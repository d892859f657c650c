//! Journals: what a dead run, a full disk or somebody else left in the folder.

use super::Target;
use crate::mutate::Material;
use pipeline::run::journal::read::read as read_journal;

pub(super) const TARGET: Target = Target {
    name: "journal",
    about: "journals of dead runs",
    material: || Material {
        seeds: vec![WHOLE.into(), WHOLE.lines().next().unwrap_or_default().into()],
        words: &[
            "\n",
            "{\"settled\":1}\n",
            "{\"settled\":18446744073709551615}\n",
            "{\"taken\":2}\n",
            "{\"amended\":[2,\"x\"]}\n",
            "{\"undo\":{",
            "{\"run\":{",
            "\"record\":1",
            "\"kind\":77",
            "\"path\":\"\"",
            "\\u0000",
            "\\ud800",
            "null",
            "[]",
            "{\"a\":{\"a\":",
            "[[[[[[[[",
        ],
        longest: 8 << 10,
    },
    reader: || Box::new(read),
};

const WHOLE: &str = concat!(
    r#"{"run":{"version":1,"run":"20261122T080000-7","boot":"3f0c","pid":7,"start_time":99,"folder":"/srv/a"}}"#,
    "\n",
    r#"{"undo":{"record":1,"node":"limit","kind":0,"path":"knob","inode":5,"before":"0","after":"1","pid":0,"start_time":0}}"#,
    "\n",
    r#"{"undo":{"record":2,"node":"limit","kind":3,"path":"","inode":0,"before":"0-1","after":"1","pid":12,"start_time":345}}"#,
    "\n",
    r#"{"amended":[1,"0.5"]}"#,
    "\n",
    r#"{"undo":{"record":3,"node":"web","kind":2,"path":"/a/tasks","inode":0,"before":"b/tasks","after":"","pid":0,"start_time":0}}"#,
    "\n",
    r#"{"taken":2}"#,
    "\n",
    r#"{"settled":3}"#,
    "\n",
);

fn read(bytes: &[u8]) {
    let contents = read_journal(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(contents.open.len() <= lines && contents.faults.len() <= lines);
    assert!(
        contents.head.is_some() || contents.open.is_empty(),
        "open without a head"
    );
    assert!(
        contents.faults.iter().all(|fault| !fault.contains('\n')),
        "a fault of more than a line"
    );
    for (record, entry) in contents.open {
        assert_eq!(record, entry.record);
        assert!(!entry.subject().is_empty());
        let moved = entry.from_folder("/srv/a");
        assert!(moved.path.is_empty() || moved.path.starts_with('/'), "{}", moved.path);
        let _ = moved.is_ours("1");
    }
}
