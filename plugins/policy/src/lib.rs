//! The `policy` plugin.
#![forbid(unsafe_code)]
