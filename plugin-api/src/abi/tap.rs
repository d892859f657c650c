//! What the tap hands to a recorder: one flat batch of everything that went into the transforms and schedulers of a
//! run, and of what the recorder's own sources said.
//!
//! The guarantees stand in [`crate::tap`]; here is only what crosses.

use super::integers::TapKind;
use super::values::{Batch, Nanos, Reading};
use abi_stable::StableAbi;
use abi_stable::std_types::{RString, RVec};

/// No node: what the host itself told, as the targets that there are to a node that was made anew.
pub const NOBODY: u32 = u32::MAX;
/// An event has nothing in that list.
pub const NOTHING: u32 = u32::MAX;

/// One thing that happened. Which fields mean something depends on `kind`, see [`TapKind`].
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Default)]
pub struct TapEvent {
    pub kind: TapKind,
    /// The place of the node in the graph, see [`crate::tap::RunFacts`].
    pub node: u32,
    /// The number of the instant, from 1, unique in the run; a node speaks at most once in it and is called with input at
    /// most once. Numbers of several lanes may interleave: the order of events counts, not theirs.
    pub instant: u64,
    /// The instant as the node saw it.
    pub at: Nanos,
    /// `SAID`: the batch's own `at`, which is that of the instant unless the node set another.
    pub batch_at: Nanos,
    /// Where its part of a list begins: of `readings` for `SAID`, of `takes` for `CALLED` and `DROPPED`, of `notes` for all
    /// others.
    pub first: u32,
    /// How long that part is.
    pub count: u32,
    /// `SAID`: the place in `batches` of all that is no reading, or [`NOTHING`].
    pub other: u32,
    /// `CALLED`: 1 if the node was due by its own `every`, wish or restart; 0 if it was called for its input alone.
    pub due: u32,
}

/// What somebody said, as part of what a node is called with.
#[repr(C)]
#[derive(StableAbi, Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct Take {
    /// The port on which it came, see [`super::PortBatch`].
    pub port: u32,
    /// Who said it, or [`NOBODY`].
    pub node: u32,
    /// At which instant, by its number.
    pub instant: u64,
}

/// An event with texts.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct TapNote {
    /// The setting or the key; empty for others.
    pub name: RString,
    /// The setting's value as RON, or why.
    pub text: RString,
    /// What was fetched or loaded.
    pub bytes: RVec<u8>,
    /// `FETCHED`: 1 if there was something. `SET`: 1 if it was accepted. `ENDED`: 1 if its last call did not come back.
    /// `BEGAN`: how many lives the node had before.
    pub number: u64,
}

/// What happened since the last time, in order. Give the same one again: its room is used again.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct TapBatch {
    /// In the order in which it happened.
    pub events: RVec<TapEvent>,
    pub takes: RVec<Take>,
    /// Readings of all that was said, one part for each `SAID`.
    pub readings: RVec<Reading>,
    /// What was said beside readings; their own `readings` are empty.
    pub batches: RVec<Batch>,
    pub notes: RVec<TapNote>,
    /// Events that found no room since the run began. Once it is not 0 the run cannot be replayed.
    pub lost_events: u64,
    /// Values (readings, findings, …) that were in those.
    pub lost_values: u64,
}

impl TapBatch {
    /// Forgets what happened and keeps the room; what was lost stays counted.
    pub fn clear(&mut self) {
        self.events.clear();
        self.takes.clear();
        self.readings.clear();
        self.batches.clear();
        self.notes.clear();
    }

    /// The readings of a `SAID` event.
    pub fn readings_of(&self, event: &TapEvent) -> &[Reading] {
        part(&self.readings, event)
    }

    /// What a `CALLED` event's node took, or what a `DROPPED` event's queue dropped.
    pub fn takes_of(&self, event: &TapEvent) -> &[Take] {
        part(&self.takes, event)
    }

    /// What a `SAID` event's node said beside readings.
    pub fn other_of(&self, event: &TapEvent) -> Option<&Batch> {
        self.batches.get(event.other as usize)
    }

    /// The texts of an event that has some.
    pub fn note_of(&self, event: &TapEvent) -> Option<&TapNote> {
        self.notes.get(event.first as usize)
    }
}

fn part<'a, T>(list: &'a [T], event: &TapEvent) -> &'a [T] {
    let first = event.first as usize;
    list.get(first..first + event.count as usize).unwrap_or_default()
}

/// How a recorder wants the tap.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct TapRequest {
    /// How many readings (and other values) may wait; a quarter as many events. When half of it waits the recorder is
    /// called soon, past it events are lost and counted.
    pub capacity: u32,
    pub spare: RVec<super::values::Spare>,
}
