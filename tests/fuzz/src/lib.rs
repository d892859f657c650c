//! Feeds every reader of text and bytes that come from outside with inputs that nobody wrote.
//!
//! [`targets`] are the readers with their seeds, [`corpus`] where real text is found, [`mutate`] makes inputs of it and
//! [`feed`] gives them to a target. What is a fault of a reader is decided in the target.
#![forbid(unsafe_code)]

pub mod corpus;
pub mod feed;
pub mod mutate;
pub mod random;
pub mod targets;
pub mod tokens;

// Readers of plugins, which as plugins have no Rust interface: the same files, compiled once more.
#[path = "../../../plugins/process/src/parse.rs"]
pub mod process_parse;
