//! When requests are due: absolute instants that depend on the rate alone, and never on answers.
//!
//! Pure. Who waits for them is `engine/sender.rs`.

use crate::config::{Arrivals, LoadConfig, Step};
use crate::protocol::Protocol;
use pipeline_plugin_api::prelude::*;

/// The instants at which requests are due, one after the other.
#[derive(Debug)]
pub struct DueTimes {
    plan: Plan,
    arrivals: Arrivals,
    random: fastrand::Rng,
    rate: f64,
    /// When the rate may change next.
    edge: Nanos,
    next: Nanos,
    /// What the next instant is later than its whole nanoseconds, so that no rounding adds up.
    rest: f64,
}

impl DueTimes {
    /// Those of a config, from an instant on.
    pub fn new<P: Protocol>(config: &LoadConfig<P>, start: Nanos) -> Self {
        let plan = Plan {
            base: config.rate,
            steps: config.steps.clone(),
        };
        let mut times = Self {
            rate: plan.rate(start),
            edge: plan.next_edge(start),
            plan,
            arrivals: config.arrivals,
            random: fastrand::Rng::with_seed(config.seed),
            next: start,
            rest: 0.0,
        };
        times.advance();
        times
    }

    /// When the next request is due; the end of time where none is.
    pub fn next(&self) -> Nanos {
        self.next
    }

    /// The next request if it is due by now.
    pub fn due(&mut self, now: Nanos) -> Option<Nanos> {
        let due = self.next;
        (due <= now).then(|| {
            self.advance();
            due
        })
    }

    fn advance(&mut self) {
        loop {
            let exact = self.rest + self.gap_ns();
            let candidate = self.next + Nanos(exact as u64);
            if candidate < self.edge || self.edge == Nanos::FOREVER {
                self.rest = exact.fract();
                self.next = candidate;
                return;
            }
            self.next = self.edge;
            self.rest = 0.0;
            self.rate = self.plan.rate(self.next);
            self.edge = self.plan.next_edge(self.next);
        }
    }

    /// Nanoseconds between two requests; infinite where there is no load.
    fn gap_ns(&mut self) -> f64 {
        let mean = 1e9 / self.rate;
        match self.arrivals {
            Arrivals::Uniform => mean,
            // `1 - f64()` is in (0, 1], so that the logarithm is finite.
            Arrivals::Poisson => -(1.0 - self.random.f64()).ln() * mean,
        }
    }
}

/// The rate over time.
#[derive(Clone, Debug)]
struct Plan {
    base: f64,
    steps: Vec<Step>,
}

impl Plan {
    fn rate(&self, at: Nanos) -> f64 {
        let latest = self.steps.iter().filter_map(|step| Some((step.last(at)?, step.rate)));
        latest.max_by_key(|(when, _)| *when).map_or(self.base, |(_, rate)| rate)
    }

    fn next_edge(&self, after: Nanos) -> Nanos {
        self.steps
            .iter()
            .map(|step| step.next(after))
            .min()
            .unwrap_or(Nanos::FOREVER)
    }
}

impl Step {
    /// When it last came, at `at` at the latest.
    fn last(&self, at: Nanos) -> Option<Nanos> {
        let first = self.at.nanos();
        let since = at.0.checked_sub(first.0)?;
        Some(match self.every {
            Some(every) => at - Nanos(since % every.nanos().0.max(1)),
            None => first,
        })
    }

    /// When it comes next after `after`.
    fn next(&self, after: Nanos) -> Nanos {
        match (self.last(after), self.every) {
            (None, _) => self.at.nanos(),
            (Some(last), Some(every)) => last + every.nanos(),
            (Some(_), None) => Nanos::FOREVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::Redis;

    type RedisConfig = LoadConfig<Redis>;

    fn config(rate: f64, arrivals: Arrivals) -> RedisConfig {
        RedisConfig {
            rate,
            arrivals,
            ..RedisConfig::default()
        }
    }

    fn step(at: u64, rate: f64, every: Option<u64>) -> Step {
        Step {
            at: Span::secs(at),
            rate,
            every: every.map(Span::secs),
        }
    }

    /// How many are due in each second.
    fn by_second(config: &RedisConfig, seconds: u64) -> Vec<usize> {
        let mut times = DueTimes::new(config, Nanos::ZERO);
        let count = |second| std::iter::from_fn(|| times.due(Nanos::from_secs(second))).count();
        (1..=seconds).map(count).collect()
    }

    #[test]
    fn equal_distances_do_not_drift() {
        let mut times = DueTimes::new(&config(7.0, Arrivals::Uniform), Nanos(5));
        let all: Vec<Nanos> = std::iter::from_fn(|| times.due(Nanos::from_secs(1001)))
            .take(7000)
            .collect();
        assert_eq!(all[0], Nanos(5 + 142_857_142));
        assert!(
            all[6999].0.abs_diff(Nanos::from_secs(1000).0 + 5) <= 1,
            "{:?}",
            all[6999]
        );
    }

    #[test]
    fn random_arrivals_have_the_rate_and_its_spread() {
        let counts = by_second(&config(1000.0, Arrivals::Poisson), 400);
        let mean = counts.iter().sum::<usize>() as f64 / 400.0;
        let variance = counts.iter().map(|n| (*n as f64 - mean).powi(2)).sum::<f64>() / 400.0;
        assert!((mean - 1000.0).abs() < 6.0, "{mean}");
        assert!((700.0..1300.0).contains(&variance), "{variance}");
    }

    #[test]
    fn the_same_seed_asks_at_the_same_instants() {
        let with_seed = |seed| {
            by_second(
                &RedisConfig {
                    seed,
                    ..config(1000.0, Arrivals::Poisson)
                },
                5,
            )
        };
        assert_eq!(with_seed(3), with_seed(3));
        assert_ne!(with_seed(3), with_seed(4));
    }

    #[test]
    fn a_step_changes_the_rate_at_its_instant() {
        let mut config = config(100.0, Arrivals::Uniform);
        config.steps = vec![step(2, 300.0, None)];
        assert_eq!(by_second(&config, 4), [100, 99, 300, 300]);
    }

    #[test]
    fn steps_that_repeat_alternate() {
        let mut config = config(10.0, Arrivals::Uniform);
        config.steps = vec![step(1, 100.0, Some(2)), step(2, 10.0, Some(2))];
        let counts = by_second(&config, 6);
        for (second, count) in counts.iter().enumerate() {
            let rate = if second % 2 == 1 { 100 } else { 10 };
            assert!(count.abs_diff(rate) <= 1, "{counts:?}");
        }
    }

    #[test]
    fn a_pause_ends_with_the_next_step() {
        let mut config = config(10.0, Arrivals::Uniform);
        config.steps = vec![step(1, 0.0, None), step(3, 10.0, None)];
        assert_eq!(by_second(&config, 4), [9, 0, 0, 10]);
    }

    #[test]
    fn after_the_last_pause_nothing_is_due() {
        let mut config = config(10.0, Arrivals::Uniform);
        config.steps = vec![step(0, 0.0, None)];
        assert_eq!(DueTimes::new(&config, Nanos(1)).next(), Nanos::FOREVER);
    }
}
