//! `mock.decide`: the least that a policy does in an instant: looks at every reading, and decides.

use crate::transform::SCALED;
use pipeline_plugin_api::prelude::*;

/// Decides once an instant on the target whose reading stands out.
pub struct Decide {
    scaled: MetricId,
    weight: KnobId,
    decisions: u64,
}

/// How long a decision holds.
const LEASE: Nanos = Nanos::from_secs(1);

impl Element for Decide {
    const NAME: &'static str = "mock.decide";
    const SUMMARY: &'static str = "one action an instant, on what stands out";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
            .needs_named(SCALED.0, "what to look at")
            .gives_actions(&vocabulary::CPU_WEIGHT)
    }

    fn create(_: NoConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            scaled: host.metric_named(SCALED.0, SCALED.1, Kind::GAUGE)?,
            weight: host.knob(&vocabulary::CPU_WEIGHT)?,
            decisions: 0,
        })
    }

    fn status(&self) -> String {
        format!("{} decisions", self.decisions)
    }
}

impl Scheduler for Decide {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        let readings = input.readings().filter(|reading| reading.metric == self.scaled);
        let numbers = readings.filter_map(|reading| Some((reading.target, reading.number()?)));
        let Some((target, _)) = numbers.max_by(|(_, a), (_, b)| a.total_cmp(b)) else {
            return Ok(Wish::Nothing);
        };
        self.decisions += 1;
        out.actions.push(Action {
            at: input.at,
            id: self.decisions,
            target,
            knob: self.weight,
            value: 1.0,
            until: input.at + LEASE,
            why: "it stands out".into(),
            ..Action::default()
        });
        Ok(Wish::Nothing)
    }
}
