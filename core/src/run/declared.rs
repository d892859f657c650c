//! What a node may say: only what its ports declare, and not absurdly much of it.
//!
//! A graph is checked against ports before it runs; a node that says something else at run time would feed readers
//! that were never asked. Every batch is looked at, since a bit for each metric is cheap enough for that. What is
//! dropped is counted by the caller and told once for each name.

use abi_stable::std_types::RVec;
use pipeline_plugin_api::abi::{self, Batch, PortKind, Stage};
use pipeline_plugin_api::names::Names;
use pipeline_plugin_api::ports::ANY;
use pipeline_plugin_api::vocabulary::TRUTH;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// The most values that a node may say at one instant; the rest is cut off.
pub const MOST_VALUES: usize = 1_000_000;

/// What a node may say.
#[derive(Debug)]
pub struct Gives {
    changes: bool,
    metrics: Allowed,
    findings: bool,
    knobs: Allowed,
    outcomes: bool,
    told: BTreeSet<String>,
}

/// What was taken out of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sifted {
    /// Values that no port declares.
    pub undeclared: u64,
    /// Values past [`MOST_VALUES`].
    pub excess: u64,
    /// What is to be told: each name once in a node's life.
    pub news: Vec<String>,
}

/// Names of one kind, and the bits of those ids that were found to have one of them.
#[derive(Debug)]
struct Allowed {
    any: bool,
    /// Any but those which tell the truth about a simulated node.
    any_but_truth: bool,
    names: Vec<String>,
    bits: Vec<u64>,
}

impl Gives {
    /// What a node of that stage with those ports may say. `truth` where no transform and no scheduler hears it: only
    /// then may it say the truth about a simulated node without declaring each of its metrics.
    pub fn new(stage: Stage, ports: &abi::Ports, truth: bool) -> Self {
        let has = |kind: PortKind| ports.gives.iter().any(|port| port.kind == kind);
        Self {
            changes: stage == Stage::TARGETS,
            metrics: Allowed::new(ports, PortKind::READINGS).telling(truth),
            findings: has(PortKind::FINDINGS),
            knobs: Allowed::new(ports, PortKind::ACTIONS),
            // Every actuator tells what became of its actions, whether its ports say so or not.
            outcomes: stage == Stage::ACTUATOR || has(PortKind::OUTCOMES),
            told: BTreeSet::new(),
        }
    }

    /// Takes out what the node may not say; `None` where there is no such thing, as nearly always.
    pub fn sift(&mut self, out: &mut Batch, names: &RwLock<Names>) -> Option<Sifted> {
        if self.allows(out) {
            return None;
        }
        self.learn(out, &names.read().unwrap_or_else(PoisonError::into_inner));
        if self.allows(out) {
            return None;
        }
        let mut sifted = Sifted::default();
        self.cut(out, &mut sifted);
        self.take_out(out, &names.read().unwrap_or_else(PoisonError::into_inner), &mut sifted);
        Some(sifted)
    }

    fn allows(&self, out: &Batch) -> bool {
        let metrics = &self.metrics;
        (metrics.any || out.readings.iter().all(|reading| metrics.has(reading.metric.0)))
            && (out.findings.is_empty() || self.findings)
            && (out.actions.is_empty() || self.knobs.any || out.actions.iter().all(|a| self.knobs.has(a.knob.0)))
            && (self.outcomes || (out.outcomes.is_empty() && out.controls.is_empty()))
            && (out.changes.is_empty() || self.changes)
            && out.len() <= MOST_VALUES
    }

    /// Ids are given when a name is first used, which may be after the node was made.
    fn learn(&mut self, out: &Batch, names: &Names) {
        for reading in &out.readings {
            let name = || names.metric_name(reading.metric).map(|metric| metric.name.as_str());
            self.metrics.learn(reading.metric.0, name);
        }
        for action in &out.actions {
            let name = || names.knob_name(action.knob).map(|knob| knob.name.as_str());
            self.knobs.learn(action.knob.0, name);
        }
    }

