//! The `signal` plugin: arithmetic on readings, as pure transforms. This file registers its elements.
//!
//! `rate`, `ratio` and `window` are one element each; `config` is what they can be told; `pattern`,
//! `quality`, `total`, `series` and `statistics` are what they compute with. What a number means for
//! somebody is not judged here: that is `detect`.
#![forbid(unsafe_code)]

mod config;
mod forget;
mod pattern;
mod quality;
mod rate;
mod ratio;
mod series;
mod statistics;
mod total;
mod window;

pipeline_plugin_api::export_plugin! {
    transforms: [rate::Rate, ratio::Ratio, window::Windows],
}
