//! `telemetry.nodes`: how the nodes of this run fare, as the host tells when it is asked.
//!
//! The first question, at the start, has the host time calls from then on; a run that nobody asks does not.

use crate::answer::{self, Answer, EXTENSION, Node};
use crate::config::NodesConfig;
use crate::readings::{Place, Readings};
use pipeline_plugin_api::pattern::matches;
use pipeline_plugin_api::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The host's answer, or why there is none: for readings and for people.
type Asked = std::result::Result<Answer, (Reason, String)>;

/// Gives the figures of nodes.
pub struct Nodes {
    config: NodesConfig,
    host: Host,
    readings: Readings,
    system: Option<System>,
    targets: BTreeSet<TargetId>,
    /// Whether it ever had a target: without one, what it reads is of the run as such.
    had_target: bool,
    before: BTreeMap<String, Node>,
    asked: Nanos,
    /// Why the host's last answer was none.
    silent: Option<String>,
}

impl Element for Nodes {
    const NAME: &'static str = "telemetry.nodes";
    const SUMMARY: &'static str = "time, calls, lateness, drops and failures of each node of this run";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = NodesConfig;

    fn ports(_: &NodesConfig) -> Ports {
        Readings::ports()
    }

    fn create(config: NodesConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            config,
            readings: Readings::new(host)?,
            host: host.clone(),
            system: None,
            targets: BTreeSet::new(),
            had_target: false,
            before: BTreeMap::new(),
            asked: Nanos::ZERO,
            silent: None,
        })
    }

    fn status(&self) -> String {
        match &self.silent {
            Some(why) => why.clone(),
            None => format!("{} nodes", self.before.len()),
        }
    }
}

impl Collector for Nodes {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        self.asked = system.now();
        if let Ok(answer) = self.ask() {
            self.keep(answer);
        }
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        self.had_target = true;
        match change.change {
            Change::GONE => self.targets.remove(&change.target.id),
            _ => self.targets.insert(change.target.id),
        };
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        match self.ask() {
            Ok(answer) => {
                self.silent = None;
                self.tell(tick.at, &answer, out);
                self.keep(answer);
            }
            Err((reason, why)) => self.tell_silence(tick.at, reason, why, out),
        }
        self.asked = tick.at;
        Ok(Wish::Nothing)
    }
}

impl Nodes {
    fn ask(&self) -> Asked {
        let said = self.system.as_ref().and_then(|system| system.extension(EXTENSION, b""));
        let said = said.ok_or_else(|| {
            let why = format!("this host does not answer `{EXTENSION}`; its nodes' figures are unavailable");
            (Reason::UNSUPPORTED, why)
        })?;
        answer::read(&said).map_err(|error| {
            let why = format!("what this host answers to `{EXTENSION}` is not understood: {error}");
            (Reason::UNKNOWN, why)
        })
    }

    fn tell(&self, at: Nanos, answer: &Answer, out: &mut Batch) {
        let span = at.since(self.asked);
        for node in answer.nodes.iter().filter(|node| self.is_wanted(&node.node)) {
            let part = self.host.part(&format!("node/{}", node.node));
            let before = self.before.get(&node.node);
            for target in self.of() {
                self.readings.tell(Place { at, target, part }, span, before, node, out);
            }
        }
    }

    fn tell_silence(&mut self, at: Nanos, reason: Reason, why: String, out: &mut Batch) {
        // What is counted from then on has a hole.
        self.before.clear();
        for target in self.of() {
            let part = Part::WHOLE;
            self.readings.tell_nothing(Place { at, target, part }, reason, out);
        }
        if self.silent.as_ref() != Some(&why) {
            self.host.log(Level::WARN, &why, &[]);
            self.silent = Some(why);
        }
    }

    fn keep(&mut self, answer: Answer) {
        let wanted = answer.nodes.into_iter().filter(|node| self.is_wanted(&node.node));
        self.before = wanted.map(|node| (node.node.clone(), node)).collect();
    }

