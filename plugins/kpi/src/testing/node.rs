//! An element that asks a server, driven in real time, and what it says.

use crate::protocol::Protocol;
use crate::users;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::{RealHost, TestHost, TestNode};
use std::marker::PhantomData;

/// An element that asks a server, in real time.
pub struct Users<P> {
    /// Its host.
    pub host: RealHost,
    node: TestNode,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Users<P> {
    /// A started node.
    pub fn start(config: &str) -> std::result::Result<Self, String> {
        let host = RealHost::new();
        let mut node = host.node::<Collects<users::Users<P>>>(config)?;
        node.start().map_err(|failure| failure.message.to_string())?;
        Ok(Self {
            host,
            node,
            protocol: PhantomData,
        })
    }

    /// A started node whose target is there.
    pub fn with_target(config: &str) -> Self {
        let mut node = Self::start(config).unwrap();
        let target = node.new_target("web");
        node.change(Change::APPEARED, &target);
        node
    }

    /// A target that the node was not told of.
    pub fn new_target(&self, name: &str) -> Target {
        self.host.kit().target(Target {
            name: name.into(),
            ..Target::default()
        })
    }

    /// Tells the node of a target.
    pub fn change(&mut self, change: Change, target: &Target) {
        self.node.change(self.host.elapsed(), change, target).unwrap();
    }

    /// What it says now.
    pub fn tick(&mut self) -> Said {
        Said {
            batch: self.node.tick(self.host.elapsed()).unwrap(),
            host: self.host.kit().clone(),
        }
    }

    /// What it says of the next so many milliseconds.
    pub fn after(&mut self, millis: u64) -> Said {
        self.host.pass(millis);
        self.tick()
    }

    /// Offers a real server 2,000 requests a second for half a second: nearly all are answered, in a time that can be.
    pub fn answers_what_is_offered(&mut self) {
        self.until_answered();
        let said = self.after(500);
        let number = |metric: &Metric| said.number(metric).unwrap();
        let (offered, rate) = (number(&vocabulary::KPI_OFFERED), number(&vocabulary::KPI_RATE));
        assert!((offered - 2000.0).abs() < 200.0, "offered {offered}");
        assert!((rate - offered).abs() < 300.0, "offered {offered}, answered {rate}");
        assert_eq!(number(&vocabulary::KPI_ERRORS), 0.0);
        let (p50, max) = (
            said.millis(&vocabulary::KPI_LATENCY_P50),
            said.millis(&vocabulary::KPI_LATENCY_MAX),
        );
        assert!(0.005 < p50 && p50 < 20.0 && p50 <= max, "p50 {p50} ms, max {max} ms");
    }

    /// Lets go of the numbers until requests are answered.
    pub fn until_answered(&mut self) {
        for _ in 0..500 {
            if self
                .after(10)
                .number(&vocabulary::KPI_RATE)
                .is_some_and(|rate| rate > 0.0)
            {
                return;
            }
        }
        panic!("nothing is answered: {}", self.status());
    }

    /// Waits until its line for people says that.
    pub fn until_status(&mut self, words: &str) {
        for _ in 0..500 {
            if self.status().contains(words) {
                return;
            }
            self.host.pass(10);
        }
        panic!("`{words}` is not in: {}", self.status());
    }

    /// The warnings that it gave.
    pub fn warnings(&self) -> Vec<String> {
        let world = self.host.kit().world();
        let warnings = world.logs.iter().filter(|(level, _)| *level == Level::WARN);
        warnings.map(|(_, text)| text.clone()).collect()
    }

    /// Its line for people.
    pub fn status(&self) -> String {
        self.node.status()
    }

    /// Ends it.
    pub fn stop(&mut self) -> std::result::Result<(), String> {
        let stopped = self.node.raw().stop().into_result();
        stopped.map(|_| ()).map_err(|failure| failure.message.to_string())
    }
}

/// What the node said at one instant.
pub struct Said {
    host: TestHost,
    /// All of it.
    pub batch: Batch,
}

impl Said {
    /// The reading of a metric.
    pub fn reading(&self, metric: &Metric) -> Option<Reading> {
        let id = self.host.metric(metric);
        self.batch.readings.iter().copied().find(|reading| reading.metric == id)
    }

    /// The value of a metric, unless it is unavailable.
    pub fn number(&self, metric: &Metric) -> Option<f64> {
        self.reading(metric)?.number()
    }

    /// How many there were of a rate in its span.
    pub fn count(&self, metric: &Metric) -> f64 {
        let reading = self.reading(metric).unwrap();
        (reading.value * reading.span.seconds()).round()
    }

    /// A latency in milliseconds.
    pub fn millis(&self, metric: &Metric) -> f64 {
        self.number(metric).unwrap() / 1e6
    }
}