    fn cut(&mut self, out: &mut Batch, sifted: &mut Sifted) {
        let before = out.len();
        if before <= MOST_VALUES {
            return;
        }
        let mut room = MOST_VALUES;
        cut(&mut out.changes, &mut room);
        cut(&mut out.outcomes, &mut room);
        cut(&mut out.actions, &mut room);
        cut(&mut out.controls, &mut room);
        cut(&mut out.findings, &mut room);
        cut(&mut out.readings, &mut room);
        cut(&mut out.spare, &mut room);
        sifted.excess = (before - out.len()) as u64;
        let news = format!("said {before} values at one instant, of which {MOST_VALUES} are kept; it is told once");
        self.tell("values", news, sifted);
    }

    fn take_out(&mut self, out: &mut Batch, names: &Names, sifted: &mut Sifted) {
        let before = out.len();
        let mut strange: Vec<(String, String)> = Vec::new();
        let mut note = |kind: &str, name: String| {
            if !strange.iter().any(|(k, n)| k == kind && *n == name) && strange.len() < 64 {
                strange.push((kind.to_owned(), name));
            }
        };
        out.readings.retain(|reading| {
            let allowed = self.metrics.allows(reading.metric.0);
            if !allowed {
                let name = names.metric_name(reading.metric).map(|known| known.name.to_string());
                note("readings of ", called(name, "metric", reading.metric.0));
            }
            allowed
        });
        out.actions.retain(|action| {
            let allowed = self.knobs.allows(action.knob.0);
            if !allowed {
                let name = names.knob_name(action.knob).map(|known| known.name.to_string());
                note("actions on ", called(name, "knob", action.knob.0));
            }
            allowed
        });
        empty(&mut out.findings, self.findings, || note("findings", String::new()));
        empty(&mut out.outcomes, self.outcomes, || note("outcomes", String::new()));
        empty(&mut out.controls, self.outcomes, || note("controls", String::new()));
        empty(&mut out.changes, self.changes, || {
            note("changes of targets", String::new())
        });
        sifted.undeclared = (before - out.len()) as u64;
        for (kind, name) in strange {
            let what = format!("{kind}{name}");
            let news =
                format!("said {what}, which its ports do not declare; they are dropped and counted; mend the plugin");
            self.tell(&what, news, sifted);
        }
    }

    fn tell(&mut self, what: &str, news: String, sifted: &mut Sifted) {
        if self.told.len() < 256 && self.told.insert(what.to_owned()) {
            sifted.news.push(news);
        }
    }
}

/// What is said of a metric or knob that may not be: its name, or its number where it has none.
fn called(name: Option<String>, kind: &str, id: u32) -> String {
    name.map_or_else(|| format!("no {kind} ({id})"), |name| format!("`{name}`"))
}

impl Allowed {
    fn new(ports: &abi::Ports, kind: PortKind) -> Self {
        let names: Vec<String> = ports
            .gives
            .iter()
            .filter(|port| port.kind == kind)
            .map(|port| port.name.to_string())
            .collect();
        Self {
            any: names.iter().any(|name| name == ANY),
            any_but_truth: false,
            names,
            bits: Vec::new(),
        }
    }

    /// Without the truth, however it is declared, unless `truth`.
    fn telling(mut self, truth: bool) -> Self {
        if !truth {
            self.any_but_truth = std::mem::take(&mut self.any);
            self.names.retain(|name| !name.starts_with(TRUTH));
        }
        self
    }

    fn allows(&self, id: u32) -> bool {
        self.any || self.has(id)
    }

    fn has(&self, id: u32) -> bool {
        let word = self.bits.get(id as usize / 64).copied().unwrap_or(0);
        word >> (id % 64) & 1 == 1
    }

    fn learn<'a>(&mut self, id: u32, name: impl FnOnce() -> Option<&'a str>) {
        if self.allows(id) {
            return;
        }
        // Only ids that were interned have a name, so the bits grow no longer than the table of names.
        let Some(name) = name() else { return };
        let any = self.any_but_truth && !name.starts_with(TRUTH);
        if any || self.names.iter().any(|allowed| allowed == name) {
            let word = id as usize / 64;
            if self.bits.len() <= word {
                self.bits.resize(word + 1, 0);
            }
            self.bits[word] |= 1 << (id % 64);
        }
    }
}

fn cut<T>(list: &mut RVec<T>, room: &mut usize) {
    if list.len() > *room {
        list.truncate(*room);
        list.shrink_to_fit();
    }
    *room -= list.len();
}

