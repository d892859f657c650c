//! The `process` plugin.
#![forbid(unsafe_code)]
