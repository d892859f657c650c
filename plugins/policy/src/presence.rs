//! Whether a policy may act and how many knobs it holds, told on each change and each second: this
//! is how a run is later cut into windows with and without the policy.

use pipeline_plugin_api::prelude::*;

const EVERY: Nanos = Nanos::from_secs(1);

/// See the file.
#[derive(Clone, Debug)]
pub struct Presence {
    active: MetricId,
    held: MetricId,
    told: Option<(bool, usize, Nanos)>,
}

impl Presence {
    /// Nothing told yet.
    ///
    /// # Errors
    /// Another node means something else by the names of the metrics.
    pub fn new(host: &Host) -> Result<Self> {
        Ok(Self {
            active: host.metric(&vocabulary::POLICY_ACTIVE)?,
            held: host.metric(&vocabulary::POLICY_HELD)?,
            told: None,
        })
    }

    /// Tells it where it changed or a second passed; gives when it is due again.
    pub fn tell(&mut self, at: Nanos, active: bool, held: usize, out: &mut Batch) -> Nanos {
        let known = self.told.filter(|(was, had, _)| (*was, *had) == (active, held));
        if let Some((.., when)) = known.filter(|(.., when)| at < *when + EVERY) {
            return when + EVERY;
        }
        let share = f64::from(u8::from(active));
        out.readings
            .push(Reading::gauge(at, TargetId::NONE, self.active, share));
        out.readings
            .push(Reading::gauge(at, TargetId::NONE, self.held, held as f64));
        self.told = Some((active, held, at));
        at + EVERY
    }
}
