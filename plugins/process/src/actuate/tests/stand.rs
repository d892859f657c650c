//! An actuator with a target, as a run has them.

use super::program::Program;
use crate::actuate::{Affinity, ControlProcesses};
use crate::target::affinity::given;
use crate::target::members::await_ready;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Actuates;
use pipeline_plugin_api::testkit::{TestHost, TestNode};

pub struct Stand {
    pub host: TestHost,
    pub node: TestNode,
    pub target: Target,
    pub at: Nanos,
}

impl Stand {
    /// One that pins a batch target.
    pub fn of_affinity(program: &Program) -> Self {
        Self::new::<Affinity>(program, Class::BATCH, "").0
    }

    /// One that pauses and ends a batch target.
    pub fn of_control(program: &Program, config: &str) -> Self {
        Self::new::<ControlProcesses>(program, Class::BATCH, config).0
    }

    /// One with what it offers.
    pub fn new<E: Actuator>(program: &Program, class: Class, config: &str) -> (Self, Vec<String>) {
        let host = TestHost::new();
        let mut node = host.node::<Actuates<E>>(config).unwrap();
        node.start().unwrap();
        let target = program.target(&host, class);
        let told = node.change(Nanos(1), Change::APPEARED, &target).unwrap();
        let name = |control: &Control| host.world().names.knob_name(control.knob).unwrap().name.to_string();
        let offers = told.controls.iter().map(name).collect();
        let at = Nanos(1);
        (Self { host, node, target, at }, offers)
    }

    pub fn ask(&mut self, knob: &Knob, value: f64, text: &str) -> Outcome {
        self.at = self.at + Nanos::from_millis(10);
        let mut batch = Batch {
            at: self.at,
            ..Batch::default()
        };
        batch.actions.push(Action {
            at: self.at,
            id: 7,
            target: self.target.id,
            knob: self.host.knob(knob),
            value,
            text: text.into(),
            until: if value < 0.0 { self.at } else { Nanos::from_secs(3600) },
            why: "a test".into(),
            ..Action::default()
        });
        let told = self.node.feed(self.at, &batch).unwrap();
        assert_eq!(told.outcomes.len(), 1, "{told:?}");
        told.outcomes[0].clone()
    }

    pub fn release(&mut self, knob: &Knob) -> Outcome {
        self.ask(knob, -1.0, "")
    }

    /// The outcomes of one more instant.
    pub fn tick(&mut self, millis: u64) -> Vec<Outcome> {
        self.at = self.at + Nanos::from_millis(millis);
        self.node.tick(self.at).unwrap().outcomes.into_iter().collect()
    }

    pub fn gone(&mut self) {
        let target = self.target.clone();
        self.node.change(self.at, Change::GONE, &target).unwrap();
    }

    pub fn journal(&self) -> Vec<Undo> {
        self.host.world().journal.values().cloned().collect()
    }

    /// The records of single threads and processes, and those of whole processes.
    pub fn records(&self) -> (Vec<Undo>, Vec<Undo>) {
        self.journal().into_iter().partition(|undo| undo.path.is_empty())
    }

    pub fn warnings(&self, text: &str) -> usize {
        let world = self.host.world();
        world
            .logs
            .iter()
            .filter(|(level, line)| *level == Level::WARN && line.contains(text))
            .count()
    }
}

pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if so() {
            return;
        }
        await_ready([].into_iter(), 10);
    }
    panic!("{what}: it did not happen within a minute");
}

pub fn all_are(found: &[String], wanted: &str) -> bool {
    found.iter().all(|cpus| cpus == wanted)
}

pub const CPUS: Knob = vocabulary::CPU_AFFINITY;
pub const PAUSED: Knob = vocabulary::PROCESS_PAUSED;
pub const RUNNING: Knob = vocabulary::PROCESS_RUNNING;

/// The CPUs that a test may use.
pub struct Cpus {
    pub all: String,
    pub first: String,
    pub last: String,
}

impl Cpus {
    /// Where there is one only, nothing can be seen of a pin.
    pub fn or_skip() -> Option<Self> {
        let all = given(rustix::process::getpid()).unwrap();
        let first = all.iter().next().unwrap().to_string();
        let last = all.iter().last().unwrap().to_string();
        if first == last {
            println!("SKIP: this test may use one CPU only");
            return None;
        }
        Some(Self {
            all: all.to_string(),
            first,
            last,
        })
    }
}
