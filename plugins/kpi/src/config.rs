//! The config of `kpi.redis`. What it means for the load is elsewhere: `due.rs`, `commands.rs`.

use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::secret::Revealed;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The config of `kpi.redis`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// Where the server listens: `redis://HOST:PORT`, with `/N` for database N, or `unix:///PATH`.
    /// Default `redis://127.0.0.1:6379`. No TLS, and no user or password here.
    pub address: String,
    /// The user of the server's access list to log in as, together with `password`. None by default,
    /// which is the server's default user.
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

const MOST_A_SECOND: f64 = 1e6;

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            address: "redis://127.0.0.1:6379".to_owned(),
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
        }
    }
}

impl RedisConfig {
    /// Where the server is, in the words of the `redis` crate.
    ///
    /// # Errors
    /// What is wrong with the address, and how to mend it.
    pub fn server(&self) -> std::result::Result<ConnectionInfo, (String, String)> {
        let help = || "write `redis://HOST:PORT`, `redis://HOST:PORT/DATABASE` or `unix:///PATH`".to_owned();
        let info = self.address.as_str().into_connection_info().map_err(|error| {
            // The address itself may hold a password, so it is not repeated.
            (format!("`address` is no URL of a redis server: {error}"), help())
        })?;
        let settings = info.redis_settings();
        if settings.password().is_some() {
            let help = "remove it, and write `password: Env(\"NAME\")`";
            return Err(("`address` contains a password".to_owned(), help.to_owned()));
        }
        if settings.username().is_some() {
            let help = "remove it, and write `user: \"NAME\"`";
            return Err(("`address` contains a user".to_owned(), help.to_owned()));
        }
        match info.addr() {
            ConnectionAddr::Tcp(..) | ConnectionAddr::Unix(_) => Ok(info),
            _ => Err(("`address` asks for TLS, which is not supported".to_owned(), help())),
        }
    }

    /// The server with what logs in there.
    pub fn with_login(&self, server: &ConnectionInfo, password: &Revealed) -> ConnectionInfo {
        let mut settings = server.redis_settings().clone().set_password(password.expose());
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        server.clone().set_redis_settings(settings)
    }

    fn check_load(&self, faults: &mut Faults) {
        let rate = self.rate > 0.0 && self.rate <= MOST_A_SECOND;
        faults.require(
            rate,
            "rate",
            "`rate` is out of range",
            "give more than 0 and at most 1000000",
        );
        for step in &self.steps {
            if let Some(fault) = step.fault() {
                faults.add("steps", fault, "write `[(at: \"60s\", rate: 9000)]`");
            }
        }
        let sets = (0.0..=1.0).contains(&self.sets);
        faults.require(sets, "sets", "`sets` is a share", "give 0 to 1");
        let keys = (1..=10_000_000).contains(&self.keys);
        faults.require(keys, "keys", "`keys` is out of range", "give 1 to 10000000");
        let value = (1..=16 << 20).contains(&self.value.0);
        faults.require(value, "value", "`value` is out of range", "give \"1B\" to \"16MiB\"");
    }

    fn check_bounds(&self, faults: &mut Faults) {
        let connections = (1..=64).contains(&self.connections);
        faults.require(
            connections,
            "connections",
            "`connections` is out of range",
            "give 1 to 64",
        );
        let warm_up = self.warm_up <= Span::secs(3600);
        faults.require(warm_up, "warm_up", "`warm_up` is too long", "give at most \"1h\"");
        let timeout = (Span::millis(1)..=Span::secs(60)).contains(&self.timeout);
        faults.require(
            timeout,
            "timeout",
            "`timeout` is out of range",
            "give \"1ms\" to \"60s\"",
        );
        let outstanding = (1..=10_000_000).contains(&self.outstanding);
        faults.require(
            outstanding,
            "outstanding",
            "`outstanding` is out of range",
            "give 1 to 10000000",
        );
        faults.require(
            self.user.is_none() || self.password.is_some(),
            "user",
            "`user` logs in, and there is no `password`",
            "write `password: Env(\"NAME\")`",
        );
    }
}

impl Step {
    fn fault(&self) -> Option<String> {
        if !(0.0..=MOST_A_SECOND).contains(&self.rate) {
            return Some(format!("the rate of the step at {} is out of 0 to 1000000", self.at));
        }
        let at_once = self.every.is_some_and(|every| every < Span::millis(1));
        at_once.then(|| format!("the step at {} comes again sooner than after 1ms", self.at))
    }
}

impl Configure for RedisConfig {
    fn check(&self, faults: &mut Faults) {
        if let Err((message, help)) = self.server() {
            faults.add("address", message, help);
        }
        self.check_load(faults);
        self.check_bounds(faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::{parse, sample};

    fn faults(text: &str) -> Vec<String> {
        let faults = parse::<RedisConfig>(text).expect_err("it has faults");
        faults.iter().map(|fault| fault.message.to_string()).collect()
    }

    #[test]
    fn the_sample_is_the_default() {
        assert_eq!(
            parse::<RedisConfig>(&sample::<RedisConfig>()).unwrap(),
            RedisConfig::default()
        );
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let faults = faults("(address: \"redis://:hunter2@127.0.0.1:7777\")");
        assert_eq!(faults, ["`address` contains a password"]);
    }

    #[test]
    fn a_user_is_told_in_a_field_and_needs_a_password() {
        assert_eq!(
            faults("(address: \"redis://me@127.0.0.1:7777\")"),
            ["`address` contains a user"]
        );
        assert_eq!(faults("(user: \"me\")"), ["`user` logs in, and there is no `password`"]);
        let config: RedisConfig = parse("(user: \"me\", password: Env(\"PASSWORD\"))").unwrap();
        assert_eq!(config.password, Some(Secret::env("PASSWORD")));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = "(address: \"7777\", rate: 0, sets: 2, keys: 0, value: \"0B\", connections: 0, timeout: \"0s\", \
                    outstanding: 0, steps: [(rate: -1)])";
        assert_eq!(faults(text).len(), 9, "{:?}", faults(text));
    }

    #[test]
    fn tls_is_refused_and_sockets_of_files_are_not() {
        assert_eq!(faults("(address: \"rediss://127.0.0.1\")").len(), 1);
        parse::<RedisConfig>("(address: \"unix:///run/redis.sock\")").unwrap();
    }

    #[test]
    fn steps_are_read() {
        let config: RedisConfig = parse("(steps: [(at: \"60s\", rate: 9000, every: \"2m\")])").unwrap();
        let step = Step {
            at: Span::secs(60),
            rate: 9000.0,
            every: Some(Span::secs(120)),
        };
        assert_eq!(config.steps, [step]);
    }
}
