//! What a config must not say: ranges, and fields that need each other.

use super::{LoadConfig, Step};
use crate::protocol::Protocol;
use pipeline_plugin_api::prelude::*;

const MOST_A_SECOND: f64 = 1e6;

impl<P: Protocol> Configure for LoadConfig<P> {
    fn check(&self, faults: &mut Faults) {
        if let Err((message, help)) = P::server(&self.address) {
            faults.add("address", message, help);
        }
        self.check_login(faults);
        self.check_load(faults);
        self.check_bounds(faults);
    }
}

impl<P: Protocol> LoadConfig<P> {
    fn check_login(&self, faults: &mut Faults) {
        faults.require(
            self.user.is_none() || self.password.is_some(),
            "user",
            "`user` logs in, and there is no `password`",
            "write `password: Env(\"NAME\")`",
        );
        faults.require(
            !P::NAMES_USERS || self.password.is_none() || self.user.is_some(),
            "password",
            "`password` logs in, and there is no `user`",
            "write `user: \"NAME\"`",
        );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcached::Memcached;
    use crate::redis::Redis;
    use pipeline_plugin_api::config::{parse, sample};

    fn faults<P: Protocol>(text: &str) -> Vec<String> {
        let faults = parse::<LoadConfig<P>>(text).expect_err("it has faults");
        faults.iter().map(|fault| fault.message.to_string()).collect()
    }

    fn sample_is_default<P: Protocol>() {
        let sample = sample::<LoadConfig<P>>();
        assert_eq!(parse::<LoadConfig<P>>(&sample).unwrap(), LoadConfig::default());
    }

    #[test]
    fn the_sample_is_the_default() {
        sample_is_default::<Redis>();
        sample_is_default::<Memcached>();
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let found = faults::<Redis>("(address: \"redis://:hunter2@127.0.0.1:7777\")");
        assert_eq!(found, ["`address` contains a password"]);
        let found = faults::<Memcached>("(address: \"memcached://me:hunter2@127.0.0.1:7777\")");
        assert_eq!(found, ["`address` contains a user or a password"]);
    }

    #[test]
    fn a_user_is_told_in_a_field_and_needs_a_password() {
        assert_eq!(
            faults::<Redis>("(address: \"redis://me@127.0.0.1:7777\")"),
            ["`address` contains a user"]
        );
        let alone = ["`user` logs in, and there is no `password`"];
        assert_eq!(faults::<Redis>("(user: \"me\")"), alone);
        assert_eq!(faults::<Memcached>("(user: \"me\")"), alone);
        let config: LoadConfig<Redis> = parse("(user: \"me\", password: Env(\"PASSWORD\"))").unwrap();
        assert_eq!(config.password, Some(Secret::env("PASSWORD")));
    }

    #[test]
    fn only_memcached_wants_a_user_with_every_password() {
        let text = "(password: Env(\"PASSWORD\"))";
        parse::<LoadConfig<Redis>>(text).unwrap();
        assert_eq!(
            faults::<Memcached>(text),
            ["`password` logs in, and there is no `user`"]
        );
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = "(address: \"7777\", rate: 0, sets: 2, keys: 0, value: \"0B\", connections: 0, timeout: \"0s\", \
                    outstanding: 0, steps: [(rate: -1)])";
        for found in [faults::<Redis>(text), faults::<Memcached>(text)] {
            assert_eq!(found.len(), 9, "{found:?}");
        }
    }

    #[test]
    fn the_address_is_that_of_the_right_kind_of_server() {
        assert_eq!(faults::<Redis>("(address: \"memcached://127.0.0.1:11211\")").len(), 1);
        assert_eq!(faults::<Memcached>("(address: \"redis://127.0.0.1:6379\")").len(), 1);
    }

    #[test]
    fn tls_is_refused_and_sockets_of_files_are_not() {
        assert_eq!(faults::<Redis>("(address: \"rediss://127.0.0.1\")").len(), 1);
        parse::<LoadConfig<Redis>>("(address: \"unix:///run/redis.sock\")").unwrap();
        parse::<LoadConfig<Memcached>>("(address: \"unix:///run/memcached.sock\")").unwrap();
    }

    #[test]
    fn steps_are_read() {
        let config: LoadConfig<Redis> = parse("(steps: [(at: \"60s\", rate: 9000, every: \"2m\")])").unwrap();
        let step = Step {
            at: Span::secs(60),
            rate: 9000.0,
            every: Some(Span::secs(120)),
        };
        assert_eq!(config.steps, [step]);
    }
}
