//! The table: what goes wrong, what happens then, how the run ends, and what is said. A file of this folder is a kind of
//! failure; its tests stand in the file of the same name above, those of `files` in `layouts` too. No test stands here.

mod calls;
mod deaths;
mod files;
mod hangs;
mod machine;
mod odd;
mod queues;

/// A kind of failures.
pub struct Kind {
    /// The file with their tests.
    pub name: &'static str,
    /// Their heading on the page.
    pub heading: &'static str,
    /// Every row, in the order of the page.
    pub rows: &'static [Row],
}

/// One row.
pub struct Row {
    /// The test's name.
    pub name: &'static str,
    /// What goes wrong.
    pub what: &'static str,
    /// What happens.
    pub then: &'static str,
    /// The exit status; `None` where a signal ends the process.
    pub status: Option<i32>,
    /// What is said above `INFO`: one sentence, or none where nothing is worth one.
    pub says: &'static [&'static str],
}

/// The kinds, in the order of the page.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "files",
        heading: "Files that are no usable plugins",
        rows: files::ROWS,
    },
    Kind {
        name: "calls",
        heading: "Calls that panic or fail",
        rows: calls::ROWS,
    },
    Kind {
        name: "hangs",
        heading: "Calls that do not come back",
        rows: hangs::ROWS,
    },
    Kind {
        name: "deaths",
        heading: "What ends the whole process",
        rows: deaths::ROWS,
    },
    Kind {
        name: "odd",
        heading: "Nodes that say what nobody should trust",
        rows: odd::ROWS,
    },
    Kind {
        name: "queues",
        heading: "Nodes that say more than others take",
        rows: queues::ROWS,
    },
    Kind {
        name: "machine",
        heading: "The machine around a run",
        rows: machine::ROWS,
    },
];

/// The row of that name.
#[track_caller]
pub fn row(name: &str) -> &'static Row {
    KINDS
        .iter()
        .flat_map(|kind| kind.rows)
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("`{name}` is no row"))
}
