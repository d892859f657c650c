//! Elements that say a digest of what they are given, a recorder that keeps a tape in memory, and stand-ins that play it.

mod kept;
mod played;
mod pure;
mod world;

pub use kept::{Write, tape};
pub use played::{Note, Source};
pub use pure::{Decide, Digest};
pub use world::{Bring, Feed, Turn};

use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of all elements here.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TapeConfig {
    /// The run that is played.
    run: String,
    /// The place of the node that is played.
    node: u32,
    /// How long each call takes.
    pause: Span,
    /// The call in which it panics, in each life; 0 for none.
    panics_at: u64,
    /// The recorder takes nothing before the end.
    lazy: bool,
    /// It tries to open the tap.
    taps: bool,
}

impl Configure for TapeConfig {}
