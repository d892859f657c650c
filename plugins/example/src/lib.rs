//! The `example` plugin.
#![forbid(unsafe_code)]
