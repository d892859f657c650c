//! The `file` plugin: where numbers go when they go to files, and to people who watch. This file
//! registers its elements.
//!
//! `jsonl`, `csv` and `table` are one element each; `config` is what they can be told. `fs` opens and
//! writes, `spool` holds what waits for that; `names`, `pattern`, `line`, `humane`, `sentence` and
//! `grid` turn values into text. Nothing here reads a file back: that is `record`.
#![forbid(unsafe_code)]

mod config;
mod csv;
mod fs;
mod grid;
mod humane;
mod jsonl;
mod line;
mod names;
mod pattern;
mod sentence;
mod spool;
mod table;

pipeline_plugin_api::export_plugin! {
    sinks: [jsonl::Jsonl, csv::Csv, table::Table],
}
