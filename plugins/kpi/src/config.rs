//! The config of the elements that ask a server on schedule, one for all kinds of servers. What its fields mean
//! for the load is elsewhere: `due.rs`, `commands.rs`; what it must not say is in `config/check.rs`.

mod check;

use crate::protocol::Protocol;
use pipeline_plugin_api::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// The config of `kpi.redis` and `kpi.memcached`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, bound = "P: Protocol")]
#[schemars(bound = "P: Protocol")]
pub struct LoadConfig<P> {
    /// Where the server listens: `redis://HOST:PORT`, with `/N` for database N, for `kpi.redis`;
    /// `memcached://HOST:PORT` for `kpi.memcached`; `unix:///PATH` for both. By default its usual port
    /// at 127.0.0.1. No TLS, and no user or password here.
    pub address: String,
    /// The user to log in as, together with `password`: of redis' access list, or of memcached's file
    /// of users. None by default, which with redis is the server's default user.
    pub user: Option<String>,
    /// The password to log in with, as `Env("NAME")`: the value of an environment variable of the
    /// pipeline. None by default, which does not log in. Only the name is ever shown.
    pub password: Option<Secret>,
    /// Requests that come due a second, whatever becomes of them. Above 0, at most 1000000;
    /// default 1000. Keep it where the undisturbed server answers at once: below half of what it can.
    pub rate: f64,
    /// How requests come: `Uniform`, at equal distances (default: the least noise), or `Poisson`,
    /// as from many users who know nothing of each other.
    pub arrivals: Arrivals,
    /// Changes of the rate, for experiments: `[(at: "60s", rate: 9000)]`. From `at` on, counted
    /// from the run's start, the rate is that one; with `every`, again each such span. None by default.
    pub steps: Vec<Step>,
    /// Connections that take turns. 1 to 64, default 4.
    pub connections: u32,
    /// Share of requests that are SET; the others are GET. 0 to 1, default 0.1.
    pub sets: f64,
    /// Keys that requests choose from, all alike likely. 1 to 10000000, default 10000. More than fit
    /// into the cache make the server feel it when a neighbour takes the cache.
    pub keys: u32,
    /// Size of a value. 1B to 16MiB, default 64B.
    pub value: Bytes,
    /// Whether to write all keys once before the load, and to remove them when the run ends; else a
    /// GET finds only what a SET wrote. Default true. The keys are named `pipeline:kpi:NUMBER`.
    pub fill: bool,
    /// How long after the target appeared requests are sent but not counted; readings are unavailable
    /// meanwhile. 0s to 1h, default 1s. Longer where the server starts, or is filled, slowly.
    pub warm_up: Span,
    /// A request that waited longer than this is an error, and an answer that comes later is ignored.
    /// 1ms to 60s, default 5s.
    pub timeout: Span,
    /// Most requests that may be unanswered at a time; those that come due beyond are errors.
    /// 1 to 10000000, default 100000.
    pub outstanding: u32,
    /// The CPU that the threads of the load run on. None by default, which is wherever there is room;
    /// give one that the measured server does not use.
    pub cpu: Option<u32>,
    /// Whether the threads of the load go before all others on `cpu` (SCHED_FIFO, lowest priority),
    /// so that their waiting for that CPU is not taken for the server's. Default true; without `cpu`,
    /// or without the right to (CAP_SYS_NICE), it does nothing. They take a third of a CPU at 6000
    /// requests a second: set it to false where something else on that CPU must not wait.
    pub realtime: bool,
    /// Seed of arrivals and of keys, so that two runs ask the same. Default 1.
    pub seed: u64,
    /// Whether to give `kpi.latency.bucket` too, so that tails of several spans can be pooled.
    /// Default false.
    pub histogram: bool,
    /// Which kind of server it is for.
    #[serde(skip)]
    pub protocol: PhantomData<P>,
}

/// How requests come.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Uniform,
    /// With exponentially distributed distances.
    Poisson,
}

/// A change of the rate.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// When, counted from the run's start. Default 0s.
    pub at: Span,
    /// Requests a second from then on, until another step. 0 to 1000000, where 0 is a pause. Default 0.
    pub rate: f64,
    /// How long until the same step comes again. Once by default.
    pub every: Option<Span>,
}

impl<P: Protocol> Default for LoadConfig<P> {
    fn default() -> Self {
        Self {
            address: P::ADDRESS.to_owned(),
            user: None,
            password: None,
            rate: 1000.0,
            arrivals: Arrivals::Uniform,
            steps: Vec::new(),
            connections: 4,
            sets: 0.1,
            keys: 10_000,
            value: Bytes(64),
            fill: true,
            warm_up: Span::secs(1),
            timeout: Span::secs(5),
            outstanding: 100_000,
            cpu: None,
            realtime: true,
            seed: 1,
            histogram: false,
            protocol: PhantomData,
        }
    }
}
