//! `docs/FAILURES.md` is the table of this suite, and each row of it has its test.

use crate::rows::KINDS;
use system_tests::built;

const HEAD: &str = "\
# What happens when something goes wrong

Each row is a test that runs the real binary with real plugins (`cargo nextest run -p system-tests --test matrix`, or `scripts/chaos plugins`).
In each, the other nodes run on and their figures too, unless the row says otherwise, and what is said here is all that is
said above `INFO`: `…` stands for what differs from case to case. Exit status 0 is a run that ended well, 1 one that did not begin,
was aborted, or lost something, 78 a graph with faults of which nothing was started, `–` a process that a signal ended.

This page is written by that suite: `PIPELINE_WRITE_PAGES=1 cargo nextest run -p system-tests --test matrix`.
";

const TAIL: &str = "
## Not tried here

- A step of the system's clock: no part of a run looks at it but for the time of day in records, which is that of the run's start
  plus what passed on the clock that never steps (`CLOCK_BOOTTIME`). To step it would step it for the whole machine.
- A suspended machine cannot be had in a test; a process that is stopped and continued stands for it above.
- A type that is laid out otherwise (a field added, another type, a method inserted) is told by the comparison that
  tells a renamed field; a second build of the boundary for each would take minutes. `plugin-api/tests/growth.rs` holds the layout.
- A control group that vanishes while it is read: `plugins/cgroup` has its tests.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for kind in KINDS {
        page += &format!(
            "\n## {}\n\n| what goes wrong | what happens | exit status | what is said |\n|---|---|---|---|\n",
            kind.heading
        );
        for row in kind.rows {
            let status = row.status.map_or("–".to_owned(), |status| status.to_string());
            let says: Vec<String> = row.says.iter().map(|says| format!("`` {says} ``")).collect();
            let says = if says.is_empty() {
                "nothing".to_owned()
            } else {
                says.join("<br>")
            };
            page += &format!("| {} | {} | {status} | {says} |\n", row.what, row.then);
        }
    }
    page + TAIL
}

#[test]
fn the_page_is_this_table() {
    let path = built::repository().join("docs/FAILURES.md");
    if std::env::var_os("PIPELINE_WRITE_PAGES").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page()
        .lines()
        .zip(written.lines().chain(std::iter::repeat("")))
        .find(|(ours, theirs)| ours != theirs)
        .map(|(ours, _)| ours.to_owned());
    assert_eq!(
        differs, None,
        "write it with `PIPELINE_WRITE_PAGES=1 cargo nextest run -p system-tests --test matrix`"
    );
    assert_eq!(written.lines().count(), page().lines().count());
}

#[test]
fn each_row_has_its_test_and_each_kind_its_rows() {
    let files = [
        ("calls", include_str!("calls.rs")),
        ("deaths", include_str!("deaths.rs")),
        ("files", concat!(include_str!("files.rs"), include_str!("layouts.rs"))),
        ("hangs", include_str!("hangs.rs")),
        ("machine", include_str!("machine.rs")),
        ("odd", include_str!("odd.rs")),
        ("queues", include_str!("queues.rs")),
    ];
    assert_eq!(files.len(), KINDS.len());
    for kind in KINDS {
        let (_, text) = files
            .iter()
            .find(|(name, _)| *name == kind.name)
            .unwrap_or_else(|| panic!("no file of tests for `{}`", kind.name));
        for row in kind.rows {
            let test = format!("#[test]\nfn {}() {{\n", row.name);
            assert_eq!(
                text.matches(&test).count(),
                1,
                "`{}` is no test of `{}`",
                row.name,
                kind.name
            );
        }
        assert_eq!(
            text.matches("#[test]\n").count(),
            kind.rows.len(),
            "`{}` has a test that is no row",
            kind.name
        );
    }
}
