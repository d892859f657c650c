//! The `record` plugin: runs on disk, recorded, listed, compared, imported and replayed. This file registers its
//! elements.
//!
//! `sink` records what the tap gives (`events` turns it into rows, `rhythm` says when they are written). `targets`, `source`
//! and `note` stand in for the nodes of a recorded run when it is replayed, and share one reader of it (`playback`).
//! `runs`, `replay` and `compare` are the commands; `import` makes runs of what other tools wrote. How a run lies on disk
//! is the business of `pipeline-record-store`.
#![forbid(unsafe_code)]

mod arguments;
mod compare;
mod config;
mod events;
mod figures;
mod folder;
mod graph;
mod import;
mod names;
mod note;
mod page;
mod playback;
mod replay;
mod rhythm;
mod runs;
mod sink;
mod source;
mod table;
mod targets;
mod timetable;

pipeline_plugin_api::export_plugin! {
    target_providers: [targets::Targets],
    collectors: [source::Source, source::Replay],
    actuators: [note::Note],
    sinks: [sink::Write],
    commands: [runs::Runs, replay::ReplayRun, compare::Compare],
}
