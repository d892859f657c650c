//! Duty cycles: a culprit runs for the first part of each period and is stopped for the rest.
//!
//! Micro-Container's throttle lets background work run a chunk and then sleep 100 µs, or stops it until its flag clears;
//! its flag is polled by the work itself. Here the work needs to know nothing: the group is frozen and thawed.

use super::ladder::Remedy;
use crate::config::{Rung, ThrottleConfig};
use crate::world::Offer;
use pipeline_plugin_api::prelude::*;

/// What a remedy's knob stands at now.
pub fn value(remedy: &Remedy, offer: &Offer, at: Nanos, config: &ThrottleConfig) -> f64 {
    let runs = remedy.rung == Rung::Duty && phase(at, config) < run(config);
    if runs {
        offer.loosest().unwrap_or(remedy.value)
    } else {
        remedy.value
    }
}

/// When that changes next.
pub fn next(at: Nanos, config: &ThrottleConfig) -> Nanos {
    let (phase, run, period) = (phase(at, config), run(config), config.duty_period.nanos().0);
    let edge = if phase < run { run } else { period };
    Nanos(at.0 + (edge - phase))
}

fn phase(at: Nanos, config: &ThrottleConfig) -> u64 {
    at.0 % config.duty_period.nanos().0.max(1)
}

/// How long it runs, in nanoseconds.
fn run(config: &ThrottleConfig) -> u64 {
    let period = config.duty_period.nanos().0.max(1);
    ((period as f64 * config.duty) as u64).min(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_for_the_first_part_of_each_period() {
        let config = ThrottleConfig::default();
        let remedy = Remedy {
            rung: Rung::Duty,
            knob: (TargetId(1), KnobId(1)),
            value: 1.0,
            text: String::new(),
            free: 0.0,
            why: String::new(),
        };
        let offer = Offer {
            most: 1.0,
            upwards: true,
            ..Offer::default()
        };
        let millis = Nanos::from_millis;
        for (at, stands, edge) in [
            (0, 0.0, 20),
            (19, 0.0, 20),
            (20, 1.0, 100),
            (99, 1.0, 100),
            (100, 0.0, 120),
        ] {
            let is = (value(&remedy, &offer, millis(at), &config), next(millis(at), &config));
            assert_eq!(is, (stands, millis(edge)), "at {at} ms");
        }
        let frozen = Remedy {
            rung: Rung::Freeze,
            ..remedy
        };
        assert_eq!(value(&frozen, &offer, millis(0), &config), 1.0);
    }
}
