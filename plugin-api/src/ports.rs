//! What an element takes and gives under a config, in words that `pipeline check` can compare.

use crate::abi::{self, Port, PortKind};
use crate::vocabulary::{Knob, Metric};

/// The name that stands for any metric or any knob.
pub const ANY: &str = "*";

/// What an element takes and gives. Built by chaining, see [`crate::stage::Element::ports`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ports {
    takes: Vec<Port>,
    gives: Vec<Port>,
}

impl Ports {
    /// Nothing taken, nothing given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a metric if somebody gives it.
    pub fn takes(self, metric: &Metric) -> Self {
        self.take(PortKind::READINGS, metric.name, metric.unit, false, metric.doc)
    }

    /// Cannot work without a metric.
    pub fn needs(self, metric: &Metric) -> Self {
        self.take(PortKind::READINGS, metric.name, metric.unit, true, metric.doc)
    }

    /// Takes a metric whose name comes from the config.
    pub fn needs_named(self, name: &str, doc: &str) -> Self {
        let unit = crate::vocabulary::metric(name).map_or("", |metric| metric.unit);
        self.take(PortKind::READINGS, name, unit, true, doc)
    }

    /// Takes a metric whose name comes from the config if somebody gives it.
    pub fn takes_named(self, name: &str, doc: &str) -> Self {
        let unit = crate::vocabulary::metric(name).map_or("", |metric| metric.unit);
        self.take(PortKind::READINGS, name, unit, false, doc)
    }

    /// Takes every reading there is.
    pub fn takes_any_reading(self, doc: &str) -> Self {
        self.take(PortKind::READINGS, ANY, "", false, doc)
    }

    /// Takes findings if somebody gives them.
    pub fn takes_findings(self, doc: &str) -> Self {
        self.take(PortKind::FINDINGS, "", "", false, doc)
    }

    /// Cannot work without findings.
    pub fn needs_findings(self, doc: &str) -> Self {
        self.take(PortKind::FINDINGS, "", "", true, doc)
    }

    /// Carries out actions on a knob.
    pub fn takes_actions(self, knob: &Knob) -> Self {
        self.take(PortKind::ACTIONS, knob.name, knob.unit, false, knob.doc)
    }

    /// Takes every action there is, as a sink does.
    pub fn takes_any_action(self, doc: &str) -> Self {
        self.take(PortKind::ACTIONS, ANY, "", false, doc)
    }

    /// Takes outcomes and controls.
    pub fn takes_outcomes(self, doc: &str) -> Self {
        self.take(PortKind::OUTCOMES, "", "", false, doc)
    }

    /// Takes whatever there is, as most sinks do.
    pub fn takes_all(self, doc: &str) -> Self {
        self.takes_any_reading(doc)
            .takes_findings(doc)
            .takes_any_action(doc)
            .takes_outcomes(doc)
    }

    /// Gives a metric.
    pub fn gives(self, metric: &Metric) -> Self {
        self.give(PortKind::READINGS, metric.name, metric.unit, metric.doc)
    }

    /// Gives a metric whose name comes from the config.
    pub fn gives_named(self, name: &str, unit: &str, doc: &str) -> Self {
        self.give(PortKind::READINGS, name, unit, doc)
    }

    /// Gives readings whose metrics depend on what it is given.
    pub fn gives_any_reading(self, doc: &str) -> Self {
        self.give(PortKind::READINGS, ANY, "", doc)
    }

    /// Gives findings.
    pub fn gives_findings(self, doc: &str) -> Self {
        self.give(PortKind::FINDINGS, "", "", doc)
    }

    /// Decides on a knob.
    pub fn gives_actions(self, knob: &Knob) -> Self {
        self.give(PortKind::ACTIONS, knob.name, knob.unit, knob.doc)
    }

    /// Decides on whatever knobs its actuators publish.
    pub fn gives_any_action(self, doc: &str) -> Self {
        self.give(PortKind::ACTIONS, ANY, "", doc)
    }

    /// Gives outcomes and controls, as every actuator does.
    pub fn gives_outcomes(self, doc: &str) -> Self {
        self.give(PortKind::OUTCOMES, "", "", doc)
    }

    fn take(mut self, kind: PortKind, name: &str, unit: &str, required: bool, doc: &str) -> Self {
        self.takes.push(port(kind, name, unit, required, doc));
        self
    }

    fn give(mut self, kind: PortKind, name: &str, unit: &str, doc: &str) -> Self {
        self.gives.push(port(kind, name, unit, false, doc));
        self
    }

    /// As it crosses the boundary.
    pub fn into_abi(self) -> abi::Ports {
        abi::Ports {
            takes: self.takes.into(),
            gives: self.gives.into(),
            ..abi::Ports::default()
        }
    }
}

fn port(kind: PortKind, name: &str, unit: &str, required: bool, doc: &str) -> Port {
    Port {
        kind,
        name: name.into(),
        unit: unit.into(),
        required: u32::from(required),
        doc: doc.into(),
    }
}

impl Port {
    /// Whether what this port gives is something that `taker` takes.
    pub fn feeds(&self, taker: &Self) -> bool {
        self.kind == taker.kind && (self.name == taker.name || self.name == ANY || taker.name == ANY)
    }

    /// For people: `readings of `cpu.time``, `findings`, `actions on `cpu.idle``.
    pub fn describe(&self) -> String {
        match (self.kind, self.name.as_str()) {
            (PortKind::READINGS, ANY) => "any readings".to_owned(),
            (PortKind::READINGS, name) => format!("readings of `{name}`"),
            (PortKind::ACTIONS, ANY) => "actions on any knob".to_owned(),
            (PortKind::ACTIONS, name) => format!("actions on `{name}`"),
            (kind, _) => kind.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{CPU_IDLE, CPU_RUN_DELAY, CPU_TIME};

    #[test]
    fn a_port_feeds_the_same_metric_and_any() {
        let giver = Ports::new().gives(&CPU_TIME).into_abi().gives;
        let same = Ports::new().needs(&CPU_TIME).into_abi().takes;
        let other = Ports::new().needs(&CPU_RUN_DELAY).into_abi().takes;
        let any = Ports::new().takes_any_reading("").into_abi().takes;
        assert!(giver[0].feeds(&same[0]) && giver[0].feeds(&any[0]));
        assert!(!giver[0].feeds(&other[0]));
    }

    #[test]
    fn readings_do_not_feed_actions() {
        let giver = Ports::new().gives_any_reading("").into_abi().gives;
        let taker = Ports::new().takes_actions(&CPU_IDLE).into_abi().takes;
        assert!(!giver[0].feeds(&taker[0]));
    }
}
