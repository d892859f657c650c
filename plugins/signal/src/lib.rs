//! The `signal` plugin.
#![forbid(unsafe_code)]