    /// Of whom it is told.
    fn of(&self) -> impl Iterator<Item = TargetId> + use<'_> {
        let nobody = (!self.had_target).then_some(TargetId::NONE);
        self.targets.iter().copied().chain(nobody)
    }

    fn is_wanted(&self, node: &str) -> bool {
        self.config.nodes.iter().any(|pattern| matches(pattern, node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::stage::Collects;
    use pipeline_plugin_api::testkit::{TestHost, TestNode};

    const SECOND: Nanos = Nanos::from_secs(1);

    fn answers(host: &TestHost, calls: &[(&str, u64)]) {
        let node = |(name, calls): &(&str, u64)| format!(r#"{{"node":"{name}","calls":{calls}}}"#);
        let nodes: Vec<String> = calls.iter().map(node).collect();
        let text = format!(r#"{{"nodes":[{}]}}"#, nodes.join(","));
        host.world().extensions.insert(EXTENSION.to_owned(), text.into());
    }

    fn started(host: &TestHost, config: &str) -> TestNode {
        let mut node = host.node::<Collects<Nodes>>(config).unwrap();
        node.start().unwrap();
        node
    }

    /// The calls that are told, by part, with their targets.
    fn calls(host: &TestHost, batch: &Batch) -> Vec<(String, TargetId, Option<f64>)> {
        let calls = host.metric(&vocabulary::PIPELINE_NODE_CALLS);
        let all = batch.readings.iter().filter(|reading| reading.metric == calls);
        all.map(|reading| {
            let part = host.world().names.part_name(reading.part);
            (part, reading.target, reading.number())
        })
        .collect()
    }

    #[test]
    fn each_node_is_a_part_of_the_target_with_what_came_since_the_last_tick() {
        let host = TestHost::new();
        answers(&host, &[("slow", 10), ("out", 1)]);
        let mut node = started(&host, "");
        let own = host.target(Target::default());
        node.change(Nanos::ZERO, Change::APPEARED, &own).unwrap();
        answers(&host, &[("slow", 15), ("out", 1)]);
        let out = node.tick(SECOND).unwrap();
        let told = [
            ("node/slow".to_owned(), own.id, Some(5.0)),
            ("node/out".to_owned(), own.id, Some(0.0)),
        ];
        assert_eq!(calls(&host, &out), told);
        assert!(out.readings.iter().all(|reading| reading.at == SECOND));
        let counted = out.readings.iter().filter(|reading| reading.number().is_some());
        assert!(counted.map(|reading| reading.span).all(|span| span == SECOND));
        answers(&host, &[("slow", 16), ("new", 4)]);
        let told = [
            ("node/slow".to_owned(), own.id, Some(1.0)),
            ("node/new".to_owned(), own.id, None),
        ];
        assert_eq!(calls(&host, &node.tick(SECOND + SECOND).unwrap()), told);
        node.change(SECOND + SECOND, Change::GONE, &own).unwrap();
        assert!(node.tick(SECOND + SECOND + SECOND).unwrap().readings.is_empty());
    }

    #[test]
    fn without_a_target_they_are_of_the_run_and_only_those_wanted_are_told() {
        let host = TestHost::new();
        answers(&host, &[("kpi-a", 1), ("kpi-b", 2), ("out", 3)]);
        let mut node = started(&host, "(nodes: [\"kpi-*\"])");
        let told = ["node/kpi-a", "node/kpi-b"].map(|part| (part.to_owned(), TargetId::NONE, Some(0.0)));
        assert_eq!(calls(&host, &node.tick(SECOND).unwrap()), told);
    }

    #[test]
    fn a_host_that_does_not_answer_gives_readings_without_a_number_and_one_warning() {
        let host = TestHost::new();
        let mut node = started(&host, "");
        for at in 1..4 {
            let out = node.tick(Nanos::from_secs(at)).unwrap();
            assert_eq!(out.readings.len(), 9);
            let unsupported = |reading: &Reading| {
                reading.quality == Quality::UNAVAILABLE && Reason(reading.detail) == Reason::UNSUPPORTED
            };
            assert!(out.readings.iter().all(unsupported));
        }
        let logs = host.world().logs.clone();
        assert_eq!(logs.len(), 1, "{logs:?}");
        assert!(logs[0].1.contains("does not answer `pipeline.telemetry`"));
    }

    #[test]
    fn an_answer_that_is_not_understood_is_no_number_either_and_its_hole_is_not_counted() {
        let host = TestHost::new();
        answers(&host, &[("slow", 10)]);
        let mut node = started(&host, "");
        host.world().extensions.insert(EXTENSION.to_owned(), b"moon".to_vec());
        let out = node.tick(SECOND).unwrap();
        assert_eq!(calls(&host, &out), [(String::new(), TargetId::NONE, None)]);
        assert_eq!(Reason(out.readings[0].detail), Reason::UNKNOWN);
        answers(&host, &[("slow", 30)]);
        let told = calls(&host, &node.tick(SECOND + SECOND).unwrap());
        assert_eq!(told, [("node/slow".to_owned(), TargetId::NONE, None)]);
    }
}