fn empty<T>(list: &mut RVec<T>, allowed: bool, note: impl FnOnce()) {
    if !allowed && !list.is_empty() {
        list.clear();
        note();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::{Finding, Kind, MetricId, Reading, TargetChange};
    use pipeline_plugin_api::ports::Ports;
    use pipeline_plugin_api::vocabulary::{CPU_TIME, CPU_WEIGHT};

    fn reading(metric: MetricId) -> Reading {
        Reading {
            metric,
            ..Reading::default()
        }
    }

    fn gives(stage: Stage, ports: Ports) -> Gives {
        Gives::new(stage, &ports.into_abi(), false)
    }

    #[test]
    fn what_is_declared_passes_and_the_rest_is_dropped_and_told_once() {
        let mut names = Names::default();
        let other = names.metric("other", "1", Kind::GAUGE).unwrap();
        let good = names.metric(CPU_TIME.name, CPU_TIME.unit, CPU_TIME.kind).unwrap();
        let names = RwLock::new(names);
        let mut gives = gives(Stage::COLLECTOR, Ports::new().gives(&CPU_TIME));
        let mut out = Batch::default();
        out.readings
            .extend([reading(good), reading(other), reading(MetricId(999))]);
        let sifted = gives.sift(&mut out, &names).unwrap();
        assert_eq!((sifted.undeclared, out.readings.len()), (2, 1));
        assert_eq!(
            sifted.news,
            [
                "said readings of `other`, which its ports do not declare; they are dropped and counted; mend the plugin",
                "said readings of no metric (999), which its ports do not declare; they are dropped and counted; mend the plugin"
            ]
        );
        out.readings.push(reading(other));
        let again = gives.sift(&mut out, &names).unwrap();
        assert_eq!((again.undeclared, again.news.len()), (1, 0));
        assert_eq!(gives.sift(&mut out, &names), None, "what is left is declared");
    }

    #[test]
    fn kinds_that_are_not_declared_are_dropped() {
        let names = RwLock::new(Names::default());
        let mut gives = gives(Stage::SCHEDULER, Ports::new().gives_actions(&CPU_WEIGHT));
        let mut out = Batch::default();
        out.changes.push(TargetChange::default());
        out.findings.push(Finding::default());
        let sifted = gives.sift(&mut out, &names).unwrap();
        assert_eq!((sifted.undeclared, out.is_empty(), sifted.news.len()), (2, true, 2));
    }

    #[test]
    fn a_node_that_gives_any_reading_gives_any() {
        let mut names = Names::default();
        let other = names.metric("other", "1", Kind::GAUGE).unwrap();
        let names = RwLock::new(names);
        let mut gives = gives(Stage::TRANSFORM, Ports::new().gives_any_reading(""));
        let mut out = Batch::default();
        out.readings.push(reading(other));
        assert_eq!(gives.sift(&mut out, &names), None);
    }

    #[test]
    fn the_truth_is_said_to_nobody_who_decides() {
        let mut names = Names::default();
        let cause = names.metric("truth.cause", "1", Kind::GAUGE).unwrap();
        let good = names.metric(CPU_TIME.name, CPU_TIME.unit, CPU_TIME.kind).unwrap();
        let names = RwLock::new(names);
        let left = |truth: bool, ports: Ports| {
            let mut out = Batch::default();
            out.readings.extend([reading(cause), reading(good)]);
            Gives::new(Stage::COLLECTOR, &ports.into_abi(), truth).sift(&mut out, &names);
            out.readings.len()
        };
        let any = || Ports::new().gives_any_reading("");
        assert_eq!((left(false, any()), left(true, any())), (1, 2));
        let declared = Ports::new().gives_named("truth.cause", "1", "").gives(&CPU_TIME);
        assert_eq!(
            left(false, declared),
            1,
            "a graph's check refuses it, and so does the host"
        );
    }

    #[test]
    fn at_the_bound_nothing_is_cut_and_past_it_the_rest_is() {
        let names = RwLock::new(Names::default());
        let ports = Ports::new().gives_any_reading("");
        let mut gives = Gives::new(Stage::TRANSFORM, &ports.into_abi(), true);
        let mut out = Batch::default();
        out.readings.resize(MOST_VALUES, Reading::default());
        assert_eq!(gives.sift(&mut out, &names), None);
        out.readings.resize(MOST_VALUES + 5, Reading::default());
        let sifted = gives.sift(&mut out, &names).unwrap();
        assert_eq!((sifted.excess, out.len(), sifted.news.len()), (5, MOST_VALUES, 1));
    }
}
