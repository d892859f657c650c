//! What of a scenario types cannot say: ranges, names that must exist. All faults at once. Where they stand in a text is
//! for `text`.

use super::{Machine, Nature, Phase, Scenario, Steal, Taker, VERSION, Work, Workload};
use crate::cpus::Cpus;
use crate::knob::Dial;
use pipeline_plugin_api::config::{Configure, Faults, nearest_help};
use pipeline_plugin_api::prelude::{Nanos, Span};
use std::ops::RangeInclusive;

fn within(faults: &mut Faults, field: &'static str, value: f64, range: RangeInclusive<f64>) {
    let (least, most) = (*range.start(), *range.end());
    faults.require(
        range.contains(&value),
        field,
        format!("`{field}` is {value}"),
        format!("give {least} to {most}"),
    );
}

fn lasting(faults: &mut Faults, field: &'static str, span: Span, least: Span, most: Span) {
    faults.require(
        (least..=most).contains(&span),
        field,
        format!("`{field}` is {span}"),
        format!("give {least} to {most}"),
    );
}

fn listed(faults: &mut Faults, field: &'static str, list: Option<&str>, of: Option<u32>) {
    let Some(list) = list else { return };
    match Cpus::parse(list) {
        Err(why) => faults.add(field, why, ""),
        Ok(cpus) if cpus.is_empty() => faults.add(field, "no CPUs are listed", "leave it out for all of them"),
        Ok(cpus) => {
            let last = cpus.iter().last().unwrap_or_default();
            if let Some(end) = of.filter(|end| last >= *end) {
                let message = format!("there is no CPU {last}");
                faults.add(field, message, format!("the machine has 0-{}", end.saturating_sub(1)));
            }
        }
    }
}

/// One microsecond.
const MICRO: Span = Span(Nanos(1000));
/// A day.
const DAY: Span = Span::secs(86_400);

impl Configure for Machine {
    fn check(&self, faults: &mut Faults) {
        within(faults, "cores", f64::from(self.cores), 1.0..=256.0);
        within(faults, "threads", f64::from(self.threads), 1.0..=2.0);
        within(faults, "ghz", self.ghz, 0.1..=10.0);
        within(
            faults,
            "caches",
            f64::from(self.caches),
            1.0..=f64::from(self.cores.clamp(1, 16)),
        );
        within(faults, "cache", self.cache.0 as f64, 65_536.0..=4_294_967_296.0);
        within(faults, "ways", f64::from(self.ways), 1.0..=32.0);
        within(
            faults,
            "least_ways",
            f64::from(self.least_ways),
            1.0..=f64::from(self.ways.max(1)),
        );
        within(faults, "classes", f64::from(self.classes), 1.0..=128.0);
        within(faults, "bandwidth", self.bandwidth.0 as f64, 1e8..=1e13);
        within(faults, "core_bandwidth", self.core_bandwidth.0 as f64, 1e8..=1e12);
        within(faults, "bandwidth_step", self.bandwidth_step, 0.01..=1.0);
        within(faults, "memory_ns", self.memory_ns, 10.0..=1000.0);
        lasting(faults, "slice", self.slice, Span(Nanos(100_000)), Span::millis(100));
        within(faults, "device", self.device.0 as f64, 1e5..=1e12);
        lasting(faults, "device_latency", self.device_latency, MICRO, Span::millis(100));
    }
}

impl Configure for Workload {
    fn check(&self, faults: &mut Faults) {
        match &self.kind {
            Work::Service {
                rate,
                demand,
                floor,
                spread,
                timeout,
                ..
            } => {
                within(faults, "kind", *rate, 0.0..=1e7);
                lasting(faults, "kind", *demand, MICRO, Span::secs(10));
                lasting(faults, "kind", *floor, Span(Nanos(0)), Span::secs(10));
                lasting(faults, "kind", *timeout, Span::millis(1), Span::secs(3600));
                within(faults, "kind", *spread, 0.0..=1.0);
            }
            Work::Batch { load, .. } => within(faults, "kind", *load, 0.0..=1.0),
        }
        for goal in &self.goals {
            goal.check("goals", faults);
        }
        listed(faults, "cpus", self.cpus.as_deref(), None);
        within(faults, "threads", f64::from(self.threads), 1.0..=4096.0);
        if let Some(why) = self.during.fault() {
            faults.add("during", why, "");
        }
        self.nature.check(faults);
        for phase in &self.phases {
            phase.check(faults);
        }
        within(faults, "weight", f64::from(self.weight), 1.0..=10_000.0);
        if let Some(quota) = self.quota {
            within(faults, "quota", quota, 0.01..=8192.0);
        }
        within(faults, "noise", self.noise, 0.0..=0.5);
        within(faults, "burst", self.burst, 0.0..=0.5);
    }
}

