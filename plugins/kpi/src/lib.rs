//! The `kpi` plugin: what users of a workload feel. It observes; it changes nothing about how a
//! workload runs. Not here: load for its own sake, and numbers that a workload tells of itself.
#![forbid(unsafe_code)]

mod answers;
mod commands;
mod config;
mod connection;
mod due;
mod engine;
mod error;
mod keyspace;
mod memcached;
mod probe;
mod protocol;
mod readings;
mod redis;
mod server;
mod tally;
#[cfg(test)]
mod testing;
mod users;

pipeline_plugin_api::export_plugin! {
    collectors: [users::Users<redis::Redis>, users::Users<memcached::Memcached>],
}
