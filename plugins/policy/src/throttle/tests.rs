//! A toy world around the policy: a victim that suffers until the remedy that works is in force, a
//! detector that says so, an actuator that does as it is told.

mod loops;
mod rails;
mod resources;
mod toy;

use super::*;
use toy::{BATCH, Toy, WEB};