impl Nature {
    fn check(&self, faults: &mut Faults) {
        let mut within = |name: &str, value: f64, range: RangeInclusive<f64>| {
            let message = format!("`{name}` is {value}");
            let help = format!("give {} to {}", range.start(), range.end());
            faults.require(range.contains(&value), "nature", message, help);
        };
        within("ipc", self.ipc, 0.05..=8.0);
        within("accesses", self.accesses, 0.0..=1000.0);
        within("overlap", self.overlap, 1.0..=1000.0);
        within("writes", self.writes, 0.0..=2.0);
        within("sensitivity", self.sensitivity, 0.0..=0.9);
        within("pressure", self.pressure, 0.0..=2.0);
        within("system", self.system, 0.0..=1.0);
        if let Some(why) = self.misses.fault() {
            faults.add("nature", why, "");
        }
    }
}

impl Phase {
    fn check(&self, faults: &mut Faults) {
        let factors = [
            ("load", self.load),
            ("work", self.work),
            ("footprint", self.footprint),
            ("ipc", self.ipc),
            ("misses", self.misses),
            ("io", self.io),
        ];
        for (name, factor) in factors {
            let least = if matches!(name, "load" | "misses" | "io") {
                0.0
            } else {
                0.01
            };
            let message = format!("`{name}` of a phase is {factor}");
            let help = format!("give {least} to 100");
            faults.require((least..=100.0).contains(&factor), "phases", message, help);
        }
        if let Some(why) = self.during.fault() {
            faults.add("phases", why, "");
        }
    }
}

impl Configure for Steal {
    fn check(&self, faults: &mut Faults) {
        if let Some(why) = self.during.fault() {
            faults.add("during", why, "");
        }
        listed(faults, "cpus", self.cpus.as_deref(), None);
        within(faults, "share", self.share, 0.0..=0.95);
        lasting(faults, "stall", self.stall, MICRO, Span::secs(10));
    }
}

impl Configure for Taker {
    fn check(&self, faults: &mut Faults) {
        let known = Dial::ALL.iter().map(|dial| dial.name());
        if Dial::named(&self.knob).is_none() {
            let message = format!("there is no knob `{}`", self.knob);
            faults.add("knob", message, nearest_help(&self.knob, known));
        } else if self.knob == Dial::Cpus.name() {
            listed(faults, "text", Some(&self.text), None);
        } else {
            faults.require(!self.value.is_nan(), "value", "the value is not a number", "give one");
        }
    }
}

impl Configure for Scenario {
    /// What concerns the whole; what a part says of itself is asked of the part.
    fn check(&self, faults: &mut Faults) {
        let help = format!("this program reads version {VERSION}");
        let message = format!("scenarios of version {} are not known here", self.version);
        faults.require(self.version == VERSION, "version", message, help);
        lasting(faults, "span", self.span, Span::millis(1), DAY);
        faults.require(
            !self.workloads.is_empty() && self.workloads.len() <= 4096,
            "workloads",
            format!("{} workloads", self.workloads.len()),
            "give 1 to 4096",
        );
        self.machine.check(faults);
        for (name, workload) in &self.workloads {
            let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
            let message = format!("`{name}` is no name of a workload");
            faults.require(good, "workloads", message, "use letters, digits, `-`, `_`, `.` and `/`");
            workload.check(faults);
            self.exists(faults, "workloads", name, workload.cpus.as_deref());
        }
        for steal in &self.steal {
            steal.check(faults);
            self.exists(faults, "steal", "steal", steal.cpus.as_deref());
        }
        for taker in &self.takers {
            taker.check(faults);
            if !self.workloads.contains_key(&taker.target) {
                let message = format!("there is no workload `{}`", taker.target);
                let help = nearest_help(&taker.target, self.workloads.keys().map(String::as_str));
                faults.add("takers", message, help);
            }
        }
    }
}

impl Scenario {
    /// That the CPUs of a list are CPUs of the machine.
    fn exists(&self, faults: &mut Faults, field: &'static str, of: &str, list: Option<&str>) {
        let last = list
            .and_then(|list| Cpus::parse(list).ok())
            .and_then(|cpus| cpus.iter().last());
        if let Some(last) = last.filter(|last| *last >= self.cpus()) {
            let message = format!("`{of}` names CPU {last}, which the machine has not");
            faults.add(field, message, format!("it has 0-{}", self.cpus().saturating_sub(1)));
        }
    }
}
