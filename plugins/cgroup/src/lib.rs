//! The `cgroup` plugin.
#![forbid(unsafe_code)]
