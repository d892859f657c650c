//! The `kpi` plugin.
#![forbid(unsafe_code)]
