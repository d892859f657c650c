//! How long requests take: a queue, and now and then a delay that has nothing to do with it.
//!
//! - The queue is M/G/c: a request waits with the probability of Erlang's C formula in Sakasegawa's form (1977),
//!   ρ^(√(2(c+1))−1), and then for an exponential time with the mean s·(1+v²)/(2c(1−ρ)) (Pollaczek and Khinchine for
//!   c = 1, Allen and Cunneen for more; v is the spread of service times).
//! - Service times are at least s·(1−v), and what is above is exponential.
//! - Delays: with probability p a request meets one that is over after a time that is uniform up to some length: the rest
//!   of a neighbour's slice, of a hypervisor's stall, of a quota's period. That is why a quota cannot save a tail: it
//!   makes p smaller, and the length stays.
//!
//! The tail of the sum is taken as the sum of the tails, which is exact where delays are rare and never too small.

/// How requests take their time at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Profile {
    /// Time besides the CPU, in ns.
    pub floor: f64,
    /// Time that those before it in the backlog take, in ns.
    pub backlog: f64,
    /// Mean CPU time, in ns.
    pub service: f64,
    /// Spread of the CPU time, 0 to 1.
    pub spread: f64,
    /// Utilisation, below 1.
    pub busy: f64,
    /// Servers.
    pub servers: f64,
    /// Delays: (probability, longest in ns).
    pub delays: [(f64, f64); 4],
    /// Mean time at the block device, in ns.
    pub io: f64,
}

/// Utilisation is taken as this at most; beyond it the backlog tells.
const MOST_BUSY: f64 = 0.995;

impl Profile {
    /// The share of requests that take longer than `t` ns.
    pub fn beyond(&self, t: f64) -> f64 {
        let left = t - self.floor - self.backlog;
        if left <= 0.0 {
            return 1.0;
        }
        let (waits, wait) = self.queue();
        let mean = self.service + waits * wait;
        let mut beyond = self.served_beyond(left, waits, wait);
        for (probability, longest) in self.delays {
            if probability > 0.0 && longest > 0.0 {
                beyond += probability * (1.0 - (left - mean) / longest).clamp(0.0, 1.0);
            }
        }
        if self.io > 0.0 {
            beyond += libm::exp(-(left - mean).max(0.0) / self.io);
        }
        beyond.min(1.0)
    }

    /// The mean, in ns.
    pub fn mean(&self) -> f64 {
        let (waits, wait) = self.queue();
        let delays: f64 = self.delays.iter().map(|(p, longest)| p * longest / 2.0).sum();
        self.floor + self.backlog + self.service + waits * wait + delays + self.io
    }

    /// No request takes much longer, in ns.
    fn longest(&self) -> f64 {
        let (_, wait) = self.queue();
        let delay = self.delays.iter().map(|(_, longest)| *longest).fold(0.0, f64::max);
        self.floor + self.backlog + delay + 20.0 * (self.service + wait + self.io) + 1.0
    }

    /// How likely a request waits in the queue, and how long on the mean if it does.
    fn queue(&self) -> (f64, f64) {
        let busy = self.busy.clamp(0.0, MOST_BUSY);
        let servers = self.servers.max(1.0);
        let waits = match servers > 1.0 {
            true => libm::pow(busy, (2.0 * (servers + 1.0)).sqrt() - 1.0),
            false => busy,
        };
        let wait = self.service * (1.0 + self.spread * self.spread) / (2.0 * servers * (1.0 - busy));
        (waits, wait)
    }

    fn served_beyond(&self, left: f64, waits: f64, wait: f64) -> f64 {
        let above = left - self.service * (1.0 - self.spread);
        if above <= 0.0 {
            return 1.0;
        }
        let tail = (self.service * self.spread).max(self.service * 1e-3).max(1e-3);
        let wait = wait.max(1e-3);
        let alone = libm::exp(-above / tail);
        let queued = match ((tail - wait) / tail).abs() < 1e-3 {
            true => (1.0 + above / tail) * alone,
            false => (tail * alone - wait * libm::exp(-above / wait)) / (tail - wait),
        };
        (1.0 - waits) * alone + waits * queued
    }
}

/// What the requests of a span took, pooled over moments of different profiles.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    parts: Vec<(f64, Profile)>,
    requests: f64,
}

impl Latency {
    /// Adds that many requests of a profile.
    pub fn add(&mut self, requests: f64, profile: Profile) {
        if requests > 0.0 {
            self.parts.push((requests, profile));
            self.requests += requests;
        }
    }

