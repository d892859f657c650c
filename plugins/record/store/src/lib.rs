//! Runs on disk: a folder per run with a page that says what it was (`run.json`) and one folder of Parquet segments
//! for each table. Each file is whole when it is visible, so that a reader may look while the run goes on and a crash
//! loses what was not flushed yet and no more.
//!
//! [`schema`] says which tables and columns there are. [`Writer`] takes rows and flushes them, [`Keeper`] turns
//! batches of the graph into rows, [`Run`] opens what is there, [`Player`] turns rows into the batches that they were.
//! What is not here: when to record, and what a replay does with it; that is the plugin's.
#![forbid(unsafe_code)]

mod block;
mod cells;
mod encode;
mod error;
mod keep;
mod lists;
mod page;
mod parts;
mod place;
mod play;
mod run;
pub mod schema;
mod stream;
#[cfg(test)]
mod testing;
mod when;
mod words;
mod writer;

pub use block::{Block, WordColumn};
pub use cells::{Cell, Rows};
pub use error::{Error, Result};
pub use keep::{Keeper, Lookup, Said};
pub use lists::{cgroups, goals, labels, processes};
pub use page::{End, FORMAT, Origin, Page};
pub use parts::{WHOLE, part_named};
pub use place::{SEGMENT_ENDING, write_whole};
pub use play::{Emission, Names, Player, Wanted, names};
pub use run::{Run, Segment, TableFiles, Torn, list};
pub use stream::Stream;
pub use when::utc;
pub use writer::{Flushed, Limits, Writer};
