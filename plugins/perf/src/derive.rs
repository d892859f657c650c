//! Metrics that are computed from counts: rates of each other, per 1000 instructions, shares of cycles. Pure.

use crate::event::Event;
use crate::layout::Layout;
use crate::scale::Known;
use pipeline_plugin_api::prelude::*;

/// How a metric comes from counts.
struct Formula {
    metric: Metric,
    /// The events, by canonical name, in the order of the arguments.
    of: &'static [&'static str],
    compute: fn(&[f64]) -> f64,
}

const fn own(name: &'static str, doc: &'static str) -> Metric {
    Metric {
        name,
        unit: "1",
        kind: Kind::GAUGE,
        doc,
    }
}

fn ratio(of: &[f64]) -> f64 {
    of[0] / of[1]
}

fn per_1000(of: &[f64]) -> f64 {
    ratio(of) * 1000.0
}

/// Instructions, cycles, stalled cycles.
fn theoretical(of: &[f64]) -> f64 {
    of[0] / (of[1] - of[2])
}

fn efficiency(of: &[f64]) -> f64 {
    of[0] / of[1] / theoretical(of)
}

const FORMULAS: &[Formula] = &[
    formula(vocabulary::PERF_IPC, &["instructions", "cycles"], ratio),
    formula(vocabulary::PERF_CPI, &["cycles", "instructions"], ratio),
    formula(
        vocabulary::PERF_CACHE_MISS_RATE,
        &["cache-misses", "cache-references"],
        ratio,
    ),
    formula(vocabulary::PERF_CACHE_MPKI, &["cache-misses", "instructions"], per_1000),
    formula(vocabulary::PERF_LLC_MISS_RATE, &["llc-load-misses", "llc-loads"], ratio),
    formula(
        vocabulary::PERF_LLC_MPKI,
        &["llc-load-misses", "instructions"],
        per_1000,
    ),
    formula(
        own("perf.l1d_miss_rate", "share of loads that missed the L1 data cache"),
        &["l1-dcache-load-misses", "l1-dcache-loads"],
        ratio,
    ),
    formula(
        own(
            "perf.l1d_mpki",
            "loads that missed the L1 data cache per 1000 instructions",
        ),
        &["l1-dcache-load-misses", "instructions"],
        per_1000,
    ),
    formula(
        own("perf.l2_mpki", "loads that missed the L2 cache per 1000 instructions"),
        &["l2-load-misses", "instructions"],
        per_1000,
    ),
    formula(
        own("perf.c0_share", "share of the time in which the CPU did not sleep"),
        &["msr/mperf/", "msr/tsc/"],
        ratio,
    ),
    formula(
        own("perf.dtlb_miss_rate", "share of loads that missed the data TLB"),
        &["dtlb-load-misses", "dtlb-loads"],
        ratio,
    ),
    formula(vocabulary::PERF_BRANCH_MISS_RATE, &["branch-misses", "branches"], ratio),
    formula(
        vocabulary::PERF_BRANCH_MPKI,
        &["branch-misses", "instructions"],
        per_1000,
    ),
    formula(
        vocabulary::PERF_THEORETICAL_IPC,
        &["instructions", "cycles", "stalls-total"],
        theoretical,
    ),
    formula(
        vocabulary::PERF_IPC_EFFICIENCY,
        &["instructions", "cycles", "stalls-total"],
        efficiency,
    ),
    formula(vocabulary::PERF_STALLED, &["stalls-total", "cycles"], ratio),
    formula(vocabulary::PERF_STALLED_L3_MISS, &["stalls-l3-miss", "cycles"], ratio),
    formula(
        own(
            "perf.stalled_l2_miss",
            "share of cycles stalled while a load that missed the L2 was under way",
        ),
        &["stalls-l2-miss", "cycles"],
        ratio,
    ),
    formula(
        own(
            "perf.stalled_l1d_miss",
            "share of cycles stalled while a load that missed the L1 was under way",
        ),
        &["stalls-l1d-miss", "cycles"],
        ratio,
    ),
    formula(
        own(
            "perf.stalled_mem_any",
            "share of cycles stalled while any access to memory was under way",
        ),
        &["stalls-mem-any", "cycles"],
        ratio,
    ),
    formula(
        own(
            "perf.stalled_frontend",
            "share of cycles in which no instruction came to be issued",
        ),
        &["stalled-cycles-frontend", "cycles"],
        ratio,
    ),
    formula(
        own(
            "perf.stalled_backend",
            "share of cycles in which nothing could be taken for execution",
        ),
        &["stalled-cycles-backend", "cycles"],
        ratio,
    ),
];

const fn formula(metric: Metric, of: &'static [&'static str], compute: fn(&[f64]) -> f64) -> Formula {
    Formula { metric, of, compute }
}

/// A metric that a list of events allows.
#[derive(Copy, Clone, Debug)]
pub struct Derived {
    formula: usize,
    /// Places of the events in the list.
    inputs: [usize; MOST_INPUTS],
}

const MOST_INPUTS: usize = 3;

impl Derived {
    /// All that a list of events allows.
    pub fn all(events: &[Event]) -> Vec<Self> {
        let place = |name: &&str| events.iter().position(|event| event.name == **name);
        let derived = |(formula, it): (usize, &Formula)| {
            let mut inputs = [0; MOST_INPUTS];
            for (input, name) in inputs.iter_mut().zip(it.of) {
                *input = place(name)?;
            }
            Some(Self { formula, inputs })
        };
        FORMULAS.iter().enumerate().filter_map(derived).collect()
    }

