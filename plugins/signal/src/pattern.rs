//! Which metrics are meant: names such as `cpu.time`, and patterns such as `cpu.*`; and the ports
//! that follow from them. What is done with a metric is the element's.

use pipeline_plugin_api::abi::MetricName;
use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::pattern::{self, matches};
use pipeline_plugin_api::prelude::*;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Tells what is wrong with the patterns of a field. `suits` says which metrics can be used at all,
/// and `wanted` what those are, for people.
pub fn check(faults: &mut Faults, field: &'static str, patterns: &[String], suits: fn(&Metric) -> bool, wanted: &str) {
    faults.require(
        !patterns.is_empty(),
        field,
        format!("`{field}` is empty"),
        "name at least one metric, or `*` for all",
    );
    for pattern in patterns {
        if let Some((message, help)) = pattern::fault(pattern) {
            faults.add(field, message, help);
        }
        if vocabulary::metric(pattern).is_some_and(|metric| !suits(&metric)) {
            let suiting = vocabulary::METRICS.iter().filter(|metric| suits(metric));
            faults.add(
                field,
                format!("`{pattern}` is not {wanted}"),
                nearest_help(pattern, suiting.map(|metric| metric.name)),
            );
        }
    }
}

/// The ports of an element that makes metrics of metrics: a name is needed and what is made of it is
/// given; a pattern takes what comes, and gives what is made of the vocabulary's metrics under it.
/// The two texts tell people of what is taken and of what is given.
pub fn ports(
    patterns: &[String],
    suits: fn(&Metric) -> bool,
    (taken, given_as): (&str, &str),
    made: impl Fn(&str, &str) -> Vec<(String, String)>,
) -> Ports {
    let names: BTreeSet<&str> = patterns
        .iter()
        .filter(|p| !p.ends_with('*'))
        .map(String::as_str)
        .collect();
    let mut ports = names
        .iter()
        .fold(Ports::new(), |ports, name| ports.needs_named(name, taken));
    if patterns.iter().any(|pattern| pattern.ends_with('*')) {
        ports = ports.takes_any_reading(taken);
    }
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for name in &names {
        let unit = vocabulary::metric(name).map_or("", |metric| metric.unit);
        given.extend(made(name, unit));
    }
    for pattern in patterns.iter().filter(|pattern| pattern.ends_with('*')) {
        let before = given.len();
        let known = vocabulary::METRICS.iter().filter(|metric| suits(metric));
        for metric in known.filter(|metric| matches(pattern, metric.name)) {
            given.extend(made(metric.name, metric.unit));
        }
        if given.len() == before {
            ports = ports.gives_any_reading(given_as);
        }
    }
    given
        .iter()
        .fold(ports, |ports, (name, unit)| ports.gives_named(name, unit, given_as))
}

/// What an element does with each metric that it meets: looked up once, `None` for nothing.
#[derive(Debug)]
pub struct Known<T>(BTreeMap<MetricId, Option<T>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Known<T> {
    /// What is done with that metric; `learn` is asked when it is met for the first time, and gets
    /// its name if one of the patterns means it.
    ///
    /// # Errors
    /// What `learn` says.
    pub fn of(
        &mut self,
        metric: MetricId,
        patterns: &[String],
        host: &Host,
        learn: impl FnOnce(&MetricName) -> Result<Option<T>>,
    ) -> Result<Option<&T>> {
        let done = match self.0.entry(metric) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let name = host.metric_name(metric);
                let meant = name.filter(|name| patterns.iter().any(|pattern| matches(pattern, &name.name)));
                unknown.insert(meant.map(|name| learn(&name)).transpose()?.flatten())
            }
        };
        Ok(done.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::Port;

    fn described(patterns: &[&str]) -> (Vec<String>, Vec<String>) {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let made = |name: &str, unit: &str| vec![(format!("{name}.x"), unit.to_owned())];
        let ports = ports(&patterns, |metric| metric.kind == Kind::DELTA, ("", ""), made).into_abi();
        let names = |ports: &[Port]| ports.iter().map(|port| port.name.to_string()).collect();
        (names(&ports.takes), names(&ports.gives))
    }

    #[test]
    fn a_name_is_needed_and_a_pattern_takes_what_comes() {
        assert_eq!(described(&["io.read", "io.read"]).0, ["io.read"]);
        assert_eq!(described(&["io.*", "mine"]).0, ["mine", "*"]);
    }

    #[test]
    fn what_is_given_is_known_for_the_vocabulary() {
        let (_, gives) = described(&["psi.io.*", "mine"]);
        assert_eq!(gives, ["mine.x", "psi.io.full.x", "psi.io.some.x"]);
        assert_eq!(described(&["theirs.*"]).1, ["*"]);
    }
}
