//! A transform and a scheduler whose every word depends on all that they were ever given.

use super::TapeConfig;
use super::kept::keep;
use pipeline_plugin_api::prelude::*;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Digests all that a pure element is given.
struct Digester {
    run: String,
    node: String,
    state: u64,
    calls: u64,
    config: TapeConfig,
}

impl Digester {
    fn new(config: TapeConfig, host: &Host) -> Self {
        Self {
            run: host.run_id(),
            node: host.name(),
            state: 0,
            calls: 0,
            config,
        }
    }

    fn digest(&mut self, input: &Input<'_>) {
        let mut hasher = DefaultHasher::new();
        let text = format!("{} {:?}", input.at, input.batches().collect::<Vec<_>>());
        (self.state, &text).hash(&mut hasher);
        self.state = hasher.finish();
        self.calls += 1;
        keep(&self.run, |tape| {
            tape.calls += 1;
            tape.ports += input.batches().count() as u64;
            tape.inputs.entry(self.node.clone()).or_default().push(text);
        });
        if self.config.pause.nanos() > Nanos::ZERO {
            crate::run::clock::pause(self.config.pause.nanos().into());
        }
        assert!(self.calls != self.config.panics_at, "as the test wants it");
    }
}

/// Says a digest, wishes to be called between its inputs, and asks for state of earlier runs.
pub struct Digest {
    digester: Digester,
    metric: MetricId,
    salt: u64,
}

impl Element for Digest {
    const NAME: &'static str = "tape.digest";
    const SUMMARY: &'static str = "a digest of its input";
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new()
            .takes_any_reading("")
            .takes_findings("")
            .gives_findings("")
            .gives(&vocabulary::CPU_RUN_DELAY)
    }
    fn create(config: TapeConfig, host: &Host) -> Result<Self> {
        let salt = host.fetch("salt").map(|bytes| bytes.len() as u64).unwrap_or_default();
        Ok(Self {
            digester: Digester::new(config, host),
            metric: host.metric(&vocabulary::CPU_RUN_DELAY)?,
            salt,
        })
    }
    fn control(&mut self, name: &str, value: &str) -> Result<()> {
        self.salt = value
            .parse()
            .map_err(|_| Failure::retry(format!("`{name}` takes a number")))?;
        Ok(())
    }
}

impl Transform for Digest {
    fn apply(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        self.digester.digest(input);
        let value = (self.digester.state % 1000) as f64;
        out.readings
            .push(Reading::gauge(input.at, TargetId::NONE, self.metric, value).estimated());
        if self.digester.calls.is_multiple_of(3) {
            out.findings.push(Finding {
                at: input.at,
                id: self.digester.calls,
                why: format!("{:x} {} {}", self.digester.state, self.salt, self.digester.calls).into(),
                ..Finding::default()
            });
        }
        Ok(Wish::At(input.at + Nanos::from_millis(3)))
    }
}

/// Decides by a digest, and digests what becomes of it.
pub struct Decide {
    digester: Digester,
    knob: KnobId,
}

impl Element for Decide {
    const NAME: &'static str = "tape.decide";
    const SUMMARY: &'static str = "actions that digest its input";
    type Config = TapeConfig;
    fn ports(_: &TapeConfig) -> Ports {
        Ports::new()
            .takes_any_reading("")
            .takes_findings("")
            .gives_actions(&vocabulary::CPU_WEIGHT)
    }
    fn create(config: TapeConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            digester: Digester::new(config, host),
            knob: host.knob(&vocabulary::CPU_WEIGHT)?,
        })
    }
}

impl Scheduler for Decide {
    fn decide(&mut self, input: &Input<'_>, out: &mut Batch) -> Result<Wish> {
        self.digester.digest(input);
        if self.digester.calls.is_multiple_of(2) {
            out.actions.push(Action {
                at: input.at,
                id: self.digester.calls,
                target: TargetId(1),
                knob: self.knob,
                value: (self.digester.state % 100) as f64,
                until: input.at + Nanos::from_millis(8),
                why: format!("{:x}", self.digester.state).into(),
                ..Action::default()
            });
        }
        Ok(Wish::Nothing)
    }
}
