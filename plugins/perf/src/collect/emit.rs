//! From sums to readings: the counts, what is missing of them, and the ratios.

use crate::derive::Derived;
use crate::event::Event;
use crate::layout::Layout;
use crate::scale::{Known, Sum};
use pipeline_plugin_api::prelude::*;

/// The metrics of a node, in the order of its events.
#[derive(Debug)]
pub struct Emitter {
    counts: Vec<(MetricId, Option<Reason>)>,
    ratios: Vec<(MetricId, Derived, bool)>,
    known: Vec<Known>,
}

/// What all readings of one sample of a target have in common.
#[derive(Copy, Clone, Debug)]
pub struct Stamp {
    /// Whose.
    pub target: TargetId,
    /// The instant.
    pub at: Nanos,
    /// Since the sample before.
    pub span: Nanos,
    /// Which part of the target.
    pub part: Part,
}

impl Emitter {
    /// The metrics of those events, and of their ratios if they are wanted.
    ///
    /// # Errors
    /// Another node means something else by one of the names.
    pub fn new(events: &[Event], layout: &Layout, derived: bool, host: &Host) -> Result<Self> {
        let count = |(event, missing): (&Event, &Option<crate::fs::Missing>)| {
            let metric = host.metric_named(&event.metric, event.unit, Kind::DELTA)?;
            Ok((metric, missing.as_ref().map(|missing| missing.reason)))
        };
        let ratios = if derived { Derived::all(events) } else { Vec::new() };
        let ratio = |ratio: Derived| Ok((host.metric(&ratio.metric())?, ratio, ratio.is_of_one_group(layout)));
        Ok(Self {
            counts: events.iter().zip(&layout.missing).map(count).collect::<Result<_>>()?,
            ratios: ratios.into_iter().map(ratio).collect::<Result<_>>()?,
            known: Vec::with_capacity(events.len()),
        })
    }

    /// The readings of one sample. Of a part there is no reading of what is not read there. Allocates nothing after the first.
    pub fn emit(&mut self, sums: &[Sum], stamp: Stamp, out: &mut Batch) {
        self.known.clear();
        let known = sums.iter().zip(&self.counts).map(|(sum, (_, missing))| match missing {
            Some(reason) => Known::Nothing(*reason),
            None => sum.known(),
        });
        self.known.extend(known);
        let is_there =
            |event: usize| stamp.part == Part::WHOLE || self.counts[event].1.is_some() || sums[event].is_read();
        for (event, (known, (metric, _))) in self.known.iter().zip(&self.counts).enumerate() {
            if !is_there(event) {
                continue;
            }
            let exact = Reading::delta(stamp.at, stamp.span, stamp.target, *metric, 0.0).of_part(stamp.part);
            out.readings.push(known.reading(exact));
        }
        for (metric, ratio, is_of_one_group) in &self.ratios {
            if !ratio.inputs().iter().all(|event| is_there(*event)) {
                continue;
            }
            let exact = Reading::gauge(stamp.at, stamp.target, *metric, 0.0).of_part(stamp.part);
            let exact = Reading {
                span: stamp.span,
                ..exact
            };
            out.readings.push(ratio.reading(&self.known, *is_of_one_group, exact));
        }
    }

    /// That nothing is known of a target, and why.
    pub fn absent(&self, target: TargetId, at: Nanos, reason: Reason, out: &mut Batch) {
        let metrics = self
            .counts
            .iter()
            .map(|(metric, _)| metric)
            .chain(self.ratios.iter().map(|(metric, ..)| metric));
        let absent = metrics.map(|metric| Reading::unavailable(at, target, *metric, reason));
        out.readings.extend(absent);
    }

    /// Whether an event that can be counted did not run in the last sample that was given.
    pub fn has_idle_group(&self) -> bool {
        let never = |known: &Known| matches!(known, Known::Nothing(Reason::NEVER_RAN));
        self.known.iter().any(never)
    }
}

/// What a list of events gives.
pub fn ports(events: &[Event], derived: bool) -> Ports {
    let counts = events.iter().fold(Ports::new(), |ports, event| {
        let doc = vocabulary::metric(&event.metric).map_or("how often the event happened", |metric| metric.doc);
        ports.gives_named(&event.metric, event.unit, doc)
    });
    let ratios = if derived { Derived::all(events) } else { Vec::new() };
    ratios.iter().fold(counts, |ports, ratio| ports.gives(&ratio.metric()))
}
