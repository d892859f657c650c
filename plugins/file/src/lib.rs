//! The `file` plugin.
#![forbid(unsafe_code)]
