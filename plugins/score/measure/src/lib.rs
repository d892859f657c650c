//! How right a detector is, and how much a policy helps: a [`Trial`] is what happened in a run and what was said about
//! it, [`judge`] compares the two under [`Rules`], and a [`Score`] adds up what was found over many runs.
//!
//! The definitions stand in the README of `score` and at the items that hold them. What is not here: reading files
//! (a [`Gatherer`] is given one value after the other), running anything, and any opinion about what is good enough.
#![forbid(unsafe_code)]

mod alarm;
mod changes;
mod episode;
mod gather;
mod judge;
mod line;
mod mean;
mod measures;
mod recovery;
mod rules;
mod score;
mod share;
mod stretch;
mod tell;
#[cfg(test)]
mod testing;
mod trial;

pub use alarm::{Alarm, View, alarms};
pub use changes::{changes, holds};
pub use episode::{Blame, Episode, episodes};
pub use gather::Gatherer;
pub use judge::{Found, Judged, Verdict, judge};
pub use line::{BadLine, gather_line, gather_lines};
pub use mean::{Mean, quantile};
pub use measures::{Measure, measures};
pub use recovery::{Recovery, paid, recovery};
pub use rules::Rules;
pub use score::Score;
pub use share::{Interval, Share};
pub use stretch::{Stretch, bridged};
pub use trial::{Cause, Moment, Statement, Trial, Turn};
