//! From what is known of CPUs to readings of a target. Pure.

use crate::meter::{Hiccups, Told};
use pipeline_plugin_api::prelude::*;

/// The metrics of the CPUs of a target.
#[derive(Copy, Clone, Debug)]
pub struct Readings {
    time: MetricId,
    longest: MetricId,
}

impl Readings {
    /// With their names known to the host.
    ///
    /// # Errors
    /// Another node means something else by such a name.
    pub fn new(host: &Host) -> Result<Self> {
        Ok(Self {
            time: host.metric(&vocabulary::HICCUP_TIME)?,
            longest: host.metric(&vocabulary::HICCUP_MAX)?,
        })
    }

    /// The ports that go with them.
    pub fn ports() -> Ports {
        Ports::new()
            .gives(&vocabulary::HICCUP_TIME)
            .gives(&vocabulary::HICCUP_MAX)
    }

    /// Puts each CPU and their whole into a batch. The whole is known only where every CPU is.
    pub fn tell(&self, at: Nanos, target: TargetId, cpus: impl Iterator<Item = (u32, Told)>, out: &mut Batch) {
        let mut whole = Err(Reason::EMPTY);
        for (index, (cpu, told)) in cpus.enumerate() {
            self.put(at, target, Part::cpu(cpu), told, out);
            whole = if index == 0 { told } else { both(whole, told) };
        }
        self.put(at, target, Part::WHOLE, whole, out);
    }

    fn put(&self, at: Nanos, target: TargetId, part: Part, told: Told, out: &mut Batch) {
        let [time, longest] = match told {
            Ok(found) => [
                Reading::delta(at, found.span, target, self.time, found.time.0 as f64),
                Reading {
                    span: found.span,
                    ..Reading::gauge(at, target, self.longest, found.longest.0 as f64)
                },
            ],
            Err(reason) => [self.time, self.longest].map(|id| Reading::unavailable(at, target, id, reason)),
        };
        out.readings
            .extend([time, longest].map(|reading| reading.of_part(part)));
    }
}

fn both(one: Told, other: Told) -> Told {
    let (one, other) = (one?, other?);
    Ok(Hiccups {
        time: one.time + other.time,
        longest: one.longest.max(other.longest),
        span: one.span.max(other.span),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::testkit::TestHost;

    const AT: Nanos = Nanos::from_secs(3);
    const WEB: TargetId = TargetId(1);

    fn stopped(millis: u64) -> Told {
        Ok(Hiccups {
            time: Nanos::from_millis(millis),
            longest: Nanos::from_millis(millis / 2),
            span: Nanos::from_millis(200),
        })
    }

    /// Part, `hiccup.time` and `hiccup.max` of what is told.
    fn told(cpus: &[(u32, Told)]) -> Vec<(Part, Option<f64>, Option<f64>)> {
        let kit = TestHost::new();
        let readings = Readings::new(&Host::new(kit.handle())).unwrap();
        let mut out = Batch::default();
        readings.tell(AT, WEB, cpus.iter().copied(), &mut out);
        let pairs = out.readings.chunks(2);
        pairs
            .map(|pair| (pair[0].part, pair[0].number(), pair[1].number()))
            .collect()
    }

    #[test]
    fn the_whole_is_the_sum_and_the_longest_of_its_cpus() {
        let told = told(&[(0, stopped(8)), (3, stopped(2))]);
        assert_eq!(
            told,
            [
                (Part::cpu(0), Some(8e6), Some(4e6)),
                (Part::cpu(3), Some(2e6), Some(1e6)),
                (Part::WHOLE, Some(1e7), Some(4e6)),
            ]
        );
    }

    #[test]
    fn without_one_cpu_the_whole_is_not_known() {
        let told = told(&[(0, stopped(8)), (1, Err(Reason::FORBIDDEN))]);
        assert_eq!(told[0], (Part::cpu(0), Some(8e6), Some(4e6)));
        assert_eq!(told[1..], [(Part::cpu(1), None, None), (Part::WHOLE, None, None)]);
    }
}
