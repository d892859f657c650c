//! Which metrics are written: names such as `cpu.time`, and patterns such as `cpu.*`.

use pipeline_plugin_api::pattern::{self, matches};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// Tells which patterns of a field are none.
pub fn check(faults: &mut Faults, field: &'static str, patterns: &[String]) {
    for pattern in patterns {
        if let Some((message, help)) = pattern::fault(pattern) {
            faults.add(field, message, help);
        }
    }
}

/// Patterns, and for each metric met so far the first of them that means it.
#[derive(Debug)]
pub struct Wanted {
    patterns: Vec<String>,
    known: BTreeMap<MetricId, Option<usize>>,
}

impl Wanted {
    /// The metrics that one of the patterns means; without patterns, all.
    pub fn new(mut patterns: Vec<String>) -> Self {
        if patterns.is_empty() {
            patterns.push("*".to_owned());
        }
        Self {
            patterns,
            known: BTreeMap::new(),
        }
    }

    /// The place of the first pattern that means the metric. `name` is asked once for each metric.
    pub fn place(&mut self, metric: MetricId, name: impl FnOnce() -> String) -> Option<usize> {
        let patterns = &self.patterns;
        *self.known.entry(metric).or_insert_with(|| {
            let name = name();
            patterns.iter().position(|pattern| matches(pattern, &name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_means_a_metric_counts() {
        let mut wanted = Wanted::new(vec!["kpi.rate".to_owned(), "cpu.*".to_owned(), "*.time".to_owned()]);
        for (id, name, place) in [
            (1, "cpu.time", Some(1)),
            (2, "kpi.rate", Some(0)),
            (3, "kpi.rates", None),
        ] {
            assert_eq!(wanted.place(MetricId(id), || name.to_owned()), place, "{name}");
        }
        assert_eq!(wanted.place(MetricId(1), || unreachable!("asked once")), Some(1));
    }

    #[test]
    fn no_pattern_means_all() {
        assert_eq!(Wanted::new(Vec::new()).place(MetricId(1), || "any".to_owned()), Some(0));
    }
}
