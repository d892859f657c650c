//! From two answers of the host to readings. Pure.

use crate::answer::Node;
use pipeline_plugin_api::prelude::*;

type Figure = fn(&Node) -> Option<u64>;

/// What counts up, with where it stands in an answer.
const COUNTS: [(&Metric, Figure); 8] = [
    (&vocabulary::PIPELINE_NODE_BUSY, |node| node.busy_ns),
    (&vocabulary::PIPELINE_NODE_CALLS, |node| node.calls),
    (&vocabulary::PIPELINE_NODE_LATE, |node| node.late),
    (&vocabulary::PIPELINE_NODE_MISSED, |node| node.missed),
    (&vocabulary::PIPELINE_NODE_DROPPED, |node| node.dropped),
    (&vocabulary::PIPELINE_NODE_FAILURES, |node| node.failures),
    (&vocabulary::PIPELINE_NODE_RESTARTS, |node| node.restarts),
    (&vocabulary::PIPELINE_NODE_ABANDONED, |node| node.abandoned),
];

/// The metrics by their ids.
#[derive(Clone, Debug)]
pub struct Readings {
    counts: Vec<(MetricId, Figure)>,
    worst_late: MetricId,
}

impl Readings {
    /// With their names known to the host.
    ///
    /// # Errors
    /// Another node means something else by such a name.
    pub fn new(host: &Host) -> Result<Self> {
        let counts = COUNTS
            .iter()
            .map(|(metric, figure)| Ok((host.metric(metric)?, *figure)));
        Ok(Self {
            counts: counts.collect::<Result<_>>()?,
            worst_late: host.metric(&vocabulary::PIPELINE_NODE_WORST_LATE)?,
        })
    }

    /// The ports that go with them.
    pub fn ports() -> Ports {
        let counts = COUNTS.iter().map(|(metric, _)| *metric);
        counts
            .fold(Ports::new(), Ports::gives)
            .gives(&vocabulary::PIPELINE_NODE_WORST_LATE)
    }

    /// Puts what a node did within a span into a batch. Of a node that was not there before nothing is known yet.
    pub fn tell(&self, of: Place, span: Nanos, before: Option<&Node>, now: &Node, out: &mut Batch) {
        for (metric, figure) in &self.counts {
            let counted = figure(now).ok_or(Reason::UNSUPPORTED).and_then(|now| {
                let before = before.ok_or(Reason::WARMING_UP)?;
                let before = figure(before).ok_or(Reason::WARMING_UP)?;
                now.checked_sub(before).ok_or(Reason::RESET)
            });
            out.readings.push(match counted {
                _ if span == Nanos::ZERO => of.nothing(*metric, Reason::EMPTY),
                Ok(counted) => Reading::delta(of.at, span, of.target, *metric, counted as f64).of_part(of.part),
                Err(reason) => of.nothing(*metric, reason),
            });
        }
        out.readings.push(match now.worst_late_ns {
            Some(late) => Reading::gauge(of.at, of.target, self.worst_late, late as f64).of_part(of.part),
            None => of.nothing(self.worst_late, Reason::UNSUPPORTED),
        });
    }

    /// Puts into a batch that nothing is known, and why.
    pub fn tell_nothing(&self, of: Place, reason: Reason, out: &mut Batch) {
        let counts = self.counts.iter().map(|(metric, _)| *metric);
        let all = counts.chain([self.worst_late]);
        out.readings.extend(all.map(|metric| of.nothing(metric, reason)));
    }
}

/// When, of which target, and of which node of it.
#[derive(Copy, Clone, Debug)]
pub struct Place {
    /// The instant.
    pub at: Nanos,
    /// The target.
    pub target: TargetId,
    /// `node/NAME`.
    pub part: Part,
}

impl Place {
    fn nothing(self, metric: MetricId, reason: Reason) -> Reading {
        Reading::unavailable(self.at, self.target, metric, reason).of_part(self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::testkit::TestHost;

    const SPAN: Nanos = Nanos::from_secs(1);
    const PLACE: Place = Place {
        at: Nanos::from_secs(3),
        target: TargetId(1),
        part: Part::WHOLE,
    };

    fn node(calls: u64) -> Node {
        Node {
            calls: Some(calls),
            worst_late_ns: Some(7),
            ..Node::default()
        }
    }

    /// A number, or why there is none.
    type Told = std::result::Result<f64, Reason>;

    /// The calls, the failures and the worst lateness that are told.
    fn told(span: Nanos, before: Option<&Node>, now: &Node) -> [Told; 3] {
        let kit = TestHost::new();
        let readings = Readings::new(&Host::new(kit.handle())).unwrap();
        let mut out = Batch::default();
        readings.tell(PLACE, span, before, now, &mut out);
        assert_eq!(out.readings.len(), 9);
        [
            &vocabulary::PIPELINE_NODE_CALLS,
            &vocabulary::PIPELINE_NODE_FAILURES,
            &vocabulary::PIPELINE_NODE_WORST_LATE,
        ]
        .map(|metric| {
            let id = kit.metric(metric);
            let found = out.readings.iter().find(|reading| reading.metric == id).unwrap();
            found.number().ok_or(Reason(found.detail))
        })
    }

    #[test]
    fn counts_are_told_as_what_came_since_and_lateness_as_it_stands() {
        let [calls, _, late] = told(SPAN, Some(&node(10)), &node(25));
        assert_eq!((calls, late), (Ok(15.0), Ok(7.0)));
    }

    #[test]
    fn what_is_not_known_is_unavailable_and_not_zero() {
        assert_eq!(told(SPAN, Some(&node(1)), &node(1))[1], Err(Reason::UNSUPPORTED));
        assert_eq!(told(SPAN, None, &node(1))[0], Err(Reason::WARMING_UP));
        assert_eq!(told(SPAN, Some(&node(2)), &node(1))[0], Err(Reason::RESET));
        assert_eq!(told(Nanos::ZERO, Some(&node(1)), &node(2))[0], Err(Reason::EMPTY));
        assert_eq!(
            told(SPAN, Some(&node(1)), &Node::default())[2],
            Err(Reason::UNSUPPORTED)
        );
    }
}