    fn formula(&self) -> &'static Formula {
        &FORMULAS[self.formula]
    }

    /// Its metric.
    pub fn metric(&self) -> Metric {
        self.formula().metric
    }

    /// The places of its events in the list.
    pub fn inputs(&self) -> &[usize] {
        &self.inputs[..self.formula().of.len()]
    }

    /// Whether its events are counted by one group, so that its numbers come from the same time.
    pub fn is_of_one_group(&self, layout: &Layout) -> bool {
        let mut groups = self.inputs().iter().map(|event| layout.group_of(*event));
        let first = groups.next().flatten();
        first.is_some() && groups.all(|group| group == first)
    }

    /// Its reading; `exact` says all but the value. Within one group the scale cancels out and the share tells how long
    /// was looked; between groups that did not run at the same time the number is an estimate.
    pub fn reading(&self, known: &[Known], is_of_one_group: bool, exact: Reading) -> Reading {
        let (mut values, mut least) = ([0.0; MOST_INPUTS], 1.0_f64);
        for (value, input) in values.iter_mut().zip(self.inputs()) {
            match known[*input] {
                Known::Number(number, share) => (*value, least) = (number, least.min(share)),
                nothing @ Known::Nothing(_) => return nothing.reading(exact),
            }
        }
        let value = (self.formula().compute)(&values);
        if !value.is_finite() {
            return Known::Nothing(Reason::EMPTY).reading(exact);
        }
        let reading = Known::Number(value, least).reading(exact);
        if least < 1.0 && !is_of_one_group {
            reading.estimated()
        } else {
            reading
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::of_list;

    fn derived(texts: &[&str], known: &[Known]) -> Vec<(&'static str, Reading)> {
        let events = of_list(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap();
        let exact = Reading::gauge(Nanos(1), TargetId(1), MetricId(1), 0.0);
        let all = Derived::all(&events);
        all.iter()
            .map(|it| (it.metric().name, it.reading(known, true, exact)))
            .collect()
    }

    fn values(texts: &[&str], known: &[f64]) -> Vec<(&'static str, Option<f64>)> {
        let known: Vec<Known> = known.iter().map(|value| Known::Number(*value, 1.0)).collect();
        derived(texts, &known)
            .into_iter()
            .map(|(name, reading)| (name, reading.number()))
            .collect()
    }

    #[test]
    fn each_ratio_is_what_its_name_says() {
        let ipc = values(&["cycles", "instructions"], &[200.0, 100.0]);
        assert_eq!(ipc, [("perf.ipc", Some(0.5)), ("perf.cpi", Some(2.0))]);
        let llc = values(&["llc"], &[2000.0, 60.0, 30.0]);
        assert_eq!(llc, [("perf.llc_miss_rate", Some(0.5)), ("perf.llc_mpki", Some(15.0))]);
    }

    #[test]
    fn ipc_efficiency_is_ipc_over_what_it_would_be_without_stalls() {
        let found = values(&["cycles", "instructions", "stalls-total"], &[200.0, 100.0, 150.0]);
        let of = |wanted: &str| found.iter().find(|(name, _)| *name == wanted).unwrap().1;
        assert_eq!(of("perf.theoretical_ipc"), Some(2.0));
        assert_eq!(of("perf.ipc_efficiency"), Some(0.25));
        assert_eq!(of("perf.stalled"), Some(0.75));
    }

    #[test]
    fn a_ratio_of_nothing_is_empty() {
        let found = derived(&["ipc"], &[Known::Number(0.0, 1.0); 2]);
        assert!(
            found
                .iter()
                .all(|(_, it)| it.number().is_none() && Reason(it.detail) == Reason::EMPTY)
        );
    }

    #[test]
    fn what_lacks_an_input_lacks_for_the_same_reason() {
        let found = derived(&["ipc"], &[Known::Number(1.0, 1.0), Known::Nothing(Reason::NEVER_RAN)]);
        assert!(found.iter().all(|(_, it)| Reason(it.detail) == Reason::NEVER_RAN));
    }

    #[test]
    fn a_ratio_within_a_group_carries_the_share_and_one_between_groups_is_an_estimate() {
        let events = of_list(&["ipc".to_owned()]).unwrap();
        let known = [Known::Number(200.0, 0.5), Known::Number(100.0, 0.25)];
        let ipc = Derived::all(&events)[0];
        let exact = Reading::gauge(Nanos(1), TargetId(1), MetricId(1), 0.0);
        let within = ipc.reading(&known, true, exact);
        assert_eq!((within.quality, within.detail), (Quality::SCALED, 16384));
        assert_eq!(ipc.reading(&known, false, exact).quality, Quality::ESTIMATED);
    }

    #[test]
    fn the_vocabulary_means_the_same() {
        for formula in FORMULAS {
            let known = vocabulary::metric(formula.metric.name).unwrap_or(formula.metric);
            assert_eq!(known, formula.metric);
            assert!(
                formula
                    .of
                    .iter()
                    .all(|name| crate::event::of(name).unwrap().name == *name)
            );
        }
    }
}
