//! The `detect` plugin: who suffers, from whom, through what. Judges only; what to do about it is
//! for a policy.
#![forbid(unsafe_code)]

mod account;
mod baseline;
mod caps;
mod cause;
mod class;
mod config;
mod culprit;
mod docket;
mod judge;
mod learn;
mod ledger;
mod memory;
mod outlier;
mod pattern;
mod roster;
mod saved;
mod seen;
mod signal;
mod triage;
mod typical;
mod votes;
mod watch;
mod words;

pub use baseline::Baseline;
pub use class::Classes;
pub use culprit::Culprits;
pub use outlier::Outliers;
pub use pattern::Patterns;
pub use triage::Triage;

pipeline_plugin_api::export_plugin! {
    transforms: [Baseline, Outliers, Culprits, Triage, Classes, Patterns],
}
