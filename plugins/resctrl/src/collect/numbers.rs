//! From counters to readings: occupancy as it is, bandwidth from what was added. No I/O and no clock.

use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{Counter, Counters, DomainCounters};

/// The metrics of one node.
#[derive(Clone, Debug)]
pub struct Metrics {
    occupancy: MetricId,
    total: MetricId,
    local: MetricId,
    by_cache: bool,
}

/// One sample of one target.
#[derive(Copy, Clone, Debug)]
pub struct Sample<'a> {
    /// Whose.
    pub target: TargetId,
    /// The instant that the readings carry.
    pub at: Nanos,
    /// The counters now.
    pub now: &'a Counters,
    /// The counters of the sample before, and the time since then; `None` for the first.
    pub before: Option<(&'a Counters, Nanos)>,
    /// The group was made anew: what was counted since the sample before is not known.
    pub has_gap: bool,
}

/// A number, or why there is none.
type Number = std::result::Result<f64, Reason>;
/// The counters of one cache at the sample before, and the time since then.
type Before<'a> = Option<(&'a DomainCounters, Nanos)>;

impl Metrics {
    /// Those of that node.
    ///
    /// # Errors
    /// Another node means something else by one of the names.
    pub fn new(host: &Host, by_cache: bool) -> Result<Self> {
        Ok(Self {
            occupancy: host.metric(&vocabulary::L3_OCCUPANCY)?,
            total: host.metric(&vocabulary::MEMORY_BANDWIDTH)?,
            local: host.metric(&vocabulary::MEMORY_BANDWIDTH_LOCAL)?,
            by_cache,
        })
    }

    /// That there is nothing, and why.
    pub fn absent(&self, target: TargetId, at: Nanos, reason: Reason, out: &mut Batch) {
        let metrics = [self.occupancy, self.total, self.local];
        out.readings
            .extend(metrics.map(|metric| Reading::unavailable(at, target, metric, reason)));
    }

    /// Puts the readings of one sample into `out`.
    pub fn tell(&self, sample: Sample<'_>, out: &mut Batch) {
        self.each(self.occupancy, sample, |now, _| number(now.occupancy), out);
        if sample.before.is_some() {
            self.each(
                self.total,
                sample,
                |now, before| rate(|domain| domain.total, now, before),
                out,
            );
            self.each(
                self.local,
                sample,
                |now, before| rate(|domain| domain.local, now, before),
                out,
            );
        } else if sample.has_gap {
            let gap = |metric| Reading::unavailable(sample.at, sample.target, metric, Reason::RESET);
            out.readings.extend([self.total, self.local].map(gap));
        }
    }

    /// One metric of every cache, and of all of them: their sum, where each has a number.
    fn each(
        &self,
        metric: MetricId,
        sample: Sample<'_>,
        value: impl Fn(&DomainCounters, Before<'_>) -> Number,
        out: &mut Batch,
    ) {
        let span = sample.before.map_or(Nanos::ZERO, |(_, span)| span);
        let mut whole: Number = Ok(0.0);
        for (id, now) in sample.now {
            let before = sample.before.and_then(|(before, span)| Some((before.get(id)?, span)));
            let number = value(now, before);
            if self.by_cache {
                let reading = self.reading(metric, sample, span, number);
                out.readings.push(reading.of_part(Part::l3(*id)));
            }
            whole = whole.and_then(|sum| Ok(sum + number?));
        }
        let whole = if sample.now.is_empty() {
            Err(Reason::UNSUPPORTED)
        } else {
            whole
        };
        out.readings.push(self.reading(metric, sample, span, whole));
    }

    fn reading(&self, metric: MetricId, sample: Sample<'_>, span: Nanos, number: Number) -> Reading {
        match number {
            Ok(value) => Reading {
                span: if metric == self.occupancy { Nanos::ZERO } else { span },
                ..Reading::gauge(sample.at, sample.target, metric, value)
            },
            Err(reason) => Reading::unavailable(sample.at, sample.target, metric, reason),
        }
    }
}

/// What was added a second. A cache that was not there before primes; one that goes backwards was reset: a removed
/// child's history leaves a class (resctrl.rst, "mon_data").
fn rate(of: impl Fn(&DomainCounters) -> Counter, now: &DomainCounters, before: Before<'_>) -> Number {
    let (before, span) = before.ok_or(Reason::WARMING_UP)?;
    let now = number(of(now))?;
    let before = number(of(before)).map_err(|_| Reason::WARMING_UP)?;
    match now >= before && span > Nanos::ZERO {
        true => Ok((now - before) / span.seconds()),
        false => Err(Reason::RESET),
    }
}

fn number(counter: Counter) -> Number {
    match counter {
        Counter::Value(bytes) => Ok(bytes as f64),
        Counter::Absent => Err(Reason::UNSUPPORTED),
        Counter::Unassigned => Err(Reason::NEVER_RAN),
        Counter::Unavailable | Counter::Error => Err(Reason::UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(total: u64) -> DomainCounters {
        DomainCounters {
            total: Counter::Value(total),
            ..DomainCounters::default()
        }
    }

    fn rated(now: u64, before: u64, span: u64) -> Number {
        rate(
            |domain| domain.total,
            &domain(now),
            Some((&domain(before), Nanos(span))),
        )
    }

    #[test]
    fn a_rate_is_what_was_added_a_second() {
        assert_eq!(rated(3_000, 1_000, 500_000_000), Ok(4_000.0));
    }

    #[test]
    fn a_counter_that_goes_backwards_is_a_reset_and_no_negative_rate() {
        assert_eq!(rated(1, 2, 1_000), Err(Reason::RESET));
        assert_eq!(rated(1, 1, 0), Err(Reason::RESET), "no time passed");
    }

    #[test]
    fn a_word_is_no_number_and_what_comes_after_it_has_no_beginning() {
        let unavailable = DomainCounters {
            total: Counter::Unavailable,
            ..DomainCounters::default()
        };
        let of =
            |now: &DomainCounters, before: &DomainCounters| rate(|domain| domain.total, now, Some((before, Nanos(1))));
        assert_eq!(of(&unavailable, &domain(1)), Err(Reason::UNKNOWN));
        assert_eq!(of(&domain(1), &unavailable), Err(Reason::WARMING_UP));
        assert_eq!(rate(|domain| domain.total, &domain(1), None), Err(Reason::WARMING_UP));
    }
}