    /// How many requests.
    pub const fn requests(&self) -> f64 {
        self.requests
    }

    /// The mean, in ns; `None` without requests.
    pub fn mean(&self) -> Option<f64> {
        let sum: f64 = self
            .parts
            .iter()
            .map(|(requests, profile)| requests * profile.mean())
            .sum();
        (self.requests > 0.0).then(|| sum / self.requests)
    }

    /// The share of requests that take longer than `t` ns.
    pub fn beyond(&self, t: f64) -> f64 {
        let sum: f64 = self
            .parts
            .iter()
            .map(|(requests, profile)| requests * profile.beyond(t))
            .sum();
        sum / self.requests.max(1e-12)
    }

    /// The time in ns beyond which that share (0 to 1) of the requests lies; `None` without requests. To 0.2 %.
    pub fn quantile(&self, beyond: f64) -> Option<f64> {
        (self.requests > 0.0).then_some(())?;
        let beyond = beyond.clamp(1e-9, 1.0 - 1e-9);
        let floor = |profile: &Profile| profile.floor + profile.backlog + profile.service * (1.0 - profile.spread);
        let mut low = self
            .parts
            .iter()
            .map(|(_, profile)| floor(profile))
            .fold(f64::INFINITY, f64::min);
        let mut high = self
            .parts
            .iter()
            .map(|(_, profile)| profile.longest())
            .fold(low, f64::max);
        let error = |t: f64| libm::log(self.beyond(t).max(1e-12) / beyond);
        let (mut at_low, mut at_high) = (error(low), error(high));
        if at_low <= 0.0 || at_high >= 0.0 {
            return Some(if at_low <= 0.0 { low } else { high });
        }
        // The Illinois form of the false position: tails are nearly straight in the logarithm.
        for _ in 0..40 {
            if high - low <= high * 2e-3 {
                break;
            }
            let guess = (low * at_high - high * at_low) / (at_high - at_low);
            let margin = (high - low) * 0.01;
            let guess = guess.clamp(low + margin, high - margin);
            let found = error(guess);
            match found > 0.0 {
                true => {
                    (low, at_low) = (guess, found);
                    at_high *= 0.5;
                }
                false => {
                    (high, at_high) = (guess, found);
                    at_low *= 0.5;
                }
            }
        }
        Some(f64::midpoint(low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e6;

    /// 6000 requests a second of 20 µs each.
    fn quiet() -> Profile {
        Profile {
            floor: 40e3,
            service: 20e3,
            spread: 0.5,
            busy: 0.12,
            servers: 1.0,
            ..Profile::default()
        }
    }

    fn p99(profile: Profile) -> f64 {
        let mut latency = Latency::default();
        latency.add(1.0, profile);
        latency.quantile(0.01).unwrap()
    }

    #[test]
    fn a_queue_of_one_server_waits_as_theory_says() {
        // M/M/1: the time in the system is exponential with the mean s/(1-ρ).
        let profile = Profile {
            service: 1.0 * MS,
            spread: 1.0,
            busy: 0.8,
            servers: 1.0,
            ..Profile::default()
        };
        assert!(
            (p99(profile) / (5.0 * MS * 100_f64.ln()) - 1.0).abs() < 0.01,
            "{}",
            p99(profile)
        );
        assert!((profile.mean() / (5.0 * MS) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_quota_cannot_save_a_tail() {
        let with = |probability: f64| {
            let mut profile = quiet();
            profile.delays[0] = (probability, 2.6 * MS);
            p99(profile)
        };
        assert!(p99(quiet()) < 0.15 * MS, "{}", p99(quiet()));
        assert!(with(0.95) > 2.4 * MS && with(0.5) > 2.3 * MS && with(0.065) > 1.8 * MS);
        assert!(with(0.001) < 0.2 * MS, "one request in a thousand moves no p99");
    }

    #[test]
    fn quantiles_agree_with_the_tail() {
        let mut profile = quiet();
        profile.delays = [(0.3, 2.6 * MS), (0.01, 8.0 * MS), (0.0, 0.0), (0.0, 0.0)];
        let mut latency = Latency::default();
        latency.add(3.0, profile);
        latency.add(1.0, quiet());
        for beyond in [0.5, 0.1, 0.01, 0.001] {
            let at = latency.quantile(beyond).unwrap();
            let (above, below) = (latency.beyond(at * 0.995), latency.beyond(at * 1.005));
            assert!(
                above >= beyond * 0.999 && below <= beyond * 1.001,
                "{beyond} {at} {above} {below}"
            );
        }
        assert_eq!(Latency::default().quantile(0.5), None);
    }
}
