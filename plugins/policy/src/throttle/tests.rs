//! A toy world around the policy: a victim that suffers until the remedy that works is in force, a
//! detector that says so, an actuator that does as it is told.

mod loops;
mod rails;
mod resources;
mod toy;

use super::*;
use toy::{BATCH, Toy, WEB};

/// The knobs that were turned, in order: target, knob, value or text, and whether that was an undoing.
fn story(toy: &Toy) -> Vec<String> {
    toy.changes().iter().map(|action| toy.describe(action)).collect()
}
