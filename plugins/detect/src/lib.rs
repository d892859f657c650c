//! The `detect` plugin.
#![forbid(unsafe_code)]
