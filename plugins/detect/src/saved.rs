//! What a successor takes over: what was learnt, the findings that are open, the targets and caps
//! that are known. Written as RON, which prints every number so that it is read back the same.

use crate::learn::Learned;
use crate::roster::Known;
use pipeline_plugin_api::fields;
use pipeline_plugin_api::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// The id of the last finding.
    pub last_id: u64,
    /// What was learnt, by the victim's name.
    pub learned: BTreeMap<String, Learned>,
    /// The targets.
    pub known: Vec<(u32, Known)>,
    /// Held knobs: target, knob, and the CPUs that it names.
    pub caps: Vec<(u32, u32, Option<Vec<u32>>)>,
    /// Open findings, by the victim's id.
    pub open: BTreeMap<u32, Open>,
}

/// A finding that began and did not end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Its id.
    pub id: u64,
    /// The resource last told.
    pub resource: u32,
    /// The culprits last told, with their scores.
    pub culprits: Vec<(u32, f64)>,
    /// How sure it was when last told.
    pub confidence: f64,
    /// When it was last told, in nanoseconds of the run.
    pub told_ns: u64,
    /// When the victim's signal was last heard, in nanoseconds of the run.
    pub heard_ns: u64,
}

/// As bytes.
///
/// # Errors
/// The state cannot be written as RON.
pub fn write<T: Serialize>(state: &T) -> Result<Vec<u8>> {
    let text = fields::options().to_string(state);
    text.map(String::into_bytes)
        .map_err(|error| Failure::retry(format!("the state cannot be told: {error}")))
}

/// From bytes.
///
/// # Errors
/// They are not what [`write`] gave.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(bytes).map_err(|error| Failure::retry(format!("the state is no text: {error}")))?;
    let parsed: std::result::Result<T, _> = fields::options().from_str(text);
    parsed.map_err(|error| Failure::retry(format!("the state does not fit: {error}")))
}
