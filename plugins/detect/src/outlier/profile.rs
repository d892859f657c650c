//! What is usual of a job: mean and standard deviation of its samples, by Welford's method, with the weight of old ones
//! fading by the day. Bounded; kept between runs.

use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const DAY_SECONDS: f64 = 86_400.0;
/// The most jobs that are profiled; of more, that with the fewest samples goes.
const MOST: usize = 1024;

/// The profile of one job.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Mean cycles per instruction.
    pub mean: f64,
    /// Sum of the squared distances from the mean.
    pub squares: f64,
    /// How many samples it rests on, old ones counting less.
    pub samples: f64,
}

impl Profile {
    /// Whether it rests on enough samples.
    pub fn is_ready(&self, samples: u32) -> bool {
        self.samples >= f64::from(samples) && self.mean > 0.0
    }

    /// The mean and that many standard deviations.
    pub fn above(&self, sigmas: f64) -> f64 {
        self.mean + sigmas * self.deviation()
    }

    /// How many standard deviations above the mean a value lies.
    pub fn deviations(&self, value: f64) -> f64 {
        (value - self.mean) / self.deviation().max(self.mean * 1e-6)
    }

    fn deviation(&self) -> f64 {
        (self.squares / (self.samples - 1.0).max(1.0)).sqrt()
    }

    fn add(&mut self, value: f64) {
        self.samples += 1.0;
        let off = value - self.mean;
        self.mean += off / self.samples;
        self.squares += off * (value - self.mean);
    }
}

/// The profiles of all jobs.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    all: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Those.
    pub fn of(all: BTreeMap<String, Profile>) -> Self {
        Self { all }
    }

    /// All of them, by job.
    pub fn all(&self) -> &BTreeMap<String, Profile> {
        &self.all
    }

    /// That of a job; one without samples where it is new.
    pub fn of_job(&self, job: &str) -> Profile {
        self.all.get(job).copied().unwrap_or_default()
    }

    /// How many there are, and how many rest on so many samples.
    pub fn count(&self, samples: u32) -> (usize, usize) {
        let ready = self.all.values().filter(|profile| profile.is_ready(samples));
        (self.all.len(), ready.count())
    }

    /// Takes a sample of a job in.
    pub fn add(&mut self, job: &str, value: f64) {
        if let Some(profile) = self.all.get_mut(job) {
            profile.add(value);
            return;
        }
        if self.all.len() >= MOST {
            self.drop_least();
        }
        self.all.entry(job.to_owned()).or_default().add(value);
    }

    /// That much time passed: what was learnt before weighs `daily` of itself after a day.
    pub fn age(&mut self, passed: Nanos, daily: f64) {
        let weight = libm::pow(daily, passed.seconds() / DAY_SECONDS);
        for profile in self.all.values_mut() {
            profile.samples *= weight;
            profile.squares *= weight;
        }
    }

    fn drop_least(&mut self) {
        let least = self.all.iter().min_by(|a, b| a.1.samples.total_cmp(&b.1.samples));
        if let Some(job) = least.map(|(job, _)| job.clone()) {
            self.all.remove(&job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_are_those_of_the_samples() {
        let mut profiles = Profiles::default();
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
            .iter()
            .for_each(|value| profiles.add("web", *value));
        let profile = profiles.of_job("web");
        assert_eq!(profile.mean, 5.0);
        assert!((profile.above(2.0) - (5.0 + 2.0 * (32.0_f64 / 7.0).sqrt())).abs() < 1e-9);
        assert!(profile.is_ready(8) && !profile.is_ready(9));
    }

    #[test]
    fn a_day_takes_a_tenth_of_the_weight_and_nothing_of_the_mean() {
        let mut profiles = Profiles::default();
        (0..100).for_each(|i| profiles.add("web", f64::from(i % 2)));
        let before = profiles.of_job("web");
        profiles.age(Nanos::from_secs(86_400), 0.9);
        let after = profiles.of_job("web");
        assert!((after.samples - 90.0).abs() < 1e-9 && after.mean == before.mean);
        assert!((after.deviation() - before.deviation()).abs() < 0.01);
    }

    #[test]
    fn at_the_bound_the_job_with_the_fewest_samples_goes() {
        let mut profiles = Profiles::default();
        for i in 0..MOST {
            profiles.add(&format!("job{i}"), 1.0);
        }
        (0..MOST)
            .filter(|i| *i != 5)
            .for_each(|i| profiles.add(&format!("job{i}"), 1.0));
        profiles.add("new", 1.0);
        assert_eq!(profiles.all().len(), MOST);
        assert!(!profiles.all().contains_key("job5") && profiles.all().contains_key("new"));
    }
}
